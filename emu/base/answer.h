// The two ways in which a guest's console message is answered on a machine with xcs and xend, and how many
// requests a client of xcs may leave unanswered.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ringside {

enum class Answer : std::uint8_t {
  xend,  ///< as in 2005: the guest's slot is free after a round trip through xcs and xend
  xcs,   ///< early answers: xcs answers once the message is in a file, and drops xend's answer
};
inline constexpr std::array<std::string_view, 2> answer_names{"xend", "xcs"};

[[nodiscard]] constexpr std::string_view name_of(Answer answer) {
  return answer_names[static_cast<std::size_t>(answer)];
}

/// Messages of one domain that xcs has answered early and xend has not answered yet.
inline constexpr std::uint32_t early_answers_max = 56;

/// The most requests of one domain that a client of xcs may leave unanswered: those that xcs has answered
/// early, and a full ring.
[[nodiscard]] constexpr std::uint32_t requests_under_way_max(Answer answer) {
  constexpr std::uint32_t ring_slots = 8;
  return ring_slots + (answer == Answer::xcs ? early_answers_max : 0);
}

}  // namespace ringside

// The books on a console's bytes: what was printed and typed against what arrived. Pure; it knows no machine.
//
// Each byte says where it belongs, so that any piece of a stream shows its place: output is one endless text
// of numbers, of which a domain's program prints the beginning; what is typed on one connection begins with a
// '<', which nothing else that is typed has in it, and the connection's number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::chaos {

/// Bytes [from, from + count) of the text that all programs print.
[[nodiscard]] std::string printed_text(std::uint64_t from, std::size_t count);
/// Bytes [from, from + count) of what is typed on the connection of that number.
[[nodiscard]] std::string typed_text(std::uint32_t connection, std::uint64_t from, std::size_t count);

/// How a domain fared.
enum class Fate : std::uint8_t {
  lives,
  ended,  ///< its program ended, and it with it: all that was printed had to be shown or counted
  cut,    ///< killed or destroyed: what was still on its side went with it
};

/// One viewer's connection.
struct Viewed {
  std::uint32_t connection = 0;
  std::string saw;
  std::string typed;         ///< as much as the connection took
  bool left = false;         ///< closed it, with whatever was in it unread
  bool daemon_died = false;  ///< while it was open: what was typed and not taken by then went with the daemon
};

/// One domain, from its beginning.
struct Books {
  Fate fate = Fate::lives;
  std::uint64_t printed = 0;      ///< bytes that its program was told to print
  std::string handed;             ///< what the console's daemon has handed to viewers, in order
  std::uint64_t discarded = 0;    ///< by the daemon's own count: nobody was there to read
  std::uint64_t unread = 0;       ///< likewise: left when the domain was gone
  std::uint64_t turned_away = 0;  ///< viewers who came while another one was there, by the daemon's own word
  std::string read;               ///< by its program
  std::vector<Viewed> viewers;    ///< in the order in which they came
};

/// The first thing that does not add up, in words; empty: each byte has arrived, or is lost for a reason that
/// the books name.
[[nodiscard]] std::string mistake_in(const Books& books);

}  // namespace ringside::chaos

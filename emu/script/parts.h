// The parts of lines: actors, places, rings, payloads, messages. Each function takes its part from the words,
// or reports an error there.
#pragma once

#include <optional>
#include <string_view>

#include "emu/script/words.h"
#include "ring/layout.h"

namespace ringside::script {

inline constexpr std::uint32_t domain_id_max = 32751;  ///< higher ids have special meanings
inline constexpr std::uint64_t payload_bytes_max = 64 << 20;
inline constexpr std::size_t regex_bytes_max = 200;
/// The most domains at a time: each needs one of dom0's 1,023 ports.
inline constexpr std::size_t domains_at_once_max = 1000;
inline constexpr std::size_t list_domains_max = domains_at_once_max;

/// A word, split at its dots: an actor, and the part of it. "dom0.xcs.dropped" belongs to xcs.
struct Dotted {
  std::optional<Actor> actor;  ///< empty: the first part names no actor
  std::string_view first;
  std::string_view rest;  ///< the words after the actor; empty: there are none
};
[[nodiscard]] Dotted take_apart(const Token& word);

/// An actor alone: "dom1", "xcs", "user[anna]".
[[nodiscard]] Actor parse_actor(Words& words);
[[nodiscard]] Actor parse_actor(Words& words, trace::Role role, std::string_view wanted);
/// A domU: "dom1".
[[nodiscard]] Actor parse_domain(Words& words);
/// "dom1, dom3..dom5"
[[nodiscard]] std::vector<Actor> parse_domains(Words& words);
/// Parses what follows the word for an actor: "[anna]".
void parse_actor_name(Words& words, Actor& actor);

[[nodiscard]] Place parse_place(Words& words);
/// What is written into a ring of bytes.
[[nodiscard]] Place place_in(const RingRef& ring);
/// "pty", or a name that `as` has given.
[[nodiscard]] Place parse_pty(Words& words);
[[nodiscard]] bool is_pty(const Token& word);

/// "dom1.tx"; with an `owner` also "tx". With `index` also "tx.req_prod".
[[nodiscard]] RingRef parse_ring(Words& words, const Actor* owner, std::optional<RingIndex>* index);
/// A ring of slots: one that holds messages.
[[nodiscard]] RingRef parse_ring_of_slots(Words& words, const Actor& owner);
/// The part after a dot: "tx", "tx.req_prod".
[[nodiscard]] RingRef parse_ring_words(Words& words, const Token& word, std::uint32_t domain,
                                       std::string_view rest, std::optional<RingIndex>* index);
/// Whether the part after a dot begins with a ring.
[[nodiscard]] bool begins_with_ring(std::string_view rest);
/// An index of that ring.
[[nodiscard]] RingIndex parse_index(Words& words, RingName ring);
/// "[7]"
[[nodiscard]] std::uint32_t parse_slot(Words& words);

/// Prefixes and expressions, too, unless `exact`.
[[nodiscard]] Payload parse_payload(Words& words, bool exact);
/// From "request" or "response" on.
[[nodiscard]] Message parse_message(Words& words, bool exact);
/// The name of a message type, or "type N".
[[nodiscard]] std::uint8_t parse_message_type(Words& words);

/// "->"; "- >" is an error.
void parse_arrow(Words& words);

/// The quirk of that name; empty, with an error, if there is none.
[[nodiscard]] std::optional<Quirk> find_quirk(Words& words);

[[nodiscard]] Compare parse_compare(Words& words);
[[nodiscard]] std::string parse_name(Words& words, std::string_view what);

}  // namespace ringside::script

// What lines are made of: actors, places, rings, payloads, messages. Each function takes its part from the
// words, or complains there.
#pragma once

#include <optional>
#include <string_view>

#include "emu/script/words.h"
#include "ring/layout.h"

namespace ringside::script {

inline constexpr std::uint32_t domain_id_max = 32751;  ///< above are the ids with a meaning of their own
inline constexpr std::uint64_t payload_bytes_max = 64 << 20;
inline constexpr std::size_t regex_bytes_max = 200;
/// As many as a machine can have at once: each takes one of dom0's ports, of which there are 1,023.
inline constexpr std::size_t domains_at_once_max = 1000;
inline constexpr std::size_t list_domains_max = domains_at_once_max;

/// A word taken apart at its dots: who, and what of his. "dom0.xcs.dropped" is xcs's.
struct Dotted {
  std::optional<Actor> actor;  ///< nothing: the first part names nobody
  std::string_view first;
  std::string_view rest;  ///< after the actor; empty: there is no more
};
[[nodiscard]] Dotted take_apart(const Token& word);

/// "dom1", "xcs", "user[anna]", alone.
[[nodiscard]] Actor parse_actor(Words& words);
[[nodiscard]] Actor parse_actor(Words& words, trace::Role role, std::string_view wanted);
/// A domU: "dom1".
[[nodiscard]] Actor parse_domain(Words& words);
/// "dom1, dom3..dom5"
[[nodiscard]] std::vector<Actor> parse_domains(Words& words);
/// What comes after a word that names an actor: "[anna]".
void parse_actor_name(Words& words, Actor& actor);

[[nodiscard]] Place parse_place(Words& words);
/// "pty" or a name given with `as`.
[[nodiscard]] Place parse_pty(Words& words);
[[nodiscard]] bool is_pty(const Token& word);

/// "dom1.tx" or, of `owner`, "tx". With `index`, also "tx.req_prod".
[[nodiscard]] RingRef parse_ring(Words& words, const Actor* owner, std::optional<trace::IndexName>* index);
/// The rest of a dotted word: "tx", "tx.req_prod".
[[nodiscard]] RingRef parse_ring_words(Words& words, const Token& word, std::uint32_t domain,
                                       std::string_view rest, std::optional<trace::IndexName>* index);
[[nodiscard]] trace::IndexName parse_index(Words& words, bool shared_only);
/// "[7]"
[[nodiscard]] std::uint32_t parse_slot(Words& words);

/// Also prefixes and patterns unless `exact`.
[[nodiscard]] Payload parse_payload(Words& words, bool exact);
/// From "request" or "response" on.
[[nodiscard]] Message parse_message(Words& words, bool exact);
/// A message type's name, or "type N".
[[nodiscard]] std::uint8_t parse_message_type(Words& words);

/// "->", "- >" does not pass.
void parse_arrow(Words& words);

/// The quirk of that name; nothing, and a complaint, if there is none.
[[nodiscard]] std::optional<Quirk> find_quirk(Words& words);

[[nodiscard]] Compare parse_compare(Words& words);
[[nodiscard]] std::string parse_name(Words& words, std::string_view what);

}  // namespace ringside::script

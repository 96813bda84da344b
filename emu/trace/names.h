// The names that journal files use, and the lookup by name: a reader gets back what a journal wrote.
#pragma once

#include <optional>
#include <string_view>

#include "emu/trace/event.h"
#include "emu/trace/journal_file.h"

namespace ringside::trace {

/// "slot_written"
[[nodiscard]] std::string_view kind_name(Kind kind);
/// "request", "response"
[[nodiscard]] std::string_view use_name(SlotUse use);
/// "channel", "virq", "pirq"
[[nodiscard]] std::string_view source_name(EventSource source);
/// "tx", "rx"
[[nodiscard]] std::string_view ring_word(ring::Ring ring);
/// "in", "out"
[[nodiscard]] std::string_view ring_word(ByteRing ring);
/// "sring", "flat"
[[nodiscard]] std::string_view layout_name(ring::Abi layout);
/// "statement", "phase", "fault", "failure"
[[nodiscard]] std::string_view mark_name(JournalMark::Kind mark);
/// Act::none has no name in a file: `act` is left out.
[[nodiscard]] std::string_view act_name(JournalMark::Act act);

// Empty for an unknown name.
[[nodiscard]] std::optional<Kind> kind_named(std::string_view name);
[[nodiscard]] std::optional<SlotUse> use_named(std::string_view name);
[[nodiscard]] std::optional<EventSource> source_named(std::string_view name);
[[nodiscard]] std::optional<ring::Ring> ring_named(std::string_view name);
[[nodiscard]] std::optional<ring::Abi> layout_named(std::string_view name);
[[nodiscard]] std::optional<JournalMark::Kind> mark_named(std::string_view name);
[[nodiscard]] std::optional<JournalMark::Act> act_named(std::string_view name);
[[nodiscard]] std::optional<IndexName> index_named(std::string_view name);
[[nodiscard]] std::optional<ByteRing> byte_ring_named(std::string_view name);
[[nodiscard]] std::optional<ByteIndex> byte_index_named(std::string_view name);
[[nodiscard]] std::optional<MaskBit> mask_named(std::string_view name);
[[nodiscard]] std::optional<ring::Raised> raised_named(std::string_view name);
/// By the name that frame_type_name() gives.
[[nodiscard]] std::optional<std::uint8_t> frame_type_named(std::string_view name);
/// By the name that actor_name() gives.
[[nodiscard]] std::optional<Actor> actor_named(std::string_view name);

/// The position on the path, from the user at the terminal (lowest) to the program in the guest.
[[nodiscard]] int depth_of(Role role);

/// Whether every field that the entry's kind has is valid. A faulty process may write entries that are not.
[[nodiscard]] bool makes_sense(const Entry& entry);

}  // namespace ringside::trace

// The functions by which components report what they have done: one for each kind of entry. Without listeners
// each costs one load and a branch.
#pragma once

#include <optional>

#include "emu/base/quirks.h"
#include "emu/trace/event.h"

namespace ringside::trace {

class Journal {
 public:
  /// Entries go to `sink`, which must outlive the journal, with `self` as the actor.
  Journal(Sink& sink, Actor self) : sink_(&sink), self_(self) {}

  [[nodiscard]] bool listening() const { return sink_->listening(); }
  [[nodiscard]] Actor self() const { return self_; }
  /// The same sink, for another actor of this process.
  [[nodiscard]] Journal as(Actor self) const { return {*sink_, self}; }

  /// `number` of the message: see number_of().
  void slot_written(std::uint32_t domain, ring::Ring ring, ring::Index index, SlotUse use,
                    const ring::ControlMessage& message, std::optional<std::uint32_t> number = {}) {
    if (!listening()) return;
    Entry entry = about(Kind::slot_written, domain, static_cast<std::uint8_t>(use));
    entry.ring = ring;
    entry.to_value = ring::slot_of(index);
    set_number(entry, number);
    entry.message = message;
    sink_->write(entry);
  }

  void index_moved(std::uint32_t domain, ring::Ring ring, IndexName name, ring::Index from, ring::Index to) {
    if (!listening() || from == to) return;
    Entry entry = about(Kind::index_moved, domain, static_cast<std::uint8_t>(name));
    entry.ring = ring;
    entry.from_value = from;
    entry.to_value = to;
    sink_->write(entry);
  }

  /// `first` is the index of the first byte, and `at` when they were written: 0 = now.
  void bytes_written(std::uint32_t domain, ByteRing ring, ring::Index first,
                     std::span<const std::uint8_t> bytes, std::uint64_t at = 0) {
    in_byte_ring(Kind::bytes_written, domain, ring, first, bytes, at);
  }
  /// The other end has written them.
  void bytes_found(std::uint32_t domain, ByteRing ring, ring::Index first,
                   std::span<const std::uint8_t> bytes) {
    in_byte_ring(Kind::bytes_found, domain, ring, first, bytes, 0);
  }
  void byte_index_moved(std::uint32_t domain, ByteIndex index, ring::Index from, ring::Index to,
                        std::uint64_t at = 0) {
    of_byte_index(Kind::byte_index_moved, domain, index, from, to, at);
  }
  /// The other end has moved it since it was last found at `from`.
  void byte_index_found(std::uint32_t domain, ByteIndex index, ring::Index from, ring::Index to) {
    of_byte_index(Kind::byte_index_found, domain, index, from, to, 0);
  }

  /// `number` is the number of the interrupt, if the event is for one.
  void event_raised(std::uint32_t domain, Actor receiver, ring::Port port, ring::Raised outcome,
                    EventSource source = EventSource::channel, std::uint32_t number = 0) {
    if (!listening()) return;
    Entry entry = about(Kind::event_raised, domain, static_cast<std::uint8_t>(outcome));
    entry.peer = receiver;
    entry.port = port;
    entry.from_value = static_cast<std::uint32_t>(source);
    entry.to_value = number;
    sink_->write(entry);
  }

  void event_taken(std::uint32_t domain, ring::Port port) {
    if (!listening()) return;
    Entry entry = about(Kind::event_taken, domain, 0);
    entry.port = port;
    sink_->write(entry);
  }

  void mask_changed(std::uint32_t domain, ring::Port port, MaskBit now) {
    if (!listening()) return;
    Entry entry = about(Kind::mask_changed, domain, static_cast<std::uint8_t>(now));
    entry.port = port;
    sink_->write(entry);
  }

  /// `type` is the xcs frame type. Frames without a control message pass an empty one. Only replies to calls
  /// have a result; only frames that connect have a session; only traffic has a number.
  void frame_passed(std::uint32_t domain, Actor receiver, std::uint32_t type, ring::Port port,
                    const ring::ControlMessage& message, std::uint64_t session = 0,
                    std::optional<std::uint32_t> result = {}, std::optional<std::uint32_t> number = {}) {
    if (!listening()) return;
    Entry entry = about(Kind::frame_passed, domain, static_cast<std::uint8_t>(type));
    entry.peer = receiver;
    entry.port = port;
    entry.from_value = result ? *result + 1 : 0;
    entry.to_value = static_cast<std::uint32_t>(session);
    set_number(entry, number);
    entry.message = message;
    sink_->write(entry);
  }

  /// A request, a response or a virq was read from the socket. A fault may delay, lose or duplicate a frame:
  /// so frame_passed(), the sender's report, proves no arrival.
  void frame_taken(std::uint32_t domain, Actor sender, std::uint32_t type, ring::Port port,
                   const ring::ControlMessage& message, std::optional<std::uint32_t> number = {}) {
    if (!listening()) return;
    Entry entry = about(Kind::frame_taken, domain, static_cast<std::uint8_t>(type));
    entry.peer = sender;
    entry.port = port;
    set_number(entry, number);
    entry.message = message;
    sink_->write(entry);
  }

  /// The present time, for an action that other processes may see before its size is known; 0 without
  /// listeners. Entries of other processes about the action are ordered after the entry written with this
  /// Moment. A Moment must not outlive one system call.
  class Moment {
   public:
    explicit Moment(Sink* sink) : sink_(sink), ns_(sink == nullptr ? 0 : sink->announce()) {}
    ~Moment() {
      if (sink_ != nullptr) sink_->withdraw();
    }
    Moment(const Moment&) = delete;
    Moment& operator=(const Moment&) = delete;
    operator std::uint64_t() const { return ns_; }

   private:
    Sink* sink_;
    std::uint64_t ns_;
  };
  [[nodiscard]] Moment moment() const { return Moment(listening() ? sink_ : nullptr); }

  /// `at` is when the bytes left, from moment(); 0 = now.
  void bytes_passed(std::uint32_t domain, Actor receiver, std::span<const std::uint8_t> bytes,
                    std::uint64_t at = 0) {
    if (!listening()) return;
    while (!bytes.empty()) {
      Entry entry = about(Kind::bytes_passed, domain, 0);
      entry.time_ns = at;
      entry.peer = receiver;
      entry.message = ring::make_message(0, 0, 0, bytes);
      sink_->write(entry);
      bytes = bytes.subspan(entry.message.length);
    }
  }

  /// `argument` is the {text} of the reason's sentence, truncated to 60 bytes. `at` as for bytes_passed().
  void refused(std::uint32_t domain, Actor sender, Refusal why, const Values& values = {},
               std::string_view argument = {}, std::uint64_t at = 0) {
    if (!listening()) return;
    Entry entry = about(Kind::refused, domain, static_cast<std::uint8_t>(why));
    entry.time_ns = at;
    entry.peer = sender;
    entry.values = values;
    set_text(entry, argument);
    sink_->write(entry);
  }

  void counted(std::uint32_t domain, Counter counter, std::uint32_t from, std::uint32_t to) {
    if (!listening() || from == to) return;
    Entry entry = about(Kind::counted, domain, static_cast<std::uint8_t>(counter));
    entry.from_value = from;
    entry.to_value = to;
    sink_->write(entry);
  }

  /// `number` of the message that it affects, and how many `bytes` of it.
  void quirk(std::uint32_t domain, Quirk bites, std::optional<std::uint32_t> number = {},
             std::size_t bytes = 0) {
    if (!listening()) return;
    Entry entry = about(Kind::quirk, domain, static_cast<std::uint8_t>(bites));
    set_number(entry, number);
    entry.values[2] = static_cast<std::uint32_t>(bytes);
    sink_->write(entry);
  }

  /// `argument` is the {text} of the fact's sentence, truncated to 60 bytes.
  void told(std::uint32_t domain, Fact what, const Values& values = {}, std::string_view argument = {}) {
    if (!listening()) return;
    Entry entry = about(Kind::told, domain, static_cast<std::uint8_t>(what));
    entry.values = values;
    set_text(entry, argument);
    sink_->write(entry);
  }

 private:
  void in_byte_ring(Kind kind, std::uint32_t domain, ByteRing ring, ring::Index first,
                    std::span<const std::uint8_t> bytes, std::uint64_t at) {
    if (!listening()) return;
    while (!bytes.empty()) {
      Entry entry = about(kind, domain, static_cast<std::uint8_t>(ring));
      entry.time_ns = at;
      entry.from_value = first;
      entry.message = ring::make_message(0, 0, 0, bytes);
      sink_->write(entry);
      bytes = bytes.subspan(entry.message.length);
      first += entry.message.length;
    }
  }
  void of_byte_index(Kind kind, std::uint32_t domain, ByteIndex index, ring::Index from, ring::Index to,
                     std::uint64_t at) {
    if (!listening() || from == to) return;
    Entry entry = about(kind, domain, static_cast<std::uint8_t>(index));
    entry.time_ns = at;
    entry.from_value = from;
    entry.to_value = to;
    sink_->write(entry);
  }
  [[nodiscard]] Entry about(Kind kind, std::uint32_t domain, std::uint8_t detail) const {
    Entry entry;
    entry.kind = kind;
    entry.detail = detail;
    entry.actor = self_;
    entry.domain = domain;
    return entry;
  }

  Sink* sink_;
  Actor self_;
};

}  // namespace ringside::trace

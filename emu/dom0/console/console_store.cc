// The file: a header with two states, the input's bytes, the output's bytes.
#include "emu/dom0/console/console_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "ring/memory.h"

namespace ringside::dom0 {

using Memory = ring::NativeMemory;

namespace {

constexpr std::string_view file_name_begin = "console-";
constexpr std::string_view file_name_end = ".kept";

/// The domain whose console is kept in a file of that name.
std::optional<DomainId> domain_of(std::string_view name) {
  if (!name.starts_with(file_name_begin) || !name.ends_with(file_name_end)) return {};
  name.remove_prefix(file_name_begin.size());
  name.remove_suffix(file_name_end.size());
  DomainId domain = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), domain);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == name.data() + name.size();
  return whole && domain >= 1 && domain <= domain_id_max ? std::optional(domain) : std::nullopt;
}

/// "RSC" and the version of this layout.
constexpr std::uint32_t console_store_magic = 0x01435352;

/// Tags count up, wrap at 2^32, and skip 0.
std::uint32_t tag_after(std::uint32_t tag, std::uint32_t steps) {
  const std::uint32_t sum = tag + steps;
  return sum < tag ? sum + 1 : sum;
}
std::uint32_t tag_before(std::uint32_t tag, std::uint32_t steps) {
  return tag > steps ? tag - steps : tag - steps - 1;
}

/// More than the maximum, so that one call never writes over bytes of the committed state.
std::size_t output_storage_bytes(const ConsoleStore::Shape& shape) {
  return shape.output_bytes_max + shape.output_step_bytes_max;
}

}  // namespace

std::size_t ConsoleStore::file_bytes(const Shape& shape) {
  return sizeof(Header) + console_input_bytes_max + output_storage_bytes(shape);
}

std::optional<ConsoleStore::State> ConsoleStore::valid_state(const Mapping& memory, const Shape& shape,
                                                             std::uint32_t frame) {
  const auto* header = reinterpret_cast<const Header*>(memory.frame());
  if (header->magic != console_store_magic || header->frame != frame || header->active > 1) return {};
  const State& state = header->states[header->active];
  const std::size_t output_bytes = output_storage_bytes(shape);
  const bool makes_sense = state.output_first < output_bytes && state.output_size <= output_bytes &&
                           state.output_offered <= state.output_size &&
                           state.input_first < console_input_bytes_max &&
                           state.input_size <= console_input_bytes_max && state.next_tag != 0 &&
                           state.in_flight <= console_input_window;
  if (!makes_sense) return {};
  std::size_t in_flight_bytes = 0;
  for (unsigned each = 0; each < state.in_flight; ++each) in_flight_bytes += state.lengths[each];
  if (in_flight_bytes > state.input_size) return {};
  return state;
}

Result<ConsoleStore> ConsoleStore::make(Host& host, const std::string& path, const Shape& shape,
                                        std::uint32_t frame) {
  auto memory = host.memory_keep(path, file_bytes(shape));
  if (!memory) return memory.error();
  auto* header = reinterpret_cast<Header*>(memory->frame());
  auto state = valid_state(*memory, shape, frame);
  if (!state) {
    state.emplace();
    header->magic = 0;
    Memory::wmb();
    header->frame = frame;
    header->port = 0;
    header->telnet_port = 0;
    header->active = 0;
    header->states[0] = *state;
    Memory::wmb();
    header->magic = console_store_magic;
  }
  header->given_up = 0;
  header->moves = 0;
  return ConsoleStore(std::move(*memory), shape, *state);
}

std::optional<ConsoleStore> ConsoleStore::find(Host& host, const std::string& path, const Shape& shape,
                                               std::uint32_t frame) {
  auto memory = host.memory_find(path, file_bytes(shape));
  if (!memory) return {};
  const auto* header = reinterpret_cast<const Header*>(memory->frame());
  const auto state = valid_state(*memory, shape, header->moves != 0 ? header->frame : frame);
  if (!state || header->given_up != 0) return {};
  ConsoleStore found(std::move(*memory), shape, *state);
  found.moved(frame);
  return found;
}

bool ConsoleStore::count_and_remove(Host& host, trace::Journal& journal, const std::string& path,
                                    const Shape& shape, DomainId domain, const Gone& gone) {
  auto memory = host.memory_find(path, file_bytes(shape));
  if (!memory) return false;
  const auto frame = reinterpret_cast<const Header*>(memory->frame())->frame;
  if (const auto state = valid_state(*memory, shape, frame)) {
    ConsoleStore store(std::move(*memory), shape, *state);
    store.input_end(journal, domain);
    store.output_end(journal, domain, gone.elsewhere(domain, store));
  }
  host.memory_forget(path);
  return true;
}

void ConsoleStore::clean_up_gone(Host& host, trace::Journal& journal, const std::vector<DomainInfo>& all,
                                 const Shape& shape, const std::string& directory, const Gone& gone) {
  std::set<DomainId> without_domain;
  for (const std::string& name : host.memory_names(directory)) {
    if (const auto id = domain_of(name)) without_domain.insert(*id);
  }
  for (const DomainInfo& info : all) without_domain.erase(info.domain);
  for (const DomainId id : without_domain) {
    if (!count_and_remove(host, journal, directory + "/" + file_name(id), shape, id, gone)) continue;
    journal.told(id, trace::Fact::console_gone_unkept);
    gone.removed(id);
  }
}

std::string ConsoleStore::file_name(DomainId domain) {
  return fmt::format("{}{}{}", file_name_begin, domain, file_name_end);
}

ConsoleStore::ConsoleStore(Mapping memory, const Shape& shape, const State& state)
    : memory_(std::move(memory)),
      shape_(shape),
      header_(reinterpret_cast<Header*>(memory_.frame())),
      state_(state),
      output_({reinterpret_cast<std::uint8_t*>(memory_.frame()) + sizeof(Header) + console_input_bytes_max,
               output_storage_bytes(shape)},
              state.output_first, state.output_size),
      input_({reinterpret_cast<std::uint8_t*>(memory_.frame()) + sizeof(Header), console_input_bytes_max},
             state.input_first, state.input_size) {}

void ConsoleStore::moves() {
  Memory::store(&header_->moves, std::uint16_t{1});
}

void ConsoleStore::moved(std::uint32_t frame) {
  Memory::store(&header_->frame, frame);
  Memory::wmb();
  Memory::store(&header_->moves, std::uint16_t{0});
}

void ConsoleStore::give_up() {
  Memory::store(&header_->given_up, 1u);
}

void ConsoleStore::commit() {
  state_.output_first = output_.first();
  state_.output_size = output_.size();
  state_.input_first = input_.first();
  state_.input_size = input_.size();
  const std::uint32_t other = 1 - header_->active;
  header_->states[other] = state_;
  // Orders the bytes of the queues and the state before the word that makes the state valid. The reader needs
  // no barrier: it starts after this process has died, and sees all its stores.
  Memory::wmb();
  Memory::store(&header_->active, other);
  // Orders the word before the next change, which overwrites the old state.
  Memory::wmb();
}

// -- output

bool ConsoleStore::output_ends_with(std::string_view text) const {
  if (text.size() > output_.size()) return false;
  std::string newest(text.size(), '\0');
  output_.copy(output_.size() - text.size(), {reinterpret_cast<std::uint8_t*>(newest.data()), newest.size()});
  return newest == text;
}

bool ConsoleStore::output_known(ring::Index index, std::uint32_t under_way_max) const {
  return state_.output_seen != 0 && ring::distance(state_.output_next, index) - 1 < under_way_max;
}

std::size_t ConsoleStore::output_take(Bytes bytes, std::optional<ring::Index> index, bool beyond_limit) {
  RS_CHECK(bytes.size() <= shape_.output_step_bytes_max);
  const std::size_t wanted = output_.size() + bytes.size();
  // A message must always fit beside the committed bytes.
  const std::size_t beyond = beyond_limit ? shape_.output_step_bytes_max - ring::payload_bytes_max : 0;
  const std::size_t limit = shape_.output_bytes_max + beyond;
  const std::size_t discarded = wanted > limit ? wanted - limit : 0;
  output_.drop(std::min(discarded, output_.size()));
  output_.push(bytes);
  state_.output_discarded += discarded;
  if (index) {
    state_.output_next = *index + 1;
    state_.output_seen = 1;
  }
  commit();
  return discarded;
}

void ConsoleStore::output_drop(std::size_t bytes) {
  output_.drop(bytes);
  state_.output_offered = 0;
  commit();
}

void ConsoleStore::output_offer(std::size_t bytes) {
  state_.output_offered = bytes;
  commit();
}

void ConsoleStore::output_return(Bytes bytes) {
  output_.push_front(bytes);
  commit();
}

void ConsoleStore::warn_of_repeat(Host& host, trace::Journal journal, DomainId domain) {
  if (state_.output_offered == 0) return;
  journal.counted(domain, trace::Counter::bytes_shown_twice, 0,
                  static_cast<std::uint32_t>(state_.output_offered));
  host.warn(Error{0, "output may be shown twice", fmt::format("domain {}", domain),
                  fmt::format("{} bytes were being handed to its viewer when the daemon before this one died",
                              state_.output_offered),
                  ""}
                .text());
  output_offer(0);
}

// -- input

void ConsoleStore::input_take(Bytes bytes) {
  const std::size_t taken = input_.push(bytes);
  RS_CHECK(taken == bytes.size());
  commit();
}

std::size_t ConsoleStore::in_flight_bytes(unsigned requests) const {
  std::size_t bytes = 0;
  for (unsigned each = 0; each < requests; ++each) bytes += state_.lengths[each];
  return bytes;
}

bool ConsoleStore::input_sendable() const {
  return state_.in_flight < console_input_window && input_.size() > in_flight_bytes(state_.in_flight);
}

ConsoleStore::Input ConsoleStore::input_at(std::size_t offset, std::size_t bytes, std::uint32_t tag) const {
  std::array<std::uint8_t, ring::payload_bytes_max> payload;
  const std::size_t count = input_.copy(offset, std::span(payload).first(bytes));
  return {tag, ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0,
                                  std::span(payload).first(count))};
}

ConsoleStore::Input ConsoleStore::input_send() {
  RS_CHECK(input_sendable());
  Input input = input_at(in_flight_bytes(state_.in_flight), ring::payload_bytes_max, state_.next_tag);
  state_.lengths[state_.in_flight++] = input.message.length;
  state_.next_tag = tag_after(state_.next_tag, 1);
  commit();
  return input;
}

ConsoleStore::Input ConsoleStore::input_sent(unsigned place) const {
  RS_CHECK(place < state_.in_flight);
  return input_at(in_flight_bytes(place), state_.lengths[place],
                  tag_before(state_.next_tag, state_.in_flight - place));
}

void ConsoleStore::input_answered(std::uint32_t tag) {
  unsigned answered = tag == 0 ? 1 : 0;
  for (unsigned place = 0; place < state_.in_flight && tag != 0; ++place) {
    if (tag_before(state_.next_tag, state_.in_flight - place) == tag) answered = place + 1;
  }
  answered = std::min(answered, state_.in_flight);
  if (answered == 0) return;
  input_.drop(in_flight_bytes(answered));
  std::copy(state_.lengths + answered, state_.lengths + state_.in_flight, state_.lengths);
  state_.in_flight -= answered;
  commit();
}

trace::Values ConsoleStore::input_kept() const {
  const std::size_t unanswered = in_flight_bytes(state_.in_flight);
  return {static_cast<std::uint32_t>(input_.size() - unanswered), static_cast<std::uint32_t>(unanswered),
          tag_before(state_.next_tag, state_.in_flight)};
}

void ConsoleStore::input_end(trace::Journal& journal, DomainId domain) {
  const auto typed = static_cast<std::uint32_t>(input_.size());
  if (typed != 0) journal.counted(domain, trace::Counter::typed_bytes_unseen, 0, typed);
  input_.clear();
  state_.in_flight = 0;
  commit();
}

void ConsoleStore::output_end(trace::Journal& journal, DomainId domain, std::size_t more) const {
  const auto unread = static_cast<std::uint32_t>(output_bytes() + more);
  if (unread != 0 && !given_up()) journal.counted(domain, trace::Counter::bytes_unread, 0, unread);
}

}  // namespace ringside::dom0

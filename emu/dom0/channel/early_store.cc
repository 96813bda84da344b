// The file: a header, and a slot for each message.
#include "emu/dom0/channel/early_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "emu/base/check.h"
#include "ring/memory.h"

namespace ringside::dom0 {

using Memory = ring::NativeMemory;

namespace {

constexpr std::string_view early_name_begin = "early-";
constexpr std::string_view early_name_end = ".kept";

/// "RSE" and the version of this layout.
constexpr std::uint32_t early_store_magic = 0x01455352;

/// Stamps count up, wrap at 2^32, and skip 0.
std::uint32_t stamp_after(std::uint32_t stamp) {
  return stamp + 1 == 0 ? 1 : stamp + 1;
}

}  // namespace

std::string EarlyStore::file_name(DomainId domain) {
  return fmt::format("{}{}{}", early_name_begin, domain, early_name_end);
}

bool EarlyStore::is_file_name(const std::string& name) {
  return name.starts_with(early_name_begin) && name.ends_with(early_name_end);
}

Result<EarlyStore> EarlyStore::make(Host& host, const std::string& path, std::uint32_t frame) {
  auto memory = host.memory_keep(path, sizeof(File));
  if (!memory) return memory.error();
  auto* file = reinterpret_cast<File*>(memory->frame());
  if (file->magic != early_store_magic || (file->frame != frame && file->moves == 0)) {
    Memory::store(&file->magic, 0u);
    Memory::wmb();
    for (Slot& slot : file->slots) slot.stamp = 0;
    file->reserved = 0;
    Memory::wmb();
  }
  file->frame = frame;
  file->moves = 0;
  Memory::wmb();
  Memory::store(&file->magic, early_store_magic);
  return EarlyStore(std::move(*memory));
}

std::optional<EarlyStore> EarlyStore::find(Host& host, const std::string& path) {
  auto memory = host.memory_find(path, sizeof(File));
  if (!memory || reinterpret_cast<const File*>(memory->frame())->magic != early_store_magic) return {};
  return EarlyStore(std::move(*memory));
}

EarlyStore::EarlyStore(Mapping memory)
    : memory_(std::move(memory)), file_(reinterpret_cast<File*>(memory_.frame())) {
  // All stamps lie within a short distance of each other: the newest is the one that none is ahead of.
  std::optional<std::uint32_t> newest;
  for (Slot& slot : file_->slots) {
    if (slot.stamp == 0) continue;
    ++count_;
    slot.message.length = std::min<std::uint8_t>(slot.message.length, ring::payload_bytes_max);
    if (!newest || static_cast<std::int32_t>(slot.stamp - *newest) > 0) newest = slot.stamp;
  }
  if (newest) next_stamp_ = stamp_after(*newest);
}

std::vector<EarlyStore::Kept> EarlyStore::kept() const {
  std::vector<const Slot*> used;
  for (const Slot& slot : file_->slots) {
    if (Memory::load(&slot.stamp) != 0) used.push_back(&slot);
  }
  std::ranges::sort(used, {}, [this](const Slot* slot) { return slot->stamp - next_stamp_; });
  std::vector<Kept> all;
  for (const Slot* slot : used) all.push_back({slot->index, slot->message});
  return all;
}

std::optional<std::size_t> EarlyStore::place_of(ring::Index index) const {
  for (std::size_t place = 0; place < early_answers_max; ++place) {
    if (file_->slots[place].stamp != 0 && file_->slots[place].index == index) return place;
  }
  return {};
}

void EarlyStore::keep(const Kept& message) {
  const auto free = std::ranges::find(file_->slots, 0u, &Slot::stamp);
  RS_CHECK(free != std::end(file_->slots));
  free->index = message.index;
  free->message = message.message;
  // Orders the message before the stamp that makes it valid. The reader needs no barrier: it starts after
  // this process has died, and sees all its stores.
  Memory::wmb();
  Memory::store(&free->stamp, next_stamp_);
  // Orders the stamp before the answer in the ring.
  Memory::wmb();
  next_stamp_ = stamp_after(next_stamp_);
  ++count_;
}

void EarlyStore::drop(ring::Index index) {
  const auto place = place_of(index);
  if (!place) return;
  Memory::store(&file_->slots[*place].stamp, 0u);
  Memory::wmb();
  --count_;
}

bool EarlyStore::belongs_to(std::uint32_t frame) const {
  return Memory::load(&file_->frame) == frame || Memory::load(&file_->moves) != 0;
}

void EarlyStore::moves() {
  Memory::store(&file_->moves, 1u);
}

void EarlyStore::moved(std::optional<std::uint32_t> frame) {
  if (frame) Memory::store(&file_->frame, *frame);
  Memory::wmb();
  Memory::store(&file_->moves, 0u);
}

}  // namespace ringside::dom0

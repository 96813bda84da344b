// Converts addresses to text and back, relative to anchors.
#include "tools/ring_check/places.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "emu/check/fibers.h"

namespace ringside::tools {

namespace {

/// The largest region.
constexpr std::uint32_t region_bytes_max = check::SharedMemory::bytes_max;
/// The anchor of a load: the address of the loaded code.
constexpr std::string_view wait_anchor = "c";
/// Loops that wait have effects.
constexpr std::string_view effects_text = "e.0.0";

}  // namespace

Places::Places(const RingPlugin& plugin) : plugin_(&plugin) {
  shared_memory_.set_own(check::own_variables().place());
  shared_memory_.set_page({plugin.page().data(), static_cast<std::uint32_t>(plugin.page().size())});
  anchors_.push_back({"p", plugin.page().data(), plugin.page().size()});
  const auto heap = check::ring_heap().memory();
  anchors_.push_back({"h", heap.data(), heap.size()});
  for (std::size_t i = 0; i < plugin.state().variables().size(); ++i) {
    const auto memory = plugin.state().variables()[i].memory;
    anchors_.push_back({fmt::format("v{}", i), memory.data(), memory.size()});
  }
  for (std::uint32_t fiber = 0; fiber < check::fibers_max; ++fiber) {
    const auto* end = static_cast<const std::byte*>(check::Fibers::stack_end(fiber));
    anchors_.push_back(
        {fmt::format("s{}", fiber), end - check::Fibers::stack_bytes, check::Fibers::stack_bytes});
  }
}

void Places::found_wait(const void* load) {
  if (std::find(waits_.begin(), waits_.end(), load) != waits_.end()) return;
  waits_.push_back(load);
  has_new_wait_ = true;
}

void Places::found_effects() {
  has_new_wait_ = has_new_wait_ || !has_effects_;
  has_effects_ = true;
}

bool Places::learn() {
  if (!shared_memory_.has_new_regions() && !has_new_wait_) return false;
  has_new_wait_ = false;
  regions_ = shared_memory_.shared();
  words_.clear();
  text_.clear();
  for (const check::Region& region : regions_) text_ += (text_.empty() ? "" : ",") + text_of(region);
  for (const check::Region& word : shared_memory_.words()) {
    words_.push_back({name_of(word.address), word});
    text_ += (text_.empty() ? "" : ",") + text_of(word) + "w";
  }
  for (const void* load : waits_) {
    const auto offset =
        static_cast<std::size_t>(static_cast<const std::byte*>(load) - plugin_->code().data());
    // A load of another library is left out: a replay finds it again.
    if (offset < plugin_->code().size())
      text_ += fmt::format("{}{}.{:x}.0", text_.empty() ? "" : ",", wait_anchor, offset);
  }
  if (has_effects_) text_ += fmt::format("{}{}", text_.empty() ? "" : ",", effects_text);
  return true;
}

std::string Places::text_of(const check::Region& region) const {
  for (const Anchor& anchor : anchors_) {
    const auto offset = static_cast<std::size_t>(region.address - anchor.begin);
    if (offset < anchor.bytes) return fmt::format("{}.{:x}.{}", anchor.name, offset, region.bytes);
  }
  return fmt::format("x.{:x}.{}", reinterpret_cast<std::uintptr_t>(region.address), region.bytes);
}

std::string Places::name_of(const void* address) const {
  for (const Anchor& anchor : anchors_) {
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - anchor.begin);
    if (offset >= anchor.bytes) continue;
    switch (anchor.name.front()) {
      case 'p':
        return fmt::format("byte {} of the page", offset);
      case 'h':
        return fmt::format("the heap+{:#x}", offset);
      case 'v':
        return plugin_->variable_at(address);
      default:
        return fmt::format("a stack-{:#x}", anchor.bytes - offset);
    }
  }
  return "memory beside the page";
}

Result<> Places::learn_from(const std::string& text) {
  const auto unreadable = [&](const std::string& why) {
    return Error{EINVAL, "cannot replay", fmt::format("\"{}\"", text), why,
                 "give the whole string that a report prints"};
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, end - at);
    at = end + 1;
    if (part == effects_text) {
      found_effects();
      continue;
    }
    const std::size_t dot = part.find('.');
    const std::size_t second = dot == std::string::npos ? dot : part.find('.', dot + 1);
    if (second == std::string::npos) return unreadable(fmt::format("\"{}\" is not a place", part));
    std::size_t offset = 0;
    std::uint32_t bytes = 0;
    const char* last = part.data() + part.size();
    const auto read_offset = std::from_chars(part.data() + dot + 1, part.data() + second, offset, 16);
    const auto read_bytes = std::from_chars(part.data() + second + 1, last, bytes);
    const bool is_word = read_bytes.ptr + 1 == last && *read_bytes.ptr == 'w';
    if (read_offset.ec != std::errc() || read_offset.ptr != part.data() + second ||
        read_bytes.ec != std::errc() || (read_bytes.ptr != last && !is_word) || bytes > region_bytes_max)
      return unreadable(fmt::format("\"{}\" is not a place", part));
    bool is_known = false;
    if (part.substr(0, dot) == wait_anchor && offset < plugin_->code().size()) {
      found_wait(plugin_->code().data() + offset);
      is_known = true;
    }
    for (const Anchor& anchor : anchors_) {
      if (anchor.name != part.substr(0, dot) || offset >= anchor.bytes || bytes > anchor.bytes - offset)
        continue;
      shared_memory_.touched_shared(anchor.begin + offset, bytes, is_word);
      is_known = true;
    }
    if (!is_known) return unreadable(fmt::format("this ring has no place \"{}\"", part));
  }
  learn();
  return Done{};
}

}  // namespace ringside::tools

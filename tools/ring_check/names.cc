// Finds objects from variables and pointers, and parts from an object and an offset.
#include "tools/ring_check/names.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>

namespace ringside::tools {

namespace {

/// The most objects that are followed. Hostile debug information may lead to any number of them.
constexpr std::size_t objects_max = 4096;
constexpr std::size_t seen_max = 20'000;
constexpr std::uint32_t looks_max = 2000;
/// The most parts of types that are read in one search for a name.
constexpr std::uint32_t work_max = 50'000;
/// The most elements of an array in which pointers are followed.
constexpr std::uint64_t elements_followed_max = 64;
/// The nesting of types. Broken debug information may have a struct within itself.
constexpr int types_nested_max = 12;
constexpr std::size_t parts_named_max = 3;
constexpr std::string_view arrow = "->";

/// True: an internal name of the C++ library.
bool is_of_library(const std::string& member) {
  return member.starts_with("_M_");
}

/// "ring->prod", "slot.len"; a member without a name adds nothing.
std::string member_name(const std::string& name, const std::string& member) {
  if (member.empty() || is_of_library(member)) return name;
  return name.empty() || name.ends_with(arrow) ? name + member : name + "." + member;
}

std::string without_arrow(const std::string& name) {
  return name.substr(0, name.size() - arrow.size());
}

std::string whole_name(const std::string& name) {
  return name.ends_with(arrow) ? "*" + without_arrow(name) : name;
}

std::string element_name(const std::string& name, const std::string& index) {
  return fmt::format("{}[{}]", name.ends_with(arrow) ? "(*" + without_arrow(name) + ")" : name, index);
}

std::string bytes_name(const std::string& name, std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 1) return fmt::format("byte {} of {}", offset, whole_name(name));
  return fmt::format("bytes {} to {} of {}", offset, offset + bytes - 1, whole_name(name));
}

const std::byte* pointer_at(const std::byte* address) {
  const std::byte* to = nullptr;
  std::memcpy(&to, address, sizeof to);
  return to;
}

}  // namespace

MemoryNames::MemoryNames(const RingPlugin& plugin, const check::Space& space, PlaceOf place_of)
    : plugin_(&plugin), space_(&space), place_of_(std::move(place_of)) {
  const std::vector<RingPlugin::Typed> typed = plugin.types();
  missing_ = typed.front().info->missing;
  for (const RingPlugin::Typed& each : typed) take(*each.info, each.loaded_at);
}

void MemoryNames::take(const DebugInfo& info, std::uintptr_t loaded_at) {
  const auto before = static_cast<std::uint32_t>(types_.size());
  for (DebugType each : info.types) {
    if (each.inner != DebugType::none) each.inner += before;
    for (DebugMember& member : each.members) member.type += before;
    types_.push_back(std::move(each));
  }
  for (const DebugVariable& each : info.variables) {
    const auto* address = reinterpret_cast<const std::byte*>(loaded_at + each.address);
    const std::uint32_t number = each.type + before;
    variables_.push_back({address, number, each.name, address + type(number).bytes});
  }
}

// -- where pointers lead

/// The rest of the page, the variables or the heap from an address on; empty: it is in none of them.
std::span<const std::byte> MemoryNames::memory_at(const std::byte* address) const {
  const auto rest = [&](std::span<const std::byte> memory) {
    const auto offset = static_cast<std::size_t>(address - memory.data());
    return offset < memory.size() ? memory.subspan(offset) : std::span<const std::byte>();
  };
  if (const auto found = rest(plugin_->page()); !found.empty()) return found;
  for (const auto& variables : plugin_->state().variables()) {
    if (const auto found = rest(variables.memory); !found.empty()) return found;
  }
  const check::RingHeap& heap = check::ring_heap();
  if (heap.memory().empty()) return {};
  return rest(heap.memory().first(heap.used()));
}

bool MemoryNames::is_in_page(const std::byte* address) const {
  return static_cast<std::size_t>(address - plugin_->page().data()) < plugin_->page().size();
}

void MemoryNames::for_each_pointer(const std::byte* at, std::uint32_t number, const std::string& name,
                                   int depth, const EachPointer& each) const {
  const DebugType& it = type(number);
  if (depth == types_nested_max || !may_go_on() || memory_at(at).size() < it.bytes) return;
  switch (it.kind) {
    case DebugKind::scalar:
      break;
    case DebugKind::pointer:
      if (it.inner != DebugType::none) each(at, it.inner, name);
      break;
    case DebugKind::structure:
      for (const DebugMember& member : it.members)
        for_each_pointer(at + member.offset, member.type, member_name(name, member.name), depth + 1, each);
      break;
    case DebugKind::array:
      if (it.inner == DebugType::none || type(it.inner).bytes == 0 ||
          type(it.inner).kind == DebugKind::scalar)
        break;
      for (std::uint64_t i = 0;
           i < std::min<std::uint64_t>(it.bytes / type(it.inner).bytes, elements_followed_max); ++i)
        for_each_pointer(at + i * type(it.inner).bytes, it.inner, element_name(name, std::to_string(i)),
                         depth + 1, each);
      break;
  }
}

/// The variables, and the objects to which they lead, the nearest first.
std::vector<MemoryNames::Object> MemoryNames::reach(const Follows& follows) const {
  work_left_ = work_max;
  std::deque<Object> objects(variables_.begin(), variables_.end());
  std::set<std::pair<const std::byte*, std::uint32_t>> known;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    // A deque does not move its elements when it grows.
    const Object& object = objects[i];
    for_each_pointer(
        object.address, object.type, object.name, 0,
        [&](const std::byte* at, std::uint32_t pointee, const std::string& name) {
          if (objects.size() >= objects_max || memory_at(at).size() < sizeof(void*)) return;
          const std::byte* to = pointer_at(at);
          const std::uint32_t bytes = std::max(type(pointee).bytes, 1u);
          if (to == nullptr || memory_at(to).size() < bytes || !follows(at, to)) return;
          if (known.insert({to, pointee}).second)
            objects.push_back({to, pointee, name + std::string(arrow), to + type(pointee).bytes});
        });
  }
  return {objects.begin(), objects.end()};
}

void MemoryNames::look() {
  if (variables_.empty() || looks_++ >= looks_max) return;
  const std::vector<Object> objects = reach([&](const std::byte* pointer, const std::byte* to) {
    const auto [known, is_new] = leads_to_.try_emplace(pointer, to);
    if (!is_new && known->second != to) moved_.insert(pointer);
    return true;
  });
  for (std::size_t i = variables_.size(); i < objects.size() && seen_.size() < seen_max; ++i)
    seen_.insert({objects[i].address, objects[i].type});
}

// -- how far an object's name reaches

/// True: its last member is an array without a size.
bool MemoryNames::has_open_end(std::uint32_t number, int depth) const {
  const DebugType& it = type(number);
  if (it.kind == DebugKind::array) return it.bytes == 0;
  if (it.members.empty() || depth == types_nested_max) return false;
  const auto last =
      std::max_element(it.members.begin(), it.members.end(),
                       [](const DebugMember& a, const DebugMember& b) { return a.offset < b.offset; });
  return has_open_end(last->type, depth + 1);
}

/// True: it has no fields: characters, or an unknown type.
bool MemoryNames::is_of_bytes(std::uint32_t number) const {
  for (int depth = 0; depth < types_nested_max && type(number).kind == DebugKind::array; ++depth) {
    if (type(number).inner == DebugType::none) return true;
    number = type(number).inner;
  }
  return type(number).kind == DebugKind::scalar && type(number).bytes <= 1;
}

/// The object of a pointer may be the first of several. In a block of the heap this is so if another one fits
/// in; in the page, if the table says so, or if the object has no shared words and several of them fill the
/// space to the next object. `next`: the beginning of that object.
const std::byte* MemoryNames::end_of(const Object& object, const std::byte* next) const {
  const DebugType& it = type(object.type);
  if (!object.name.ends_with(arrow) || object.is_by_type) return object.end;
  const auto until = [&](const std::byte* end) { return std::max(object.end, std::min(end, next)); };
  const std::byte* const memory_end = object.address + memory_at(object.address).size();
  if (!is_in_page(object.address)) {
    const check::RingHeap& heap = check::ring_heap();
    if (!heap.owns(object.address)) return object.end;
    const std::size_t bytes = heap.size_of(object.address);
    // In the middle of a block, the bytes before it are not a size.
    if (bytes < it.bytes || bytes > static_cast<std::size_t>(memory_end - object.address)) return object.end;
    return until(object.address + bytes);
  }
  if (has_open_end(object.type, 0)) return until(memory_end);
  const ring_check_ring& ring = plugin_->ring();
  const auto offset = static_cast<std::uint32_t>(object.address - plugin_->page().data());
  if (offset == ring.slots_offset && it.bytes == ring.slot_bytes)
    return until(object.address + std::size_t{ring.slots} * ring.slot_bytes);
  const std::span<const ring_check_word> words(ring.words, ring.word_count);
  const bool has_words = std::any_of(words.begin(), words.end(), [&](const ring_check_word& word) {
    return word.offset >= offset && word.offset - offset < it.bytes;
  });
  const auto space = static_cast<std::size_t>(std::min(memory_end, next) - object.address);
  return has_words || it.bytes == 0 || space % it.bytes != 0 ? object.end : until(memory_end);
}

void MemoryNames::settle() {
  std::uint32_t in_space = 0;
  objects_ = reach([&](const std::byte* pointer, const std::byte*) {
    return !moved_.contains(pointer) && !space_->find(pointer, sizeof(void*), in_space);
  });
  std::set<const std::byte*> begins;
  for (const Object& each : objects_) begins.insert(each.address);
  for (Object& each : objects_) {
    const auto next = begins.lower_bound(std::max(each.end, each.address + 1));
    each.end =
        end_of(each, next == begins.end() ? reinterpret_cast<const std::byte*>(~std::uintptr_t{0}) : *next);
  }
  for (const auto& [address, number] : seen_) {
    const DebugType& it = type(number);
    if (it.name.empty()) continue;
    objects_.push_back(
        {address, number, fmt::format("({} at {})", it.name, place_of_(address)), address + it.bytes, true});
  }
}

// -- names

/// The object with the most information: fields rather than bytes, a path rather than a type.
const MemoryNames::Object* MemoryNames::object_for(const std::byte* address, std::uint32_t bytes) const {
  const Object* best = nullptr;
  const auto rank = [&](const Object& object) {
    return std::tuple(is_of_bytes(object.type), object.is_by_type, ~type(object.type).bytes);
  };
  for (const Object& each : objects_) {
    if (address < each.address || address + bytes > each.end) continue;
    if (best == nullptr || rank(each) < rank(*best)) best = &each;
  }
  return best;
}

std::string MemoryNames::name_of(const std::byte* address, std::uint32_t bytes) {
  if (objects_.empty()) settle();
  work_left_ = work_max;
  const Object* const object = object_for(address, bytes);
  const ring_check_ring& ring = plugin_->ring();
  const auto in_slots = static_cast<std::size_t>(address - plugin_->page().data()) - ring.slots_offset;
  // The number of the slot says more than such a name.
  const bool is_in_slot = is_in_page(address) && in_slots < std::size_t{ring.slots} * ring.slot_bytes;
  if (object != nullptr && !(is_in_slot && is_of_bytes(object->type)))
    return text_of(*object, static_cast<std::uint64_t>(address - object->address), bytes);
  has_missed_ = true;
  has_missed_page_ = has_missed_page_ || is_in_page(address);
  return "";
}

std::string MemoryNames::advice() const {
  if (has_missed_ && !missing_.empty())
    return fmt::format("{}: {}", std::filesystem::path(plugin_->path()).filename().string(), missing_);
  if (has_missed_page_)
    return "no variable has the type of the page; with a pointer of that type to the page, fields have their "
           "names";
  return "";
}

std::string MemoryNames::text_of(const Object& object, std::uint64_t offset, std::uint64_t bytes) const {
  const std::uint64_t each = type(object.type).bytes;
  const bool is_one_of_several = object.name.ends_with(arrow) && each != 0 && !has_open_end(object.type, 0) &&
                                 static_cast<std::uint64_t>(object.end - object.address) >= 2 * each;
  if (!is_one_of_several) return part_of(object.type, object.name, offset, bytes, 0);
  const std::string name = without_arrow(object.name);
  const std::uint64_t first = offset / each;
  const std::uint64_t last = (offset + bytes - 1) / each;
  if (first != last) return element_name(name, fmt::format("{}..{}", first, last));
  return part_of(object.type, element_name(name, std::to_string(first)), offset % each, bytes, 0);
}

/// True: one of its parts has exactly this place.
bool MemoryNames::has_part(std::uint32_t number, std::uint64_t offset, std::uint64_t bytes, int depth) const {
  const DebugType& it = type(number);
  if (offset == 0 && bytes == it.bytes) return true;
  if (depth == types_nested_max || !may_go_on()) return false;
  if (it.kind == DebugKind::array && it.inner != DebugType::none && type(it.inner).bytes != 0)
    return has_part(it.inner, offset % type(it.inner).bytes, bytes, depth + 1);
  return std::any_of(it.members.begin(), it.members.end(), [&](const DebugMember& member) {
    return member.offset <= offset &&
           offset + bytes <= std::uint64_t{member.offset} + type(member.type).bytes &&
           has_part(member.type, offset - member.offset, bytes, depth + 1);
  });
}

std::string MemoryNames::part_of(std::uint32_t number, const std::string& name, std::uint64_t offset,
                                 std::uint64_t bytes, int depth) const {
  const DebugType& it = type(number);
  const bool is_whole = offset == 0 && it.bytes != 0 && bytes >= it.bytes;
  // A struct with one member is that member.
  const bool is_wrapped =
      it.members.size() == 1 && type(it.members.front().type).bytes == it.bytes && it.bytes != 0;
  if (depth == types_nested_max || !may_go_on() || (is_whole && !is_wrapped)) return whole_name(name);
  if (it.kind == DebugKind::structure) return members_of(it, name, offset, bytes, depth);
  if (it.kind == DebugKind::array && it.inner != DebugType::none && type(it.inner).bytes != 0)
    return elements_of(it, name, offset, bytes, depth);
  return bytes_name(name, offset, bytes);
}

std::string MemoryNames::members_of(const DebugType& of, const std::string& name, std::uint64_t offset,
                                    std::uint64_t bytes, int depth) const {
  const std::uint64_t end = offset + bytes;
  std::vector<const DebugMember*> touched;
  const auto end_of_member = [&](const DebugMember& member) {
    const std::uint64_t size = type(member.type).bytes;
    return size == 0 && has_open_end(member.type, 0) ? ~std::uint64_t{0} : member.offset + size;
  };
  for (const DebugMember& member : of.members) {
    if (member.offset < end && end_of_member(member) > offset) touched.push_back(&member);
  }
  if (touched.empty()) return fmt::format("padding of {}", whole_name(name));
  // Of a union: the member with this size, or with such a part, or the first that contains the place.
  const bool overlap = std::any_of(touched.begin(), touched.end(), [&](const DebugMember* each) {
    return std::any_of(touched.begin(), touched.end(), [&](const DebugMember* other) {
      return each != other && each->offset <= other->offset && end_of_member(*each) > other->offset;
    });
  });
  if (overlap) {
    const auto fit = [&](const DebugMember* each) {
      if (each->offset > offset || end_of_member(*each) < end) return 3;
      if (each->offset == offset && end_of_member(*each) == end) return 0;
      return has_part(each->type, offset - each->offset, bytes, depth + 1) ? 1 : 2;
    };
    touched = {*std::min_element(touched.begin(), touched.end(),
                                 [&](const auto* a, const auto* b) { return fit(a) < fit(b); })};
  }
  std::vector<std::string> parts;
  for (const DebugMember* member : touched) {
    const std::uint64_t from = std::max<std::uint64_t>(offset, member->offset);
    const std::uint64_t to = std::min(end, end_of_member(*member));
    std::string part = part_of(member->type, member_name(touched.size() == 1 ? name : "", member->name),
                               from - member->offset, to - from, depth + 1);
    // A base class has no name.
    if (!part.empty()) parts.push_back(std::move(part));
  }
  if (touched.size() == 1 && !parts.empty()) return parts.front();
  if (parts.empty()) return bytes_name(name, offset, bytes);
  if (parts.size() > parts_named_max) parts = {parts.front(), "...", parts.back()};
  return member_name(name, fmt::format("{{{}}}", fmt::join(parts, ", ")));
}

std::string MemoryNames::elements_of(const DebugType& of, const std::string& name, std::uint64_t offset,
                                     std::uint64_t bytes, int depth) const {
  const std::uint64_t each = type(of.inner).bytes;
  const std::uint64_t first = offset / each;
  const std::uint64_t last = (offset + bytes - 1) / each;
  if (first != last) return element_name(name, fmt::format("{}..{}", first, last));
  return part_of(of.inner, element_name(name, std::to_string(first)), offset % each, bytes, depth + 1);
}

}  // namespace ringside::tools

// Checks a plug-in's table for errors.
#include <fmt/format.h>

#include <iterator>

#include "emu/check/conformance.h"
#include "emu/check/space.h"

namespace ringside::check {

namespace {

constexpr std::uint32_t page_bytes_max = 65536;

std::string fault_of_word(const ring_check_ring& ring, const ring_check_word& word) {
  const std::string name = word.name == nullptr ? "" : word.name;
  if (name.empty()) return "a shared word has no name";
  if (word.size != 1 && word.size != 2 && word.size != 4 && word.size != 8 && word.size != 16)
    return fmt::format("the word {} has {} bytes; it can have 1, 2, 4, 8 or 16", name, word.size);
  if (word.size == 16 && word.kind != RING_CHECK_FLAG)
    return fmt::format("the word {} has 16 bytes; only one of kind FLAG can", name);
  if (word.offset % word.size != 0) return fmt::format("the word {} is not aligned to its size", name);
  if (word.offset > ring.page_bytes || word.size > ring.page_bytes - word.offset)
    return fmt::format("the word {} lies outside of the page", name);
  if (word.kind > RING_CHECK_FLAG)
    return fmt::format("the word {} is of kind {}, which does not exist", name, word.kind);
  if (word.writer > RING_CHECK_BOTH)
    return fmt::format("the word {} is written by {}, which does not exist", name, word.writer);
  return {};
}

std::string fault_of_words(const ring_check_ring& ring) {
  if (ring.word_count == 0 || ring.words == nullptr) return "no shared word is listed";
  if (ring.word_count > words_max)
    return fmt::format("{} shared words are listed; the maximum is {}", ring.word_count, words_max);
  for (std::uint32_t i = 0; i < ring.word_count; ++i) {
    const ring_check_word& word = ring.words[i];
    if (std::string fault = fault_of_word(ring, word); !fault.empty()) return fault;
    for (std::uint32_t j = 0; j < i; ++j) {
      const ring_check_word& other = ring.words[j];
      if (word.offset < other.offset + other.size && other.offset < word.offset + word.size)
        return fmt::format("the words {} and {} overlap", other.name, word.name);
    }
  }
  return {};
}

std::string fault_of_scenarios(const ring_check_ring& ring) {
  if (ring.scenario_count > 0 && ring.scenarios == nullptr)
    return "scenario_count is not 0, and scenarios is missing";
  for (std::uint32_t i = 0; i < ring.scenario_count; ++i) {
    const ring_check_scenario& scenario = ring.scenarios[i];
    if (scenario.name == nullptr || *scenario.name == '\0') return fmt::format("scenario {} has no name", i);
    if (scenario.fiber_count == 0 || scenario.fiber_count > std::size(scenario.fibers))
      return fmt::format("the scenario {} has {} fibers; it can have 1 to {}", scenario.name,
                         scenario.fiber_count, std::size(scenario.fibers));
    for (std::uint32_t fiber = 0; fiber < scenario.fiber_count; ++fiber) {
      if (scenario.fibers[fiber] == nullptr)
        return fmt::format("fiber {} of the scenario {} is missing", fiber, scenario.name);
    }
  }
  return {};
}

std::string fault_of_functions(const ring_check_ring& ring) {
  if (ring.init == nullptr) return "there is no init";
  // A ring with scenarios needs no other function.
  if (ring.push_req == nullptr && ring.scenario_count > 0) return {};
  if (ring.front_attach == nullptr || ring.back_attach == nullptr)
    return "front_attach or back_attach is missing";
  if (ring.push_req == nullptr || ring.pop_req == nullptr) return "push_req or pop_req is missing";
  const bool answers = (ring.capabilities & RING_CHECK_RESPONSES) != 0;
  if (answers && (ring.push_rsp == nullptr || ring.pop_rsp == nullptr))
    return "RESPONSES is set, and push_rsp or pop_rsp is missing";
  const bool spins = (ring.capabilities & RING_CHECK_SPINS) != 0;
  if (!spins && (ring.front_final_check == nullptr || ring.back_final_check == nullptr))
    return "front_final_check or back_final_check is missing, and SPINS is not set";
  return {};
}

}  // namespace

std::string fault_of_table(const ring_check_ring* ring) {
  if (ring == nullptr) return "ring_check_plugin() returned no table";
  if (ring->abi != RING_CHECK_ABI)
    return fmt::format("the table is of version {}; this checker knows {}", ring->abi, RING_CHECK_ABI);
  if (ring->name == nullptr || *ring->name == '\0') return "the ring has no name";
  if (ring->page_bytes == 0 || ring->page_bytes > page_bytes_max)
    return fmt::format("the page has {} bytes; it can have 1 to {}", ring->page_bytes, page_bytes_max);
  if (ring->slots == 0 && ring->push_req != nullptr) return "the ring has no slots";
  if (ring->payload_bytes > RING_CHECK_PAYLOAD_MAX)
    return fmt::format("an item has {} bytes; the maximum is {}", ring->payload_bytes,
                       RING_CHECK_PAYLOAD_MAX);
  const std::uint64_t slots_end = ring->slots_offset + std::uint64_t{ring->slots} * ring->slot_bytes;
  if (ring->slot_bytes != 0 && slots_end > ring->page_bytes) return "the slots reach beyond the page";
  if (std::string fault = fault_of_words(*ring); !fault.empty()) return fault;
  if (std::string fault = fault_of_scenarios(*ring); !fault.empty()) return fault;
  return fault_of_functions(*ring);
}

}  // namespace ringside::check

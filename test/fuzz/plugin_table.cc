// The table of a ring to be checked: an accepted table can be used without further checks.
#include <array>
#include <iterator>
#include <string>

#include "emu/check/conformance.h"
#include "emu/check/space.h"
#include "emu/check/test_program.h"
#include "test/fuzz/input.h"
#include "test/fuzz/targets.h"

namespace ringside::fuzz {

namespace {

constexpr std::array names = {"a", "b", "", static_cast<const char*>(nullptr)};

template <class Function>
Function* there_or_not(Input& input, Function* function) {
  return input.below(16) == 0 ? nullptr : function;
}

void ring_table(Input& input) {
  std::array<ring_check_word, 40> words{};
  std::array<ring_check_scenario, 3> scenarios{};
  ring_check_ring ring{};
  ring.abi = input.below(16) == 0 ? input.word() : RING_CHECK_ABI;
  ring.capabilities = input.word();
  ring.name = names[input.below(16) == 0 ? 2 + input.below(2) : 0];
  ring.page_bytes = input.below(4) == 0 ? input.word() : 64u << input.below(11);
  ring.slots = input.number();
  ring.payload_bytes = input.number();
  ring.slots_offset = input.number();
  ring.slot_bytes = input.number();
  ring.word_count = input.below(static_cast<std::uint32_t>(words.size()));
  ring.words = there_or_not(input, words.data());
  for (std::uint32_t i = 0; i < ring.word_count; ++i) {
    words[i] = {names[input.below(32) == 0 ? 2 + input.below(2) : 1],
                input.below(8) == 0 ? input.word() : i * 16, 1u << input.below(6), input.below(5),
                input.below(4)};
  }
  ring.init = there_or_not(
      input, +[](void*, std::uint32_t) {});
  ring.front_attach = there_or_not(
      input, +[](void*, std::uint32_t) { return 0; });
  ring.back_attach = there_or_not(
      input, +[](void*, std::uint32_t) { return 0; });
  ring.push_req = ring.push_rsp = there_or_not(
      input, +[](const ring_check_item*) { return 0; });
  ring.pop_req = ring.pop_rsp = there_or_not(
      input, +[](ring_check_item*) { return 0; });
  ring.front_final_check = ring.back_final_check = there_or_not(
      input, +[] { return 0; });
  ring.scenario_count = input.below(3);
  ring.scenarios = there_or_not(input, scenarios.data());
  for (ring_check_scenario& each : scenarios) {
    each.name = names[input.below(4)];
    each.fiber_count = input.below(6);
    for (auto& fiber : each.fibers)
      fiber = there_or_not(
          input, +[](void*) {});
  }

  if (!check::fault_of_table(&ring).empty()) return;
  RS_CHECK(ring.word_count <= check::words_max);
  for (std::uint32_t i = 0; i < ring.word_count; ++i) {
    RS_CHECK(std::uint64_t{words[i].offset} + words[i].size <= ring.page_bytes);
    RS_CHECK(words[i].offset % words[i].size == 0);
    for (std::uint32_t j = 0; j < i; ++j)
      RS_CHECK(words[i].offset >= words[j].offset + words[j].size ||
               words[j].offset >= words[i].offset + words[i].size);
  }
  RS_CHECK(std::uint64_t{ring.slots_offset} + std::uint64_t{ring.slots} * ring.slot_bytes <=
               ring.page_bytes ||
           ring.slot_bytes == 0);
  RS_CHECK(ring.payload_bytes <= RING_CHECK_PAYLOAD_MAX);
  RS_CHECK(ring.init != nullptr);
  for (std::uint32_t i = 0; i < ring.scenario_count; ++i) {
    RS_CHECK(scenarios[i].fiber_count >= 1 && scenarios[i].fiber_count <= std::size(scenarios[i].fibers));
  }
}

void test_table(Input& input) {
  std::array<ring_check_test, 8> all{};
  const ring_check_tests tests{input.below(16) == 0 ? input.word() : RING_CHECK_ABI, input.below(8),
                               there_or_not(input, all.data())};
  std::array<std::string, 8> own_names;
  for (std::size_t i = 0; i < all.size(); ++i) {
    own_names[i] = input.text(input.below(3));
    all[i].name = input.below(16) == 0 ? nullptr : own_names[i].c_str();
    for (auto& thread : all[i].threads)
      thread = there_or_not(
          input, +[] {});
  }
  if (!check::fault_of_tests(&tests).empty()) return;
  for (std::uint32_t i = 0; i < tests.count; ++i) {
    RS_CHECK(all[i].name != nullptr && *all[i].name != '\0');
    RS_CHECK(all[i].threads[0] != nullptr);
  }
}

}  // namespace

void plugin_table(Bytes input) {
  Input from(input);
  from.below(4) == 0 ? test_table(from) : ring_table(from);
}

}  // namespace ringside::fuzz

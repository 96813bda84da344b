// Random threads of tiny programs: each has so few instructions that all its outcomes are found quickly, and
// there are so many programs that most combinations occur.
#pragma once

#include "emu/base/choice.h"
#include "test/tiny_program.h"

namespace ringside::check::test {

struct Mix {
  std::uint32_t threads = 2;
  std::uint32_t length_max = 4;
  std::uint32_t words = 2;
  bool halves = false;   ///< also accesses to half of a word
  bool relaxed = false;  ///< loads and stores only, and loads without ordering
  bool events = false;   ///< also notify, wait, choose and await
  bool loops = false;    ///< also loops that wait
  std::vector<Order> fences = {Order::acquire, Order::release, Order::seq_cst};
};

inline std::vector<Thread> random_threads(Choice& choice, const Mix& mix) {
  const auto one_of = [&](std::initializer_list<Order> orders) {
    return orders.begin()[choice.pick(static_cast<std::uint32_t>(orders.size()))];
  };
  std::uint32_t stored = 0;
  const auto half_of = [&](Instruction whole) {
    const bool is_access =
        whole.kind == OpKind::load || whole.kind == OpKind::store || whole.kind == OpKind::update;
    if (!mix.halves || !is_access) return whole;
    const std::uint32_t part = choice.pick(3);
    if (part == 1) return low(whole);
    if (part == 2) return high(whole);
    whole.value = twice(whole.value);
    whole.expected = twice(whole.expected);
    return whole;
  };
  const auto instruction = [&]() -> Instruction {
    const std::uint32_t word = choice.pick(mix.words);
    if (mix.loops && choice.pick(4) == 0)
      return load_until_not_0(word, one_of({Order::relaxed, Order::acquire}));
    switch (choice.pick(mix.relaxed ? 8 : mix.events ? 12 : 10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return load(word, mix.relaxed
                              ? Order::relaxed
                              : one_of({Order::relaxed, Order::relaxed, Order::acquire, Order::seq_cst}));
      case 4:
      case 5:
      case 6:
      case 7:
        return store(word, ++stored,
                     one_of({Order::relaxed, Order::relaxed, Order::release, Order::seq_cst}));
      case 8:
        ++stored;
        if (choice.pick(2) == 0)
          return compare(word, choice.pick(stored), stored,
                         one_of({Order::relaxed, Order::acq_rel, Order::seq_cst}),
                         one_of({Order::relaxed, Order::acquire, Order::seq_cst}));
        return exchange(word, stored,
                        one_of({Order::relaxed, Order::acquire, Order::release, Order::seq_cst}));
      case 9:
        return fence(mix.fences[choice.pick(static_cast<std::uint32_t>(mix.fences.size()))]);
      case 10:
        return notify(choice.pick(2));
      default:
        return choice.pick(3) == 0   ? Instruction{OpKind::choose, 0, 2, Order::plain}
               : choice.pick(2) == 0 ? Instruction{OpKind::await, 0, 0, Order::plain}
                                     : wait(choice.pick(2));
    }
  };
  std::vector<Thread> threads(mix.threads);
  for (Thread& thread : threads) {
    const std::uint32_t length = 1 + choice.pick(mix.length_max);
    for (std::uint32_t i = 0; i < length; ++i) thread.push_back(half_of(instruction()));
  }
  return threads;
}

/// The axioms combine every source of one half with every source of the other, so such loads are costly.
inline std::ptrdiff_t loads_of_both_halves(const std::vector<Thread>& threads) {
  std::ptrdiff_t count = 0;
  for (const Thread& thread : threads) {
    count += std::count_if(thread.begin(), thread.end(), [](const Instruction& i) {
      return (i.kind == OpKind::load || i.kind == OpKind::update) && i.bytes == 4;
    });
  }
  return count;
}

}  // namespace ringside::check::test

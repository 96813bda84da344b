// Programs of a few loads, stores and fences on three words, for testing the checker: their outcomes are
// known, or found by a simple search.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "emu/check/explore.h"

namespace ringside::check::test {

struct Instruction {
  OpKind kind = OpKind::load;
  std::uint32_t word = 0;   ///< for load, store, update; the side for notify and wait
  std::uint32_t value = 0;  ///< for store and update; the number of ways for choose
  Order order = Order::relaxed;
  /// For an update that compares: it stores only if it finds `expected`, and is a load otherwise.
  bool compares = false;
  std::uint32_t expected = 0;
  Order failure = Order::relaxed;
  /// For load, store, update: the bytes of the word.
  std::uint32_t at = 0;
  std::uint32_t bytes = 4;
  bool is_block = false;
  /// For load: it is repeated until the value is not 0, with an await after each 0. Only the last one counts.
  bool waits = false;
};

using Thread = std::vector<Instruction>;

inline Instruction load(std::uint32_t word, Order order = Order::relaxed) {
  return {OpKind::load, word, 0, order};
}
inline Instruction load_until_not_0(std::uint32_t word, Order order = Order::relaxed) {
  Instruction loop = load(word, order);
  loop.waits = true;
  return loop;
}
inline Instruction store(std::uint32_t word, std::uint32_t value, Order order = Order::relaxed) {
  return {OpKind::store, word, value, order};
}
inline Instruction exchange(std::uint32_t word, std::uint32_t value, Order order = Order::seq_cst) {
  return {OpKind::update, word, value, order};
}
inline Instruction compare(std::uint32_t word, std::uint32_t expected, std::uint32_t value,
                           Order order = Order::relaxed, Order failure = Order::relaxed) {
  return {OpKind::update, word, value, order, true, expected, failure};
}
inline Instruction fence(Order order = Order::seq_cst) {
  return {OpKind::fence, 0, 0, order};
}
/// Accesses only half of the word.
inline Instruction low(Instruction whole) {
  whole.bytes = 2;
  return whole;
}
inline Instruction high(Instruction whole) {
  whole.at = whole.bytes = 2;
  return whole;
}
/// The word with this value in both halves.
constexpr std::uint32_t twice(std::uint32_t value) {
  return value * 0x10001;
}
/// Accesses payload; a thread that has last read 0 ends instead.
inline Instruction read_payload() {
  return {OpKind::load, 3, 0, Order::plain};
}
inline Instruction write_payload(std::uint32_t value) {
  return {OpKind::store, 3, value, Order::plain};
}
inline Instruction notify(std::uint32_t side) {
  return {OpKind::notify, side, 0, Order::plain};
}
inline Instruction wait(std::uint32_t side) {
  return {OpKind::wait, side, 0, Order::plain};
}

/// Three words x, y, z of 4 bytes, and as many bytes of payload after them. The values that a thread reads
/// are its outcome, in order.
class TinyProgram final : public Program {
 public:
  static constexpr std::uint32_t word_count = 3;
  static constexpr std::uint32_t payload = word_count;

  explicit TinyProgram(std::vector<Thread> threads) : threads_(std::move(threads)), read_(threads_.size()) {
    for (const Thread& thread : threads_)
      spins_ |= std::any_of(thread.begin(), thread.end(),
                            [](const Instruction& i) { return i.kind == OpKind::await || i.waits; });
  }

  [[nodiscard]] Space space() {
    std::vector<Word> words;
    for (std::uint32_t i = 0; i < word_count; ++i)
      words.push_back({std::string(1, static_cast<char>('x' + i)), 8 * i, 4});
    return Space::make(page_, words).value();
  }
  [[nodiscard]] std::uint32_t fiber_count() const override {
    return static_cast<std::uint32_t>(threads_.size());
  }
  void reset() override {
    page_ = {};
    for (auto& values : read_) values.clear();
  }
  void run(std::uint32_t fiber) override {
    for (const Instruction& instruction : threads_[fiber]) {
      if (instruction.word == payload && !read_[fiber].empty() && read_[fiber].back() == 0) break;
      Op op;
      op.kind = instruction.kind;
      op.order = instruction.order;
      const bool waits = op.kind == OpKind::notify || op.kind == OpKind::wait;
      op.argument = op.kind == OpKind::choose ? instruction.value : waits ? instruction.word : 0;
      std::byte* at = page_.data() + 8 * instruction.word + instruction.at;
      if (op.reads() || op.writes()) {
        op.offset = 8 * instruction.word + instruction.at;
        op.size = instruction.bytes;
        op.is_block = instruction.is_block;
      }
      if (instruction.compares) {
        op.expected = reinterpret_cast<const std::byte*>(&instruction.expected);
        op.failure = instruction.failure;
      }
      const std::uint32_t chosen = Execution::current()->announce(op);
      std::uint32_t value = op.reads() ? 0 : chosen;
      if (op.reads()) std::memcpy(&value, at, instruction.bytes);
      while (instruction.waits && value == 0) {
        Op wait;
        wait.kind = OpKind::await;
        Execution::current()->announce(wait);
        Execution::current()->announce(op);
        std::memcpy(&value, at, instruction.bytes);
      }
      if (op.reads() || op.kind == OpKind::choose) read_[fiber].push_back(value);
      const bool fails = instruction.compares && value != instruction.expected;
      if (op.writes() && !fails) std::memcpy(at, &instruction.value, instruction.bytes);
    }
    read_[fiber].push_back(ended);
  }
  [[nodiscard]] bool may_sleep(std::uint32_t) const override { return true; }
  [[nodiscard]] bool spins() const override { return spins_; }

  [[nodiscard]] bool judges_memory() const override { return true; }
  /// "1 0 2": the final values of the words.
  [[nodiscard]] std::string memory() const {
    std::string text;
    for (std::uint32_t word = 0; word < word_count; ++word) {
      std::uint32_t value = 0;
      std::memcpy(&value, page_.data() + 8 * word, 4);
      text += (word == 0 ? "" : " ") + std::to_string(value);
    }
    return text;
  }
  /// "0 1|1 0": the values that each thread has read; "..." if it sleeps for ever.
  [[nodiscard]] std::string outcome() const {
    std::string text;
    for (const auto& values : read_) {
      if (&values != read_.data()) text += '|';
      bool has_ended = false;
      std::string line;
      for (const std::uint32_t value : values) {
        has_ended = value == ended;
        if (has_ended) break;
        line += (line.empty() ? "" : " ") + std::to_string(value);
      }
      text += line + (has_ended ? "" : "...");
    }
    return text;
  }

 private:
  static constexpr std::uint32_t ended = 0xffffffff;

  std::vector<Thread> threads_;
  bool spins_ = false;
  alignas(64) std::array<std::byte, 8 * (word_count + 1)> page_ = {};
  std::vector<std::vector<std::uint32_t>> read_;
};

/// Tries every order and every value.
class Naive final : public Driver {
 public:
  Decision pick(const Execution& execution) override {
    std::vector<Decision> ways;
    for (std::uint32_t actor = 0; actor < actors_max; ++actor) {
      if ((execution.enabled() >> actor & 1) == 0) continue;
      const std::uint32_t options =
          actor >= fibers_max ? 1 : execution.model().options(actor, execution.op(actor), nullptr);
      for (std::uint32_t option = 0; option < options; ++option) ways.push_back({actor, option});
    }
    if (at_ == tape_.size()) tape_.push_back({0, ways.size()});
    return ways.at(tape_[at_++].taken);
  }
  [[nodiscard]] bool next() {
    at_ = 0;
    while (!tape_.empty() && ++tape_.back().taken == tape_.back().ways) tape_.pop_back();
    return !tape_.empty();
  }

 private:
  struct Step {
    std::size_t taken;
    std::size_t ways;
  };
  std::vector<Step> tape_;
  std::size_t at_ = 0;
};

struct Found {
  std::set<std::string> outcomes;
  std::set<std::string> endings;  ///< outcomes with the memory: "0 1|1 0; 1 0 2"
  std::uint64_t executions = 0;
  std::uint64_t redundant = 0;
  bool gave_up = false;
  bool may_buffer = false;  ///< the model reports that load buffering was left out (Model::buffering)
};

inline Found find_naively(std::vector<Thread> threads, ModelName name, std::uint64_t executions_max) {
  TinyProgram program(std::move(threads));
  Space space = program.space();
  const auto model = Model::make(name, space);
  Execution execution(space, *model, program);
  execution.wait_exactly(false);
  Naive naive;
  Found found;
  do {
    if (execution.run(naive) != End::complete) std::abort();
    found.outcomes.insert(program.outcome());
    found.endings.insert(program.outcome() + "; " + program.memory());
    if (++found.executions == executions_max) found.gave_up = true;
  } while (!found.gave_up && naive.next());
  return found;
}

/// Whether any execution of the threads has a race.
inline bool races(std::vector<Thread> threads, ModelName name) {
  TinyProgram program(std::move(threads));
  Space space = program.space();
  const auto model = Model::make(name, space);
  Execution execution(space, *model, program);
  return explore(execution, {}).end == End::race;
}

/// Waits are exact, unless the threads do not wait in loops.
inline Found find_by_exploring(const std::vector<Thread>& threads, ModelName name,
                               const PartOfPart& part = {}) {
  TinyProgram program(threads);
  Space space = program.space();
  const auto model = Model::make(name, space);
  Execution execution(space, *model, program);
  execution.wait_exactly(std::ranges::none_of(threads, [](const Thread& thread) {
    return std::ranges::any_of(thread, [](const Instruction& i) { return i.kind == OpKind::await; });
  }));
  Found found;
  Limits limits;
  limits.part = part;
  const Exploration all = explore(execution, limits, [&] {
    found.outcomes.insert(program.outcome());
    found.endings.insert(program.outcome() + "; " + program.memory());
    return std::string();
  });
  if (!all.whole()) std::abort();
  found.executions = all.executions;
  found.redundant = all.redundant;
  found.may_buffer = !model->buffering().empty();
  return found;
}

/// Describes a random program in a message.
inline std::string text_of(const std::vector<Thread>& threads) {
  std::string text;
  for (const Thread& thread : threads) {
    for (const Instruction& i : thread)
      text +=
          fmt::format("{}{}({},{:#x},{}{}) ", static_cast<int>(i.kind),
                      i.waits        ? "until"
                      : i.bytes == 4 ? ""
                      : i.at == 0    ? "low"
                                     : "high",
                      i.word, i.value, static_cast<int>(i.order),
                      i.compares ? fmt::format(",{:#x},{}", i.expected, static_cast<int>(i.failure)) : "");
    text += "| ";
  }
  return text;
}

}  // namespace ringside::check::test

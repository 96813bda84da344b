// Rules in shared memory. Only one process adds rules, so a rule is complete before it is counted. Each
// rule's countdown is changed by one process only.
#include "emu/host/fault_table.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "emu/base/choice.h"
#include "ring/memory.h"

namespace ringside {

using Memory = ring::NativeMemory;

namespace {

constexpr std::size_t name_bytes_max = 31;

struct Name {
  char text[name_bytes_max + 1];

  [[nodiscard]] std::string_view view() const { return {text, strnlen(text, name_bytes_max)}; }
  void set(std::string_view name) {
    const auto kept = name.substr(0, name_bytes_max);
    std::fill(std::copy(kept.begin(), kept.end(), text), std::end(text), '\0');
  }
  /// Whether the name is in this list.
  [[nodiscard]] bool covers(std::string_view name) const {
    for (std::string_view rest = view(); !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      if (rest.substr(0, end) == name) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
  }
};

struct SharedRule {
  Name from;
  Name to;
  std::uint64_t by_ns;
  std::uint32_t unit_bytes;
  std::uint32_t percent;
  std::uint32_t next;
  std::uint32_t passed;  ///< that it was checked against
  std::uint32_t bitten;
  FaultRule::Effect effect;
  FaultRule::Traffic traffic;
  std::uint16_t reserved;

  [[nodiscard]] bool used_up() const { return next != 0 && Memory::load(&bitten) >= next; }
  [[nodiscard]] bool is_about(FaultRule::Traffic what, std::string_view sender,
                              std::string_view receiver) const {
    return traffic == what && !used_up() && from.covers(sender) && to.covers(receiver);
  }
};

}  // namespace

struct FaultTable::Shared {
  std::uint64_t seed;
  std::uint64_t held_until_ns;
  std::uint32_t plain;
  std::uint32_t begin;  ///< rules before this index are healed
  std::uint32_t end;
  std::uint32_t reserved;
  Name controller;
  SharedRule rules[fault_rules_ever_max];

  /// All rules that are not healed. A process that sees `end` also sees the rules before it.
  [[nodiscard]] std::span<SharedRule> at_work() {
    const std::size_t last = std::min<std::size_t>(Memory::load(&end), fault_rules_ever_max);
    const std::size_t first = std::min<std::size_t>(Memory::load(&begin), last);
    Memory::rmb();  // pairs with the barrier in add(): without it a rule could be read before it is written
    return {rules + first, last - first};
  }
};

FaultTable::FaultTable(Mapping memory) : memory_(std::move(memory)) {}

FaultTable::Shared& FaultTable::shared() const {
  return *reinterpret_cast<Shared*>(memory_.frame());
}

Result<FaultTable> FaultTable::make(Host& host, const Machine& machine, std::string_view controller,
                                    std::uint64_t seed, bool plain) {
  auto memory = host.memory_keep(machine.faults_file(), sizeof(Shared));
  if (!memory) return memory.error();
  FaultTable table(std::move(*memory));
  table.shared().seed = seed;
  table.shared().plain = plain ? 1 : 0;
  table.shared().controller.set(controller);
  return table;
}

std::optional<FaultTable> FaultTable::find(Host& host, const Machine& machine) {
  auto memory = host.memory_find(machine.faults_file(), sizeof(Shared));
  if (!memory) return std::nullopt;
  return FaultTable(std::move(*memory));
}

Result<> FaultTable::add(const FaultRule& rule) {
  if (auto good = check_fault(rule); !good) return good;
  Shared& all = shared();
  const auto working = std::ranges::count_if(all.at_work(), [](const auto& each) { return !each.used_up(); });
  if (static_cast<std::size_t>(working) >= faults_max || all.end == fault_rules_ever_max)
    return too_many_faults(rule);
  RS_CHECK(rule.from.size() <= name_bytes_max && rule.to.size() <= name_bytes_max);
  SharedRule& added = all.rules[all.end];
  added = SharedRule{};
  added.from.set(rule.from);
  added.to.set(rule.to);
  added.by_ns = static_cast<std::uint64_t>(rule.by.count());
  added.unit_bytes = static_cast<std::uint32_t>(rule.unit_bytes);
  added.percent = rule.percent;
  added.next = rule.next;
  added.effect = rule.effect;
  added.traffic = rule.traffic;
  Memory::wmb();  // pairs with the barrier in at_work()
  Memory::store(&all.end, all.end + 1);
  return Done{};
}

void FaultTable::heal() {
  Memory::store(&shared().begin, shared().end);
}

std::optional<std::size_t> FaultTable::unit_of(std::string_view from, std::string_view to) const {
  for (const SharedRule& rule : shared().at_work()) {
    if (rule.is_about(FaultRule::Traffic::bytes, from, to)) return rule.unit_bytes;
  }
  return std::nullopt;
}

std::optional<FaultRule> FaultTable::bite(FaultRule::Traffic traffic, std::string_view from,
                                          std::string_view to) {
  Shared& all = shared();
  for (SharedRule& rule : all.at_work()) {
    if (!rule.is_about(traffic, from, to)) continue;
    const std::uint32_t passed = Memory::load(&rule.passed);
    Memory::store(&rule.passed, passed + 1);
    // The draw depends on the rule and on how often the rule was checked, not on the order in which processes
    // ask.
    const auto number = (static_cast<std::uint64_t>(&rule - all.rules) << 32) | passed;
    Choice choice =
        all.plain != 0 ? Choice::first() : Choice::seeded(all.seed ^ (number * 0x9e3779b97f4a7c15));
    if (!choice.chance(rule.percent)) continue;
    Memory::store(&rule.bitten, Memory::load(&rule.bitten) + 1);
    return FaultRule{.effect = rule.effect,
                     .traffic = rule.traffic,
                     .from = std::string(from),
                     .to = std::string(to),
                     .next = rule.next,
                     .percent = rule.percent,
                     .by = Duration(rule.by_ns),
                     .unit_bytes = rule.unit_bytes};
  }
  return std::nullopt;
}

void FaultTable::hold_until(Time time) {
  // If two processes write at the same time, the earlier time may win. The later item still adds a journal
  // entry when it is sent.
  const auto until = static_cast<std::uint64_t>(time.count());
  if (Memory::load(&shared().held_until_ns) < until) Memory::store(&shared().held_until_ns, until);
}

Time FaultTable::held_until() const {
  return Time(Memory::load(&shared().held_until_ns));
}

std::string FaultTable::controller() const {
  return std::string(shared().controller.view());
}

}  // namespace ringside

// Faults and single steps: SIGSEGV opens the page for one instruction, SIGTRAP closes it behind it.
#include "tools/ring_check/audit.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "emu/check/explore.h"

namespace ringside::tools {

namespace {

#if defined(__x86_64__)

constexpr greg_t single_step = 0x100;
/// More places than that are one finding: it was not compiled with the flags at all.
constexpr std::size_t unseen_max = 16;

struct Guard {
  const RingPlugin* plugin = nullptr;
  struct sigaction before = {};
  std::uint64_t touches = 0;
  std::array<Unannounced, unseen_max> unseen;
  std::size_t unseen_count = 0;

  void close() const { ::mprotect(plugin->area().data(), plugin->area().size(), PROT_NONE); }
  void open() const { ::mprotect(plugin->area().data(), plugin->area().size(), PROT_READ | PROT_WRITE); }
};
Guard guard;

/// What the running fiber was let do last covers that byte.
bool is_announced(std::uint32_t offset) {
  const check::Execution* execution = check::Execution::current();
  if (execution == nullptr) return true;
  const check::Op& op = execution->op(execution->fiber());
  return (op.reads() || op.writes()) && offset - op.offset < op.size;
}

void on_touch(int, siginfo_t* info, void* context) {
  const auto* at = static_cast<const std::byte*>(info->si_addr);
  const auto area = guard.plugin->area();
  if (at < area.data() || at >= area.data() + area.size()) {
    // A fault of another kind: it happens again, and whoever watched before sees it.
    ::sigaction(SIGSEGV, &guard.before, nullptr);
    return;
  }
  ++guard.touches;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto page = guard.plugin->page();
  const bool in_page = at >= page.data() && at < page.data() + page.size();
  const auto offset = static_cast<std::uint32_t>(at - page.data());
  if (in_page && !is_announced(offset) && guard.unseen_count < unseen_max)
    // As a return address is: behind the instruction.
    guard.unseen[guard.unseen_count++] = {reinterpret_cast<const void*>(registers[REG_RIP] + 1), offset};
  guard.open();
  registers[REG_EFL] |= single_step;
}

void on_step(int, siginfo_t*, void* context) {
  guard.close();
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~single_step;
}

/// The same program, with the page closed while its fibers run.
class Guarded final : public check::Program {
 public:
  explicit Guarded(check::Program& inner) : inner_(&inner) {}
  [[nodiscard]] std::uint32_t fiber_count() const override { return inner_->fiber_count(); }
  void reset() override {
    inner_->reset();
    guard.close();
  }
  void run(std::uint32_t fiber) override { inner_->run(fiber); }
  [[nodiscard]] bool spins() const override { return inner_->spins(); }
  [[nodiscard]] bool may_sleep(std::uint32_t fiber) const override { return inner_->may_sleep(fiber); }

 private:
  check::Program* inner_;
};

#endif

}  // namespace

Audit audit([[maybe_unused]] const RingPlugin& plugin, [[maybe_unused]] check::Space& space,
            [[maybe_unused]] check::Model& model, [[maybe_unused]] check::Program& program) {
  Audit result;
#if defined(__x86_64__)
  guard = {};
  guard.plugin = &plugin;
  struct sigaction action = {};
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = on_step;
  ::sigaction(SIGTRAP, &action, nullptr);
  action.sa_sigaction = on_touch;
  ::sigaction(SIGSEGV, &action, &guard.before);
  Guarded guarded(program);
  check::Execution execution(space, model, guarded);
  check::Replay plain_order({});
  static_cast<void>(execution.run(plain_order));
  guard.open();
  ::sigaction(SIGSEGV, &guard.before, nullptr);
  result.touches = guard.touches;
  const std::set<Unannounced> places(guard.unseen.begin(),
                                     guard.unseen.begin() + static_cast<std::ptrdiff_t>(guard.unseen_count));
  result.unseen.assign(places.begin(), places.end());
#endif
  return result;
}

}  // namespace ringside::tools

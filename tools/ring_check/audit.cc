// Uses faults and single steps: the handler of SIGSEGV opens the memory for one instruction, and the handler
// of SIGTRAP closes it after that instruction.
#include "tools/ring_check/audit.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <set>

#include "emu/check/explore.h"

#if defined(__x86_64__)
// The linker's symbols: the range of this program's own code.
extern "C" const char __executable_start[];
extern "C" const char etext[];
#endif

namespace ringside::tools {

namespace {

#if defined(__x86_64__)

constexpr greg_t single_step = 0x100;
/// A bit in the error code of a page fault.
constexpr greg_t was_write = 2;
/// The most unannounced accesses that are remembered. More of them have one cause: the code was not compiled
/// with the flags.
constexpr std::size_t unseen_max = 256;

/// The most accesses that are remembered, for a copy.
constexpr std::size_t made_max = 64;

/// An access that was announced and made.
struct Made {
  const std::byte* address = nullptr;
  bool writes = false;
  bool operator==(const Made&) const = default;
};

struct Guard {
  const Audited* audited = nullptr;
  struct sigaction before = {};
  std::uint64_t touches = 0;
  std::array<Unannounced, unseen_max> unseen;
  std::size_t unseen_count = 0;
  std::array<Made, made_max> made;  ///< since the last announcement
  std::size_t made_count = 0;
  std::uint64_t announcements = 0;

  void protect(int how) const {
    for (const auto& area : audited->areas) ::mprotect(area.data(), area.size(), how);
  }
  void close() const { protect(PROT_NONE); }
  void open() const { protect(PROT_READ | PROT_WRITE); }
};
Guard guard;

bool is_own_code(const void* code) {
  return code >= static_cast<const void*>(__executable_start) && code < static_cast<const void*>(etext);
}

/// An announcement permits one access: a second one to the same place needs another.
bool is_first_since_announced(const std::byte* address, bool writes, std::uint64_t announcements) {
  if (announcements != guard.announcements) guard.made_count = 0;
  guard.announcements = announcements;
  const Made made{address, writes};
  const auto end = guard.made.begin() + static_cast<std::ptrdiff_t>(guard.made_count);
  if (std::find(guard.made.begin(), end, made) != end) return false;
  if (guard.made_count < made_max) guard.made[guard.made_count++] = made;
  return true;
}

/// True: the checker's own access, or one that the running fiber has announced.
bool is_seen(const std::byte* address, bool writes, const void* code) {
  const check::Execution* execution = check::Execution::current();
  if (execution == nullptr || !check::ring_heap().is_active() || is_own_code(code)) return true;
  const RingPlugin* marked_by = guard.audited->marked_by;
  // With any compiler, other instructions may make the announced access: for example a locked exchange a load
  // of 16 bytes.
  if (marked_by == nullptr)
    return execution->is_announced(address, false) || execution->is_announced(address, true);
  return marked_by->is_marked(code) && execution->is_announced(address, writes) &&
         is_first_since_announced(address, writes, execution->announcements());
}

void note_unseen(const Unannounced& touch) {
  const auto end = guard.unseen.begin() + static_cast<std::ptrdiff_t>(guard.unseen_count);
  if (guard.unseen_count == unseen_max || std::find(guard.unseen.begin(), end, touch) != end) return;
  guard.unseen[guard.unseen_count++] = touch;
}

void on_touch(int, siginfo_t* info, void* context) {
  const auto* at = static_cast<const std::byte*>(info->si_addr);
  const auto& areas = guard.audited->areas;
  const bool is_guarded = std::any_of(areas.begin(), areas.end(), [&](const std::span<std::byte>& area) {
    return at >= area.data() && at < area.data() + area.size();
  });
  if (!is_guarded) {
    // Another kind of fault: it is repeated with the previous handler.
    ::sigaction(SIGSEGV, &guard.before, nullptr);
    return;
  }
  ++guard.touches;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto* code = reinterpret_cast<const std::byte*>(registers[REG_RIP]);
  const bool writes = (registers[REG_ERR] & was_write) != 0;
  if (!is_seen(at, writes, code)) note_unseen({code + 1, at, check::Execution::current()->fiber(), writes});
  guard.open();
  registers[REG_EFL] |= single_step;
}

void on_step(int, siginfo_t*, void* context) {
  guard.close();
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~single_step;
}

/// The same program, with the memory closed while its fibers run.
class Guarded final : public check::Program {
 public:
  explicit Guarded(check::Program& inner) : inner_(&inner) {}
  [[nodiscard]] std::uint32_t fiber_count() const override { return inner_->fiber_count(); }
  void reset() override {
    guard.open();
    inner_->reset();
    guard.close();
  }
  void run(std::uint32_t fiber) override { inner_->run(fiber); }
  [[nodiscard]] bool spins() const override { return inner_->spins(); }
  [[nodiscard]] bool may_sleep(std::uint32_t fiber) const override { return inner_->may_sleep(fiber); }
  [[nodiscard]] check::History* history() override { return inner_->history(); }

 private:
  check::Program* inner_;
};

#endif

}  // namespace

Audit audit([[maybe_unused]] const Audited& audited, [[maybe_unused]] check::Space& space,
            [[maybe_unused]] check::Model& model, [[maybe_unused]] check::Program& program,
            [[maybe_unused]] check::SharedMemory* shared_memory,
            [[maybe_unused]] const std::function<void(check::Execution&)>& run) {
  Audit result;
#if defined(__x86_64__)
  guard = {};
  guard.audited = &audited;
  struct sigaction action = {};
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = on_step;
  ::sigaction(SIGTRAP, &action, nullptr);
  action.sa_sigaction = on_touch;
  ::sigaction(SIGSEGV, &action, &guard.before);
  Guarded guarded(program);
  check::Execution execution(space, model, guarded);
  execution.record_shared_memory(shared_memory);
  execution.wait_at(audited.waits);
  run(execution);
  guard.open();
  ::sigaction(SIGSEGV, &guard.before, nullptr);
  result.touches = guard.touches;
  const std::set<Unannounced> touches(guard.unseen.begin(),
                                      guard.unseen.begin() + static_cast<std::ptrdiff_t>(guard.unseen_count));
  result.unseen.assign(touches.begin(), touches.end());
#endif
  return result;
}

}  // namespace ringside::tools

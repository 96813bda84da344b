// Up to four stacks on which ring code runs, and the switch between them. The caller decides which fiber
// runs.
//
// A fiber is abandoned by never switching to it again: its frames are not unwound, so that code on a fiber
// must release everything that it owns before its next announcement.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "emu/check/op.h"

namespace ringside::check {

class Fibers {
 public:
  /// The code of fiber `fiber`; it must not return.
  using Entry = void (*)(void* context, std::uint32_t fiber);

  Fibers() = default;
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  /// Makes `fiber` begin at `entry` with the next switch to it.
  void prepare(std::uint32_t fiber, Entry entry, void* context);
  /// Leaves the running code and continues `fiber`. Returns when a fiber switches back.
  void switch_to(std::uint32_t fiber);
  /// Leaves the running fiber and continues where the first switch was made.
  void switch_to_main();

  [[nodiscard]] bool in_fiber() const { return current_ != main_; }
  [[nodiscard]] std::uint32_t current() const { return current_; }
  /// The fiber whose stack contains the address, or fibers_max. All instances share one set of stacks.
  [[nodiscard]] static std::uint32_t owner_of(const void* address);
  /// The upper end of a fiber's stack.
  [[nodiscard]] static const void* stack_end(std::uint32_t fiber);
  static constexpr std::size_t stack_bytes = std::size_t{256} * 1024;

 private:
  static constexpr std::uint32_t main_ = fibers_max;

  struct Start {
    Fibers* fibers = nullptr;
    Entry entry = nullptr;
    void* context = nullptr;
    std::uint32_t fiber = 0;
  };
  struct Trampoline;

  void go(std::uint32_t to);

  std::array<Start, fibers_max> starts_;
  std::array<void*, fibers_max + 1> contexts_ = {};
  std::uint32_t current_ = main_;
  std::uint32_t came_from_ = main_;
};

}  // namespace ringside::check

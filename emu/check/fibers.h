// Up to four stacks on which ring code runs, and the switch between them. Nothing here decides who runs.
//
// A fiber is given up by never switching to it again: its frames are not unwound, so what runs on one must
// own nothing that it does not give back before its next announcement.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "emu/check/op.h"

namespace ringside::check {

class Fibers {
 public:
  /// What runs on fiber `fiber`; it must not return.
  using Entry = void (*)(void* context, std::uint32_t fiber);

  Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;
  ~Fibers();

  /// Makes `fiber` begin at `entry` with the next switch to it, wherever it was.
  void prepare(std::uint32_t fiber, Entry entry, void* context);
  /// Leaves whatever runs and goes on in `fiber`. Comes back when somebody switches here.
  void switch_to(std::uint32_t fiber);
  /// Leaves the fiber that runs and goes on where the first switch was made.
  void switch_to_main();

  [[nodiscard]] bool in_fiber() const { return current_ != main_; }
  [[nodiscard]] std::uint32_t current() const { return current_; }
  /// The lowest address of the current fiber's stack, and how many bytes it has.
  [[nodiscard]] std::byte* stack(std::uint32_t fiber) const { return stacks_[fiber].get(); }
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

  std::array<std::unique_ptr<std::byte[]>, fibers_max> stacks_;
  std::array<Start, fibers_max> starts_;
  std::array<void*, fibers_max + 1> contexts_ = {};
  std::uint32_t current_ = main_;
  std::uint32_t came_from_ = main_;
};

}  // namespace ringside::check

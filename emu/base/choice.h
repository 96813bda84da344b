// The only source of choices. A simulation asks it whenever it can continue in more than one way. There are
// three kinds: first() always takes the first way (the plain order), seeded() draws from a seed, and replay()
// repeats a tape.
//
// The same seed gives the same choices on every machine, because only integer arithmetic that the language
// defines is used. A tape records each choice among more than one way. A tape can be shortened or changed and
// still be played: beyond its end the first way is taken.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "emu/base/check.h"

namespace ringside {

class Choice {
 public:
  using Tape = std::vector<std::uint32_t>;

  [[nodiscard]] static Choice first() { return Choice(Kind::first); }
  [[nodiscard]] static Choice seeded(std::uint64_t seed) {
    Choice choice(Kind::seeded);
    choice.state_ = seed;
    return choice;
  }
  [[nodiscard]] static Choice replay(Tape tape) {
    Choice choice(Kind::replay);
    choice.to_play_ = std::move(tape);
    return choice;
  }

  /// One of 0 .. ways - 1; 0 is the plain way. `ways` > 0.
  [[nodiscard]] std::uint32_t pick(std::uint32_t ways) {
    RS_CHECK(ways > 0);
    if (ways == 1 || kind_ == Kind::first) return 0;
    const std::uint32_t picked = kind_ == Kind::seeded ? draw(ways) : play(ways);
    tape_.push_back(picked);
    return picked;
  }

  /// True with a probability of `percent` in 100. The plain answer is false, except for 100 percent.
  [[nodiscard]] bool chance(std::uint32_t percent) {
    if (percent >= 100) return true;
    return pick(100) >= 100 - percent;
  }

  /// False: pick() always returns 0.
  [[nodiscard]] bool explores() const { return kind_ != Kind::first; }
  /// Every choice so far; empty for first().
  [[nodiscard]] const Tape& tape() const { return tape_; }

 private:
  enum class Kind : std::uint8_t { first, seeded, replay };

  explicit Choice(Kind kind) : kind_(kind) {}

  /// SplitMix64 (Steele, Lea and Flood 2014); the upper half of its output is scaled to `ways`.
  std::uint32_t draw(std::uint32_t ways) {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
    return static_cast<std::uint32_t>(((mixed >> 32) * ways) >> 32);
  }

  std::uint32_t play(std::uint32_t ways) {
    return played_ == to_play_.size() ? 0 : std::min(to_play_[played_++], ways - 1);
  }

  Kind kind_;
  std::uint64_t state_ = 0;
  Tape to_play_;
  std::size_t played_ = 0;
  Tape tape_;
};

}  // namespace ringside

// A memory policy that acts as NativeMemory and logs each operation, so that a test can check the order in
// which ring code accesses the page. One thread at a time; all users of the policy share the log.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "ring/memory.h"

namespace ringside::test {

class RecordingMemory {
 public:
  /// Offsets in the log count from `frame`. Clears the log.
  static void start(const std::byte* frame) {
    frame_ = frame;
    log_.clear();
    after_ = nullptr;
  }
  /// The operations since start() or the last take_log(), like "load 2048", "copy to 2056" or "wmb".
  static std::vector<std::string> take_log() { return std::exchange(log_, {}); }
  /// Calls `after` after each operation, with its log line: a peer can write there at the worst moment.
  static void interfere(std::function<void(const std::string&)> after) { after_ = std::move(after); }

  template <class Word>
  static Word load(const Word* word) {
    const Word value = ring::NativeMemory::load(word);
    log("load", word);
    return value;
  }
  template <class Word>
  static void store(Word* word, Word value) {
    ring::NativeMemory::store(word, value);
    log("store", word);
  }
  template <class Word>
  static Word exchange(Word* word, Word value) {
    const Word old = ring::NativeMemory::exchange(word, value);
    log("exchange", word);
    return old;
  }
  static std::uint32_t set_bits(std::uint32_t* word, std::uint32_t bits) {
    const std::uint32_t old = ring::NativeMemory::set_bits(word, bits);
    log("set", word);
    return old;
  }
  static std::uint32_t clear_bits(std::uint32_t* word, std::uint32_t bits) {
    const std::uint32_t old = ring::NativeMemory::clear_bits(word, bits);
    log("clear", word);
    return old;
  }
  static void copy_from_shared(void* to, const void* from) {
    ring::NativeMemory::copy_from_shared(to, from);
    log("copy from", from);
  }
  static void copy_to_shared(void* to, const void* from) {
    ring::NativeMemory::copy_to_shared(to, from);
    log("copy to", to);
  }
  static void rmb() { log("rmb"); }
  static void wmb() { log("wmb"); }
  static void mb() { log("mb"); }

 private:
  static void log(const std::string& operation, const void* place = nullptr) {
    std::string line = operation;
    if (place != nullptr) line += " " + std::to_string(static_cast<const std::byte*>(place) - frame_);
    log_.push_back(line);
    if (after_) after_(line);
  }

  static inline const std::byte* frame_ = nullptr;
  static inline std::vector<std::string> log_;
  static inline std::function<void(const std::string&)> after_;
};

}  // namespace ringside::test

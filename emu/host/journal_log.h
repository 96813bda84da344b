// The journal of a running machine. Each process writes its entries into a ring of its own in shared memory,
// a file in the machine's journal folder; a reader maps all of them and merges them by time into one sequence
// of numbered steps.
//
// Writing costs no system call, and one load when there is no reader. Nothing is lost while there is a
// reader: a writer whose ring is full waits for the slowest reader. A reader that has died, or has not read
// for stall_limit, is dropped; lost() counts the entries that it missed. The entries of a killed process can
// still be read. Readers do not wait for a process that was killed or stopped while it wrote.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emu/base/check.h"
#include "emu/trace/event.h"

namespace ringside {

inline constexpr std::size_t journal_entries_per_process = 4096;
inline constexpr std::size_t journal_readers_max = 4;

/// The writing end of one process.
class JournalWriter final : public trace::Sink {
 public:
  /// Makes the ring in `folder`; several writers may have the same name.
  static Result<std::unique_ptr<JournalWriter>> open(const std::string& folder, const std::string& name);
  ~JournalWriter() override;

  void write(trace::Entry& entry) override;
  [[nodiscard]] std::uint64_t now_ns() const override;
  [[nodiscard]] std::uint64_t announce() override;
  void withdraw() override;

 private:
  struct Shared;
  JournalWriter(std::unique_ptr<Shared> shared);
  void wait_for_room();
  std::unique_ptr<Shared> shared_;
  unsigned announcements_ = 0;   ///< that were not withdrawn yet
  std::uint64_t announced_ = 0;  ///< the time of the first of them; 0: none
};

/// Reads the entries of all processes of a machine, from the moment it opens.
class JournalReader {
 public:
  /// EBUSY when there are journal_readers_max readers already. ENOSPC and others: no space for entries.
  static Result<std::unique_ptr<JournalReader>> open(const std::string& folder);
  ~JournalReader();

  /// Calls `take`, in order of time, for every entry that no entry found later can precede. Returns how many.
  /// An entry that a stopped process had begun gets the time of the entry before it.
  std::size_t read(const std::function<void(const trace::Entry&)>& take);
  /// Entries that writers could not keep for this reader because it did not read for too long.
  [[nodiscard]] std::uint64_t lost() const;
  /// Set when a process that started later is not recorded: why its entries have no space.
  [[nodiscard]] const std::optional<Error>& failure() const;

 private:
  struct State;
  JournalReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ringside

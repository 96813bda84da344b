// The objects that one try needs, rebuilt whenever more shared memory is found; and the state that its
// watchdog reads.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "emu/check/workload.h"
#include "tools/ring_check/job.h"
#include "tools/ring_check/places.h"

namespace ringside::tools {

/// The members are in the order of construction.
struct Bench {
  explicit Bench(const RingJob& job);
  [[nodiscard]] Result<> set_up(const RingJob& job, Places& places);

  std::unique_ptr<check::Program> program;
  check::RingProgram* ring = nullptr;  ///< the program, if it is that of a ring
  std::optional<check::Space> space;
  std::unique_ptr<check::Model> model;
  std::unique_ptr<check::Execution> execution;

 private:
  void add_counts(std::vector<check::Region>& regions, std::vector<check::Space::Found>& words) const;
};

/// Calls `what` with a bench that knows all shared memory and all waiting loops that `what` reveals.
[[nodiscard]] Result<> with_all_memory(const RingJob& job, Places& places,
                                       const std::function<void(Bench&)>& what);

/// Tells the watchdog, while it exists, that ring code runs. `execution` may be null.
class Watched {
 public:
  explicit Watched(const check::Execution* execution);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

/// The shared memory that a replay needs, for the watchdog. It must exist as long as the try.
void watch_places(const Places& places);

}  // namespace ringside::tools

// Everything that one try needs, built anew each time that more memory turns out to be shared; and what its
// watchdog looks at meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "emu/check/workload.h"
#include "tools/ring_check/job.h"
#include "tools/ring_check/places.h"

namespace ringside::tools {

/// In the order in which it is built.
struct Bench {
  explicit Bench(const RingJob& job);
  [[nodiscard]] Result<> set_up(const RingJob& job, Places& places);

  std::unique_ptr<check::Program> program;
  check::RingProgram* ring = nullptr;  ///< the program, if it is a ring's
  std::optional<check::Space> space;
  std::unique_ptr<check::Model> model;
  std::unique_ptr<check::Execution> execution;

 private:
  void add_counts(std::vector<check::Region>& regions, std::vector<check::Space::Found>& words) const;
};

/// Does `what` with a bench that knows all the memory that the ends share, and all loops in which they wait,
/// as far as `what` shows it.
[[nodiscard]] Result<> with_all_memory(const RingJob& job, Places& places,
                                       const std::function<void(Bench&)>& what);

/// For as long as ring code runs; `execution` once there is one.
class Watched {
 public:
  explicit Watched(const check::Execution* execution);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

/// What a replay has to know, for who gives a try up. It must live as long as the try.
void watch_places(const Places& places);

}  // namespace ringside::tools

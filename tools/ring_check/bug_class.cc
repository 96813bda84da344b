// Finds classes of bugs from the order of the steps: what raced, which end waits, and which store was not
// seen yet.
#include "tools/ring_check/bug_class.h"

#include <array>
#include <deque>

namespace ringside::tools {

namespace {

using check::End;
using check::ModelName;
using check::OpKind;
using check::Step;

/// The kind of the declared word at the offset of an operation; -1 if there is none.
int kind_of_word(const ring_check_ring& ring, const check::Op& op) {
  for (std::uint32_t i = 0; i < ring.word_count; ++i) {
    if (ring.words[i].offset == op.offset) return static_cast<int>(ring.words[i].kind);
  }
  return -1;
}

std::vector<std::uint32_t> classes_of_race(const check::Recording& recording,
                                           const check::ReportAbout& about) {
  const bool before_publication = recording.race.earlier_wrote;
  if (!about.is_ring)
    return before_publication ? std::vector<std::uint32_t>{48, 51, 45} : std::vector<std::uint32_t>{49};
  if (!before_publication) return {43, 44, 36};
  const bool by_back = recording.race.earlier_fiber + 1 == about.fibers.size();
  if (check::has_time(about.model)) {
    return by_back ? std::vector<std::uint32_t>{11} : std::vector<std::uint32_t>{1, 13, 32};
  }
  return by_back ? std::vector<std::uint32_t>{4, 5, 36, 44} : std::vector<std::uint32_t>{2, 3, 36, 44};
}

/// The kind of the last store that no other fiber could see when its fiber read another word; -1 if there was
/// none. Under TSO the store waits in the store buffer; under other models the read yields an old value.
int kind_of_unseen_store(const RingJob& job, const check::Recording& recording,
                         const check::ReportAbout& about) {
  const ring_check_ring& ring = job.plugin->ring();
  std::array<std::deque<check::Op>, check::fibers_max> waiting;
  std::array<int, check::fibers_max> stored{};
  stored.fill(-1);
  int found = -1;
  for (const Step& step : recording.steps) {
    const std::size_t fiber = step.actor % check::fibers_max;
    const check::Op& op = step.op;
    if (op.kind == OpKind::flush) {
      if (!waiting[fiber].empty()) waiting[fiber].pop_front();
    } else if (op.kind == OpKind::store) {
      if (about.model == ModelName::tso && op.first == op.last) waiting[fiber].push_back(op);
      if (const int kind = kind_of_word(ring, op); kind >= 0) stored[fiber] = kind;
    } else if (op.kind == OpKind::load && (step.stale || !waiting[fiber].empty())) {
      const check::Op store = waiting[fiber].empty() ? check::Op{} : waiting[fiber].back();
      const int kind = waiting[fiber].empty() ? stored[fiber] : kind_of_word(ring, store);
      if (kind >= 0 && kind_of_word(ring, op) >= 0 && op.offset != store.offset) found = kind;
    }
  }
  return found;
}

std::vector<std::uint32_t> classes_of_wait(const RingJob& job, const check::Recording& recording,
                                           const check::ReportAbout& about) {
  if (!about.is_ring)
    return about.model == ModelName::sc ? std::vector<std::uint32_t>{} : std::vector<std::uint32_t>{50};
  if (about.model != ModelName::sc) {
    switch (kind_of_unseen_store(job, recording, about)) {
      case -1:
        // The store was seen in another order; a lost wake-up that sequential consistency has, too, is 17.
        return {18, 20, 19, 36, 17};
      case RING_CHECK_REQ_INDEX:
        return {18, 36};
      case RING_CHECK_RSP_INDEX:
        return {19, 36};
      default:
        return {20, 36};
    }
  }
  // A back that waits has missed a request; otherwise the front has missed a response.
  const bool back_waits = (recording.finished >> (about.fibers.size() - 1) & 1) == 0;
  return back_waits ? std::vector<std::uint32_t>{17, 23, 22, 24, 25}
                    : std::vector<std::uint32_t>{26, 21, 24, 25};
}

}  // namespace

std::vector<std::uint32_t> bug_classes_of(const RingJob& job, const check::Recording& recording,
                                          const check::ReportAbout& about) {
  if (job.workload.kind == check::WorkloadKind::two_fronts) return {39};
  switch (recording.end) {
    case End::race:
      return classes_of_race(recording, about);
    case End::deadlock:
      return classes_of_wait(job, recording, about);
    case End::complete:
    case End::failed:
    case End::endless:
    case End::abandoned:
      break;
  }
  return {};
}

}  // namespace ringside::tools

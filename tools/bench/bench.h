// What the files of `ringside bench` share. Each thing is measured beside its alternative, the peer, in the
// same run and in interleaved rounds, and is printed as a ratio to that peer.
//
// command.cc has the options, report.cc prints, pair.cc runs two processes and their clock. The things
// measured are in ring.cc (our ring), queues.cc (our queue, and boost's), transports.cc (its peers), path.cc
// (the whole path beside two socats) and script.cc (scenarios).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/check.h"
#include "ring/message.h"

namespace ringside::tools::bench {

// -- figures

/// One measured thing, with one sample for each round. All rows of a table have the rounds in the same order.
struct Row {
  std::string name;
  std::vector<std::vector<double>> samples;  ///< [column][round]; NaN if there is no sample
  std::string missing;                       ///< why there are no samples; else empty
};

struct Column {
  std::string name;  ///< the name in JSON, with its unit: "messages_per_second"
  std::string head;  ///< the printed heading: "million messages/s"
  double unit = 1;   ///< one printed unit, in units of the samples
};

/// Rows that are compared with one of them, the peer.
struct Table {
  std::string part;   ///< "ring", "path" or "script"
  std::string place;  ///< where the processes ran: "2core", "1core", "free"
  std::string title;
  std::string peer;  ///< the name of the peer's row
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::string missing;  ///< why there are no rows; else empty
};

/// Everything that the figures depend on, besides the code.
struct Context {
  std::string commit;
  std::string compiler;
  std::string build;
  std::string kernel;
  std::string cpu;
  std::string time;  ///< UTC
  int cpus = 0;      ///< CPUs that this process may use
  double load = 0;   ///< load average of the machine at the start of the run
  std::size_t rounds = 0;
  std::vector<std::string> warnings;
};

[[nodiscard]] Context context_of_this_run();
[[nodiscard]] std::string as_text(const Context& context, const std::vector<Table>& tables);
/// One line, without the newline.
[[nodiscard]] std::string as_json(const Context& context, const std::vector<Table>& tables);

// -- runs

/// How long and how often to measure.
struct BenchLimits {
  std::size_t rounds = 11;
  double sample_seconds = 0.025;          ///< for one transport in one round and place
  std::size_t path_bytes_max = 8u << 20;  ///< through the path in one round and direction
  double budget_seconds = 50;             ///< for one part; rounds that would exceed it are skipped
};

/// Blocks SIGINT, SIGTERM and SIGHUP for its lifetime and makes its descriptor readable when one arrives.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Takes the signal that has arrived; 0: none has.
  [[nodiscard]] int signal() const;
  /// The error of a run that was interrupted.
  [[nodiscard]] static Error error();

 private:
  int descriptor_;
};

/// CPUs that this process may use. The first CPU of each core comes before CPUs that share a core with an
/// earlier one.
[[nodiscard]] std::vector<int> allowed_cpus();
/// Restricts this process and its future children to these CPUs.
void run_on(const std::vector<int>& cpus);

[[nodiscard]] Result<std::vector<Table>> measure_ring(const BenchLimits& limits,
                                                      const Interruption& interruption);
[[nodiscard]] Result<std::vector<Table>> measure_script(const BenchLimits& limits,
                                                        const Interruption& interruption);
[[nodiscard]] Result<std::vector<Table>> measure_path(const BenchLimits& limits,
                                                      const Interruption& interruption);
/// Acts as the program at the far end of the path: prints `bytes` bytes, takes them, or sends each back.
/// Returns its exit status.
[[nodiscard]] int act_program(const std::string& act, std::uint64_t bytes);

// -- messages between two processes

struct Traffic {
  double seconds = 0;          ///< how long the asking side sends new messages
  bool one_at_a_time = false;  ///< sends the next message only after the answer to the last one
};

/// Bookkeeping of the asking side. It numbers the messages, marks the last, and checks the answers: each
/// answer must be equal to its message, in order.
class NumberedMessages {
 public:
  explicit NumberedMessages(const Traffic& traffic);
  [[nodiscard]] bool more() const { return !last_asked_; }
  /// Requires more().
  [[nodiscard]] ring::ControlMessage next();
  void answered(const ring::ControlMessage& answer);
  [[nodiscard]] std::uint64_t unanswered() const { return asked_ - answered_; }
  [[nodiscard]] bool finished() const { return wrong_ || (last_asked_ && unanswered() == 0); }
  /// The number of answered messages, if finished; empty if an answer was wrong.
  [[nodiscard]] std::optional<std::uint64_t> result() const;

 private:
  std::int64_t end_ns_;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  bool last_asked_ = false;
  bool wrong_ = false;
};

/// Whether this is the last message, after which the answering side stops.
[[nodiscard]] bool is_last(const ring::ControlMessage& message);

enum class Side : std::uint8_t { asks, answers };

/// A way to carry 64-byte messages and their answers between two processes. It is made before the processes
/// are forked and used in both.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Called in each process before the clock starts.
  virtual void enter(Side) {}
  /// The number of answered messages; empty on failure.
  [[nodiscard]] virtual std::optional<std::uint64_t> ask(const Traffic& traffic) = 0;
  /// Answers until the last message.
  [[nodiscard]] virtual bool answer() = 0;
};

struct TransportKind {
  std::string name;
  std::function<Result<std::unique_ptr<Transport>>()> make;
  bool only_apart = false;  ///< useless when both sides may share a CPU
};

/// Queues in shared memory with a notification: ringside's, and boost's.
[[nodiscard]] std::vector<TransportKind> queue_transports();
/// The peers. All rows are compared with the first one.
[[nodiscard]] std::vector<TransportKind> peer_transports();

struct PairTimes {
  double messages = 0;
  double seconds = 0;
  double cpu_seconds = 0;  ///< CPU time of both processes
};

/// Runs the traffic between two new processes, each bound to its CPU unless that is any_cpu.
[[nodiscard]] Result<PairTimes> time_pair(Transport& transport, const Traffic& traffic, int asking_cpu,
                                          int answering_cpu, const Interruption& interruption);
inline constexpr int any_cpu = -1;

[[nodiscard]] inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace ringside::tools::bench

// What the files of `ringside bench` share. Everything is measured beside what a user would take instead: in
// the same run, in interleaved rounds, and printed as a ratio to that peer.
//
// command.cc has the options, report.cc what is printed, pair.cc two processes and their clock; what is
// measured is in ring.cc (our ring), transports.cc (its peers), path.cc (the whole path beside two socats)
// and script.cc (scenarios).
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

/// One measured thing: a sample for each round, all rounds in the same order in every row of a table.
struct Row {
  std::string name;
  std::vector<std::vector<double>> samples;  ///< [column][round]; NaN where a round has none
  std::string missing;                       ///< why there are no samples; empty when there are
};

struct Column {
  std::string name;  ///< in JSON, with its unit: "messages_per_second"
  std::string head;  ///< in print: "million messages/s"
  double unit = 1;   ///< what one of the printed unit is in samples
};

/// Rows of which one, the peer, is what the others are compared with.
struct Table {
  std::string part;   ///< "ring", "path" or "script"
  std::string place;  ///< where the processes ran: "2core", "1core", "free"
  std::string title;
  std::string peer;  ///< the name of the peer's row
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::string missing;  ///< why there are no rows; empty when there are
};

/// What the figures depend on besides the code.
struct Context {
  std::string commit;
  std::string compiler;
  std::string build;
  std::string kernel;
  std::string cpu;
  std::string time;  ///< UTC
  int cpus = 0;      ///< that this process may use
  double load = 0;   ///< of the machine when the run began
  std::size_t rounds = 0;
  std::vector<std::string> warnings;
};

/// commit.cc, written by the build.
extern const char built_from_commit[];

[[nodiscard]] Context context_of_this_run();
[[nodiscard]] std::string as_text(const Context& context, const std::vector<Table>& tables);
/// One line, without the newline.
[[nodiscard]] std::string as_json(const Context& context, const std::vector<Table>& tables);

// -- runs

/// How much is measured.
struct Effort {
  std::size_t rounds = 11;
  double sample_seconds = 0.025;          ///< of one transport in one round and place
  std::size_t path_bytes_max = 8u << 20;  ///< through the path in one round and direction
  double budget_seconds = 50;             ///< for one part; rounds that do not fit are left out
};

/// SIGINT, SIGTERM and SIGHUP, held back while it lives: whoever waits looks for them here.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// The error of a run that was interrupted.
  [[nodiscard]] static Error error();

 private:
  int descriptor_;
};

/// CPUs that this process may use, those that share no core first.
[[nodiscard]] std::vector<int> allowed_cpus();
/// Lets this process, and those it starts, run on these CPUs only.
void run_on(const std::vector<int>& cpus);

[[nodiscard]] Result<std::vector<Table>> measure_ring(const Effort& effort, const Interruption& interruption);
[[nodiscard]] Result<std::vector<Table>> measure_script(const Effort& effort,
                                                        const Interruption& interruption);
[[nodiscard]] Result<std::vector<Table>> measure_path(const Effort& effort, const Interruption& interruption);
/// A program at the far end of the path: prints `bytes` bytes, takes them, or sends each back. Its exit
/// status.
[[nodiscard]] int act_program(const std::string& act, std::uint64_t bytes);

// -- messages between two processes

struct Traffic {
  double seconds = 0;          ///< after so long the asking side comes to its end
  bool one_at_a_time = false;  ///< the next message only after the answer to the last
};

/// The asking side's books: numbers the messages, marks the last, checks the answers, each of which is to be
/// the message itself and in order.
class Questions {
 public:
  explicit Questions(const Traffic& traffic);
  [[nodiscard]] bool more() const { return !last_asked_; }
  /// Only when more().
  [[nodiscard]] ring::ControlMessage next();
  void answered(const ring::ControlMessage& answer);
  [[nodiscard]] std::uint64_t under_way() const { return asked_ - answered_; }
  [[nodiscard]] bool finished() const { return wrong_ || (last_asked_ && under_way() == 0); }
  /// How many were answered, when finished; nothing if an answer was wrong.
  [[nodiscard]] std::optional<std::uint64_t> result() const;

 private:
  std::int64_t end_ns_;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  bool last_asked_ = false;
  bool wrong_ = false;
};

/// The answering side stops once it has answered this one.
[[nodiscard]] bool is_last(const ring::ControlMessage& message);

enum class Side : std::uint8_t { asks, answers };

/// A way to carry 64-byte messages and their answers between two processes. Made before they are forked, used
/// in both.
class Transport {
 public:
  virtual ~Transport() = default;
  /// In each process before the clock starts.
  virtual void enter(Side) {}
  /// How many messages were answered; nothing when something went wrong.
  [[nodiscard]] virtual std::optional<std::uint64_t> ask(const Traffic& traffic) = 0;
  /// Answers until the last message.
  [[nodiscard]] virtual bool answer() = 0;
};

struct TransportKind {
  std::string name;
  std::function<Result<std::unique_ptr<Transport>>()> make;
  bool only_apart = false;  ///< makes no sense when both sides may share a CPU
};

/// The peers; the first is the one that all are compared with.
[[nodiscard]] std::vector<TransportKind> peer_transports();

struct PairTimes {
  double messages = 0;
  double seconds = 0;
  double cpu_seconds = 0;  ///< of both processes
};

/// Runs the traffic between two new processes, bound to one CPU each, or to none.
[[nodiscard]] Result<PairTimes> time_pair(Transport& transport, const Traffic& traffic, int asking_cpu,
                                          int answering_cpu, const Interruption& interruption);
inline constexpr int any_cpu = -1;

[[nodiscard]] inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace ringside::tools::bench

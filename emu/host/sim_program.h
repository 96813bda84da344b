// Scripted programs for the simulated host's terminals: what a domain runs on its console when no real
// program is wanted. A program reads when it likes to, so one that never does exists too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "emu/host/host.h"

namespace ringside {

struct SimProgramRun;
class SimWorld;

/// Derive, override what matters, register with SimWorld::program. Lives until its world ends, so that a test
/// can look at it after it has exited.
class SimProgram {
 public:
  virtual ~SimProgram() = default;

  // -- what happens to it
  virtual void started() {}
  /// Bytes have arrived since it was last told. It may leave them where they are.
  virtual void input() {}
  /// The terminal takes output again, after a print that did not fit whole.
  virtual void room() {}
  virtual void resized() {}
  /// Nobody holds the terminal's other side any more.
  virtual void hung_up();

  // -- what it can do, in its own callbacks or from a test between two runs
  /// Takes what has been typed, at most `bytes_max`; empty when there is nothing.
  std::string read(std::size_t bytes_max = 65536);
  /// Answers how many bytes the terminal's buffer took.
  std::size_t print(std::string_view bytes);
  /// The terminal closes when what was printed has been read; with `leave_rest` it stays open, held by a
  /// process that the program left behind, until Host::program_kill_rest.
  void exit(int status, bool leave_rest = false);
  void after(Duration delay, std::function<void()> run);

  [[nodiscard]] const ProgramSpec& spec() const { return spec_; }  ///< rows and columns are the present ones
  [[nodiscard]] bool exited() const;
  /// Typed and not read yet.
  [[nodiscard]] std::size_t waiting_bytes() const;

 private:
  friend class SimWorld;
  friend class SimHost;

  SimWorld* world_ = nullptr;
  SimProgramRun* run_ = nullptr;
  ProgramSpec spec_;
};

/// Never reads, never prints, never ends by itself.
class IdleProgram : public SimProgram {};

/// Prints back what is typed; ends with status 0 when `last` is typed (0 = never).
class EchoProgram : public SimProgram {
 public:
  explicit EchoProgram(char last = 0) : last_(last) {}
  void input() override { pump(); }
  void room() override { pump(); }

 private:
  void pump();

  char last_;
  bool done_ = false;
  std::string unprinted_;
};

/// Prints a text, however slowly it is taken, and exits.
class PrintProgram : public SimProgram {
 public:
  PrintProgram(std::string text, int status) : text_(std::move(text)), status_(status) {}
  void started() override { room(); }
  void room() override;

 private:
  std::string text_;
  int status_;
};

}  // namespace ringside

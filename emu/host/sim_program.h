// Scripted programs for the simulated host's terminals: the program on a domain's console when no real
// program is needed. A program chooses when it reads, so a program that never reads is possible too.
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

/// Derive, override, and register with SimWorld::program. Lives until its world ends, so that a test can look
/// at it after it has exited.
class SimProgram {
 public:
  virtual ~SimProgram() = default;

  // -- its events
  virtual void started() {}
  /// Bytes have arrived since the last call. The program may leave them unread.
  virtual void input() {}
  /// The terminal takes output again, after a print that did not fit completely.
  virtual void room() {}
  virtual void resized() {}
  /// The terminal's other side is closed.
  virtual void hung_up();

  // -- actions, in its own callbacks or from a test between two runs
  /// Takes typed bytes, at most `bytes_max`; empty when there are none.
  std::string read(std::size_t bytes_max = 65536);
  /// Returns how many bytes the terminal's buffer took.
  std::size_t print(std::string_view bytes);
  /// The terminal closes when the output has been read. With `leave_rest` it stays open, held by a process
  /// that the program left behind, until Host::program_kill_rest.
  void exit(int status, bool leave_rest = false);
  void after(Duration delay, std::function<void()> run);

  [[nodiscard]] const ProgramSpec& spec() const { return spec_; }  ///< rows and columns are the current ones
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

/// Echoes its input; ends with status 0 when `last` is typed (0 = never).
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

/// Prints a text, however slowly the terminal takes it, and exits.
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

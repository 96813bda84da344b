// The device of a domain's console under xenctld: a pty of its own (console_pty.h), or a file that a user
// attached instead.
//
// The device owns the pty and the file. The console owns the bytes: unread bytes in a pty or a pipe return to
// the console when the reader goes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "emu/dom0/xenctld/console_pty.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// The most that is taken back from a pty or a pipe: a pipe of the usual size holds this, a pty much less.
inline constexpr std::size_t device_unread_bytes_max = 65536;

class ConsoleDevice {
 public:
  enum class Status : std::uint8_t {
    waiting,    ///< no process has the pty open
    connected,  ///< a process has it open
    attached,   ///< to a file
  };
  /// As the pty's; `unread` gets at most the limit above.
  using Events = ConsolePty::Events;

  ConsoleDevice(Host& host, trace::Journal journal, DomainId domain, std::string link, Events events);
  ConsoleDevice(const ConsoleDevice&) = delete;
  ConsoleDevice& operator=(const ConsoleDevice&) = delete;

  /// Makes the pty and its link. Called once, first.
  Result<> start() { return pty_.make(); }
  /// Associates the console with a file, and with a second one as the source of input. A terminal is used
  /// both ways; any other file needs the second one for input. On failure nothing changes. Input that the pty
  /// still held and that could not be taken is lost, and counted.
  Result<> attach(const std::string& path, const std::string& input_path);
  /// Returns to a pty. Fails, and changes nothing, when no file is attached or no pty can be made.
  Result<> detach();
  /// No further reader is expected: removes the link. A present reader keeps its open pty.
  void close();
  /// Hangs up on the reader; after close() an attached file is released as well. Unless it was closed, a new
  /// pty follows.
  void release_reader();

  [[nodiscard]] Status status() const;
  [[nodiscard]] std::string_view status_name() const;
  /// The path for users: the link to the pty, or the attached file.
  [[nodiscard]] const std::string& path() const { return file_ ? file_->path : pty_.link(); }
  /// There is a reader to whom output can be delivered, now or soon.
  [[nodiscard]] bool has_reader() const { return file_ || pty_.has_reader(); }
  /// Output that a reader left unread will be taken back.
  [[nodiscard]] bool takes_back() const { return pty_.takes_back(); }
  /// True if written output is known to be unread.
  [[nodiscard]] bool has_unread() const { return pty_.has_unread(); }
  /// Output may be in a device that ends with this process; then it cannot be taken back.
  [[nodiscard]] bool has_output_in_device() const;

  /// As Host::write and Host::read, but never `closed`: a reader that goes becomes a change of status.
  [[nodiscard]] Io write(Bytes bytes);
  [[nodiscard]] Io read(std::span<std::uint8_t> into);
  /// The conditions for which `ready` is called.
  void want(Ready wanted);

 private:
  struct File {
    std::string path;
    Handle handle;
    Host::FileKind kind = Host::FileKind::regular;
    Handle input;  ///< invalid where the file is a terminal, or there is none
    Ready interest;
    bool input_wanted = false;
    Ready may{true, true};  ///< what the last operations did not find blocked
  };

  void give_back(Bytes unread);
  void watch_file();
  void drop_file();
  void lost_file(std::string_view why);
  void file_ready(Ready what);
  void apply_interest();
  [[nodiscard]] Io write_file(Bytes bytes);
  [[nodiscard]] Io read_file(std::span<std::uint8_t> into);
  [[nodiscard]] const Handle& file_input() const;

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  Events events_;

  ConsolePty pty_;
  std::optional<File> file_;
  Ready wanted_;
  bool closed_ = false;
  bool renewal_failed_ = false;
};

}  // namespace ringside::dom0

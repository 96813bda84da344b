// What a domain's console is associated with under xenctld: a pty of its own (console_pty.h), or the file
// that somebody attached in its place.
//
// The device owns the pty and the file, and no bytes: its console does. What was written to a pty or a pipe
// and nobody has read comes back to the console when the reader goes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "emu/dom0/xenctld/console_pty.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// What comes back from a pty or a pipe, at most: a pipe of the usual size holds this, a pty far less.
inline constexpr std::size_t device_unread_bytes_max = 65536;

class ConsoleDevice {
 public:
  enum class Status : std::uint8_t {
    waiting,    ///< nobody reads the pty
    connected,  ///< somebody does
    attached,   ///< to a file
  };
  /// As the pty's; `unread` gets at most the limit above.
  using Events = ConsolePty::Events;

  ConsoleDevice(Host& host, trace::Journal journal, DomainId domain, std::string link, Events events);
  ConsoleDevice(const ConsoleDevice&) = delete;
  ConsoleDevice& operator=(const ConsoleDevice&) = delete;

  /// Makes the pty and its link. Called once, first.
  Result<> start() { return pty_.make(); }
  /// Associates the console with a file; with a second one, where input comes from. A terminal goes both ways
  /// by itself; from anything else there is no input without a second file. On failure all is as before.
  /// Input that the pty still held and nobody could take is lost, and counted.
  Result<> attach(const std::string& path, const std::string& input_path);
  /// Back to a pty. Fails, and changes nothing, when no file is attached or no pty can be made.
  Result<> detach();
  /// No reader is waited for any longer: the link goes. Whoever is reading keeps what he has open.
  void close();
  /// Ends it for whoever is reading; after close() an attached file is let go as well. Unless closed there
  /// will be a new pty.
  void let_go();

  [[nodiscard]] Status status() const;
  [[nodiscard]] std::string_view status_name() const;
  /// Where a person finds it: the link, or the attached file.
  [[nodiscard]] const std::string& path() const { return file_ ? file_->path : pty_.link(); }
  /// Somebody is there to whom output can be delivered, now or soon.
  [[nodiscard]] bool has_reader() const { return file_ || pty_.has_reader(); }
  /// Whether output that was written still waits to be read, as far as can be seen.
  [[nodiscard]] bool has_unread() const { return pty_.has_unread(); }
  /// Output may have been written to what ends with this process, and then comes back from nowhere.
  [[nodiscard]] bool has_lent() const;

  /// As Host::write and Host::read, but never `closed`: who has gone has become a change of status.
  [[nodiscard]] Io write(Bytes bytes);
  [[nodiscard]] Io read(std::span<std::uint8_t> into);
  /// What `ready` is to be called for.
  void want(Ready wanted);

 private:
  struct File {
    std::string path;
    Handle handle;
    Host::FileKind kind = Host::FileKind::regular;
    Handle input;  ///< invalid where the file is a terminal, or there is none
    Ready interest;
    bool input_wanted = false;
    Ready may{true, true};  ///< it has not said since that it is blocked
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
};

}  // namespace ringside::dom0

// What a domain's console is associated with under xenctld: a pty of its own, which any program may open by a
// link in the machine's directory, or the file that somebody attached in its place.
//
// The device owns the pty, its link and the file, and no bytes: its console does. What was written to a pty
// or a pipe and nobody has read comes back to the console when the reader goes; and for the next reader there
// is a new pty, without what the last one had set on it. The link is on the new one at once. The old one
// stays a moment longer: who had looked up the link just before opens that one, reads what is in it, and
// keeps it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// How long a program has its pty open before output goes there. Many set the terminal up first and throw
/// away what has come until then.
inline constexpr Duration device_settle_delay = std::chrono::milliseconds(100);
/// What comes back from a pty or a pipe, at most: a pipe of the usual size holds this, a pty far less.
inline constexpr std::size_t device_unread_bytes_max = 65536;

class ConsoleDevice {
 public:
  enum class Status : std::uint8_t {
    waiting,    ///< nobody reads the pty
    connected,  ///< somebody does
    attached,   ///< to a file
  };
  /// None of these may destroy the device.
  struct Events {
    std::function<void()> ready;  ///< it takes bytes, has some, or has changed: look again
    /// A reader has gone. These had been written and come back, at most the limit above; none: he has read
    /// all.
    std::function<void(Bytes)> unread;
  };

  ConsoleDevice(Host& host, trace::Journal journal, DomainId domain, std::string link, Events events);
  ~ConsoleDevice();
  ConsoleDevice(const ConsoleDevice&) = delete;
  ConsoleDevice& operator=(const ConsoleDevice&) = delete;

  /// Makes the pty and its link. Called once, first.
  Result<> start();
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
  [[nodiscard]] const std::string& path() const { return file_ ? file_->path : link_; }
  /// Somebody is there to whom output can be delivered, now or soon.
  [[nodiscard]] bool has_reader() const;
  /// Whether output that was written still waits to be read, as far as can be seen.
  [[nodiscard]] bool has_unread() const;
  /// Output may have been written to what ends with this process, and then comes back from nowhere.
  [[nodiscard]] bool has_lent() const;

  /// As Host::write and Host::read, but never `closed`: who has gone has become a change of status.
  [[nodiscard]] Io write(Bytes bytes);
  [[nodiscard]] Io read(std::span<std::uint8_t> into);
  /// What `ready` is to be called for.
  void want(Ready wanted);

 private:
  /// Where the pty stands with those who open it.
  enum class Pty : std::uint8_t {
    none,      ///< there is none: a file is attached, or it could not be made
    idle,      ///< nobody has it open
    settling,  ///< somebody has, and is setting it up
    open,
    left,  ///< he has closed it, and there is no new one yet
  };
  /// A pty that has been replaced. One at a time: the next one is replaced when this is gone.
  struct OldPty {
    Host::Pty pty;
    Host::TimerId timer =
        0;  ///< 0: nobody is on his way to it any longer, and its output has been taken back
  };
  struct File {
    std::string path;
    Handle handle;
    Host::FileKind kind = Host::FileKind::regular;
    Handle input;  ///< invalid where the file is a terminal, or there is none
    Ready interest;
    bool input_wanted = false;
  };

  Result<> make_pty();
  Result<Host::Pty> prepare_pty();
  Result<> use_pty(Host::Pty pty);
  void pty_changed();
  void pty_opened();
  void pty_left();
  void replace_pty();
  void await_latecomers(Host::Pty pty);
  void end_of_old_pty();
  void forget_old_pty();
  void drop_ptys();
  [[nodiscard]] std::uint32_t drop_input(const Handle& terminal);
  [[nodiscard]] bool old_has_output() const;
  [[nodiscard]] bool pty_takes_output() const;
  void give_back(Bytes unread);
  void watch_file();
  void drop_file();
  void lost_file(std::string_view why);
  void end_settling();
  void apply_interest();
  void stream_ready(Ready what);
  [[nodiscard]] Io read_file(std::span<std::uint8_t> into);
  [[nodiscard]] const Handle& file_input() const;

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  std::string link_;
  Events events_;

  Pty pty_state_ = Pty::none;
  Host::Pty pty_;
  Ready pty_interest_;
  std::optional<OldPty> old_;
  std::optional<File> file_;
  Host::TimerId settle_timer_ = 0;
  Ready wanted_;
  Ready may_{true, true};  ///< it has not said since that it is blocked
  bool closed_ = false;
};

}  // namespace ringside::dom0

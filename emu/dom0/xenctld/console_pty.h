// The pty of a domain's console under xenctld. Any program may open it by a link in the machine's directory.
// Each further reader gets a new pty, without the settings of the previous reader.
//
// It owns the pty and its link, and no bytes. Unread bytes are taken back when the reader goes. The link
// moves to the new pty at once, and the old one stays a moment longer: a program that had looked up the link
// just before opens the old one, reads its contents, and keeps it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// The time for which a program must have its pty open before output is written there. Many programs set up
/// the terminal first and discard earlier bytes.
inline constexpr Duration pty_settle_delay = std::chrono::milliseconds(100);

class ConsolePty {
 public:
  /// None of these may destroy it.
  struct Events {
    std::function<void()> ready;  ///< the pty may take or have bytes, or its reader has changed
    /// A reader has gone. `bytes` had been written and are taken back; empty: it has read all.
    std::function<void(Bytes)> unread;
  };

  ConsolePty(Host& host, trace::Journal journal, DomainId domain, std::string link, Events events);
  ~ConsolePty();
  ConsolePty(const ConsolePty&) = delete;
  ConsolePty& operator=(const ConsolePty&) = delete;

  /// Makes a pty and its link, where there is none.
  Result<> make();
  /// Hangs up on all readers, and makes a pty for the next one. On failure the previous pty stays as it is.
  Result<> renew();
  /// No further reader is expected: removes the link. A present reader keeps its open pty.
  void close();
  /// Hangs up on all readers. Unread input there is lost, and counted.
  void drop();

  [[nodiscard]] bool exists() const { return state_ != State::none; }
  [[nodiscard]] const std::string& link() const { return link_; }
  /// There is a reader to whom output can be delivered, now or soon.
  [[nodiscard]] bool has_reader() const { return state_ == State::settling || state_ == State::open; }
  /// True if written output is known to be unread.
  [[nodiscard]] bool has_unread() const;
  /// The output of a pty that was replaced will be taken back.
  [[nodiscard]] bool takes_back() const { return old_has_output(); }
  /// Output may have been written that was neither read nor taken back.
  [[nodiscard]] bool has_output_in_device() const;

  /// As Host::write and Host::read, but never `closed`: a reader that goes becomes an event.
  [[nodiscard]] Io write(Bytes bytes);
  [[nodiscard]] Io read(std::span<std::uint8_t> into);
  /// The conditions for which `ready` is called.
  void want(Ready wanted);

 private:
  /// The state of the pty.
  enum class State : std::uint8_t {
    none,      ///< there is none
    idle,      ///< no process has it open
    settling,  ///< a process has opened it, and sets it up
    open,
    left,  ///< the reader has closed it, and there is no new pty yet
  };
  /// A pty that has been replaced. One at a time: the next one is replaced when this one is gone.
  struct Old {
    Host::Pty pty;
    Host::TimerId timer = 0;  ///< 0: no program can still be opening it, and its output has been taken back
  };

  Result<Host::Pty> prepare();
  Result<> use(Host::Pty pty);
  void changed();
  void opened();
  void left();
  void replace();
  void keep_for_late_readers(Host::Pty pty);
  void end_of_old();
  void forget_old();
  void end_settling();
  void end_waiting();
  [[nodiscard]] bool old_has_output() const { return old_ && old_->timer != 0; }
  [[nodiscard]] bool takes_output() const { return state_ == State::open && !old_has_output(); }
  void apply_interest();
  void stream_ready(Ready what);

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  std::string link_;
  Events events_;

  State state_ = State::none;
  Host::Pty pty_;
  std::optional<Old> old_;
  Host::TimerId settle_timer_ = 0;
  Ready interest_;
  Ready wanted_;
  Ready may_{true, true};  ///< what the last operations did not find blocked
  bool closed_ = false;
};

}  // namespace ringside::dom0

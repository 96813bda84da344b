// The pty of a domain's console under xenctld, which any program may open by a link in the machine's
// directory; and for each next reader a new one, without what the last one had set on it.
//
// It owns the pty and its link, and no bytes. What was written and nobody has read comes back when the reader
// goes. The link is on the new pty at once, and the old one stays a moment longer: who had looked up the link
// just before opens that one, reads what is in it, and keeps it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// How long a program has its pty open before output goes there. Many set the terminal up first and throw
/// away what has come until then.
inline constexpr Duration pty_settle_delay = std::chrono::milliseconds(100);

class ConsolePty {
 public:
  /// None of these may destroy it.
  struct Events {
    std::function<void()> ready;  ///< it takes bytes, has some, or has changed: look again
    /// A reader has gone. These had been written and come back; none: he has read all.
    std::function<void(Bytes)> unread;
  };

  ConsolePty(Host& host, trace::Journal journal, DomainId domain, std::string link, Events events);
  ~ConsolePty();
  ConsolePty(const ConsolePty&) = delete;
  ConsolePty& operator=(const ConsolePty&) = delete;

  /// A pty and its link, where there is none.
  Result<> make();
  /// No reader is waited for any longer: the link goes. Whoever is reading keeps what he has open.
  void close();
  /// Ends it for whoever has it open. What was typed there and nobody has read is lost, and counted.
  void drop();

  [[nodiscard]] bool exists() const { return state_ != State::none; }
  [[nodiscard]] const std::string& link() const { return link_; }
  /// Somebody is there to whom output can be delivered, now or soon.
  [[nodiscard]] bool has_reader() const { return state_ == State::settling || state_ == State::open; }
  /// Whether output that was written still waits to be read, as far as can be seen.
  [[nodiscard]] bool has_unread() const;
  /// Output may have been written that has not been read, and has not come back.
  [[nodiscard]] bool has_lent() const;

  /// As Host::write and Host::read, but never `closed`: who has gone has become an event.
  [[nodiscard]] Io write(Bytes bytes);
  [[nodiscard]] Io read(std::span<std::uint8_t> into);
  /// What `ready` is to be called for.
  void want(Ready wanted);

 private:
  /// Where the pty stands with those who open it.
  enum class State : std::uint8_t {
    none,      ///< there is none
    idle,      ///< nobody has it open
    settling,  ///< somebody has, and is setting it up
    open,
    left,  ///< he has closed it, and there is no new one yet
  };
  /// A pty that has been replaced. One at a time: the next one is replaced when this is gone.
  struct Old {
    Host::Pty pty;
    Host::TimerId timer =
        0;  ///< 0: nobody is on his way to it any longer, and its output has been taken back
  };

  Result<Host::Pty> prepare();
  Result<> use(Host::Pty pty);
  void changed();
  void opened();
  void left();
  void replace();
  void await_latecomers(Host::Pty pty);
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
  Ready may_{true, true};  ///< it has not said since that it is blocked
  bool closed_ = false;
};

}  // namespace ringside::dom0

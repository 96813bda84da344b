// An xcs client that connects again: keeps one XcsClient connected, with one virq bound, and makes a new one
// when xcs has gone. The owner sets up the rest of the session again each time `up` is called.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "emu/base/answer.h"
#include "emu/dom0/xcs/client.h"

namespace ringside::dom0 {

inline constexpr Duration xcs_retry_delay = std::chrono::milliseconds(100);

class XcsLink {
 public:
  /// `frame`, `pause` and `room` as in XcsClient::Events; VIRQ frames of the bound virq become `virq`.
  struct Events {
    std::function<void(const XcsMessage&)> frame;
    std::function<void()> pause;
    std::function<void()> room;
    std::function<void()> virq;
    std::function<void()> up;    ///< there is a session, for the first time or again
    std::function<void()> down;  ///< the session is gone, with its state in xcs
  };

  XcsLink(Host& host, trace::Journal journal, std::string path, std::uint16_t virq, Events events);
  ~XcsLink();
  XcsLink(const XcsLink&) = delete;
  XcsLink& operator=(const XcsLink&) = delete;

  /// Fails at once when no process listens on the path. After that, failures cause warnings only.
  Result<> start();
  /// Behaves as a client of 2005: does not ask xcs for numbers. Before start().
  void disable_numbers() { wants_numbers_ = false; }

  [[nodiscard]] bool up() const { return up_; }
  /// This xcs supports numbers: `result` of frames without replies has a meaning, both ways (XCS_NUMBERS).
  [[nodiscard]] bool numbers() const { return numbers_; }
  /// Who answers console messages first, by the last session.
  [[nodiscard]] Answer answer() const { return answer_; }

  // As XcsClient's. Without a session nothing is sent, no event is called and there is no room.
  void call(const XcsMessage& request, XcsClient::Reply done);
  [[nodiscard]] bool has_room();
  void send(const XcsMessage& frame);
  void flush();
  void poll();

 private:
  Result<> connect();
  void ask_for_numbers();
  void bind_virq();
  void take_frame(const XcsMessage& frame);
  void lost(const Error& error);
  void retry();

  Host& host_;
  trace::Journal journal_;
  std::string path_;
  std::uint16_t virq_;
  Events events_;
  std::unique_ptr<XcsClient> client_;
  std::int32_t virq_port_ = 0;
  bool virq_came_ = false;  ///< before the reply that names its port
  bool up_ = false;
  bool wants_numbers_ = true;
  bool numbers_ = false;
  Answer answer_ = Answer::xend;
  bool warned_ = false;  ///< since the link was last up
  Host::TimerId retry_ = 0;
};

}  // namespace ringside::dom0

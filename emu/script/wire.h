// One end of a byte stream that a scenario controls: for what a user types and sees, or what a raw client
// sends and receives.
//
// It owns the handle, and the bytes that the stream has not taken yet. Received bytes are passed on at once.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "emu/host/host.h"
#include "emu/script/stage.h"
#include "emu/trace/journal.h"

namespace ringside::script {

class Wire {
 public:
  struct Events {
    std::function<void(Bytes)> received;  ///< bytes were read
    /// Bytes were taken by the stream, at this time of the journal.
    std::function<void(Bytes, std::uint64_t at)> sent = {};
    std::optional<trace::Journal> journal = {};  ///< records the sent bytes
    std::function<void()> ended = {};            ///< the other side has closed
  };
  /// `host` must outlive it.
  Wire(Host& host, Handle stream, Events events);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// Keys are written one by one, each in its own event. Texts are written in the order of the calls.
  void send(std::string_view bytes, Typing typing);
  void read(bool reads);
  void close() { stream_.close(); }
  /// Closes the stream when everything has been sent.
  void finish();
  /// The other side reads an end of file after everything that was sent. Reading continues.
  void end_output();
  [[nodiscard]] bool output_ends() const { return output_ends_; }
  /// Whether the other side has closed, and everything that it had sent was read.
  [[nodiscard]] bool cut_off() const { return cut_off_; }
  [[nodiscard]] const Handle& stream() const { return stream_; }

 private:
  struct Unsent {
    std::string bytes;
    std::size_t at;
    Typing typing;
  };

  void schedule();
  void write();
  void ready(Ready what);
  void update_interest();

  Host& host_;
  Handle stream_;
  Events events_;
  std::deque<Unsent> unsent_;
  Host::TimerId timer_ = 0;
  bool blocked_ = false;
  bool reads_ = true;
  bool cut_off_ = false;
  bool finishing_ = false;
  bool output_ends_ = false;
};

}  // namespace ringside::script

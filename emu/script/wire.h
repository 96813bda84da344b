// One end of a byte stream in the hands of a scenario: what a person types and sees,
// what a raw client sends and gets.
//
// It owns the handle and whatever has not been taken yet. What the other side sends is handed on as it comes.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "emu/host/host.h"
#include "emu/script/stage.h"

namespace ringside::script {

class Wire {
 public:
  struct Events {
    std::function<void(Bytes)> came;       ///< was read
    std::function<void(Bytes)> went = {};  ///< was taken by the stream
    std::function<void()> ended = {};      ///< the other side has closed
  };
  /// `host` must outlive it.
  Wire(Host& host, Handle stream, Events events);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// Keys go one by one, each in an event of its own. Everything goes in the order of the calls.
  void send(std::string_view bytes, Typing typing);
  void read(bool reads);
  void close() { stream_.close(); }
  /// Closes it when everything has been sent.
  void finish();
  /// The other side reads the end when everything has been sent. What comes is still read.
  void end_output();
  [[nodiscard]] bool output_ends() const { return output_ends_; }
  /// The other side has closed, and everything that it had sent was read.
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

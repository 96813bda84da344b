// A Handle owns one object that a host provides: a frame, a port's kicks, a connection, a tty, a process.
// Like a file descriptor it is a number with an owner, can be duplicated and can be sent to another process;
// unlike a file descriptor it closes itself.
#pragma once

#include <utility>

namespace ringside {

class Host;

class Handle {
 public:
  Handle() = default;
  Handle(Host& host, int number) : host_(&host), number_(number) {}
  Handle(Handle&& other) noexcept
      : host_(std::exchange(other.host_, nullptr)), number_(std::exchange(other.number_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      close();
      host_ = std::exchange(other.host_, nullptr);
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Handle() { close(); }

  [[nodiscard]] bool valid() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }
  /// Releases the object. Watches on the handle end.
  void close();

 private:
  Host* host_ = nullptr;
  int number_ = -1;
};

}  // namespace ringside

// One domain's console under xenctld, on its present device (console_device.h). Its common part with xend's
// console is console.h.
//
// Without a limit on the queue no byte is lost: when the queue is full, the guest waits. With a limit the
// guest never waits: the oldest bytes are discarded and counted. A pty ends with its xenctld, and unread
// bytes in it are lost.
#pragma once

#include <string>

#include "emu/dom0/console/console.h"
#include "emu/dom0/xenctld/console_device.h"

namespace ringside::dom0 {

/// Output kept if no limit was given; also the highest limit.
inline constexpr std::size_t xenctld_queue_bytes_max = 1048576;
/// The lowest limit: the size of one message.
inline constexpr std::size_t xenctld_queue_bytes_min = ring::payload_bytes_max;
/// Beyond the highest limit the queue takes bytes that the device returns, and the contents of a last full
/// ring.
inline constexpr std::size_t xenctld_store_bytes_max =
    xenctld_queue_bytes_max + device_unread_bytes_max + ring::slots_per_ring * ring::payload_bytes_max;
/// After the end: the delay between two looks whether all output has been read. Written bytes arrive in less
/// time.
inline constexpr Duration xenctld_end_look_delay = std::chrono::milliseconds(50);

class XenctldConsole : public Console {
 public:
  /// The options of its store. `limit_bytes` 0 = none, else xenctld_queue_bytes_min to _max. The file has the
  /// same size with any limit, so that a daemon with another limit finds it.
  [[nodiscard]] static ConsoleStore::Shape store_shape(std::size_t limit_bytes);

  XenctldConsole(Host& host, trace::Journal journal, DomainId domain, std::string link,
                 std::size_t limit_bytes, ConsoleStore store, ConsoleGuest guest);
  ~XenctldConsole() override;

  [[nodiscard]] Result<> start() { return device_.start(); }

  /// Only this function reads and writes the device.
  void settle() override;
  void close() override;
  [[nodiscard]] Result<> ask(const Dom0Request& request) override;

  Result<> attach(const std::string& path, const std::string& input_path);
  Result<> detach();

  [[nodiscard]] const ConsoleDevice& device() const { return device_; }
  [[nodiscard]] bool has_reader() const override { return device_.has_reader(); }
  /// Also true until the unread output of a former reader has been taken back, and counted.
  [[nodiscard]] bool has_viewer() const override { return has_reader() || device_.takes_back(); }
  [[nodiscard]] std::string_view status_name() const override { return device_.status_name(); }
  [[nodiscard]] const std::string& path() const override { return device_.path(); }

 private:
  [[nodiscard]] bool must_wait(std::size_t bytes) const override;
  void discards_begin() override;
  void read_device();
  void device_ready();
  void record_output_in_device();
  void look_at_end();

  std::size_t limit_bytes_;
  bool settling_ = false;
  bool settle_again_ = false;
  bool closed_ = false;
  Host::TimerId end_timer_ = 0;
  int quiet_looks_ = 0;  ///< consecutive looks that found all output read
  ConsoleDevice device_;
};

}  // namespace ringside::dom0

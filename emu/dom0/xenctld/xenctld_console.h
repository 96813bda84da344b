// One domain's console, as xenctld keeps it: on whatever it is associated with (console_device.h). What it
// has in common with xend's is console.h.
//
// Without a limit on the queue nothing is lost: when it is full the guest waits. With a limit the guest never
// waits: the oldest bytes make room for the newest, and are counted. A pty ends with its xenctld, and with it
// goes what its reader had not read.
#pragma once

#include <string>

#include "emu/dom0/console/console.h"
#include "emu/dom0/xenctld/console_device.h"

namespace ringside::dom0 {

/// Output kept where no limit was asked for; and the highest limit.
inline constexpr std::size_t xenctld_queue_bytes_max = 1048576;
/// The lowest limit: what one message holds.
inline constexpr std::size_t xenctld_queue_bytes_min = ring::payload_bytes_max;
/// Beyond the highest limit the queue takes what comes back from the device, and a last ring full.
inline constexpr std::size_t xenctld_store_bytes_max =
    xenctld_queue_bytes_max + device_unread_bytes_max + ring::slots_per_ring * ring::payload_bytes_max;
/// After the end: how often it is looked whether a reader has everything. What was written arrives in less.
inline constexpr Duration xenctld_end_look_delay = std::chrono::milliseconds(50);

class XenctldConsole : public Console {
 public:
  /// What its store is made with. `limit_bytes` 0 = none, else xenctld_queue_bytes_min to _max: a daemon
  /// finds the store of the last one whatever the limits of both.
  [[nodiscard]] static ConsoleStore::Shape store_shape(std::size_t limit_bytes);

  XenctldConsole(Host& host, trace::Journal journal, DomainId domain, std::string link,
                 std::size_t limit_bytes, ConsoleStore store, ConsoleGuest guest);
  ~XenctldConsole() override;

  [[nodiscard]] Result<> start() { return device_.start(); }

  /// Only this touches the device.
  void settle() override;
  void close() override;
  [[nodiscard]] Result<> ask(const Dom0Request& request) override;

  Result<> attach(const std::string& path, const std::string& input_path);
  Result<> detach();

  [[nodiscard]] const ConsoleDevice& device() const { return device_; }
  [[nodiscard]] bool has_reader() const override { return device_.has_reader(); }
  [[nodiscard]] std::string_view status_name() const override { return device_.status_name(); }
  [[nodiscard]] const std::string& path() const override { return device_.path(); }

 private:
  [[nodiscard]] bool must_wait(std::size_t bytes) const override;
  void discards_begin() override;
  void read_device();
  void device_ready();
  void note_loan();
  void look_at_end();

  std::size_t limit_bytes_;
  bool settling_ = false;
  bool settle_again_ = false;
  bool closed_ = false;
  Host::TimerId end_timer_ = 0;
  int quiet_looks_ = 0;  ///< in a row, that found nothing unread
  ConsoleDevice device_;
};

}  // namespace ringside::dom0

// Faults injected in one process of a machine that has a table of faults: kicks and frames that it sends are
// checked against the table. Faults learns which component is at the other end from the hypercalls that the
// process makes and from the sockets that it connects and accepts.
//
// Only events between a guest and its controller, and frames between xcs and its clients, are checked. All of
// it happens in the sending process. None of this exists in a machine without a table.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "emu/host/fault_table.h"
#include "emu/host/linux_host.h"

namespace ringside {

/// The most that one stream may hold back; beyond it its sender has to wait.
inline constexpr std::size_t held_back_bytes_max = 256 * 1024;

class LinuxHost::Faults {
 public:
  Faults(LinuxHost& host, FaultTable table, FaultHandler bitten)
      : host_(host), table_(std::move(table)), fault_handler_(std::move(bitten)) {}

  // -- learning the components
  void called(const HypercallArguments& arguments, const HypercallOutcome& outcome);
  void mapped(int frame, std::byte* page);
  void unmapped(std::byte* page);
  void connected(const std::string& path, int stream);
  void accepted(const std::string& path, int stream);
  /// For the stream that was connected last.
  void speaks_for(const std::string& name);
  void closing(int number);

  // -- queries
  /// True: the kick has been handled, or is lost.
  [[nodiscard]] bool kick(const Handle& kicks);
  /// Empty: no fault applies, the caller writes it.
  [[nodiscard]] std::optional<Io> write(const Handle& stream, Bytes bytes);
  /// The bytes were written without a check.
  void wrote_unchecked(int stream, std::size_t bytes);

 private:
  /// A guest, as far as this process knows it.
  struct Guest {
    std::byte* page = nullptr;
    ring::Abi abi = ring::Abi::sring;
    ring::Port console_port = 0;
  };
  /// A handle that is kicked.
  struct Kicked {
    std::string to;
    DomainId guest = 0;
    ring::Port port = 0;  ///< the guest's, when the kick is for the guest; 0 = the kick comes from the guest
  };
  struct Held {
    std::vector<std::uint8_t> bytes;
    Time due;
  };
  struct Stream {
    std::string from;
    std::string to;
    std::uint64_t sent_bytes = 0;
    std::size_t unit_bytes = 0;                ///< of the rules at that time
    std::vector<std::uint8_t> begun = {};      ///< a unit that is not complete yet
    std::vector<std::uint8_t> overtaken = {};  ///< waits for the unit that overtakes it
    std::uint64_t overtaken_number = 0;        ///< never reused
    std::deque<Held> held = {};                ///< in order; the first is sent next
    std::size_t held_bytes = 0;
    TimerId timer = 0;
  };

  void kick_later(const Handle& kicks, Duration by);
  void pass_unit(int number, Stream& stream);
  void hold(Stream& stream, Bytes bytes, Duration by);
  void overtake(Stream& stream);
  void flush(int number, Stream& stream);
  void arm(int number, Stream& stream);

  LinuxHost& host_;
  FaultTable table_;
  FaultHandler fault_handler_;
  DomainId own_domain_ = 0;
  std::map<DomainId, Guest> guests_;
  std::map<int, DomainId> frames_;
  std::map<ring::Port, Kicked> ports_;  ///< dom0's, and the domain at the other end
  std::map<int, Kicked> kicked_;
  std::map<std::uint64_t, Handle> late_;  ///< to be kicked
  std::map<int, Stream> streams_;
  int newest_stream_ = -1;
  std::uint64_t numbers_ = 0;
  std::uint32_t clients_ = 0;  ///< that xcs has accepted, as it counts them
};

}  // namespace ringside

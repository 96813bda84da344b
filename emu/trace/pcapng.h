// A journal as a pcapng file, for Wireshark and other programs that read captures. Pure: it makes bytes, one
// packet at a time, so that the caller can capture a running machine as well as a file.
//
// One packet for each entry. Each hop of the catalogue is an interface, in the order of HopId. One more
// interface, "aside", is for entries that show no hop. Times are in nanoseconds and count from the first
// packet. Comments of a packet contain "line: FILE:N: ..." for each line of the scenario that came into force
// just before it, and "fault: ..." for each injected fault. The lines hold until a packet names other ones.
//
// A packet, little-endian. The first 16 bytes are the pseudo-header of all packets:
//
//    0 u8 version (1)   1 u8 hop (HopId; 255 none)   2 u8 direction (0 neither, 1 down, 2 up)
//    3 u8 slot (255 none)   4 u16 domain   6 u16 port (65535: a wildcard, or no port at all)   8 u64 step
//
//   16 u8 kind (Kind)   17 u8 detail (Entry::detail)   18 u8 ring (0 tx, 1 rx, 2 in, 3 out, 255 none)
//   19 u8 bits 0 to 3: which of the indices below are known, req_prod first;
//      bits 4 to 7: the marker of the text form, 1 for "!" (lost or refused), 2 "~", 3 "2", 4 "*"
//   20 u16 bytes of data   22 u8 bytes of the actor's name   23 u8 bytes of the receiver's name
//   24 i64 nanoseconds since the journal's origin   32 u32 from_value   36 u32 to_value
//   40 u32 req_prod   44 u32 req_cons   48 u32 rsp_prod   52 u32 rsp_cons   of the ring, after the entry;
//      of the byte rings in and out, in their place: in_cons, in_prod, out_cons, out_prod
//   56 the data, by kind: the whole control message of 64 bytes, raw bytes, or text;
//      then the two names, and to the end the entry's sentence in the text form
//
// tools/wireshark/ringside.lua reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "emu/trace/event.h"
#include "emu/trace/replay.h"

namespace ringside::trace {

inline constexpr std::uint8_t capture_version = 1;
inline constexpr std::size_t capture_pseudo_header_bytes = 16;
inline constexpr std::size_t capture_header_bytes = 56;
/// The link type: the first of the 16 for private use (LINKTYPE_USER0 to USER15).
inline constexpr std::uint16_t capture_link_type_default = 147;
inline constexpr std::uint16_t capture_link_type_max = 162;
/// The option of a comment can contain at most 65,535 bytes.
inline constexpr std::size_t capture_comment_bytes_max = 4096;

class Pcapng {
 public:
  /// The journal's times count from `origin_ns`.
  explicit Pcapng(std::uint64_t origin_ns, std::uint16_t link_type = capture_link_type_default)
      : origin_ns_(origin_ns), link_type_(link_type) {}

  /// The beginning of the file: its section and the interfaces. `header` is the journal's; it may contain
  /// rings that were in use.
  [[nodiscard]] std::string begin(const JournalHeader& header = {});
  /// The next packet. Steps ascend. `lines` are the scenario's lines that came into force since the previous
  /// packet: "hello.scn:7: user types \"a\"".
  [[nodiscard]] std::string packet(const Entry& entry, std::uint64_t step,
                                   std::span<const std::string> lines = {});

 private:
  [[nodiscard]] std::string data(const Entry& entry, std::uint64_t step) const;

  std::uint64_t origin_ns_;
  std::uint16_t link_type_;
  std::optional<std::uint64_t> first_ns_;
  Replay replay_;
};

/// An entry's direction on the path: down is towards the program in the guest.
enum class Direction : std::uint8_t { neither, down, up };
[[nodiscard]] Direction direction_of(const Entry& entry);

}  // namespace ringside::trace

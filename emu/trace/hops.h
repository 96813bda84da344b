// The hops of the path, from the hardware to the program in a guest: what each is, where it was in the
// sources of 2005, what can go wrong there, and how to see it. All of ringside's descriptions of a hop
// (`explain`, the demo, every view of a run) take their words from here.
//
// The texts are in hops_outside.h (hardware and Xen), hops_dom0.h, hops_guest.h (the page and the guest) and
// hops_today.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <span>
#include <string_view>

#include "emu/base/quirks.h"
#include "emu/trace/event.h"

namespace ringside::trace {

/// First those of 2005, then those of today. In the order of the path down: a key passes the hops of
/// Way::down and Way::both in this order. Output of a guest passes those of Way::up and Way::both from the
/// last to the first, except that it passes those of Place::page in this order, too: a message is written
/// before the other side reads it.
enum class HopId : std::uint8_t {
  keyboard,
  serial_line,
  uart,
  serial_layer,
  xen_console,
  xen_messages,
  virq_console,
  console_io,
  dom0_tty,
  dom0_channel,
  client,
  xenctld,
  xend,
  xend_frame,
  answer_down,
  xcs,
  answer_up,
  page,
  slot_rx,
  slot_tx,
  req_prod,
  event_down,
  event_up,
  event_quiet,
  upcall,
  req_cons,
  response,
  rsp_prod,
  rsp_cons,
  ctrl_if,
  console_driver,
  guest_tty,
  program,
  // Of today's console.
  pty,
  xenconsoled,
  bytes_in,
  bytes_out,
  prod,
  cons,
  event_today,
  hvc,
};

inline constexpr std::size_t hop_count = static_cast<std::size_t>(HopId::hvc) + 1;

/// The place of a hop. The page and its event channel belong to no single side.
enum class Place : std::uint8_t { hardware, xen, dom0, page, domu };

/// The direction in which console data pass a hop. `response`: not the data but the response to each message,
/// in either direction. `beside`: a branch, or a hop that the path needs and that no key passes.
enum class Way : std::uint8_t { down, up, both, response, beside };

/// A short list that stores its items itself.
template <class T>
class Few {
 public:
  constexpr Few() = default;
  constexpr Few(std::initializer_list<T> items) : size_(items.size()) {
    RS_CHECK(items.size() <= items_max);
    std::copy(items.begin(), items.end(), items_);
  }

  [[nodiscard]] constexpr const T* begin() const { return items_; }
  [[nodiscard]] constexpr const T* end() const { return items_ + size_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

 private:
  static constexpr std::size_t items_max = 16;
  T items_[items_max] = {};
  std::size_t size_ = 0;
};

/// The texts are sentences in plain ASCII without newlines; the printing code wraps them.
struct Hop {
  HopId id;
  std::string_view name;  ///< stable, for command lines and links: "virq-console"
  Place place;
  Way way;
  std::string_view title;       ///< a few words
  std::string_view meaning;     ///< what happens here, in one to three sentences; a view that follows a byte
                                ///< shows it
  std::string_view more;        ///< further facts
  std::string_view source;      ///< files and functions of xen-unstable and XenoLinux on 1 July 2005, or of
                                ///< Xen 4.17 and Linux 6.1
  std::string_view goes_wrong;  ///< besides the quirks
  std::string_view see;         ///< a command line; one that names a domain means one called web
  Few<std::string_view>
      scenarios;          ///< file names without folder and suffix; those of quirks are not repeated
  Few<Quirk> quirks;      ///< those that take effect here
  Few<Counter> counters;  ///< those that count what goes wrong here
  bool today = false;     ///< of today's console; otherwise of 2005
};

/// All, in the order of HopId.
[[nodiscard]] std::span<const Hop> hops();

[[nodiscard]] inline const Hop& about(HopId hop) {
  return hops()[static_cast<std::size_t>(hop)];
}

/// "hardware", "Xen", "dom0" ...
[[nodiscard]] std::string_view place_name(Place place);
/// "down", "up", "both", "response", "beside".
[[nodiscard]] std::string_view way_name(Way way);

/// By name; null when there is none.
[[nodiscard]] const Hop* find_hop(std::string_view name);
/// The hop at which the quirk takes effect. Every quirk has one.
[[nodiscard]] const Hop& hop_of(Quirk quirk);
/// The hop whose failures that counter counts; null when there is none.
[[nodiscard]] const Hop* hop_of_counter(Counter counter);

/// The hop that an entry shows. `today`: its domain's console is today's. Null for refusals, for Kind::told,
/// for calls to xcs, and for anything a faulty process writes.
[[nodiscard]] const Hop* hop_of(const Entry& entry, bool today = false);

/// The hops of a journal's entries, read in order.
class HopFinder {
 public:
  [[nodiscard]] const Hop* find(const Entry& entry);

 private:
  std::set<std::uint32_t> today_;  ///< domains whose console is today's, as their entries show
};

}  // namespace ringside::trace

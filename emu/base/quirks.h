// The quirks: errors and surprises of the programs of 2005. A quirk is off unless its process is started with
// it. The journal records each time that a quirk takes effect. Without quirks ringside avoids these errors.
#pragma once

#include <fmt/format.h>

#include <array>
#include <bitset>
#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "emu/base/check.h"

namespace ringside {

enum class Quirk : std::uint8_t {
  xcs_drop_when_full,
  no_responder,
  xcs_restart_deadlock,
  xcs_short_frame,
  xcs_connect_once,
  xcs_bind_collision,
  xcs_stale_bindings,
  xcs_wild_port,
  xcs_maxdom,
  xcs_sigpipe,
  xcs_blocking_client,
  xcs_fd2,
  xcs_events_only,
  stale_indices,
  abi_mismatch,
  xend_reorder,
  xend_no_input_limit,
  ctrlif_bad_id,
  ctrlif_no_clamp,
  kcons_lfcr,
  kcons_flush_spin,
  leaky_response,
};

struct QuirkAbout {
  Quirk quirk;
  std::string_view name;
  std::string_view process;  ///< the process that has it, named as its subcommand
  std::string_view what;     ///< what happens
};

inline constexpr std::array quirks_known{
    QuirkAbout{Quirk::xcs_drop_when_full, "xcs-drop-when-full", "xcs",
               "a request for a guest whose ring is full is lost, and the guest is notified all the same"},
    QuirkAbout{Quirk::no_responder, "no-responder", "xcs",
               "a request read while nobody is bound is forgotten, and its slot is never freed"},
    QuirkAbout{
        Quirk::xcs_restart_deadlock, "xcs-restart-deadlock", "xcs",
        "requests that an earlier xcs had taken are never answered: with 8 of them the guest is stuck"},
    QuirkAbout{Quirk::xcs_short_frame, "xcs-short-frame", "xcs",
               "a frame that arrives in two pieces stops everything until a whole one follows, or the end"},
    QuirkAbout{Quirk::xcs_connect_once, "xcs-connect-once", "xcs",
               "a client whose first call is refused is never heard again, and its descriptor leaks"},
    QuirkAbout{Quirk::xcs_bind_collision, "xcs-bind-collision", "xcs",
               "a second key of a client with the same hash is answered OK and never stored"},
    QuirkAbout{
        Quirk::xcs_stale_bindings, "xcs-stale-bindings", "xcs",
        "freeing a channel answers OK whatever happens, and leaves its bindings to the next one there"},
    QuirkAbout{Quirk::xcs_wild_port, "xcs-wild-port", "xcs",
               "the wildcard as a channel's local port crashes xcs; an unknown domain closes dom0's port"},
    QuirkAbout{Quirk::xcs_maxdom, "xcs-maxdom", "xcs",
               "beyond domain 1024 output is forwarded, but input and answers are dropped silently"},
    QuirkAbout{Quirk::xcs_sigpipe, "xcs-sigpipe", "xcs", "a client that closes under output load kills xcs"},
    QuirkAbout{Quirk::xcs_blocking_client, "xcs-blocking-client", "xcs",
               "a client that does not read blocks xcs, and with it every domain's console"},
    QuirkAbout{Quirk::xcs_fd2, "xcs-fd2", "xcs",
               "the first client's connection is descriptor 2: error messages end up among its replies"},
    QuirkAbout{
        Quirk::xcs_events_only, "xcs-events-only", "xcs",
        "a client that binds does not make xcs look at the ring: what a lost event told of stays there"},
    QuirkAbout{Quirk::stale_indices, "stale-indices", "xcs",
               "a guest's producer index is believed: one that jumps brings stale slots as new requests"},
    QuirkAbout{Quirk::abi_mismatch, "abi-mismatch", "xcs",
               "every page is read in the sring layout: a flat guest's first message is taken for an index"},
    QuirkAbout{Quirk::xend_reorder, "xend-reorder", "xend",
               "a thread for each request: output that comes close together is shown out of order"},
    QuirkAbout{Quirk::xend_no_input_limit, "xend-no-input-limit", "xend",
               "what is typed is passed on at once, however much the guest has not answered"},
    QuirkAbout{Quirk::ctrlif_bad_id, "ctrlif-bad-id", "domu",
               "a response with an id that was not given out crashes the guest"},
    QuirkAbout{Quirk::ctrlif_no_clamp, "ctrlif-no-clamp", "domu",
               "flat layout: a request longer than 60 bytes overruns the guest's stack and crashes it"},
    QuirkAbout{Quirk::kcons_lfcr, "kcons-lfcr", "domu",
               "kernel lines end with LF CR, and the CR is written whether there is room or not"},
    QuirkAbout{Quirk::kcons_flush_spin, "kcons-flush-spin", "domu",
               "a dying guest whose output nobody takes uses all of a CPU to wait"},
    QuirkAbout{Quirk::leaky_response, "leaky-response", "domu",
               "responses carry the request's old bytes behind their length"},
};

[[nodiscard]] constexpr const QuirkAbout& about(Quirk quirk) {
  return quirks_known[static_cast<std::size_t>(quirk)];
}
static_assert([] {
  for (std::size_t at = 0; at < quirks_known.size(); ++at) {
    if (quirks_known[at].quirk != static_cast<Quirk>(at)) return false;
  }
  return true;
}());

/// A set of quirks that are on.
class Quirks {
 public:
  Quirks() = default;
  Quirks(std::initializer_list<Quirk> quirks) {
    for (const Quirk quirk : quirks) set(quirk);
  }

  [[nodiscard]] bool has(Quirk quirk) const { return bits_[static_cast<std::size_t>(quirk)]; }
  void set(Quirk quirk) { bits_.set(static_cast<std::size_t>(quirk)); }

  /// The quirk of that name. EINVAL: there is none.
  [[nodiscard]] static Result<Quirk> find(std::string_view name) {
    for (const QuirkAbout& known : quirks_known) {
      if (known.name == name) return known.quirk;
    }
    return Error{EINVAL, "cannot set a quirk", std::string(name), "there is none of that name",
                 "`ringside quirks` lists them"};
  }
  /// All of `names`, for `process`. EINVAL: one does not exist, or is another process's.
  [[nodiscard]] static Result<Quirks> of(std::string_view process, std::span<const std::string> names) {
    Quirks quirks;
    for (const std::string& name : names) {
      auto found = find(name);
      if (!found) return found.error();
      if (about(*found).process != process) {
        return Error{EINVAL, "cannot set a quirk", name,
                     fmt::format("it is {}'s, not {}'s", about(*found).process, process),
                     "`ringside quirks` lists them"};
      }
      quirks.set(*found);
    }
    return quirks;
  }

 private:
  std::bitset<quirks_known.size()> bits_;
};

}  // namespace ringside

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
  ctrlif_suspend_early,
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
               "a request for a guest whose ring is full is lost, and the guest is still notified"},
    QuirkAbout{Quirk::no_responder, "no-responder", "xcs",
               "a request that is read while no client is bound is lost, and its slot is never freed"},
    QuirkAbout{
        Quirk::xcs_restart_deadlock, "xcs-restart-deadlock", "xcs",
        "requests that an earlier xcs had taken are never answered: after 8 of them the guest sends no more"},
    QuirkAbout{
        Quirk::xcs_short_frame, "xcs-short-frame", "xcs",
        "a frame that arrives in two pieces blocks all clients until a whole frame or the end follows"},
    QuirkAbout{Quirk::xcs_connect_once, "xcs-connect-once", "xcs",
               "a client whose first call is refused is ignored from then on, and its descriptor leaks"},
    QuirkAbout{Quirk::xcs_bind_collision, "xcs-bind-collision", "xcs",
               "a second key of a client with the same hash is answered OK but not stored"},
    QuirkAbout{Quirk::xcs_stale_bindings, "xcs-stale-bindings", "xcs",
               "freeing a channel is always answered OK, and its bindings stay for the next channel"},
    QuirkAbout{Quirk::xcs_wild_port, "xcs-wild-port", "xcs",
               "the wildcard as a channel's local port crashes xcs; an unknown domain closes dom0's port"},
    QuirkAbout{Quirk::xcs_maxdom, "xcs-maxdom", "xcs",
               "beyond domain 1024 output is forwarded, but input and responses are dropped silently"},
    QuirkAbout{Quirk::xcs_sigpipe, "xcs-sigpipe", "xcs",
               "a client that closes while xcs writes to it kills xcs"},
    QuirkAbout{Quirk::xcs_blocking_client, "xcs-blocking-client", "xcs",
               "a client that does not read blocks xcs, and with it every domain's console"},
    QuirkAbout{Quirk::xcs_fd2, "xcs-fd2", "xcs",
               "the first client's connection is descriptor 2: error messages are written among its replies"},
    QuirkAbout{Quirk::xcs_events_only, "xcs-events-only", "xcs",
               "xcs does not look at the ring when a client binds: messages whose event was lost stay there"},
    QuirkAbout{Quirk::stale_indices, "stale-indices", "xcs",
               "a guest's producer index is not checked: after a jump, old slots are read as new requests"},
    QuirkAbout{Quirk::abi_mismatch, "abi-mismatch", "xcs",
               "every page is read in the sring layout: a flat guest's first message is read as an index"},
    QuirkAbout{Quirk::xend_reorder, "xend-reorder", "xend",
               "a thread for each request: output that arrives close together is shown out of order"},
    QuirkAbout{Quirk::xend_no_input_limit, "xend-no-input-limit", "xend",
               "input is sent at once, without a limit on unanswered requests"},
    QuirkAbout{Quirk::ctrlif_bad_id, "ctrlif-bad-id", "domu",
               "a response with an unknown id crashes the guest"},
    QuirkAbout{Quirk::ctrlif_no_clamp, "ctrlif-no-clamp", "domu",
               "flat layout: a request longer than 60 bytes overruns the guest's stack and crashes it"},
    QuirkAbout{Quirk::ctrlif_suspend_early, "ctrlif-suspend-early", "domu",
               "a guest is suspended before its requests have responses, and does not wait for them later"},
    QuirkAbout{Quirk::kcons_lfcr, "kcons-lfcr", "domu",
               "kernel lines end with LF CR, and the CR is written without a check for room"},
    QuirkAbout{Quirk::kcons_flush_spin, "kcons-flush-spin", "domu",
               "a guest that ends uses all of a CPU while its output waits to be taken"},
    QuirkAbout{Quirk::leaky_response, "leaky-response", "domu",
               "responses carry the request's old bytes after their length"},
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

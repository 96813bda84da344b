// What a scenario acts upon: a whole machine with its people, asked to do one thing at a time and watched
// through its journal. It knows nothing of scenarios' text.
//
// A runner owns one stage a run. Behind it stands a simulated machine (sim_stage.h) or one of processes; both
// are driven by the same calls. Acts change something now, or set something going; nothing that they set
// going happens outside of advance(), settle() and those acts that say that they wait.
//
// An act that cannot be done answers why, in the words of whoever refused it, and leaves the machine as it
// was.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/check.h"
#include "emu/base/quirks.h"
#include "emu/dom0/xcs_proto.h"
#include "emu/host/host.h"
#include "emu/trace/event.h"

namespace ringside::script {

/// What serves the consoles.
enum class Dom0 : std::uint8_t {
  xcs_xend,  ///< the switch, and the console server behind it
  xenctld,   ///< one daemon in the place of both
};
enum class Daemon : std::uint8_t { xcs, xend, xenctld };

/// Hears each entry of the journal as it is written, within the call that made it happen. `step` counts from
/// 1. It must not act on the stage.
using JournalListener = std::function<void(std::uint64_t step, const trace::Entry& entry)>;

/// What is settled before the machine starts.
struct StagePlan {
  Dom0 dom0 = Dom0::xcs_xend;
  ring::Abi abi = ring::Abi::sring;  ///< of every domain
  Quirks quirks = {};                ///< each goes to the process that it belongs to
  bool uart = false;                 ///< somebody is at the far end of the serial line
  JournalListener journal;
};

enum class Way : std::uint8_t { tcp, local };

/// How a text is typed.
enum class Typing : std::uint8_t {
  keys,  ///< a write for each byte
  once,  ///< one write, as a paste
};

/// The two connections of a raw client of xcs.
enum class Lane : std::uint8_t { control, data };

struct Fault {
  enum class Effect : std::uint8_t {
    drop,
    delay,      ///< by `by`; what follows on the same way keeps its place behind it
    duplicate,  ///< comes again, `by` later
    reorder,    ///< the next one on the same way overtakes it; it comes after `by` if there is none
  };
  enum class Thing : std::uint8_t {
    event,    ///< the wake-up on an event channel
    message,  ///< an xcs frame; between other programs, one write, which can only be delayed
  };
  Effect effect = Effect::drop;
  Thing thing = Thing::event;
  trace::Actor from;
  trace::Actor to;
  std::uint32_t next = 0;       ///< the next so many; 0 = all that come
  std::uint32_t percent = 100;  ///< of those, 1 to 100, drawn from the seed
  Duration by{0};
};

class Stage {
 public:
  virtual ~Stage() = default;

  /// Starts xen and dom0's daemons, and waits until they serve. Once, first.
  virtual Result<> start() = 0;

  // -- domains
  /// With its console and its process, paused. Waits for dom0. EEXIST: there is one of that id.
  virtual Result<> create(DomainId domain) = 0;
  /// The same, and sets it going.
  virtual Result<> boot(DomainId domain) = 0;
  virtual Result<> pause(DomainId domain) = 0;
  virtual Result<> resume(DomainId domain) = 0;
  virtual Result<> destroy(DomainId domain) = 0;
  /// Its process, as kill -9 would; xen finds it crashed.
  virtual Result<> kill(DomainId domain) = 0;

  // -- what a guest does; the program on its console is the scenario's
  /// Its program prints. What the terminal does not take waits.
  virtual Result<> print(DomainId domain, std::string_view text) = 0;
  /// Its program exits.
  virtual Result<> exit(DomainId domain, int status) = 0;
  /// Eight full messages at once, less those that are unanswered. EINVAL: rx, which a guest cannot fill.
  virtual Result<> fill(DomainId domain, ring::Ring ring) = 0;
  /// Takes requests from its rx ring, or leaves them there.
  virtual Result<> answering(DomainId domain, bool answers) = 0;

  // -- what a guest's kernel can do behind its driver's back
  virtual Result<> write_slot(DomainId domain, ring::Ring ring, unsigned slot, trace::SlotUse use,
                              const ring::ControlMessage& message) = 0;
  /// One of the two that are in the page: req_prod and rsp_prod. EINVAL: the others.
  virtual Result<> set_index(DomainId domain, ring::Ring ring, trace::IndexName index,
                             std::uint32_t value) = 0;
  virtual Result<std::uint32_t> read_index(DomainId domain, ring::Ring ring, trace::IndexName index) = 0;
  /// Raises its event at dom0's end of the channel.
  virtual Result<> notify(DomainId domain) = 0;

  // -- people; `user` "" is the only one
  /// Waits until the console has taken the connection or refused it.
  virtual Result<> user_connects(const std::string& user, DomainId domain, Way way) = 0;
  virtual Result<> user_disconnects(const std::string& user) = 0;
  virtual Result<> user_types(const std::string& user, std::string_view text, Typing typing) = 0;
  /// Looks away from what is shown, or at it again.
  virtual Result<> user_reads(const std::string& user, bool reads) = 0;
  /// Opens the domain's pty under xenctld. Waits until xenctld has seen it.
  virtual Result<> pty_attaches(const std::string& pty, DomainId domain) = 0;
  virtual Result<> pty_detaches(const std::string& pty) = 0;
  virtual Result<> pty_types(const std::string& pty, std::string_view text, Typing typing) = 0;
  virtual Result<> uart_types(std::string_view text) = 0;

  // -- dom0
  /// As kill -9; its files and sockets stay behind as a dead process leaves them.
  virtual Result<> daemon_stops(Daemon daemon) = 0;
  /// One that was stopped, again; one that was stalled goes on. Waits until it serves.
  virtual Result<> daemon_starts(Daemon daemon) = 0;
  /// As a SIGSTOP: it does nothing until it is started.
  virtual Result<> daemon_stalls(Daemon daemon) = 0;

  // -- raw clients of xcs; `client` "" is the only one
  /// Both connections and the session that ties them. Waits for the replies.
  virtual Result<> client_connects(const std::string& client) = 0;
  virtual Result<> client_disconnects(const std::string& client) = 0;
  /// Any bytes, on either connection: whole frames (emu/dom0/client.h makes them), or parts of one.
  virtual Result<> client_sends(const std::string& client, Lane lane, Bytes bytes) = 0;
  virtual Result<> client_reads(const std::string& client, bool reads) = 0;
  /// The frames that came, oldest first, each handed out once.
  virtual Result<std::vector<dom0::XcsMessage>> client_received(const std::string& client, Lane lane) = 0;
  /// What a client's frames about a domain need: dom0's port of its channel, and its own.
  virtual Result<Privcmd::PortPair> console_ports(DomainId domain) = 0;

  // -- faults
  /// From here on. EINVAL: it means nothing between those two; the error says why.
  virtual Result<> fault(const Fault& fault) = 0;
  /// No fault any more; what is delayed comes now, stalled daemons go on.
  virtual Result<> heal() = 0;

  // -- time
  [[nodiscard]] virtual Time now() const = 0;
  /// Lets the next thing happen. False: nothing happens before `until`, and now() is `until`.
  virtual bool advance(Time until) = 0;
  /// Lets things happen until it is quiet: nothing is under way, and no timer that is due within
  /// `quiet_for` changes anything. False: it was not quiet before `until`.
  [[nodiscard]] virtual bool settle(Time until) = 0;

  // -- what is seen, from the beginning; valid until the next call
  [[nodiscard]] virtual std::string_view user_saw(const std::string& user) const = 0;
  [[nodiscard]] virtual std::string_view pty_showed(const std::string& pty) const = 0;
  [[nodiscard]] virtual std::string_view uart_showed() const = 0;
  /// What the program on the domain's console has read.
  [[nodiscard]] virtual std::string_view program_read(DomainId domain) const = 0;
  /// Warnings that processes have said to the person who runs them, "xcs: text".
  [[nodiscard]] virtual std::vector<std::string> warnings() const = 0;
  /// Who they are in the journal.
  [[nodiscard]] virtual trace::Actor user_actor(const std::string& user) const = 0;
  [[nodiscard]] virtual trace::Actor pty_actor(const std::string& pty) const = 0;
  [[nodiscard]] virtual trace::Actor client_actor(const std::string& client) const = 0;
};

/// How long nothing may happen before a machine counts as settled: longer than any timer by which it moves
/// something on, shorter than those by which it only looks around.
inline constexpr Duration quiet_for = std::chrono::milliseconds(200);

}  // namespace ringside::script

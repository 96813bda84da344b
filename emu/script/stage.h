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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/check.h"
#include "emu/base/quirks.h"
#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/host/host.h"
#include "emu/trace/event.h"

namespace ringside::script {

/// What serves the consoles.
enum class Dom0 : std::uint8_t {
  xcs_xend,  ///< the switch, and the console server behind it
  xenctld,   ///< one daemon in the place of both
};
enum class Daemon : std::uint8_t { xcs, xend, xenctld };
[[nodiscard]] const char* name_of(Daemon daemon);

/// Hears each entry of the journal as it is written, within the call that made it happen. `step` counts from
/// 1. It must not act on the stage.
using JournalListener = std::function<void(std::uint64_t step, const trace::Entry& entry)>;

/// What is settled before the machine starts.
struct StagePlan {
  Dom0 dom0 = Dom0::xcs_xend;
  ring::Abi abi = ring::Abi::sring;  ///< of every domain
  Quirks quirks = {};                ///< each goes to the process that it belongs to
  /// Somebody is at the far end of the serial line; dom0 has a program on its console there, a guest like any
  /// other for print(), end() and program_read().
  bool uart = false;
  std::uint32_t uart_speed = 0;  ///< of the serial line, in bits a second; 0: its characters take no time
  /// Something is to go wrong on purpose, sooner or later.
  bool faults = false;
  /// In a simulated machine: a read or a write may move less than all.
  bool cuts = true;
  /// Of the shares of faults between processes, unless `plain`: then only all and none are.
  std::uint64_t seed = 1;
  bool plain = true;
  JournalListener journal = {};
};

enum class Way : std::uint8_t { tcp, local };

/// How a text is typed.
enum class Typing : std::uint8_t {
  keys,  ///< a write for each byte
  once,  ///< one write, as a paste
};

/// The two connections of a raw client of xcs.
enum class Lane : std::uint8_t { control, data };

struct StageFault {
  enum class Effect : std::uint8_t {
    drop,       ///< an event: as if it had never been raised; a message: as if it had never been sent
    delay,      ///< by `by`; what follows on the same way keeps its place behind it
    duplicate,  ///< comes again, `by` later
    reorder,    ///< the next one on the same way overtakes it; it comes after `by` if there is none
  };
  enum class Thing : std::uint8_t {
    event,    ///< the wake-up on an event channel
    message,  ///< an xcs frame; between other programs one write, which can only be delayed
  };
  Effect effect = Effect::drop;
  Thing thing = Thing::event;
  trace::Actor from;
  trace::Actor to;
  std::uint32_t next = 0;       ///< the next so many; 0 = all that come
  std::uint32_t percent = 100;  ///< of those, 1 to 100, drawn from the seed
  Duration by{0};
};

/// What runs on a guest's console.
enum class GuestProgram : std::uint8_t {
  script,  ///< prints what the scenario says, keeps what it reads
  shell,   ///< the built-in shell
};

class Stage {
 public:
  virtual ~Stage() = default;

  /// Starts xen and dom0's daemons, and waits until they serve. Once, first.
  virtual Result<> start() = 0;

  // -- domains
  /// With its console and its process, paused. Waits for dom0. EEXIST: there is one of that id.
  virtual Result<> create(DomainId domain, GuestProgram program) = 0;
  /// The same, and sets it going.
  virtual Result<> boot(DomainId domain, GuestProgram program) = 0;
  virtual Result<> pause(DomainId domain) = 0;
  virtual Result<> unpause(DomainId domain) = 0;
  virtual Result<> destroy(DomainId domain) = 0;
  /// Its process, as kill -9 would; xen finds it crashed.
  virtual Result<> kill(DomainId domain) = 0;
  /// Asks the daemon that keeps the consoles. The guest's program and its console stay. Waits for dom0 and
  /// the guest.
  virtual Result<> suspend(DomainId domain) = 0;
  /// With another page; it goes on, too. Waits for dom0. EIO: it is not suspended.
  virtual Result<> resume(DomainId domain) = 0;

  // -- what a guest does
  /// Its program prints. What the terminal does not take waits.
  virtual Result<> print(DomainId domain, std::string_view text) = 0;
  /// A message of its kernel, which drops what it has no room for.
  virtual Result<> log(DomainId domain, std::string_view text) = 0;
  /// Its terminal is full and says so with XOFF, or has room again and says XON.
  virtual Result<> throttle(DomainId domain, bool full) = 0;
  /// Its program ends, and the guest with it.
  virtual Result<> end(DomainId domain, int status) = 0;
  /// Takes requests from its rx ring, or leaves them there.
  virtual Result<> answering(DomainId domain, bool answers) = 0;

  // -- what is done to a page past all code that would know better; `who` only names the one who does it
  virtual Result<> write_slot(trace::Actor who, DomainId domain, ring::Ring ring, std::uint32_t slot,
                              trace::SlotUse use, const ring::ControlMessage& message) = 0;
  /// One of the two that are in the page: req_prod and rsp_prod. EINVAL: the others.
  virtual Result<> set_index(trace::Actor who, DomainId domain, ring::Ring ring, trace::IndexName index,
                             std::uint32_t value) = 0;
  virtual Result<std::uint32_t> read_index(DomainId domain, ring::Ring ring, trace::IndexName index) = 0;
  /// Console requests into all slots that are free, and req_prod behind them; no event.
  virtual Result<> fill(trace::Actor who, DomainId domain, ring::Ring ring) = 0;
  /// Raises the event of a domain's console channel, for the other end. One of the two is the domain.
  virtual Result<> notify(trace::Actor who, trace::Actor peer) = 0;

  // -- people; `user` "" is the only one
  /// Under xenctld the user opens the pty of the domain, and `way` means nothing.
  virtual Result<> user_connects(const std::string& user, DomainId domain, Way way) = 0;
  virtual Result<> user_disconnects(const std::string& user) = 0;
  /// Half a close: it sends no more, once what it has typed is out, and still sees.
  virtual Result<> user_ends_typing(const std::string& user) = 0;
  virtual Result<> user_types(const std::string& user, std::string_view text, Typing typing) = 0;
  /// Looks away from what is shown, or at it again.
  virtual Result<> user_reads(const std::string& user, bool reads) = 0;
  /// Under xenctld: a new pty, of which somebody has the other side, becomes the domain's console. Waits for
  /// xenctld. `pty` "" is the only one.
  virtual Result<> pty_attaches(const std::string& pty, DomainId domain) = 0;
  virtual Result<> pty_detaches(const std::string& pty) = 0;
  virtual Result<> pty_types(const std::string& pty, std::string_view text, Typing typing) = 0;
  virtual Result<> uart_types(std::string_view text, Typing typing) = 0;

  // -- dom0
  /// As kill -9; its files and sockets stay behind as a dead process leaves them.
  virtual Result<> daemon_stops(Daemon daemon) = 0;
  /// One that was stopped, again; one that was stalled goes on. Waits until it serves.
  virtual Result<> daemon_starts(Daemon daemon) = 0;
  /// Shows what guests say and sends no responses, or sends them again, those that were withheld first.
  /// EINVAL: xcs, which never answers by itself.
  virtual Result<> daemon_answers(Daemon daemon, bool answers) = 0;
  /// As a SIGSTOP: it does nothing until it is started.
  virtual Result<> daemon_stalls(Daemon daemon) = 0;

  // -- raw clients of xcs; `client` "" is the only one
  /// A connection, without a word. Waits until xcs has taken it, unless that is stalled.
  virtual Result<> client_opens(const std::string& client, Lane lane) = 0;
  /// Both, and the session that ties them. Waits for the replies; one other than OK is an error.
  virtual Result<> client_connects(const std::string& client) = 0;
  virtual Result<> client_closes(const std::string& client, Lane lane) = 0;
  /// Any bytes: whole frames (emu/dom0/xcs/client.h makes them), or parts of one. What does not fit waits.
  virtual Result<> client_sends(const std::string& client, Lane lane, Bytes bytes) = 0;
  virtual Result<> client_reads(const std::string& client, bool reads) = 0;
  /// Sends requests back as their responses, as xend does, or does not. Does not at first.
  virtual Result<> client_answers(const std::string& client, bool answers) = 0;
  /// All frames that it has read, oldest first.
  [[nodiscard]] virtual Result<std::vector<dom0::XcsMessage>> client_received(const std::string& client,
                                                                              Lane lane) const = 0;
  /// xcs has closed it.
  [[nodiscard]] virtual bool client_cut_off(const std::string& client, Lane lane) const = 0;
  /// The session that xcs gave it; 0 = none yet.
  [[nodiscard]] virtual std::uint64_t client_session(const std::string& client) const = 0;
  /// The number by which xcs calls a connection in the journal, and so do the client's own entries; 0 = not
  /// known, since xcs was stalled.
  [[nodiscard]] virtual std::uint32_t client_number(const std::string& client, Lane lane) const = 0;
  /// What frames about a domain need: dom0's port of its channel, and the guest's.
  virtual Result<Privcmd::PortPair> console_ports(DomainId domain) = 0;

  // -- faults
  /// From here on. EINVAL: it means nothing between those two; the error says why.
  virtual Result<> fault(const StageFault& fault) = 0;
  /// No fault any more. What is late comes when it was to come.
  virtual Result<> heal() = 0;

  // -- time
  [[nodiscard]] virtual Time now() const = 0;
  /// Lets the next thing happen. False: nothing happens before `until`, and now() is `until`.
  virtual bool advance(Time until) = 0;
  /// Lets things happen until it is quiet: nothing is under way, and no timer that is due within
  /// `quiet_for` changes anything. False: it was not quiet before `until`.
  [[nodiscard]] virtual bool settle(Time until) = 0;

  // -- what is seen, from the beginning; valid until the next call
  /// The console has closed its connection, and everything that it had sent was read.
  [[nodiscard]] virtual bool user_cut_off(const std::string& user) const = 0;
  [[nodiscard]] virtual std::string_view user_saw(const std::string& user) const = 0;
  [[nodiscard]] virtual std::string_view pty_showed(const std::string& pty) const = 0;
  [[nodiscard]] virtual std::string_view uart_showed() const = 0;
  /// What the program on the domain's console has read.
  [[nodiscard]] virtual std::string_view program_read(DomainId domain) const = 0;
  /// Warnings that processes have said to the person who runs them, "xcs: text".
  [[nodiscard]] virtual std::vector<std::string> warnings() const = 0;
  /// Why not all that happened was heard. Nothing follows from such a run. It does not go on.
  [[nodiscard]] virtual std::optional<Error> failure() const { return std::nullopt; }
  /// Who they are in the journal, from their first act on: "" has no number, others are numbered from 1.
  [[nodiscard]] virtual trace::Actor user_actor(const std::string& user) const = 0;
  [[nodiscard]] virtual trace::Actor pty_actor(const std::string& pty) const = 0;
};

/// How long nothing may happen before a machine counts as settled: longer than any timer by which it moves
/// something on, shorter than those by which it only looks around.
inline constexpr Duration quiet_for = std::chrono::milliseconds(200);

}  // namespace ringside::script

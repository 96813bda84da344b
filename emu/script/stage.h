// The machine on which a scenario runs, with its users: it performs one act at a time, and its journal is
// observed. It does not know the scenario language.
//
// A runner owns one stage for each run. A stage is a simulated machine (sim_stage.h) or a machine of
// processes; both have the same interface. An act takes effect at once, or starts something that continues
// only during advance(), settle() and acts that are documented to wait.
//
// An impossible act returns an error with the reason that the refusing component gave, and does not change
// the machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/answer.h"
#include "emu/base/check.h"
#include "emu/base/quirks.h"
#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/host/host.h"
#include "emu/trace/event.h"

namespace ringside::script {

/// The programs of dom0 that serve the consoles.
enum class Dom0 : std::uint8_t {
  xcs_xend,     ///< the control switch xcs, and xend behind it
  xenctld,      ///< one daemon in place of both
  xenconsoled,  ///< today's: the consoles of all domains are byte rings
};
enum class Daemon : std::uint8_t { xcs, xend, xenctld, xenconsoled };
inline constexpr std::size_t daemons = 4;
/// The daemon that users and programs ask for consoles.
[[nodiscard]] Daemon console_keeper(Dom0 dom0);
[[nodiscard]] const char* name_of(Daemon daemon);
[[nodiscard]] trace::Role role_of(Daemon daemon);

/// Called with each entry of the journal as it is written, during the call that causes it. `step` counts from
/// 1. Must not act on the stage.
using JournalListener = std::function<void(std::uint64_t step, const trace::Entry& entry)>;

/// The configuration of a machine, fixed before it starts.
struct StagePlan {
  Dom0 dom0 = Dom0::xcs_xend;
  ring::Abi abi = ring::Abi::sring;  ///< of every domain
  Quirks quirks = {};                ///< each is used by the program to which it belongs
  Answer answer = Answer::xend;      ///< meant for xcs only
  /// A user is connected to the serial line, and a program runs on dom0's console there. For print(), end()
  /// and program_read() dom0 is a domain like others.
  bool uart = false;
  std::uint32_t uart_speed = 0;  ///< of the serial line, in bits a second; 0: characters take no time
  /// Faults will be injected: a machine of processes needs a table for them.
  bool faults = false;
  /// In a simulated machine: reads and writes may be short.
  bool cuts = true;
  /// Chooses which events or messages a share like 5% hits, between processes. If `plain`, it hits all or
  /// none.
  std::uint64_t seed = 1;
  bool plain = true;
  JournalListener journal = {};
};

enum class Way : std::uint8_t { tcp, local };

/// How a text is typed.
enum class Typing : std::uint8_t {
  keys,  ///< a write for each byte
  once,  ///< one write, as when text is pasted
};

/// The two connections of a raw client of xcs.
enum class Lane : std::uint8_t { control, data };

struct StageFault {
  enum class Effect : std::uint8_t {
    drop,       ///< it is lost: an event as if it had not been raised, a message as if not sent
    delay,      ///< by `by`; later ones of the same sender and receiver stay behind it
    duplicate,  ///< is sent again, `by` later
    reorder,  ///< is sent after the next one of the same sender and receiver, or after `by` if there is none
  };
  enum class Traffic : std::uint8_t {
    event,    ///< the kick for an event channel
    message,  ///< a frame of xcs; between other programs one write, which can only be delayed
  };
  Effect effect = Effect::drop;
  Traffic traffic = Traffic::event;
  trace::Actor from;
  trace::Actor to;
  std::uint32_t next = 0;       ///< how many; 0: all
  std::uint32_t percent = 100;  ///< of those, 1 to 100, chosen by the seed
  Duration by{0};
};

/// The program on a guest's console.
enum class GuestProgram : std::uint8_t {
  script,  ///< prints what the scenario says, and keeps what it reads
  shell,   ///< the built-in shell
};

class Stage {
 public:
  virtual ~Stage() = default;

  /// Starts xen and dom0's daemons, and waits until they serve. Called once, before all others.
  virtual Result<> start() = 0;

  // -- domains
  /// Creates a domain with its console and its process, paused. Waits for dom0. EEXIST: a domain of that id
  /// exists.
  virtual Result<> create(DomainId domain, GuestProgram program) = 0;
  /// Creates it and unpauses it.
  virtual Result<> boot(DomainId domain, GuestProgram program) = 0;
  virtual Result<> pause(DomainId domain) = 0;
  virtual Result<> unpause(DomainId domain) = 0;
  virtual Result<> destroy(DomainId domain) = 0;
  /// Kills its process as kill -9 does; for xen the domain has crashed.
  virtual Result<> kill(DomainId domain) = 0;
  /// Asks the daemon that keeps the consoles to suspend it. The guest's program and console stay. Waits for
  /// dom0 and the guest.
  virtual Result<> suspend(DomainId domain) = 0;
  /// Resumes it with a new page, and unpauses it. Waits for dom0. EIO: it is not suspended.
  virtual Result<> resume(DomainId domain) = 0;

  // -- what a guest does
  /// Its program prints. Text that the terminal does not take at once is printed later.
  virtual Result<> print(DomainId domain, std::string_view text) = 0;
  /// Its kernel prints a message, and drops what it has no room for.
  virtual Result<> log(DomainId domain, std::string_view text) = 0;
  /// Its terminal is full and sends XOFF, or has room again and sends XON.
  virtual Result<> throttle(DomainId domain, bool full) = 0;
  /// Its program exits, and the guest then shuts down.
  virtual Result<> end(DomainId domain, int status) = 0;
  /// Whether it takes requests from its rx ring.
  virtual Result<> answering(DomainId domain, bool answers) = 0;
  /// Whether its program reads its terminal. For dom0, too.
  virtual Result<> reading(DomainId domain, bool reads) = 0;

  // -- direct writes to a domain's page, without ring code and checks; `who` is only the actor of the entry
  virtual Result<> write_slot(trace::Actor who, DomainId domain, ring::Ring ring, std::uint32_t slot,
                              trace::SlotUse use, const ring::ControlMessage& message) = 0;
  /// req_prod or rsp_prod. EINVAL: a consumer index, which is not in the page.
  virtual Result<> set_index(trace::Actor who, DomainId domain, ring::Ring ring, trace::IndexName index,
                             std::uint32_t value) = 0;
  virtual Result<std::uint32_t> read_index(DomainId domain, ring::Ring ring, trace::IndexName index) = 0;
  /// Any index of a byte ring: all are in the frame. EINVAL: the domain's console is that of 2005.
  virtual Result<> set_byte_index(trace::Actor who, DomainId domain, trace::ByteIndex index,
                                  std::uint32_t value) = 0;
  virtual Result<std::uint32_t> read_byte_index(DomainId domain, trace::ByteIndex index) = 0;
  /// Writes console requests into all free slots, and then req_prod. Raises no event.
  virtual Result<> fill(trace::Actor who, DomainId domain, ring::Ring ring) = 0;
  /// Raises the event of a domain's console channel. Either `who` or `peer` is the domain.
  virtual Result<> notify(trace::Actor who, trace::Actor peer) = 0;

  // -- users; `user` "" is the one without a name
  /// Under xenctld and xenconsoled the user opens the pty of the domain, and `way` has no meaning.
  virtual Result<> user_connects(const std::string& user, DomainId domain, Way way) = 0;
  virtual Result<> user_disconnects(const std::string& user) = 0;
  /// Closes one direction, after the typed bytes: the user sends no more, and still receives.
  virtual Result<> user_ends_typing(const std::string& user) = 0;
  virtual Result<> user_types(const std::string& user, std::string_view text, Typing typing) = 0;
  /// Whether the user reads what the console sends.
  virtual Result<> user_reads(const std::string& user, bool reads) = 0;
  /// Under xenctld: a new pty becomes the domain's console; the user has its other side. Waits for xenctld.
  /// `pty` "" is the one without a name.
  virtual Result<> pty_attaches(const std::string& pty, DomainId domain) = 0;
  virtual Result<> pty_detaches(const std::string& pty) = 0;
  virtual Result<> pty_types(const std::string& pty, std::string_view text, Typing typing) = 0;
  virtual Result<> uart_types(std::string_view text, Typing typing) = 0;

  // -- dom0
  /// Kills it as kill -9 does. Its files and sockets stay, as they do after a crash.
  virtual Result<> daemon_stops(Daemon daemon) = 0;
  /// Starts a stopped daemon, or continues a stalled one. Waits until it serves.
  virtual Result<> daemon_starts(Daemon daemon) = 0;
  /// Whether it sends responses. Without them it still passes guests' output on. When it answers again, it
  /// first sends the responses that it has withheld. EINVAL: xcs, whose early answers cannot be withheld.
  virtual Result<> daemon_answers(Daemon daemon, bool answers) = 0;
  /// Stops it as SIGSTOP does, until daemon_starts().
  virtual Result<> daemon_stalls(Daemon daemon) = 0;

  // -- raw clients of xcs; `client` "" is the one without a name
  /// Connects to xcs and sends nothing. Waits until xcs has accepted the connection, unless xcs is stalled.
  virtual Result<> client_opens(const std::string& client, Lane lane) = 0;
  /// Opens both connections and a session for them. Waits for the replies. A reply other than OK is an error.
  virtual Result<> client_connects(const std::string& client) = 0;
  virtual Result<> client_closes(const std::string& client, Lane lane) = 0;
  /// Sends any bytes: frames (emu/dom0/xcs/client.h makes them), or parts of one. What does not fit is sent
  /// later.
  virtual Result<> client_sends(const std::string& client, Lane lane, Bytes bytes) = 0;
  virtual Result<> client_reads(const std::string& client, bool reads) = 0;
  /// Whether it returns requests as their responses, as xend does. At first it does not.
  virtual Result<> client_answers(const std::string& client, bool answers) = 0;
  /// All frames that it has read, the oldest first.
  [[nodiscard]] virtual Result<std::vector<dom0::XcsMessage>> client_received(const std::string& client,
                                                                              Lane lane) const = 0;
  /// Whether xcs has closed the connection.
  [[nodiscard]] virtual bool client_cut_off(const std::string& client, Lane lane) const = 0;
  /// The session that xcs gave it; 0: none yet.
  [[nodiscard]] virtual std::uint64_t client_session(const std::string& client) const = 0;
  /// The number of the connection in the journal, in entries of xcs and of the client; 0: not known, since
  /// xcs was stalled.
  [[nodiscard]] virtual std::uint32_t client_number(const std::string& client, Lane lane) const = 0;
  /// The ports that frames about a domain contain: dom0's port of its channel, and the guest's.
  virtual Result<Privcmd::PortPair> console_ports(DomainId domain) = 0;

  // -- faults
  /// Injects it from now on. EINVAL: such data do not pass between those two; the error says why.
  virtual Result<> fault(const StageFault& fault) = 0;
  /// Ends all faults. Delayed items are still sent at their time.
  virtual Result<> heal() = 0;

  // -- time
  [[nodiscard]] virtual Time now() const = 0;
  /// Lets the next event happen. False: none happens before `until`, and now() is `until`.
  virtual bool advance(Time until) = 0;
  /// Advances until the machine is quiet: nothing is in transit, and no timer that is due within `quiet_for`
  /// changes anything. False: it was not quiet before `until`.
  [[nodiscard]] virtual bool settle(Time until) = 0;

  // -- what was observed since the beginning; valid until the next call
  /// Whether the console has closed the user's connection, and the user has read everything before.
  [[nodiscard]] virtual bool user_cut_off(const std::string& user) const = 0;
  [[nodiscard]] virtual std::string_view user_saw(const std::string& user) const = 0;
  [[nodiscard]] virtual std::string_view pty_showed(const std::string& pty) const = 0;
  [[nodiscard]] virtual std::string_view uart_showed() const = 0;
  /// All input that the program on the domain's console has read.
  [[nodiscard]] virtual std::string_view program_read(DomainId domain) const = 0;
  /// Warnings of processes for the user who runs them: "xcs: text".
  [[nodiscard]] virtual std::vector<std::string> warnings() const = 0;
  /// The reason why entries are missing. The result of such a run has no meaning, and the run ends.
  [[nodiscard]] virtual std::optional<Error> failure() const { return std::nullopt; }
  /// The actor in the journal, from the first act on. "" has no number, others are numbered from 1.
  [[nodiscard]] virtual trace::Actor user_actor(const std::string& user) const = 0;
  [[nodiscard]] virtual trace::Actor pty_actor(const std::string& pty) const = 0;
};

/// A machine without entries for this long is settled. Longer than any timer that moves data, shorter than
/// those that only check for changes.
inline constexpr Duration quiet_for = std::chrono::milliseconds(200);

}  // namespace ringside::script

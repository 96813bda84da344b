// A scenario as a tree of plain values: the result of the front end, and the input of a runner.
//
// It is concrete: parameters, cases, `{NAME}`, `when`, `repeat` and includes are resolved (expand.h). A
// Scenario is one run, from its first act to its last expectation. Each part keeps the Span of its words, so
// that later errors can point there. Acts and patterns are closed sets: a runner visits them with one
// overload each and no default.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "emu/base/answer.h"
#include "emu/base/quirks.h"
#include "emu/script/operands.h"
#include "emu/trace/event.h"
#include "ring/layout.h"

namespace ringside::script {

// -- acts

/// Acts of xen on domains.
struct Life {
  enum class Verb : std::uint8_t { creates, boots, pauses, unpauses, destroys, kills };
  Verb verb = Verb::boots;
  std::vector<Actor> domains;
  bool shell = false;  ///< `running shell`: the built-in shell in place of the scenario's program
};
struct Prints {
  Actor domain;
  Payload payload;
};
/// A message of the guest's kernel.
struct Logs {
  Actor domain;
  Payload payload;
};
/// The guest's terminal sends XOFF or XON.
struct Throttles {
  Actor domain;
  bool full = true;
};
/// The guest's program exits. The guest ends when its output is sent.
struct Ends {
  Actor domain;
};
/// A direct write to the page, without ring code and checks.
struct WritesSlot {
  Actor who;
  RingRef ring;
  std::uint32_t slot = 0;
  Message message;
};
struct SetsIndex {
  Actor who;
  RingRef ring;
  RingIndex index = RingIndex::req_prod;  ///< one that is in shared memory
  bool adds = false;                      ///< `number` is added; otherwise it is the new value
  std::uint32_t number = 0;
};
/// Writes requests into all free slots, without an event.
struct FillsRing {
  Actor who;
  RingRef ring;
};
struct Notifies {
  Actor who;
  Actor peer;
};
/// Whether an actor answers requests. Guests, xend and xenctld do at first, raw clients do not.
struct Answering {
  Actor who;
  bool on = false;
};
/// Whether a user or a raw client reads.
struct Reading {
  Actor who;
  bool on = false;
};
struct Connects {
  enum class By : std::uint8_t { tcp, unix_socket };
  Actor user;
  Actor domain;
  By by = By::unix_socket;
};
struct Disconnects {
  Actor user;
};
/// A user sends no more, and still reads: half of the connection is closed.
struct EndsTyping {
  Actor user;
};
struct Suspension {
  Actor who;
  bool suspends = true;
  Actor domain;
};
struct Types {
  Actor who;  ///< a user, or the uart: the user at the serial line
  Payload payload;
  std::optional<Place> at;  ///< a pty; otherwise the console to which the user is connected
  bool in_one_write = false;
};
struct HandlesPty {
  bool attaches = true;
  Actor domain;
  std::string name;  ///< from `as P`, or empty
};
/// A process of dom0.
struct Runs {
  enum class Verb : std::uint8_t {
    stops,   ///< it is killed
    starts,  ///< after it was stopped or stalled
    stalls,  ///< it is stopped, as by SIGSTOP
  };
  Actor who;
  Verb verb = Verb::stops;
};

// Acts of a raw client of xcs.

enum class Side : std::uint8_t { control, data };
[[nodiscard]] std::string_view spelled(Side side);

/// Opens a socket and sends nothing.
struct ClientOpens {
  Actor client;
  Side side = Side::control;
};
/// Sends CONNECT_CTRL or CONNECT_DATA on its connection, or without a side both in turn. Opens connections
/// that are not open.
struct ClientConnects {
  Actor client;
  std::optional<Side> side;
  std::optional<std::uint64_t> session;  ///< default: its own; 0 for a control connection without one
  std::optional<Actor> session_of;       ///< or the session of another client
};
struct ClientCloses {
  Actor client;
  std::optional<Side> side;
};
struct ClientBinds {
  Actor client;
  bool binds = true;
  std::optional<std::uint32_t> port;  ///< empty: any
  std::optional<std::uint16_t> type;  ///< empty: any
};
struct ClientBindsVirq {
  Actor client;
  std::uint16_t virq = 0;
};
/// Requests or frees the channel of a domain. For a port of 0 xcs chooses one.
struct ClientChannel {
  Actor client;
  bool opens = true;
  Actor domain;  ///< may be one that does not exist
  std::uint32_t local_port = 0;
  std::uint32_t remote_port = 0;
};
struct ClientSends {
  Actor client;
  Message message;
  Actor domain;
};
struct ClientSendsBytes {
  Actor client;
  Payload payload;
  Side side = Side::control;
};
struct ClientSaysBye {
  Actor client;
  Side side = Side::control;
};
struct ClientNotifies {
  Actor client;
  std::uint32_t port = 0;
};

struct Fault {
  enum class Verb : std::uint8_t { drops, delays, duplicates, reorders };
  Verb verb = Verb::drops;
  enum class Which : std::uint8_t { next, every, percent };
  Which which = Which::next;
  std::uint32_t number = 1;  ///< the number of events or messages, or their percentage
  bool events = true;        ///< otherwise messages
  Actor from;
  Actor to;
  Duration by{};  ///< for delays only
};
struct HealsAll {};
/// A line that has only a time.
struct Waits {};

/// Its special members are compiled in syntax.cc only, because they are long: one case for each kind. The
/// same holds for PatternKind and StatementKind.
struct Act
    : std::variant<Life, Prints, Logs, Throttles, Ends, WritesSlot, SetsIndex, FillsRing, Notifies, Answering,
                   Reading, Connects, Disconnects, EndsTyping, Suspension, Types, HandlesPty, Runs,
                   ClientOpens, ClientConnects, ClientCloses, ClientBinds, ClientBindsVirq, ClientChannel,
                   ClientSends, ClientSendsBytes, ClientSaysBye, ClientNotifies, Fault, HealsAll, Waits> {
  using variant::variant;
  Act();
  Act(const Act&);
  Act(Act&&) noexcept;
  Act& operator=(const Act&);
  Act& operator=(Act&&) noexcept;
  ~Act();
};

// -- patterns: what an expectation searches for

/// `dom1 reads`, `user sees`, `P shows`, `dom1 writes out`: the next bytes at that place.
struct Shows {
  Place place;
  Payload payload;
};
/// Any bytes.
struct BytesAt {
  Place place;
};
struct Receives {
  Actor who;
  Message message;
  std::optional<Actor> from;
};
/// A reply of xcs on a raw client's control connection.
struct ReceivesReply {
  Actor client;
  std::uint32_t result = 0;  ///< as in the frame
};
struct ReceivesVirq {
  Actor client;
};
/// The other side has closed the connection: xcs a raw client's, or one of its two; xend a user's.
struct IsCutOff {
  Actor who;
  std::optional<Side> side;
};
struct Sends {
  Actor who;
  Actor to;
  Message message;
};
struct Forwards {
  Actor who;
  Message message;
  std::optional<Actor> from;
  std::optional<Actor> to;
};
/// `real`: messages that their sender wrote; `stale`: older contents of the slots.
struct ForwardsCount {
  Actor who;
  std::uint32_t real = 0;
  std::uint32_t stale = 0;
  std::optional<Actor> from;
  std::optional<Actor> to;
};
struct EventRaised {
  Actor from;
  Actor to;
};
struct TakesEvent {
  Actor who;
};
struct SlotWritten {
  Actor who;
  RingRef ring;
  std::uint32_t slot = 0;
  Message message;
};
struct IndexMoved {
  Actor who;
  RingRef ring;
  RingIndex index = RingIndex::req_prod;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};
struct Refuses {
  Actor who;
  std::optional<Actor> whom;
  std::optional<Payload> reason;  ///< part of the entry's words, or a regular expression
};
/// An entry of kind told: `xen says "..."`.
struct Says {
  Actor who;
  Payload text;  ///< as in Refuses
};
struct QuirkBites {
  Quirk quirk = Quirk::xcs_drop_when_full;
};

struct IndexTest {
  RingIndex index = RingIndex::req_prod;
  Compare compare = Compare::equal;
  std::uint32_t number = 0;
  Span span;
};
struct RingState {
  RingRef ring;
  bool settles = false;
  std::vector<IndexTest> tests;  ///< at least one; all hold at the same time
};
struct CounterState {
  Actor actor;
  std::string_view counter;  ///< a name of vocabulary.h
  std::optional<Actor> of;   ///< the part of one domain; empty: all
  bool settles = false;      ///< compared after the machine has settled; otherwise at any time
  Compare compare = Compare::equal;
  std::uint64_t number = 0;
};
struct CounterChanges {
  Actor actor;
  std::string_view counter;
  std::optional<Actor> of;
};

struct PatternKind : std::variant<Shows, BytesAt, Receives, ReceivesReply, ReceivesVirq, IsCutOff, Sends,
                                  Forwards, ForwardsCount, EventRaised, TakesEvent, SlotWritten, IndexMoved,
                                  Refuses, Says, QuirkBites, RingState, CounterState, CounterChanges> {
  using variant::variant;
  PatternKind();
  PatternKind(const PatternKind&);
  PatternKind(PatternKind&&) noexcept;
  PatternKind& operator=(const PatternKind&);
  PatternKind& operator=(PatternKind&&) noexcept;
  ~PatternKind();
};

struct Pattern {
  PatternKind what;
  Span span;     ///< of the whole pattern
  Span subject;  ///< of its subject: "xcs.dropped", "user"
};

// -- statements

struct Expect {
  Pattern pattern;
  bool now = false;                ///< compared at once
  std::optional<Duration> within;  ///< empty: the scenario's timeout
  Span limit;         ///< the words of `within`, else the line of the timeout; nowhere: it is the default
  std::string label;  ///< of `as NAME`, for reports; may be empty
  Span label_span;
};
/// Nothing matches for a time, and the machine settles without a match.
struct ExpectNo {
  Pattern pattern;
  bool more = false;  ///< starts at the position of the actor, not at the present step
  Duration during{};
};
/// Holds to the end, or to the phase of that title.
struct Never {
  Pattern pattern;
  std::string until_phase;
  Span until_span;
};
struct Phase {
  std::string title;
};
struct Statement;
/// Acts begin at the same time, in an order that the seed chooses. Expectations may be met in any order.
struct Together {
  std::vector<Statement> statements;
};

struct When {
  bool absolute = false;  ///< `at`: since the scenario began; `after`: since the previous statement
  Duration delay{};
  Span span;
};

struct StatementKind : std::variant<Act, Expect, ExpectNo, Never, Together, Phase> {
  using variant::variant;
  StatementKind();
  StatementKind(const StatementKind&);
  StatementKind(StatementKind&&) noexcept;
  StatementKind& operator=(const StatementKind&);
  StatementKind& operator=(StatementKind&&) noexcept;
  ~StatementKind();
};

struct Statement {
  Span span;  ///< the line without its comment; of a block, its first line
  std::optional<When> when;
  std::string round;          ///< "I=3" or "round 3" inside a repeat, for reports
  std::string_view only_sim;  ///< why real processes cannot do it; empty: they can
  StatementKind what;
};

// -- the scenario

enum class Mode : std::uint8_t { sim, real };
[[nodiscard]] std::string_view spelled(Mode mode);

/// The program at dom0's end of the rings.
enum class Controller : std::uint8_t { xcs, xenctld, xenconsoled };
inline constexpr std::array<std::string_view, 3> controller_names{"xcs", "xenctld", "xenconsoled"};
[[nodiscard]] constexpr std::string_view spelled(Controller controller) {
  return controller_names[static_cast<std::size_t>(controller)];
}

inline constexpr std::uint64_t plain_seed = 1;  ///< the plain order of events
struct Seeds {
  std::uint64_t first = plain_seed;
  std::uint64_t last = plain_seed;
};

struct Setup {
  std::string title;
  Span title_span;
  Seeds seeds;
  bool says_mode = false;  ///< there is a `mode` line
  bool sim = true;         ///< may run simulated
  bool real = true;
  ring::Abi abi = ring::Abi::sring;
  Duration timeout = std::chrono::seconds(1);
  Span timeout_span;  ///< line 0: it is the default
  std::vector<std::string> tags;
  std::uint32_t speed = 0;  ///< of the serial line, in bits a second; 0: characters take no time
  bool cuts = false;        ///< reads and writes may be short, as the seed chooses
  bool golden = false;      ///< the acts of each actor are compared with a file beside this one
  Quirks quirks;
  Answer answer = Answer::xend;             ///< meant for xcs only
  Controller controller = Controller::xcs;  ///< as set, or the one that a line names
  bool says_controller = false;             ///< there is a `controller` line
  std::vector<Pattern> ignores;
};

/// The value of a name in this run.
struct Binding {
  std::string name;
  std::string value;     ///< as written
  bool in_name = false;  ///< part of the command that repeats the run: -p NAME=value
};

/// One run.
struct Scenario {
  std::string name;    ///< "long-input[BYTES=481,LOSS=on]"; one line; unique in a command
  std::string stem;    ///< "long-input": the scenario's name within its file
  std::string values;  ///< "[BYTES=481,LOSS=on]"; may be empty
  std::string path;    ///< of its file
  std::uint32_t line = 0;
  Mode mode = Mode::sim;
  Setup setup;
  std::vector<Binding> bindings;
  std::vector<Statement> statements;
};

}  // namespace ringside::script

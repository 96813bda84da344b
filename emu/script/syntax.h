// A scenario as a tree of plain values: what the front end makes of a file, and what a runner carries out.
//
// It is concrete. Parameters, cases, `{NAME}` and `when` are dealt with before (expand.h), `repeat` is
// unrolled, includes are in place: a Scenario here is one run, from its first act to its last expectation.
// Each piece keeps the Span of the words that it came from, so that whatever goes wrong later can be shown
// there. Acts and patterns are closed sets: a runner visits them with one overload each and no default.
//
// Nothing here owns anything but its own values, and nothing does anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "emu/base/quirks.h"
#include "emu/script/source.h"
#include "emu/trace/event.h"
#include "ring/layout.h"

namespace ringside::script {

using Duration = std::chrono::nanoseconds;

// -- who and where

/// Somebody who acts or is looked at. Domains are numbered; users and clients may be named, and the one
/// without a name is the only one of its kind that most scenarios need.
struct Actor {
  trace::Role role = trace::Role::xen;
  std::uint32_t domain = 0;  ///< role domain: its id
  std::string name;          ///< roles user and client: "anna" of user[anna]; empty: the one without a name
  Span span;

  friend bool operator==(const Actor& one, const Actor& other) {
    return one.role == other.role && one.domain == other.domain && one.name == other.name;
  }
};

/// "dom1", "xcs", "user[anna]": as a scenario spells it.
[[nodiscard]] std::string spelled(const Actor& actor);

/// Where bytes come to light.
struct Place {
  enum class Kind : std::uint8_t {
    domain,  ///< what the program in a domain reads; dom0 is one too
    user,    ///< what a console client shows
    uart,    ///< what leaves the machine on the serial line
    pty,     ///< xenctld's; `name` is the one given with `as`, or empty for the only one
  };
  Kind kind = Kind::user;
  Actor actor;  ///< of kinds domain and user
  std::string name;
  Span span;
};

struct RingRef {
  std::uint32_t domain = 0;
  ring::Ring ring = ring::Ring::tx;
  Span span;
};

// -- what is written or looked for

/// Bytes, or what bytes must look like. `N bytes of "abc"` is not spelled out: it may be a MiB.
struct Payload {
  enum class Kind : std::uint8_t {
    exact,   ///< `unit`, `repeated_bytes` long: shorter than the unit cuts it, longer repeats it
    prefix,  ///< begins with `unit`; never in acts
    regex,   ///< `unit` is an Expression that compiles; never in acts
  };
  Kind kind = Kind::exact;
  std::string unit;
  std::uint64_t repeated_bytes = 0;
  Span span;

  /// How many bytes an exact payload has.
  [[nodiscard]] std::uint64_t size() const { return repeated_bytes; }
  /// Byte `at` of an exact payload, at < size().
  [[nodiscard]] char at(std::uint64_t at) const { return unit[at % unit.size()]; }
  /// All of an exact payload.
  [[nodiscard]] std::string bytes() const;
};

/// A control message to write, or the pattern of one. What is not given is not looked at; in an act, the
/// length is then the payload's and everything else 0.
struct Message {
  bool response = false;
  std::uint8_t type = 0;
  std::optional<std::uint8_t> subtype;
  std::optional<std::uint8_t> id;
  std::optional<std::uint8_t> length_min;  ///< both or neither; in an act they are the same
  std::optional<std::uint8_t> length_max;
  std::optional<Payload> payload;
  std::optional<Payload> behind;  ///< what lies in the slot behind its length (in an act: behind the payload)
  Span span;
};

enum class Compare : std::uint8_t { equal, unequal, less, at_most, more, at_least };
[[nodiscard]] bool holds(std::uint64_t value, Compare compare, std::uint64_t number);
/// "is", ">=": as a scenario spells it.
[[nodiscard]] std::string_view spelled(Compare compare);

// -- acts

/// xen does it to domains.
struct Life {
  enum class Verb : std::uint8_t { creates, boots, pauses, unpauses, destroys, kills };
  Verb verb = Verb::boots;
  std::vector<Actor> domains;
  bool shell = false;  ///< `running shell`: the built-in one, not a program that the scenario plays
};
struct Prints {
  Actor domain;
  Payload payload;
};
/// A line of the guest's kernel.
struct Logs {
  Actor domain;
  Payload payload;
};
/// The guest's terminal says XOFF or XON to who types.
struct Throttles {
  Actor domain;
  bool full = true;
};
/// The guest's program ends, and with it, once its output is out, the guest.
struct Ends {
  Actor domain;
};
/// Straight into the page, past all code that would know better.
struct WritesSlot {
  Actor who;
  RingRef ring;
  std::uint32_t slot = 0;
  Message message;
};
struct SetsIndex {
  Actor who;
  RingRef ring;
  trace::IndexName index = trace::IndexName::req_prod;  ///< req_prod or rsp_prod: the two in the page
  bool adds = false;                                    ///< to what it is; else it becomes `number`
  std::uint32_t number = 0;
};
/// As many requests as there are free slots, without an event.
struct FillsRing {
  Actor who;
  RingRef ring;
};
struct Notifies {
  Actor who;
  Actor peer;
};
/// Guests, xend, xenctld and raw clients answer requests unless told not to; raw clients only if told to.
struct Answering {
  Actor who;
  bool on = false;
};
/// Users and raw clients.
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
/// A user sends no more, and still looks: half of the connection is closed.
struct EndsTyping {
  Actor user;
};
struct Sleeps {
  Actor who;
  bool suspends = true;
  Actor domain;
};
struct Types {
  Actor who;  ///< a user, or the uart: somebody at the far end of the serial line
  Payload payload;
  std::optional<Place> at;  ///< a pty; else the console that the user is connected to
  bool in_one_write = false;
};
struct HandlesPty {
  bool attaches = true;
  Actor domain;
  std::string name;  ///< of `as P`, or empty
};
/// A process of dom0.
struct Runs {
  enum class Verb : std::uint8_t {
    stops,   ///< it ends
    starts,  ///< again, after either of the others
    stalls,  ///< it is there and does nothing
  };
  Actor who;
  Verb verb = Verb::stops;
};

// A raw client of xcs, message by message.

enum class Side : std::uint8_t { control, data };
[[nodiscard]] std::string_view spelled(Side side);

/// Opens a socket without a word.
struct ClientOpens {
  Actor client;
  Side side = Side::control;
};
/// Says what the connection is. Without a side: both, one after the other. Opens what is not open.
struct ClientConnects {
  Actor client;
  std::optional<Side> side;
  std::optional<std::uint64_t> session;  ///< else its own; 0 for a control connection that has none
  std::optional<Actor> session_of;       ///< or that of another client
};
struct ClientCloses {
  Actor client;
  std::optional<Side> side;
};
struct ClientBinds {
  Actor client;
  bool binds = true;
  std::optional<std::uint32_t> port;  ///< nothing: any
  std::optional<std::uint16_t> type;  ///< nothing: any
};
struct ClientBindsVirq {
  Actor client;
  std::uint16_t virq = 0;
};
/// The channel of a domain: asked for or given back. Ports of 0 are for xcs to choose.
struct ClientChannel {
  Actor client;
  bool opens = true;
  Actor domain;  ///< perhaps one that does not exist
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
  std::uint32_t number = 1;  ///< how many for next, of a hundred for percent
  bool events = true;        ///< else messages
  Actor from;
  Actor to;
  Duration by{};  ///< delays only
};
struct HealsAll {};
/// A line with nothing but a time.
struct Waits {};

using Act =
    std::variant<Life, Prints, Logs, Throttles, Ends, WritesSlot, SetsIndex, FillsRing, Notifies, Answering,
                 Reading, Connects, Disconnects, EndsTyping, Sleeps, Types, HandlesPty, Runs, ClientOpens,
                 ClientConnects, ClientCloses, ClientBinds, ClientBindsVirq, ClientChannel, ClientSends,
                 ClientSendsBytes, ClientSaysBye, ClientNotifies, Fault, HealsAll, Waits>;

// -- patterns: what an expectation looks for

/// `dom1 reads`, `user sees`, `P shows`: these bytes come out there, next.
struct Shows {
  Place place;
  Payload payload;
};
/// Any bytes at all.
struct BytesAt {
  Place place;
};
struct Receives {
  Actor who;
  Message message;
  std::optional<Actor> from;
};
/// What xcs said on a raw client's control connection.
struct ReceivesReply {
  Actor client;
  std::uint32_t result = 0;  ///< as in the frame
};
struct ReceivesVirq {
  Actor client;
};
/// The other side has closed it: xcs a raw client's, or one of its two; xend a user's.
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
/// `real` messages that their sender wrote, and `stale` ones that were in the slots from before.
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
  trace::IndexName index = trace::IndexName::req_prod;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};
struct Refuses {
  Actor who;
  std::optional<Actor> whom;
  std::optional<Payload> reason;  ///< a part of what the journal says; a pattern if it is one
};
/// What is told of lives: `xen says "..."`.
struct Says {
  Actor who;
  Payload text;  ///< as above
};
struct QuirkBites {
  Quirk quirk = Quirk::xcs_drop_when_full;
};

struct IndexTest {
  trace::IndexName index = trace::IndexName::req_prod;
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
  std::optional<Actor> of;   ///< one domain's part of it; else all
  bool settles = false;      ///< and is then compared; else at any time
  Compare compare = Compare::equal;
  std::uint64_t number = 0;
};
struct CounterChanges {
  Actor actor;
  std::string_view counter;
  std::optional<Actor> of;
};

struct Pattern {
  std::variant<Shows, BytesAt, Receives, ReceivesReply, ReceivesVirq, IsCutOff, Sends, Forwards,
               ForwardsCount, EventRaised, TakesEvent, SlotWritten, IndexMoved, Refuses, Says, QuirkBites,
               RingState, CounterState, CounterChanges>
      what;
  Span span;     ///< all of it
  Span subject;  ///< whom or what it is about: "xcs.dropped", "user"
};

// -- statements

struct Expect {
  Pattern pattern;
  bool now = false;                ///< at this very moment of virtual time
  std::optional<Duration> within;  ///< else the scenario's timeout
  Span limit;                      ///< where it says so; the timeout's line or nothing (line 0) without
  std::string label;               ///< of `as NAME`, for reports; else empty
  Span label_span;
};
/// Nothing like it happens for a while, and nothing is left to happen that could.
struct ExpectNo {
  Pattern pattern;
  bool more = false;  ///< looks from what earlier lines have consumed on, not from its line on
  Duration during{};
};
/// From here to the end, or to where the phase of that title begins.
struct Never {
  Pattern pattern;
  std::string until_phase;
  Span until_span;
};
struct Phase {
  std::string title;
};
struct Statement;
/// All acts begin at the same moment, in whatever order chance has it; all expectations hold in any order.
struct Together {
  std::vector<Statement> statements;
};

struct When {
  bool absolute = false;  ///< `at`: since the scenario began; `after`: since the statement before was done
  Duration delay{};
  Span span;
};

struct Statement {
  Span span;  ///< the line without its comment; of a block, its first line
  std::optional<When> when;
  std::string round;          ///< "I=3" or "round 3" inside a repeat, for reports
  std::string_view only_sim;  ///< why it makes no sense with real processes; empty: it does
  std::variant<Act, Expect, ExpectNo, Never, Together, Phase> what;
};

// -- the whole

enum class Mode : std::uint8_t { sim, real };
[[nodiscard]] std::string_view spelled(Mode mode);

/// Who runs dom0's end of the rings.
enum class Controller : std::uint8_t { xcs, xenctld };

inline constexpr std::uint64_t plain_seed = 1;  ///< stands for the plain order of events
struct Seeds {
  std::uint64_t first = plain_seed;
  std::uint64_t last = plain_seed;
};

struct Setup {
  std::string title;
  Span title_span;
  Seeds seeds;
  bool says_mode = false;  ///< there is a `mode` line
  bool sim = true;         ///< may run so
  bool real = true;
  ring::Abi abi = ring::Abi::sring;
  Duration timeout = std::chrono::seconds(1);
  Span timeout_span;  ///< line 0: it is the default
  std::vector<std::string> tags;
  std::uint32_t speed = 0;  ///< of the serial line, in bits a second; 0: characters take no time
  bool cuts = false;        ///< reads and writes may move less than all, where the seed says so
  bool golden = false;      ///< what each actor does is kept in a file beside this one
  Quirks quirks;
  Controller controller = Controller::xcs;  ///< xenctld if a line names it
  std::vector<Pattern> ignores;
};

/// What a name stood for in this run.
struct Binding {
  std::string name;
  std::string value;     ///< as written
  bool in_name = false;  ///< and so part of the command that repeats the run: -p NAME=value
};

/// One run.
struct Scenario {
  std::string name;    ///< "long-input[BYTES=481,LOSS=on]"; one line, and no other run of a command has it
  std::string stem;    ///< "long-input": the name of its scenario within its file
  std::string values;  ///< "[BYTES=481,LOSS=on]"; empty without any
  std::string path;    ///< of the file that it is in
  std::uint32_t line = 0;
  Mode mode = Mode::sim;
  Setup setup;
  std::vector<Binding> bindings;
  std::vector<Statement> statements;
};

}  // namespace ringside::script

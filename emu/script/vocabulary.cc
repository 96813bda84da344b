// The tables of actors, verbs and lines. Counters and parts of messages are in counters.cc.
#include "emu/script/vocabulary.h"

#include <algorithm>
#include <array>

namespace ringside::script {

namespace {

using trace::Role;

constexpr Roles any_of(std::initializer_list<Role> roles) {
  Roles all = 0;
  for (const Role role : roles) all |= only(role);
  return all;
}

constexpr Roles xen = only(Role::xen);
constexpr Roles domain = only(Role::domain);
constexpr Roles guest_or_dom0 = any_of({Role::domain, Role::dom0});
constexpr Roles daemon = any_of({Role::xcs, Role::xend, Role::xenctld, Role::xenconsoled});
constexpr Roles ring_end = any_of({Role::domain, Role::xcs, Role::xenctld});
constexpr Roles any_end = ring_end | only(Role::xenconsoled);
constexpr Roles user = only(Role::user);
constexpr Roles client = only(Role::client);
constexpr Roles uart = only(Role::uart);
constexpr Roles every_role = any_of({Role::xen, Role::dom0, Role::xcs, Role::xend, Role::xenctld,
                                     Role::xenconsoled, Role::uart, Role::user, Role::client, Role::domain});

constexpr std::array actors{
    ActorAbout{Role::xen, "xen", "the hypervisor"},
    ActorAbout{Role::dom0, "dom0", "the first domain: its own console is the serial line's"},
    ActorAbout{Role::xcs, "xcs", "the control switch in dom0"},
    ActorAbout{Role::xend, "xend", "the console server behind xcs"},
    ActorAbout{Role::xenctld, "xenctld", "one daemon in place of xcs and xend, with a pty for each domain"},
    ActorAbout{Role::xenconsoled, "xenconsoled",
               "the console daemon of today's Xen: two rings of bytes for each domain, and a pty"},
    ActorAbout{Role::uart, "uart", "the serial line, and the user at its far end"},
    ActorAbout{Role::user, "user", "a user with a console client; user[anna] is another one"},
    ActorAbout{Role::client, "client",
               "a program that uses xcs's protocol, frame by frame; client[b] is another one"},
};

constexpr bool act = true;
constexpr bool expected = false;

constexpr std::array verbs{
    VerbAbout{Verb::creates, "creates", xen, act, "xen creates DOM, DOM",
              "makes the domain, paused, and its page"},
    VerbAbout{Verb::boots, "boots", xen, act, "xen boots DOM, DOM [running shell]",
              "creates the domain if needed, and its console, and starts it"},
    VerbAbout{Verb::pauses, "pauses", xen, act, "xen pauses DOM", "stops its vcpu"},
    VerbAbout{Verb::unpauses, "unpauses", xen, act, "xen unpauses DOM", "continues its vcpu"},
    VerbAbout{Verb::destroys, "destroys", xen, act, "xen destroys DOM",
              "ends it and frees its resources at once"},
    VerbAbout{Verb::kills, "kills", xen, act, "xen kills DOM", "kills its process at this moment"},
    VerbAbout{Verb::suspends, "suspends", any_of({Role::xend, Role::xenctld}), act, "xend suspends DOM",
              "requests a suspend and waits for it; frees the channel, keeps the console"},
    VerbAbout{Verb::resumes, "resumes", any_of({Role::xend, Role::xenctld}), act, "xend resumes DOM",
              "resumes it, with another page and another channel"},
    VerbAbout{Verb::prints, "prints", guest_or_dom0, act, "DOM prints PAYLOAD",
              "its program writes to its terminal"},
    VerbAbout{Verb::logs, "logs", domain, act, "DOM logs TEXT", "its kernel prints a message"},
    VerbAbout{Verb::throttles, "throttles", domain, act, "DOM throttles",
              "its terminal, which has IXOFF, is full, and sends XOFF before all other output"},
    VerbAbout{Verb::unthrottles, "unthrottles", domain, act, "DOM unthrottles",
              "its terminal has room again, and sends XON"},
    VerbAbout{Verb::ends, "ends", domain, act, "DOM ends", "its program ends, and it shuts down"},
    VerbAbout{Verb::writes, "writes", ring_end, act, "DOM writes tx[SLOT] MESSAGE",
              "puts a message into a slot; no index moves"},
    VerbAbout{Verb::sets, "sets", any_end, act, "DOM sets tx.req_prod to N; DOM sets out.out_prod to N",
              "sets an index in shared memory to N"},
    VerbAbout{Verb::adds, "adds", any_end, act, "DOM adds N to tx.req_prod",
              "adds N to an index in shared memory"},
    VerbAbout{Verb::fills, "fills", ring_end, act, "DOM fills tx",
              "puts requests into all free slots, without an event"},
    VerbAbout{Verb::notifies, "notifies", any_end, act, "DOM notifies ACTOR",
              "raises the event of its channel"},
    VerbAbout{Verb::stops, "stops", daemon, act, "xcs stops", "ends the process"},
    VerbAbout{Verb::starts, "starts", daemon, act, "xcs starts", "starts the process again, or continues it"},
    VerbAbout{Verb::stalls, "stalls", daemon, act, "xcs stalls", "stops the process without ending it"},
    VerbAbout{Verb::connects, "connects", user, act, "user connects to DOM [by tcp|unix]",
              "a console client attaches; under xenctld the user opens the pty of the domain"},
    VerbAbout{Verb::disconnects, "disconnects", user, act, "user disconnects", "the client detaches"},
    VerbAbout{Verb::ends, "ends", user, act, "user ends typing",
              "shuts down the sending side, and still reads; not under xenctld"},
    VerbAbout{Verb::types, "types", user, act, "user types PAYLOAD [at PTY] [in one write]",
              "key by key, or all at once"},
    VerbAbout{Verb::types, "types", uart, act, "uart types PAYLOAD", "bytes arrive on the serial line"},
    VerbAbout{Verb::attaches, "attaches", only(Role::xenctld), act, "xenctld attaches pty to DOM [as NAME]",
              "connects the console to a pty"},
    VerbAbout{Verb::detaches, "detaches", only(Role::xenctld), act, "xenctld detaches pty from DOM",
              "disconnects it again"},
    VerbAbout{Verb::opens, "opens", client, act, "client opens control|data",
              "opens a connection and sends nothing"},
    VerbAbout{Verb::connects, "connects", client, act,
              "client connects [control|data] [session N]; session of CLIENT",
              "opens connections and sends what they are for"},
    VerbAbout{Verb::closes, "closes", client, act, "client closes [control|data]",
              "closes its connections, or one of them"},
    VerbAbout{Verb::binds, "binds", client, act, "client binds [port N|any] [type TYPE|any]",
              "requests messages; binds virq VIRQ for an interrupt"},
    VerbAbout{Verb::unbinds, "unbinds", client, act, "client unbinds [port N|any] [type TYPE|any]",
              "cancels that request"},
    VerbAbout{Verb::attaches, "attaches", client, act, "client attaches to DOM [local N] [remote N]",
              "requests the channel of a domain from xcs"},
    VerbAbout{Verb::detaches, "detaches", client, act, "client detaches from DOM", "returns the channel"},
    VerbAbout{Verb::sends, "sends", client, act,
              "client sends MESSAGE to DOM; client sends PAYLOAD on control|data",
              "sends a frame, or any bytes"},
    VerbAbout{Verb::says, "says", client, act, "client says bye [on control|data]",
              "sends a frame that ends a connection before it is established"},
    VerbAbout{Verb::notifies, "notifies", client, act, "client notifies port N",
              "sends a VIRQ frame, which is an event to xcs"},
    VerbAbout{Verb::stops, "stops",
              any_of({Role::domain, Role::dom0, Role::xend, Role::xenctld, Role::user, Role::client}), act,
              "ACTOR stops answering|reading", "answers no requests, or reads no bytes"},
    VerbAbout{Verb::starts, "starts",
              any_of({Role::domain, Role::dom0, Role::xend, Role::xenctld, Role::user, Role::client}), act,
              "ACTOR starts answering|reading", "answers or reads again"},

    VerbAbout{Verb::reads, "reads", guest_or_dom0, expected, "DOM reads PAYLOAD",
              "its program gets these bytes next"},
    VerbAbout{Verb::sees, "sees", user, expected, "user sees PAYLOAD", "these bytes appear next"},
    VerbAbout{Verb::shows, "shows", uart, expected, "uart shows PAYLOAD",
              "these bytes are sent next; also for a pty"},
    VerbAbout{Verb::receives, "receives", any_of({Role::domain, Role::xcs, Role::xend, Role::xenctld}),
              expected, "ACTOR receives MESSAGE [from ACTOR]",
              "has taken it from the ring, or read it from the socket; xcs knows the sender"},
    VerbAbout{Verb::receives, "receives", client, expected,
              "client receives MESSAGE [from DOM] | RESULT | virq | end [on control|data]",
              "has read a frame, a reply, an interrupt, or the end of the connection"},
    VerbAbout{Verb::receives, "receives", user, expected, "user receives end", "the console has hung up"},
    VerbAbout{Verb::forwards, "forwards", any_of({Role::xcs, Role::xend, Role::xenctld}), expected,
              "ACTOR forwards MESSAGE from A to B; forwards N real and M stale messages from A",
              "passes it on"},
    VerbAbout{Verb::sends, "sends", any_of({Role::xcs, Role::xend, Role::client}), expected,
              "ACTOR sends ACTOR MESSAGE",
              "a frame between two processes of dom0 goes out; it may not arrive"},
    VerbAbout{Verb::writes, "writes", any_end, expected,
              "ACTOR writes DOM.rx[SLOT] MESSAGE; DOM writes out PAYLOAD; xenconsoled writes DOM.in PAYLOAD",
              "a slot is filled; these bytes are written next"},
    VerbAbout{Verb::moves, "moves", any_end, expected,
              "ACTOR moves DOM.tx req_prod N -> M; ACTOR moves DOM.out out_prod N -> M", "an index moves"},
    VerbAbout{Verb::takes, "takes", any_end, expected, "ACTOR takes event",
              "its upcall has found the channel's port"},
    VerbAbout{Verb::refuses, "refuses", every_role, expected, "ACTOR refuses [ACTOR] [TEXT]",
              "refuses a request, for a reason that contains TEXT"},
    VerbAbout{Verb::says, "says", every_role, expected, "ACTOR says TEXT",
              "reports an event of a domain or a process, in a sentence that contains TEXT"},
};

constexpr std::array lines{
    LineAbout{"scenario", true, "scenario \"TITLE\"", "begins a scenario"},
    LineAbout{"seed", true, "seed N | seed N..M", "decides ties and faults; default 1"},
    LineAbout{"mode", true, "mode sim | real | both", "where it may run; default both"},
    LineAbout{"abi", true, "abi sring | flat", "the layout of the pages"},
    LineAbout{"answer", true, "answer xend | xcs",
              "which daemon answers console messages: as in 2005 (default), or early"},
    LineAbout{"controller", true, "controller xcs | xenctld | xenconsoled",
              "dom0's end of the rings; xenconsoled: today's. Default: the one that a line names, or xcs"},
    LineAbout{"timeout", true, "timeout DURATION", "how long an expectation waits; default 1s"},
    LineAbout{"speed", true, "speed N",
              "bits a second on the serial line; by default its characters take no time"},
    LineAbout{"cuts", true, "cuts on | off", "texts may be cut where a read or write can end; default off"},
    LineAbout{"golden", true, "golden", "compares each actor's entries with a .journal file beside this one"},
    LineAbout{"tag", true, "tag WORD", "a word for --tag"},
    LineAbout{"include", false, "include \"FILE\"", "inserts the lines of that file"},
    LineAbout{"quirk", true, "quirk NAME on | off", "switches an error of 2005 on or off"},
    LineAbout{"param", true, "param NAME = VALUE, VALUE", "one run for each value"},
    LineAbout{"cases", true, "cases NAME NAME, then rows; or: from \"FILE.csv\"", "one run for each row"},
    LineAbout{"let", true, "let NAME = VALUE", "gives a value a name"},
    LineAbout{"ignore", true, "ignore PATTERN", "entries that expectations may skip"},
    LineAbout{"expect", false, "expect PATTERN [within DURATION | now] [as NAME]",
              "it must happen, in this order"},
    LineAbout{"never", false, "never PATTERN [until \"PHASE\"]", "it must not happen from here on"},
    LineAbout{"fault", false,
              "fault drops|delays|duplicates|reorders next N|every|P% events|messages A -> B [by DURATION]",
              "injects a fault; fault heals all ends all faults"},
    LineAbout{"repeat", false, "repeat N [as NAME] ... end", "repeats the lines in between"},
    LineAbout{"together", false, "together ... end", "starts the acts in between at the same time"},
    LineAbout{"end", false, "end", "ends a block"},
    LineAbout{"at", false, "at DURATION LINE", "when this time has passed since the start"},
    LineAbout{"after", false, "after DURATION [LINE]", "when this time has passed since the previous line"},
};

constexpr std::array<std::string_view, 78> glue{
    "to",       "from",       "by",       "at",      "as",       "in",      "one",       "write",
    "on",       "off",        "of",       "is",      "when",     "within",  "now",       "for",
    "until",    "settles",    "changes",  "no",      "more",     "bytes",   "byte",      "event",
    "events",   "message",    "messages", "next",    "every",    "heals",   "all",       "drops",
    "delays",   "duplicates", "reorders", "real",    "stale",    "and",     "answering", "reading",
    "running",  "shell",      "pty",      "tcp",     "unix",     "control", "data",      "session",
    "port",     "type",       "any",      "local",   "remote",   "bye",     "virq",      "bites",
    "request",  "response",   "subtype",  "id",      "length",   "tx",      "rx",        "req_prod",
    "rsp_prod", "end",        "behind",   "typing",  "sim",      "both",    "sring",     "flat",
    "quirk",    "out",        "in_prod",  "in_cons", "out_prod", "out_cons"};

}  // namespace

std::span<const ActorAbout> actors_known() {
  return actors;
}
std::span<const VerbAbout> verbs_known() {
  return verbs;
}
std::span<const LineAbout> lines_known() {
  return lines;
}
std::span<const std::string_view> connecting_words() {
  return glue;
}

bool has_role(const VerbAbout& verb, trace::Role role) {
  return (verb.roles & only(role)) != 0;
}

std::vector<std::string_view> verbs_of(trace::Role role, bool act) {
  std::vector<std::string_view> words;
  for (const VerbAbout& each : verbs) {
    // The table may have a word twice, with two syntaxes.
    if (each.act == act && has_role(each, role) && std::ranges::find(words, each.word) == words.end())
      words.push_back(each.word);
  }
  return words;
}

const VerbAbout* find_verb(trace::Role role, bool act, std::string_view word) {
  const auto found = std::ranges::find_if(verbs, [&](const VerbAbout& each) {
    return each.act == act && has_role(each, role) && each.word == word;
  });
  return found == verbs.end() ? nullptr : &*found;
}

}  // namespace ringside::script

// The tables of actors, verbs and lines. Counters and what messages are made of are in counters.cc.
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
constexpr Roles daemon = any_of({Role::xcs, Role::xend, Role::xenctld});
constexpr Roles ring_end = any_of({Role::domain, Role::xcs, Role::xenctld});
constexpr Roles user = only(Role::user);
constexpr Roles client = only(Role::client);
constexpr Roles uart = only(Role::uart);
constexpr Roles anybody = any_of({Role::xen, Role::dom0, Role::xcs, Role::xend, Role::xenctld, Role::uart,
                                  Role::user, Role::client, Role::domain});

constexpr std::array actors{
    ActorAbout{Role::xen, "xen", "the hypervisor"},
    ActorAbout{Role::dom0, "dom0", "the first domain: its own console is the serial line's"},
    ActorAbout{Role::xcs, "xcs", "the control switch in dom0"},
    ActorAbout{Role::xend, "xend", "the console server behind xcs"},
    ActorAbout{Role::xenctld, "xenctld", "one daemon in place of xcs and xend, with a pty for each domain"},
    ActorAbout{Role::uart, "uart", "the serial line, and whoever sits at its far end"},
    ActorAbout{Role::user, "user", "somebody with a console client; user[anna] is another one"},
    ActorAbout{Role::client, "client",
               "a program that speaks xcs's protocol, frame by frame; client[b] is another"},
};

constexpr bool act = true;
constexpr bool expected = false;

constexpr std::array verbs{
    VerbAbout{Verb::creates, "creates", xen, act, "xen creates DOM, DOM",
              "the domain and its page are there, and paused"},
    VerbAbout{Verb::boots, "boots", xen, act, "xen boots DOM, DOM [running shell]",
              "creates it, if it is not there, and its console, and lets it run"},
    VerbAbout{Verb::pauses, "pauses", xen, act, "xen pauses DOM", "its vcpu stands still"},
    VerbAbout{Verb::unpauses, "unpauses", xen, act, "xen unpauses DOM", "its vcpu goes on"},
    VerbAbout{Verb::destroys, "destroys", xen, act, "xen destroys DOM", "takes everything from it at once"},
    VerbAbout{Verb::kills, "kills", xen, act, "xen kills DOM", "it dies in the middle of what it does"},
    VerbAbout{Verb::suspends, "suspends", any_of({Role::xend, Role::xenctld}), act, "xend suspends DOM",
              "lays it down: its channel is freed, its console stays; waits for it"},
    VerbAbout{Verb::resumes, "resumes", any_of({Role::xend, Role::xenctld}), act, "xend resumes DOM",
              "wakes it, with another page and another channel"},
    VerbAbout{Verb::prints, "prints", guest_or_dom0, act, "DOM prints PAYLOAD",
              "its program writes to its terminal"},
    VerbAbout{Verb::logs, "logs", domain, act, "DOM logs TEXT", "its kernel prints a message"},
    VerbAbout{Verb::throttles, "throttles", domain, act, "DOM throttles",
              "its terminal, which has IXOFF, is full: XOFF goes out before all other output"},
    VerbAbout{Verb::unthrottles, "unthrottles", domain, act, "DOM unthrottles",
              "and XON, when it has room again"},
    VerbAbout{Verb::ends, "ends", domain, act, "DOM ends", "its program ends, and it shuts down"},
    VerbAbout{Verb::writes, "writes", ring_end, act, "DOM writes tx[SLOT] MESSAGE",
              "puts a message into a slot; no index moves"},
    VerbAbout{Verb::sets, "sets", ring_end, act, "DOM sets tx.req_prod to N",
              "an index in the page becomes N"},
    VerbAbout{Verb::adds, "adds", ring_end, act, "DOM adds N to tx.req_prod",
              "an index in the page goes up by N"},
    VerbAbout{Verb::fills, "fills", ring_end, act, "DOM fills tx",
              "requests in all free slots, and no event"},
    VerbAbout{Verb::notifies, "notifies", ring_end, act, "DOM notifies ACTOR",
              "raises the event of its channel"},
    VerbAbout{Verb::stops, "stops", daemon, act, "xcs stops", "the process ends"},
    VerbAbout{Verb::starts, "starts", daemon, act, "xcs starts", "it is started again, or goes on"},
    VerbAbout{Verb::stalls, "stalls", daemon, act, "xcs stalls", "the process is there and does nothing"},
    VerbAbout{Verb::connects, "connects", user, act, "user connects to DOM [by tcp|unix]",
              "a console client attaches"},
    VerbAbout{Verb::disconnects, "disconnects", user, act, "user disconnects", "and leaves"},
    VerbAbout{Verb::ends, "ends", user, act, "user ends typing", "sends no more, and still looks"},
    VerbAbout{Verb::types, "types", user, act, "user types PAYLOAD [at PTY] [in one write]",
              "key by key, or all at once"},
    VerbAbout{Verb::types, "types", uart, act, "uart types PAYLOAD", "bytes arrive on the serial line"},
    VerbAbout{Verb::attaches, "attaches", only(Role::xenctld), act, "xenctld attaches pty to DOM [as NAME]",
              "output goes there, input comes from there"},
    VerbAbout{Verb::detaches, "detaches", only(Role::xenctld), act, "xenctld detaches pty from DOM",
              "and no longer"},
    VerbAbout{Verb::opens, "opens", client, act, "client opens control|data", "a connection, without a word"},
    VerbAbout{Verb::connects, "connects", client, act,
              "client connects [control|data] [session N]; session of CLIENT",
              "says what the connections are"},
    VerbAbout{Verb::closes, "closes", client, act, "client closes [control|data]",
              "its connections, or one of them"},
    VerbAbout{Verb::binds, "binds", client, act, "client binds [port N|any] [type TYPE|any]",
              "asks for messages; binds virq VIRQ for an interrupt"},
    VerbAbout{Verb::unbinds, "unbinds", client, act, "client unbinds [port N|any] [type TYPE|any]",
              "and no longer"},
    VerbAbout{Verb::attaches, "attaches", client, act, "client attaches to DOM [local N] [remote N]",
              "asks xcs for the channel of a domain"},
    VerbAbout{Verb::detaches, "detaches", client, act, "client detaches from DOM", "gives it back"},
    VerbAbout{Verb::sends, "sends", client, act,
              "client sends MESSAGE to DOM; client sends PAYLOAD on control|data", "a frame, or any bytes"},
    VerbAbout{Verb::says, "says", client, act, "client says bye [on control|data]",
              "a frame that ends a connection which is not established yet"},
    VerbAbout{Verb::notifies, "notifies", client, act, "client notifies port N",
              "a VIRQ frame, which xcs takes for an event"},
    VerbAbout{Verb::stops, "stops",
              any_of({Role::domain, Role::xend, Role::xenctld, Role::user, Role::client}), act,
              "ACTOR stops answering|reading", "requests get no answer, or bytes no reader"},
    VerbAbout{Verb::starts, "starts",
              any_of({Role::domain, Role::xend, Role::xenctld, Role::user, Role::client}), act,
              "ACTOR starts answering|reading", "and go on"},

    VerbAbout{Verb::reads, "reads", guest_or_dom0, expected, "DOM reads PAYLOAD",
              "its program gets these bytes next"},
    VerbAbout{Verb::sees, "sees", user, expected, "user sees PAYLOAD", "these bytes appear next"},
    VerbAbout{Verb::shows, "shows", uart, expected, "uart shows PAYLOAD",
              "these bytes leave next; a pty shows them likewise"},
    VerbAbout{Verb::receives, "receives", any_of({Role::domain, Role::xcs, Role::xend, Role::xenctld}),
              expected, "ACTOR receives MESSAGE [from ACTOR]",
              "has taken it out of the ring, or read it from the socket; xcs says from whom"},
    VerbAbout{Verb::receives, "receives", client, expected,
              "client receives MESSAGE [from DOM] | RESULT | virq | end [on control|data]",
              "has read a frame, a reply, an interrupt, or that xcs has hung up"},
    VerbAbout{Verb::receives, "receives", user, expected, "user receives end", "the console has hung up"},
    VerbAbout{Verb::forwards, "forwards", daemon, expected,
              "ACTOR forwards MESSAGE from A to B; forwards N real and M stale messages from A",
              "passes it on"},
    VerbAbout{Verb::sends, "sends", any_of({Role::xcs, Role::xend, Role::client}), expected,
              "ACTOR sends ACTOR MESSAGE",
              "a frame between two processes of dom0 goes out; it may not arrive"},
    VerbAbout{Verb::writes, "writes", ring_end, expected, "ACTOR writes DOM.rx[SLOT] MESSAGE",
              "a slot is filled"},
    VerbAbout{Verb::moves, "moves", ring_end, expected, "ACTOR moves DOM.tx req_prod N -> M",
              "an index moves"},
    VerbAbout{Verb::takes, "takes", ring_end, expected, "ACTOR takes event",
              "its upcall finds the channel's port"},
    VerbAbout{Verb::refuses, "refuses", anybody, expected, "ACTOR refuses [ACTOR] [TEXT]",
              "does not do what it was asked, for a reason with TEXT in it"},
    VerbAbout{Verb::says, "says", anybody, expected, "ACTOR says TEXT",
              "tells of a domain's or a process's life, with TEXT in it"},
};

constexpr std::array lines{
    LineAbout{"scenario", true, "scenario \"TITLE\"", "begins one"},
    LineAbout{"seed", true, "seed N | seed N..M", "which choices are made at ties and faults; 1 without it"},
    LineAbout{"mode", true, "mode sim | real | both", "where it may run; both without it"},
    LineAbout{"abi", true, "abi sring | flat", "the layout of the pages"},
    LineAbout{"timeout", true, "timeout DURATION", "how long an expectation waits; 1s without it"},
    LineAbout{"speed", true, "speed N",
              "bits a second on the serial line; its characters take no time without it"},
    LineAbout{"cuts", true, "cuts on | off",
              "texts may be cut where a read or write can end; off without it"},
    LineAbout{"golden", true, "golden", "what each actor does is kept in a .journal file beside this one"},
    LineAbout{"tag", true, "tag WORD", "to choose scenarios by"},
    LineAbout{"include", false, "include \"FILE\"", "its lines stand here"},
    LineAbout{"quirk", true, "quirk NAME on | off", "something that went wrong in 2005"},
    LineAbout{"param", true, "param NAME = VALUE, VALUE", "one run for each value"},
    LineAbout{"cases", true, "cases NAME NAME, then rows; or: from \"FILE.csv\"", "one run for each row"},
    LineAbout{"let", true, "let NAME = VALUE", "a value with a name"},
    LineAbout{"ignore", true, "ignore PATTERN", "what expectations may skip"},
    LineAbout{"expect", false, "expect PATTERN [within DURATION | now] [as NAME]",
              "it comes, and in this order"},
    LineAbout{"never", false, "never PATTERN [until \"PHASE\"]", "it does not come, from here on"},
    LineAbout{"fault", false,
              "fault drops|delays|duplicates|reorders next N|every|P% events|messages A -> B [by DURATION]",
              "the world misbehaves; fault heals all"},
    LineAbout{"repeat", false, "repeat N [as NAME] ... end", "the lines in between, N times"},
    LineAbout{"together", false, "together ... end", "the lines in between, at the same time"},
    LineAbout{"end", false, "end", "of a block"},
    LineAbout{"at", false, "at DURATION LINE", "when that time has passed since the beginning"},
    LineAbout{"after", false, "after DURATION [LINE]", "when that time has passed since the line before"},
};

constexpr std::array<std::string_view, 68> glue{
    "to",       "from",       "by",       "at",    "as",     "in",      "one",       "write",
    "on",       "off",        "of",       "is",    "when",   "within",  "now",       "for",
    "until",    "settles",    "changes",  "no",    "more",   "bytes",   "byte",      "event",
    "events",   "message",    "messages", "next",  "every",  "heals",   "all",       "drops",
    "delays",   "duplicates", "reorders", "real",  "stale",  "and",     "answering", "reading",
    "running",  "shell",      "pty",      "tcp",   "unix",   "control", "data",      "session",
    "port",     "type",       "any",      "local", "remote", "bye",     "virq",      "bites",
    "request",  "response",   "subtype",  "id",    "length", "tx",      "rx",        "req_prod",
    "rsp_prod", "end",        "behind",   "typing"};

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
std::span<const std::string_view> glue_words() {
  return glue;
}

bool has_role(const VerbAbout& verb, trace::Role role) {
  return (verb.roles & only(role)) != 0;
}

std::vector<std::string_view> verbs_of(trace::Role role, bool act) {
  std::vector<std::string_view> words;
  for (const VerbAbout& each : verbs) {
    if (each.act == act && has_role(each, role)) words.push_back(each.word);
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

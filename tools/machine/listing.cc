// list: the state of each domain, as a table, line by line for one domain, or as JSON.
//
// It has three sources: the hypervisor for the domains and their ports, dom0's daemon for the consoles, and
// each domain's page for the outstanding requests in its rings. A source that does not answer leaves gaps and
// is no error, because a list is most useful when something is broken.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "emu/dom0/channel/early_store.h"
#include "emu/host/domain_words.h"
#include "emu/host/linux_host.h"
#include "ring/index.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/machine/live_start.h"
#include "tools/machine/page.h"
#include "tools/machine/store_nodes.h"
#include "tools/prose.h"

namespace ringside::tools {

namespace {

/// What dom0's daemon reports of one console.
struct Console {
  unsigned tcp_port = 0;  ///< 0: not on TCP; `path` is then a terminal, not a socket
  unsigned telnet_port = 0;
  std::string status;
  std::optional<std::uint64_t> buffered_bytes;  ///< empty: the daemon does not tell, nor the next one
  std::optional<std::uint64_t> discarded_bytes;
  std::string path;
};

struct Rings {
  std::uint32_t tx = 0;  ///< unanswered requests; in a domain of today, bytes that wait
  std::uint32_t rx = 0;
  DomainPage::Lost lost{};
};

struct Listed {
  DomainInfo info;
  std::optional<ring::Port> dom0_port;
  std::optional<Rings> rings;
  std::optional<Console> console;
  bool answered_early = false;  ///< xcs answers its console messages, not xend
};

std::map<DomainId, Console> ask_for_consoles(LinuxHost& host) {
  std::map<DomainId, Console> consoles;
  const auto answer = ask_xend(host, "consoles");
  if (!answer) return consoles;
  for (const std::string& line : answer.value()) {
    std::istringstream words(line);
    DomainId domain = 0;
    Console console;
    std::uint64_t buffered = 0;
    std::uint64_t discarded = 0;
    if (words >> domain >> console.tcp_port >> console.telnet_port >> console.status >> buffered >>
        discarded) {
      console.buffered_bytes = buffered;
      console.discarded_bytes = discarded;
      std::getline(words >> std::ws, console.path);
      consoles[domain] = console;
    }
  }
  return consoles;
}

/// Adds those of domains of today. A store that does not answer is not asked again.
void ask_store_for_consoles(const Machine& machine, const std::vector<DomainInfo>& infos,
                            std::map<DomainId, Console>& consoles) {
  if (running_dom0(machine) == Dom0Kind::xenconsoled) return;
  for (const DomainInfo& info : infos) {
    if (!info.today()) continue;
    auto tty = tty_in_store(machine, info.domain);
    if (!tty) return;
    if (tty->empty()) continue;
    Console& console = consoles[info.domain];
    console.path = *tty;
    console.status = "not known";
  }
}

Listed look_at(LinuxHost& host, Privcmd& privcmd, const DomainInfo& info) {
  Listed listed{.info = info, .dom0_port = {}, .rings = {}, .console = {}};
  if (info.console_port == 0) return listed;
  auto status = privcmd.evtchn_status(info.domain, info.console_port);
  if (status && status.value().state == PortState::interdomain) {
    listed.dom0_port = status.value().remote_port;
  }
  const auto page = DomainPage::open(host, privcmd, info);
  if (info.today()) {
    auto bytes = BytePage::open(host, privcmd, info.domain);
    if (page && bytes) {
      listed.rings = {ring::distance(bytes->out().prod, bytes->out().cons),
                      ring::distance(bytes->in().prod, bytes->in().cons), page.value().lost()};
    }
  } else if (page) {
    listed.rings = {page.value().unanswered(ring::Ring::tx), page.value().unanswered(ring::Ring::rx),
                    page.value().lost()};
  }
  return listed;
}

/// xm's letters: running, paused, shut down, crashed, dying.
std::string state_letters(const DomainState& state) {
  std::string letters = "-----";
  if (state.running && !state.paused) letters[0] = 'r';
  if (state.paused) letters[1] = 'p';
  if (state.shutdown) letters[2] = 's';
  if (state.crashed) letters[3] = 'c';
  if (state.dying) letters[4] = 'd';
  return letters;
}

/// The reason of its shutdown; empty before it.
std::optional<std::string> reason_of(const DomainInfo& info) {
  if (info.state.shutdown == 0 && info.state.crashed == 0) return std::nullopt;
  return std::string(reason_name(info.reason));
}

std::string ports_text(const Listed& listed) {
  if (listed.info.console_port == 0) return "-";
  return fmt::format("{}-{}", listed.info.console_port,
                     listed.dom0_port ? std::to_string(*listed.dom0_port) : "?");
}

std::string of_slots(std::uint32_t requests) {
  return fmt::format("{}/{}", requests, ring::slots_per_ring);
}

/// What waits in a ring.
std::string waiting_text(const Listed& listed, std::uint32_t Rings::*which) {
  if (!listed.rings) return "-";
  const std::uint32_t waiting = (*listed.rings).*which;
  return listed.info.today() ? std::to_string(waiting) : of_slots(waiting);
}

const char* generation(const DomainInfo& info) {
  return info.today() ? "today" : abi_name(info.abi);
}

std::string number_or_dash(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

std::string tcp_text(const Console& console) {
  return console.tcp_port != 0 ? std::to_string(console.tcp_port) : console.path;
}

void print_table(const std::vector<Listed>& domains) {
  fmt::print("{:<16} {:>4} {:>8} {:<5} {:<8} {:<5} {:<6} {:<4} {:<4} {:>6} {:>8} {:>9} {}\n", "Name", "Id",
             "Mem(MiB)", "State", "Reason", "Abi", "Ports", "tx", "rx", "Lost", "Buffered", "Discarded",
             "Console");
  for (const Listed& listed : domains) {
    const auto& console = listed.console;
    fmt::print("{:<16} {:>4} {:>8} {:<5} {:<8} {:<5} {:<6} {:<4} {:<4} {:>6} {:>8} {:>9} {}\n",
               listed.info.name, listed.info.domain, listed.info.memory_kib / 1024,
               state_letters(listed.info.state), reason_of(listed.info).value_or("-"),
               generation(listed.info), ports_text(listed), waiting_text(listed, &Rings::tx),
               waiting_text(listed, &Rings::rx),
               listed.rings ? std::to_string(listed.rings->lost.bytes()) : "-",
               console ? number_or_dash(console->buffered_bytes) : "-",
               console ? number_or_dash(console->discarded_bytes) : "-", console ? tcp_text(*console) : "-");
  }
  std::string early;
  for (const Listed& listed : domains) {
    if (listed.answered_early) early += fmt::format("{}{}", early.empty() ? "" : ", ", listed.info.name);
  }
  if (!early.empty()) fmt::print("Early answers of xcs: {}\n", early);
}

std::string end_text(const DomainInfo& info) {
  if (info.state.crashed != 0) return fmt::format("crashed: {}", crash_text(info));
  if (info.suspended()) return "suspended";
  return fmt::format("shut down: {}, exit status {}", reason_name(info.reason), info.exit_status);
}

void print_one(const Listed& listed) {
  const DomainInfo& info = listed.info;
  const auto line = [](const char* what, const std::string& value) {
    fmt::print("{:<10} {}\n", what, value);
  };
  line("name", info.name);
  line("id", std::to_string(info.domain));
  line("state", state_letters(info.state));
  if (reason_of(info)) line("end", end_text(info));
  line("memory", fmt::format("{} MiB of {}", info.memory_kib / 1024, info.memory_max_kib / 1024));
  line("process", info.process != 0 ? std::to_string(info.process) : "-");
  line("layout", generation(info));
  line("frame", fmt::format("{:#x}", info.shared_info_frame));
  line("ports",
       listed.dom0_port
           ? fmt::format("{} in the guest, {} in dom0", info.console_port, *listed.dom0_port)
           : (info.console_port != 0 ? fmt::format("{} in the guest, unbound", info.console_port) : "-"));
  if (listed.rings && info.today()) {
    line("out", fmt::format("{} bytes wait for xenconsoled", listed.rings->tx));
    line("in", fmt::format("{} bytes wait for the guest", listed.rings->rx));
    line("lost", listed.rings->lost.text());
  } else if (listed.rings) {
    line("tx", of_slots(listed.rings->tx) + " requests unanswered");
    line("rx", of_slots(listed.rings->rx) + " requests unanswered");
    line("lost", listed.rings->lost.text());
  }
  if (listed.answered_early) line("answers", "early, by xcs");
  if (!listed.console) return line("console", "-");
  const Console& console = *listed.console;
  if (console.tcp_port != 0) {
    line("console", fmt::format("telnet://127.0.0.1:{}", console.telnet_port));
    line("console", fmt::format("tcp://127.0.0.1:{}", console.tcp_port));
  }
  line("console", console.path);
  line("viewer", console.status);
  if (console.buffered_bytes && console.discarded_bytes)
    line("output",
         fmt::format("{} bytes buffered, {} discarded", *console.buffered_bytes, *console.discarded_bytes));
}

// -- JSON. The README of this folder documents the fields. Every object has all of them, except `answer`.

template <class Number>
std::string json_number(const std::optional<Number>& number) {
  return number ? std::to_string(*number) : "null";
}

template <class Number>
std::string json_unless_0(Number number) {
  return number != 0 ? std::to_string(number) : "null";
}

std::string json_of(const std::optional<Console>& console) {
  if (!console) return "null";
  const std::string path = json_string(console->path);
  const bool tcp = console->tcp_port != 0;
  return fmt::format(
      R"({{"tcp_port": {}, "telnet_port": {}, "socket": {}, "pty": {}, "status": {}, "buffered_bytes": {}, "discarded_bytes": {}}})",
      json_unless_0(console->tcp_port), json_unless_0(console->telnet_port), tcp ? path : "null",
      tcp ? "null" : path, console->buffered_bytes ? json_string(console->status) : "null",
      json_number(console->buffered_bytes), json_number(console->discarded_bytes));
}

std::string json_of(const Listed& listed) {
  const DomainInfo& info = listed.info;
  const auto reason = reason_of(info);
  const auto flag = [](std::uint8_t value) { return value != 0 ? "true" : "false"; };
  std::string out = fmt::format(R"({{"name": {}, "id": {}, "abi": {}, "frame": {}, "process": {}, )",
                                json_string(info.name), info.domain, json_string(abi_name(info.abi)),
                                info.shared_info_frame, json_unless_0(info.process));
  out += fmt::format(R"("memory_kib": {}, "memory_max_kib": {}, )", info.memory_kib, info.memory_max_kib);
  out += fmt::format(
      R"("running": {}, "paused": {}, "shutdown": {}, "crashed": {}, "dying": {}, "preserve": {}, )",
      flag(info.state.running), flag(info.state.paused), flag(info.state.shutdown), flag(info.state.crashed),
      flag(info.state.dying), flag(info.preserve));
  out += fmt::format(
      R"("reason": {}, "exit_status": {}, "signal": {}, )", reason ? json_string(*reason) : "null",
      reason ? std::to_string(info.exit_status) : "null", json_unless_0(static_cast<unsigned>(info.signal)));
  out += fmt::format(R"("port": {}, "dom0_port": {}, )", json_unless_0(info.console_port),
                     json_number(listed.dom0_port));
  const auto rings = listed.rings;
  const auto of_kind = [&](bool today, std::uint32_t Rings::*which) {
    return rings && info.today() == today ? std::to_string((*rings).*which) : "null";
  };
  out += fmt::format(R"("ring_slots": {}, "tx_requests": {}, "rx_requests": {}, )",
                     info.today() ? "null" : std::to_string(ring::slots_per_ring), of_kind(false, &Rings::tx),
                     of_kind(false, &Rings::rx));
  out += fmt::format(R"("today": {}, "out_bytes": {}, "in_bytes": {}, )", info.today(),
                     of_kind(true, &Rings::tx), of_kind(true, &Rings::rx));
  out += fmt::format(R"("lost_input_bytes": {}, "lost_output_bytes": {}, )",
                     rings ? std::to_string(rings->lost.input_bytes()) : "null",
                     rings ? std::to_string(rings->lost.guest_output_bytes) : "null");
  if (listed.answered_early) out += fmt::format(R"("answer": {}, )", json_string(name_of(Answer::xcs)));
  return out + fmt::format(R"("console": {}}})", json_of(listed.console));
}

void print_json(const std::vector<Listed>& domains) {
  fmt::print("[");
  const char* before = "\n  ";
  for (const Listed& listed : domains) fmt::print("{}{}", std::exchange(before, ",\n  "), json_of(listed));
  fmt::print("\n]\n");
}

int list(const Session& session, const std::string& name, bool json) {
  LinuxHost host("list", session.machine());
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto infos = domains_meant(*privcmd, name);
  if (!infos) return failed(infos.error());
  auto consoles = ask_for_consoles(host);
  ask_store_for_consoles(host.machine(), *infos, consoles);
  const auto files = host.memory_names(host.machine().directory());
  std::vector<Listed> domains;
  for (const DomainInfo& info : *infos) {
    domains.push_back(look_at(host, *privcmd, info));
    if (const auto console = consoles.find(info.domain); console != consoles.end())
      domains.back().console = console->second;
    // xcs has a file for each domain with early answers.
    domains.back().answered_early =
        std::ranges::find(files, dom0::EarlyStore::file_name(info.domain)) != files.end();
  }
  if (json) {
    print_json(domains);
  } else if (name.empty()) {
    print_table(domains);
  } else {
    print_one(domains.front());
  }
  return exit_good;
}

}  // namespace

void add_list_command(Command app, Session& session) {
  Command command = add_command(
      app, session, "list", "List all domains: state, memory, ports, rings and console; or one, in full",
      "  ringside list             State: r running, p paused, s shut down, c crashed, d dying\n"
      "                            Ports: the guest's and dom0's; tx, rx: requests unanswered\n"
      "                            (of a domain of today: bytes that wait)\n"
      "                            Lost: bytes of input and output that were lost, as `list web` details\n"
      "                            Domains with early answers (`up --answer xcs`) are named below the table\n"
      "  ringside list web\n"
      "  ringside list --json      an array of objects, for programs");
  const auto name = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  command.add_option("DOMAIN", *name, "Only this one: its name or number");
  command.add_flag("--json", *json, "An array of objects, one a domain");
  command.callback([&session, name, json] {
    session.run = [&session, name, json] { return list(session, *name, *json); };
  });
}

}  // namespace ringside::tools

// A machine without dom0, on the simulated host: a real hypervisor, real guests with programs on their
// consoles, and users. console_path.h and xenctld_path.h add the daemons.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emu/domu/domain.h"
#include "emu/trace/memory_sink.h"
#include "emu/xen/hypervisor.h"
#include "test/catch.h"
#include "test/dom0_machine.h"

namespace ringside::test {

/// Text in which a lost or doubled byte is noticed.
[[nodiscard]] inline std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (unsigned number = 0; text.size() < bytes; ++number) text += std::to_string(number) + ' ';
  text.resize(bytes);
  return text;
}

/// Reads slowly, so that some input waits in each place of the path.
class SlowReader : public SimProgram {
 public:
  explicit SlowReader(std::size_t bytes_at_a_time) : bytes_at_a_time_(bytes_at_a_time) {}
  void started() override { take(); }

  std::string got;

 private:
  void take() {
    got += read(bytes_at_a_time_);
    after(std::chrono::microseconds(10), [this] { take(); });
  }
  std::size_t bytes_at_a_time_;
};

/// Prints a text and does not exit.
class Speaker : public SimProgram {
 public:
  explicit Speaker(std::string text) : text_(std::move(text)) {}
  void started() override { room(); }
  void room() override { text_.erase(0, print(text_)); }

 private:
  std::string text_;
};

struct GuestPath {
  GuestPath() {
    REQUIRE(hypervisor.start().ok());
    builder = std::make_unique<Privcmd>(users, world.dom0_connection(users));
  }

  /// Runs `program` in the domain. The result lives as long as the world.
  template <class Program>
  Program& boot(DomainId domain, std::unique_ptr<Program> program) {
    Program& running = *program;
    const std::string name = fmt::format("program of {}", domain);
    auto holder = std::make_shared<std::unique_ptr<SimProgram>>(std::move(program));
    world.program(name, [holder](const ProgramSpec&) { return std::move(*holder); });
    SimHost& host = world.host(fmt::format("dom{}", domain));
    auto connection = builder->domain_connection(domain);
    REQUIRE(connection.ok());
    const Handle process = world.process_of(host, users);
    REQUIRE(builder->domain_set_process(domain, process).ok());
    REQUIRE(builder->domain_unpause(domain).ok());
    guests.push_back(std::make_unique<domu::DomU>(
        host, trace::Journal(*guest_sink, trace::actor(trace::Role::domain, domain)),
        Privcmd(host, world.give(std::move(*connection), host)),
        domu::DomUOptions{.argv = {name}, .raw = true, .quiet = true}));
    REQUIRE(guests.back()->start().ok());
    return running;
  }
  /// Event ports of dom0 that are in use.
  std::size_t dom0_ports() {
    std::size_t count = 0;
    for (std::uint32_t port = 0; port < ring::ports_per_domain; ++port) {
      auto status = builder->evtchn_status(0, static_cast<ring::Port>(port));
      if (status.ok() && status->state != PortState::closed) ++count;
    }
    return count;
  }
  bool domain_exists(DomainId domain) {
    auto info = builder->domain_info(domain);
    return info.ok() && info->has_value() && (*info)->domain == domain && (*info)->state.dying == 0;
  }

  DomainInfo info(DomainId domain) { return *builder->domain_info(domain).value(); }

  SimWorld world;
  /// The sum of a counter in a journal.
  static std::uint32_t counted(const trace::MemorySink& journal, std::string_view name) {
    std::uint32_t sum = 0;
    for (const auto& [step, entry] : journal.entries()) {
      if (entry.kind == trace::Kind::counted && trace::words_of(entry) == name)
        sum += entry.to_value - entry.from_value;
    }
    return sum;
  }

  trace::NullSink sink;
  trace::Sink* guest_sink = &sink;    ///< the journal of guests booted from now on
  trace::Sink* console_sink = &sink;  ///< the journal of console daemons started from now on
  SimHost& users = world.host("users");
  SimHost& xen_host = world.host("xen");
  xen::Hypervisor hypervisor{xen_host, trace::Journal(sink, trace::actor(trace::Role::xen))};
  std::unique_ptr<Privcmd> builder;
  std::vector<std::unique_ptr<domu::DomU>> guests;
};

}  // namespace ringside::test

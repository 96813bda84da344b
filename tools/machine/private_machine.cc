// A private machine, and its keeper.
#include "tools/machine/private_machine.h"

#include <csignal>
#include <filesystem>

#include "emu/host/launch.h"
#include "tools/command.h"
#include "tools/machine/builder.h"

namespace ringside::tools {

namespace {

void remove_directory(const Machine& machine) {
  std::error_code ignored;
  std::filesystem::remove_all(machine.directory(), ignored);
}

/// Waits for the end of `owner`, then ends the machine. Ignores signals, because the machine would be left
/// running.
int keep(const Machine& machine, std::int32_t owner) {
  LinuxHost host("keeper", machine);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) host.on_signal(number, [] {});
  // If the owner cannot be opened, it has ended already.
  if (auto process = host.process_open(owner)) {
    host.process_watch(*process, [&host](int) { host.stop(exit_good); });
    ready();
    host.run();
  }
  // A failure cannot be reported, and the directory is removed in any case.
  (void)take_down(machine);
  remove_directory(machine);
  return exit_good;
}

}  // namespace

PrivateMachine::PrivateMachine(const std::string& name, const std::string& directory)
    : host_(name, Machine(directory)) {}

PrivateMachine::~PrivateMachine() {
  if (lock_) {
    stop_machine(*lock_);
    remove_directory(machine());
  }
  if (keeper_.valid()) end_process(host_.process_number(keeper_), 0);
}

Result<std::unique_ptr<PrivateMachine>> PrivateMachine::make(const std::string& name) {
  std::unique_ptr<PrivateMachine> made(new PrivateMachine(name, temporary_name()));
  const std::string& directory = made->machine().directory();
  LaunchSpec spec;
  spec.arguments = {"keeper", "--dir", directory, std::to_string(own_number())};
  spec.log_path = "/dev/null";
  // The keeper starts before the directory exists, so that no directory is ever without a keeper.
  auto keeper = launch(made->host_, spec);
  if (!keeper) return keeper.error();
  made->keeper_ = std::move(*keeper);
  if (auto directory_made = make_directory(directory); !directory_made) return directory_made.error();
  auto lock = MachineLock::take(made->machine());
  if (!lock) {
    remove_directory(made->machine());
    return lock.error();
  }
  made->lock_ = std::move(*lock);
  return made;
}

void add_keeper_command(Command app, Session& session) {
  Command command =
      add_command(app, session, "keeper", "Ends a machine and removes its directory when a process ends",
                  "  started with each machine that is to end with its owner");
  command.hidden();
  const auto owner = std::make_shared<std::uint32_t>(0);
  command.add_option("OWNER", *owner, "The process's number").required();
  command.callback([&session, owner] {
    session.run = [&session, owner] { return keep(session.machine(), static_cast<std::int32_t>(*owner)); };
  });
}

}  // namespace ringside::tools

// The program on a guest's console that a scenario controls: it prints what it receives from a socket, and
// sends what it reads to that socket.
#include <memory>

#include "emu/dom0/console/console_client.h"
#include "emu/host/linux_host.h"
#include "tools/command.h"

namespace ringside::tools {

namespace {

int puppet(const std::string& path) {
  LinuxHost host("puppet", Machine(""));
  auto strings = host.connect_local(path);
  if (!strings) return failed(strings.error());
  auto input = host.standard_stream(0);
  if (!input) return failed(input.error());
  auto output = host.standard_stream(1);
  if (!output) return failed(output.error());
  trace::NullSink silent;
  const dom0::ConsoleClient pump(host, trace::Journal(silent, trace::actor(trace::Role::program)),
                                 std::move(*strings), std::move(*input), std::move(*output), {},
                                 [&](dom0::ConsoleClient::Ended) { host.stop(exit_good); });
  return host.run();
}

}  // namespace

void add_puppet_command(Command app, Session& session) {
  Command command = app.add_subcommand("puppet", "The program on a guest's console that a scenario controls");
  command.hidden();
  const auto path = std::make_shared<std::string>();
  command.add_option("SOCKET", *path, "The scenario's socket").required();
  command.callback([&session, path] { session.run = [path] { return puppet(*path); }; });
}

}  // namespace ringside::tools

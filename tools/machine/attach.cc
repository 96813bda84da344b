// attach and detach: set the file of a domain's console under xenctld, or return the console to its pty.
#include <filesystem>
#include <memory>

#include "emu/dom0/requests/dom0_request.h"
#include "emu/host/linux_host.h"
#include "tools/command.h"
#include "tools/machine/builder.h"

namespace ringside::tools {

namespace {

/// The path for the daemon, which has another working directory.
std::string absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

int ask_about(const Session& session, const char* command, const std::string& name,
              const std::function<std::string(DomainId)>& request) {
  LinuxHost host(command, session.machine());
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto info = privcmd->domain_find(name);
  if (!info) return failed(info.error());
  const auto kind = running_dom0(session.machine());
  if (kind && *kind != Dom0Kind::xenctld) {
    return failed(
        {EOPNOTSUPP, fmt::format("cannot {}", command), fmt::format("domain {}", info->domain),
         *kind == Dom0Kind::xcs_xend ? "this machine runs xcs and xend" : "this machine runs xenconsoled",
         "ringside up --dom0 xenctld has consoles on files"});
  }
  const auto answer = ask_xend(host, request(info->domain));
  if (!answer) return failed(answer.error());
  return exit_good;
}

}  // namespace

void add_attach_commands(Command app, Session& session) {
  Command attach = add_command(
      app, session, "attach", "Associate a domain's console with a file, fifo or terminal (under xenctld)",
      "  touch log.txt && ringside attach web log.txt     appends the output; there is no input\n"
      "  ringside attach web out.fifo --input in.fifo     output and input, for a script\n"
      "  ringside attach web /dev/ttyS0                   a terminal carries output and input");
  const auto domain = std::make_shared<std::string>();
  const auto file = std::make_shared<std::string>();
  const auto input = std::make_shared<std::string>();
  attach.add_option("DOMAIN", *domain, "Its name or number").required();
  attach.add_option("FILE", *file, "The file for its output; it must exist").required();
  attach.add_option("--input", *input, "The file for its input");
  attach.callback([&session, domain, file, input] {
    session.run = [&session, domain, file, input] {
      return ask_about(session, "attach", *domain, [&](DomainId id) {
        std::string request = fmt::format("attach {} {}", id, dom0::escape_word(absolute(*file)));
        if (!input->empty()) request += " " + dom0::escape_word(absolute(*input));
        return request;
      });
    };
  });

  Command detach = add_command(app, session, "detach", "Return a domain's console to its pty",
                               "  ringside detach web        unread output waits for a reader");
  detach.add_option("DOMAIN", *domain, "Its name or number").required();
  detach.callback([&session, domain] {
    session.run = [&session, domain] {
      return ask_about(session, "detach", *domain, [](DomainId id) { return fmt::format("detach {}", id); });
    };
  });
}

}  // namespace ringside::tools

// Hypercalls of the linux host: one packet each way over a SOCK_SEQPACKET unix socket, handles as SCM_RIGHTS.
#include "emu/host/linux_hypercall.h"

#include <sys/socket.h>
#include <unistd.h>

#include "emu/host/linux_client.h"
#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_faults.h"
#include "emu/host/linux_sockets.h"

namespace ringside {

Result<> LinuxHost::hypercalls_serve(HypercallServer server) {
  auto listener = listen_on_path(machine_.xen_socket(), SOCK_SEQPACKET);
  if (!listener) return listener.error();
  callers_->server = std::move(server);
  listening_paths_.emplace(listener->get(), SocketFile(machine_.xen_socket()));
  callers_->listener = adopt(listener->release());
  watch(callers_->listener, {.read = true}, [this](Ready) {
    auto accepted = accept(callers_->listener);
    if (!accepted) return warn(accepted.error().text());
    if (!accepted->has_value()) return;
    const int fd = (*accepted)->number();
    auto& caller = callers_->by_fd[fd];
    caller = {{callers_->next_connection++, 0}, std::move(**accepted)};
    watch(caller.connection, {.read = true}, [this, fd](Ready) { hypercall_received(fd); });
  });
  return Done{};
}

Result<Handle> LinuxHost::hypercall_connection(DomainId domain) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return system_error("cannot make a domain's connection", std::to_string(domain));
  }
  auto& caller = callers_->by_fd[ends[0]];
  caller = {{callers_->next_connection++, domain}, adopt(ends[0])};
  watch(caller.connection, {.read = true}, [this, fd = ends[0]](Ready) { hypercall_received(fd); });
  return adopt(ends[1]);
}

void LinuxHost::hypercall_received(int fd) {
  const auto found = callers_->by_fd.find(fd);
  if (found == callers_->by_fd.end()) return;
  HypercallArguments arguments;
  Packet packet = receive_packet(fd, &arguments, sizeof arguments);
  if (packet.state == Packet::State::blocked) return;
  const HypercallCaller who = found->second.who;
  bool keep = packet.state == Packet::State::received;
  if (packet.state == Packet::State::malformed) {
    warn(fmt::format("domain {} sent a malformed hypercall: its connection is closed", who.domain));
  }
  if (keep) {
    std::vector<Handle> handles;
    for (Fd& descriptor : packet.descriptors) handles.push_back(adopt(descriptor.release()));
    const HypercallAnswer answer = callers_->server.call(who, arguments, handles);
    std::vector<int> descriptors;
    for (const Handle& handle : handles) descriptors.push_back(handle.number());
    // The caller waits for this one answer, so there is room for it unless it plays a game of its own.
    keep = send_packet(fd, &answer, sizeof answer, descriptors);
  }
  if (keep) return;
  const auto still = callers_->by_fd.find(fd);
  if (still == callers_->by_fd.end()) return;
  const Callers::Caller gone = std::move(still->second);
  callers_->by_fd.erase(still);
  callers_->server.gone(gone.who);
}

Result<Host::HypercallOutcome> LinuxHost::hypercall(const Handle& connection,
                                                    const HypercallArguments& arguments,
                                                    const Handle* handle) {
  auto reply = make_hypercall(connection.number(), arguments, handle != nullptr ? handle->number() : -1);
  if (!reply) return reply.error();
  HypercallOutcome outcome{reply->answer, {}};
  for (Fd& descriptor : reply->descriptors) outcome.handles.push_back(adopt(descriptor.release()));
  if (faults_ != nullptr) faults_->called(arguments, outcome);
  return outcome;
}

Result<Privcmd> LinuxHost::connect_dom0() {
  auto connection = connect_to_hypervisor(machine_);
  if (!connection) return connection.error();
  return Privcmd(*this, adopt(connection->release()));
}

}  // namespace ringside

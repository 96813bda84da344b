// Hypercalls of the linux host: one packet each way over a SOCK_SEQPACKET unix socket, handles as SCM_RIGHTS.
#include "emu/host/linux_hypercall.h"

#include <sys/socket.h>
#include <unistd.h>

#include "emu/host/linux_client.h"
#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_faults.h"
#include "emu/host/linux_loop.h"
#include "emu/host/linux_sockets.h"
#include "emu/host/process_table.h"

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
    caller = {{.connection = callers_->next_connection++}, std::move(**accepted)};
    watch(caller.connection, {.read = true}, [this, fd](Ready) { hypercall_received(fd); });
  });
  return Done{};
}

Result<Handle> LinuxHost::hypercall_connection(DomainId domain, bool program) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return system_error("cannot make a domain's connection", std::to_string(domain));
  }
  sockets_.insert(ends[0]);
  auto& caller = callers_->by_fd[ends[0]];
  caller = {{callers_->next_connection++, domain, program}, adopt(ends[0])};
  watch(caller.connection, {.read = true}, [this, fd = ends[0]](Ready) { hypercall_received(fd); });
  return adopt(ends[1]);
}

void LinuxHost::hypercall_received(int fd) {
  const auto found = callers_->by_fd.find(fd);
  if (found == callers_->by_fd.end()) return;
  const HypercallCaller who = found->second.who;
  HypercallArguments arguments;
  Packet packet =
      receive_packet(fd, &arguments, sizeof arguments, [&] { return takes_handle(who, arguments.op); });
  bool keep = false;
  switch (packet.state) {
    case Packet::State::blocked:
      return;
    case Packet::State::closed:
      break;
    case Packet::State::malformed:
      warn(fmt::format("domain {} sent a malformed hypercall: its connection is closed", who.domain));
      break;
    case Packet::State::unasked:
      warn(fmt::format("domain {} sent a descriptor that was not requested: its connection is closed",
                       who.domain));
      break;
    case Packet::State::received: {
      std::vector<Handle> handles;
      for (Fd& descriptor : packet.descriptors) {
        if (process_number_of(descriptor.get()) > 0) {
          handles.push_back(adopt(descriptor.release()));
        } else {
          close_in_child(descriptor.release());
        }
      }
      HypercallAnswer answer = callers_->server.call(who, arguments, handles);
      answer.number = arguments.number;
      std::vector<int> descriptors;
      for (const Handle& handle : handles) descriptors.push_back(handle.number());
      // A caller that waits for each answer before its next call always has room for it.
      keep = send_packet(fd, &answer, sizeof answer, descriptors) == Packet::State::received;
      break;
    }
  }
  if (keep) return;
  const auto still = callers_->by_fd.find(fd);
  if (still == callers_->by_fd.end()) return;
  const Callers::Caller gone = std::move(still->second);
  callers_->by_fd.erase(still);
  callers_->server.gone(gone.who);
}

// -- the callers' side

namespace {

/// How long a process that serves others checks whether the hypervisor answers, once in each period of
/// silence.
constexpr std::chrono::milliseconds hypervisor_look{20};

}  // namespace

void LinuxHost::wait_for_hypercalls(std::chrono::milliseconds patience) {
  calls_->patience = patience;
}

Result<Host::HypercallOutcome> LinuxHost::hypercall(const Handle& connection,
                                                    const HypercallArguments& arguments,
                                                    const Handle* handle) {
  auto reply = calls_->hypercalls.call(connection.number(), arguments,
                                       handle != nullptr ? handle->number() : -1, calls_->patience);
  if (!reply) return reply.error();
  // call() drops late answers, perhaps the one for which the callbacks in `later` wait.
  if (const auto line = calls_->by_fd.find(connection.number());
      line != calls_->by_fd.end() && !line->second.later.empty())
    timer_start(Duration::zero(), [this, fd = connection.number()] { hypervisor_answered(fd); });
  HypercallOutcome outcome{reply->answer, {}};
  for (Fd& descriptor : reply->descriptors) outcome.handles.push_back(adopt(descriptor.release()));
  if (faults_ != nullptr) faults_->called(arguments, outcome);
  return outcome;
}

bool LinuxHost::hypervisor_answers(const Handle& connection, std::function<void()> later) {
  const int fd = connection.number();
  const auto known = calls_->by_fd.find(fd);
  const bool waited_for = known != calls_->by_fd.end() && !known->second.later.empty();
  if (!waited_for && calls_->hypercalls.ask(fd, hypervisor_look) != Hypercalls::Asked::silent) return true;
  if (known == calls_->by_fd.end()) hypervisor_watch(connection, nullptr);
  calls_->by_fd.at(fd).later.push_back(std::move(later));
  return false;
}

void LinuxHost::hypervisor_watch(const Handle& connection, std::function<void()> gone) {
  const int fd = connection.number();
  calls_->by_fd[fd].gone = std::move(gone);
  loop_->watch(fd, {.read = true}, [this, fd](Ready) { hypervisor_spoke(fd); });
}

/// The hypervisor only sends answers: so this is an expected answer, a late answer, or the end.
void LinuxHost::hypervisor_spoke(int fd) {
  const Hypercalls::Asked asked = calls_->hypercalls.look(fd);
  if (asked == Hypercalls::Asked::answers) return hypervisor_answered(fd);
  if (asked == Hypercalls::Asked::silent) return;
  loop_->watch_interest(fd, {});
  if (const auto gone = std::exchange(calls_->by_fd.at(fd).gone, nullptr)) gone();
  hypervisor_answered(fd);
}

/// Also called when the hypervisor is gone: then the next call of each waiting caller fails.
void LinuxHost::hypervisor_answered(int fd) {
  const auto line = calls_->by_fd.find(fd);
  if (line == calls_->by_fd.end()) return;
  for (const auto& run : std::exchange(line->second.later, {})) run();
}

Result<Privcmd> LinuxHost::connect_dom0() {
  auto connection = connect_to_hypervisor(machine_);
  if (!connection) return connection.error();
  return Privcmd(*this, adopt(connection->release()));
}

}  // namespace ringside

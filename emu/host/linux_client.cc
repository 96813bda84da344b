// One packet each way over the hypervisor's SOCK_SEQPACKET socket; frames are looked at before they are
// mapped.
#include "emu/host/linux_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

#include "emu/host/linux_sockets.h"
#include "ring/layout.h"

namespace ringside {

namespace {

/// How long a hypercall may take before its caller gives the hypervisor up.
constexpr int hypercall_timeout_ms = 10'000;

Error hypervisor_gone() {
  return {EPIPE, "hypercall failed", "", "the hypervisor is gone", "ringside up starts a machine"};
}

}  // namespace

Result<Fd> connect_to_hypervisor(const Machine& machine) {
  auto connection = connect_to_path(machine.xen_socket(), SOCK_SEQPACKET);
  if (connection) return connection;
  return Error{connection.error().code, "no machine is running", machine.directory(),
               "nobody serves its hypervisor's socket", "ringside up starts one; --dir names another"};
}

Result<HypercallReply> make_hypercall(int connection, const HypercallArguments& arguments, int descriptor) {
  std::vector<int> descriptors;
  if (descriptor >= 0) descriptors.push_back(descriptor);
  if (!send_packet(connection, &arguments, sizeof arguments, descriptors)) return hypervisor_gone();
  pollfd waiting{connection, POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&waiting, 1, hypercall_timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    return Error{ETIMEDOUT, "hypercall failed", "", "the hypervisor does not answer",
                 "is it stopped? ringside down and ringside up start afresh"};
  }
  HypercallReply reply;
  Packet packet = receive_packet(connection, &reply.answer, sizeof reply.answer);
  if (packet.state == Packet::State::malformed) {
    return Error{EPROTO, "hypercall failed", "", "the answer has another form than expected",
                 "are all programs of one version?"};
  }
  if (packet.state != Packet::State::received) return hypervisor_gone();
  reply.descriptors = std::move(packet.descriptors);
  return reply;
}

int frame_seals() {
  return F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
}

Result<> check_frame(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return system_error("cannot map a frame", "");
  const int seals = fcntl(descriptor, F_GET_SEALS);
  if (status.st_size != static_cast<off_t>(ring::frame_bytes) || seals < 0 ||
      (seals & frame_seals()) != frame_seals()) {
    return Error{EINVAL, "cannot map a frame", "", "the handle is not one 4096-byte sealed page",
                 "frames come from the hypervisor only"};
  }
  return Done{};
}

}  // namespace ringside

// One packet each way over the hypervisor's SOCK_SEQPACKET socket; frames are checked before they are mapped.
#include "emu/host/linux_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "emu/host/linux_sockets.h"
#include "ring/layout.h"

namespace ringside {

namespace {

using Clock = std::chrono::steady_clock;

/// A call that changes nothing, and that every domain may make.
constexpr HypercallArguments question{.op = HypercallOp::domain_info};

Error hypervisor_gone() {
  return {EPIPE, "hypercall failed", "", "the hypervisor is gone", "ringside up starts a machine"};
}

Error hypervisor_silent() {
  return {ETIMEDOUT, "hypercall failed", "", "the hypervisor does not answer",
          "is it stopped? ringside down and ringside up restart the machine"};
}

/// Returns false if no answer arrives until then. Does not wait if one has arrived.
bool wait_for_answer(int connection, Clock::time_point until) {
  pollfd waiting{connection, POLLIN, 0};
  int ready = 0;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    ready = poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

Result<Fd> connect_to_hypervisor(const Machine& machine) {
  auto connection = connect_to_path(machine.xen_socket(), SOCK_SEQPACKET);
  if (connection) return connection;
  return Error{connection.error().code, "no machine is running", machine.directory(),
               "there is no hypervisor behind its socket", "ringside up starts one; --dir names another"};
}

Result<HypercallReply> Hypercalls::call(int connection, HypercallArguments arguments, int descriptor,
                                        std::chrono::milliseconds patience) {
  const Clock::time_point until = Clock::now() + patience;
  if (descriptor < 0 && is_given_up(connection, arguments)) {
    arguments.number = given_up_->arguments.number;
    if (auto reply = std::exchange(given_up_->reply, std::nullopt)) {
      given_up_.reset();
      return std::move(*reply);
    }
  } else {
    arguments.number = next_number();
    std::vector<int> descriptors;
    if (descriptor >= 0) descriptors.push_back(descriptor);
    const Packet::State sent = send_packet(connection, &arguments, sizeof arguments, descriptors);
    if (sent == Packet::State::blocked) return hypervisor_silent();
    if (sent != Packet::State::received) return hypervisor_gone();
  }
  given_up_.reset();
  while (wait_for_answer(connection, until)) {
    HypercallReply reply;
    Packet packet = receive_packet(connection, &reply.answer, sizeof reply.answer);
    switch (packet.state) {
      case Packet::State::received:
        if (reply.answer.number != arguments.number) continue;  // the late answer to an earlier call
        reply.descriptors = std::move(packet.descriptors);
        return reply;
      case Packet::State::blocked:
        continue;
      case Packet::State::malformed:
      case Packet::State::unasked:
        return Error{EPROTO, "hypercall failed", "", "the answer has an unexpected format",
                     "are all programs of one version?"};
      case Packet::State::closed:
        return hypervisor_gone();
    }
  }
  given_up_ = GivenUp{connection, arguments, std::nullopt};
  return hypervisor_silent();
}

Hypercalls::Asked Hypercalls::ask(int connection, std::chrono::milliseconds patience) {
  const auto reply = call(connection, question, -1, patience);
  if (reply) return Asked::answers;
  return reply.error().code == ETIMEDOUT ? Asked::silent : Asked::gone;
}

Hypercalls::Asked Hypercalls::look(int connection) {
  HypercallReply reply;
  Packet packet = receive_packet(connection, &reply.answer, sizeof reply.answer);
  if (packet.state == Packet::State::blocked) return Asked::silent;
  if (packet.state == Packet::State::closed) return Asked::gone;
  if (given_up_ && given_up_->connection == connection &&
      given_up_->arguments.number == reply.answer.number) {
    reply.descriptors = std::move(packet.descriptors);
    given_up_->reply = std::move(reply);
  }
  return Asked::answers;
}

void Hypercalls::closed(int connection) {
  if (given_up_ && given_up_->connection == connection) given_up_.reset();
}

std::uint16_t Hypercalls::next_number() {
  // Callers that do not number their calls use 0.
  if (++number_ == 0) ++number_;
  return number_;
}

bool Hypercalls::is_given_up(int connection, const HypercallArguments& arguments) const {
  if (!given_up_ || given_up_->connection != connection) return false;
  HypercallArguments same = arguments;
  same.number = given_up_->arguments.number;
  return same == given_up_->arguments;
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

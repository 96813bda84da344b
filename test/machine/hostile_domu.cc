// A malicious guest. It is built like any other guest, has its own page and its own connection, and uses them
// in every way that a hostile kernel could. It ends after a number of rounds. No other component may be
// affected.
//
// usage: hostile_domu DIRECTORY SEED ROUNDS
//        hostile_domu DIRECTORY              changes its memory until it is killed
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "emu/host/linux_host.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"
#include "ring/layout.h"

using namespace ringside;
using Memory = ring::NativeMemory;

namespace {

class Hostile {
 public:
  Hostile(LinuxHost& host, unsigned seed) : host_(host), random_(seed) {}

  void build(const std::string& directory) {
    Privcmd dom0 = need(host_.connect_dom0());
    const auto created = need(dom0.domain_create("evil", ring::Abi::sring, 1024, false));
    ask_xend(directory + "/xend.sock", "console " + std::to_string(created.domain) + "\n");
    calls_.emplace(host_, need(dom0.domain_connection(created.domain)));
    need(dom0.domain_unpause(created.domain));  // first, for a paused domain's process is stopped: this one
    need(dom0.domain_set_process(created.domain, need(host_.process_open(getpid()))));
    auto start = need(calls_->start_info());
    port_ = start.info.console_port;
    mapping_ = need(host_.frame_map(start.frame));
    frame_ = need(host_.handle_duplicate(start.frame));
    handles_ = need(calls_->evtchn_open(port_));
  }

  void round() {
    switch (pick(9)) {
      case 0:
        return scribble_indices();
      case 1:
        return scribble_slots();
      case 2:
        return scribble_page();
      case 3:
        return flood_events();
      case 4:
        return jam_kicks();
      case 5:
        return odd_hypercall();
      case 6:
        return odd_packet();
      case 7:
        return resize_frame();
      default:
        return honest_looking_output();
    }
  }

  [[noreturn]] void change_memory() {
    std::puts("calls");
    std::fflush(stdout);
    for (std::uint32_t more = 0;; more ^= 1) (void)calls_->memory_set(512 + more);
  }

 private:
  template <class T>
  static T need(Result<T> result) {
    if (result) return std::move(result).value();
    std::fprintf(stderr, "hostile_domu: %s\n", result.error().text().c_str());
    std::exit(3);
  }

  unsigned pick(unsigned below) { return random_() % below; }
  std::uint32_t word() { return pick(2) == 0 ? random_() : pick(40); }
  ring::SharedRing ring(ring::Ring which) {
    return ring::shared_ring(mapping_.frame(), ring::Abi::sring, which);
  }

  static void ask_xend(const std::string& path, const std::string& line) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char answer[256];
    const bool answered = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                          write(fd, line.data(), line.size()) > 0 && read(fd, answer, sizeof answer) > 2;
    close(fd);
    if (!answered || std::strncmp(answer, "ok", 2) != 0) std::exit(3);
  }

  void notify() {
    (void)ring::UpEvents<>(mapping_.frame()).raise();
    host_.kick(handles_.peer_kicks);
  }

  void scribble_indices() {
    for (const ring::Ring which : {ring::Ring::tx, ring::Ring::rx}) {
      Memory::store(ring(which).req_prod, word());
      Memory::store(ring(which).rsp_prod, word());
    }
    notify();
  }

  void scribble_slots() {
    const ring::SharedRing tx = ring(ring::Ring::tx);
    for (unsigned i = 0; i < ring::slots_per_ring; ++i) {
      ring::ControlMessage message;
      auto* bytes = reinterpret_cast<std::uint8_t*>(&message);
      for (std::size_t at = 0; at < sizeof message; ++at) bytes[at] = static_cast<std::uint8_t>(random_());
      Memory::copy_to_shared(tx.slots + i, &message);
    }
    Memory::store(tx.req_prod, Memory::load(tx.rsp_prod) + pick(9));
    notify();
  }

  void scribble_page() {
    auto* words = reinterpret_cast<std::uint32_t*>(mapping_.frame());
    for (int i = 0; i < 200; ++i) Memory::store(words + pick(ring::frame_bytes / 4), word());
    notify();
  }

  void flood_events() {
    for (int i = 0; i < 20'000; ++i) host_.kick(handles_.peer_kicks);
    for (int i = 0; i < 2'000; ++i) (void)calls_->evtchn_send(port_);
  }

  /// Fills the eventfds that others kick, and makes the next write to them block.
  void jam_kicks() {
    for (const Handle* each : {&handles_.kicks, &handles_.peer_kicks}) {
      fcntl(each->number(), F_SETFL, fcntl(each->number(), F_GETFL) & ~O_NONBLOCK);
      fcntl(each->number(), F_SETFL, fcntl(each->number(), F_GETFL) | O_NONBLOCK);
      const std::uint64_t most = 0xfffffffffffffffe;
      (void)!write(each->number(), &most, sizeof most);
      fcntl(each->number(), F_SETFL, fcntl(each->number(), F_GETFL) & ~O_NONBLOCK);
    }
    for (int i = 0; i < 100; ++i) (void)calls_->evtchn_send(port_);
    // Keeps this program itself from blocking.
    fcntl(handles_.peer_kicks.number(), F_SETFL, fcntl(handles_.peer_kicks.number(), F_GETFL) | O_NONBLOCK);
  }

  void odd_hypercall() {
    HypercallArguments arguments;
    auto* bytes = reinterpret_cast<std::uint8_t*>(&arguments);
    for (std::size_t at = 0; at < sizeof arguments; ++at) bytes[at] = static_cast<std::uint8_t>(random_());
    // Leaves out the calls with which a guest only ends itself.
    do {
      arguments.op = static_cast<HypercallOp>(pick(30));
    } while (arguments.op == HypercallOp::sched_shutdown);
    arguments.domain = pick(4);
    arguments.domain2 = pick(4);
    arguments.port = pick(8);
    (void)host_.hypercall(calls_->connection(), arguments, pick(2) == 0 ? &frame_ : nullptr);
  }

  void odd_packet() {
    if (pick(40) != 0) return;  // it costs the connection
    (void)send(calls_->connection().number(), "hello", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  void resize_frame() {
    if (ftruncate(frame_.number(), pick(2) * 1'000'000) == 0) {
      std::fprintf(stderr, "hostile_domu: the frame could be resized\n");
      std::exit(4);
    }
  }

  void honest_looking_output() {
    const ring::SharedRing tx = ring(ring::Ring::tx);
    const std::string text(60, 'x');
    const auto message = ring::make_message(
        ring::CMSG_CONSOLE, 0, 0xff, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    for (int i = 0; i < 1000; ++i) {
      const ring::Index next = Memory::load(tx.req_prod);
      Memory::copy_to_shared(tx.slots + ring::slot_of(next), &message);
      Memory::store(tx.req_prod, next + 1);
      notify();
    }
  }

  LinuxHost& host_;
  std::mt19937 random_;
  std::optional<Privcmd> calls_;
  ring::Port port_ = 0;
  Mapping mapping_;
  Handle frame_;
  Privcmd::PortHandles handles_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return 1;
  LinuxHost host("hostile", Machine(argv[1]));
  if (argc == 2) {
    Hostile busy(host, 0);
    busy.build(argv[1]);
    busy.change_memory();
  }
  Hostile hostile(host, static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
  hostile.build(argv[1]);
  for (int left = std::atoi(argv[3]); left > 0; --left) hostile.round();
  return 0;
}

// A malicious guest of today: sets the indices of its byte rings to any value, and sends events, for some
// rounds. xenconsoled must not harm another console.
//
// usage: hostile_today DIRECTORY SEED ROUNDS
//        hostile_today DIRECTORY              closes its port of the store, and waits
// It prints "built", and begins when it has read a line: by then it must be in the store.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "emu/host/linux_host.h"
#include "ring/byte_ring.h"

using namespace ringside;
using Memory = ring::NativeMemory;

namespace {

template <class T>
T need(Result<T> result) {
  if (result) return std::move(result).value();
  std::fprintf(stderr, "hostile_today: %s\n", result.error().text().c_str());
  std::exit(3);
}

void scribble(ring::ByteRings& rings, std::mt19937& random) {
  const std::uint32_t anything = random();
  switch (random() % 5) {
    case 0:
      return Memory::store(&rings.out_prod, Memory::load(&rings.out_cons) + 1'000'000);
    case 1:
      return Memory::store(&rings.out_cons, anything);
    case 2:
      return Memory::store(&rings.in_cons, anything);
    case 3:
      return Memory::store(&rings.in_prod, anything);
    default:
      return Memory::store(&rings.out_prod, anything);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return 1;
  constexpr DomainId dom0_id = 0;
  LinuxHost host("hostile", Machine(argv[1]));
  Privcmd dom0 = need(host.connect_dom0());
  const auto domain = need(dom0.domain_create("evil", ring::Abi::sring, 1024, false)).domain;
  need(dom0.grant_share(domain, grant_console));
  need(dom0.grant_share(domain, grant_xenstore));
  const ring::Port store_port = need(dom0.evtchn_alloc_unbound(domain, dom0_id));
  const ring::Port port = need(dom0.evtchn_alloc_unbound(domain, dom0_id));
  need(dom0.domain_set_console_port(domain, port, store_port));
  Privcmd guest(host, need(dom0.domain_connection(domain)));
  need(dom0.domain_unpause(domain));
  need(dom0.domain_set_process(domain, need(host.process_open(getpid()))));
  const Mapping frame = need(host.frame_map(need(guest.grant_map(DOMID_SELF, grant_console))));
  if (argc == 2) (void)guest.evtchn_close(DOMID_SELF, store_port).ok();
  std::puts("built");
  std::fflush(stdout);
  if (std::getchar() == EOF || argc == 2) return 1;
  std::mt19937 random(static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
  int sent = 0;
  for (int left = std::atoi(argv[3]); left > 0; --left) {
    scribble(*ring::byte_rings(frame.frame()), random);
    sent += guest.evtchn_send(port).ok();
  }
  std::printf("%d events\n", sent);
  return 0;
}

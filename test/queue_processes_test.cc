// The queue between two processes that sleep on eventfds: every message arrives once and in order, and no
// process sleeps for ever.
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "ring/queue.h"
#include "test/catch.h"

namespace queue_processes_test {

using namespace ringside::ring;

namespace {

using Numbers = Queue<std::uint64_t, 16>;
constexpr std::uint64_t messages = 500'000;
constexpr std::size_t batch_max = 5;

struct Wakes {
  int producer = eventfd(0, 0);
  int consumer = eventfd(0, 0);
};

void wake(int event) {
  const std::uint64_t one = 1;
  if (write(event, &one, sizeof one) != sizeof one) _exit(2);
}
void sleep_on(int event) {
  std::uint64_t count;
  if (read(event, &count, sizeof count) != sizeof count) _exit(2);
}

/// Puts 0, 1, 2 ... in batches of changing length.
void put_all(Numbers& queue, const Wakes& wakes) {
  Producer<Numbers> producer(queue);
  std::uint64_t next = 0;
  while (next < messages) {
    std::array<std::uint64_t, batch_max> batch;
    const std::size_t count = std::min<std::uint64_t>(1 + next % batch_max, messages - next);
    for (std::size_t i = 0; i < count; ++i) batch[i] = next + i;
    const std::uint32_t put = producer.put_many(std::span(batch).first(count));
    if (put != 0 && producer.must_wake()) wake(wakes.consumer);
    if (put == 0 && producer.may_sleep()) {
      sleep_on(wakes.producer);
      producer.end_sleep();
    }
    next += put;
  }
}

/// 0: all have come in order.
int take_all(Numbers& queue, const Wakes& wakes) {
  Consumer<Numbers> consumer(queue);
  std::uint64_t next = 0;
  while (next < messages) {
    std::array<std::uint64_t, batch_max> batch;
    const std::uint32_t taken = consumer.take_many(std::span(batch).first(1 + next % batch_max));
    for (std::uint32_t i = 0; i < taken; ++i)
      if (batch[i] != next++) return 1;
    if (taken != 0 && consumer.must_wake()) wake(wakes.producer);
    if (taken == 0 && consumer.may_sleep()) {
      sleep_on(wakes.consumer);
      consumer.end_sleep();
    }
  }
  return 0;
}

}  // namespace

TEST_CASE("between two processes that sleep, each message arrives once and in order") {
  void* memory = mmap(nullptr, sizeof(Numbers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  auto& queue = *static_cast<Numbers*>(memory);
  const Wakes wakes;
  const pid_t consumer = fork();
  REQUIRE(consumer >= 0);
  if (consumer == 0) _exit(take_all(queue, wakes));
  put_all(queue, wakes);
  int status = 0;
  REQUIRE(waitpid(consumer, &status, 0) == consumer);
  CHECK(status == 0);
  CHECK(queue.consumer.index == static_cast<Index>(messages));
  munmap(memory, sizeof(Numbers));
  close(wakes.producer);
  close(wakes.consumer);
}

}  // namespace queue_processes_test

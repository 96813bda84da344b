/* Bytes in one direction, as many at a time as there is room for, one producer and one consumer. BUG=1: more
 * bytes are published than were copied (any model). BUG=2: room is released before it is read (c11). BUG=3:
 * no barrier at all (c11). */
#include <ringside/ring_check.h>

#define ROOM 3u
#define ACQUIRE (BUG == 3 ? __ATOMIC_RELAXED : __ATOMIC_ACQUIRE)
#define RELEASE (BUG == 3 ? __ATOMIC_RELAXED : __ATOMIC_RELEASE)
static uint8_t bytes[ROOM];
static uint32_t written, taken;

static uint32_t put(const uint8_t* from, uint32_t count) {
  const uint32_t at = __atomic_load_n(&written, __ATOMIC_RELAXED);
  const uint32_t room = ROOM - (at - __atomic_load_n(&taken, ACQUIRE));
  const uint32_t fits = count < room ? count : room;
  for (uint32_t i = 0; i < fits; ++i) bytes[(at + i) % ROOM] = from[i];
  __atomic_store_n(&written, at + (BUG == 1 ? count : fits), RELEASE);
  return BUG == 1 ? count : fits;
}

static uint32_t get(uint8_t* to, uint32_t count) {
  const uint32_t at = __atomic_load_n(&taken, __ATOMIC_RELAXED);
  const uint32_t there = __atomic_load_n(&written, ACQUIRE) - at;
  const uint32_t fits = count < there ? count : there;
  for (uint32_t i = 0; i < fits; ++i) to[i] = bytes[(at + i) % ROOM];
  __atomic_store_n(&taken, at + fits, BUG == 2 ? __ATOMIC_RELAXED : RELEASE);
  return fits;
}

static const uint8_t text[] = "abcdefgh";
static uint32_t sent, received;

static void producer(void) {
  for (int i = 0; i < 3; ++i) sent += put(text + sent, 2);
}

static uint32_t receive(void) {
  uint8_t got[4];
  const uint32_t now = get(got, 2);
  for (uint32_t i = 0; i < now; ++i) ring_check_assert(got[i] == text[received + i]);
  received += now;
  return now;
}

static void consumer(void) {
  receive();
  receive();
}

static void all_arrives(void) {
  while (receive() != 0) {
  }
  ring_check_assert(received == sent);
}

RING_CHECK_TESTS({.name = "byte stream", .threads = {producer, consumer}, .after = all_arrives})

/* Code that changes or reads the memory of a test without an announcement: functions of another object
 * (unseen_part.c) that is compiled without the flags, asm blocks, the C library. */
#include <ringside/ring_check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void part_adds(int* word);
int part_reads(const int* word);
int part_computes(int a, int b);

static int shared, first, seen;
int own[16];
static char* volatile text;

static void changes(void) {
  shared = 1;
#if defined PART_WRITES
  part_adds(&shared);
#elif defined PART_WRITES_RARELY
  if (__atomic_load_n(&seen, __ATOMIC_RELAXED) == 2) part_adds(&shared);
#elif defined PART_READS
  own[0] = part_reads(&seen);
#elif defined PART_COMPUTES
  own[0] = part_computes(1, 2);
#elif defined ASM_WRITES
  __asm__ __volatile__("incl %0" : "+m"(shared));
#elif defined ASM_WRITES_RARELY
  /* Impossible on an x86 and in any interleaving. */
  if (__atomic_load_n(&seen, __ATOMIC_RELAXED) == 2 && __atomic_load_n(&first, __ATOMIC_RELAXED) == 0)
    __asm__ __volatile__("movl $9, %0" : "=m"(shared));
#elif defined ASM_WRITES_OWN_RARELY
  if (__atomic_load_n(&seen, __ATOMIC_RELAXED) == 2 && __atomic_load_n(&first, __ATOMIC_RELAXED) == 0)
    __asm__ __volatile__("movl $9, %0" : "=m"(own[0]));
#elif defined ASM_READS
  __asm__ __volatile__("movl %1, %0" : "=r"(own[0]) : "m"(seen));
#elif defined ASM_OWN
  __asm__ __volatile__("incl %0" : "+m"(own[0]));
#elif defined LIBRARY_WRITES
  strcpy(text, "abc");
#elif defined LIBRARY_READS
  own[0] = (int)strlen(text);
#elif defined LIBRARY_OWN
  char* mine = malloc(16);
  own[0] = snprintf(mine, 16, "%d", 5);
  printf("this is no finding %s\n", mine);
  free(mine);
#elif defined COPIES
  memcpy(text, "abc", 4);
#elif defined CLEARED
  int* mine = calloc(4, sizeof *mine);
  own[0] = mine[1];
  free(mine);
#endif
}

#if defined NOT_SANITIZED
__attribute__((no_sanitize("thread")))
#endif
static void
looks(void) {
  __atomic_store_n(&first, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&seen, 2, __ATOMIC_RELAXED);
  own[8] = __atomic_load_n(&shared, __ATOMIC_RELAXED);
#if defined LIBRARY_WRITES || defined LIBRARY_READS || defined COPIES
  text[2] = 'x';
#endif
}

static void before(void) {
  text = malloc(16);
  strcpy(text, "??");
}

RING_CHECK_TESTS({.name = "unseen", .before = before, .threads = {changes, looks}})

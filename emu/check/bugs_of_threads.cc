// The third part of the catalogue's texts: errors among threads that share no ring. Each can be switched on
// in a test of threads (tools/ring_check/template_tests).
#include <array>

#include "emu/check/bugs_parts.h"

namespace ringside::check {

namespace {

using enum BugNeeds;

constexpr std::array threads{
    Bug{45, "a seqlock without its barrier",
        "A reader loads the count, copies, and loads the count again. Nothing orders the copy before the "
        "second load, so that the copy may mix two writes although both counts are equal.",
        "Boehm, \"Can seqlocks get along with programming language memory models?\" (2012), describes how "
        "often this is wrong.",
        "A read barrier (acquire fence) between the copy and the second load; a write barrier after the "
        "first store of the count.",
        "seqlock.c", "c11", nothing, 1, 2},
    Bug{46, "a work-stealing deque without its full barrier",
        "The owner decrements bottom and reads top; a thief does the reverse. Without a full barrier, each "
        "may read before its own store is seen, and both take the last element.",
        "Le, Pop, Cohen and Zappa Nardelli, \"Correct and efficient work-stealing for weak memory models\" "
        "(2013): the deque of Chase and Lev was published for a machine without reordering.",
        "A full barrier (seq_cst fence) between the store of bottom and the load of top, and between a "
        "thief's two loads.",
        "deque.c", "tso", nothing, 1, 1},
    Bug{47, "a node that was reused (ABA)",
        "A thread reads the first node of a stack and the next one. Before its exchange, other threads take "
        "both and push the first one again. The exchange succeeds, and makes a node the top that another "
        "thread owns.",
        "Lock-free stacks that reuse nodes. The IBM System/370 had a compare-and-swap of two words for this "
        "reason.",
        "A count beside the pointer, in the same exchange; or nodes that are not reused while a reader may "
        "still access them (hazard pointers, RCU).",
        "stack.c", "sc", nothing, 1, 1},
    Bug{48, "a pointer published before its object",
        "The pointer is stored without release, so that a reader may follow it to an object that is not yet "
        "written.",
        "The reason for rcu_assign_pointer in Linux.",
        "Store the pointer with release; load it with acquire, or rely on a dependency where the machine "
        "orders it.",
        "publication.c", "c11", nothing, 1, 2},
    Bug{49, "a cell handed back before it is read",
        "A consumer in a queue of many producers and consumers releases the cell, and then reads the value. "
        "A fast producer has already overwritten it.",
        "As bug 43, in a queue of many producers and consumers.", "Read the value; then release the cell.",
        "mpmc.c", "sc", nothing, 3, 3},
    Bug{50, "no full barrier between the index and the sleeping flag",
        "The producer stores its index and then reads whether the consumer sleeps, to avoid a notification. "
        "Even on an x86, that load may overtake the store: the producer sees a consumer that is awake, the "
        "consumer has set its flag and sees the old index, and both wait. Release and acquire are not "
        "enough: they do not order an earlier store before a later load. Bug 18 is the same with an event "
        "index.",
        "The reason for the warning above waitqueue_active() in Linux's wait.h.",
        "A full barrier (seq_cst fence) between the store of the index and the load of the flag, and one "
        "between the store of the flag and the final check. Or an exchange in place of the store.",
        "wake_up.c", "tso", nothing, 1, 1},
    Bug{51, "a byte ring without barriers",
        "Two indices count bytes, and nothing orders the bytes and the indices: the reader may see the new "
        "index and old bytes, and the writer may overwrite unread bytes. An x86 keeps this order; other "
        "machines and compilers may not.",
        "The reason for the barriers in Linux's hvc_xen.c, whose console has a ring of bytes in each "
        "direction.",
        "Each end stores its own index with release after the bytes, and loads the other's with acquire "
        "before them. volatile alone is not enough.",
        "byte_stream.c", "c11", nothing, 1, 3},
};

}  // namespace

std::span<const Bug> bugs_of_threads() {
  return threads;
}

}  // namespace ringside::check

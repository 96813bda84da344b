// The texts of the catalogue, its third part: what goes wrong among threads that share no ring. Each is
// switched on in a test of threads (tools/ring_check/template_tests).
#include <array>

#include "emu/check/bugs_parts.h"

namespace ringside::check {

namespace {

using enum BugNeeds;

constexpr std::array threads{
    Bug{45, "a seqlock without its barrier",
        "A reader looks at the count, copies, and looks again. Nothing keeps the copy before the "
        "second look, so that it may be of two writes though both looks agree.",
        "Boehm, \"Can seqlocks get along with programming language memory models?\" (2012), shows how "
        "many get this wrong.",
        "A read barrier (acquire fence) between the copy and the second look; a write barrier behind "
        "the first count.",
        "seqlock.c", "c11", nothing, 1, 2},
    Bug{46, "a work-stealing deque without its full barrier",
        "The owner takes a place from bottom and looks at top; a thief does it the other way round. "
        "Without a full barrier each may look before its own store is seen, and both take the last "
        "element.",
        "Le, Pop, Cohen and Zappa Nardelli, \"Correct and efficient work-stealing for weak memory "
        "models\" (2013): the deque of Chase and Lev was published for a machine that keeps all orders.",
        "A full barrier (seq_cst fence) between the store of bottom and the load of top, and between a "
        "thief's two loads.",
        "deque.c", "tso", nothing, 1, 1},
    Bug{47, "a node that came back (ABA)",
        "A thread reads the first node of a stack and the one behind it. Before it exchanges them, "
        "others take both and push the first one again. The exchange succeeds, and puts a node on top "
        "that somebody owns.",
        "Every lock-free stack of which nodes are used again; the IBM System/370 had a "
        "compare-and-swap of two words for it.",
        "A count beside the pointer, in the same exchange; or nodes that are not used again while "
        "somebody may look (hazard pointers, RCU).",
        "stack.c", "sc", nothing, 1, 1},
    Bug{48, "a pointer published before its object",
        "The pointer is stored without release, so that a reader may follow it to an object that is "
        "not written yet.",
        "The reason for rcu_assign_pointer in Linux.",
        "Store the pointer with release; load it with acquire, or follow it by a dependency where the "
        "machine keeps that.",
        "publication.c", "c11", nothing, 1, 2},
    Bug{49, "a cell handed back before it is read",
        "A consumer of a queue of many says whose turn it is next, and then reads the value. A "
        "producer that is quick has overwritten it.",
        "As bug 43, in a queue of many producers and consumers.", "Read the value; then release the cell.",
        "mpmc.c", "sc", nothing, 3, 3},
    Bug{50, "no full barrier between the index and the sleeping flag",
        "The producer stores its index and then looks whether the consumer sleeps, to spare a "
        "notification. An x86, too, lets that load overtake the store: the producer sees a consumer that "
        "is awake, the consumer has set its flag and sees the old index, and both wait. Release and "
        "acquire do not help: they keep no later load behind an earlier store. Bug 18 is the same with "
        "an event index.",
        "The reason for the warning above waitqueue_active() in Linux's wait.h.",
        "A full barrier (seq_cst fence) between the store of the index and the load of the flag, and "
        "one between setting the flag and the last look. Or an exchange in place of the store.",
        "wake_up.c", "tso", nothing, 1, 1},
    Bug{51, "a byte ring without barriers",
        "Two indices count bytes, and nothing orders them and the bytes: the reader may see the new "
        "index and old bytes, and the writer may overwrite bytes that were not read. An x86 keeps this "
        "order; other machines and compilers need not.",
        "The reason for the barriers in Linux's hvc_xen.c, whose console is a ring of bytes each way.",
        "Each end releases its own index behind the bytes, and acquires the other's before them. "
        "volatile alone is not enough.",
        "byte_stream.c", "c11", nothing, 1, 3},
};

}  // namespace

std::span<const Bug> bugs_of_threads() {
  return threads;
}

}  // namespace ringside::check

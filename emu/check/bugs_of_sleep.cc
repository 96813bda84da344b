// The catalogue's bugs of waking and attaching, and which mutants there are.
#include <array>

#include "emu/check/bugs_parts.h"

namespace ringside::check {

namespace {

using enum BugNeeds;

constexpr std::array sleep{
    Bug{17, "no last look before sleeping",
        "The back finds the ring empty, says that it wants to be woken, and sleeps. A request that came "
        "between the first and the "
        "second was announced to nobody.",
        "The reason for RING_FINAL_CHECK_FOR_REQUESTS in Xen's ring.h.",
        "Ask to be woken, then look once more, then sleep.", "event_index_ring.c", "sc", nothing, 1},
    Bug{18, "no full barrier between req_prod and the event index",
        "The producer writes its index and reads whether the peer wants to be told. The read may overtake "
        "the write, which an x86 "
        "does too: the producer sees a peer awake, the peer sees an empty ring, and both wait.",
        "kvmtool, DPDK and ACRN had it in their virtio queues.",
        "A full barrier between the two; a write barrier does not keep a later read behind. Its partner is "
        "bug 20's.",
        "event_index_ring.c", "tso", nothing, 2},
    Bug{19, "no full barrier between rsp_prod and the event index",
        "As bug 18, at the back: a response is there, and the front sleeps.",
        "As bug 18; this side is tested less.",
        "A full barrier between rsp_prod and reading the front's event index.", "event_index_ring.c", "tso",
        nothing, 2},
    Bug{20, "no full barrier between arming and the last look",
        "The consumer writes that it wants to be woken and looks once more; the look overtakes the write. "
        "The other half of bug 18.",
        "qemu-img hung on 64-bit ARM machines this way (Launchpad bug 1805256).",
        "A full barrier between writing the event index and reading req_prod.", "event_index_ring.c", "tso",
        nothing, 1},
    Bug{21, "no notification for a response",
        "The answer is in the ring and the front sleeps until something else wakes it.",
        "Seldom seen where traffic is heavy: the next event hides it.",
        "Notify after each publication that the peer may wait for.", "plain_ring.c", "sc", nothing, 1},
    Bug{22, "one message for each wake-up",
        "Events are not counted: two that come together are one. Who takes one message for an event leaves "
        "the second where it is.",
        "Interrupt handlers that trust the number of interrupts.",
        "After waking, take until there is nothing left.", "plain_ring.c", "sc", nothing, 2},
    Bug{23, "notified before published",
        "The peer wakes, looks, finds nothing, sleeps; then the index moves.",
        "First drafts; hidden where waking takes longer than publishing.", "Publish, then notify.",
        "request_ring.h", "sc", nothing, 1},
    Bug{24, "event index off by one",
        "The peer asks for one message too late and sleeps through the first; or for one that has passed "
        "already, and is never told.",
        "Every new implementation of event indices; virtio's specification gives the comparison in C for "
        "this reason.",
        "Say in one sentence what the index means: here, the index that req_prod must reach for a "
        "notification.",
        "event_index_ring.c", "sc", nothing, 1},
    Bug{25, "wrong comparison for notifying",
        "`event > old && event <= now` is right until an index wraps; then the peer is not told, once in "
        "2^32 messages.",
        "Hand-written copies of `now - event < now - old`, in which somebody found the subtraction unclear.",
        "Compare differences: has the way from old to now passed the event?", "event_index_ring.c", "sc",
        wrap, 2},
    Bug{26, "the front sleeps without looking again",
        "As bug 17, at the front: a response that comes while it arms wakes nobody.",
        "The reason for RING_FINAL_CHECK_FOR_RESPONSES in Xen's ring.h.", "Arm, full barrier, look, sleep.",
        "event_index_ring.c", "sc", nothing, 1},
    Bug{33, "both ends make the ring",
        "An end that comes second sets the indices to zero again. What had been published is gone, and the "
        "ends disagree for ever.",
        "Every pair of programs that can be started in either order, until somebody does.",
        "One end makes the ring, before the other can know of it; who attaches only reads.", "request_ring.h",
        "sc", attach_running, 1},
    Bug{34, "attaching skips what waits",
        "The back takes req_prod as it stands for its own index, so that requests made before it came are "
        "never taken.",
        "BACK_RING_ATTACH of 2005: a control daemon that was started again forgot the requests that waited "
        "for it.",
        "Go on at rsp_prod: what has no response has not been served.", "request_ring.h", "sc",
        attach_running, 1},
    Bug{36, "an atomic's order one step too weak",
        "release made relaxed, acquire made relaxed, seq_cst made release or acquire: it compiles, it passes "
        "tests on an x86, and it is "
        "wrong by the language and on other machines.",
        "Optimized queues. Le, Guatto, Cohen and Pop, \"Correct and efficient bounded FIFO queues\" (2013), "
        "prove which orders one needs.",
        "Write down for each order which other one it pairs with and what breaks without it.",
        "atomic_ring.cc", "c11", nothing, 2},
    Bug{37, "a plain load in a spin loop",
        "Nothing tells the compiler that the word changes, so that it reads once, before the loop, and spins "
        "for ever.",
        "The reason for Linux's READ_ONCE.",
        "Read through a volatile or an atomic; the optimized build must be tested too.", "request_ring.h",
        "sc", nothing, 1},
    Bug{39, "two users of one end without a lock",
        "Each end of a ring has one owner. Two threads that put requests at the same time choose the same "
        "slot.",
        "Drivers that began with one processor.", "A lock around the end, or a ring for each thread.",
        "locked_ring.c", "sc", two_fronts, 1},
    Bug{40, "event storm",
        "An end raises an event though there is no news, in order to be on the safe side: here its own, each "
        "time it finds nothing. It "
        "never sleeps again.",
        "XSA-332 (CVE-2020-27673) and XSA-391 (CVE-2021-28711): guests and back-ends that keep a machine "
        "busy with events.",
        "An event only for news; what keeps coming without any is masked or delayed.", "plain_ring.c", "sc",
        nothing, 1},
};

constexpr std::array mutants{
    Mutant{"01", 1, "sc", ""},
    Mutant{"02", 2, "c11", ""},
    Mutant{"03", 3, "c11", ""},
    Mutant{"04", 4, "c11", ""},
    Mutant{"05", 5, "c11", ""},
    Mutant{"06", 6, "sc", ""},
    Mutant{"07", 7, "sc", ""},
    Mutant{"08", 8, "sc", ""},
    Mutant{"09", 9, "sc", ""},
    Mutant{"10", 10, "sc", ""},
    Mutant{"11", 11, "sc", ""},
    Mutant{"12", 12, "sc", ""},
    Mutant{"13", 13, "sc", ""},
    Mutant{"14", 14, "sc", ""},
    Mutant{"15", 15, "sc", ""},
    Mutant{"16", 16, "sc", ""},
    Mutant{"17", 17, "sc", ""},
    Mutant{"18", 18, "tso", ""},
    Mutant{"19", 19, "tso", ""},
    Mutant{"20", 20, "tso", ""},
    Mutant{"21", 21, "sc", ""},
    Mutant{"22", 22, "sc", ""},
    Mutant{"23", 23, "sc", ""},
    Mutant{"24a", 24, "sc", "asks for one too late"},
    Mutant{"24b", 24, "sc", "asks for what has passed"},
    Mutant{"25", 25, "sc", ""},
    Mutant{"26", 26, "sc", ""},
    Mutant{"27", 27, "sc", ""},
    Mutant{"28", 28, "sc", ""},
    Mutant{"29", 29, "sc", ""},
    Mutant{"30", 30, "sc", ""},
    Mutant{"31", 31, "sc", ""},
    Mutant{"32", 32, "sc", ""},
    Mutant{"33", 33, "sc", ""},
    Mutant{"34", 34, "sc", ""},
    Mutant{"own_34", 34, "sc", "in ringside's own ring: Back::attach in place of attach_first"},
    Mutant{"35", 35, "sc", ""},
    Mutant{"36a", 36, "c11", "the producer's index: release made relaxed"},
    Mutant{"36b", 36, "c11", "the consumer's look at it: acquire made relaxed"},
    Mutant{"36c", 36, "c11", "the consumer's index: release made relaxed"},
    Mutant{"36d", 36, "c11", "the producer's look at it: acquire made relaxed"},
    Mutant{"36e", 36, "tso", "asleep or not, the producer's index: seq_cst made release"},
    Mutant{"36f", 36, "tso", "asleep or not, the consumer's index: seq_cst made release"},
    Mutant{"36g", 36, "tso", "asleep or not, setting the flag: seq_cst made release"},
    Mutant{"36h", 36, "c11", "asleep or not, looking at the flag: seq_cst made acquire"},
    Mutant{"36i", 36, "c11", "asleep or not, the consumer's last look: seq_cst made acquire"},
    Mutant{"36j", 36, "c11", "asleep or not, the producer's last look: seq_cst made acquire"},
    Mutant{"37", 37, "sc", ""},
    Mutant{"38", 38, "sc", ""},
    Mutant{"39", 39, "sc", ""},
    Mutant{"40", 40, "sc", ""},
    Mutant{"41", 41, "sc", ""},
    Mutant{"42", 42, "sc", ""},
    Mutant{"43a", 43, "c11", "without release, one slot kept empty"},
    Mutant{"43b", 43, "sc", "a batch is handed back and then read"},
    Mutant{"44", 44, "c11", ""},
    Mutant{"equivalent", 0, "",
           "notifies only when all before was answered, in a ring that is always drained"},
};

}  // namespace

std::span<const Bug> bugs_of_sleep() {
  return sleep;
}

std::span<const Mutant> all_mutants() {
  return mutants;
}

}  // namespace ringside::check

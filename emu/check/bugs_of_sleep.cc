// The catalogue's bugs of waking and attaching, and the list of mutants.
#include <array>

#include "emu/check/bugs_parts.h"

namespace ringside::check {

namespace {

using enum BugNeeds;

constexpr std::array sleep{
    Bug{17, "no final check before sleeping",
        "The back finds the ring empty, asks for a notification, and sleeps. A request that was published "
        "between the first two steps is not notified.",
        "The reason for RING_FINAL_CHECK_FOR_REQUESTS in Xen's ring.h.",
        "Ask for a notification, check once more, then sleep.", "event_index_ring.c", "sc", nothing, 1},
    Bug{18, "no full barrier between req_prod and the event index",
        "The producer writes its index and reads whether the peer wants a notification. The read may "
        "overtake the write, on an x86 too: the producer sees a peer that is awake, the peer sees an empty "
        "ring, and both wait.",
        "kvmtool, DPDK and ACRN had it in their virtio queues.",
        "A full barrier between the two; a write barrier does not order a later read. It pairs with the "
        "barrier of bug 20.",
        "event_index_ring.c", "tso", nothing, 2},
    Bug{19, "no full barrier between rsp_prod and the event index",
        "As bug 18, at the back: a response is there, and the front sleeps.",
        "As bug 18; this side is tested less.",
        "A full barrier between rsp_prod and reading the front's event index.", "event_index_ring.c", "tso",
        nothing, 2},
    Bug{20, "no full barrier between arming and the final check",
        "The consumer asks for a notification and checks the ring once more; the read overtakes the write. "
        "It is the other half of bug 18.",
        "qemu-img hung on 64-bit ARM machines this way (Launchpad bug 1805256).",
        "A full barrier between writing the event index and reading req_prod.", "event_index_ring.c", "tso",
        nothing, 1},
    Bug{21, "no notification for a response",
        "The response is in the ring and the front sleeps until another event wakes it.",
        "It is rarely seen under heavy traffic, where the next event hides it.",
        "Notify after each publication that the peer may wait for.", "plain_ring.c", "sc", nothing, 1},
    Bug{22, "one message for each wake-up",
        "Events are not counted: two events may coalesce. An end that takes one message for each event "
        "leaves the second in the ring.",
        "Interrupt handlers that rely on the number of interrupts.",
        "After waking, take until the ring is empty.", "plain_ring.c", "sc", nothing, 2},
    Bug{23, "notified before published", "The peer wakes, finds nothing, and sleeps; then the index moves.",
        "First drafts. It is hidden where waking takes longer than publishing.", "Publish, then notify.",
        "request_ring.h", "sc", nothing, 1},
    Bug{24, "event index off by one",
        "The peer asks for an index that is one too late and misses the first message; or for an index that "
        "has already passed, and is never notified.",
        "Every new implementation of event indices; virtio's specification gives the comparison in C for "
        "this reason.",
        "Define the index in one sentence: here, it is the value that req_prod must reach for a "
        "notification.",
        "event_index_ring.c", "sc", nothing, 1},
    Bug{25, "wrong comparison for notifying",
        "`event > old && event <= now` is right until an index wraps; then the peer is not notified, once in "
        "2^32 messages.",
        "Hand-written copies of `now - event < now - old`, by authors who found the subtraction unclear.",
        "Compare differences: is the event between old and now?", "event_index_ring.c", "sc", wrap, 2},
    Bug{26, "the front sleeps without a final check",
        "As bug 17, at the front: a response that is published while the front arms does not wake it.",
        "The reason for RING_FINAL_CHECK_FOR_RESPONSES in Xen's ring.h.",
        "Arm, full barrier, final check, sleep.", "event_index_ring.c", "sc", nothing, 1},
    Bug{33, "both ends initialize the ring",
        "The second end sets the indices to zero again. Published messages are lost, and the ends disagree "
        "from then on.",
        "Pairs of programs that can be started in either order, until they are started in the untested one.",
        "One end initializes the ring, before the other can find it; an end that attaches only reads.",
        "request_ring.h", "sc", attach_running, 1},
    Bug{34, "attaching skips waiting requests",
        "The back starts at the present req_prod, so that requests from before it attached are never taken.",
        "BACK_RING_ATTACH of 2005: a control daemon that was restarted skipped the requests that were "
        "waiting.",
        "Continue at rsp_prod: a request without a response has not been served.", "request_ring.h", "sc",
        attach_running, 1},
    Bug{36, "an atomic's order one step too weak",
        "release made relaxed, acquire made relaxed, seq_cst made release or acquire: it compiles and passes "
        "tests on an x86, and is wrong in the language and on other machines.",
        "Optimized queues. Le, Guatto, Cohen and Pop, \"Correct and efficient bounded FIFO queues\" (2013), "
        "prove which orders are needed.",
        "Document for each order which other one it pairs with, and what fails without it.", "atomic_ring.cc",
        "c11", nothing, 2},
    Bug{37, "a plain load in a spin loop",
        "The compiler does not know that the word changes: it reads once, before the loop, and the loop "
        "never ends.",
        "The reason for Linux's READ_ONCE.",
        "Use a volatile or atomic read, and test the optimized build too.", "request_ring.h", "sc", nothing,
        1},
    Bug{39, "two users of one end without a lock",
        "Each end of a ring has one owner. Two threads that send requests at the same time choose the same "
        "slot.",
        "Drivers that were written for one processor.", "A lock around the end, or a ring for each thread.",
        "locked_ring.c", "sc", two_fronts, 1},
    Bug{40, "event storm",
        "An end raises an event without a reason, as a precaution: here its own event, each time it finds "
        "nothing. It never sleeps again.",
        "XSA-332 (CVE-2020-27673) and XSA-391 (CVE-2021-28711): guests and back-ends that kept a machine "
        "busy with events.",
        "Raise an event only for a new message; mask or delay events that come without one.", "plain_ring.c",
        "sc", nothing, 1},
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
    Mutant{"24a", 24, "sc", "asks for an index that is one too late"},
    Mutant{"24b", 24, "sc", "asks for an index that has passed"},
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
    Mutant{"36b", 36, "c11", "the consumer's load of it: acquire made relaxed"},
    Mutant{"36c", 36, "c11", "the consumer's index: release made relaxed"},
    Mutant{"36d", 36, "c11", "the producer's load of it: acquire made relaxed"},
    Mutant{"36e", 36, "tso", "with sleeping ends, the producer's index: seq_cst made release"},
    Mutant{"36f", 36, "tso", "with sleeping ends, the consumer's index: seq_cst made release"},
    Mutant{"36g", 36, "tso", "with sleeping ends, the store of the flag: seq_cst made release"},
    Mutant{"36h", 36, "c11", "with sleeping ends, the load of the flag: seq_cst made acquire"},
    Mutant{"36i", 36, "c11", "with sleeping ends, the consumer's final check: seq_cst made acquire"},
    Mutant{"36j", 36, "c11", "with sleeping ends, the producer's final check: seq_cst made acquire"},
    Mutant{"37", 37, "sc", ""},
    Mutant{"38", 38, "sc", ""},
    Mutant{"39", 39, "sc", ""},
    Mutant{"40", 40, "sc", ""},
    Mutant{"41", 41, "sc", ""},
    Mutant{"42", 42, "sc", ""},
    Mutant{"43a", 43, "c11", "without release, one slot kept empty"},
    Mutant{"43b", 43, "sc", "a batch is released and then read"},
    Mutant{"44", 44, "c11", ""},
    Mutant{"equivalent", 0, "",
           "notifies only if all earlier requests were answered, in a ring that is always drained"},
};

}  // namespace

std::span<const Bug> bugs_of_sleep() {
  return sleep;
}

std::span<const Mutant> all_mutants() {
  return mutants;
}

}  // namespace ringside::check

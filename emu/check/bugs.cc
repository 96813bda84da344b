// The texts of the catalogue, in three parts (bugs_of_sleep.cc and bugs_of_threads.cc are the others), and
// its look-up.
#include "emu/check/bugs.h"

#include <algorithm>
#include <array>
#include <vector>

#include "emu/check/bugs_parts.h"

namespace ringside::check {

namespace {

using enum BugNeeds;

constexpr std::string_view drafts =
    "First drafts everywhere; no case is famous, because one thread is enough to find it.";
constexpr std::string_view weak_machines =
    "Code that grew up on x86 and moved to a machine that reorders more: an x86 keeps this order even when "
    "the source does not ask.";

/// Kept apart by what goes wrong: here, what is in the slots and which slots they are.
constexpr std::array contents{
    Bug{1, "index published before the payload",
        "The producer moves its index and fills the slot afterwards. A consumer that is quick reads what was "
        "in the slot before.",
        drafts, "Fill the slot first; then the write barrier; then the index.", "request_ring.h", "sc",
        nothing, 1},
    Bug{2, "no write barrier before req_prod",
        "The slot is filled first, but nothing keeps that order for the other processor: it may see the new "
        "index and the old slot.",
        weak_machines, "A write barrier (release) between the slot and req_prod.", "request_ring.h", "c11",
        nothing, 1},
    Bug{3, "no read barrier after req_prod",
        "The consumer looks at the index and then into the slot, but the processor may have read the slot "
        "earlier than the index.",
        "kvmtool's virtio queues read the available index and then the descriptor without one.",
        "A read barrier (acquire) between req_prod and the slot. One side's barrier is worth nothing without "
        "the other's.",
        "request_ring.h", "c11", nothing, 1},
    Bug{4, "no write barrier before rsp_prod",
        "As bug 2, on the way back. The barrier also keeps the back's reading of the request in front of "
        "handing the slot over.",
        weak_machines, "A write barrier between the response and rsp_prod.", "request_ring.h", "c11", nothing,
        1},
    Bug{5, "no read barrier at the front",
        "As bug 3, on the way back: the front takes what is left of its own request for the response.",
        weak_machines, "A read barrier between rsp_prod and the slot.", "request_ring.h", "c11", nothing, 1},
    Bug{6, "no check for a full ring",
        "The producer puts a request into a slot whose last one nobody has finished with, and overwrites it.",
        drafts, "Before each request: are fewer than all slots in use?", "request_ring.h", "sc", nothing, 3},
    Bug{7, "check for a full ring off by one",
        "`<=` where `<` is meant: one request more than there are slots, only under load, overwriting the "
        "oldest.",
        drafts, "Requests made minus responses taken must be smaller than the number of slots.",
        "request_ring.h", "sc", nothing, 3},
    Bug{8, "room counted from the shared rsp_prod",
        "A response that has been published is not yet one that has been taken. Where both share a slot, the "
        "next request overwrites "
        "a response that the front has not read.",
        drafts, "Count room from the front's own index of responses taken.", "request_ring.h", "sc", nothing,
        3},
    Bug{9, "a jumped req_prod is believed",
        "A front writes an index far ahead. The back serves a ring's worth of old slots over and over: work "
        "without end for it, and "
        "requests that nobody made.",
        "XSA-86 (CVE-2014-1896): libvchan and hostile ring indices. XSA-39: netback, kept busy by a guest's "
        "ring index.",
        "Refuse an index that claims more requests than there are slots free for them.", "request_ring.h",
        "sc", hostile_front, 1},
    Bug{10, "response into the wrong slot",
        "The back puts its answer a slot further, over a request that it has not read; the front reads its "
        "own request as the answer.",
        drafts, "A response goes into the slot of rsp_prod, whichever request it answers.", "request_ring.h",
        "sc", nothing, 2},
    Bug{11, "rsp_prod published before the response",
        "As bug 1, on the way back: the front reads its own request as the answer.", drafts,
        "Fill the slot; write barrier; rsp_prod.", "request_ring.h", "sc", nothing, 1},
    Bug{12, "consumer's index not moved",
        "What was taken is taken again: a request is served twice, and the next one never.", drafts,
        "Move the private index in the place where the slot is copied.", "request_ring.h", "sc", nothing, 1},
    Bug{13, "payload read before the index is looked at",
        "The slot is copied first and judged afterwards. When the index is looked at the copy is old "
        "already.",
        drafts, "Index; read barrier; slot.", "request_ring.h", "sc", nothing, 1},
    Bug{14, "indices compared with >",
        "`prod > cons` holds for years and fails once, when prod has passed 2^32 and cons has not: the ring "
        "stands still.",
        "The same as with every counter that wraps; Linux lets its clock wrap five minutes after boot, so "
        "that drivers show it early.",
        "Subtract, and look at the unsigned difference.", "request_ring.h", "sc", wrap, 2},
    Bug{15, "% n where n is no power of two",
        "The remainder of a free-running index jumps where the index wraps: with 3 slots, both 2^32 - 1 and "
        "0 are slot 0.",
        drafts, "Take a power of two for the number of slots, or let indices run to a multiple of it.",
        "request_ring.h", "sc", wrap, 2},
    Bug{16, "wrong mask",
        "Two indices that are apart stand for one slot; with more than one message on its way they overwrite "
        "each other.",
        drafts, "The mask is the number of slots minus one, and a static_assert says that this makes sense.",
        "request_ring.h", "sc", nothing, 2},
    Bug{27, "a length is fetched twice",
        "It is checked, and then read again from the shared page to be used. In between the peer writes "
        "another one.",
        "XSA-155 (CVE-2015-8550): several of Xen's back-ends, some by the compiler's choice. The guest's "
        "control interface of 2005 "
        "read the id of a message twice.",
        "Copy once, into memory of your own and by a read that the compiler cannot repeat; judge and use the "
        "copy.",
        "request_ring.h", "sc", hostile_front, 1},
    Bug{28, "a length is not limited",
        "The peer says 200 and the buffer has 60: a read or a write beyond the end of it.",
        "Nearly every protocol once. A message of the control channel of 2005 has one byte for the length "
        "and room for 60.",
        "Compare with the room that there is, after copying and before use.", "request_ring.h", "sc",
        hostile_front, 1},
    Bug{29, "a full ring is ignored",
        "The sender finds no room and goes on as if it had sent. The message is lost without a trace.",
        "xcs in 2005: input for a console was lost when the guest's ring was full.",
        "No room is an outcome: keep the message and try again when a response has been taken.",
        "request_ring.h", "sc", nothing, 3},
    Bug{30, "slot and index do not match",
        "The request goes into one slot and the index announces another: zeros or an old one arrive.", drafts,
        "Compute the slot from the index that will be published, in one place.", "request_ring.h", "sc",
        nothing, 1},
    Bug{31, "an index is stored byte by byte",
        "While the bytes follow one another the peer sees an index that never was: between 0xff and 0x100 it "
        "is 0 or 0x1ff.",
        "memcpy into shared memory, packed structures, and compilers that split a store since nobody told "
        "them not to.",
        "One aligned store, volatile or atomic.", "request_ring.h", "sc", wrap, 2},
    Bug{32, "header early, body late",
        "The message is announced when its header is there; the body follows. As bug 1, for half of it.",
        drafts, "All of the message, then the barrier, then the index.", "request_ring.h", "sc", nothing, 1},
    Bug{35, "the id of a response is trusted",
        "The front looks up its request by an id that the back has written. An id that was never given "
        "reaches beyond the table; one "
        "given and answered already frees a thing twice.",
        "The guest's control interface of 2005: an id of 200 crashes it. Linux's blkfront and netfront until "
        "they were hardened in 2021.",
        "Is the id in range, and is a request with it outstanding? Otherwise refuse the response.",
        "tagged_ring.c", "sc", hostile_back, 1},
    Bug{38, "an id is used again too early",
        "Two requests are on their way under one id. The first response is given to the second.",
        "Storage drivers; since 2021 Linux's NVMe driver has a generation in each id to notice answers to an "
        "earlier use.",
        "An id is free when its response has been taken, not when its turn comes round.", "tagged_ring.c",
        "sc", nothing, 2},
    Bug{41, "the rest of a slot tells tales",
        "A short response is copied with the whole buffer in which it was made, and with what that held "
        "before: secrets of the back.",
        "XSA-216 (CVE-2017-10911): block back-ends put bytes of their stack between the fields of a "
        "response.",
        "Make the response in zeroed memory, or copy its bytes and no more.", "request_ring.h", "sc",
        short_response, 1},
    Bug{42, "a shared word as private counter",
        "An end reads back from the page where it was itself. The peer can write there, and so decides where "
        "it goes on and how much "
        "room it believes in.",
        "The rings of many drivers; it is why Xen's ring.h has an index `_pvt` beside each shared one.",
        "Keep your own indices in memory of your own; the shared word is for telling, not for remembering.",
        "request_ring.h", "sc", hostile_back, 3},
    Bug{43, "a slot handed back before it is read",
        "The consumer moves its index and reads the slot afterwards, or moves it without release. Where one "
        "slot is kept empty, no slot is used twice before the ring has gone round, so that short tests never "
        "see it.",
        "Queues that read in batches and hand the whole batch back at once.",
        "Read, then hand back, with release; the producer's look at that index acquires.", "slack_ring.cc",
        "sc", nothing, 4},
    Bug{44, "wrong only after the first round",
        "A later message takes another way through the code than the first ones: a cache is looked up again, "
        "an index starts over, and there an order is missing.",
        "Every fast path. A test with as many messages as there are slots never leaves the first round.",
        "Test with twice as many messages as there are places.", "slack_ring.cc", "c11", nothing, 6},
};

}  // namespace

std::span<const Bug> bugs_of_contents() {
  return contents;
}

std::string_view words_for(BugNeeds needs) {
  switch (needs) {
    case nothing:
      return "nothing special";
    case wrap:
      return "indices that start just below 2^32";
    case attach_running:
      return "a back that attaches when the front is at work";
    case hostile_front:
      return "a hostile front";
    case hostile_back:
      return "a hostile back";
    case two_fronts:
      return "two threads at the front";
    case short_response:
      return "a short response";
  }
  return "";
}

std::span<const Bug> all_bugs() {
  static const std::vector<Bug> sorted = [] {
    std::vector<Bug> all(bugs_of_contents().begin(), bugs_of_contents().end());
    all.insert(all.end(), bugs_of_sleep().begin(), bugs_of_sleep().end());
    all.insert(all.end(), bugs_of_threads().begin(), bugs_of_threads().end());
    std::sort(all.begin(), all.end(), [](const Bug& a, const Bug& b) { return a.number < b.number; });
    return all;
  }();
  return sorted;
}

const Bug* bug_by_number(std::uint32_t number) {
  for (const Bug& bug : all_bugs()) {
    if (bug.number == number) return &bug;
  }
  return nullptr;
}

}  // namespace ringside::check

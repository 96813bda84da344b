// The first of three parts of the catalogue's texts (the others are bugs_of_sleep.cc and bugs_of_threads.cc),
// and the look-up.
#include "emu/check/bugs.h"

#include <algorithm>
#include <array>
#include <vector>

#include "emu/check/bugs_parts.h"

namespace ringside::check {

namespace {

using enum BugNeeds;

constexpr std::string_view drafts =
    "First drafts everywhere; there is no well-known case, because a test with one thread finds it.";
constexpr std::string_view weak_machines =
    "Code that was written for x86 and moved to a machine that reorders more: an x86 keeps this order even "
    "if the source does not require it.";

/// Sorted by the kind of error. Here: what is in the slots, and which slots they are.
constexpr std::array contents{
    Bug{1, "index published before the payload",
        "The producer moves its index and fills the slot afterwards. A fast consumer reads the previous "
        "contents of the slot.",
        drafts, "Fill the slot first; then the write barrier; then the index.", "request_ring.h", "sc",
        nothing, 1},
    Bug{2, "no write barrier before req_prod",
        "The slot is filled first, but nothing keeps that order for the other processor: it may see the new "
        "index and the old slot.",
        weak_machines, "A write barrier (release) between the slot and req_prod.", "request_ring.h", "c11",
        nothing, 1},
    Bug{3, "no read barrier after req_prod",
        "The consumer reads the index and then the slot, but the processor may have read the slot earlier "
        "than the index.",
        "kvmtool's virtio queues read the available index and then the descriptor without one.",
        "A read barrier (acquire) between req_prod and the slot. The barrier of one side has no effect "
        "without that of the other.",
        "request_ring.h", "c11", nothing, 1},
    Bug{4, "no write barrier before rsp_prod",
        "As bug 2, on the way back. The barrier also keeps the back's read of the request before the release "
        "of the slot.",
        weak_machines, "A write barrier between the response and rsp_prod.", "request_ring.h", "c11", nothing,
        1},
    Bug{5, "no read barrier at the front",
        "As bug 3, on the way back: the front reads the rest of its own request as the response.",
        weak_machines, "A read barrier between rsp_prod and the slot.", "request_ring.h", "c11", nothing, 1},
    Bug{6, "no check for a full ring",
        "The producer writes a request into a slot whose previous message is still in use, and overwrites "
        "it.",
        drafts, "Before each request: are fewer than all slots in use?", "request_ring.h", "sc", nothing, 3},
    Bug{7, "check for a full ring off by one",
        "`<=` where `<` is meant: one request more than there are slots, only under load, overwriting the "
        "oldest.",
        drafts, "Requests made minus responses taken must be smaller than the number of slots.",
        "request_ring.h", "sc", nothing, 3},
    Bug{8, "room counted from the shared rsp_prod",
        "A published response has not been taken yet. If requests and responses share slots, the next "
        "request overwrites a response that the front has not read.",
        drafts, "Count room from the front's own index of responses taken.", "request_ring.h", "sc", nothing,
        3},
    Bug{9, "a jumped req_prod is trusted",
        "A front writes an index far ahead. The back serves the old slots again and again: endless work, and "
        "requests that were never made.",
        "XSA-86 (CVE-2014-1896): libvchan and hostile ring indices. XSA-39: netback was kept busy by a "
        "guest's ring index.",
        "Refuse an index that claims more requests than there are slots free for them.", "request_ring.h",
        "sc", hostile_front, 1},
    Bug{10, "response into the wrong slot",
        "The back writes its response one slot too far, over a request that it has not read. The front reads "
        "its own request as the response.",
        drafts, "A response goes into the slot of rsp_prod, whichever request it answers.", "request_ring.h",
        "sc", nothing, 2},
    Bug{11, "rsp_prod published before the response",
        "As bug 1, on the way back: the front reads its own request as the response.", drafts,
        "Fill the slot; write barrier; rsp_prod.", "request_ring.h", "sc", nothing, 1},
    Bug{12, "consumer's index not moved",
        "The consumer takes the same request again: it is served twice, and the next one is never served.",
        drafts, "Move the private index where the slot is copied.", "request_ring.h", "sc", nothing, 1},
    Bug{13, "payload read before the index",
        "The slot is copied before the index is read. When the index is read, the copy is already out of "
        "date.",
        drafts, "Index; read barrier; slot.", "request_ring.h", "sc", nothing, 1},
    Bug{14, "indices compared with >",
        "`prod > cons` works for years and fails when prod has passed 2^32 and cons has not: the ring stops.",
        "As with every counter that wraps. Linux starts its clock so that it wraps five minutes after boot "
        "and drivers show such errors early.",
        "Subtract, and compare the unsigned difference.", "request_ring.h", "sc", wrap, 2},
    Bug{15, "% n where n is not a power of two",
        "The remainder of a free-running index jumps where the index wraps: with 3 slots, both 2^32 - 1 and "
        "0 are slot 0.",
        drafts, "Use a power of two as the number of slots, or let indices wrap at a multiple of it.",
        "request_ring.h", "sc", wrap, 2},
    Bug{16, "wrong mask",
        "Two different indices select one slot; with more than one message in the ring, messages overwrite "
        "each other.",
        drafts,
        "The mask is the number of slots minus one, and a static_assert checks that the number is a power of "
        "two.",
        "request_ring.h", "sc", nothing, 2},
    Bug{27, "a length is fetched twice",
        "It is checked, and then read again from the shared page for use. Between the two reads, the peer "
        "writes another value.",
        "XSA-155 (CVE-2015-8550): several of Xen's back-ends; in some of them the compiler added the second "
        "read. The guest's control interface of 2005 read the id of a message twice.",
        "Copy once, into private memory and with a read that the compiler cannot repeat; check and use the "
        "copy.",
        "request_ring.h", "sc", hostile_front, 1},
    Bug{28, "a length is not limited",
        "The peer writes 200 and the buffer has 60 bytes: a read or write beyond the end of the buffer.",
        "Almost every protocol had it once. A message of the control channel of 2005 has one byte for the "
        "length and room for 60.",
        "Compare with the size of the buffer, after copying and before use.", "request_ring.h", "sc",
        hostile_front, 1},
    Bug{29, "a full ring is ignored",
        "The sender finds no room and continues as if it had sent. The message is lost without an error.",
        "xcs in 2005: input for a console was lost when the guest's ring was full.",
        "Handle a full ring: keep the message and try again after a response has been taken.",
        "request_ring.h", "sc", nothing, 3},
    Bug{30, "slot and index do not match",
        "The request is written into one slot and the index publishes another: zeros or an old request "
        "arrive.",
        drafts, "Compute the slot from the index that will be published, in one place.", "request_ring.h",
        "sc", nothing, 1},
    Bug{31, "an index is stored byte by byte",
        "Between the byte stores, the peer sees an index that was never published: between 0xff and 0x100 it "
        "is 0 or 0x1ff.",
        "memcpy into shared memory, packed structures, and compilers that split a store because nothing "
        "forbids it.",
        "One aligned store, volatile or atomic.", "request_ring.h", "sc", wrap, 2},
    Bug{32, "header published before the body",
        "The message is published when its header is written; the body follows later. As bug 1, for a part "
        "of the message.",
        drafts, "All of the message, then the barrier, then the index.", "request_ring.h", "sc", nothing, 1},
    Bug{35, "the id of a response is trusted",
        "The front finds its request by an id that the back has written. An id that was never used reaches "
        "beyond the table; an id that was already answered causes a double free.",
        "The guest's control interface of 2005: an id of 200 crashes it. Linux's blkfront and netfront until "
        "they were hardened in 2021.",
        "Refuse the response unless the id is in range and its request is outstanding.", "tagged_ring.c",
        "sc", hostile_back, 1},
    Bug{38, "an id is used again too early",
        "Two requests are outstanding under one id. The first response is matched with the second request.",
        "Storage drivers. Since 2021 Linux's NVMe driver has a generation in each id, which detects a "
        "response to an earlier use.",
        "An id is free when its response has been taken, not before.", "tagged_ring.c", "sc", nothing, 2},
    Bug{41, "the rest of a slot discloses data",
        "A short response is copied together with the rest of its buffer and the old contents of that: "
        "private data of the back.",
        "XSA-216 (CVE-2017-10911): block back-ends put bytes of their stack between the fields of a "
        "response.",
        "Make the response in zeroed memory, or copy only its bytes.", "request_ring.h", "sc", short_response,
        1},
    Bug{42, "a shared word as private counter",
        "An end reads its own position from the page. The peer can write there, and so controls where the "
        "end continues and how much room it assumes.",
        "The rings of many drivers. For this reason Xen's ring.h has an index `_pvt` beside each shared one.",
        "Keep your own indices in private memory, and only write the shared words.", "request_ring.h", "sc",
        hostile_back, 3},
    Bug{43, "a slot handed back before it is read",
        "The consumer moves its index and reads the slot afterwards, or moves it without release. If one "
        "slot is kept empty, no slot is used twice in the first round, so that short tests miss it.",
        "Queues that read in batches and release a whole batch at once.",
        "Read, then release the slot with a release store; the producer loads that index with acquire.",
        "slack_ring.cc", "sc", nothing, 4},
    Bug{44, "wrong only after the first round",
        "A later message takes another path through the code than the first ones (a cached index is read "
        "again, an index restarts), and an order is missing on that path.",
        "Fast paths of many queues. A test with as many messages as slots never leaves the first round.",
        "Test with twice as many messages as slots.", "slack_ring.cc", "c11", nothing, 6},
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
      return "a back that attaches while the front is running";
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

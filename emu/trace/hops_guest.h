// The hops between dom0 and a guest, in the page that they share, and those in the guest. hops.h documents
// the fields; only hops.cc includes this.
#pragma once

#include "emu/trace/hops.h"

namespace ringside::trace {

inline constexpr Hop hops_page[] = {
    {.id = HopId::page,
     .name = "page",
     .place = Place::page,
     .way = Way::both,
     .title = "the shared page: two rings of 8 messages",
     .meaning =
         "A guest and dom0 share one page of 4096 bytes, the domain's shared_info frame. At byte 2048 in "
         "it lie two rings of 8 slots of 64 bytes: tx for requests of the guest, rx for requests of "
         "dom0.",
     .more =
         "dom0 learns the frame's number by getdomaininfo and maps it. The event bits lie in the first part "
         "of the page. In the stable tree (2.0) the indices are behind the slots (flat), in the unstable one "
         "before them (sring). A domain that is suspended and resumes "
         "has another frame, which dom0 maps then.",
     .source = "xen/include/public/io/domain_controller.h control_if_t; xen/include/public/xen.h "
               "shared_info_t; tools/libxc xc_map_foreign_range.",
     .goes_wrong =
         "Either side may write anything at any time, so each value is read from the page once and "
         "checked. If the sides use different layouts, they read headers as indices, and get no error.",
     .see = "ringside ring web",
     .scenarios = {"16-both-abis"},
     .quirks = {Quirk::abi_mismatch},
     .counters = {}},

    {.id = HopId::slot_rx,
     .name = "slot-rx",
     .place = Place::page,
     .way = Way::down,
     .title = "a slot of rx is written: a message down to the guest",
     .meaning = "xcs has mapped the guest's page. A message down to the guest is a "
                "request in the ring rx: 64 bytes in the next of 8 slots.",
     .more =
         "When all 8 hold requests whose answers have not been taken, the message waits: up to 64 for each "
         "guest in xcs, and then in the client that sent it.",
     .source = "tools/xcs/ctrl_interface.c ctrl_chan_write_request.",
     .goes_wrong = "The ring is full when the guest is slow or paused. The xcs of 2005 "
                   "took no notice of the "
                   "-ENOSPC: the message was lost, and the guest notified all the same. Of a long paste into "
                   "a stopped guest "
                   "8 messages of 60 bytes arrived: 480.",
     .see = "ringside ring web",
     .scenarios = {"05-typing"},
     .quirks = {Quirk::xcs_drop_when_full},
     .counters = {Counter::queued_messages, Counter::refused_messages, Counter::pushbacks}},

    {.id = HopId::slot_tx,
     .name = "slot-tx",
     .place = Place::page,
     .way = Way::up,
     .title = "a slot of tx is written: output of the guest",
     .meaning =
         "The guest's console driver puts the bytes into a control message: 4 bytes of header, up to 60 "
         "of payload. The message goes into the next of 8 slots of the ring tx, in the page that the "
         "guest and dom0 share.",
     .more =
         "The header is type (CMSG_CONSOLE: 0), subtype, id (0xFF: no callback for the answer) and length.",
     .source = "XenoLinux: drivers/xen/console/console.c __xencons_tx_flush; arch/xen/kernel/ctrl_if.c "
               "ctrl_if_send_message_noblock.",
     .goes_wrong = "With 8 messages unanswered the ring is full and the driver waits for space. A guest can "
                   "claim a length of 255, or write the message anew after the notification: the reader "
                   "copies the slot once and accepts no length beyond 60.",
     .see = "ringside ring web",
     .scenarios = {"02-one-byte", "52-length-255", "53-rewritten-after-notify"},
     .quirks = {},
     .counters = {Counter::length_faults}},

    {.id = HopId::req_prod,
     .name = "req-prod",
     .place = Place::page,
     .way = Way::both,
     .title = "req_prod moves: now the message exists",
     .meaning =
         "Only now does the message exist for the other side: its writer moves the producer index, after "
         "a write barrier. Indices count on for ever; index & 7 is the slot.",
     .more = "They are 32 bits wide and wrap. Several messages can be published by one store.",
     .source = "xen/include/public/io/ring.h RING_PUSH_REQUESTS.",
     .goes_wrong = "An index that jumps claims requests that were never made. A ring with an impossible "
                   "index is ignored until the index is possible again; in 2005 there was no check, and "
                   "stale slots were taken for new messages.",
     .see = "ringside ring web",
     .scenarios = {"12-index-wrap", "50-forged-req-prod", "57-killed-mid-ring"},
     .quirks = {Quirk::stale_indices},
     .counters = {Counter::index_faults, Counter::ctrl_if_request_indices}},

    {.id = HopId::event_down,
     .name = "event-down",
     .place = Place::page,
     .way = Way::down,
     .title = "the event channel, down: the guest is told to look",
     .meaning =
         "Towards the guest the bits are those of shared_info: pending, then mask, then the selector, "
         "then the upcall flag, and only then is the virtual CPU kicked (here: a write to an eventfd).",
     .more = "If one of these bits is set already, the sender stops there. The peers of 2005 notified after "
             "every "
             "request and "
             "every response.",
     .source = "Xen: xen/common/event_channel.c evtchn_send, and evtchn_set_pending. "
               "tools/libxc/xc_evtchn.c xc_evtchn_send.",
     .goes_wrong = "When an event is lost, the message stays unread in the ring until the next event comes. "
                   "A late or duplicated event does no harm: the indices say how many messages there are.",
     .see = "ringside dump --all web",
     .scenarios = {"54-lost-event", "55-late-event"},
     .quirks = {},
     .counters = {}},

    {.id = HopId::event_up,
     .name = "event-up",
     .place = Place::page,
     .way = Way::up,
     .title = "the event channel, up: dom0 is told to look",
     .meaning = "The event channel carries no data. It says only: a message has arrived.",
     .more =
         "The guest's end is almost always port 1, the first that is allocated. In dom0 a program binds the "
         "port to a device file and reads port numbers from it.",
     .source = "Xen: xen/common/event_channel.c evtchn_send. XenoLinux: drivers/xen/evtchn/evtchn.c "
               "evtchn_device_upcall, evtchn_read, evtchn_write.",
     .goes_wrong =
         "A port that was read stays masked until its number is written back: a program that forgets this "
         "gets no further event. The device keeps 2048 ports and reports an overflow after that.",
     .see = "ringside dump --all web",
     .scenarios = {"06-one-event-many-messages"},
     .quirks = {},
     .counters = {Counter::event_overflows}},

    {.id = HopId::event_quiet,
     .name = "event-quiet",
     .place = Place::page,
     .way = Way::both,
     .title = "an event that wakes no receiver",
     .meaning = "An event that is already pending, or whose receiver is awake and polls the ring, costs no "
                "system call: events coalesce, and the indices say how many messages there are.",
     .more = "So one event may stand for many messages, and an event for none.",
     .source = "Xen: evtchn_set_pending stops at a pending bit that was set already, and at the mask.",
     .goes_wrong = "A receiver that counts events instead of reading the ring misses messages. The edge of a "
                   "masked port is lost: after unmasking, the receiver must check the ring.",
     .see = "ringside dump --all web",
     .scenarios = {"06-one-event-many-messages"},
     .quirks = {},
     .counters = {}},

    {.id = HopId::upcall,
     .name = "upcall",
     .place = Place::page,
     .way = Way::both,
     .title = "the upcall: the receiver finds the port",
     .meaning =
         "The receiver clears the pending bit before it looks at the ring, so that it misses no message that "
         "arrives meanwhile.",
     .more = "A guest clears evtchn_upcall_pending, exchanges the selector with 0, and scans the ports that "
             "are pending and "
             "not masked, word by word.",
     .source = "XenoLinux: arch/xen/kernel/evtchn.c evtchn_do_upcall.",
     .goes_wrong = "In the other order, a message that comes between the check and the clearing stays "
                   "unseen. A port without a handler is masked, since it could keep the guest busy.",
     .see = "ringside dump --all web",
     .scenarios = {"56-duplicate-event"},
     .quirks = {},
     .counters = {Counter::stray_events}},

    {.id = HopId::req_cons,
     .name = "req-cons",
     .place = Place::page,
     .way = Way::both,
     .title = "req_cons moves: the message has been read",
     .meaning = "The reader keeps its own place in a private index that the page never shows.",
     .more = "It loads the other side's producer index, then comes a read barrier, then it reads the slots.",
     .source = "xen/include/public/io/ring.h RING_HAS_UNCONSUMED_REQUESTS.",
     .goes_wrong = "A reader that dies has lost its place. The next one starts at the shared req_prod, so "
                   "unanswered requests were forgotten in 2005; here they are found again in their slots.",
     .see = "ringside dump --all web",
     .scenarios = {"58-xcs-restarted"},
     .quirks = {Quirk::xcs_restart_deadlock},
     .counters = {}},

    {.id = HopId::response,
     .name = "response",
     .place = Place::page,
     .way = Way::response,
     .title = "a response overwrites the request",
     .meaning = "A response overwrites the request it answers, in the same ring. Only when the requester has "
                "taken it is that slot free again: without answers a guest can send only 8 messages.",
     .more =
         "Type, subtype and id are the request's. The answer to console data has length 0 from a guest; xend "
         "sends the whole message back.",
     .source = "XenoLinux: arch/xen/kernel/ctrl_if.c ctrl_if_send_response. tools/xcs/ctrl_interface.c "
               "ctrl_chan_write_response.",
     .goes_wrong = "After its length a response contains undefined bytes: those that its writer left there.",
     .see = "ringside ring web",
     .scenarios = {"07-a-response-frees-a-slot"},
     .quirks = {Quirk::leaky_response},
     .counters = {}},

    {.id = HopId::rsp_prod,
     .name = "rsp-prod",
     .place = Place::page,
     .way = Way::response,
     .title = "rsp_prod moves: now the answer exists",
     .meaning =
         "The answer is published as the request was: its writer moves rsp_prod, after a write barrier.",
     .more =
         "rsp_prod follows req_prod and cannot pass it: their distance is the number of unanswered requests.",
     .source = "xen/include/public/io/ring.h RING_PUSH_RESPONSES.",
     .goes_wrong =
         "An index that jumps claims answers to requests that were never made. Answers then wait until "
         "it is valid again.",
     .see = "ringside ring web",
     .scenarios = {"51-forged-rsp-prod"},
     .quirks = {},
     .counters = {Counter::ctrl_if_response_indices}},

    {.id = HopId::rsp_cons,
     .name = "rsp-cons",
     .place = Place::page,
     .way = Way::response,
     .title = "rsp_cons moves: the slot is free",
     .meaning = "The requester has taken the answer: the slot is free.",
     .more = "A ring is full when the requester's own count of requests is 8 ahead of rsp_cons, which is "
             "private, too.",
     .source = "xen/include/public/io/ring.h RING_HAS_UNCONSUMED_RESPONSES, RING_FULL.",
     .goes_wrong =
         "A requester that does not take answers has a full ring, even if every request in it was answered.",
     .see = "ringside dump --all web",
     .scenarios = {"04-ring-wraps"},
     .quirks = {},
     .counters = {}},
};

inline constexpr Hop hops_guest[] = {
    {.id = HopId::ctrl_if,
     .name = "ctrl-if",
     .place = Place::domu,
     .way = Way::both,
     .title = "ctrl_if, the guest's driver of the channel",
     .meaning =
         "The guest's channel driver takes responses first and then requests, and gives each request to "
         "the receiver that has registered for its type.",
     .more = "A type without a receiver gets the default answer: the same header, length 0. A sender gets "
             "-EAGAIN from a full ring, or waits, or registers a callback for free space. An id of 0xFF "
             "wants no callback, others are places in a table of 8.",
     .source = "XenoLinux: arch/xen/kernel/ctrl_if.c ctrl_if_interrupt, ctrl_if_register_receiver, "
               "ctrl_if_send_message_block, ctrl_if_enqueue_space_callback.",
     .goes_wrong =
         "An answer with an id that no request carries is dropped, and a length above 60 is truncated "
         "to 60. In 2005 the first made a kernel jump through a null pointer, and the second had "
         "one of the flat generation overrun its stack.",
     .see = "ringside sysrq web h",
     .scenarios = {"11-lengths"},
     .quirks = {Quirk::ctrlif_bad_id, Quirk::ctrlif_no_clamp, Quirk::ctrlif_suspend_early},
     .counters = {Counter::ctrl_if_unknown_ids, Counter::ctrl_if_long_lengths}},

    {.id = HopId::console_driver,
     .name = "console-driver",
     .place = Place::domu,
     .way = Way::up,
     .title = "the guest's console driver: 4096 bytes of output",
     .meaning =
         "The program's terminal hands its output (or the echo of what was typed) to the console driver, "
         "which has a 4096-byte buffer for it.",
     .more = "Kernel messages share it. The driver sends it in messages of at most 60 bytes, never across "
             "the buffer's "
             "wrap; when the ring is full the driver asks to be called when there is space.",
     .source = "XenoLinux: drivers/xen/console/console.c xencons_write, kcons_write, __xencons_tx_flush.",
     .goes_wrong = "When the buffer is full, the program that writes waits; a kernel message does not, and "
                   "its excess is dropped.",
     .see = "ringside dump --all web",
     .scenarios = {"03-sixty-one-bytes"},
     .quirks = {Quirk::kcons_lfcr, Quirk::kcons_flush_spin},
     .counters = {Counter::kernel_bytes_dropped}},

    {.id = HopId::guest_tty,
     .name = "guest-tty",
     .place = Place::domu,
     .way = Way::both,
     .title = "the guest's terminal",
     .meaning = "The guest's console driver gives the bytes to the terminal that the program reads from: "
                "they have arrived.",
     .more = "The terminal echoes them, edits lines, and makes a signal of Ctrl-C. The driver answers, with "
             "length 0, when the terminal has taken them.",
     .source = "XenoLinux: drivers/xen/console/console.c xencons_rx; the tty layer of any Linux.",
     .goes_wrong =
         "Input for a terminal that no program has open is dropped and counted. A terminal that is not raw "
         "truncates lines to 4095 bytes, as any Linux terminal does.",
     .see = "ringside dump --all web",
     .scenarios = {"05-typing"},
     .quirks = {},
     .counters = {Counter::input_bytes_dropped}},

    {.id = HopId::program,
     .name = "program",
     .place = Place::domu,
     .way = Way::both,
     .title = "the program on the guest's console",
     .meaning = "The program reads from its terminal and writes to it, and cannot tell that its console is a "
                "page with 16 slots.",
     .more = "In 2005 it was a getty on tty1; here it is whatever is named after --, or a small shell.",
     .source = "None of Xen's.",
     .goes_wrong = "A program that does not read makes all others wait in turn: its terminal, the 8 slots, "
                   "xcs, xend, and at last the user who types. Nothing is lost.",
     .see = "ringside exec -- sh -c 'echo hello'",
     .scenarios = {"01-hello"},
     .quirks = {},
     .counters = {}},
};

}  // namespace ringside::trace

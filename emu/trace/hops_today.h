// The hops of today's console, beside those of 2005. hops.h documents the fields; only hops.cc includes this.
#pragma once

#include "emu/trace/hops.h"

namespace ringside::trace {

inline constexpr Hop hops_today[] = {
    {.id = HopId::pty,
     .name = "pty",
     .place = Place::dom0,
     .way = Way::both,
     .title = "the pty of xenconsoled, and a program that has it open",
     .meaning = "A user's program has xenconsoled's pty open. Keys go into it and output comes out of it, "
                "unchanged: xenconsoled makes it raw.",
     .more = "xl console finds its path in xenstore, in the node console/tty; ringside's own xenconsoled "
             "makes a link to it. Any program that opens a terminal can be a viewer.",
     .source = "tools/console/daemon/io.c console_create_tty; tools/console/client/main.c.",
     .goes_wrong = "xenconsoled holds the other side open and never learns whether there is a reader. Of two "
                   "readers, each gets a part of the output.",
     .see = "ringside console web",
     .scenarios = {"94-today-a-pty-keeps"},
     .quirks = {},
     .counters = {},
     .today = true},

    {.id = HopId::xenconsoled,
     .name = "xenconsoled",
     .place = Place::dom0,
     .way = Way::both,
     .title = "xenconsoled: two rings of bytes, a buffer, a pty",
     .meaning =
         "xenconsoled takes all output that waits and keeps it until the pty takes it. From the pty it "
         "reads at most 80 bytes at a time, and only while the ring has room.",
     .more = "It serves a console for at most 30 events in 200 ms. If more than 1.25 MiB wait for a reader, "
             "it discards half a MiB in the middle; the limit, 1 MiB, is in xenstore.",
     .source = "tools/console/daemon/io.c buffer_append, handle_tty_read, handle_tty_write.",
     .goes_wrong = "The guest never waits for a reader, so a reader that comes late finds a gap. A daemon "
                   "that dies takes its ptys along, and the output that it kept.",
     .see = "ringside up --dom0 xenconsoled",
     .scenarios = {"83-unread-output", "88-xenconsoled-is-killed", "90-destroyed-with-unread-output"},
     .quirks = {},
     .counters = {},
     .today = true},

    {.id = HopId::bytes_in,
     .name = "bytes-in",
     .place = Place::page,
     .way = Way::down,
     .title = "bytes in the ring in: 1024, without messages",
     .meaning = "Typed bytes are written into the ring in: 1024 bytes in a frame that the guest grants to "
                "dom0. There is no message: no type, no length, no id.",
     .more = "The frame has grant reference 0. Byte 1024 of the input is at place 0 again.",
     .source = "xen/include/public/io/console.h; tools/console/daemon/io.c handle_tty_read.",
     .goes_wrong = "A full ring stays full until the guest's program reads. xenconsoled then leaves further "
                   "input in the pty.",
     .see = "ringside ring web",
     .scenarios = {"87-input-in-pieces"},
     .quirks = {},
     .counters = {},
     .today = true},

    {.id = HopId::bytes_out,
     .name = "bytes-out",
     .place = Place::page,
     .way = Way::up,
     .title = "bytes in the ring out: 2048, without messages",
     .meaning = "The guest's driver writes printed bytes into the ring out: 2048 bytes in the same frame. A "
                "run of bytes may have any length and may wrap.",
     .more = "In 2005, 2048 bytes took 35 messages, each with a header and a response.",
     .source = "xen/include/public/io/console.h; Linux: drivers/tty/hvc/hvc_xen.c __write_console.",
     .goes_wrong = "A full ring makes the program wait until xenconsoled has moved its index. Nothing is "
                   "lost there.",
     .see = "ringside ring web",
     .scenarios = {"82-a-full-ring"},
     .quirks = {},
     .counters = {},
     .today = true},

    {.id = HopId::prod,
     .name = "prod",
     .place = Place::page,
     .way = Way::both,
     .title = "in_prod or out_prod moves: now the bytes exist",
     .meaning = "Only now do the bytes exist for the other side: their writer moves its index, after a write "
                "barrier. The index counts bytes, for ever.",
     .more = "All four indices are in the frame, those of the readers as well. They are 32 bits wide and "
             "wrap.",
     .source = "tools/console/daemon/io.c handle_tty_read; Linux: drivers/tty/hvc/hvc_xen.c __write_console.",
     .goes_wrong = "An index that is more than the ring's size ahead is impossible. xenconsoled then takes "
                   "nothing from this ring, and says nothing.",
     .see = "ringside ring web",
     .scenarios = {"89-impossible-indices", "92-today-index-wrap"},
     .quirks = {},
     .counters = {},
     .today = true},

    {.id = HopId::cons,
     .name = "cons",
     .place = Place::page,
     .way = Way::both,
     .title = "in_cons or out_cons moves: the places are free",
     .meaning =
         "Nothing answers. The reader moves its index after it has read the bytes, and so their places "
         "are free.",
     .more = "In 2005 a response did that, for one message.",
     .source = "tools/console/daemon/io.c buffer_append; Linux: drivers/tty/hvc/hvc_xen.c __read_console.",
     .goes_wrong = "xenconsoled reads its own index from the frame, too: a guest that changes it makes "
                   "xenconsoled read old bytes again.",
     .see = "ringside ring web",
     .scenarios = {"84-who-answers"},
     .quirks = {},
     .counters = {},
     .today = true},

    {.id = HopId::event_today,
     .name = "event-today",
     .place = Place::page,
     .way = Way::both,
     .title = "an event of today: a hypercall",
     .meaning = "To send an event is a hypercall: Xen sets the bits of the receiver and wakes it. The event "
                "says only: look at the rings.",
     .more = "xenconsoled masks the port while it looks. After 30 events in 200 ms the port stays masked for "
             "the rest of that time, and further events wait as one.",
     .source = "Xen: xen/common/event_channel.c evtchn_send; tools/console/daemon/io.c handle_ring_read, "
               "console_evtchn_unmask.",
     .goes_wrong = "A guest that sends many events is served late: an echo may take 200 ms.",
     .see = "ringside dump --all web",
     .scenarios = {"85-what-a-byte-costs", "86-thirty-events"},
     .quirks = {},
     .counters = {},
     .today = true},

    {.id = HopId::hvc,
     .name = "hvc",
     .place = Place::domu,
     .way = Way::both,
     .title = "hvc, the guest's console driver of today",
     .meaning = "The guest's driver, hvc, has no buffer but the rings: it reads the program's output only "
                "while out has room, and takes input only as fast as the terminal does.",
     .more = "Its terminal is hvc0. The driver knows no types: suspend, shutdown and memory requests are "
             "nodes of xenstore today.",
     .source = "Linux: drivers/tty/hvc/hvc_xen.c, drivers/tty/hvc/hvc_console.c.",
     .goes_wrong = "Input for a terminal that no program has open is dropped and counted.",
     .see = "ringside exec --dom0 xenconsoled -- sh -c 'echo hello'",
     .scenarios = {"91-a-guest-that-ends", "95-today-nothing-to-ask"},
     .quirks = {},
     .counters = {},
     .today = true},
};

}  // namespace ringside::trace

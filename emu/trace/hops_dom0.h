// The hops in dom0. hops.h documents the fields; only hops.cc includes this.
#pragma once

#include "emu/trace/hops.h"

namespace ringside::trace {

inline constexpr Hop hops_dom0[] = {
    {.id = HopId::dom0_tty,
     .name = "dom0-tty",
     .place = Place::dom0,
     .way = Way::both,
     .title = "dom0's terminal ttyS0, and the shell on it",
     .meaning =
         "dom0's console driver, in its serial mode, gives the bytes to the terminal ttyS0, where a shell "
         "runs. A user who types xm console in that shell gets to a guest.",
     .more =
         "xencons=ttyS0 is the default in dom0; in other domains it is tty1. What the shell prints goes back "
         "by console_io.",
     .source = "XenoLinux: drivers/xen/console/console.c xencons_init, xencons_priv_interrupt, "
               "kcons_write_dom0.",
     .goes_wrong =
         "A key on its way to a guest passes two terminals, dom0's and the guest's. Until the console "
         "client has made the first one raw, both echo, and Ctrl-C interrupts the wrong program. Input that "
         "no "
         "program reads fills ttyS0, and then the 128-byte ring.",
     .see = "ringside uart",
     .scenarios = {"08-from-the-uart"},
     .quirks = {},
     .counters = {}},

    {.id = HopId::dom0_channel,
     .name = "dom0-channel",
     .place = Place::dom0,
     .way = Way::beside,
     .title = "dom0's control channel to itself",
     .meaning =
         "dom0 is a domain too and has a control interface like any guest's. It exists before any tool runs, "
         "so no tool can give it a port: it binds an event channel to itself, and xcs takes the other end.",
     .more = "dom0's console does not use it: it carries messages of the other types.",
     .source = "XenoLinux: arch/xen/kernel/ctrl_if.c ctrl_if_resume. tools/libxc has a call that finds the "
               "port.",
     .goes_wrong = "Both ends are in one domain: without a program at the other end, 8 messages fill the "
                   "ring and dom0 waits for itself.",
     .see = "ringside sysrq Domain-0 h",
     .scenarios = {},
     .quirks = {},
     .counters = {}},

    {.id = HopId::client,
     .name = "client",
     .place = Place::dom0,
     .way = Way::both,
     .title = "the console client: a raw terminal",
     .meaning = "The console client's terminal is raw: every key is sent at once, and output is shown "
                "unchanged.",
     .more = "It connects by TCP, at port 9600 + the domain's number, or by unix socket; telnet would do as "
             "well, at port 19600 + the number. The escape key, Ctrl-], leaves it.",
     .source = "tools/misc/xencons, tools/python/xen/util/console_client.py (for xm console).",
     .goes_wrong =
         "One client at a time: the next one is told so and disconnected. A terminal that is not raw "
         "keeps a line until Enter, and shows typed characters twice.",
     .see = "ringside console web",
     .scenarios = {"05-typing", "15-second-viewer"},
     .quirks = {},
     .counters = {}},

    {.id = HopId::xenctld,
     .name = "xenctld",
     .place = Place::dom0,
     .way = Way::beside,
     .title = "xenctld: one daemon, and a pty for each domain",
     .meaning =
         "xenctld is one daemon in the place of xcs and xend. It takes messages from the ring itself and "
         "keeps them in a queue for each domain, until a file, usually a pty, is associated with that "
         "console.",
     .more = "Then the queue is written to that file, and input from it goes down in pieces of 60 bytes. "
             "There is "
             "no socket and no frame on this branch.",
     .source = "xenctld of VM-Tools. xenconsoled, the console daemon of August 2005, grew out of it.",
     .goes_wrong =
         "Without a reader at the pty the queue fills (1 MiB) and then the guest waits; with --queue-limit "
         "the oldest bytes are discarded. Unread output in a pty is lost when the pty is closed, unless it "
         "was "
         "saved.",
     .see = "ringside up --dom0 xenctld",
     .scenarios = {"09-output-waits-for-a-pty"},
     .quirks = {},
     .counters = {Counter::typed_bytes_unseen, Counter::bytes_unread, Counter::typed_bytes_lost}},

    {.id = HopId::xend,
     .name = "xend",
     .place = Place::dom0,
     .way = Way::both,
     .title = "xend's consoles: a socket and 64 KiB for each domain",
     .meaning = "xend's console code keeps 64 KiB for each domain, and writes to the viewer that is "
                "connected, by TCP or by unix socket.",
     .more = "Output from before a connection is kept there, and delivered as soon as a viewer connects.",
     .source = "tools/python/xen/xend/server/console.py ConsoleDev.",
     .goes_wrong = "Without a viewer and with 64 KiB kept, the oldest bytes are discarded and counted. In "
                   "2005 a slow viewer lost bytes, too; here the guest waits for it.",
     .see = "ringside list web",
     .scenarios = {"15-second-viewer", "59-xend-restarted"},
     .quirks = {Quirk::xend_reorder},
     .counters = {Counter::console_bytes_discarded, Counter::bytes_shown_twice}},

    {.id = HopId::xend_frame,
     .name = "xend-frame",
     .place = Place::dom0,
     .way = Way::down,
     .title = "typed input, as xend's messages to xcs",
     .meaning = "xend cuts typed input into messages of at most 60 bytes and sends them to xcs, in frames of "
                "80 bytes, on the second of its two sockets.",
     .more = "The first socket is for calls (connect, bind, open a channel), of which each gets a reply; the "
             "second is for messages. xend has at most 7 unanswered input messages in one domain, so "
             "that a slot is left for requests of other types.",
     .source = "tools/python/xen/xend/server/console.py and channel.py; the C module "
               "tools/python/xen/lowlevel/xu/xu.c; tools/xcs/xcs_proto.h xcs_msg_t.",
     .goes_wrong =
         "A frame may arrive in two pieces, as anything on a stream socket: the reader has to wait for "
         "the rest without making others wait. In 2005 input had no limit at all: of a paste of 16,000 "
         "bytes 540 arrived.",
     .see = "ringside dump",
     .scenarios = {"05-typing", "61-half-a-frame"},
     .quirks = {Quirk::xcs_short_frame, Quirk::xend_no_input_limit},
     .counters = {}},

    {.id = HopId::answer_down,
     .name = "answer-down",
     .place = Place::dom0,
     .way = Way::response,
     .title = "xend answers the guest: its message, sent back",
     .meaning =
         "As in 2005, xcs does not answer a guest itself. xend, a client of xcs, sends the request back "
         "as the response, and xcs puts it into the ring. With --answer xcs, xcs answers early.",
     .more = "Type, subtype and id are those of the request. A response does not name a slot: it goes into "
             "that of the oldest request without a response.",
     .source =
         "tools/python/xen/xend/server/channel.py; tools/xcs/ctrl_interface.c ctrl_chan_write_response.",
     .goes_wrong =
         "Without a bound client, or without answers, the guest stalls after exactly 8 messages. When two "
         "clients answer, there are answers without a request: they are refused and counted.",
     .see = "ringside dump",
     .scenarios = {"10-header-echoed"},
     .quirks = {Quirk::no_responder},
     .counters = {Counter::requests_waiting, Counter::refused_responses}},

    {.id = HopId::xcs,
     .name = "xcs",
     .place = Place::dom0,
     .way = Way::both,
     .title = "xcs, the control switch: each bound client gets a copy",
     .meaning =
         "xcs, dom0's control switch, does not interpret messages. It forwards each message of a guest, in "
         "an "
         "80-byte frame on a unix socket, to every client that is bound to its port and type: here, xend.",
     .more =
         "It looks up (port, type), (port, any), (any, type) and (any, any), in this order; a client bound "
         "by several gets as many copies. Downwards, xcs writes what clients send into the ring and notifies "
         "the guest. A client asks for a guest's channel with CIF_NEW_CC and gives it back with CIF_FREE_CC; "
         "a "
         "virq such as VIRQ_DOM_EXC reaches it as a VIRQ frame.",
     .source = "tools/xcs: xcs.c (one select loop), bindings.c, connection.c, ctrl_interface.c "
               "ctrl_chan_read_request and ctrl_chan_write_request; xcs_proto.h.",
     .goes_wrong = "One loop serves all clients, so a client that does not read, or leaves in the middle of "
                   "a frame, must not hold up the others: in 2005 it did. After a kill and a restart, xcs "
                   "continues the channels at their present indices.",
     .see = "ringside dump --xcs",
     .scenarios = {"13-xcs-handshake", "14-bindings", "58-xcs-restarted", "60-client-never-reads"},
     .quirks = {Quirk::xcs_connect_once, Quirk::xcs_bind_collision, Quirk::xcs_stale_bindings,
                Quirk::xcs_wild_port, Quirk::xcs_maxdom, Quirk::xcs_sigpipe, Quirk::xcs_blocking_client,
                Quirk::xcs_fd2, Quirk::xcs_events_only},
     .counters = {Counter::connections_refused, Counter::connections_silent, Counter::sessions_overrun,
                  Counter::sessions_expired, Counter::frames_abandoned, Counter::frames_ignored,
                  Counter::refused_calls, Counter::domains_ignored, Counter::lengths_cut,
                  Counter::waiting_virqs}},

    {.id = HopId::answer_up,
     .name = "answer-up",
     .place = Place::dom0,
     .way = Way::response,
     .title = "the guest's answer, passed on to the client that asked",
     .meaning = "The guest's answer to input goes up through xcs, as its output does. xend counts answers: "
                "it never has more than 7 unanswered input messages in one domain.",
     .more = "Its length is 0: it only says that the input was taken. Without it xend would not know when "
             "to send more.",
     .source = "tools/xcs/ctrl_interface.c ctrl_chan_read_response; "
               "tools/python/xen/xend/server/channel.py.",
     .goes_wrong = "A guest that does not answer is sent 7 messages, and further input waits in xend. "
                   "An answer without a bound client is counted and dropped.",
     .see = "ringside dump --xcs",
     .scenarios = {"07-a-response-frees-a-slot"},
     .quirks = {},
     .counters = {Counter::responses_unclaimed}},
};

}  // namespace ringside::trace

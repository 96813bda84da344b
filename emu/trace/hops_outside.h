// The hops outside every domain: the hardware, and Xen. hops.h documents the fields; only hops.cc includes
// this.
#pragma once

#include "emu/trace/hops.h"

namespace ringside::trace {

inline constexpr Hop hops_outside[] = {
    {.id = HopId::keyboard,
     .name = "keyboard",
     .place = Place::hardware,
     .way = Way::beside,
     .title = "the machine's own keyboard and screen: the other branch",
     .meaning = "A PS/2 or USB keyboard belongs to dom0. Its interrupt arrives at Xen, which only routes it: "
                "the physical interrupt (PIRQ) is an event channel of dom0, whose own driver reads the key.",
     .more = "Xen's console has no part in this: no switch character, no 128-byte ring. It ends at another "
             "terminal of dom0, tty1, and from that on both branches are the same path.",
     .source = "Xen: xen/arch/x86/irq.c do_IRQ, pirq_guest_bind; xen/common/event_channel.c. XenoLinux: "
               "arch/xen/kernel/evtchn.c, then the keyboard driver of any Linux.",
     .goes_wrong =
         "An interrupt that comes while its port is masked only sets the pending bit: after unmasking, the "
         "driver has to check its device. When dom0 hangs nothing answers this keyboard any more, while Xen "
         "still takes keys from the serial line.",
     .see = "ringside keyboard",
     .scenarios = {},
     .quirks = {},
     .counters = {Counter::keyless_characters}},

    {.id = HopId::serial_line,
     .name = "serial-line",
     .place = Place::hardware,
     .way = Way::both,
     .title = "the far end of the serial line: a user, a pty, a socket",
     .meaning =
         "Bytes typed at the far end of the serial line arrive at Xen, not at dom0; bytes that Xen sends "
         "arrive at the far end. In 2005 the line was a null-modem cable, here it is a pty or a socket.",
     .more =
         "At 115,200 bits a second a character takes 87 microseconds. The line has no flow control: it "
         "cannot signal that the receiver is too slow. Only with a speed of 0 (instant) the far end waits.",
     .source = "Hardware. Xen's command line describes it: com1=115200,8n1 console=com1.",
     .goes_wrong =
         "Without a far end, output is lost, as on a cable. A far end that "
         "does not read holds the line up: then dom0's output waits in dom0, and Xen's own messages "
         "are dropped and counted.",
     .see = "ringside uart",
     .scenarios = {"08-from-the-uart"},
     .quirks = {},
     .counters = {}},

    {.id = HopId::uart,
     .name = "uart",
     .place = Place::hardware,
     .way = Way::both,
     .title = "the 16550 UART, com1",
     .meaning =
         "The 16550 UART keeps each character in a FIFO of 16 and interrupts Xen when 14 are there, or "
         "when fewer have waited for the time of four characters.",
     .more = "COM1 is at 0x3f8 with interrupt 4, COM2 at 0x2f8 with interrupt 3. Towards the line there is a "
             "second FIFO of 16, which Xen fills when the chip says that it is empty.",
     .source = "Xen: xen/drivers/char/ns16550.c ns16550_interrupt, ns16550_getc, ns16550_putc.",
     .goes_wrong = "A character that comes when the FIFO is full is lost: an overrun. It, a wrong parity, a "
                   "missing stop bit (framing) and a break set their bits in the line status register. Xen "
                   "takes the character and ignores these bits.",
     .see = "ringside up --com1-speed 9600",
     .scenarios = {"08-from-the-uart"},
     .quirks = {},
     .counters = {Counter::overruns, Counter::parity_errors, Counter::framing_errors, Counter::breaks}},

    {.id = HopId::serial_layer,
     .name = "serial-layer",
     .place = Place::xen,
     .way = Way::both,
     .title = "Xen's serial layer: one line, at most two channels",
     .meaning = "Xen's serial layer empties the chip and gives each character to the function registered for "
                "it; for the console's line that is the console. Output waits in its buffer of 16,384 bytes, "
                "and a newline leaves as CR LF.",
     .more = "com1H and com1L split one line in two by the character's top bit, which the receiver does not "
             "see: it gets 7 bits. Characters that arrive before any registration are kept, up to 32.",
     .source = "Xen: xen/drivers/char/serial.c serial_rx_interrupt, serial_tx_interrupt, "
               "serial_set_rx_handler, serial_puts.",
     .goes_wrong = "The 33rd such character is lost. A character of 8 bits loses its top bit, so UTF-8 "
                   "does not survive this line.",
     .see = "ringside dump --all",
     .scenarios = {"08-from-the-uart"},
     .quirks = {},
     .counters = {Counter::serial_characters_unclaimed}},

    {.id = HopId::xen_console,
     .name = "xen-console",
     .place = Place::xen,
     .way = Way::both,
     .title = "Xen's console: is the input for Xen, or for dom0?",
     .meaning =
         "Xen's console decides whom the input is for. It is Xen's at first and dom0's from the end of "
         "boot; the switch character (Ctrl-A) three times in a row switches it, with a notice on the "
         "line.",
     .more = "The first two are passed on, the third is not. Input for Xen is commands of one "
             "key: h lists them. The option conswitch= names another letter; with an x after "
             "it input stays at Xen.",
     .source = "Xen: xen/drivers/char/console.c serial_rx, switch_serial_input; xen/common/keyhandler.c "
               "handle_keypress.",
     .goes_wrong =
         "A console that looks dead may only be switched to Xen. A program behind the line that wants "
         "Ctrl-A gets it, but never three in a row.",
     .see = "ringside uart",
     .scenarios = {"08-from-the-uart"},
     .quirks = {},
     .counters = {}},

    {.id = HopId::xen_messages,
     .name = "xen-messages",
     .place = Place::xen,
     .way = Way::beside,
     .title = "Xen's own messages: on the line, and in dmesg",
     .meaning =
         "Xen's own messages go to the serial line, with the prefix \"(XEN) \", and into a ring of "
         "16,384 bytes that dom0 can read (xm dmesg). dom0's output is on the same line, but not in that "
         "ring.",
     .more = "So the line shows both outputs, and dmesg only Xen's. Reading can clear the ring.",
     .source = "Xen: xen/drivers/char/console.c printk, read_console_ring. tools/libxc/xc_misc.c "
               "xc_readconsolering.",
     .goes_wrong =
         "In a full ring the oldest bytes are overwritten. When the line is held up Xen does not wait "
         "for it: what it cannot send is dropped from the line and counted, and dmesg still has it.",
     .see = "ringside dmesg",
     .scenarios = {"08-from-the-uart"},
     .quirks = {},
     .counters = {Counter::console_output_dropped}},

    {.id = HopId::virq_console,
     .name = "virq-console",
     .place = Place::xen,
     .way = Way::down,
     .title = "VIRQ_CONSOLE, and the 128-byte ring to dom0",
     .meaning =
         "Input for dom0 goes into a ring of 128 bytes in Xen, and for every character Xen raises the "
         "virtual interrupt VIRQ_CONSOLE: an event at the port that dom0's console driver has bound it "
         "to.",
     .more = "It is raised also when the ring was full and the character was dropped: otherwise a reader "
             "that had missed one event would be stuck for ever. Like every event it carries no data.",
     .source = "Xen: xen/drivers/char/console.c __serial_rx, which calls send_guest_virq.",
     .goes_wrong =
         "While dom0 is paused or slow the 129th character and all after it are dropped and counted: "
         "a serial line has no back-pressure.",
     .see = "ringside demo --from-hardware",
     .scenarios = {"08-from-the-uart"},
     .quirks = {},
     .counters = {Counter::console_input_dropped}},

    {.id = HopId::console_io,
     .name = "console-io",
     .place = Place::xen,
     .way = Way::both,
     .title = "the hypercall console_io: dom0's own console",
     .meaning = "dom0's own console uses no control message. It reads typed input with the hypercall "
                "console_io, 16 bytes at a time until it gets 0, and writes with the same hypercall.",
     .more = "Xen takes output in pieces of 127 bytes. No other domain may call it.",
     .source = "Xen: xen/drivers/char/console.c do_console_io. XenoLinux: drivers/xen/console/console.c "
               "xencons_priv_interrupt, kcons_write_dom0.",
     .goes_wrong =
         "Another domain is refused with -EPERM. While less than half of the 16,384 bytes before the "
         "line is free the hypercall takes nothing; in 2005 it spun in Xen until the line had "
         "moved.",
     .see = "ringside demo --from-hardware",
     .scenarios = {"08-from-the-uart"},
     .quirks = {},
     .counters = {}},
};

}  // namespace ringside::trace

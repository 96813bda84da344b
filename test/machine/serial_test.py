"""The serial line of a whole machine, through a real pty and a real socket: Xen's switch, its keys, its messages, and
dom0's shell behind it, from which a key travels to a domU. Also dom0's own keyboard."""
import contextlib
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import tempfile
import tty
import unittest

from support import PATIENCE_S, RINGSIDE, Machine, eventually, main, run

TO_DOM0 = b"(XEN) *** Serial input -> DOM0 (type 'CTRL-a' three times to switch input to Xen).\r\n"
TO_XEN = b"(XEN) *** Serial input -> Xen (type 'CTRL-a' three times to switch input to DOM0).\r\n"
CTRL_A = b"\x01"


class Line:
    """A user at the far end; `seen` has what was read."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.seen = b""

    def type(self, text):
        os.write(self.descriptor, text)

    def read(self):
        while select.select([self.descriptor], [], [], 0)[0]:
            try:
                piece = os.read(self.descriptor, 4096)
            except OSError:  # a terminal whose last program has left
                return
            if not piece:
                return
            self.seen += piece

    def expect(self, text):
        def come():
            self.read()
            return text in self.seen
        try:
            eventually(f"the line says {text!r}", come)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; it said {self.seen!r}") from None
        self.seen = self.seen.split(text, 1)[1]

    def send(self, text):
        """Like type(), for more bytes than a pty accepts at once; reads between the pieces."""
        os.set_blocking(self.descriptor, False)
        while text:
            _, writable, _ = select.select([], [self.descriptor], [], PATIENCE_S)
            if not writable:
                raise AssertionError("the line takes no more")
            text = text[os.write(self.descriptor, text[:256]):]
            self.read()

    def switch_to_xen(self):
        """xen may not read a new pty yet, but typed bytes wait."""
        self.type(CTRL_A * 3)
        self.expect(TO_XEN)


@contextlib.contextmanager
def pty_of(machine):
    descriptor = os.open(os.path.join(machine.directory, "com1"), os.O_RDWR | os.O_NOCTTY)
    try:
        yield Line(descriptor)
    finally:
        os.close(descriptor)


class Serial(unittest.TestCase):
    def check_keys(self, line):
        line.switch_to_xen()
        line.type(b"h")
        line.expect(b"key 'R' (ascii '52') => reboot")
        line.expect(b"key 'q' (ascii '71') => show the domains\r\n")
        line.type(b"q")
        line.expect(b'dom1 "web": running')
        line.type(CTRL_A * 3)
        line.expect(TO_DOM0)

    def test_a_user_at_the_pty_switches_to_xen_and_presses_keys(self):
        with Machine() as machine, pty_of(machine) as line:
            machine.run("create", "web", check=0)
            self.check_keys(line)

    def test_switching_works_on_a_socket_and_a_slow_line(self):
        folder = tempfile.TemporaryDirectory(prefix="rs-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "com1")
        with Machine("--com1", f"unix:{path}", "--com1-speed", "9600") as machine:
            machine.run("create", "web", check=0)
            for _ in range(2):  # a user who leaves makes room for the next
                with socket.socket(socket.AF_UNIX) as far_end:
                    far_end.connect(path)
                    self.check_keys(Line(far_end.fileno()))

    def test_uart_attaches_a_terminal_and_ctrl_bracket_leaves(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            mine, its = pty.openpty()
            tty.setraw(its)
            uart = subprocess.Popen([RINGSIDE, "uart", "--dir", machine.directory], stdin=its, stdout=its)
            os.close(its)
            try:
                line = Line(mine)
                line.expect(b"Ctrl-] leaves")
                self.check_keys(line)
                line.type(b"\x1d")
                line.expect(b"left the serial line")
                self.assertEqual(uart.wait(PATIENCE_S), 0)
            finally:
                uart.kill()
                uart.wait()
                os.close(mine)

    def test_dmesg_has_a_domains_life_and_can_be_cleared(self):
        with Machine("--com1", "none") as machine:
            self.assertFalse(os.path.lexists(os.path.join(machine.directory, "com1")))
            machine.run("create", "web", check=0)
            machine.run("destroy", "web", check=0)
            said = machine.run("dmesg", "--clear", check=0).stdout
            for words in (b"(XEN) dom0: created Domain-0\n", TO_DOM0.replace(b"\r", b""),
                          b"(XEN) dom1: created web\n", b"(XEN) dom1: destroyed web\n"):
                self.assertIn(words, said)
            self.assertEqual(machine.run("dmesg", check=0).stdout, b"")
            refused = machine.run("uart", check=3)
            self.assertIn(b"ringside: no serial line: ", refused.stderr)

    def test_pressing_R_ends_the_machine(self):
        with Machine() as machine:
            with pty_of(machine) as line:
                line.switch_to_xen()
                line.type(b"R")
                eventually("xen has ended",
                           lambda: not os.path.exists(os.path.join(machine.directory, "xen.pid")))

    def test_a_key_on_the_serial_line_reaches_a_domu_and_its_echo_comes_back(self):
        with Machine() as machine, pty_of(machine) as line:
            line.type(b"\r")
            line.expect(b"dom0# ")
            line.type(b"ringside create web\r")
            line.expect(b"console on")
            line.type(b"ringside list\r")
            line.expect(b"web ")
            line.type(b"ringside console web\r")
            line.expect(b"Ctrl-] leaves")
            line.type(b"\r")
            line.expect(b"web$ ")
            line.type(b"uname -a\r")
            line.expect(b"2.6.11-xenU")
            # dom0 also gets the first two of the three Ctrl-A, and passes them on to the domU.
            line.switch_to_xen()
            line.type(b"q")
            line.expect(b'dom1 "web": running')
            line.type(CTRL_A * 3)
            line.expect(TO_DOM0)
            line.type(b"\x15echo still here\r")
            line.expect(b"still here\r\r\n")  # Xen adds one \r before each \n
            line.type(b"\x1d")
            line.expect(b"dom0# ")

    def test_the_demo_from_the_hardware_has_each_hop_in_order(self):
        text = run("demo", "--from-hardware", check=0).stdout.decode()
        hops = [line[15:] for line in text.splitlines() if re.match(r" *\d+  \+\d+us", line)]
        at = 0
        for hop in ('user sends uart 1 byte "u"', 'uart sends xen 1 byte "u"', "event xen -> dom0", "dom0 takes event",
                    'xen sends dom0 1 byte "u"', 'dom0 sends dom0.tty 1 byte "u"', 'client sends xend 1 byte "u"',
                    'xend sends xcs request console length 1 "u"', "xcs writes dom1.rx[", "event xcs -> dom1",
                    'dom1 sends dom1.tty 1 byte "u"', 'dom1.tty sends dom1 1 byte "u"', "dom1 writes dom1.tx[",
                    'request console length 1 "u"', 'xend sends client', 'dom0.tty sends dom0 1 byte "u"',
                    'dom0 sends xen 1 byte "u"', 'xen sends uart 1 byte "u"', 'uart sends user 1 byte "u"'):
            found = [number for number in range(at, len(hops)) if hop in hops[number]]
            self.assertTrue(found, f"{hop} is not among {hops[at:]}")
            at = found[0] + 1

    def test_dom0_has_its_own_channel_after_any_kill(self):
        with Machine() as machine, pty_of(machine) as line:
            line.type(b"\r")
            line.expect(b"dom0# ")
            for process in (None, "xcs", "dom0"):
                with self.subTest(killed=process):
                    if process:
                        machine.restart(process)
                    eventually("the channel is there", lambda: machine.run("sysrq", "Domain-0", "h").returncode == 0)
                    line.expect(b"SysRq: key 'h'")

    def test_a_machine_without_dom0s_kernel_reports_it(self):
        with Machine() as machine:
            os.kill(machine.pid("dom0"), signal.SIGKILL)
            eventually("dom0 is gone", lambda: machine.run("keyboard").returncode == 3)
            # "up" in the shell leaves the other processes unchanged.
            machine.run("create", "web", check=0)

    def test_down_can_be_typed_at_the_machines_own_console(self):
        with Machine() as machine, pty_of(machine) as line:
            line.type(b"ringside create web; ringside down\r")
            eventually("the machine is gone", lambda: not os.path.exists(machine.directory))

    def test_keyboard_reaches_the_shell_of_dom0(self):
        with Machine("--com1", "none") as machine:
            mine, its = pty.openpty()
            tty.setraw(its)
            person = subprocess.Popen([RINGSIDE, "keyboard", "--dir", machine.directory], stdin=its, stdout=its)
            os.close(its)
            try:
                front = Line(mine)
                front.expect(b"Ctrl-] leaves")
                front.type(b"echo \"Hi, $((1 + 1)) of {You}\"\r")
                front.expect(b"Hi, 2 of {You}\r\n")
                front.type(b"\x1d")
                front.expect(b"left the keyboard and screen")
                self.assertEqual(person.wait(PATIENCE_S), 0)
            finally:
                person.kill()
                person.wait()
                os.close(mine)

    def paste(self, machine, line, held):
        """Pastes 100 kB at 115200 bits a second into a dom0 that runs, or that is stopped during the paste. Returns the
        bytes that arrived, and the number of bytes that Xen reports as dropped."""
        text = b"".join(b"%07d\n" % number for number in range(12500))
        kept = pathlib.Path(machine.parent, "pasted")
        process = machine.pid("dom0")
        line.type(b"stty raw -echo; echo rea''dy; exec cat >%s\r" % os.fsencode(kept))
        line.expect(b"ready")
        eventually("cat reads", kept.exists)
        if held:
            os.kill(process, signal.SIGSTOP)
        line.send(text)
        # Xen's keys come after earlier typed bytes, on the same line.
        line.switch_to_xen()
        line.type(b"d")
        line.expect(b"dropped on the way to dom0 ")
        line.expect(b",")
        os.kill(process, signal.SIGCONT)
        machine.run("sysrq", "Domain-0", "h", check=0)
        line.expect(b"SysRq")  # then dom0 has fetched all that xen had for it
        said = re.findall(rb"dropped on the way to dom0 (\d+)", machine.run("dmesg", check=0).stdout)
        dropped = int(said[-1])
        expected = len(text) + 2 - dropped  # the first two Ctrl-A are passed on
        eventually("all of it is in the file", lambda: kept.stat().st_size >= expected)
        arrived = kept.read_bytes()
        kept.unlink()
        return text + CTRL_A * 2, arrived, dropped

    def test_a_paste_of_100_kB_into_a_stopped_dom0_loses_the_bytes_beyond_the_ring(self):
        with Machine("--com1-speed", "115200") as machine, pty_of(machine) as line:
            line.type(b"\r")
            line.expect(b"dom0# ")
            sent, arrived, dropped = self.paste(machine, line, held=True)
            self.assertEqual(dropped, len(sent) - 128)
            self.assertEqual(arrived, sent[:128])

    def test_each_byte_of_a_paste_of_100_kB_arrives_in_order_or_is_counted(self):
        """The number of lost bytes depends on dom0's scheduling; dom0_kernel_test.cc tests that a dom0 in time loses
        none."""
        with Machine("--com1-speed", "115200") as machine, pty_of(machine) as line:
            line.type(b"\r")
            line.expect(b"dom0# ")
            sent, arrived, dropped = self.paste(machine, line, held=False)
            self.assertEqual(len(arrived) + dropped, len(sent))
            rest = iter(sent)
            self.assertTrue(all(byte in rest for byte in arrived), "what arrived is not in the order of what was sent")

    def test_bad_options_are_refused_by_name(self):
        for words in (("--com1", "tcp:1"), ("--com1", "unix:"), ("--com1-speed", "1"), ("--conswitch", "A"),
                      ("--conswitch", "ay"), ("--com1", "stdio")):
            with self.subTest(words=words):
                refused = run("up", "--dir", "/nonexistent/m", *words, check=1)
                self.assertIn(words[0].encode(), refused.stderr)


if __name__ == "__main__":
    main()

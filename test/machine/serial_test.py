"""The serial line of a whole machine, through a real pty and a real socket: Xen's switch, its keys, its messages."""
import contextlib
import os
import pty
import select
import socket
import subprocess
import tty
import unittest

from support import PATIENCE_S, RINGSIDE, Machine, eventually, main, run

TO_DOM0 = b"(XEN) *** Serial input -> DOM0 (type 'CTRL-a' three times to switch input to Xen).\r\n"
TO_XEN = b"(XEN) *** Serial input -> Xen (type 'CTRL-a' three times to switch input to DOM0).\r\n"
CTRL_A = b"\x01"


class Line:
    """Somebody who has the far end open. What he reads is in `seen`."""

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
            eventually(f"the line says {text!r}", come, limit_s=30)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; it said {self.seen!r}") from None
        self.seen = self.seen.split(text, 1)[1]

    def switch_to_xen(self):
        """A pty that was just opened may not be listened to yet; what is typed waits, though."""
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

    def test_a_person_at_the_pty_switches_to_xen_and_presses_keys(self):
        with Machine() as machine, pty_of(machine) as line:
            machine.run("create", "web", check=0)
            self.check_keys(line)

    def test_the_same_on_a_socket_and_a_slow_line(self):
        path = f"/tmp/rs-com1-{os.getpid()}"
        with Machine("--com1", f"unix:{path}", "--com1-speed", "9600") as machine:
            machine.run("create", "web", check=0)
            for _ in range(2):  # who leaves makes room for the next
                with socket.socket(socket.AF_UNIX) as far_end:
                    far_end.connect(path)
                    self.check_keys(Line(far_end.fileno()))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

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

    def test_dmesg_tells_a_domains_life_and_forgets_when_asked(self):
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
                           lambda: not os.path.exists(os.path.join(machine.directory, "xen.pid")), limit_s=30)

    def test_bad_options_are_refused_by_name(self):
        for words in (("--com1", "tcp:1"), ("--com1", "unix:"), ("--com1-speed", "1"), ("--conswitch", "A"),
                      ("--conswitch", "ay"), ("--com1", "stdio")):
            with self.subTest(words=words):
                refused = run("up", "--dir", "/nonexistent/m", *words, check=1)
                self.assertIn(words[0].encode(), refused.stderr)


if __name__ == "__main__":
    main()

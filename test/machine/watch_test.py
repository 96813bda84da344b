"""watch: a user in tmux; and a terminal that counts every byte, in a flood, with hostile output, unread, or closed."""
import fcntl
import os
import pty
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import unittest

import support
from support import Machine, RINGSIDE, ask, eventually, needed

FRAMES_PER_SECOND = 20


class InTmux:
    """`ringside watch` in a terminal of its own; its last output can be read after it has ended."""

    def __init__(self, machine, *words, columns=120, rows=40, environment=()):
        self.socket = os.path.join(machine.parent, "tmux")
        watch = shlex.join(["env", *environment, RINGSIDE, "watch", "--dir", machine.directory, *words])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  f"{watch}; echo ended with $?; exec sleep 1000")

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, timeout=support.PATIENCE_S,
                              env=os.environ | {"LC_ALL": "C.UTF-8"})
        return done.stdout.decode(errors="replace")

    def screen(self, *words):
        return self.tmux("capture-pane", "-p", *words)

    def shows(self, pattern):
        try:
            return eventually(f"{pattern!r} is on the screen", lambda: re.search(pattern, self.screen()))
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.screen()}") from None

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def paused_at(self):
        """The step at which it is paused, and the number of steps."""
        found = self.shows(r"PAUSED at step (\d+) of (\d+)")
        return int(found[1]), int(found[2])

    def step_to(self, pattern):
        """Goes through the recorded steps until the text is seen; after the last step it continues with the first."""
        self.keys("Home")

        def found():
            at, last = self.paused_at()
            if seen := re.search(pattern, self.screen()):
                return seen
            # The next key is sent only after this step is shown, so that none is skipped.
            self.keys("." if at < last else "Home")
            self.shows(rf"PAUSED at step (?!{at} of)")
            return None
        return eventually(f"a step shows {pattern!r}", found)

    def close(self):
        self.tmux("kill-server")
        eventually("tmux has gone", lambda: not support.processes_with(self.socket.encode()))
        if os.path.exists(self.socket):
            os.remove(self.socket)


# A sanitizer keeps freed memory for a while, by the hundred MiB; that is not measured here.
PLAIN_MEMORY = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}


class OnPty:
    """`ringside watch` on a terminal played by this test, which reads it, counts its bytes, or leaves it unread."""

    def __init__(self, machine, *words, columns=120, rows=40):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.set_size(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [RINGSIDE, "watch", "--dir", machine.directory, *words], stdin=slave, stdout=slave, stderr=subprocess.PIPE,
            env=os.environ | PLAIN_MEMORY | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}, start_new_session=True)
        self.seen = b""
        self.came = []  # (when, how many bytes)

    def set_size(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.set_size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def pump(self, seconds=0.0):
        """Reads the present output, and output that follows soon."""
        until = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.master], [], [], max(0.0, min(0.05, until - time.monotonic())))
            if ready:
                try:
                    piece = os.read(self.master, 1 << 16)
                except OSError:
                    return self
                self.seen += piece
                self.came.append((time.monotonic(), len(piece)))
            if time.monotonic() >= until:
                return self

    def shows(self, text):
        eventually(f"{text!r} was written", lambda: text in self.pump().seen)
        return self

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def end(self):
        """Its status after it has ended; its last output is in `seen`, its error text in `said`."""
        eventually("it has ended", lambda: self.pump().process.poll() is not None)
        self.said = self.process.stderr.read().decode()
        self.process.stderr.close()
        restored = b"\x1b[?1049l\x1b[23;0;0t"
        eventually(f"the screen is given back: {self.seen[-60:]}", lambda: self.pump().seen.endswith(restored))
        after = termios.tcgetattr(self.slave)
        assert after == self.before, "the terminal's mode is not what it was"
        os.close(self.slave)
        os.close(self.master)
        return self.process.returncode


class Flood:
    """A viewer that has started `yes` in its guest and reads the output."""

    def __init__(self, viewer):
        self.viewer = viewer
        self.bytes = 0
        self.over = False
        viewer.sendall(b"yes\n")
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while not self.over:
            ready, _, _ = select.select([self.viewer], [], [], 0.05)
            if ready:
                self.bytes += len(self.viewer.recv(1 << 16))

    def goes_on(self, watch=None):
        """Waits for more output."""
        wanted = self.bytes + 20_000
        eventually("more has come", lambda: (watch is None or watch.pump()) and self.bytes > wanted)

    def stop(self):
        self.over = True
        self.thread.join()


class Case(unittest.TestCase):
    def machine(self, *words):
        machine = Machine(*words).__enter__()
        self.addCleanup(lambda: machine.__exit__(None))
        return machine

    def viewer(self, machine, name="web"):
        viewer = socket.create_connection(("127.0.0.1", machine.tcp_port(name)))
        viewer.settimeout(support.PATIENCE_S)
        self.addCleanup(viewer.close)
        return viewer

    def in_tmux(self, machine, *words, **more):
        watch = InTmux(machine, *words, **more)
        self.addCleanup(watch.close)
        return watch

    def with_shell(self, *words):
        machine = self.machine(*words)
        machine.run("create", "web", "--", "/bin/sh", check=0)
        return machine


@needed("tmux")
class UserInTmux(Case):
    def test_input_passes_the_rings_and_appears_on_the_screen(self):
        machine = self.machine()
        machine.run("create", "web", check=0)
        viewer = self.viewer(machine)
        ask(viewer, b"hostname\n", b"web\r\nweb$ ")
        for columns, rows in [(120, 40), (80, 24)]:
            watch = self.begun_in_silence(machine, columns=columns, rows=rows)
            ask(viewer, b"echo so it passes\n", b"so it passes\r\nweb$ ")
            watch.shows(r"\nso it passes")
            watch.shows(r"tx +0 ?- ?sta \d")
            watch.shows(r"rx +0 ?- ?sta \d")
            watch.shows(r"req_prod \d+&7=\d  req_cons \d+&7=\d  rsp_prod \d+&7=\d  rsp_cons \d+&7=\d")
            watch.shows(r"\nreq_ +prod\+cons")
            watch.shows(r"dom1 port 1 pending 0 mask \d sel 0")
            watch.shows(r"bytes  down:  ?xend 0 .*up:")
            watch.shows(r"─►")
            watch.shows(r"tx rsp_cons \d+ -> \d+")
            watch.close()

    def begun_in_silence(self, machine, **size):
        """A watch that has seen no step. On a slow machine there may have been steps at its start; then it is started
        again."""
        def begun():
            watch = InTmux(machine, "web", **size)
            seen = watch.shows(r'ringside watch  dom1 "web" running   LIVE  step (\d+) ')
            if int(seen[1]) == 0 and "Nothing has happened since the watch began" in seen.string:
                return watch
            watch.close()
            return None
        watch = eventually("a watch has begun in silence", begun)
        self.addCleanup(watch.close)
        return watch

    def test_a_watch_pauses_steps_both_ways_and_continues(self):
        machine = self.machine()
        machine.run("create", "web", check=0)
        watch = self.in_tmux(machine)
        watch.shows("LIVE")
        viewer = self.viewer(machine)
        ask(viewer, b"echo one\n", b"one\r\nweb$ ")
        watch.shows(r"\none")
        watch.keys("Space")
        at, _ = watch.paused_at()
        for keys, by in [([",", ",", ","], -3), (["."], -2), (["Left"], -3), (["Right"], -2), (["Up"], -12), (["Down"], -2)]:
            watch.keys(*keys)
            watch.shows(rf"PAUSED at step {at + by} of \d+ ")

        def in_the_middle():
            watch.keys("5")
            at, last = watch.paused_at()
            return at == 1 + last // 2
        eventually("it has gone to the middle", in_the_middle)
        watch.keys("Home")
        watch.shows(r"PAUSED at step 1 of \d+ ")
        watch.shows(r"kept 1 to \d+")
        # While it is paused, later steps are counted, the picture stays, and the user can go to them.
        ask(viewer, b"echo two\n", b"two\r\nweb$ ")
        eventually("more has happened", lambda: watch.paused_at()[1] > at)
        self.assertEqual(watch.paused_at()[0], 1)
        self.assertNotRegex(watch.screen(), r"\ntwo")
        eventually("it has gone there", lambda: watch.keys("9") or watch.paused_at()[0] > at)
        watch.keys("End")
        watch.shows("LIVE")
        watch.shows(r"\ntwo")
        watch.keys("[")
        watch.shows("a live machine has no phases")
        watch.keys("?")
        watch.shows(r"pause; again: continue")
        watch.keys("?")
        watch.shows("outstanding")
        watch.keys("q")
        watch.shows("ended with 0")

    def test_a_full_ring_is_shown_while_the_guest_is_paused(self):
        machine = self.machine("--quirk", "xcs-drop-when-full", "--quirk", "xend-no-input-limit")
        machine.run("create", "web", check=0)
        viewer = self.viewer(machine)
        ask(viewer, b"hostname\n", b"web\r\n")
        watch = self.in_tmux(machine, "web")
        watch.shows("LIVE")
        machine.run("pause", "web", check=0)
        watch.shows('dom1 "web" paused')
        viewer.sendall(b"x" * 1000)
        watch.shows(r"8 of 8 outstanding: the ring is full")
        watch.shows(r"rx  (\d # req 60\s+){8}")
        watch.shows(r"quirk xcs-drop-when-full")
        machine.run("unpause", "web", check=0)
        watch.shows('dom1 "web" running')

    def test_wide_characters_are_in_their_columns(self):
        machine = self.machine()
        said = (r"head -c 1 >/dev/null; printf 'A\343\201'; head -c 1 >/dev/null; "
                r"printf '\202\346\274\242\360\237\230\200e\314\201\303\251|\377|\n'; cat")
        machine.run("create", "web", "--raw", "--", "sh", "-c", said, check=0)
        watch = self.in_tmux(machine, "web", columns=100, environment=("LC_ALL=C.UTF-8",))
        watch.shows("LIVE")
        (viewer := self.viewer(machine)).sendall(b".")
        watch.shows(r"sees it \u2500+\n(.*\n)*A *\n")
        viewer.sendall(b".")  # a character in two messages, wide ones, a mark, and a byte that is no UTF-8
        watch.shows("\nA\u3042\u6f22\U0001f600e\u0301\u00e9\\|\ufffd\\| *\n")

    def test_a_watch_follows_its_window_down_to_nothing_and_back(self):
        machine = self.machine()
        machine.run("create", "web", check=0)
        watch = self.in_tmux(machine, "web", columns=80, rows=24)
        watch.shows("LIVE")
        ask(self.viewer(machine), b"hostname\n", b"web\r\n")
        watch.shows(r"tx rsp_cons")
        watch.resize(120, 40)
        watch.shows(r"tx: the guest asks, dom0 answers .*0 of 8 outstanding")
        for columns, rows in [(20, 5), (1, 1), (60, 14)]:
            watch.resize(columns, rows)
            watch.shows(rf"^{' ringside watch  dom1'[:columns].rstrip()}")
        watch.shows(r"\ntx [-.]{8} 0/8  req_prod")
        watch.resize(80, 24)
        watch.shows(r"\ntx  0-sta")
        watch.keys("q")
        watch.shows("ended with 0")

    def test_a_watch_works_without_colours_and_without_line_drawing(self):
        machine = self.machine()
        machine.run("create", "web", check=0)
        viewer = self.viewer(machine)
        for words, environment, plain in [(["--ascii"], [], False), ([], ["NO_COLOR=1"], True), ([], ["LC_ALL=C"], False)]:
            watch = self.in_tmux(machine, "web", *words, columns=80, rows=24, environment=environment)
            watch.shows("LIVE")
            ask(viewer, b"hostname\n", b"web\r\n")
            watch.shows(r"dom0 port \d pending")
            watch.step_to("#req")
            screen = watch.screen("-e")
            self.assertEqual(re.search("\x1b\\[[0-9;]*(3[0-7]|4[0-7])[;m]", screen) is None, plain, screen)
            if not plain:
                watch.screen().encode("ascii")
                watch.shows(r"o--*[->]")
            watch.close()

    def test_a_watch_shows_domains_that_start_end_and_start_again(self):
        machine = self.machine()
        watch = self.in_tmux(machine)
        watch.shows("no domain yet")
        watch.shows("waiting for the next domain")
        machine.run("create", "early", check=0)
        watch.shows(r'dom1 "early" running')
        watch.shows("LIVE  step [1-9]")
        machine.run("destroy", "early", check=0)
        watch.shows(r'dom1 "early" gone')
        watch.shows(r'dom1 "early" has ended; waiting for the next domain')
        machine.run("create", "late", check=0)
        watch.shows(r'dom2 "late" running')
        watch.keys("Tab")
        watch.shows("there is no other domain")
        machine.run("create", "later", check=0)
        watch.keys("Tab")
        watch.shows(r'dom3 "later" running')
        # A paused picture is not replaced by a new domain.
        watch.keys("Space")
        at, _ = watch.paused_at()
        machine.run("destroy", "later", check=0)
        machine.run("create", "last", check=0)
        eventually("its end is counted", lambda: watch.paused_at()[1] > at)
        self.assertEqual(watch.paused_at()[0], at)
        watch.keys("Space")
        watch.shows(r'dom4 "last" running')
        watch.close()
        # A watch for a named domain waits for that domain.
        watch = self.in_tmux(machine, "last")
        watch.shows("LIVE")
        machine.run("destroy", "last", check=0)
        watch.shows('dom4 "last" has ended; waiting for another "last"')
        machine.run("create", "other", check=0)
        machine.run("create", "last", check=0)
        watch.shows(r'dom6 "last" running')

    def test_a_watch_ends_with_the_machine(self):
        machine = self.machine()
        watch = self.in_tmux(machine)
        watch.shows("no domain yet")
        machine.run("down", check=0)
        watch.shows("the machine was shut down\nended with 0")
        watch.close()
        machine.run("up", "--console-port-base", "0", check=0)


class Bytes(Case):
    def flooded(self):
        """A watch of a guest that prints without end."""
        machine = self.with_shell()
        viewer = self.viewer(machine)
        watch = OnPty(machine, "web").shows(b"LIVE")
        flood = Flood(viewer)
        self.addCleanup(flood.stop)
        return watch, flood

    def test_a_flood_takes_few_frames_and_no_memory_also_while_paused(self):
        watch, flood = self.flooded()
        flood.goes_on(watch)
        watch.shows(b"entries a second: too many")
        watch.came.clear()
        seen = len(watch.seen)
        began = time.monotonic()
        small = watch.resident_kib()
        while time.monotonic() < began + 2:
            flood.goes_on(watch)

        def frames_drawn():
            # In each frame the first row has another step: one cursor movement.
            return len(re.findall(rb"\x1b\[1;\d+H", watch.pump().seen[seen:]))
        frames = eventually("a frame is drawn", frames_drawn)
        took = time.monotonic() - began
        self.assertLessEqual(frames, took * FRAMES_PER_SECOND + 2)
        # A whole screen of 120 x 40 in several tones is less than 16 KiB.
        self.assertLess(sum(count for _, count in watch.came), (took * FRAMES_PER_SECOND + 2) * 16384)
        os.write(watch.master, b" ")
        watch.shows(b"PAUSED")
        flood.goes_on(watch)
        watch.shows(b", no more")
        watch.came.clear()
        began = time.monotonic()
        for _ in range(5):
            flood.goes_on(watch)
        took = time.monotonic() - began
        # Only figures change.
        self.assertLess(sum(count for _, count in watch.came), (took * FRAMES_PER_SECOND + 2) * 200)
        self.assertLess(watch.resident_kib(), small + 32 * 1024)
        os.write(watch.master, b",")
        watch.shows(b"PAUSED at step")
        os.write(watch.master, b"\x1b[F")
        watch.shows(b"LIVE")
        os.write(watch.master, b"q")
        self.assertEqual(watch.end(), 0)

    def test_a_terminal_that_is_not_read_delays_no_process(self):
        watch, flood = self.flooded()
        # A whole screen for each new size: together more than an unread terminal buffers.
        for rows in [41, 40] * 20:
            watch.resize(120, rows)
            flood.goes_on()
        before = len(watch.seen)
        watch.shows(b"entries a second: too many")
        self.assertGreater(len(watch.seen), before)
        # The machine waits for a watch only for a limited time; then the watch loses entries.
        self.assertFalse(b"entries were lost" in watch.seen, "the watch waited for its terminal")
        watch.process.send_signal(signal.SIGTERM)
        self.assertEqual(watch.end(), 0)

    def test_output_of_a_guest_is_escaped_for_the_terminal(self):
        machine = self.with_shell()
        viewer = self.viewer(machine)
        watch = OnPty(machine, "web").shows(b"LIVE")
        ask(viewer, b"printf '\\033]0;evil\\007\\033[5;6r\\233\\344\\270\\255\\303\\251\\016 bad\\n'; echo done\n", b"bad\r\ndone")
        watch.shows(b"done")
        os.write(watch.master, b"q")
        self.assertEqual(watch.end(), 0)
        for raw in [b"\x1b]", b"\x07", b"r\x9b", b"\x9b\xe4", b"\x0e", b"\x1b[5;6r"]:
            self.assertNotIn(raw, watch.seen)

    def test_signals_and_control_c_restore_the_terminal(self):
        machine = self.machine()
        for number in [signal.SIGTERM, signal.SIGINT]:
            watch = OnPty(machine).shows(b"no domain yet")
            watch.process.send_signal(number)
            self.assertEqual(watch.end(), 0)
        watch = OnPty(machine).shows(b"no domain yet")
        os.write(watch.master, b"\x03")
        self.assertEqual(watch.end(), 0)

    def test_a_watch_ends_when_its_terminal_is_closed(self):
        machine = self.machine()
        watch = OnPty(machine).shows(b"no domain yet")
        os.close(watch.slave)
        os.close(watch.master)
        eventually("it has ended", lambda: watch.process.poll() is not None)
        self.assertEqual(watch.process.stderr.read(), b"")
        watch.process.stderr.close()

    def test_a_watch_that_was_stopped_for_too_long_reports_that_it_begins_again(self):
        watch, flood = self.flooded()
        flood.goes_on(watch)

        def has_lost():
            watch.process.send_signal(signal.SIGSTOP)
            # Processes of the machine wait for the watch only for a limited time.
            for _ in range(5):
                flood.goes_on()
            watch.process.send_signal(signal.SIGCONT)
            return b"entries were lost while watch was stopped" in watch.pump(1).seen
        eventually("it has been stopped for too long", has_lost)
        os.write(watch.master, b"q")
        self.assertEqual(watch.end(), 0)

    def test_a_stream_that_is_no_terminal_is_refused_with_advice(self):
        machine = self.machine()
        watch = machine.run("watch", check=3)
        self.assertEqual(watch.stderr.decode(), "ringside: cannot watch: stdin: it is not a terminal (ringside dump prints "
                                                "lines, ringside watch --web makes a page)\n")
        for name, why in [("dumb", "TERM=dumb: it cannot move its cursor"), ("nosuch", "TERM=nosuch: terminfo does not"),
                          ("", "TERM: it is not set")]:
            master, slave = pty.openpty()
            done = subprocess.run([RINGSIDE, "watch", "--dir", machine.directory], stdin=slave, stdout=slave,
                                  stderr=subprocess.PIPE, env=os.environ | {"TERM": name}, timeout=support.PATIENCE_S)
            self.assertEqual(done.returncode, 3)
            self.assertIn(f"ringside: cannot watch: {why}", done.stderr.decode())
            self.assertIn("ringside dump", done.stderr.decode())
            os.close(slave)
            os.close(master)


if __name__ == "__main__":
    support.main()

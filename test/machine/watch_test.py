"""watch: a person in tmux looks at a running machine, stands still, steps back, changes the window, and leaves."""
import os
import re
import shlex
import shutil
import socket
import subprocess
import unittest

import support
from support import Machine, RINGSIDE, ask, eventually


class Watch:
    """`ringside watch` in a terminal of its own."""

    def __init__(self, machine, *words, columns=120, rows=40, environment=()):
        self.socket = os.path.join(machine.parent, "tmux")
        command = shlex.join(["env", *environment, RINGSIDE, "watch", "--dir", machine.directory, *words])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), command)

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, timeout=support.PATIENCE_S,
                              env=os.environ | {"TERM": "screen", "LC_ALL": "C.UTF-8"})
        return done.stdout.decode(errors="replace")

    def screen(self, *words):
        return self.tmux("capture-pane", "-p", *words)

    def shows(self, pattern):
        return eventually(f"{pattern!r} is on the screen:\n{self.screen()}", lambda: re.search(pattern, self.screen()))

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def step(self):
        return int(re.search(r"step (\d+)", self.screen())[1])

    def end(self):
        self.keys("q")
        eventually("it has left", lambda: not self.tmux("list-sessions"))
        self.tmux("kill-server")
        if os.path.exists(self.socket):
            os.remove(self.socket)


@unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
class Watches(unittest.TestCase):
    def viewer(self, machine, name="web"):
        viewer = socket.create_connection(("127.0.0.1", machine.tcp_port(name)))
        viewer.settimeout(support.PATIENCE_S)
        self.addCleanup(viewer.close)
        return viewer

    def test_what_is_typed_passes_the_rings_and_comes_to_the_screen(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            watch = Watch(machine, "web")
            watch.shows(r"ringside watch +dom1 +step 0 +LIVE")
            viewer = self.viewer(machine)
            ask(viewer, b"echo so it passes\n", b"so it passes\r\nweb$ ")
            watch.shows(r"what was to be seen")
            watch.shows(r"\n *so it passes")
            watch.shows(r"tx [-+#.]{8} 0/8 +guest -> dom0 +rx [-+#.]{8} 0/8 +dom0 -> guest")
            watch.shows(r"req_prod \d+ &7=\d")
            watch.shows(r"\[\d\] - console")
            watch.shows(r"dom1 port 1: -")
            watch.shows(r"xcs writes dom1\.tx\[\d\] response console")
            watch.end()

    def test_it_stands_still_steps_back_and_goes_on(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            watch = Watch(machine)
            watch.shows("LIVE")
            viewer = self.viewer(machine)
            ask(viewer, b"echo one\n", b"one\r\nweb$ ")
            watch.shows(r"\n *one")
            watch.keys("Space")
            watch.shows("STANDS STILL")
            at = watch.step()
            watch.keys(",", ",", ",")
            watch.shows(rf"step {at - 3} of \d+ +STANDS STILL")
            watch.keys(".")
            watch.shows(rf"step {at - 2} of")
            watch.keys("Left")
            watch.shows(rf"step {at - 3} of")
            watch.keys("Home")
            watch.shows(r"step 1 of \d+ +STANDS STILL")
            # What happens meanwhile is counted, and the picture stays.
            ask(viewer, b"echo two\n", b"two\r\nweb$ ")
            eventually("more has happened", lambda: int(re.search(r"of (\d+)", watch.screen())[1]) > at)
            self.assertEqual(watch.step(), 1)
            watch.keys("End")
            watch.shows("LIVE")
            watch.shows(r"\n *two")
            watch.keys("?")
            watch.shows(r"stand still, or go on")
            watch.keys("?")
            watch.shows("rings: ")
            watch.end()

    def test_a_full_ring_is_seen_while_the_guest_stands(self):
        with Machine("--quirk", "xcs-drop-when-full", "--quirk", "xend-no-input-limit") as machine:
            machine.run("create", "web", check=0)
            viewer = self.viewer(machine)
            ask(viewer, b"hostname\n", b"web\r\n")
            watch = Watch(machine, "web")
            watch.shows("LIVE")
            machine.run("pause", "web", check=0)
            viewer.sendall(b"x" * 1000)
            watch.shows(r"rx #{8} 8/8")
            watch.shows(r"quirk xcs-drop-when-full")
            machine.run("unpause", "web", check=0)
            watch.end()

    def test_it_follows_the_window_and_does_without_colours(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            watch = Watch(machine, "web", "--ascii", environment=["NO_COLOR=1"])
            watch.shows(r"-- rings: ")
            ask(self.viewer(machine), b"hostname\n", b"web\r\n")
            watch.shows(r"dom1 takes event")
            self.assertNotRegex(watch.screen("-e"), "\x1b\\[(3[0-7]|2)[;m]")
            watch.screen().encode("ascii")
            watch.tmux("resize-window", "-x", "60", "-y", "20")
            eventually("it fits", lambda: "rings" in watch.screen() and
                       all(len(line) <= 60 for line in watch.screen().splitlines()))
            watch.tmux("resize-window", "-x", "20", "-y", "4")
            watch.shows("ringside watch")
            watch.end()

    def test_it_ends_with_the_machine_and_wants_a_terminal(self):
        with Machine() as machine:
            self.assertIn(b"cannot watch: stdout: it is no terminal", machine.run("watch", check=3).stderr)
            watch = Watch(machine)
            watch.shows("no domain yet")
            machine.run("down", check=0)
            eventually("it has left", lambda: not watch.tmux("list-sessions"))
            machine.run("up", "--console-port-base", "0", check=0)
            os.path.exists(watch.socket) and os.remove(watch.socket)


if __name__ == "__main__":
    support.main()

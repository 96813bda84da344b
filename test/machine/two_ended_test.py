"""Random bytes in both directions over a whole machine while it is disturbed: the guest is paused or suspended, the
viewer leaves and reconnects, xcs is killed and started again; over xend, over xenctld, and with the C examples at
either end. Every byte is checked at both ends; no byte may be missing, doubled or changed.

The seed is printed; RINGSIDE_SEED repeats a run as far as processes allow. RINGSIDE_LONG=1 sends 50 MB each way.
"""
import errno
import os
import pathlib
import random
import select
import socket
import subprocess
import sys
import threading
import unittest

import support
from support import Machine, eventually
from two_ended import Echoed, End, read_line, write_all

BYTES = 50_000_000 if os.environ.get("RINGSIDE_LONG") == "1" else 400_000
SEED = int(os.environ.get("RINGSIDE_SEED", random.randrange(1 << 30)))
GUEST = [sys.executable, str(pathlib.Path(__file__).with_name("two_ended.py"))]


class Viewer:
    """A viewer of a console that leaves and reconnects when told, until everything is read."""

    def __init__(self):
        self.writing = threading.Lock()  # held while the viewer is away
        self.deciding = threading.Lock()
        self.leaving = False
        self.has_read_all = False

    def write(self, data):
        with self.writing:
            self.send(data)

    def go_away(self):
        self.writing.acquire()
        with self.deciding:
            if self.has_read_all:
                self.writing.release()
                return
            self.leaving = True
            self.leave()

    def come_back(self):
        self.reopen()
        self.leaving = False
        self.writing.release()

    def finish(self):
        """No more will be read: the remaining bytes can be written."""
        with self.deciding:
            self.has_read_all = True
        if self.leaving:
            self.come_back()


class TcpViewer(Viewer):
    """A viewer at xend's TCP port. Leaves without loss: shuts down the sending side, reads to the end, and then closes.
    """

    def __init__(self, port):
        super().__init__()
        self.port = port
        self.socket = self.connect()

    def connect(self):
        connected = socket.create_connection(("127.0.0.1", self.port))
        connected.settimeout(support.PATIENCE_S)
        return connected

    def read(self, count):
        while not (piece := self.socket.recv(count)) and self.leaving:
            self.come_back()
        return piece

    def send(self, data):
        self.socket.sendall(data)

    def leave(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reopen(self):
        while self.socket.recv(65536):
            pass
        self.socket.close()
        self.socket = self.connect()

    def close(self):
        self.socket.close()


class PtyViewer(Viewer):
    """A viewer that opens, closes and reopens a domain's pty."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.wake_read, self.wake_write = os.pipe()
        self.pty = self.open()

    def open(self):
        def opened():
            try:
                return (os.open(self.path, os.O_RDWR | os.O_NOCTTY),)
            except OSError as problem:  # a new pty is being made
                if problem.errno not in (errno.ENOENT, errno.EIO, errno.ENXIO):
                    raise
        return eventually("the pty is there", opened)[0]

    def read(self, count):
        while True:
            ready, _, _ = select.select([self.wake_read, self.pty], [], [], support.PATIENCE_S)
            if not ready:
                raise TimeoutError("nothing comes from the pty")
            if self.wake_read in ready:
                os.read(self.wake_read, 1)
                self.come_back()
            elif piece := self.read_pty(count):
                return piece
            else:  # this pty was replaced while it was opened
                os.close(self.pty)
                self.pty = self.open()

    def read_pty(self, count):
        try:
            return os.read(self.pty, count)
        except OSError as problem:
            if problem.errno != errno.EIO:
                raise
            return b""

    def send(self, data):
        write_all(self.pty, data)

    def leave(self):
        os.write(self.wake_write, b"!")

    def reopen(self):
        if self.has_read_all:  # the viewer has not gone yet, and stays
            return
        os.close(self.pty)
        self.pty = self.open()

    def close(self):
        for fd in (self.pty, self.wake_read, self.wake_write):
            os.close(fd)


class PipeViewer:
    """The example dom0_end in C, with its stdin and stdout."""

    def __init__(self, machine, name):
        self.process = subprocess.Popen(
            [os.environ["EXAMPLE_DOM0_END"], str(machine.domains()[name]["id"])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, "RINGSIDE_DIR": machine.directory})

    def read(self, count):
        return os.read(self.process.stdout.fileno(), count)

    def write(self, data):
        write_all(self.process.stdin.fileno(), data)

    def finish(self):
        pass

    def close(self):
        self.process.kill()
        self.process.communicate()


class Disturber(threading.Thread):
    """Does all of `acts` in a random order, repeatedly until told to stop; each act restores the initial state."""

    def __init__(self, choice, acts):
        super().__init__(daemon=True)
        self.choice, self.acts = choice, acts
        self.over = threading.Event()
        self.done = dict.fromkeys((act.__name__ for act in acts), 0)
        self.failure = None

    def run(self):
        order = []
        while not self.over.wait(self.choice.uniform(0, 0.1)):
            order = order or self.choice.sample(self.acts, len(self.acts))
            act = order.pop()
            try:
                act()
            except Exception as failure:  # stop() raises it
                self.failure = failure
                return
            self.done[act.__name__] += 1

    def stop(self):
        self.over.set()
        self.join()
        if self.failure:
            raise self.failure


class TwoEnded(unittest.TestCase):
    def disturbed(self, end, acts):
        disturber = Disturber(random.Random(SEED), acts)
        disturber.start()
        try:
            end.run()
        finally:
            disturber.stop()
        print(f"seed {SEED}: {BYTES} bytes each way; {disturber.done}", flush=True)

    def converse(self, viewer, acts):
        """Converses with the other half of two_ended.py, which runs in the guest."""
        while not read_line(viewer.read).endswith(b"installed as tty1\r\n"):
            pass
        viewer.write(f"{SEED} {BYTES}\n".encode())
        self.disturbed(End(viewer.read, viewer.write, str(SEED), "viewer", "guest", BYTES, viewer.finish), acts)
        viewer.write(b"\n")  # on which the guest ends
        viewer.close()

    def repeat(self, viewer, acts):
        """Converses with the example domU in C."""
        self.assertIn(b"Hello from a domU in C", read_line(viewer.read))
        self.disturbed(Echoed(viewer.read, viewer.write, SEED, BYTES, viewer.finish), acts)
        viewer.close()

    @staticmethod
    def pausing(machine):
        def pause():
            TwoEnded.both(machine, "pause", "unpause")
        return pause

    @staticmethod
    def suspending(machine):
        def suspend():
            TwoEnded.both(machine, "suspend", "resume")
        return suspend

    @staticmethod
    def both(machine, *commands):
        for command in commands:
            eventually(f"{command} is done", lambda: TwoEnded.is_done(machine, command))

    @staticmethod
    def is_done(machine, command):
        """False if the request should be repeated: xcs is being restarted, or the guest is too busy to suspend in
        time."""
        done = machine.run(command, "one")
        if done.returncode == 0 or (command == "suspend" and b"is suspended already" in done.stderr):
            return True
        if any(why in done.stderr for why in (b"xcs is gone", b"has not suspended", b"is being suspended already")):
            return False
        raise AssertionError(f"{command}: {done.stderr.decode()}")

    @staticmethod
    def leaving(viewer):
        def detach():
            viewer.go_away()
        return detach

    def all_of_xend(self, machine, viewer):
        def restart_xcs():
            machine.restart("xcs")
        return [self.pausing(machine), self.leaving(viewer), restart_xcs]

    def over_xend(self, abi):
        with Machine() as machine:
            machine.run("create", "one", "--abi", abi, "--raw", "--", *GUEST, check=0)
            viewer = TcpViewer(machine.tcp_port("one"))
            self.converse(viewer, [*self.all_of_xend(machine, viewer), self.suspending(machine)])
            eventually("the guest has ended", lambda: "one" not in machine.domains())

    def over_xenctld(self, abi):
        with Machine("--dom0", "xenctld") as machine:
            machine.run("create", "one", "--abi", abi, "--raw", "--", *GUEST, check=0)
            viewer = PtyViewer(os.path.join(machine.directory, f"pty-{machine.domains()['one']['id']}"))
            self.converse(viewer, [self.pausing(machine), self.leaving(viewer), self.suspending(machine)])
            eventually("the guest has ended", lambda: "one" not in machine.domains())

    def c_guest_over_xend(self, abi):
        with Machine() as machine:
            machine.run("create", "one", "--abi", abi, "--external", "--", os.environ["EXAMPLE_DOMU"], check=0)
            viewer = TcpViewer(machine.tcp_port("one"))
            self.repeat(viewer, self.all_of_xend(machine, viewer))

    def c_dom0(self, abi):
        with Machine() as machine:
            machine.run("create", "one", "--abi", abi, "--no-console", "--raw", "--", *GUEST, check=0)
            self.converse(PipeViewer(machine, "one"), [self.pausing(machine)])

    def c_both(self, abi):
        with Machine() as machine:
            machine.run("create", "one", "--abi", abi, "--no-console", "--external", "--",
                        os.environ["EXAMPLE_DOMU"], check=0)
            self.repeat(PipeViewer(machine, "one"), [self.pausing(machine)])


def add_tests():
    ways = (TwoEnded.over_xend, TwoEnded.over_xenctld, TwoEnded.c_guest_over_xend, TwoEnded.c_dom0, TwoEnded.c_both)
    for way in ways:
        for abi in ("sring", "flat"):
            def test(self, way=way, abi=abi):
                way(self, abi)
            setattr(TwoEnded, f"test_{way.__name__}_{abi}", test)


add_tests()

if __name__ == "__main__":
    support.main()

"""Random bytes both ways over a whole machine while it is disturbed: the guest paused, the viewer gone and back,
xcs killed and started again. Every byte is checked at both ends; none may be missing, doubled or changed.

The seed is printed; RINGSIDE_SEED repeats a run as far as the machine does. RINGSIDE_LONG=1 sends 50 MB each way.
"""
import os
import pathlib
import random
import socket
import sys
import threading
import unittest

import support
from support import Machine, eventually
from two_ended import End, read_line

BYTES = 50_000_000 if os.environ.get("RINGSIDE_LONG") == "1" else 1_000_000
SEED = int(os.environ.get("RINGSIDE_SEED", random.randrange(1 << 30)))
GUEST = [sys.executable, str(pathlib.Path(__file__).with_name("two_ended.py"))]


class TcpViewer:
    """A viewer at xend's TCP port, who leaves and comes back when he is told to.

    He leaves as a careful person does: says that he will type no more, reads to the end, and only then goes.
    """

    def __init__(self, port):
        self.port = port
        self.writing = threading.Lock()  # held while he is away
        self.leaving = False
        self.socket = self.connect()
        self.times_away = 0

    def connect(self):
        connected = socket.create_connection(("127.0.0.1", self.port))
        connected.settimeout(support.PATIENCE_S)
        return connected

    def read(self, count):
        piece = self.socket.recv(count)
        if piece or not self.leaving:
            return piece
        self.socket.close()
        self.socket = self.connect()
        self.leaving = False
        self.times_away += 1
        self.writing.release()
        return self.read(count)

    def write(self, data):
        with self.writing:
            self.socket.sendall(data)

    def go_away(self):
        self.writing.acquire()
        self.leaving = True
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()


class Disturber(threading.Thread):
    """Does one of `acts` after the other, at random, until told to stop; each leaves things as they were."""

    def __init__(self, choice, acts):
        super().__init__(daemon=True)
        self.choice, self.acts = choice, acts
        self.over = threading.Event()
        self.done = dict.fromkeys((act.__name__ for act in acts), 0)
        self.failure = None

    def run(self):
        while not self.over.wait(self.choice.uniform(0, 0.3)):
            act = self.choice.choice(self.acts)
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
    def converse(self, viewer, acts, seed):
        disturber = Disturber(random.Random(seed), acts)
        while not read_line(viewer.read).endswith(b"installed as tty1\r\n"):
            pass
        viewer.write(f"{seed} {BYTES}\n".encode())
        end = End(viewer.read, viewer.write, str(seed), "viewer", "guest", BYTES)
        disturber.start()
        try:
            end.run()
        finally:
            disturber.stop()
        print(f"seed {seed}: {BYTES} bytes each way; {disturber.done}", flush=True)

    def over_xend(self, abi):
        with Machine() as machine:
            machine.run("create", "one", "--abi", abi, "--raw", "--", *GUEST, check=0)
            viewer = TcpViewer(machine.tcp_port("one"))

            def pause():
                machine.run("pause", "one", check=0)
                machine.run("unpause", "one", check=0)

            def detach():
                viewer.go_away()

            def restart_xcs():
                machine.restart("xcs")

            self.converse(viewer, [pause, detach, restart_xcs], SEED)
            viewer.close()
            eventually("the guest has ended", lambda: "one" not in machine.domains())

    def test_over_xend_and_tcp_sring(self):
        self.over_xend("sring")

    def test_over_xend_and_tcp_flat(self):
        self.over_xend("flat")


if __name__ == "__main__":
    support.main()

#!/usr/bin/env python3
"""Two machines, one of each kind of dom0, at work for a given time: does any of their processes grow?

usage: soak.py [--seconds N] [--log FILE]     RINGSIDE names the program, RINGSIDE_SEED repeats the random choices

One domain of each echoes what a viewer types, all the time. Meanwhile domains are created, print, are suspended, shut
down and destroyed, viewers connect and leave, half of them without reading, the machine is listed and its journal read.
Twice each daemon of dom0 is killed and started at once. Every few seconds, with only the echo running, the resources of
each process are recorded.

A process may have GROWTH_KIB more memory of its own than it had WARM_UP_S after it began, and GROWTH_DESCRIPTORS descriptors: more is
a failure.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "machine"))
from support import RINGSIDE, Machine, eventually, has_ended

WARM_UP_S = 60
SAMPLE_S = 10
GROWTH_KIB = 32
GROWTH_DESCRIPTORS = 4
SHOWN = 12
SIDES = {"xcs": ("xcs", "xend"), "xenctld": ("xenctld",)}


def memory_of(pid):
    """KiB: resident memory, its proportional share, and private memory without files. Mapped files, consoles and the
    journal, have a fixed size, and come into memory page by page."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    named = dict(re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE))
    return int(named["Rss"]), int(named["Pss"]), int(named["Anonymous"])


class Echo(threading.Thread):
    """The viewer of a domain whose program is cat: typed bytes come back. It reconnects when its console is back."""

    def __init__(self, connect):
        super().__init__(daemon=True)
        self.connect = connect
        self.ended = threading.Event()
        self.bytes = 0

    def run(self):
        while not self.ended.is_set():
            with contextlib.suppress(OSError):
                self.talk()
            self.ended.wait(0.05)

    def talk(self):
        stream = self.connect()
        try:
            while not self.ended.is_set():
                os.write(stream, b"x" * 500)
                wanted = 500
                while wanted > 0:
                    piece = os.read(stream, 4096)
                    if not piece:
                        return
                    wanted -= len(piece)
                    self.bytes += len(piece)
                # It keeps the path busy, and leaves the rest of the machine to other work.
                self.ended.wait(0.02)
        finally:
            os.close(stream)

    def end(self):
        self.ended.set()
        self.join(60)


class Soaked:
    """A machine, its load, and the recorded resources of its processes."""

    def __init__(self, dom0, chance):
        self.dom0 = dom0
        self.chance = chance
        self.machine = Machine("--dom0", dom0)
        self.processes = ["xen", *SIDES[dom0], "dom0"]
        self.samples = {}  # (name, pid) -> [(seconds, rss, pss, private, descriptors)]
        self.complaints = []
        self.created = self.viewers = self.kills = 0

    def start(self):
        self.machine.run("create", "echo", "--raw", "--", "cat", check=0)
        self.machine.run("create", "still", "--raw", "--", "sh", "-c", "while :; do echo line; sleep 1; done", check=0)
        self.ports = {name: domain["console"]["tcp_port"] for name, domain in self.machine.domains().items()}
        self.ids = {name: domain["id"] for name, domain in self.machine.domains().items()}
        self.guest = self.machine.domains()["echo"]["process"]
        self.echo = Echo(lambda: self.console("echo"))
        self.echo.start()

    def console(self, name):
        if self.dom0 == "xcs":
            return socket.create_connection(("127.0.0.1", self.ports[name])).detach()
        path = os.path.join(self.machine.directory, f"pty-{self.ids[name]}")
        return os.open(path, os.O_RDWR | os.O_NOCTTY)

    def act(self):
        self.chance.choice([self.create_and_destroy, self.create_and_destroy, self.suspend_and_resume, self.print_and_end, self.view, self.view,
                            self.list_and_dump])()

    def create(self, *program):
        self.created += 1
        self.machine.run("create", "passing", "--raw", "--", *program, check=0)

    def gone(self):
        eventually("the domain is gone", lambda: "passing" not in self.machine.domains())

    def create_and_destroy(self):
        self.create("cat")
        self.machine.run("destroy", "passing", check=0)
        self.gone()

    def suspend_and_resume(self):
        self.create("cat")
        self.machine.run("suspend", "passing", check=0)
        self.machine.run("resume", "passing", check=0)
        self.machine.run("shutdown", "passing", check=0)
        self.gone()

    def print_and_end(self):
        self.create("sh", "-c", "head -c 100000 /dev/zero")
        self.gone()

    def view(self):
        """Viewers that leave without reading, shut down their side first, or read a little."""
        self.viewers += 1
        stream = self.console("still")
        if self.dom0 == "xcs":
            with socket.socket(fileno=stream) as viewer:
                if self.chance.random() < 0.5:
                    viewer.shutdown(socket.SHUT_WR)
                elif self.chance.random() < 0.5:
                    viewer.settimeout(5)
                    viewer.recv(100)
            return
        os.close(stream)

    def list_and_dump(self):
        self.machine.run("list", check=0)
        self.machine.run("ring", "still", check=0)
        dump = subprocess.Popen([RINGSIDE, "dump", "--dir", self.machine.directory], stdout=subprocess.PIPE)
        dump.stdout.readline()
        dump.send_signal(signal.SIGINT)
        dump.communicate(timeout=60)

    def kill_daemons(self):
        """Kills the daemons. Each is started again at once, as soon as its predecessor has released its files."""
        for name in SIDES[self.dom0]:
            words = ["--console-port-base", "0"] if name == "xend" else []
            os.kill(self.machine.pid(name), signal.SIGKILL)
            self.kills += 1
            for _ in range(1000):
                started = subprocess.Popen([RINGSIDE, name, "--dir", self.machine.directory, *words], stderr=subprocess.PIPE, text=True)
                ready = lambda: has_ended(started.pid) or self.machine.pid(name) == started.pid
                eventually(f"{name} is back", ready)
                if not has_ended(started.pid):
                    break
                said = started.communicate()[1]
                assert "the machine is running already" in said, said
            self.machine.restarted.append(started)
            threading.Thread(target=self.listen, args=(started.stderr,), daemon=True).start()

        def serves():
            return self.machine.run("list").returncode == 0 and self.console_is_there()

        eventually("the daemons are back", serves)

    def listen(self, pipe):
        """Reports what a restarted daemon could not do, for example because its predecessor's address was still in use.
        """
        self.complaints += [line for line in pipe if "cannot" in line]

    def console_is_there(self):
        try:
            os.close(self.console("still"))
            return True
        except OSError:
            return False

    def sample(self, seconds):
        pids = {name: self.machine.pid(name) for name in self.processes}
        pids["guest"] = self.guest
        for name, pid in pids.items():
            line = (round(seconds), *memory_of(pid), len(os.listdir(f"/proc/{pid}/fd")))
            self.samples.setdefault((name, pid), []).append(line)

    def growth(self):
        """(name, samples from the end of the warm-up on) of each process that lived long enough."""
        for (name, _), lines in self.samples.items():
            warm = [line for line in lines if line[0] >= lines[0][0] + WARM_UP_S]
            if len(warm) >= 2:
                yield name, warm


def show(soaked):
    print(f"dom0 {soaked.dom0}: {soaked.created} domains were created and ended, {soaked.viewers} viewers, {soaked.kills} kills of daemons, "
          f"{soaked.echo.bytes / 1e6:.1f} MB echoed")
    print(f"  {'process':<9}{'s':>5}{'rss':>9}{'pss':>8}{'own':>9}{'descriptors':>13}    memory in KiB")
    for (name, _), lines in soaked.samples.items():
        step = max(1, -(-len(lines) // SHOWN))
        for line in [*lines[:-1:step], lines[-1]]:
            print(f"  {name:<9}{line[0]:>5}{line[1]:>9}{line[2]:>8}{line[3]:>9}{line[4]:>13}")


def verdict(soaked):
    """The processes that grew too much, and the largest growths."""
    problems = list(soaked.complaints)
    largest = {}
    for name, warm in soaked.growth():
        kib = max(line[3] for line in warm) - warm[0][3]
        descriptors = max(line[4] for line in warm) - warm[0][4]
        old = largest.get(name, (0, 0))
        largest[name] = (max(kib, old[0]), max(descriptors, old[1]))
        if kib > GROWTH_KIB or descriptors > GROWTH_DESCRIPTORS:
            problems.append(f"dom0 {soaked.dom0}: {name} grew by {kib} KiB and {descriptors} descriptors after its warm-up")
    return problems, largest


def main():
    parser = argparse.ArgumentParser(description="Runs two machines for a while, and fails if a process of theirs grows.")
    parser.add_argument("--seconds", type=float, default=600, help="how long; below four warm-ups of 60 s there is no verdict")
    parser.add_argument("--log", help="append a line of JSON with the figures there")
    options = parser.parse_args()
    seed = int(os.environ.get("RINGSIDE_SEED", random.randrange(1 << 30)))
    print(f"RINGSIDE_SEED={seed}", flush=True)
    chance = random.Random(seed)
    began = time.monotonic()
    all_soaked = []
    with contextlib.ExitStack() as stack:
        for dom0 in SIDES:
            soaked = Soaked(dom0, chance)
            all_soaked.append(soaked)
            stack.enter_context(soaked.machine)
            soaked.start()
            stack.callback(soaked.echo.end)
        next_sample = 0
        # Early, so that the daemons that are judged have a long life.
        kill_times = [options.seconds / 10, options.seconds / 5]
        while (now := time.monotonic() - began) < options.seconds:
            if kill_times and now > kill_times[0]:
                kill_times.pop(0)
                for soaked in all_soaked:
                    soaked.kill_daemons()
            for soaked in all_soaked:
                soaked.act()
            if now >= next_sample:
                next_sample = now + SAMPLE_S
                for soaked in all_soaked:
                    soaked.sample(now)
    problems = []
    figures = {}
    for soaked in all_soaked:
        show(soaked)
        found, largest = verdict(soaked)
        problems += found
        figures[soaked.dom0] = {"domains": soaked.created, "viewers": soaked.viewers, "kills": soaked.kills,
                                "echoed_bytes": soaked.echo.bytes, "growth_kib_and_descriptors": largest}
        print(f"  largest growth after a warm-up, KiB and descriptors: {largest}")
    if options.log:
        with open(options.log, "a", encoding="utf-8") as log:
            log.write(json.dumps({"soak": 1, "seconds": options.seconds, "seed": seed, **figures}) + "\n")
    for problem in problems:
        print("FAIL " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

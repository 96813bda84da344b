"""Random kills of a machine's processes: no other domain is affected, no process hangs, nothing is left over.

The seed is printed; RINGSIDE_SEED repeats a run.
"""
import os
import random
import re
import signal
import socket
import subprocess
import unittest

import support
from support import Machine, RINGSIDE, ask, eventually

ROUNDS = 100 if os.environ.get("RINGSIDE_LONG") == "1" else 6
SEED = int(os.environ.get("RINGSIDE_SEED", random.randrange(1 << 30)))


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Killed(unittest.TestCase):
    def domain_process(self, machine, name):
        number = machine.domains()[name]["id"]
        mark = f"RINGSIDE_DOMAIN={machine.directory}#{number}".encode()
        return [pid for pid in support.processes_with(mark)]

    def test_processes_and_clients_of_two_domains_killed_at_random(self):
        print(f"seed {SEED}", flush=True)
        choice = random.Random(SEED)
        with Machine() as machine:
            machine.run("create", "steady", check=0)
            steady = socket.create_connection(("127.0.0.1", machine.tcp_port("steady")))
            steady.settimeout(support.PATIENCE_S)
            ask(steady, b"hostname\n", b"steady\r\n")
            for number in range(ROUNDS):
                name = f"victim{number}"
                machine.run("create", name, "--", "sh", "-c", "seq inf", check=0)
                viewer = subprocess.Popen(
                    [RINGSIDE, "console", name, "--dir", machine.directory], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE)
                listener = subprocess.Popen([RINGSIDE, "dump", "--dir", machine.directory],
                                            stdout=subprocess.DEVNULL)
                viewer.stdout.read(choice.randrange(1, 100_000))
                victims = self.domain_process(machine, name) + [viewer.pid, listener.pid]
                for victim in choice.sample(victims, 2):
                    kill(victim)
                ask(steady, b"hostname\n", b"steady\r\n")
                machine.run("destroy", name)
                for process in (viewer, listener):
                    process.kill()
                    process.wait()
                viewer.stdin.close()
                viewer.stdout.close()
                eventually(f"{name} is gone", lambda: name not in machine.domains())
            ask(steady, b"exit\n", b"exit")
            steady.close()

    def test_down_works_after_dom0s_processes_were_killed_at_random(self):
        choice = random.Random(SEED)
        for number in range(ROUNDS):
            with Machine() as machine:
                machine.run("create", "one", "--", "sh", "-c", "setsid sleep 1000 & seq inf", check=0)
                machine.run("create", "two", check=0)
                viewer = socket.create_connection(("127.0.0.1", machine.tcp_port("one")))
                viewer.recv(choice.randrange(1, 60_000))
                # Reads all pids first: xcs and xend end by themselves soon after xen.
                for pid in choice.sample([machine.pid(process) for process in ("xen", "xcs", "xend")], 2):
                    kill(pid)
                viewer.close()

    def test_a_guest_outlives_a_restarted_xcs(self):
        with Machine() as machine:
            machine.run("create", "one", check=0)
            viewer = socket.create_connection(("127.0.0.1", machine.tcp_port("one")))
            viewer.settimeout(support.PATIENCE_S)
            ask(viewer, b"hostname\n", b"one\r\n")
            machine.restart("xcs")
            ask(viewer, b"echo again\n", b"\nagain\r\n")
            viewer.close()

    def test_early_answers_outlive_every_xcs(self):
        choice = random.Random(SEED)
        end = 200_000
        wanted = b"".join(b"%d\r\n" % number for number in range(1, end + 1))
        with Machine("--answer", "xcs") as machine:
            program = f"read go; seq -f '%.0f\r' 1 {end}"
            machine.run("create", "one", "--preserve", "--raw", "--", "sh", "-c", program, check=0)
            self.check_early(machine, "one")
            viewer = self.connect(os.path.join(machine.directory, f"console-{machine.tcp_port('one')}"))
            seen = b""
            while b"tty1\r\n" not in seen:
                seen += viewer.recv(1)
            viewer.sendall(b"go\n")
            seen = b""
            for _ in range(ROUNDS):
                stop = len(seen) + choice.randrange(1, (len(wanted) - len(seen)) // 4)
                while len(seen) < stop:
                    seen += viewer.recv(65536)
                # The new xcs has no --answer, but finds the messages that the last xcs answered and kept.
                machine.restart("xcs")
            while len(seen) < len(wanted):
                seen += viewer.recv(65536)
            self.assertEqual(seen, wanted)
            self.check_early(machine, "one")
            viewer.close()

    def check_early(self, machine, *early):
        """list says which domains get their answers from xcs."""
        table = machine.run("list", check=0).stdout
        self.assertEqual(re.findall(rb"^Early answers.*", table, re.MULTILINE), [b"Early answers of xcs: %s" % name.encode() for name in early])
        self.assertEqual([name for name, each in machine.domains().items() if each.get("answer") == "xcs"], list(early))
        self.assertEqual(b"\nanswers    early, by xcs\n" in machine.run("list", "one", check=0).stdout, bool(early))

    def test_a_console_outlives_a_restarted_xend(self):
        with Machine() as machine:
            machine.run("create", "one", check=0)
            self.check_early(machine)
            port = machine.tcp_port("one")
            viewer = socket.create_connection(("127.0.0.1", port))
            viewer.settimeout(support.PATIENCE_S)
            ask(viewer, b"hostname\n", b"one\r\n")
            viewer.sendall(b"echo said; hostname\n")
            machine.restart("xend", "--console-port-base", "0")
            eventually("the console is back", lambda: (machine.domains()["one"]["console"] or {}).get("tcp_port") == port)
            again = socket.create_connection(("127.0.0.1", port))
            again.settimeout(support.PATIENCE_S)
            ask(again, b"echo again\n", b"\nagain\r\n")
            viewer.close()
            again.close()
            machine.run("shutdown", "one", check=0)
            eventually("the guest has ended", lambda: "one" not in machine.domains())

    def check_piece(self, piece, wanted, at):
        """Checks a viewer's part of `wanted`, of which earlier viewers have seen `at` bytes; bytes that xend was
        sending when it was killed may come again. Returns the end of this part."""
        for again in range(65_537):
            if wanted.startswith(piece[:100], at - again) and wanted.startswith(piece, at - again):
                return at - again + len(piece)
        self.fail(f"after {wanted[at - 40:at]!r} came {piece[:40]!r}")

    def test_output_of_a_program_outlives_every_xend(self):
        choice = random.Random(SEED)
        # Never more at a time than xend keeps without a viewer.
        batch = 5_000
        batches = 4 * ROUNDS
        wanted = b"".join(b"%d\r\n" % number for number in range(1, batch * batches + 1))
        program = f"n=1; while read go; do seq -f '%.0f\r' $n $((n + {batch - 1})); n=$((n + {batch})); done"
        with Machine() as machine:
            machine.run("create", "one", "--preserve", "--raw", "--", "sh", "-c", program, check=0)
            path = os.path.join(machine.directory, f"console-{machine.tcp_port('one')}")
            viewer = self.connect(path)
            boot = b""
            while b"tty1\r\n" not in boot:
                boot += viewer.recv(1)
            seen = 0
            for number in range(1, batches + 1):
                last = b"%d\r\n" % (batch * number)
                end = wanted.index(last, seen) + len(last)
                viewer.sendall(b"go\n")
                piece = b""
                stop = choice.randrange(1, end - seen)
                # Bytes that the last viewer has seen may come again, so they do not show whether "go" has arrived.
                while not piece or self.check_piece(piece, wanted, seen) < seen + stop:
                    piece += viewer.recv(65536)
                machine.restart("xend", "--console-port-base", "0")
                while rest := viewer.recv(65536):
                    piece += rest
                viewer.close()
                seen = self.check_piece(piece, wanted, seen)
                viewer = self.connect(path)
                while seen < end:
                    seen = self.check_piece(viewer.recv(65536), wanted, seen)
            viewer.close()

    def connect(self, path):
        def connected():
            viewer = socket.socket(socket.AF_UNIX)
            viewer.settimeout(support.PATIENCE_S)
            if viewer.connect_ex(path) == 0:
                return viewer
            viewer.close()
        return eventually("the console takes a viewer", connected)


if __name__ == "__main__":
    support.main()

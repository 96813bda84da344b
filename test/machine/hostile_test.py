"""A hostile guest: it crashes, stalls and floods only itself."""
import array
import contextlib
import os
import pathlib
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import support
from support import Machine, ask, eventually

HOSTILE = os.environ["HOSTILE_DOMU"]
ROUNDS = 40 if os.environ.get("RINGSIDE_LONG") == "1" else 3
ATTACKS = 300 if os.environ.get("RINGSIDE_LONG") == "1" else 100
SEED = int(os.environ.get("RINGSIDE_SEED", random.randrange(1 << 30)))
LOG_BYTES_MAX = 100_000


LINGER_S = 3600
HYPERCALL_BYTES = 256


@contextlib.contextmanager
def lingering_socket():
    """The descriptor of a TCP socket with unread bytes: its last close waits for an hour."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        sender = socket.create_connection(listener.getsockname())
        receiver, _ = listener.accept()
    sender.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sender.send(bytes(65536))
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, LINGER_S))
    with receiver:
        yield sender.detach()


def send_last(client, data, descriptor):
    """Sends a packet that holds the last reference to the descriptor. A child sends it and ends: otherwise the sender's
    copy could be the last, if the receiver is quick. An ending process does not wait for the close."""
    closed_here, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(told)
            os.read(closed_here, 1)
            client.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))])
            os._exit(0)
        finally:
            os._exit(1)
    for number in (descriptor, closed_here, told):
        os.close(number)
    assert os.waitpid(child, 0)[1] == 0


def hostile_guest():
    """The program for `create --external`: sends one packet with one descriptor."""
    connection = socket.socket(fileno=int(os.environ["RINGSIDE_CONNECTION"]))
    with lingering_socket() as lingering:
        send_last(connection, bytes(HYPERCALL_BYTES), lingering)
        signal.pause()


class Console:
    """A client at a domain's console, with a program that echoes."""

    def __init__(self, machine, name):
        console = machine.domains()[name]["console"]
        if console.get("tcp_port"):
            self.stream = socket.create_connection(("127.0.0.1", console["tcp_port"])).detach()
        else:
            self.stream = os.open(os.path.join(machine.directory, f"pty-{machine.domains()[name]['id']}"),
                                  os.O_RDWR | os.O_NOCTTY)
        self.asked = 0

    def check_echo(self):
        self.asked += 1
        question = b"<%d>" % self.asked
        os.write(self.stream, question)
        seen = b""
        until = time.monotonic() + support.PATIENCE_S
        while question not in seen:
            ready, _, _ = select.select([self.stream], [], [], until - time.monotonic())
            assert ready, f"no echo of {question!r} after {seen!r}"
            seen += os.read(self.stream, 65536)

    def close(self):
        os.close(self.stream)


def read_line_until(line, text):
    seen = b""
    until = time.monotonic() + support.PATIENCE_S
    while text not in seen:
        ready, _, _ = select.select([line], [], [], until - time.monotonic())
        assert ready, f"the serial line does not say {text!r} after {seen!r}"
        seen += os.read(line, 4096)


def zombies_of(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in children if support.process_state(child) == "Z"]


class HostileGuest(unittest.TestCase):
    def test_no_other_domain_is_affected(self):
        print(f"seed {SEED}", flush=True)
        with Machine() as machine:
            machine.run("create", "steady", check=0)
            steady = socket.create_connection(("127.0.0.1", machine.tcp_port("steady")))
            steady.settimeout(support.PATIENCE_S)
            pids = {name: machine.pid(name) for name in ("xen", "xcs", "xend")}
            for number in range(ROUNDS):
                attack = subprocess.Popen([HOSTILE, machine.directory, str(SEED + number), str(ATTACKS)])
                answers = 0
                while attack.poll() is None or answers == 0:
                    ask(steady, b"hostname\n", b"steady\r\nsteady$ ")
                    answers += 1
                self.assertIn(attack.returncode, (0, -9), "the hostile guest itself failed")
                if "evil" in machine.domains():
                    machine.run("destroy", "evil")
                eventually("the hostile domain is gone", lambda: "evil" not in machine.domains())
                self.assertEqual(pids, {name: machine.pid(name) for name in pids})
            alive = support.processes_with(machine.directory.encode())
            self.assertTrue(set(pids.values()) <= set(alive), "one of dom0's processes has ended")
            for name in pids:
                size = os.path.getsize(os.path.join(machine.directory, name + ".log"))
                self.assertLess(size, LOG_BYTES_MAX, f"the log of {name} was flooded")
            steady.close()

    def test_a_lingering_socket_stops_no_daemon(self):
        """The process that closes such a socket last waits for an hour: it must not be a daemon of the machine."""
        for dom0, server in (("xcs", "xend"), ("xenctld", "xenctld")):
            with self.subTest(dom0=dom0), Machine("--dom0", dom0) as machine:
                for name in ("neighbour", "other"):
                    machine.run("create", name, "--raw", "--", "cat", check=0)
                neighbour = Console(machine, "neighbour")
                other = machine.domains()["other"]["id"]
                sockets = [f"{server}.sock", "keyboard"]
                if dom0 == "xcs":
                    sockets += ["xcs_socket", os.path.basename(machine.domains()["other"]["console"]["socket"])]
                for name in sockets:
                    with lingering_socket() as lingering, socket.socket(socket.AF_UNIX) as client:
                        client.connect(os.path.join(machine.directory, name))
                        send_last(client, b"x", lingering)
                        neighbour.check_echo()
                    neighbour.check_echo()
                # One packet of a guest, which ends the guest.
                machine.run("create", "evil", "--external", "--", sys.executable, __file__, check=0)
                eventually("the guest has crashed", lambda: machine.domains()["evil"]["crashed"])
                self.assertIn("descriptor that was not requested",
                              pathlib.Path(machine.directory, "xen.log").read_text())
                neighbour.check_echo()
                machine.run("create", "new", "--raw", "--", "cat", check=0)
                Console(machine, "new").close()
                neighbour.check_echo()
                neighbour.close()
                self.assertEqual(machine.domains()["other"]["id"], other)

    def test_a_guest_that_calls_all_the_time_leaves_the_serial_line_to_others(self):
        with Machine("--com1", "pty") as machine:
            line = os.open(os.path.join(machine.directory, "com1"), os.O_RDWR | os.O_NOCTTY)
            self.addCleanup(os.close, line)
            with subprocess.Popen([HOSTILE, machine.directory], stdout=subprocess.PIPE) as busy:
                self.addCleanup(busy.kill)
                self.assertEqual(busy.stdout.readline(), b"calls\n")
                for _ in range(20):
                    # Xen's own keys are served by the process that serves the calls.
                    os.write(line, b"\x01" * 3)
                    read_line_until(line, b"Serial input -> ")
                self.assertIsNone(busy.poll(), "the guest called until the end")
                busy.kill()

    def test_a_guest_starts_without_descriptors_of_other_processes(self):
        with Machine() as machine, tempfile.TemporaryFile() as secret:
            os.set_inheritable(secret.fileno(), True)
            for external in ((), ("--external",)):
                name = "external" if external else "inner"
                told = pathlib.Path(machine.directory, "told-" + name)
                script = f"readlink /proc/$$/fd/* >{told}.new; echo $$ >>{told}.new; mv {told}.new {told}; exec sleep 1000"
                with self.subTest(external=external):
                    machine.run("create", name, *external, "--", "sh", "-c", script, check=0, pass_fds=[secret.fileno()])
                    eventually("it has looked", told.exists)
                    pid = int(told.read_text().split()[-1])
                    told.unlink()
                    # An external guest has its own connection. sleep closes what it opens at first.
                    expected = {"0", "1", "2", "4"} if external else {"0", "1", "2"}
                    eventually("nothing else is open",
                               lambda: {entry.name for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir()} == expected)
                    links = [os.readlink(f"/proc/{machine.domains()[name]['process']}/fd/{number}")
                             for number in os.listdir(f"/proc/{machine.domains()[name]['process']}/fd")]
                    self.assertNotIn(os.readlink(f"/proc/self/fd/{secret.fileno()}"), links)

    def test_a_stopped_hypervisor_stops_no_console(self):
        for dom0, server in (("xcs", "xend"), ("xenctld", "xenctld")):
            with self.subTest(dom0=dom0), Machine("--dom0", dom0) as machine:
                for name in ("neighbour", "doomed"):
                    machine.run("create", name, "--raw", "--", "cat", check=0)
                neighbour = Console(machine, "neighbour")
                doomed = machine.domains()["doomed"]
                xen = machine.pid("xen")
                os.kill(xen, signal.SIGSTOP)
                eventually("xen is stopped", lambda: support.process_state(xen) == "T")
                with socket.socket(socket.AF_UNIX) as asking:
                    asking.connect(os.path.join(machine.directory, server + ".sock"))
                    # This daemon has to call the hypervisor for it.
                    asking.sendall(f"console {doomed['id']}\n".encode())
                    for _ in range(20):
                        neighbour.check_echo()
                    asking.setblocking(False)
                    self.assertRaises(BlockingIOError, asking.recv, 100)
                    os.kill(xen, signal.SIGCONT)
                    asking.setblocking(True)
                    self.assertTrue(asking.recv(100).startswith(b"ok "))
                for name in ("new", "newer"):
                    machine.run("create", name, "--raw", "--", "cat", check=0)
                self.assertEqual(set(machine.domains()), {"neighbour", "doomed", "new", "newer"})
                neighbour.check_echo()
                neighbour.close()


    def test_a_process_that_hides_is_found(self):
        """The process has another session, no environment, and no parent; only its descent shows its domain."""
        for external in ((), ("--external",)):
            with self.subTest(external=external), Machine() as machine, tempfile.TemporaryDirectory() as folder:
                told = pathlib.Path(folder, "pid")
                hide = f"env -i setsid sh -c 'echo $$ >{told}.new; mv {told}.new {told}; while :; do :; done' &"
                rest = "for i in 1 2 3 4 5; do (sleep 0 &); done; wait" if not external else ""
                machine.run("create", "evil", *external, "--", "sh", "-c",
                            f"({hide}) ; {rest}\nexec sleep 1000", check=0)
                eventually("it has told its number", told.exists)
                pid = int(told.read_text())
                machine.run("pause", "evil", check=0)
                eventually("it is stopped", lambda: support.process_state(pid) == "T")
                machine.run("unpause", "evil", check=0)
                eventually("it runs again", lambda: support.process_state(pid) == "R")
                if not external:
                    kernel = machine.domains()["evil"]["process"]
                    eventually("orphans are reaped", lambda: not zombies_of(kernel))
                    machine.run("destroy", "evil", check=0)
                else:
                    machine.run("down", check=0)
                eventually("it has ended", lambda: support.has_ended(pid))
                if external:
                    machine.run("up", "--console-port-base", "0", check=0)


if "RINGSIDE_CONNECTION" in os.environ:
    hostile_guest()
if __name__ == "__main__":
    support.main()

"""Programs with libringside act as a guest or as dom0's end: the C examples with ringside's own ends and with each other.
"""
import concurrent.futures
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import unittest

import support
from support import Machine, eventually

DOMU = os.environ["EXAMPLE_DOMU"]
DOM0_END = os.environ["EXAMPLE_DOM0_END"]
EVTCHN = os.environ["EXAMPLE_EVTCHN"]
DEVICES = os.environ["LIBRINGSIDE_DEVICES"]
USE = os.environ["LIBRINGSIDE_USE"]
BYTES = 4 << 20 if os.environ.get("RINGSIDE_LONG") == "1" else 1 << 20
SEED = int(os.environ.get("RINGSIDE_SEED", random.randrange(1 << 30)))
GREETING = b"Hello from a domU in C. I say what I am told.\r\n"
MESSAGE_BYTES_MAX = 60
ABIS = ("sring", "flat")
# Opens a device, makes it non-blocking by the ioctl that every file has, and ends without closing it.
ENDS_WITHOUT_CLOSING = """
import fcntl, os, struct, sys, termios
device = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(device, termios.FIONBIO, struct.pack("i", 1))
print("blocks:", os.get_blocking(device))
"""


class TcpEnd:
    """A viewer on xend's TCP port."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(support.PATIENCE_S)

    def write(self, data):
        self.socket.sendall(data)

    def read(self, limit):
        return self.socket.recv(limit)

    def close(self):
        self.socket.close()


class PipeEnd:
    """A program whose stdin and stdout are the console."""

    def __init__(self, *words, **more):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **more)

    def write(self, data):
        while data:
            data = data[self.process.stdin.write(data):]

    def read(self, limit):
        return self.process.stdout.read(limit)

    def close(self, ended=True):
        """`ended`: the program ends without a signal from this test."""
        self.process.stdin.close()
        self.process.stdout.close()
        if not ended:
            self.process.terminate()
        self.process.wait(support.PATIENCE_S)


def dom0_end(machine, name):
    return PipeEnd(DOM0_END, str(machine.domains()[name]["id"]), env=dict(os.environ, RINGSIDE_DIR=machine.directory))


def read_exactly(end, count):
    data = b""
    while len(data) < count:
        piece = end.read(min(65536, count - len(data)))
        if not piece:
            raise AssertionError(f"the console closed after {len(data)} of {count} bytes")
        data += piece
    return data


def read_until(end, text):
    seen = b""
    while not seen.endswith(text):
        seen += read_exactly(end, 1)


class Libringside(unittest.TestCase):
    def echo(self, machine, name, end, count=BYTES):
        """Random bytes, in pieces of random sizes, come back unchanged, although the domain is paused and unpaused halfway."""
        chance = random.Random(SEED)
        data = chance.randbytes(count)
        half = threading.Event()
        going = threading.Event()

        def send():
            at = 0
            while at < count:
                size = chance.randrange(4096)
                end.write(data[at:at + size])
                at += size
                if at > count // 2 and not half.is_set():
                    half.set()
                    going.wait(support.PATIENCE_S)

        def pause():
            half.wait(support.PATIENCE_S)
            machine.run("pause", name, check=0)
            self.assertTrue(machine.domains()[name]["paused"])
            going.set()
            machine.run("unpause", name, check=0)

        with concurrent.futures.ThreadPoolExecutor() as pool:
            tasks = [pool.submit(each) for each in (send, pause)]
            back = read_exactly(end, count)
            for task in tasks:
                task.result(support.PATIENCE_S)
        self.assertTrue(back == data, f"the bytes came back changed (seed {SEED})")

    def guest_in_c(self, machine, abi, *words):
        machine.run("create", "guest", "--abi", abi, *words, "--external", "--", DOMU, check=0)

    def our_guest(self, machine, abi, *words, program=("cat",)):
        machine.run("create", "guest", "--abi", abi, "--raw", *words, "--", *program, check=0)

    def test_a_domu_in_c_echoes_through_our_dom0(self):
        for abi in ABIS:
            with self.subTest(abi), Machine() as machine:
                self.guest_in_c(machine, abi)
                end = TcpEnd(machine.tcp_port("guest"))
                self.assertEqual(read_exactly(end, len(GREETING)), GREETING)
                self.echo(machine, "guest", end)
                end.close()

    def test_our_domu_echoes_through_a_dom0_end_in_c(self):
        for abi in ABIS:
            with self.subTest(abi), Machine() as machine:
                self.our_guest(machine, abi, "--no-console")
                end = dom0_end(machine, "guest")
                said = b""
                while not said.endswith(b"installed as tty1\r\n"):
                    said += read_exactly(end, 1)
                self.echo(machine, "guest", end)
                machine.run("destroy", "guest", check=0)
                end.close()

    def test_a_domu_in_c_echoes_through_a_dom0_end_in_c(self):
        for abi in ABIS:
            with self.subTest(abi), Machine() as machine:
                self.guest_in_c(machine, abi, "--no-console")
                end = dom0_end(machine, "guest")
                self.assertEqual(read_exactly(end, len(GREETING)), GREETING)
                self.echo(machine, "guest", end)
                machine.run("destroy", "guest", check=0)
                end.close()

    def test_console_and_socat_reach_a_domu_in_c(self):
        with Machine() as machine:
            self.guest_in_c(machine, "sring")
            end = PipeEnd("socat", "-", f"TCP:127.0.0.1:{machine.tcp_port('guest')}")
            self.assertEqual(read_exactly(end, len(GREETING)), GREETING)
            self.echo(machine, "guest", end, 100_000)
            end.close()
            end = eventually("the console is free again", lambda: self.console(machine))
            end.write(b"again")
            self.assertEqual(read_exactly(end, 5), b"again")
            end.close(ended=False)

    def console(self, machine):
        """`ringside console`, if it is accepted."""
        end = PipeEnd(support.RINGSIDE, "console", "guest", "--dir", machine.directory)
        end.write(b".")
        if end.read(1) == b".":
            return end
        end.close(ended=False)
        return None

    def test_a_domu_in_c_is_managed_like_any_other(self):
        with Machine() as machine:
            self.guest_in_c(machine, "sring")
            machine.run("shutdown", "guest", check=0)
            eventually("it has shut down and is gone", lambda: "guest" not in machine.domains())
            self.guest_in_c(machine, "sring", "--paused")
            self.assertTrue(machine.domains()["guest"]["paused"])
            machine.run("unpause", "guest", check=0)
            process = machine.domains()["guest"]["process"]
            eventually("it runs as the program itself", lambda: os.path.samefile(f"/proc/{process}/exe", DOMU))
            os.kill(process, signal.SIGKILL)
            eventually("it has crashed", lambda: machine.domains()["guest"]["crashed"])
            machine.run("destroy", "guest", check=0)
            self.assertNotIn("guest", machine.domains())

    def test_a_program_that_does_not_exist_leaves_no_domain(self):
        with Machine() as machine:
            said = machine.run("create", "none", "--external", "--", "./no-such-program", check=3).stderr
            self.assertIn(b"./no-such-program: there is no such program", said)
            self.assertNotIn("none", machine.domains())

    def test_a_guest_waits_for_a_dom0_end_that_comes_later(self):
        with Machine() as machine:
            self.guest_in_c(machine, "sring", "--no-console")
            machine.run("unpause", "guest", check=0)
            eventually("it runs", lambda: machine.domains()["guest"]["running"])
            end = dom0_end(machine, "guest")
            self.assertEqual(read_exactly(end, len(GREETING)), GREETING)
            machine.run("destroy", "guest", check=0)
            end.close()

    def test_a_killed_idle_dom0_end_is_replaced_without_loss(self):
        for in_c in (True, False):
            with self.subTest(in_c=in_c), Machine() as machine:
                if in_c:
                    self.guest_in_c(machine, "sring", "--no-console")
                else:
                    self.our_guest(machine, "sring", "--no-console", program=("sh", "-c", "echo up; exec cat"))
                end = dom0_end(machine, "guest")
                read_until(end, GREETING if in_c else b"\nup\n")
                for _ in range(5):
                    end.write(b"\n")
                    read_until(end, b"\n")
                    self.drain(machine, end)
                    end.process.kill()
                    end.close()
                    end = dom0_end(machine, "guest")
                    self.echo(machine, "guest", end, 20_000)
                machine.run("destroy", "guest", check=0)
                end.close()

    def test_a_guest_follows_its_console_to_another_port_of_dom0(self):
        for in_c in (True, False):
            with self.subTest(in_c=in_c), Machine() as machine:
                if in_c:
                    self.guest_in_c(machine, "sring", "--no-console")
                else:
                    self.our_guest(machine, "sring", "--no-console")
                end = dom0_end(machine, "guest")
                read_until(end, GREETING if in_c else b"installed as tty1\r\n")
                self.drain(machine, end)
                end.process.kill()
                end.close()
                there = dict(os.environ, RINGSIDE_DIR=machine.directory)
                subprocess.run([USE, "close", str(machine.domains()["guest"]["id"])], env=there, check=True,
                               timeout=support.PATIENCE_S)
                # The closed port is the lowest free one: another domain gets it.
                machine.run("create", "other", check=0)
                end = dom0_end(machine, "guest")
                end.write(b".")
                read_exactly(end, 1)  # the new end serves the console, and the guest has a new port
                self.echo(machine, "guest", end, 20_000)
                machine.run("destroy", "guest", check=0)
                end.close()

    def drain(self, machine, end):
        """Waits until every message is answered, so that nothing is in flight, and reads all output."""
        def all_answered():
            guest = machine.domains()["guest"]
            return guest["tx_requests"] == guest["rx_requests"] == 0
        eventually("the rings are empty", all_answered)
        os.set_blocking(end.process.stdout.fileno(), False)
        end.process.stdout.read(4096)
        os.set_blocking(end.process.stdout.fileno(), True)

    def test_a_dom0_end_killed_under_load_repeats_one_message_at_most(self):
        expected = b"".join(b"%d\n" % number for number in range(1, 100_001))
        chance = random.Random(SEED)
        with Machine() as machine:
            self.our_guest(machine, "sring", "--no-console", "--preserve", program=("seq", "100000"))
            seen = b""
            for _ in range(4):
                end = dom0_end(machine, "guest")
                part = b""
                # The first end also sees the boot messages.
                if not seen:
                    read_until(end, b"installed as tty1\r\n")
                part += read_exactly(end, chance.randrange(1, 100_000))
                end.process.kill()
                part += end.process.stdout.read()
                end.close()
                seen = self.joined(expected, seen, part)
            end = dom0_end(machine, "guest")
            part = b""
            while piece := end.read(65536):
                part += piece
            end.close()
            self.assertEqual(len(self.joined(expected, seen, part)), len(expected))

    def joined(self, expected, seen, part):
        """Joins two parts of `expected`: `part` begins at most one message before the end of `seen`."""
        for twice in range(MESSAGE_BYTES_MAX + 1):
            at = len(seen) - twice
            if at >= 0 and expected[at:at + len(part)] == part:
                return expected[:at + len(part)]
        raise AssertionError(f"after {len(seen)} bytes came {part[:80]!r} (seed {SEED})")

    def test_a_program_can_open_the_device_files_without_the_library(self):
        with Machine() as machine:
            there = dict(os.environ, RINGSIDE_DIR=machine.directory)
            preloaded = dict(there, LD_PRELOAD=DEVICES)
            self.our_guest(machine, "sring", "--no-console", program=("seq", "20000"))
            done = subprocess.run([EVTCHN, "1"], env=preloaded, capture_output=True, timeout=support.PATIENCE_S)
            said = done.stdout.partition(b"installed as tty1\r\n")[2]
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(said, b"".join(b"%d\n" % number for number in range(1, 20_001)))
            done = subprocess.run([EVTCHN, "0"], env=there, capture_output=True, timeout=support.PATIENCE_S)
            self.assertEqual(done.returncode, 1, "without LD_PRELOAD the files do not exist")
            for path in ("/dev/xen/evtchn", "/proc/xen/privcmd"):
                done = subprocess.run([sys.executable, "-c", ENDS_WITHOUT_CLOSING, path], env=preloaded, capture_output=True,
                                      timeout=support.PATIENCE_S)
                self.assertEqual((done.returncode, done.stdout), (0, b"blocks: False\n"), done.stderr)
            machine.run("down", check=0)
            done = subprocess.run(["head", "-c2", "/dev/xen/evtchn"], env=preloaded, capture_output=True, timeout=support.PATIENCE_S)
            self.assertIn(b"ringside: cannot open /dev/xen/evtchn: ", done.stderr)
            self.assertIn(b"no machine is running", done.stderr)

    def test_the_control_channel_of_dom0_is_served_like_any_other(self):
        with Machine() as machine:
            there = dict(os.environ, RINGSIDE_DIR=machine.directory, LD_PRELOAD=DEVICES)
            for _ in range(3):
                done = subprocess.run([EVTCHN, "0"], env=there, capture_output=True, timeout=support.PATIENCE_S)
                self.assertEqual((done.stderr, done.stdout), (b"", b"dom0 has answered 1\n"))
            # xcs can use it afterwards: it has the same channel.
            machine.run("sysrq", "0", "h", check=0)

    def test_an_event_device_is_open_while_its_domain_is_suspended(self):
        with Machine() as machine:
            machine.run("create", "user", "--preserve", "--external", "--", USE, "suspend", check=0)
            eventually("it is suspended", lambda: machine.domains()["user"]["reason"] == "suspend")
            machine.run("resume", "user", check=0)
            eventually("it has ended", lambda: machine.domains()["user"]["reason"] == "poweroff")
            with open(os.path.join(machine.directory, "dom1.log"), encoding="utf-8") as log:
                self.assertEqual(log.read(), "")

    def test_an_event_device_follows_a_new_channel(self):
        with Machine() as machine:
            self.our_guest(machine, "sring", "--no-console")
            there = dict(os.environ, RINGSIDE_DIR=machine.directory)
            done = subprocess.run([USE, "again", "1"], env=there, capture_output=True, timeout=support.PATIENCE_S)
            self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_each_call_succeeds_or_fails_with_its_errno(self):
        with Machine() as machine:
            there = dict(os.environ, RINGSIDE_DIR=machine.directory)
            done = subprocess.run([USE, "dom0"], env=there, capture_output=True, timeout=support.PATIENCE_S)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            machine.run("create", "user", "--preserve", "--external", "--", USE, "domu", check=0)
            eventually("the guest has ended", lambda: machine.domains()["user"]["reason"])
            number = machine.domains()["user"]["id"]
            with open(os.path.join(machine.directory, f"dom{number}.log"), encoding="utf-8") as log:
                self.assertEqual(log.read(), "")
            self.assertTrue(machine.domains()["user"]["shutdown"])
            nowhere = dict(os.environ, RINGSIDE_DIR=machine.directory + "/nowhere")
            done = subprocess.run([USE, "dom0"], env=nowhere, capture_output=True, timeout=support.PATIENCE_S)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"no machine is running", done.stderr)

    def test_the_command_line_honours_the_directory_of_the_environment(self):
        with Machine() as machine:
            there = dict(os.environ, RINGSIDE_DIR=machine.directory)
            self.assertIn(b"Domain-0", support.run("list", check=0, env=there).stdout)


if __name__ == "__main__":
    print(f"seed {SEED}", flush=True)
    support.main()

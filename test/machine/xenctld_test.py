"""xenctld with real processes: common programs attach to its ptys, files and fifos, and nothing is lost."""
import array
import fcntl
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import tempfile
import termios
import unittest

import support
from support import Machine, RINGSIDE, eventually, run


def leads_to(link):
    """The target of the link; None without one: it comes and goes with its daemon."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return None


class Reader:
    """socat on a domain's pty, as a user would start it."""

    def __init__(self, path):
        self.process = subprocess.Popen(["socat", "-", f"file:{path},raw,echo=0"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.seen = b""

    def read_until(self, text):
        while text not in self.seen:
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                raise AssertionError(f"the pty ended after {self.seen[-200:]!r}")
            self.seen += piece

    def type(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def read_to_end(self):
        self.seen += self.process.stdout.read()
        self.process.stdout.close()
        self.process.stdin.close()
        self.process.wait()
        return self.seen

    def __del__(self):
        if not self.process.stdout.closed:
            self.process.kill()
            self.read_to_end()

    def leave(self):
        """Stops reading; returns everything that was read."""
        self.process.terminate()
        return self.read_to_end()


class Terminal:
    """A program in tmux, used as by a user."""

    def __init__(self, directory, *words):
        self.socket = os.path.join(directory, "tmux")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", shlex.join(words))

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True,
                              env=os.environ | {"TERM": "screen", "LC_ALL": "C.UTF-8"})
        return done.stdout

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def wait_for(self, text):
        eventually(f"{text!r} is on the screen of: {self.tmux('capture-pane', '-p')}",
                   lambda: text in self.tmux("capture-pane", "-p"))

    def close(self):
        self.tmux("kill-server")


def numbers(first, last):
    return b"".join(b"%d\r\n" % number for number in range(first, last + 1))


class Xenctld(unittest.TestCase):
    def setUp(self):
        self.machine = Machine("--dom0", "xenctld").__enter__()
        self.addCleanup(self.machine.__exit__, None, None, None)
        self.directory = tempfile.mkdtemp(prefix="rs-t-")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory])

    def create(self, name, *words):
        self.machine.run("create", name, *words, check=0)
        return self.pty(name)

    def pty(self, name):
        return os.path.join(self.machine.directory, f"pty-{self.machine.domains()[name]['id']}")

    def path(self, name):
        return os.path.join(self.directory, name)

    def console_line(self, name):
        """The name of its pty, as list prints it; "-" if it is unknown."""
        console = self.machine.domains()[name]["console"]
        return os.path.basename(console["pty"]) if console else "-"

    def status(self, name):
        """The state of a console in xenctld: waiting, connected or attached."""
        return self.console_words(name)[3]

    def console_words(self, name):
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(os.path.join(self.machine.directory, "xenctld.sock"))
            asking.sendall(b"consoles\n")
            lines = asking.recv(4096).decode().splitlines()[1:]
        return {line.split()[0]: line.split() for line in lines}[str(self.machine.domains()[name]["id"])]

    def talk(self, pty, line):
        """Types a line and closes, as a script does."""
        with open(pty, "wb", buffering=0) as typed:
            typed.write(line)

    def test_socat_types_a_command_and_sees_the_answer_on_both_abis(self):
        for abi in ("sring", "flat"):
            pty = self.create(abi, "--abi", abi)
            self.assertEqual(self.console_line(abi), os.path.basename(pty))
            person = Reader(pty)
            person.read_until(b"$ ")
            person.type(b"hostname\n")
            # Waits for the prompt: bytes typed before it are echoed before it.
            person.read_until(f"hostname\r\n{abi}\r\n{abi}$ ".encode())
            person.type(b"exit\n")
            self.assertEqual(person.read_to_end()[-len(b"$ exit\r\n"):], b"$ exit\r\n")
            eventually("the domain is gone", lambda: abi not in self.machine.domains())
            eventually("so is its pty", lambda: not os.path.islink(pty))

    def test_no_byte_is_lost_while_readers_change(self):
        pty = self.create("busy", "--raw", "--preserve", "--",
                          "sh", "-c", "read go; seq 1 60000 | sed 's/$/\\r/'; read go; echo end")
        self.talk(pty, b"go\n")
        seen = b""
        for stop in range(3000, 400_000, 20_000):
            seen += self.read_some(pty, stop - len(seen))
        reader = Reader(pty)
        reader.read_until(b"60000\r\n")
        boot, announced, printed = (seen + reader.seen).partition(b"successfully installed as tty1")
        self.assertTrue(announced, boot)
        self.assertEqual(printed.lstrip(b"\r\n"), numbers(1, 60000))
        self.talk(pty, b"go\n")
        # The guest has ended: its reader gets the rest, and is disconnected.
        self.assertTrue(reader.read_to_end().endswith(b"end\n"))

    def read_some(self, pty, count):
        """Opens a pty, reads at least that much and closes when everything that it read has been answered: a killed
        program may have read bytes that it has not passed on."""
        fd = os.open(pty, os.O_RDWR | os.O_NOCTTY)
        seen = b""
        while len(seen) < count:
            piece = os.read(fd, 1000)
            self.assertTrue(piece, f"hung up after {seen[-100:]!r}")
            seen += piece
        os.close(fd)
        return seen

    def test_screen_and_minicom(self):
        pty = self.create("web")
        for words, leave, asked, yes in ((["screen", pty], "\\", "Really quit", "y"),
                                         (["minicom", "-o", "-D", pty], "x", "Leave Minicom?", "Enter")):
            terminal = Terminal(self.directory, *words)
            self.addCleanup(terminal.close)
            eventually("a process has the pty open",
                       lambda: self.status("web") == "connected")
            terminal.type("echo", "Space", "seen-by-" + words[0], "Enter")
            terminal.wait_for("\nseen-by-" + words[0])
            before = os.readlink(pty)
            terminal.type("C-a", leave)
            terminal.wait_for(asked)
            terminal.type(yes)
            eventually("it has left", lambda: not terminal.tmux("list-sessions"))
            terminal.close()
            eventually("the pty is a new one", lambda: leads_to(pty) not in (None, before))
            # Later output waits for the next reader.
            self.talk(pty, b"echo after-" + words[0].encode() + b"\n")
            reader = Reader(pty)
            reader.read_until(b"\r\nafter-" + words[0].encode())
            reader.leave()

    def test_ringside_console_opens_the_pty(self):
        self.create("web")
        terminal = Terminal(self.directory, RINGSIDE, "console", "--pty", "web", "--dir", self.machine.directory)
        self.addCleanup(terminal.close)
        terminal.wait_for("web$")
        terminal.type("hostname", "Enter")
        terminal.wait_for("\nweb\n")
        terminal.type("C-]")
        eventually("it has left", lambda: not terminal.tmux("list-sessions"))

    def test_a_file_gets_the_queue_and_all_later_output(self):
        pty = self.create("web")
        log = self.path("a log")
        pathlib.Path(log).write_text("kept\n")
        self.machine.run("attach", "web", "a log", cwd=self.directory, check=0)
        self.assertFalse(os.path.islink(pty))
        eventually("the queue is in the file", lambda: "web$" in pathlib.Path(log).read_text())
        self.assertTrue(pathlib.Path(log).read_text().startswith("kept\n"))
        self.assertEqual(self.machine.run("console", "web").returncode, 3)
        self.machine.run("detach", "web", check=0)
        size = os.path.getsize(log)
        self.talk(pty, b"echo for-the-pty\n")
        reader = Reader(pty)
        reader.read_until(b"\r\nfor-the-pty")
        reader.leave()
        self.assertEqual(os.path.getsize(log), size)

    def test_a_console_moves_to_two_fifos_and_back_to_its_pty(self):
        pty = self.create("web")
        for name in ("in", "out"):
            os.mkfifo(self.path(name))
        self.machine.run("attach", "web", self.path("out"), "--input", self.path("in"), check=0)
        with open(self.path("in"), "wb", buffering=0) as typed, open(self.path("out"), "rb", buffering=0) as shown:
            self.read_until(shown, b"web$")
            typed.write(b"echo through-fifos\n")
            self.read_until(shown, b"\r\nthrough-fifos\r\nweb$")
            typed.write(b"echo not-read\n")
            eventually("the fifo holds it", lambda: self.fifo_bytes(shown) > len("echo not-read\r\nnot-read\r\n"))
            self.machine.run("detach", "web", check=0)
        reader = Reader(pty)
        reader.read_until(b"\r\nnot-read\r\n")
        reader.leave()

    @staticmethod
    def read_until(stream, text):
        seen = b""
        while text not in seen:
            seen += stream.read(4096)

    @staticmethod
    def fifo_bytes(stream):
        count = array.array("i", [0])
        fcntl.ioctl(stream, termios.FIONREAD, count)
        return count[0]

    def test_a_file_that_cannot_be_attached_is_an_error(self):
        self.create("web")
        for words, why in ((("attach", "web", "/nowhere/at/all"), "No such file or directory"),
                           (("attach", "web", self.directory), "it is a directory"),
                           (("detach", "web"), "no file is attached"),
                           (("attach", "unknown", "/dev/null"), "unknown")):
            done = self.machine.run(*words)
            self.assertEqual(done.returncode, 3, words)
            self.assertIn(why, done.stderr.decode())
        with Machine() as other:
            other.run("create", "web", check=0)
            for words in (("attach", "web", "/dev/null"), ("detach", "web"), ("console", "web", "--pty")):
                done = other.run(*words)
                self.assertEqual(done.returncode, 3, words)
                self.assertIn("this machine runs xcs and xend", done.stderr.decode())

    def kill_xenctld(self):
        pid = self.machine.pid("xenctld")
        os.kill(pid, signal.SIGKILL)
        eventually("xenctld has released its files", lambda: support.has_ended(pid))

    def start_xenctld(self):
        log = open(os.path.join(self.machine.directory, "xenctld.log"), "ab")
        again = subprocess.Popen([RINGSIDE, "xenctld", "--dir", self.machine.directory], stderr=log)
        self.addCleanup(log.close)
        self.addCleanup(again.wait)
        self.addCleanup(again.terminate)

    def test_killed_during_input_and_output_every_byte_arrives_once(self):
        gate = self.path("gate")
        os.mkfifo(gate)
        typed = b"".join(b"%d " % number for number in range(2000))[:3500]
        for abi in ("sring", "flat"):
            pty = self.create(abi, "--abi", abi, "--raw", "--preserve", "--", "sh", "-c",
                              f"seq 1 100000; read go < '{gate}'; head -c {len(typed)}; echo; echo end")
            before = os.readlink(pty)
            self.talk(pty, typed)
            eventually("xenctld has read the input", lambda: leads_to(pty) not in (None, before))
            for queued in (20_000, 60_000, 140_000):
                eventually("something was printed", lambda: int(self.console_words(abi)[4]) >= queued)
                self.kill_xenctld()
                self.start_xenctld()
                eventually("it serves", lambda: self.console_line(abi) == os.path.basename(pty))
            with open(gate, "w") as opened:
                opened.write("go\n")
            eventually("the guest has ended", lambda: self.machine.domains()[abi]["shutdown"])
            boot, announced, printed = Reader(pty).read_to_end().partition(b"successfully installed as tty1")
            self.assertTrue(announced, boot)
            counted = b"".join(b"%d\n" % number for number in range(1, 100_001))
            self.assertEqual(printed.lstrip(b"\r\n"), counted + typed + b"\nend\n")
            self.machine.run("destroy", abi, check=0)

    def test_a_shell_is_suspended_and_resumed_with_its_reader_and_over_a_kill(self):
        for abi in ("sring", "flat"):
            pty = self.create(abi, "--abi", abi)
            person = Reader(pty)
            person.read_until(b"$ ")
            for round_number in range(3):
                self.machine.run("suspend", abi, check=0)
                self.assertEqual(self.machine.domains()[abi]["reason"], "suspend")
                person.type(b"echo meanwhile-%d\n" % round_number)
                self.machine.run("resume", abi, check=0)
                person.read_until(b"\r\nmeanwhile-%d\r\n" % round_number)
            person.leave()
            self.machine.run("suspend", abi, check=0)
            before = os.readlink(pty)
            self.talk(pty, b"echo after-the-kill\n")
            eventually("xenctld has read the input", lambda: leads_to(pty) not in (None, before))
            self.status(abi)  # xenctld has recorded the input before it answers
            self.kill_xenctld()
            self.start_xenctld()
            eventually("it serves", lambda: self.console_line(abi) == os.path.basename(pty))
            self.machine.run("resume", abi, check=0)
            reader = Reader(pty)
            reader.read_until(b"\r\nafter-the-kill\r\n")
            self.assertEqual(reader.leave().count(b"\r\nafter-the-kill\r\n"), 1)
            os.kill(self.machine.domains()[abi]["process"], signal.SIGSEGV)
            last = Reader(pty).read_to_end()
            self.assertIn(f"[ringside] domain {abi} crashed: killed by signal 11 (SIGSEGV)\r\n".encode(), last)
            self.machine.run("destroy", abi, check=0)

    def test_killed_and_started_again_the_consoles_continue(self):
        ptys = [self.create("one"), self.create("two", "--abi", "flat")]
        for pty in ptys:
            reader = Reader(pty)
            reader.read_until(b"$")
            reader.leave()
        self.kill_xenctld()
        self.assertEqual(self.console_line("two"), "-")
        self.start_xenctld()
        eventually("it serves", lambda: self.console_line("two") == os.path.basename(ptys[1]))
        for pty in ptys:
            self.talk(pty, b"echo gone-on\n")
            reader = Reader(pty)
            reader.read_until(b"\r\ngone-on\r\n")
            reader.leave()
        self.machine.run("sysrq", "one", "h", check=0)
        for name in ("one", "two"):
            self.machine.run("shutdown", name, check=0)
            eventually(f"{name} is gone", lambda: name not in self.machine.domains())


class Limit(unittest.TestCase):
    def test_the_oldest_output_is_discarded_with_a_warning(self):
        with Machine("--dom0", "xenctld", "--queue-limit", "1000") as machine:
            machine.run("create", "busy", "--raw", "--preserve", "--",
                        "sh", "-c", "seq 1 100000; echo end", check=0)
            eventually("the guest has not waited", lambda: machine.domains()["busy"]["shutdown"])
            reader = Reader(os.path.join(machine.directory, "pty-1"))
            seen = reader.read_to_end()
            self.assertEqual(len(seen), 1000)
            self.assertTrue(seen.endswith(b"\n99999\n100000\nend\n"), seen[-40:])
            log = pathlib.Path(machine.directory, "xenctld.log").read_text()
            self.assertEqual(log.count("output is discarded: domain 1: more than 1000 bytes"), 1)


class Exec(unittest.TestCase):
    def test_a_program_behaves_under_xenctld_as_under_xend(self):
        blob = os.urandom(300_000)
        done = run("exec", "--dom0", "xenctld", "--raw", "--", "sh", "-c", f"head -c {len(blob)}; exit 7", stdin=blob)
        self.assertEqual(done.returncode, 7)
        self.assertEqual(done.stdout, blob)


if __name__ == "__main__":
    support.main()

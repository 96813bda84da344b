"""Real clients at a console: a user in tmux, telnet, socat, a second viewer."""
import itertools
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest

import support
from support import Machine, RINGSIDE, eventually, needed


class Tmux:
    """A terminal of 80 x 24 in which a user types."""

    def __init__(self, command):
        self.folder = tempfile.TemporaryDirectory(prefix="rs-")
        self.socket = os.path.join(self.folder.name, "tmux")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", command)

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, timeout=support.PATIENCE_S)

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self):
        return self.tmux("capture-pane", "-p").stdout.decode(errors="replace")

    def wait_for(self, pattern):
        try:
            return eventually(pattern, lambda: re.search(pattern, self.screen(), re.MULTILINE))
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen shows:\n{self.screen()}") from None

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self):
        self.tmux("kill-server")
        eventually("tmux has gone", lambda: not support.processes_with(self.socket.encode()))
        self.folder.cleanup()


@needed("tmux")
class ConsoleInTmux(unittest.TestCase):
    def setUp(self):
        self.machine = Machine().__enter__()
        self.addCleanup(lambda: self.machine.__exit__(None))
        self.machine.run("create", "web", "--", "/bin/sh", check=0)
        self.terminal = Tmux(f"{RINGSIDE} console web --dir {self.machine.directory}; echo status $?; exec sleep 1000")
        self.addCleanup(self.terminal.close)
        self.terminal.wait_for(r"REMOTE CONSOLE")

    def test_a_shell_is_usable(self):
        terminal = self.terminal
        terminal.keys("PS1='guest> '", "Enter")
        terminal.wait_for(r"^guest>\s*$")
        terminal.keys("echo one tow", "BSpace", "BSpace", "wo", "Enter")
        terminal.wait_for(r"^one two$")
        # The text comes from the program itself, so the program is in the foreground.
        terminal.keys("sh -c 'echo asl''eep; exec sleep 1000'", "Enter")
        terminal.wait_for(r"^asleep$")
        terminal.keys("C-c")
        terminal.wait_for(r"\^C\s*\nguest>\s*$")
        terminal.keys("stty size", "Enter")
        terminal.wait_for(r"^24 80$")
        terminal.resize(100, 30)
        eventually("the guest's window follows", self.window_is("30 100"))

    def window_is(self, size):
        asked = 0

        def asks():
            nonlocal asked
            asked += 1
            # The answer is complete once the program has printed the number of the question.
            self.terminal.keys(f"stty size; echo answer {asked}", "Enter")
            self.terminal.wait_for(rf"^answer {asked}$")
            return re.search(rf"^{size}\nanswer {asked}$", self.terminal.screen(), re.MULTILINE)
        return asks

    @staticmethod
    def text_of(path):
        try:
            with open(path) as file:
                return file.read()
        except FileNotFoundError:
            return None

    @needed("vi", "vim-tiny")
    def test_vi_edits_a_file(self):
        path = os.path.join(self.machine.parent, "poem")
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        terminal = self.terminal
        terminal.keys(f"TERM=xterm vi {path}", "Enter")
        terminal.wait_for(r"^~")
        terminal.keys("i", "hello from vi", "Escape")
        terminal.wait_for(r"^hello from vi")
        terminal.keys(":wq", "Enter")
        eventually("vi has written the file", lambda: self.text_of(path) == "hello from vi\n")
        # vi removes its temporary file a moment later.
        eventually("vi has left", lambda: sorted(os.listdir(self.machine.parent)) == ["m", "poem"])
        os.unlink(path)

    def test_ctrl_bracket_leaves_and_the_guest_goes_on(self):
        terminal = self.terminal
        terminal.keys("X=kept; echo it is kept", "Enter")
        terminal.wait_for(r"^it is kept")
        terminal.keys("C-]")
        terminal.wait_for(r"left the console")
        terminal.wait_for(r"status 0")
        self.machine.wait_until_viewer_has_left("web")
        again = Tmux(f"{RINGSIDE} console web --dir {self.machine.directory}")
        self.addCleanup(again.close)
        again.wait_for(r"REMOTE CONSOLE")
        again.keys("echo $X", "Enter")
        again.wait_for(r"^kept$")

    def test_a_second_viewer_is_refused(self):
        done = self.machine.run("console", "web", check=3)
        self.assertIn("no console: domain 1: it has a viewer already (ringside console --take disconnects it)", done.stderr.decode())
        other = socket.create_connection(("127.0.0.1", self.machine.tcp_port("web")))
        seen = b""
        while piece := other.recv(100):
            seen += piece
        other.close()
        self.assertRegex(seen.decode(), r"^Cannot connect to console \d+ on domain 1\n$")

    def test_a_viewer_that_hangs_can_be_replaced(self):
        terminal = self.terminal
        terminal.keys("X=kept; echo it is kept", "Enter")
        terminal.wait_for(r"^it is kept")
        again = Tmux(f"{RINGSIDE} console web --take --escape ^A --dir {self.machine.directory}; echo status $?; exec sleep 1000")
        self.addCleanup(again.close)
        terminal.wait_for(r"the console was closed")
        again.wait_for(r"REMOTE CONSOLE of domain 1, web: Ctrl-A leaves")
        again.keys("echo $X", "Enter")
        again.wait_for(r"^kept$")
        again.keys("C-a")
        again.wait_for(r"status 0")

    def test_a_console_within_a_console_is_left_by_the_key_pressed_twice(self):
        terminal = self.terminal
        self.machine.run("create", "inner", check=0)
        terminal.keys(f"{RINGSIDE} console inner --dir {self.machine.directory}", "Enter")
        terminal.wait_for(r"REMOTE CONSOLE of domain 2")
        terminal.keys("C-]", "C-]")
        terminal.wait_for(r"left the console.*\n#$")
        terminal.keys("echo I am ''web", "Enter")
        terminal.wait_for(r"^I am web")
        terminal.keys("C-]")
        terminal.wait_for(r"status 0")

    def test_a_stopped_command_gives_the_terminal_to_the_shell_and_takes_it_again(self):
        terminal = self.terminal
        terminal.close()
        self.machine.wait_until_viewer_has_left("web")
        shell = Tmux("PS1='shell> ' bash --norc -i")
        self.addCleanup(shell.close)
        for (command, ready), background in itertools.product(
                (("console web", r"REMOTE CONSOLE"), ("uart", r"serial line"), ("watch web", r"dom1")), (False, True)):
            with self.subTest(command=command, background=background):
                shell.keys("clear", "Enter")
                shell.keys(f"{RINGSIDE} {command} --dir {self.machine.directory}{' &' if background else ''}", "Enter")
                words = "\0".join([RINGSIDE, *command.split(), "--dir", self.machine.directory])
                pid = eventually("it runs", lambda: next(iter(support.processes_with(words.encode())), None))
                if background:  # the system stops it when it reads from the terminal, or sets its mode
                    eventually("it is stopped", lambda: support.process_state(pid) == "T")
                    shell.keys("jobs", "Enter")
                else:
                    shell.wait_for(ready)
                    os.kill(pid, signal.SIGTSTP)
                shell.wait_for(r"Stopped")
                shell.keys("stty -a | tr ' ;' '\\n' | grep -x -e -*icanon", "Enter")
                shell.wait_for(r"^icanon")
                shell.keys("fg", "Enter")
                if command == "watch web":
                    shell.wait_for(ready)
                    shell.keys("q")
                elif command == "uart":
                    shell.keys("", "Enter")
                    shell.keys("C-]")
                else:
                    shell.keys("echo back ''again", "Enter")
                    shell.wait_for(r"^back again")
                    shell.keys("C-]")
                shell.wait_for(r"^shell>\s*$")


class Clients(unittest.TestCase):
    def setUp(self):
        self.machine = Machine().__enter__()
        self.addCleanup(lambda: self.machine.__exit__(None))

    def test_the_status_of_an_interrupted_viewer_shows_the_signal(self):
        self.machine.run("create", "web", "--", "sh", "-c", "while :; do echo up; sleep 0.2; done", check=0)
        for command in (["console", "web"], ["uart"]):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
                with self.subTest(command=command, signal=number):
                    viewer = subprocess.Popen([RINGSIDE, *command, "--dir", self.machine.directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                    if command == ["uart"]:
                        viewer.stdin.write(b"\r")
                        viewer.stdin.flush()
                    viewer.stdout.read(1)  # after its first output it has its signal handlers
                    viewer.send_signal(number)
                    viewer.communicate(timeout=support.PATIENCE_S)
                    self.assertEqual(viewer.returncode, 128 + number)
                    if command != ["uart"]:
                        self.machine.wait_until_viewer_has_left("web")

    @needed("telnet")
    @needed("tmux")
    def test_a_user_with_telnet_edits_interrupts_and_resizes(self):
        """At the telnet port without settings, and at the raw port in character mode: no key is doubled or lost, and
        the window follows."""
        self.machine.run("create", "web", "--", "/bin/sh", check=0)
        console = self.machine.domains()["web"]["console"]
        for port, characters in ((console["telnet_port"], False), (console["tcp_port"], True)):
            with self.subTest(port=port):
                terminal = Tmux(f"telnet localhost {port}; exec sleep 1000")
                self.addCleanup(terminal.close)
                terminal.wait_for(r"Escape character")
                if characters:
                    terminal.keys("C-]")
                    terminal.wait_for(r"^telnet>")
                    terminal.keys("mode character", "Enter")
                terminal.keys("PS1='guest> '", "Enter")
                terminal.wait_for(r"^guest>\s*$")
                terminal.keys("echo one tow", "BSpace", "BSpace", "wo", "Enter")
                terminal.wait_for(r"^guest> echo one two\none two\nguest>\s*$")
                terminal.keys("sh -c 'echo asl''eep; exec sleep 1000'", "Enter")
                terminal.wait_for(r"^asleep$")
                terminal.keys("C-c")
                terminal.wait_for(r"\^C\s*\nguest>\s*$")
                terminal.resize(100, 30)
                eventually("the guest's window follows", lambda: self.window_of(terminal) == "30 100")
                terminal.keys("C-]")
                terminal.wait_for(r"^telnet>")
                terminal.keys("quit", "Enter")
                terminal.wait_for(r"Connection closed")
                self.machine.wait_until_viewer_has_left("web")

    @needed("telnet")
    @needed("tmux")
    def test_ctrl_c_in_telnet_at_the_raw_port_blocks_no_output(self):
        """telnet sends commands for Ctrl-C, and discards all output until the last command is answered."""
        self.machine.run("create", "web", "--", "/bin/sh", check=0)
        terminal = Tmux(f"telnet localhost {self.machine.tcp_port('web')}; exec sleep 1000")
        self.addCleanup(terminal.close)
        terminal.wait_for(r"Escape character")
        terminal.keys("sh -c 'echo asl''eep; exec sleep 1000'", "Enter")
        terminal.wait_for(r"^asleep\s*$")
        terminal.keys("C-c")
        terminal.keys("echo $((6*8))", "Enter")
        terminal.wait_for(r"^48\s*$")

    def test_urgent_bytes_stay_in_their_place(self):
        """As other telnet clients send Ctrl-C: IP, and a data mark of which the second byte is urgent."""
        self.machine.run("create", "cat", "--raw", "--", "cat", check=0)
        with socket.create_connection(("127.0.0.1", self.machine.domains()["cat"]["console"]["telnet_port"])) as client:
            client.settimeout(support.PATIENCE_S)
            client.sendall(b"\xff\xf4\xff")
            client.send(b"\xf2", socket.MSG_OOB)
            client.sendall(b"abc")
            seen = b""
            while not seen.endswith(b"abc"):
                piece = client.recv(4096)
                self.assertTrue(piece, seen)
                seen += piece
            self.assertTrue(seen.endswith(b"\x03abc"), seen)

    @staticmethod
    def window_of(terminal):
        terminal.keys("clear; echo size $(stty size).", "Enter")
        return terminal.wait_for(r"^size (\d+ \d+)\.$")[1]

    @needed("telnet")
    def test_every_byte_reaches_a_telnet_client(self):
        every = bytes(range(256))
        path = os.path.join(self.machine.parent, "every")
        with open(path, "wb") as file:
            file.write(every * 40)
        self.addCleanup(os.unlink, path)
        self.machine.run("create", "cat", "--raw", "--", "sh", "-c", f"head -c 1 >/dev/null; cat {path}; exec sleep 1000", check=0)
        telnet = subprocess.Popen(["telnet", "localhost", str(self.machine.domains()["cat"]["console"]["telnet_port"])],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        telnet.stdin.write(b"g")
        telnet.stdin.flush()
        seen = b""
        while len(seen.split(b"tty1\r\n")[-1]) < len(every) * 40:
            piece = telnet.stdout.read1(4096)
            self.assertTrue(piece, seen)
            seen += piece
        self.assertEqual(seen.split(b"tty1\r\n")[-1], every * 40)
        telnet.kill()
        telnet.wait()
        telnet.stdin.close()
        telnet.stdout.close()

    @needed("telnet")
    def test_telnet_reaches_a_console(self):
        self.machine.run("create", "web", check=0)
        port = self.machine.domains()["web"]["console"]["telnet_port"]
        telnet = subprocess.Popen(["telnet", "localhost", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        telnet.stdin.write(b"uname\r\n")
        telnet.stdin.flush()
        seen = b""
        while b"Linux" not in seen.split(b"small shell")[-1]:
            piece = telnet.stdout.read1(4096)
            self.assertTrue(piece, seen)
            seen += piece
        telnet.kill()
        telnet.wait()
        telnet.stdin.close()
        telnet.stdout.close()

    @needed("socat")
    def test_socat_reaches_a_console_by_tcp_and_by_unix_socket(self):
        self.machine.run("create", "cat", "--raw", "--", "cat", check=0)
        port = self.machine.tcp_port("cat")
        for address in (f"TCP:127.0.0.1:{port}", f"UNIX-CONNECT:{self.machine.directory}/console-{port}"):
            socat = subprocess.Popen(["socat", "-", address], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            data = b"\0" + os.urandom(20_000)  # it does not begin as telnet does
            socat.stdin.write(data)
            socat.stdin.flush()
            seen = b""
            if address.startswith("TCP"):
                while b"tty1\r\n" not in seen:
                    seen += socat.stdout.read1(65536)
                seen = seen.split(b"tty1\r\n", 1)[1]
            while len(seen) < len(data):
                piece = socat.stdout.read1(65536)
                self.assertTrue(piece)
                seen += piece
            self.assertTrue(seen == data, address)
            socat.kill()
            socat.wait()
            socat.stdin.close()
            socat.stdout.close()
            self.machine.wait_until_viewer_has_left("cat")

    def test_a_viewer_that_does_not_read_stops_the_program_and_no_byte_is_lost(self):
        self.machine.run("create", "noisy", "--paused", "--raw", "--", "seq", "1", "150000", check=0)
        self.machine.run("create", "quiet", check=0)
        # A unix socket: the kernel holds far less for it than the program prints.
        viewer = socket.socket(socket.AF_UNIX)
        self.addCleanup(viewer.close)
        viewer.connect(f"{self.machine.directory}/console-{self.machine.tcp_port('noisy')}")
        self.machine.run("unpause", "noisy", check=0)
        # Meanwhile the other domain is served.
        other = socket.create_connection(("127.0.0.1", self.machine.tcp_port("quiet")))
        other.sendall(b"uname\n")
        seen = b""
        while not seen.endswith(b"Linux\r\nquiet$ "):
            piece = other.recv(4096)
            self.assertTrue(piece, seen)
            seen += piece
        other.close()
        self.assertIn("noisy", self.machine.domains())
        seen = b""
        while piece := viewer.recv(65536):
            seen += piece
        viewer.close()
        lines = seen.split(b"tty1\r\n", 1)[1].split()
        self.assertEqual(len(lines), 150_000)
        self.assertEqual(lines, [str(n).encode() for n in range(1, 150_001)])

    def test_output_waits_for_a_viewer_and_the_oldest_is_discarded(self):
        done = os.path.join(self.machine.parent, "done")
        self.machine.run("create", "noisy", "--raw", "--", "sh", "-c",
                         f"seq 1 100000; touch {done}; exec sleep 1000", check=0)
        eventually("the program has printed all", lambda: os.path.exists(done))
        os.unlink(done)
        viewer = socket.create_connection(("127.0.0.1", self.machine.tcp_port("noisy")))
        seen = b""
        while not seen.endswith(b"\n100000\n"):
            piece = viewer.recv(65536)
            self.assertTrue(piece, seen[-100:])
            seen += piece
        viewer.close()
        numbers = [int(line) for line in seen.split(b"\n")[1:-1]]
        self.assertEqual(numbers, list(range(numbers[0], 100_001)))
        # Queued bytes, and bytes that were in flight when the viewer came.
        self.assertLess(len(seen), 65_536 + 4_096 + 4_096 + 65_536)
        self.assertGreater(numbers[0], 1)


if __name__ == "__main__":
    support.main()

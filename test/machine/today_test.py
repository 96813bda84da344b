"""Domains whose console is today's, served by Debian's own xenstored and xenconsoled, beside domains of 2005."""
import base64
import fcntl
import json
import os
import pathlib
import pty
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import tty
import unittest
import zlib

import support
from dump_test import Dump
from support import Machine, RINGSIDE, eventually, has_ended, kill_daemon, pid_of, run

PACKAGES = "apt-get install xen-utils-4.17 xenstore-utils"
PROGRAMS = list(pathlib.Path("/usr/lib").glob("xen-*/bin"))
HOSTILE = os.environ.get("HOSTILE_TODAY")
LONG = os.environ.get("RINGSIDE_LONG") == "1"
BYTES = 1 << 20


def modern(machine, *command, check=0, **more):
    return machine.run("modern", "--", *command, check=check, **more).stdout.decode()


def node(machine, path):
    """The value of a node; empty if there is none."""
    done = machine.run("modern", "--", "xenstore-read", path)
    return done.stdout.decode().rstrip("\n") if done.returncode == 0 else ""


def create(machine, name, *command, options=()):
    machine.run("create", name, "--console", "today", *options, "--", *command, check=0)
    return machine.domains()[name]


class Viewer:
    """A program on a terminal of its own, as a user starts it."""

    def __init__(self, *command, **more):
        master, slave = pty.openpty()
        tty.setraw(slave)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, **more)
        os.close(slave)
        self.master = master
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def until(self, text):
        """Reads until `text` has come; what came before it is forgotten."""
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], support.PATIENCE_S)
            if not ready:
                raise AssertionError(f"{text!r} did not come: {self.seen!r}")
            self.seen += os.read(self.master, 65536)
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def type(self, text):
        os.write(self.master, text)

    def ask(self, question, answer):
        self.type(question)
        self.until(answer)


class XlConsole(Viewer):
    """xenconsole has a lock file for each number of a domain, whatever its machine, and leaves it behind. Here one test at a
    time uses it, and removes what is new, since other users could not open it."""

    def __init__(self, machine, name):
        self.lock = os.open("/var/lock", os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.present = set(pathlib.Path("/var/lock").glob("xenconsole.*"))
        super().__init__(RINGSIDE, "modern", "--dir", machine.directory, "--", "xl", "console", name)

    def __exit__(self, *more):
        super().__exit__(*more)
        for left in set(pathlib.Path("/var/lock").glob("xenconsole.*")) - self.present:
            left.unlink()
        os.close(self.lock)


def own_console(machine, name):
    return Viewer(RINGSIDE, "console", name, "--dir", machine.directory)


class Consoles(unittest.TestCase):
    def test_xl_console_reaches_the_program_of_a_domain(self):
        with Machine() as machine:
            create(machine, "new", "sh", "-c", "read word; echo \"[$word]\"; cat")
            with XlConsole(machine, "new") as viewer:
                viewer.until(b"console [hvc0] enabled")
                viewer.ask(b"hello\r", b"[hello]")
                viewer.ask(b"again\r", b"again")
                viewer.type(b"\x1d")
                self.assertEqual(viewer.process.wait(support.PATIENCE_S), 0)

    def test_both_kinds_of_domain_are_on_one_machine(self):
        for dom0 in ["xcs", "xenctld"]:
            with self.subTest(dom0), Machine("--dom0", dom0) as machine:
                machine.run("create", "old", "--", "sh", check=0)
                create(machine, "new", "sh")
                self.assertRegex(modern(machine, "xl", "list"), r"(?m)^old +1 +64 [^\n]*\nnew +2 +64 ")
                with XlConsole(machine, "new") as new, own_console(machine, "old") as old:
                    for number in range(3):
                        new.ask(b"echo n$((%d+5))\r" % number, b"n%d\r\n" % (number + 5))
                        old.ask(b"echo o$((%d+5))\r" % number, b"o%d\r\n" % (number + 5))
                with own_console(machine, "new") as new:
                    new.ask(b"echo $((6*7))\r", b"42\r\n")

    def test_the_window_has_the_size_of_the_users_terminal(self):
        with Machine() as machine:
            create(machine, "new", "sh")
            with own_console(machine, "new") as viewer:
                viewer.until(b"REMOTE CONSOLE")
                fcntl.ioctl(viewer.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
                os.kill(viewer.process.pid, signal.SIGWINCH)
                viewer.ask(b"until stty size | grep 33; do :; done\r", b"33 77\r\n")

    def test_exec_carries_any_bytes_both_ways_and_returns_the_status(self):
        data = random.Random(1).randbytes(BYTES)
        done = run("exec", "--console", "today", "--raw", "--", "sh", "-c", f"head -c {BYTES}; exit 7", stdin=data, check=7)
        self.assertEqual(len(done.stdout), BYTES)
        self.assertTrue(done.stdout == data, "the bytes came back changed")

    def test_exec_shows_all_output_of_a_short_program(self):
        for dom0 in ["xcs", "xenctld"]:
            done = run("exec", "--console", "today", "--dom0", dom0, "--", "echo", "hello", check=0)
            self.assertEqual(done.stdout, b"hello\r\n")

    def test_two_domains_are_served_at_once(self):
        with Machine() as machine:
            for name in ["one", "two"]:
                create(machine, name, "cat", options=["--raw"])
            with own_console(machine, "one") as one, own_console(machine, "two") as two:
                one.type(b"to one")
                two.ask(b"to two", b"to two")
                one.until(b"to one")

    def test_the_journal_has_the_bytes_and_the_events_of_the_guest(self):
        with Machine() as machine:
            create(machine, "new", "cat", options=["--raw"])
            dump = Dump(machine, "--all")
            with own_console(machine, "new") as viewer:
                number = 0
                while not dump.has("dom1"):  # it listens from some moment on
                    number += 1
                    viewer.ask(b"<%d>" % number, b"<%d>" % number)
                viewer.ask(b"a key", b"a key")
                dump.shows('5 bytes "a key"', 'client sends xenconsoled 5 bytes "a key"', "event xen -> dom0", "event xen -> dom1",
                           'dom1 sends dom1.tty 5 bytes "a key"')
                self.found(dump, r'dom1 finds in_prod (\d+) -> (\d+) \(5 bytes\)\n', r'dom1 finds dom1\.in\[\d+\] 5 bytes "a key"\n',
                           r"dom1 moves in_cons (\d+) -> (\d+) \(5 bytes\)\n", r'dom1 writes dom1\.out\[\d+\] 5 bytes "a key"\n',
                           r"dom1 moves out_prod (\d+) -> (\d+) \(5 bytes\)\n", r"dom1 finds out_cons (\d+) -> (\d+) \(5 bytes\)\n",
                           'client sends user 5 bytes "a key"')
            self.assertEqual(dump.end()[0], 0)

    def found(self, dump, *lines):
        """Each of the expressions matches a line that the dump shows."""
        for line in lines:
            eventually(f"dump shows {line}", lambda: dump.read() or re.search(line, dump.said))

    def test_a_journal_of_a_domain_accounts_for_every_byte_in_all_its_views(self):
        with tempfile.TemporaryDirectory() as folder, Machine() as machine:
            create(machine, "new", "cat", options=["--raw"])
            path = os.path.join(folder, "new.jsonl")
            with own_console(machine, "new") as viewer:
                viewer.ask(b"before", b"before")
                dump = Dump(machine, "-w", path, "new")
                eventually("the journal has a header", lambda: os.path.exists(path) and os.path.getsize(path) > 0)
                for number in range(400):  # around both rings
                    viewer.ask(b"<%09d>" % number, b"<%09d>" % number)
                viewer.ask(b"at the end", b"at the end")
                eventually("all is taken", lambda: machine.domains()["new"]["out_bytes"] == 0)
                eventually("the journal has the end", lambda: '"byte_index_found","actor":"dom1","domain":1,"index":"out_cons"' in
                           pathlib.Path(path).read_text().rpartition('"out_prod"')[2])
                shown = machine.run("ring", "new", check=0).stdout.decode()
            self.assertEqual(dump.end()[0], 0)
            header = json.loads(pathlib.Path(path).read_text().partition("\n")[0])
            self.assertEqual(header["version"], 4)
            page = run("view", path, "--html", "-", check=0).stdout.decode()
            kind, data = re.search(r'<script type="([a-z/]+)" id="run-0">(.*?)</script>', page, re.DOTALL).groups()
            data = json.loads(data if kind == "application/json" else zlib.decompress(base64.b64decode(data)))
            rings, queues, totals = {}, {}, {}
            for change in data["begin"] + [each for step in data["steps"] for each in step.get("c", [])]:
                if change[0] == "r":
                    rings[change[2]] = change[3:]
                elif change[0] == "q" and change[1] == 1:
                    queues[change[2], change[3]] = change[4]
                elif change[0] == "t" and change[1] == 1:
                    totals[change[2]] = change[3:]
            # The page ends with the indices of the frame.
            for ring in ["out", "in"]:
                prod, cons, waiting = rings[ring]
                self.assertRegex(shown, rf"{ring}_prod {prod} .*{ring}_cons {cons} .*waiting 0 of")
                self.assertEqual(waiting, "")
            self.assertTrue(all(count == 0 for place, count in queues.items() if place[0] != "dom0"), queues)
            for down in [1, 0]:
                said, arrived, lost, unseen, appeared = totals[down]
                self.assertGreaterEqual(said, 4410)
                self.assertEqual((said, lost, appeared), (arrived + unseen, 0, 0))
                self.assertGreaterEqual(arrived, 4410)
            text = run("view", path, "--text", check=0).stdout.decode()
            self.assertRegex(text, r"dom1 -> dom1\.out +out [.#]{8} 11 +out_prod \d+ -> \d+ \(byte \d+\) 11 bytes\n")
            self.assertRegex(text, r"dom1 <- dom1\.in +in [.#]{8} 11 +finds in_prod ")
            self.assertRegex("\n".join(data["ending"]), r"(?m)^Printed by dom1: through the byte ring out; (all )?\d+ (of \d+ )?bytes were shown")

    def test_a_watch_shows_the_byte_rings(self):
        with Machine() as machine:
            create(machine, "new", "cat", options=["--raw"])
            with own_console(machine, "new") as viewer:
                with Viewer(RINGSIDE, "watch", "new", "--dir", machine.directory, "--ascii") as watch:
                    fcntl.ioctl(watch.master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
                    os.kill(watch.process.pid, signal.SIGWINCH)
                    watch.until(b"out: the guest prints, xenconsoled takes")
                    viewer.ask(b"a key", b"a key")
                    watch.until(b"what the guest has written into out")
                    watch.until(b"a key")

    def test_the_ring_command_shows_the_four_indices(self):
        with Machine() as machine:
            create(machine, "new", "sh", "-c", "printf hello; exec sleep 1000", options=["--paused"])
            self.assertRegex(machine.run("ring", "new", check=0).stdout.decode(),
                             r"out_prod 0 \(byte 0\) +out_cons 0 \(byte 0\) +waiting 0 of 2048\n")
            machine.run("unpause", "new", check=0)
            shown = eventually("all has been taken", lambda: re.search(
                r"out_prod (\d+) \(byte (\d+)\) +out_cons \1 \(byte \2\) +waiting 0 of 2048\n"
                r"in +xenconsoled -> guest\n +in_prod 0 .* waiting 0 of 1024\n",
                machine.run("ring", "new", check=0).stdout.decode()))
            self.assertGreater(int(shown[1]), 100)

    def test_list_shows_the_pty_and_what_waits(self):
        with Machine() as machine:
            shown = create(machine, "new", "cat")
            self.assertTrue(shown["today"])
            self.assertEqual(shown["console"]["pty"], node(machine, "/local/domain/1/console/tty"))
            self.assertIsNone(shown["tx_requests"])
            self.assertRegex(machine.run("list", check=0).stdout.decode(), r"(?m)^new +1 +64 r---- - +today +2-\d+ .* /dev/pts/\d+$")
            self.assertIn(f"console    {shown['console']['pty']}\n", machine.run("list", "new", check=0).stdout.decode())


class Life(unittest.TestCase):
    def test_the_store_has_what_libxenlight_writes_and_loses_it_with_the_domain(self):
        with Machine() as machine:
            create(machine, "new", "sh")
            nodes = modern(machine, "xenstore-ls", "-f", "/local/domain/1")
            for line in ['name = "new"', 'domid = "1"', 'console/backend-id = "0"', 'console/limit = "1048576"',
                         'console/type = "xenconsoled"', 'console/output = "pty"', 'console/port = "2"',
                         'console/ring-ref = "0"', 'store/port = "1"', 'store/ring-ref = "1"']:
                self.assertIn(f"/local/domain/1/{line}\n", nodes)
            machine.run("destroy", "new", check=0)
            eventually("the nodes are gone", lambda: not self.in_store(machine))

    def in_store(self, machine):
        """Without `modern`, which would itself remove the nodes."""
        program = shutil.which("xenstore-list")
        done = subprocess.run([program, "/local/domain/1"], capture_output=True, env={
            **os.environ, "XENSTORED_RUNDIR": os.path.join(machine.directory, "store")})
        return done.returncode == 0

    def test_a_domain_ends_with_its_program(self):
        with Machine() as machine:
            create(machine, "new", "sh")
            with XlConsole(machine, "new") as viewer:
                viewer.ask(b"echo $((6*7))\r", b"42\r\n")
                viewer.type(b"exit\r")
                eventually("the domain is gone", lambda: not machine.domains())
                eventually("its nodes are gone", lambda: not self.in_store(machine))
                viewer.process.wait(support.PATIENCE_S)

    def test_a_preserved_domain_keeps_its_status(self):
        with Machine() as machine:
            create(machine, "new", "sh", "-c", "exit 7", options=["--preserve"])
            eventually("it has shut down", lambda: machine.domains()["new"]["exit_status"] == 7)

    def test_requests_of_2005_are_refused(self):
        with Machine() as machine:
            create(machine, "new", "cat")
            for command in [["shutdown", "new"], ["reboot", "new"], ["suspend", "new"], ["balloon", "new", "32"], ["sysrq", "new", "h"]]:
                self.assertIn(b"it has no control channel", machine.run(*command, check=3).stderr)
            self.assertIn(b"leave out --take", machine.run("console", "new", "--take", check=3).stderr)

    def test_options_of_2005_are_refused(self):
        with Machine() as machine:
            for options, why in [(["--no-console"], b"served by xenconsoled"), (["--quirk", "kcons-lfcr"], b"of the console driver of 2005"),
                                 (["--external"], b"only the console of 2005")]:
                done = machine.run("create", "new", "--console", "today", *options, "--", "cat", check=3)
                self.assertIn(why, done.stderr)
            self.assertEqual(machine.domains(), {})

    def test_without_the_packages_the_error_names_them(self):
        hide = 'while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit; shift; done; shift; exec "$@"'
        hidden = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", hide, "sh", *(each.parent for each in PROGRAMS), "--"]
        if subprocess.run([*hidden, "true"], capture_output=True).returncode != 0:
            self.skipTest("no user namespaces in which a folder can be hidden")
        with Machine() as machine:
            done = subprocess.run([*hidden, RINGSIDE, "create", "new", "--console", "today", "--dir", machine.directory],
                                  capture_output=True, timeout=support.PATIENCE_S)
            self.assertEqual(done.returncode, 3)
            self.assertIn(PACKAGES.encode(), done.stderr)
            self.assertEqual(machine.domains(), {})

    def test_xend_that_is_started_again_leaves_it_to_xenconsoled(self):
        with Machine() as machine:
            create(machine, "new", "sh")
            machine.restart("xend", "--console-port-base", "0")
            machine.run("create", "old", "--", "cat", check=0)
            self.assertIsNotNone(machine.tcp_port("old"))
            with XlConsole(machine, "new") as viewer:
                viewer.ask(b"echo $((6*7))\r", b"42\r\n")


class Failures(unittest.TestCase):
    def test_output_waits_for_the_next_xenconsoled(self):
        with Machine() as machine:
            create(machine, "new", "sh")
            with XlConsole(machine, "new") as viewer:
                viewer.ask(b"echo $((6*7))\r", b"42\r\n")
                viewer.type(b"until [ -e %s/go ]; do :; done; seq 1000; echo all\r" % machine.parent.encode())
                viewer.until(b"echo all")
                kill_daemon(machine, "xenconsoled")
            pathlib.Path(machine.parent, "go").touch()
            eventually("the ring is full", lambda: machine.domains()["new"]["out_bytes"] == 2048)
            modern(machine, "true")
            with XlConsole(machine, "new") as viewer:
                viewer.until(b"\r\n999\r\n1000\r\nall\r\n")
            os.remove(os.path.join(machine.parent, "go"))

    def test_consoles_outlive_xenstored_and_the_next_one_gets_their_nodes(self):
        with Machine() as machine:
            create(machine, "new", "sh")
            with own_console(machine, "new") as viewer:
                viewer.ask(b"echo $((6*7))\r", b"42\r\n")
                kill_daemon(machine, "xenstored")
                viewer.ask(b"echo $((6*8))\r", b"48\r\n")
                self.assertIn(b"modern -- true starts today's daemons again", machine.run("console", "new", check=3).stderr)
                self.assertTrue(machine.domains()["new"]["running"])
                old = pid_of(machine, "xenconsoled")
                self.assertRegex(modern(machine, "xl", "list"), r"(?m)^new +1 ")
                # An xenconsoled would never speak to the next xenstored.
                self.assertTrue(has_ended(old))
                viewer.process.wait(support.PATIENCE_S)
            with XlConsole(machine, "new") as viewer:
                viewer.ask(b"echo $((6*9))\r", b"54\r\n")

    def test_a_domain_that_ends_without_a_toolstack_is_removed_by_the_next(self):
        with Machine() as machine:
            create(machine, "new", "sh")
            kill_daemon(machine, "toolstack")
            with XlConsole(machine, "new") as viewer:
                viewer.ask(b"echo $((6*7))\r", b"42\r\n")
                viewer.type(b"exit 7\r")
                eventually("it has shut down", lambda: machine.domains()["new"]["exit_status"] == 7)
            create(machine, "next", "cat")
            eventually("only the next is left", lambda: list(machine.domains()) == ["next"])

    def test_a_guest_that_closes_its_port_of_the_store_harms_no_other(self):
        with Machine() as machine:
            create(machine, "new", "cat", options=["--raw"])
            evil = subprocess.Popen([HOSTILE, machine.directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.assertEqual(evil.stdout.readline(), b"built\n")
            self.assertRegex(modern(machine, "xl", "list"), r"(?m)^evil +2 ")
            kill_daemon(machine, "xenstored")
            self.assertRegex(modern(machine, "xl", "list"), r"(?m)^new +1 ")
            eventually("xenconsoled serves it", lambda: node(machine, "/local/domain/1/console/tty"))
            with own_console(machine, "new") as viewer:
                viewer.ask(b"after", b"after")
            evil.communicate(timeout=support.PATIENCE_S)

    def test_a_hostile_guest_harms_no_other_console(self):
        with Machine() as machine:
            create(machine, "new", "cat", options=["--raw"])
            machine.run("create", "old", "--", "sh", check=0)
            evil = subprocess.Popen([HOSTILE, machine.directory, "1", "20000" if LONG else "2000"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.assertEqual(evil.stdout.readline(), b"built\n")
            evil_id = machine.domains()["evil"]["id"]
            modern(machine, "true")
            eventually("xenconsoled serves it", lambda: node(machine, f"/local/domain/{evil_id}/console/tty"))
            daemon = pid_of(machine, "xenconsoled")
            with own_console(machine, "new") as viewer, own_console(machine, "old") as old:
                evil.stdin.write(b"\n")
                evil.stdin.flush()
                for number in range(20):
                    viewer.ask(b"<%d>" % number, b"<%d>" % number)
                    old.ask(b"echo $((%d+5))\r" % number, b"%d\r\n" % (number + 5))
                self.assertRegex(evil.communicate(timeout=support.PATIENCE_S)[0], rb"[1-9]\d* events")
                viewer.ask(b"after", b"after")
            self.assertEqual(pid_of(machine, "xenconsoled"), daemon)
            self.assertFalse(has_ended(daemon))


if __name__ == "__main__":
    if not PROGRAMS or not shutil.which("xenstore-ls"):
        support.skip_all(f"today's Xen programs are not installed ({PACKAGES})")
    support.main()

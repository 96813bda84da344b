"""Machines whose domains are all of today, served by ringside's own xenconsoled, and how it compares with Debian's."""
import os
import random
import re
import signal
import unittest

import support
from dump_test import Dump
from support import Machine, eventually, run
from xenctld_test import Reader

BYTES = 1 << 19
LIMIT = 1 << 20  # of a console's unread output, as libxenlight sets it
ENOUGH = LIMIT * 5 // 4 + LIMIT // 2 + 100_000


def machine():
    return Machine("--dom0", "xenconsoled")


def pty_of(machine, name):
    return machine.domains()[name]["console"]["pty"]


class OwnToday(unittest.TestCase):
    def test_every_domain_has_a_console_of_today(self):
        with machine() as m:
            m.run("create", "web", "--", "sh", check=0)
            web = m.domains()["web"]
            self.assertTrue(web["today"])
            self.assertEqual(web["console"]["pty"], os.path.join(m.directory, "pty-1"))
            reader = Reader(pty_of(m, "web"))
            reader.type(b"echo $((20 + 3))\r")
            reader.read_until(b"\n23\r\n")
            self.assertRegex(m.run("ring", "web", check=0).stdout, rb"out_prod (\d+) .*out_cons \1 ")
            reader.leave()

    def test_exec_carries_any_bytes_both_ways_and_returns_the_status(self):
        text = random.Random(5).randbytes(BYTES)
        done = run("exec", "--dom0", "xenconsoled", "--raw", "--", "head", "-c", str(BYTES), stdin=text)
        self.assertEqual((done.returncode, len(done.stdout)), (0, BYTES))
        self.assertEqual(done.stdout, text)
        self.assertEqual(run("exec", "--dom0", "xenconsoled", "--", "sh", "-c", "exit 7").returncode, 7)

    def test_a_domain_ends_with_its_program(self):
        with machine() as m:
            m.run("create", "brief", "--", "sh", "-c", "read key; echo $key", check=0)
            reader = Reader(pty_of(m, "brief"))
            reader.type(b"now\r")
            reader.read_until(b"now\r\nnow\r\n")
            eventually("it is destroyed", lambda: not m.domains())
            eventually("its pty is gone", lambda: not os.path.lexists(os.path.join(m.directory, "pty-1")))
            self.assertNotIn(b"[ringside]", reader.read_to_end())

    def test_the_next_xenconsoled_serves_the_same_rings(self):
        with machine() as m:
            m.run("create", "web", "--", "sh", check=0)
            reader = Reader(pty_of(m, "web"))
            reader.type(b"echo on$((1))\r")
            reader.read_until(b"on1\r\n")
            reader.type(b"read go; echo two$((2))\r")
            reader.read_until(b"two$((2))\r\n")
            m.restart("xenconsoled", "--own")
            reader.read_to_end()
            again = Reader(pty_of(m, "web"))
            again.type(b"\r")
            again.read_until(b"two2\r\n")
            again.leave()

    def test_the_journal_has_both_ends_of_the_rings(self):
        with machine() as m:
            m.run("create", "web", "--", "cat", check=0)
            reader = Reader(pty_of(m, "web"))
            dump = Dump(m, "--all", "web")

            def both_ends():
                reader.type(b"x")
                return dump.has("xenconsoled moves in_prod", "dom1 finds in_prod", "xenconsoled moves out_cons")
            eventually("the dump shows both ends", both_ends)
            self.assertEqual(dump.end(), (0, b""))
            reader.leave()

    def test_what_only_2005_has_is_refused(self):
        with machine() as m:
            m.run("create", "web", "--", "sh", check=0)
            for words in (("suspend", "web"), ("shutdown", "web"), ("attach", "web", "/dev/null"), ("console", "web", "--take")):
                done = m.run(*words)
                self.assertNotEqual(done.returncode, 0, words)
                self.assertRegex(done.stderr, rb"today|xenconsoled", words)
            for words in (("--no-console",), ("--external",)):
                done = m.run("create", "other", *words, "--", "sh")
                self.assertNotEqual(done.returncode, 0, words)
                self.assertIn(b"--dom0 xenconsoled", done.stderr, words)
            self.assertEqual(list(m.domains()), ["web"])
        done = run("up", "--dom0", "xenconsoled", "--answer", "xcs")
        self.assertIn(b"with xenconsoled xcs does not run", done.stderr)

    def test_a_stopped_xenconsoled_delays_the_output_and_loses_none(self):
        with machine() as m:
            m.run("create", "web", "--", "sh", check=0)
            reader = Reader(pty_of(m, "web"))
            reader.type(b"echo on$((1))\r")
            reader.read_until(b"on1\r\n")
            os.kill(m.pid("xenconsoled"), signal.SIGSTOP)
            reader.type(b"seq 3000 | tr '\\n' ' '; echo end$((1))\r")
            os.kill(m.pid("xenconsoled"), signal.SIGCONT)
            reader.read_until(b"end1\r\n")
            self.assertIn(b" ".join(b"%d" % number for number in range(1, 3001)), reader.seen)
            reader.leave()


class AsXens(unittest.TestCase):
    """Debian's xenconsoled is the measure of ringside's."""

    def unread(self, up, create):
        """What a reader finds of a long output that no process has read, and how many bytes were printed."""
        with Machine(*up) as m:
            m.run("create", "web", *create, "--", "sh", "-c", "seq 300000; echo e$((1))nd; exec sleep 1000000", check=0)

            def indices():
                page = m.run("ring", "web", check=0).stdout
                return [int(re.search(rb"out_%s (\d+) " % name, page)[1]) for name in (b"prod", b"cons")]

            # Beyond the second time that bytes are discarded, and before a third.
            eventually("xenconsoled has taken more than it keeps", lambda: indices()[1] > ENOUGH)
            reader = Reader(pty_of(m, "web"))
            reader.read_until(b"e1nd\r\n")
            printed, _ = indices()
            return reader.leave(), printed

    def test_unread_output_is_discarded_in_the_middle_alike(self):
        for up, create in (("--dom0", "xenconsoled"), ()), ((), ("--console", "today")):
            with self.subTest(up):
                seen, printed = self.unread(up, create)
                self.assertEqual(printed - len(seen), 2 * LIMIT // 2)
                numbers = seen.split()
                self.assertIn(b"70000", numbers)
                self.assertNotIn(b"110000", numbers)
                self.assertEqual(numbers[-2:], [b"300000", b"e1nd"])


if __name__ == "__main__":
    support.main()

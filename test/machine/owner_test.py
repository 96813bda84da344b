#!/usr/bin/env python3
"""A machine for one process leaves nothing behind, however that process ends, and at any moment."""
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import support
from support import RINGSIDE, eventually, process_state, processes_with

SEED = int(os.environ.get("RINGSIDE_SEED", random.randrange(2 ** 31)))
LONG = "RINGSIDE_LONG" in os.environ
# Signals that end a process in a machine: a key, a request, a terminal that closes, and SIGKILL.
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]

STALLED = """\
scenario "A stopped daemon"
xen boots dom1
user connects to dom1
xend stalls
dom1 prints "hello"
expect user sees "hello" within 1000s
"""
# Its parent continues at once, and it is in no session of the guest.
BACKGROUND = "setsid sleep 1000 & echo up; sleep 1000"


class Owner(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rs-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.mark = f"OWNER_TEST={self.folder}".encode()
        self.addCleanup(self.end_all)
        self.scenario = pathlib.Path(self.folder, "stalled.scn")
        self.scenario.write_text(STALLED, encoding="utf-8")
        self.temporary = pathlib.Path(self.folder, "tmp")
        self.temporary.mkdir()

    def end_all(self):
        """Ends the processes that a failed test has found."""
        for process in processes_with(self.mark):
            os.kill(process, signal.SIGKILL)

    def start(self, *words):
        return self.start_program([RINGSIDE, *map(str, words)], self.folder)

    def start_program(self, words, folder):
        environment = {**os.environ, "TMPDIR": str(self.temporary), "OWNER_TEST": self.folder}
        # A shell makes a background program ignore the signals of keys.
        return subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, start_new_session=True, cwd=folder,
                                preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in SIGNALS[:3]])

    def end(self, owner, number):
        owner.send_signal(number)
        owner.communicate(timeout=support.PATIENCE_S)
        self.check_nothing_left()

    def check_nothing_left(self):
        eventually("every process has ended", lambda: not processes_with(self.mark))
        eventually("the directory is gone", lambda: not list(self.temporary.iterdir()))

    def test_a_stopped_daemon_does_not_outlive_the_scenario(self):
        for number in SIGNALS:
            with self.subTest(signal=number.name):
                owner = self.start("run", "--mode", "real", "--timeout", "1000", self.scenario)
                eventually("a process is stopped",
                           lambda: any(process_state(pid) == "T" for pid in processes_with(b"xend\0--dir\0" + bytes(self.temporary))))
                self.end(owner, number)

    def test_background_processes_of_a_guest_do_not_outlive_the_machine(self):
        for number in SIGNALS:
            with self.subTest(signal=number.name):
                owner = self.start("exec", "--", "sh", "-c", BACKGROUND)
                self.assertEqual(owner.stdout.readline(), b"up\r\n")
                self.end(owner, number)

    def test_a_machine_ends_normally_without_its_keeper(self):
        owner = self.start("exec", "--", "sh", "-c", "echo up; exec sleep 1000")
        self.assertEqual(owner.stdout.readline(), b"up\r\n")
        keeper, = processes_with(b"keeper\0--dir\0" + bytes(self.temporary))
        os.kill(keeper, signal.SIGKILL)
        self.end(owner, signal.SIGTERM)

    def test_a_keeper_does_not_end_before_its_owner(self):
        owner = self.start("exec", "--", "sh", "-c", "echo up; exec sleep 1000")
        self.assertEqual(owner.stdout.readline(), b"up\r\n")
        keeper, = processes_with(b"keeper\0--dir\0" + bytes(self.temporary))
        for number in SIGNALS[:3]:
            os.kill(keeper, number)
        self.end(owner, signal.SIGKILL)

    def test_a_test_that_is_killed_leaves_no_machine(self):
        script = "import support, time\nwith support.Machine():\n    print('up', flush=True)\n    time.sleep(1000)"
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number.name):
                owner = self.start_program([sys.executable, "-c", script], pathlib.Path(__file__).parent)
                self.assertEqual(owner.stdout.readline(), b"up\n")
                owner.send_signal(number)
                owner.communicate(timeout=support.PATIENCE_S)
                eventually("every process has ended", lambda: not processes_with(self.mark))
                if number == signal.SIGKILL:  # the folder around the machine is the test's own
                    for folder in self.temporary.iterdir():
                        folder.rmdir()
                self.assertEqual(list(self.temporary.iterdir()), [])

    def test_a_failed_test_leaves_no_stopped_child(self):
        script = "import os, signal, subprocess, support\nos.kill(subprocess.Popen(['sleep', '1000']).pid, signal.SIGSTOP)\nraise SystemExit(1)"
        owner = self.start_program([sys.executable, "-c", script], pathlib.Path(__file__).parent)
        owner.communicate(timeout=support.PATIENCE_S)
        self.assertEqual(owner.returncode, 1)
        self.check_nothing_left()

    def test_a_machine_that_is_ended_at_a_random_moment_leaves_nothing(self):
        chance = random.Random(SEED)
        commands = [("run", "--mode", "real", "--timeout", "1000", self.scenario), ("demo",), ("demo", "--from-hardware"),
                    ("exec", "--", "sh", "-c", BACKGROUND), ("bench", "--quick", "--only", "path")]
        for _ in range(20 if LONG else 2):
            for words in commands:
                number = chance.choice(SIGNALS)
                delay_s = chance.uniform(0, 0.6)
                with self.subTest(command=words[0], signal=number.name, delay_s=delay_s, seed=SEED):
                    owner = self.start(*words)
                    time.sleep(delay_s)
                    self.end(owner, number)


if __name__ == "__main__":
    support.main()

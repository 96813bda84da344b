#!/usr/bin/env python3
"""ring-check: loops that wait with ring_check_await() cost few executions; a loop whose rounds have effects is searched
completely, and a deadlock is found. RINGSIDE names the program.

usage: ring_await_test.py
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
FAILED = 4
# A round that finds the same as another one is no other execution. So of a loop that waits for one store there are two
# executions, and of a lock with a ticket the orders of the tickets, each with the values at which a thread has looked.
# Under C11 and Armv8, it also matters at which change a thread looks again. With a round after each store, these
# searches had 8, 125, 16, 13,872, 18 and 138,630 executions.
EXECUTIONS = {"consumer": 2, "two consumers": 4, "ticket lock 2": 4, "ticket lock 3": 72, "spinlock 2": 6, "spinlock 3": 594}
IN_WEAK_MODELS = EXECUTIONS | {"ticket lock 3": 150, "spinlock 3": 930}


class Await(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory(prefix="rs-") as folder:
            cls.found = {level: cls.checked(pathlib.Path(folder) / f"await{level}.so", level) for level in ("-O0", "-O2")}

    @staticmethod
    def checked(ring, level):
        subprocess.run([PROGRAM, "ring-check", "cc", level, "-o", ring, TEST / "ring_check" / "await.c"], check=True)
        models = [word for model in ("sc", "tso", "c11", "armv8") for word in ("--model", model)]
        done = subprocess.run([PROGRAM, "ring-check", "--ring", ring, "--json", "-j", "2", *models], capture_output=True, text=True)
        assert done.returncode == FAILED, done.stdout + done.stderr
        each = [json.loads(line) for line in done.stdout.splitlines()]
        return {(it["model"], it["what"].split(" ", 1)[1]): it for it in each if it.get("model") and "search" in it}

    def each(self, *names):
        """(level, model, name), and the verdict."""
        found = [((level, *key), it) for level, verdicts in self.found.items() for key, it in verdicts.items() if key[1] in names]
        self.assertEqual(len(found), len(names) * 8)
        return found

    def test_executions_that_differ_only_in_rounds_are_not_repeated(self):
        for (level, model, name), it in self.each(*EXECUTIONS):
            wanted = IN_WEAK_MODELS if model in ("C11", "Armv8") else EXECUTIONS
            self.assertEqual((it["outcome"], it["executions"]), ("all", wanted[name]), (level, model, name))
            self.assertLessEqual(it["redundant"], 2)

    def test_a_deadlock_is_found(self):
        for key, it in self.each("deadlock"):
            self.assertEqual(it["outcome"], "failed", key)
            self.assertIn("deadlock: the wait_for_second waits for a store by another thread, the wait_for_first waits", it["why"])

    def test_a_wait_without_a_loop_continues_after_any_store(self):
        for key, it in self.each("wait once"):
            self.assertEqual(it["outcome"], "failed", key)

    def test_rounds_that_differ_are_all_searched(self):
        for key, it in self.each("look in turn", "pass on"):
            self.assertEqual((it["outcome"], it["why"]), ("all", ""), key)


if __name__ == "__main__":
    unittest.main(verbosity=2)

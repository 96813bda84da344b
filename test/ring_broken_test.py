#!/usr/bin/env python3
"""ring-check with faulty plug-ins: memory outside the page that is used wrongly, code that crashes, hangs, waits or cannot
be loaded. No such plug-in may pass.

usage: ring_broken_test.py     RINGSIDE and RINGS as for ring_check_test.py; RINGSIDE_LONG=1 also waits for an endless loop
"""

import re
import tempfile
import unittest

from ring_check_test import COULD_NOT_RUN, FAILED, GOOD, LONG, RINGS, USAGE, build, ring_check


class Elsewhere(unittest.TestCase):
    """Memory outside the page: explored if both ends use it, and restored between executions."""

    def check(self, define, model, status, *texts):
        with tempfile.TemporaryDirectory() as folder:
            library = build(folder, "elsewhere.c", define)
            result = ring_check("--ring", library, "--model", model, "--limit", 1000, "-j", 2)
            said = " ".join((result.stdout + result.stderr).split())
            self.assertEqual(result.returncode, status, f"{define}: {said}")
            for text in texts:
                self.assertIn(text, said, define)
            replay = re.search(r"--replay '(\S*)'", said)
            self.assertEqual(replay is not None, status == FAILED, said)
            if replay:
                self.assertEqual(ring_check("--ring", library, "--replay", replay[1]).returncode, FAILED, replay[1])
            return said

    def test_stores_of_both_ends_to_a_word_come_in_each_order_that_c11_allows(self):
        self.check("TWO_WRITERS", "c11", FAILED, "2+2W", "writes x := 2, which comes before the newest (1)")
        for model in ("sc", "tso"):
            self.check("TWO_WRITERS", model, GOOD, 'scenario "2+2W" 3 executions all')

    def test_correct_rings_hold(self):
        for define in ("POINTERS", "OWN_ON_HEAP", "HEAP_EACH", "THREAD_LOCAL", "IN_VARIABLES"):
            self.check(define, "c11", GOOD)

    def test_errors_outside_the_page_are_found(self):
        self.check("AFTERWARDS", "sc", FAILED, "writes pool[0]")
        self.check("HIDDEN", "c11", FAILED, "a race: the back reads hidden")
        self.check("FREED_EARLY", "sc", FAILED, "dd dd dd dd")

    def test_state_that_cannot_be_restored_is_refused(self):
        self.check("RANDOM", "sc", COULD_NOT_RUN, "it does not behave the same when it is run the same way again")


class Broken(unittest.TestCase):
    """An error in a plug-in itself is reported, and never passes."""

    def check(self, define, status, *texts):
        with tempfile.TemporaryDirectory() as folder:
            result = ring_check("--ring", build(folder, "broken.c", define), "--model", "sc", "--first")
            said = " ".join((result.stdout + result.stderr).split())
            self.assertEqual(result.returncode, status, f"{define}: {said}")
            for text in texts:
                self.assertIn(text, said, define)

    def test_the_unchanged_plugin_holds(self):
        self.check("NOTHING", GOOD, "hold in every execution")

    def test_a_wrong_table_is_refused_with_its_error(self):
        self.check("BAD_ABI", COULD_NOT_RUN, "version 7")
        self.check("BAD_WORD", COULD_NOT_RUN, "req_prod")
        self.check("NO_FUNCTION", COULD_NOT_RUN, "back_final_check")
        self.check("NO_ENTRY", COULD_NOT_RUN, "exports no ring_check_plugin()")

    def test_code_that_crashes_or_never_ends_is_reported(self):
        self.check("CRASH", FAILED, "Segmentation fault")
        self.check("ABORT", FAILED, "gets a fatal signal")
        self.check("OVERRUN", FAILED)
        self.check("RECURSE", FAILED, "Segmentation fault")
        if LONG:
            self.check("HANG", FAILED, "hangs")
        self.check("SPIN", GOOD, "pop_req waits for a request")
        self.check("FAILS", FAILED, "the ring says so itself in two lines")

    def test_code_that_waits_is_refused_by_name(self):
        with tempfile.TemporaryDirectory() as folder:
            for define, name in (("SLEEP", "nanosleep()"), ("EVENT_FILE", "read()"), ("THREAD", "pthread_create()")):
                result = ring_check("--ring", build(folder, "waiting.c", define), "--model", "sc")
                said = " ".join((result.stdout + result.stderr).split())
                self.assertEqual(result.returncode, COULD_NOT_RUN, said)
                self.assertIn(f"the code calls {name}", said)

    def test_code_that_blocks_in_a_system_call_is_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            library = build(folder, "waiting.c", "SYSTEM_CALL")
            result = ring_check("--ring", library, "--replay", "SC:exchange:3:0:0:A")
            self.assertEqual(result.returncode, COULD_NOT_RUN, result.stdout)
            self.assertIn("blocked", result.stdout)

    def test_code_that_was_compiled_without_the_flags_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            result = ring_check("--ring", build(folder, "broken.c", "NOTHING", ("cc",)))
            self.assertEqual(result.returncode, COULD_NOT_RUN, result.stdout)
            self.assertIn("ringside ring-check cc", " ".join(result.stdout.split()))
            self.assertRegex(result.stdout, r"not announce[^?]*broken.c:\d+")

    def test_files_that_are_no_plugin_are_refused(self):
        with tempfile.NamedTemporaryFile(suffix=".so") as file:
            file.write(b"not ELF")
            file.flush()
            self.assertEqual(ring_check("--ring", file.name).returncode, COULD_NOT_RUN)
        result = ring_check("--ring", "/nowhere/ring.so")
        self.assertEqual(result.returncode, COULD_NOT_RUN)
        self.assertIn("there is no such file", result.stderr)
        for replay in ("", "SC", "SC:exchange:3:0:0:Z9", "SC:exchange:3:0:0:A99999999", "XX:exchange:3:0:0:A", "SC:exchange:x:0:0:A",
                       "SC:exchange:3:0:0:A=0", "SC:exchange:3:0:0:A=0" * 9):
            result = ring_check("--ring", RINGS / "plain_2_O2.so", f"--replay={replay}")
            self.assertIn(result.returncode, (USAGE, GOOD) if replay == "" else (USAGE,), replay)
        result = ring_check("--ring", RINGS / "plain_2_O2.so", "--replay=SC:exchange:3:0:0:A500")
        self.assertEqual(result.returncode, COULD_NOT_RUN)
        self.assertIn("does not do those steps", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""ring-check with rings whose calls sometimes refuse without a reason, or wait inside until they are done: a correct
one holds, and the report tells the rules for its callers; a wrong one is found. RINGSIDE names the program; under SC
only, unless RINGSIDE_LONG=1."""

import json
import re
import tempfile
import unittest

from ring_check_test import FAILED, GOOD, LONG, build, ring_check


class Habits(unittest.TestCase):
    def check(self, defines, status, *texts):
        with tempfile.TemporaryDirectory() as folder:
            library = build(folder, "habits.c", " ".join(defines))
            if status == GOOD:
                result = ring_check("--ring", library, "--json", *([] if LONG else ["--model", "sc"]))
                self.assertEqual(result.returncode, GOOD, f"{defines}: {result.stdout[-3000:]}")
                verdicts = [json.loads(line) for line in result.stdout.splitlines()]
                outcomes = {each["outcome"] for each in verdicts}
                self.assertEqual(outcomes - {"not covered", "bounded"}, {"all"}, result.stdout)
                for text in texts:
                    self.assertIn(text, verdicts[0]["note"], defines)
                return verdicts[0]["note"]
            result = ring_check("--ring", library, "--model", "sc")
            said = " ".join((result.stdout + result.stderr).split())
            self.assertEqual(result.returncode, status, f"{defines}: {said[-3000:]}")
            for text in texts:
                self.assertIn(text, said, defines)
            replay = re.search(r"--replay '(.*)'", result.stdout)
            if replay:
                again = ring_check("--ring", library, "--replay", replay[1])
                self.assertEqual(again.returncode, FAILED, f"{defines}: {again.stdout}{again.stderr}")
            self.assertLess(len(said), 100_000, defines)

    def test_calls_that_refuse_without_a_reason_are_made_again(self):
        for define, refusals in (("WEAK_PUSH", "1 time"), ("WEAK_POP", "2 times")):
            note = self.check([define], GOOD, f"refuses up to {refusals} in a row, so that its caller has to try again")
            self.assertIn(refusals, note)
        self.assertEqual(self.check(["WEAK_EXCHANGE"], GOOD), "")

    def test_calls_that_wait_are_waited_for(self):
        for defines, text in ((["WAITING_PUSH"], "push_req waits for room"), (["WAITING_POP"], "pop_req waits for a request"),
                              (["WAITING_PUSH", "WAITING_POP"], "push_req waits for room, pop_req waits for a request"),
                              (["WAITING_PUSH", "WAITING_POP", "AWAITS"], "push_req waits for room, pop_req waits for a request"),
                              (["SLEEPING_PUSH"], "push_req waits for room")):
            self.assertEqual(self.check(defines, GOOD), text)

    def test_two_threads_drive_such_calls_to_an_end(self):
        for defines in (["WEAK_PUSH"], ["WAITING_POP"], ["WAITING_PUSH", "WAITING_POP", "AWAITS"], ["SLEEPING_PUSH"]):
            with tempfile.TemporaryDirectory() as folder:
                options = ("--ring", build(folder, "habits.c", " ".join(defines)), "--model", "sc", "--long")
                jobs = ring_check(*options, "--list").stdout.splitlines()
                self.assertIn("two real threads", jobs[-1])
                result = ring_check(*options, "--shard", f"{len(jobs)}/{len(jobs)}")
                self.assertEqual(result.returncode, GOOD, f"{defines}: {result.stdout}{result.stderr}")

    def test_bugs_in_such_calls_are_found(self):
        for defines, text in ((["REFUSES_FOR_EVER"], "only 1 of 2 messages found room"),
                              (["WEAK_PUSH", "REFUSES_FOR_EVER"], "only 1 of 2 messages found room"),
                              (["WEAK_PUSH", "LOSES"], "was published, but pop_req reports an empty ring"),
                              (["WEAK_PUSH", "OVERFULL"], "message 3 found room in a ring of 2"),
                              (["WEAK_PUSH", "EARLY"], "SC exchange of 1 message"),
                              (["WEAK_POP", "EARLY"], "SC exchange of 1 message"),
                              (["WAITING_PUSH", "EARLY"], "SC exchange of 1 message"),
                              (["WAITING_POP", "EARLY"], "SC exchange of 1 message"),
                              (["WAITING_PUSH", "OVERFULL"], "message 3 found room in a ring of 2")):
            self.check(defines, FAILED, text)

    @unittest.skipUnless(LONG, "RINGSIDE_LONG=1 runs it")
    def test_calls_that_wait_for_ever_are_found(self):
        for defines in (["WAITING_PUSH", "FOR_EVER"], ["WAITING_PUSH", "WAITING_POP", "LOSES"]):
            self.check(defines, FAILED)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""ring-check --parts: the parts of a search are the search, here and in the units of a sweep; parts that know different memory
are no result. -j divides a long search by itself: its verdict is that of the search that was not divided. RINGSIDE names the
program, RINGS the folder of plug-ins.

usage: ring_parts_test.py
"""

import collections
import json
import math
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
RINGS = pathlib.Path(os.environ.get("RINGS", TEST.parent / "build" / "emu" / "check" / "plugins")).resolve()
GOOD, USAGE, COULD_NOT_RUN, FAILED = 0, 1, 3, 4
NO_LIMIT = ["--limit", 1_000_000_000]
# Of in_turn.c: the orders of two threads with 10 steps each.
ORDERS = math.comb(20, 10)
DIFFER = "its parts do not divide the same search"


def ringside(*words, status, folder=None):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=900, cwd=folder)
    assert done.returncode == status, (done.returncode, done.stdout + done.stderr)
    return done.stdout


def verdicts(ring, *words, status=GOOD):
    said = ringside("ring-check", "--ring", RINGS / f"{ring}.so", "--json", "-j", 2, *words, status=status)
    return [each for each in map(json.loads, said.splitlines()) if "search" in each]


class Parts(unittest.TestCase):
    def test_together_they_have_each_execution_once(self):
        for ring, numbers_of_parts in (("slack_2_O2", (2, 7)), ("plain_2_O2", (3,))):
            whole = {each["what"]: each for each in verdicts(ring, "--msgs", 2, *NO_LIMIT)}
            for parts in numbers_of_parts:
                with self.subTest(ring=ring, parts=parts):
                    together, numbers = collections.Counter(), collections.Counter()
                    for each in verdicts(ring, "--msgs", 2, *NO_LIMIT, "--parts", parts):
                        outcome = whole[each["search"]]["outcome"]
                        is_part = each["search"] != each["what"]
                        self.assertEqual(each["outcome"], "part" if is_part and outcome == "all" else outcome)
                        together[each["search"]] += each["executions"]
                        numbers[each["search"]] += 1
                        if each["search"] != each["what"]:
                            self.assertEqual(each["what"], f"{each['search']}, part {numbers[each['search']]} of {parts}")
                    self.assertEqual(together, {what: each["executions"] for what, each in whole.items()})
                    self.assertGreater(list(numbers.values()).count(parts), 3)
                    self.assertLessEqual(set(numbers.values()), {1, parts})

    def test_a_bug_is_found_by_a_part_with_its_steps(self):
        ring = RINGS / "mutant_01.so"
        said = ringside("ring-check", "--ring", ring, "--model", "sc", *NO_LIMIT, "--parts", 5, status=FAILED)
        self.assertRegex(said, r"FAIL +SC exchange of \d+ messages?.*, part \d of 5\n")
        replay = re.search(r"--replay '(\S*)'", said)[1]
        ringside("ring-check", "--ring", ring, "--replay", replay, status=FAILED)

    def test_a_part_that_reaches_its_limit_is_no_proof(self):
        for each in verdicts("plain_2_O2", "--model", "sc", "--limit", 10, "--parts", 2):
            if each["search"] != each["what"]:
                self.assertEqual(each["outcome"], "stopped", each)
                self.assertEqual(each["executions"] + each["redundant"], 10)

    def test_shards_divide_the_parts(self):
        words = ["ring-check", "--ring", RINGS / "plain_2_O2.so", "--parts", 3, "--list"]
        whole = ringside(*words, status=GOOD).splitlines()
        self.assertEqual(sum(", part 3 of 3" in line for line in whole), sum(", part 1 of 3" in line for line in whole))
        shards = [ringside(*words, "--shard", f"{number}/2", status=GOOD).splitlines() for number in (1, 2)]
        self.assertEqual((whole[::2], whole[1::2]), tuple(shards))

    def test_a_part_alone_does_not_look_like_a_proof(self):
        said = ringside("ring-check", "--ring", RINGS / "slack_2_O2.so", "--model", "sc", "--parts", 2, status=GOOD)
        self.assertRegex(said, r"SC exchange of 3 messages, part 1 of 2 .* all of this part ")
        self.assertNotRegex(said, r"part \d of 2 .* executions  all  ")
        # All parts are here.
        self.assertRegex(said, r"\n8 tried: 7 hold in every execution, 1 in all that were tried;")

    def test_a_search_without_its_other_parts_is_no_proof_in_any_format(self):
        words = ["ring-check", "--ring", RINGS / "slack_2_O2.so", "--model", "sc", "--parts", 16, "--shard", "1/16"]
        missing = '15 of the 16 parts of "SC exchange of 3 messages"'
        said = ringside(*words, status=GOOD)
        self.assertIn(f"not covered in slack_2_O2 under SC: {missing} ", " ".join(said.split()))
        self.assertRegex(said, r"\n3 tried: 1 hold in every execution, 2 in every execution of a part only;")
        objects = [json.loads(line) for line in ringside(*words, "--json", status=GOOD).splitlines()]
        parts = [(each["outcome"], each["part"]) for each in objects if each.get("part")]
        self.assertEqual(parts, [("part", "14/16")] * 2)
        self.assertIn(missing, [each["why"] for each in objects])
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "r.xml"
            said = ringside(*words, "--tap", "--junit", report, status=GOOD)
            self.assertRegex(said, r"\nok 2 - slack_2_O2: SC exchange of 3 messages, part 14 of 16\n# all of this part\n")
            self.assertIn(f"# not covered in slack_2_O2 under SC: {missing}\n", said)
            self.assertRegex(report.read_text(), r"part 14 of 16.*>\n<system-err>all of this part<")

    def test_a_sweep_without_some_parts_is_no_proof(self):
        with tempfile.TemporaryDirectory() as folder:
            # Two builds of a ring have the same title, and their searches are not the same.
            rings = [word for name in ("slack_2_O2", "slack_2_O0") for word in ("--ring", RINGS / f"{name}.so")]
            words = ["--json", "--dir", "units", "--", "ring-check", *rings, "--model", "sc", "--parts", 2]
            whole = json.loads(ringside("sweep", "--units", 3, *words, status=GOOD, folder=folder))
            self.assertEqual((whole["results"], whole["passed"], whole["not_in_every_execution"]), (16, 16, 2))
            unit = pathlib.Path(folder) / "units" / "unit-2.jsonl"
            lines = unit.read_text().splitlines(keepends=True)
            unit.unlink()
            left = json.loads(ringside("sweep", "--merge", *words, status=COULD_NOT_RUN, folder=folder))
            # The other part of a search is no proof without the missing one.
            self.assertGreater(left["not_in_every_execution"], 2)
            # A file that was copied in part is no unit.
            for kept in (1, 2):
                unit.write_text("".join(lines[:kept]))
                ringside("sweep", "--merge", *words, status=COULD_NOT_RUN, folder=folder)

    def test_a_number_of_parts_must_be_possible(self):
        for number in (0, 4097, "a"):
            ringside("ring-check", "--parts", number, status=USAGE)

    def test_parts_know_the_memory_that_an_order_with_few_deviations_shares(self):
        with tempfile.TemporaryDirectory() as folder:
            ring = pathlib.Path(folder) / "rarely.so"
            ringside("ring-check", "cc", "-O1", "-o", ring, TEST / "ring_check" / "rarely.c", status=GOOD)
            words = ["ring-check", "--ring", ring, "--model", "sc", "--json"]
            for parts, outcomes in ((1, ["all", "all"]), (3, ["all", "part", "part", "part"])):
                found = [json.loads(line) for line in ringside(*words, "--parts", parts, status=GOOD).splitlines()]
                self.assertEqual([each["outcome"] for each in found if "search" in each], outcomes)

    def test_parts_with_different_memory_are_no_result(self):
        """Only one part sees that a variable is shared."""
        with tempfile.TemporaryDirectory() as folder:
            ring = pathlib.Path(folder) / "in_turn.so"
            ringside("ring-check", "cc", "-O1", "-DBUG=2", "-o", ring, TEST / "ring_check" / "in_turn.c", status=GOOD)
            words = ["ring-check", "--ring", ring, "--model", "sc", *NO_LIMIT, "--json"]
            whole = [json.loads(line) for line in ringside(*words, status=GOOD).splitlines()]
            self.assertEqual([each["outcome"] for each in whole if "search" in each], ["all", "all"])
            parts = [json.loads(line) for line in ringside(*words, "--parts", 2, status=COULD_NOT_RUN).splitlines()]
            self.assertIn(DIFFER, "".join(each.get("why", "") for each in parts))
            # In a sweep each unit has one part, and all are good.
            said = ringside("sweep", "--units", 3, "--dir", "units", "--", *words[:-1], "--parts", 2, status=COULD_NOT_RUN, folder=folder)
            self.assertIn(DIFFER, said)


class DividedByItself(unittest.TestCase):
    """in_turn.c has searches that are long enough to be divided."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="rs-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        for bug in (0, 1, 2, 3):
            ringside("ring-check", "cc", "-O1", f"-DBUG={bug}", "-o", cls.ring(bug), TEST / "ring_check" / "in_turn.c", status=GOOD)

    @classmethod
    def ring(cls, bug):
        return cls.folder / f"in_turn_{bug}.so"

    def words(self, bug, jobs, *words):
        return ["ring-check", "--ring", self.ring(bug), "--model", "sc", "-j", jobs, "--divided-after", 0, *words]

    def search(self, bug, jobs, *words, status=GOOD):
        said = ringside(*self.words(bug, jobs, "--json", *words), status=status)
        found, = [each for each in map(json.loads, said.splitlines()) if each["what"] == "SC in turn"]
        return found

    def test_a_divided_search_has_the_verdict_and_the_executions_of_the_whole(self):
        whole, divided = (self.search(0, jobs, *NO_LIMIT) for jobs in (1, 2))
        self.assertEqual((whole["parts"], divided["parts"]), (1, 16))
        self.assertEqual(divided["executions"], ORDERS)
        same = ("what", "search", "outcome", "executions", "why", "part", "division", "has_gap")
        self.assertEqual([divided[each] for each in same], [whole[each] for each in same])
        said = ringside(*self.words(0, 3, *NO_LIMIT), status=GOOD)
        self.assertRegex(said, r"ok   SC in turn +[\d,]+ executions  all  ")
        self.assertRegex(said, r"\n2 tried: 2 hold in every execution;")
        self.assertNotIn("part", said)

    def test_a_failure_that_one_part_has_is_the_failure_of_the_search(self):
        whole, divided = (self.search(1, jobs, *NO_LIMIT, status=FAILED) for jobs in (1, 2))
        self.assertEqual((whole["parts"], divided["parts"]), (1, 16))
        same = ("what", "outcome", "why", "again", "part")
        self.assertEqual([divided[each] for each in same], [whole[each] for each in same])
        replay = re.search(r"--replay '(\S*)'", divided["again"])[1]
        ringside("ring-check", "--ring", self.ring(1), "--replay", replay, status=FAILED)

    def test_parts_that_know_different_memory_are_searched_again_as_one(self):
        found = self.search(2, 2, *NO_LIMIT)
        self.assertEqual((found["outcome"], found["parts"]), ("all", 1))

    def test_a_crash_in_a_part_is_the_failure_of_the_search(self):
        found = self.search(3, 2, *NO_LIMIT, status=FAILED)
        self.assertEqual((found["what"], found["outcome"], found["parts"]), ("SC in turn", "failed", 16))
        self.assertIn("the code gets a fatal signal", found["why"])

    def test_the_limit_is_that_of_all_parts_and_searches_with_a_bound_follow(self):
        whole, divided = (self.search(0, jobs, "--limit", 100_000) for jobs in (1, 2))
        self.assertEqual((whole["parts"], divided["parts"]), (1, 16))
        same = ("outcome", "deviations_max", "why")
        self.assertEqual([divided[each] for each in same], [whole[each] for each in same])
        # A part looks at the limit now and then.
        together = [each["executions"] + each["redundant"] for each in (whole, divided)]
        self.assertLess(abs(together[1] - together[0]), 3_000)
        said = ringside(*self.words(0, 2, "--limit", 100_000), status=GOOD)
        self.assertIn("ended at their limit of 100,000 executions", " ".join(said.split()))

    def test_a_search_with_a_limit_of_steps_and_a_search_on_one_worker_are_not_divided(self):
        self.assertEqual(self.search(0, 2)["parts"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""`ringside run` and `ringside shrink` as commands: their selection, their output, and their exit status.

usage: run_command_test.py     RINGSIDE names the program (default: build/ringside)
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import xml.dom.minidom

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN, EXPECTATION_FAILED = range(5)

HELLO = """scenario "Hello"
cuts on
tag greeting
xen boots dom1
user connects to dom1
dom1 prints "hello\\n"
expect xcs forwards request console "hello\\n" from dom1 to xend
expect user sees "hello"
"""
CASES = """scenario "Cases"
param N = 1, 2, 3
xen boots dom1
dom1 prints {N} bytes of "a"
expect dom1.tx.req_prod >= 1
"""


class RunCommand(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "hello.scn").write_text(HELLO)
        (self.folder / "cases.scn").write_text(CASES)

    def ringside(self, *arguments, status=GOOD, text=None):
        result = subprocess.run([PROGRAM, *arguments], cwd=self.folder, capture_output=True, text=True, input=text, timeout=600)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def results(self, *arguments, **options):
        return [json.loads(line) for line in self.ringside("run", "--json", *arguments, **options).stdout.splitlines()]

    def failing_seed(self):
        """A seed with which the terminal takes the printed text in two pieces."""
        failed = [each["seed"] for each in self.results("hello.scn", "--seed", "2..200", status=EXPECTATION_FAILED)
                  if each["outcome"] == "failed"]
        return str(failed[0])

    def test_fmt_writes_through_a_link_and_leaves_nothing_beside(self):
        real = self.folder / "real" / "ugly.scn"
        real.parent.mkdir()
        real.write_text('scenario   "Ugly"\nxen   boots dom1\n')
        real.chmod(0o640)
        link = self.folder / "link.scn"
        link.symlink_to("real/ugly.scn")
        theirs = self.folder / "link.scn.fmt-new"
        theirs.write_text("precious")
        self.ringside("fmt", "link.scn")
        self.assertTrue(link.is_symlink())
        self.assertEqual(real.read_text(), 'scenario "Ugly"\nxen boots dom1\n')
        self.assertEqual(real.stat().st_mode & 0o777, 0o640)
        self.assertEqual(theirs.read_text(), "precious")
        self.assertEqual([path.name for path in real.parent.iterdir()], ["ugly.scn"])

    def test_a_folder_is_run_in_the_order_of_its_names_whatever_the_number_of_threads(self):
        names = [each["name"] for each in self.results(".")]
        self.assertEqual(names, ["cases[N=1]", "cases[N=2]", "cases[N=3]", "hello"])
        self.assertEqual([each["name"] for each in self.results(".", "-j", "4")], names)

    def test_shards_are_all_runs_and_no_two_have_the_same(self):
        parts = [[each["name"] for each in self.results(".", "--shard", f"{part}/3")] for part in (1, 2, 3)]
        self.assertEqual(sorted(sum(parts, [])), ["cases[N=1]", "cases[N=2]", "cases[N=3]", "hello"])

    def test_values_names_tags_and_seeds_select_runs(self):
        self.assertEqual([each["name"] for each in self.results(".", "-p", "N=2", "--name", "cases")], ["cases[N=2]"])
        self.assertEqual([each["name"] for each in self.results(".", "--tag", "greeting")], ["hello"])
        self.assertEqual([each["seed"] for each in self.results("cases.scn", "-p", "N=1", "--seed", "5..7")], [5, 6, 7])
        self.assertIn("ringside run cases.scn -p N=3 --seed 1", self.ringside("run", "cases.scn", "--dry-run").stdout)
        self.assertIn("Hello", self.ringside("run", ".", "--list").stdout)

    def test_a_text_value_may_be_given_with_or_without_quotes(self):
        (self.folder / "texts.scn").write_text(CASES.replace("N = 1, 2, 3", 'T = "a b", "c"').replace('{N} bytes of "a"', "{T}"))
        for value in ("a b", '"a b"'):
            self.assertEqual([each["name"] for each in self.results("texts.scn", "-p", f"T={value}")], ["texts[T=a b]"])

    def test_a_seed_gives_the_same_journal_again(self):
        hashes = [[each["hash"] for each in self.results("cases.scn", "--seed", "3..9")] for _ in range(2)]
        self.assertEqual(hashes[0], hashes[1])
        self.assertGreater(len(set(hashes[0])), 1)
        self.ringside("run", ".", "--twice")

    def test_a_tape_repeats_a_run(self):
        seed = self.failing_seed()
        first = self.results("hello.scn", "--seed", seed, "--tape", "tape", status=EXPECTATION_FAILED)
        again = self.results("hello.scn", "--replay", "tape", status=EXPECTATION_FAILED)
        self.assertEqual(first[0]["hash"], again[0]["hash"])
        self.ringside("run", ".", "--tape", "tape", status=USAGE)
        (self.folder / "tape").write_text("something else\n")
        self.ringside("run", "hello.scn", "--replay", "tape", status=COULD_NOT_RUN)

    def test_tap_and_junit_count_what_failed(self):
        seed = self.failing_seed()
        out = self.ringside("run", ".", "--seed", seed, "--tap", "--junit", "results.xml", status=EXPECTATION_FAILED).stdout
        self.assertTrue(out.startswith("TAP version 13\n1..4\n"))
        self.assertIn(f"not ok 4 - hello seed {seed}\n# FAIL hello", out)
        suite = xml.dom.minidom.parse(str(self.folder / "results.xml"))
        self.assertEqual(len(suite.getElementsByTagName("testcase")), 4)
        self.assertGreaterEqual(len(suite.getElementsByTagName("failure")), 1)

    def test_until_failure_tries_seeds_that_were_not_tried_before(self):
        out = self.ringside("run", "hello.scn", "--until-failure", status=EXPECTATION_FAILED).stdout
        self.assertEqual(out.count("FAIL hello  seed"), 1)

    def test_a_range_of_seeds_takes_no_memory(self):
        (self.folder / "long.scn").write_text(HELLO.replace("\n", "\nseed 1..1000000000\n", 1))
        for words in (["long.scn"], ["cases.scn", "--seed", "1..1000000000"]):
            with subprocess.Popen([PROGRAM, "run", "--json", *words], cwd=self.folder, stdout=subprocess.PIPE) as running:
                self.assertTrue(running.stdout.readline())
                status = pathlib.Path(f"/proc/{running.pid}/status").read_text()
                running.kill()
            peak_kib = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
            self.assertLess(peak_kib, 200_000)
        said = self.ringside("run", "cases.scn", "--seed", "1..999999999999999999", status=USAGE).stderr
        self.assertIn("more than 1000000000000 runs", said)
        said = self.ringside("run", "long.scn", "--junit", "results.xml", status=USAGE).stderr
        self.assertIn("a report has at most 100000 runs, and these are 1000000000", said)

    def test_shards_are_parts_of_the_whole(self):
        whole = self.ringside("run", ".", "--seed", "5..11", "--dry-run").stdout.splitlines()
        parts = [self.ringside("run", ".", "--seed", "5..11", "--dry-run", "--shard", f"{part}/3").stdout.splitlines() for part in (1, 2, 3)]
        self.assertEqual([whole[part::3] for part in range(3)], parts)

    def test_of_many_failing_seeds_three_are_reported_in_full(self):
        out = self.ringside("run", "hello.scn", "--seed", "2..300", status=EXPECTATION_FAILED).stdout
        self.assertEqual(out.count("\n     again "), 3)
        self.assertIn("more seeds: ", out)

    def test_each_kind_of_wrong_call_has_its_own_status(self):
        self.ringside("run", status=USAGE)
        self.ringside("run", "hello.scn", "--seed", "many", status=USAGE)
        self.ringside("run", "hello.scn", "--shard", "4/3", status=USAGE)
        self.ringside("run", "hello.scn", "-p", "UNKNOWN=1", status=USAGE)
        said = self.ringside("run", ".", "-p", "M=1", status=USAGE).stderr
        self.assertIn('-p M: there is no parameter of that name (did you mean "N"?  there are: N)', said)
        self.ringside("run", "hello.scn", "--name", "unknown", status=USAGE)
        self.ringside("run", "missing.scn", status=DOES_NOT_PARSE)
        self.ringside("run", "-", text="scenario \"t\"\nxen bots dom1\n", status=DOES_NOT_PARSE)
        self.ringside("run", "-", text=HELLO)

    def test_a_shrunk_scenario_fails_alone_and_passes_in_the_plain_order(self):
        seed = self.failing_seed()
        out = self.ringside("shrink", "hello.scn", "--seed", seed, "-o", "small.scn").stdout
        small = (self.folder / "small.scn").read_text()
        self.assertNotIn("user", small)
        self.assertLessEqual(len([line for line in small.splitlines() if not line.startswith("#")]), 6)
        seed = re.search(r"^seed (\d+)$", small, re.MULTILINE)[1]
        self.assertIn(f"lines of 5 are left, and fail with seed {seed}, after", out)
        self.assertIn(f"# It fails with seed {seed} at: expect xcs forwards", small)
        self.assertIn("# It is met in the plain order of events", small)
        self.ringside("run", "small.scn", status=EXPECTATION_FAILED)
        self.ringside("run", "small.scn", "--seed", "1")
        self.ringside("shrink", "cases.scn", status=COULD_NOT_RUN)
        before = (self.folder / "hello.scn").read_text()
        self.assertIn("hello.scn: the command reads it, and would overwrite it",
                      self.ringside("shrink", "hello.scn", "--seed", seed, "-o", "./hello.scn", status=USAGE).stderr)
        self.assertEqual((self.folder / "hello.scn").read_text(), before)

    def test_two_outputs_are_not_one_file(self):
        for words in (["--html", "x", "--journal", "x"], ["--html", "x", "--junit", "x"], ["--junit", "x", "--tape", "x"],
                      ["--html", "-", "--journal", "-"]):
            with self.subTest(words):
                (self.folder / "x").write_text("kept")
                self.assertIn("it is named for two outputs", self.ringside("run", "hello.scn", *words, status=USAGE).stderr)
                self.assertEqual((self.folder / "x").read_text(), "kept")
        # A folder may have several.
        for words in (["--seed", "1..2", "--html", "both", "--journal", "both"], ["--html", "both", "--journal", "both"],
                      ["--html", "new/", "--journal", "new/"], ["--html", "/dev/null", "--journal", "/dev/null"]):
            self.ringside("run", "hello.scn", *words)
        self.assertEqual((len(list((self.folder / "both").glob("hello-seed-*"))), len(list((self.folder / "new").iterdir()))), (4, 3))

    def test_a_shrunk_scenario_fails_for_the_same_reason(self):
        (self.folder / "paused.scn").write_text(HELLO + 'xen pauses dom1\nuser types "ls -l"\nexpect dom1 reads "ls -l"\n')
        self.ringside("shrink", "paused.scn", "-o", "small.scn")
        small = (self.folder / "small.scn").read_text()
        self.assertTrue(small.endswith('xen pauses dom1\nuser types "l"\nexpect dom1 reads "l"\n'), small)
        self.assertIn('# It fails with seed 1 at: expect dom1 reads "l"\n# It is met without the line: xen pauses dom1\n', small)
        self.assertNotIn("prints", small)

    def test_a_golden_journal_is_written_on_request_and_compared_afterwards(self):
        golden = CASES.replace("param", "golden\nparam")
        (self.folder / "cases.scn").write_text(golden)
        self.assertIn("no such file yet", self.ringside("run", "cases.scn", status=EXPECTATION_FAILED).stdout)
        self.assertIn("3 of 3 runs", self.ringside("run", "cases.scn", "--update").stderr)
        kept = (self.folder / "cases.journal").read_text()
        self.assertEqual([line for line in kept.splitlines() if line.startswith("## ")],
                         ["## cases[N=1]", "## cases[N=2]", "## cases[N=3]"])
        self.ringside("run", "cases.scn", "-j", "3")
        (self.folder / "cases.scn").write_text(golden.replace('"a"', '"b"'))
        out = self.ringside("run", "cases.scn", status=EXPECTATION_FAILED).stdout
        self.assertIn("behaved differently", out)
        self.assertIn("ringside run --update cases.scn", out)
        self.ringside("run", "cases.scn", "--seed", "2")  # the golden journal is of the plain order only
        for other in (("--seed", "2..5"), ("--mode", "real")):
            said = self.ringside("run", "cases.scn", "--update", *other, status=USAGE).stderr
            self.assertIn("a golden journal is that of the simulated run with seed 1, which is not among these", said)
        for shard in ("1/2", "2/2"):
            said = self.ringside("run", "cases.scn", "--update", "--shard", shard, status=USAGE).stderr
            self.assertIn("a golden journal has all runs of its scenario", said)
        said = self.ringside("run", "hello.scn", "--update", status=USAGE).stderr
        self.assertIn("none of these scenarios says `golden`", said)
        self.assertEqual((self.folder / "cases.journal").read_text(), kept)
        self.ringside("run", "cases.scn", "-p", "N=2", "--update")
        failed = [each["name"] for each in self.results("cases.scn", status=EXPECTATION_FAILED) if each["outcome"] == "failed"]
        self.assertEqual(failed, ["cases[N=1]", "cases[N=3]"])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""The folder that `ringside run --keep-failed` leaves of a failed run.

usage: run_kept_test.py     RINGSIDE names the program (default: build/ringside)
"""

import json
import re
import shutil
import subprocess
import unittest

from run_report_test import EXPECTATION_FAILED, FAILS, NEVER_TRIED, PASSES, PATIENCE_S, PROGRAM, TEST, Folder

LESSONS = TEST.parent / "scenarios"


class KeepFailed(Folder):
    FILES = ["capture.pcapng", "journal.jsonl", "page.html", "report.txt", "scenario.kept"]

    def kept(self, folder="failed"):
        return {path.name: sorted(each.name for each in path.iterdir()) for path in (self.folder / folder).iterdir()}

    def hash_of(self, *arguments):
        out = self.run_all(*arguments, "--json", status=EXPECTATION_FAILED).stdout
        return json.loads(out)["hash"]

    def test_a_failed_run_leaves_one_folder_from_which_it_runs_again(self):
        text = FAILS.replace('"goodbye"', "{WORD}").replace("\n", '\nparam WORD = "goodbye", "hello"\n', 1)
        self.write(suite__bad=text, suite__good=PASSES)
        out = self.run_all("suite", "--keep-failed", "failed", "--seed", "3", status=EXPECTATION_FAILED).stdout
        self.assertEqual(self.kept(), {"bad-WORD=goodbye-seed-3": self.FILES})
        self.assertFalse((self.folder / "out").exists())
        folder = self.folder / "failed" / "bad-WORD=goodbye-seed-3"
        self.assertIn("look   ringside view failed/bad-WORD=goodbye-seed-3/journal.jsonl", out)
        report = (folder / "report.txt").read_text()
        self.assertTrue(report.startswith("FAIL bad[WORD=goodbye]  seed 3"), report)
        self.assertIn("     again  ringside run suite/bad.scn -p WORD=goodbye --seed 3\n", report)
        self.assertIn("     here   ringside run scenario.kept\n", report)
        hashes = {self.hash_of("suite/bad.scn", "-p", "WORD=goodbye", "--seed", "3"), self.hash_of(folder / "scenario.kept")}
        self.assertEqual(len(hashes), 1)
        self.assertIn("<title>", (folder / "page.html").read_text())
        self.assertTrue((folder / "capture.pcapng").read_bytes().startswith(b"\x0a\x0d\x0d\x0a"))
        self.write(suite__bad=PASSES.replace("\n", '\nparam WORD = "goodbye", "hello"\n', 1))
        self.run_all("suite", "--keep-failed", "failed", "--seed", "3")
        self.assertEqual(self.kept(), {}, "a run that passes now removes its old folder")

    def test_a_run_is_kept_whatever_made_it_fail(self):
        self.write(golden=PASSES.replace("\n", "\ngolden\n", 1), proves_nothing=NEVER_TRIED)
        self.run_all(".", "--strict", "--keep-failed", "failed", status=EXPECTATION_FAILED)
        self.assertEqual(self.kept(), {"golden-seed-1": self.FILES, "proves_nothing-seed-1": self.FILES})
        self.write(bad=FAILS)
        self.run_all("bad.scn", "--mode", "real", "--time-scale", "0.1", "--keep-failed", "real", status=EXPECTATION_FAILED)
        self.assertEqual(self.kept("real"), {"bad-seed-1-real": self.FILES})
        report = (self.folder / "real" / "bad-seed-1-real" / "report.txt").read_text()
        self.assertIn("     here   ringside run scenario.kept --mode real\n", report)

    def test_a_slash_in_a_pattern_is_kept(self):
        self.write(bad=FAILS.replace('"goodbye"', r"/C:\\\/x|usr\/bin|\//"))
        self.run_all("bad.scn", "--keep-failed", "failed", status=EXPECTATION_FAILED)
        kept = self.folder / "failed" / "bad-seed-1" / "scenario.kept"
        self.assertIn(r"expect user sees /C:\\\/x|usr\/bin|\// within 1s", kept.read_text())
        self.assertEqual(self.hash_of("bad.scn"), self.hash_of(kept))

    def test_a_run_that_cannot_be_kept_is_reported(self):
        self.write(bad=FAILS)
        (self.folder / "failed").write_text("no folder")
        done = self.run_all("bad.scn", "--keep-failed", "failed", status=EXPECTATION_FAILED)
        self.assertIn("ringside: cannot keep a failed run: failed/bad-seed-1/report.txt: ", done.stderr)

    def test_a_kept_scenario_repeats_its_run(self):
        for lesson in LESSONS.glob("[01]*.scn"):
            dom0 = "xenctld.lost" if re.search(r"xenctld|\bpty\b", lesson.read_text()) else "xcs.dropped"
            # Lines after the last scenario of a file belong to that scenario.
            (self.folder / lesson.name).write_text(lesson.read_text() + f"\nexpect {dom0} settles at 987654\n")
        for extra in LESSONS.iterdir():
            if extra.suffix != ".scn" and extra.is_file():
                shutil.copy(extra, self.folder)
        first = subprocess.run([PROGRAM, "run", ".", "--json", "--seed", "1", "--keep-failed", "failed", "-j", "2"], cwd=self.folder,
                               capture_output=True, text=True, timeout=PATIENCE_S)
        failed = [each for each in map(json.loads, first.stdout.splitlines()) if each["outcome"] == "failed"]
        self.assertGreater(len(failed), 20)
        for each in failed:
            folder = (self.folder / each["journal"]).parent
            again = subprocess.run([PROGRAM, "run", folder / "scenario.kept", "--json"], cwd=self.folder, capture_output=True, text=True,
                                   timeout=PATIENCE_S)
            self.assertEqual(json.loads(again.stdout)["hash"], each["hash"], each["name"])


if __name__ == "__main__":
    unittest.main()

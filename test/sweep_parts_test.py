#!/usr/bin/env python3
"""sweep: searches of ring-check that are too large for a unit are divided until all units are small. The parts are the search:
the same executions, and a failure that only one of them has. RINGSIDE names the program, RINGS the folder of plug-ins.

usage: sweep_parts_test.py     with RINGSIDE_LONG=1 also parts of parts, and parts that know different memory
"""

import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
RINGS = pathlib.Path(os.environ.get("RINGS", TEST.parent / "build" / "emu" / "check" / "plugins")).resolve()
GOOD, USAGE, COULD_NOT_RUN, FAILED = 0, 1, 3, 4
long_only = unittest.skipUnless(os.environ.get("RINGSIDE_LONG") == "1", "RINGSIDE_LONG=1 runs it")
# Of test/ring_check/in_turn.c: the orders of two threads with 10 steps each.
ORDERS = math.comb(20, 10)
# 500,000 steps, which is a tenth of that search.
SMALL = ["--unit-time", 0.1]
IN_TURN = "SC in turn"
# By the searches with bounds, before it is divided.
REACHED = "up to 6 deviations"
COMMAND = ["--", "ring-check", "--ring", "in_turn.so", "--model", "sc"]


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rs-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def ringside(self, *words, status=GOOD):
        done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=900, cwd=self.folder)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def compiled(self, bug):
        self.ringside("ring-check", "cc", "-O1", f"-DBUG={bug}", "-o", "in_turn.so", TEST / "ring_check" / "in_turn.c")
        return COMMAND

    def report(self, *words, status=GOOD):
        return json.loads(self.ringside("sweep", "--json", *words, status=status).stdout)

    def search(self, report, name=IN_TURN):
        found, = [each for each in report["searches"] if each["name"].endswith(": " + name)]
        return found

    def units(self, folder="units"):
        return {path.name[len("unit-"):-len(".jsonl")]: path for path in (self.folder / folder).glob("unit-*.jsonl")}


class Divided(Folder):
    @classmethod
    def setUpClass(cls):
        held = tempfile.TemporaryDirectory(prefix="rs-")
        cls.addClassCleanup(held.cleanup)
        cls.done = pathlib.Path(held.name) / "done"

    def swept(self):
        """A sweep of the correct program that is done; the first test that needs it does it."""
        if not self.done.exists():
            self.ringside("sweep", *SMALL, "--dir", "units", *self.compiled(0))
            shutil.copytree(self.folder, self.done)
        else:
            shutil.copytree(self.done, self.folder, dirs_exist_ok=True)
            plan = self.folder / "units" / "plan"
            plan.write_text(re.sub(r"(?m)^folder: .*$", f"folder: {self.folder}", plan.read_text()))
        return COMMAND

    def test_a_large_search_becomes_parts_with_each_execution_once(self):
        command = self.swept()
        report = self.report("--merge", "--dir", "units", *command)
        search = self.search(report)
        self.assertEqual((search["executions"], search["in_every_execution"]), (ORDERS, True))
        self.assertGreaterEqual(search["parts"], 64)
        self.assertEqual((report["not_in_every_execution"], report["units"]), (0, report["units_done"]))
        # The large unit is replaced, and the others stay as they are.
        self.assertLess({"1", "2", *(f"2of2.{part}" for part in range(1, 65))}, set(self.units()) | {"more"})
        # Nothing is done again, and the report is the same.
        before = {name: path.stat().st_mtime_ns for name, path in self.units().items()}
        self.assertEqual(self.report("--dir", "units", *command), report)
        self.assertEqual({name: path.stat().st_mtime_ns for name, path in self.units().items()}, before)

    def test_a_ring_has_the_same_executions_whole_and_divided(self):
        command = ["ring-check", "--ring", RINGS / "plain_2_O2.so", "--model", "c11", "--limit", 10**9]
        whole = {f"{each['ring']}: {each['what']}": each for each in map(json.loads, self.ringside(*command, "--json").stdout.splitlines())
                 if "search" in each}
        report = self.report("--unit-time", 0.02, "--dir", "units", "--", *command)
        self.assertEqual({each["name"]: each["executions"] for each in report["searches"]},
                         {name: each["executions"] for name, each in whole.items()})
        self.assertEqual({each["name"] for each in report["searches"] if not each["in_every_execution"]},
                         {name for name, each in whole.items() if each["outcome"] != "all"})
        self.assertGreater(max(each["parts"] for each in report["searches"]), 1)

    @long_only
    def test_a_part_that_is_large_is_divided_again(self):
        command = self.swept()
        executions = sorted(json.loads(path.read_text().splitlines()[1])["executions"] for name, path in self.units().items() if "." in name)
        # The two largest parts do not end within so many steps. An execution has 20.
        steps = 20 * executions[-2] - 2000
        report = self.report("--unit-time", steps / 5_000_000, "--dir", "again", *command)
        levels = {name.count(".") for name in self.units("again")}
        self.assertEqual(levels, {0, 1, 2})
        search = self.search(report)
        self.assertEqual((search["executions"], search["in_every_execution"]), (ORDERS, True))
        self.assertGreater(search["parts"], len(executions) + 60)
        # One of the small parts is missing.
        lost = next(name for name in self.units("again") if name.count(".") == 2)
        self.units("again")[lost].unlink()
        left = self.report("--merge", "--dir", "again", *command, status=COULD_NOT_RUN)
        self.assertEqual((self.search(left)["in_every_execution"], left["units"] - left["units_done"]), (False, 1))

    def test_a_bug_of_one_part_is_found_and_the_page_has_its_steps(self):
        command = self.compiled(1)
        report = self.report(*SMALL, "--dir", "units", "--html", "report", *command, status=FAILED)
        failure, = report["failures"]
        self.assertEqual((failure["count"], report["failed"]), (1, 1))
        self.assertEqual(self.search(report)["in_every_execution"], False)
        failing, = [name for name, path in self.units().items() if '"outcome":"failed"' in path.read_text()]
        self.assertRegex(failing, r"^2of2\.\d+(\.\d+)*$")
        shown = subprocess.run(failure["again"].replace("ringside", PROGRAM, 1), shell=True, capture_output=True, text=True, timeout=300, cwd=self.folder)
        self.assertEqual(shown.returncode, FAILED, shown.stdout + shown.stderr)
        self.assertIn(failure["first"], shown.stdout)
        page = (self.folder / "report" / "index.html").read_text()
        self.assertEqual(page.count('class="failure"'), 1)
        self.assertIn("ringside ring-check --ring in_turn.so --replay ", page)
        self.assertIn('<iframe src="failure-1.html"', page)
        self.assertIn('"mode":"check"', (self.folder / "report" / "failure-1.html").read_text())

    def test_a_search_with_missing_parts_is_no_proof_and_continues(self):
        command = self.swept()
        whole = self.report("--merge", "--dir", "units", *command)
        for lost in (["2of2.7"], ["2"], ["2of2.1", "2of2.64"]):
            with self.subTest(lost):
                for name in lost:
                    self.units()[name].unlink()
                left = self.report("--merge", "--dir", "units", *command, status=COULD_NOT_RUN)
                if lost != ["2"]:
                    self.assertEqual(left["units"] - left["units_done"], len(lost))
                    self.assertEqual((self.search(left)["in_every_execution"], self.search(left)["why_not"]),
                                     (False, f"{REACHED}; of its parts {whole['results'] - 1 - len(lost)} are done, and others are missing"))
                    self.assertEqual(left["not_in_every_execution"], left["passed"] - 1)
                    said = self.ringside("sweep", "--merge", "--dir", "units", *command, status=COULD_NOT_RUN).stdout
                    self.assertRegex(said, rf"(?m)^not in every execution: in_turn: SC in turn \({REACHED}; of its parts \d+ are done, and others are missing\)$")
                self.assertEqual(self.report("--dir", "units", *command), whole)

    def test_a_result_of_another_division_is_refused(self):
        """A part that was divided at another step, or with other memory, does not complete the others."""
        command = self.swept()
        path = self.units()["2of2.7"]
        text = path.read_text()
        division = re.search(r'"division":"(\d+)( [^"]*)"', text)
        for other in (f'"division":"{int(division[1]) + 1}{division[2]}"', f'"division":"{division[1]} v9.0.4"'):
            with self.subTest(other):
                path.write_text(text.replace(division[0], other))
                report = self.report("--merge", "--dir", "units", *command, status=COULD_NOT_RUN)
                self.assertEqual((report["could_not_run"], self.search(report)["in_every_execution"]), (1, False))

    @long_only
    def test_memory_that_only_one_part_shares_is_no_result(self):
        command = self.compiled(2)
        report = self.report(*SMALL, "--dir", "units", *command, status=COULD_NOT_RUN)
        self.assertIn("its parts do not divide the same search", report["failures"][0]["first"])
        self.assertFalse(self.search(report)["in_every_execution"])

    def test_list_names_the_parts_when_the_large_units_are_there(self):
        command = self.swept()
        whole = self.report("--merge", "--dir", "units", *command)
        listed = lambda: self.ringside("sweep", *SMALL, "--on", "list", "--dir", "units", *command).stdout.splitlines()
        self.assertEqual(listed(), [])
        for name in ("2of2.7", "2of2.64"):
            self.units()[name].unlink()
        lines = listed()
        self.assertEqual([line.split(" --unit ")[1].split()[0] for line in lines], ["2of2.7", "2of2.64"])
        for line in lines:
            # A machine of its own has the files, and nothing else.
            machine = self.folder / "machine"
            machine.mkdir()
            shutil.copy(self.folder / "in_turn.so", machine)
            subprocess.run(line.replace("ringside", PROGRAM, 1), shell=True, cwd=machine, check=True, stdout=subprocess.DEVNULL, timeout=300)
            for unit in (machine / "units").glob("unit-*"):
                shutil.copy(unit, self.folder / "units")
            shutil.rmtree(machine)
        self.assertEqual(self.report("--merge", "--dir", "units", *command), whole)
        self.units()["2"].unlink()
        self.assertEqual([line.split(" --unit ")[1].split()[0] for line in listed()], ["2"])

    def test_a_part_of_another_version_or_with_a_wrong_name_is_refused(self):
        command = self.swept()
        self.assertIn("unit 2of2.7", self.ringside("sweep", "--dir", "units", "--unit", "2of2.7").stdout)  # it is done
        for name in ("3", "0", "2of2.65", "2of2.1.1.1.1", "2of2", "2of2.", "1of2x", "-1"):
            with self.subTest(name):
                self.assertIn("cannot sweep", self.ringside("sweep", "--dir", "units", f"--unit={name}", status=USAGE).stderr)
        self.units()["2of2.7"].unlink()
        plan = self.folder / "units" / "plan"
        plan.write_text(plan.read_text().replace("version: ", "version: 0.0."))
        self.assertIn("the sweep was begun by 0.0.", self.ringside("sweep", "--dir", "units", "--unit", "2of2.7", status=COULD_NOT_RUN).stderr)

    def test_a_limit_of_the_command_is_kept(self):
        """A search that ends at the user's limit is not divided."""
        command = self.compiled(0)
        report = self.report(*SMALL, "--dir", "units", *command, "--limit", 1000)
        self.assertEqual((report["units"], self.search(report)["in_every_execution"]), (2, False))


if __name__ == "__main__":
    unittest.main(verbosity=2)

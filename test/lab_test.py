#!/usr/bin/env python3
"""The labs: each check refuses wrong solutions, with its reason, and takes two different right ones. And the commands
around them: start, hint, results, collect, and the tour on a terminal.

usage: lab_test.py     RINGSIDE names the program (default: build/ringside); RINGSIDE_LONG=1: solutions in C that wait are
given up as late as a student's, and both right ones are checked

test/labs/N has the solutions: right-1 is the work of the student with number 1, right-2 of the one with number 2, and
cases.toml changes right-1 into wrong solutions.
"""

import csv
import concurrent.futures
import io
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import fcntl
import tomllib
import unittest

from needed import needed

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
LONG = os.environ.get("RINGSIDE_LONG") == "1"
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN, REFUSED = range(5)
LABS = range(1, 7)
HAS_CHECKER = "\n  ring-check " in subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
WRONG_MIN = 8
ROWS, COLUMNS = 24, 80
PATIENCE_S = 3600


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def ringside(self, *words, status=GOOD, where=None, **variables):
        environment = {**os.environ, "USER": "ada", "XDG_STATE_HOME": str(self.folder / "state"), **variables}
        result = subprocess.run([PROGRAM, *map(str, words)], cwd=where or self.folder, env=environment,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result.stdout if status in (GOOD, REFUSED) else result.stderr

    def running(self):
        """The command lines of processes that a check of this test has started and not ended."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.fsencode(self.folder) in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
        return found

    def start(self, lab, solution=1, name=None):
        """A student's folder with a right solution in it."""
        work = self.folder / (name or f"lab-{lab}-{solution}")
        self.ringside("lab", "start", lab, work, "--number", solution)
        shutil.copytree(TEST / "labs" / str(lab) / f"right-{solution}", work, dirs_exist_ok=True)
        return work


class Solutions(Folder):
    def right(self, lab):
        # Those of labs 4 and 5 are compiled.
        for solution in (1, 2) if LONG or lab not in (4, 5) else (1,):
            with self.subTest(solution=solution):
                work = self.start(lab, solution)
                said = self.ringside("lab", "check", where=work)
                self.assertRegex(said, r"(\d+) of \1 are good")
                self.assertEqual(self.running(), [])

    def wrong(self, lab):
        cases = tomllib.loads((TEST / "labs" / str(lab) / "cases.toml").read_text())["wrong"]
        self.assertGreaterEqual(len(cases), WRONG_MIN)
        works = []
        for number, case in enumerate(cases):
            work = self.start(lab, name=f"wrong-{number}")
            for name, old, new in case.get("replace", []):
                text = (work / name).read_text()
                self.assertEqual(text.count(old), 1, f"{case['what']}: {old!r} in {name}")
                (work / name).write_text(text.replace(old, new))
            for name in case.get("remove", []):
                (work / name).unlink()
            works.append(work)

        def check(number):
            # A controller that waits for ever is refused whenever it is given up, for the same reason.
            soon = {"LAB_LAST_PATIENCE_S": "1"} if cases[number].get("waits") and not LONG else {}
            return self.ringside("lab", "check", "--only", cases[number]["check"], where=works[number], status=REFUSED, **soon)

        # Others are checked in the meantime.
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            running = [pool.submit(check, number) for number in range(len(cases))]
            for case, future in zip(cases, running):
                with self.subTest(case["what"]):
                    said = future.result()
                    self.assertRegex(said, rf"  wrong +{case['check']} ")
                    # Lines of the reason are indented.
                    self.assertRegex(re.sub(r"\n +", "\n", said), case["says"])
        self.assertEqual(self.running(), [])


for each in LABS:
    for kind in ("right", "wrong"):
        def test(self, lab=each, run=kind):
            getattr(self, run)(lab)
        if each in (4, 5):
            test = needed("cc", "gcc")(test)
        if each == 4:
            test = unittest.skipUnless(HAS_CHECKER, "built without ring-check")(test)
        if each == 5:
            test = needed("pkg-config")(test)
        setattr(Solutions, f"test_lab_{each}_{kind}", test)


class Commands(Folder):
    def test_unfinished_work_is_refused(self):
        """The starting files alone: every check is refused or not reached, and none is good by itself."""
        for lab in (2, 3, 6):
            work = self.folder / f"lab-{lab}"
            self.ringside("lab", "start", lab)
            said = self.ringside("lab", "check", lab, status=REFUSED)
            self.assertRegex(said, r"\n[01] of \d+ are good")
            self.assertTrue((work / "result.txt").exists())

    def test_a_reason_never_has_the_answer(self):
        for lab in (2, 3):
            work = self.start(lab)
            right = dict(re.findall(r"^(\w+): (\d+)$", (work / "answers.txt").read_text(), re.MULTILINE))
            (work / "answers.txt").write_text("".join(f"{name}: 77\n" for name in right))
            said = self.ringside("lab", "check", where=work, status=REFUSED)
            reasons = "\n".join(re.findall(r"^ {9}(.*)", said, re.MULTILINE))
            for name, answer in right.items():
                self.assertIn(f"{name}: ", reasons)
                self.assertNotRegex(reasons, rf"\b{answer}\b")

    def test_students_have_different_numbers(self):
        texts = set()
        for number in range(1, 6):
            self.ringside("lab", "start", 3, f"s{number}", "--number", number)
            text = (self.folder / f"s{number}" / "README.md").read_text()
            self.assertNotIn("@", text)
            texts.add(text)
        self.assertGreater(len(texts), 3)

    def test_hints_come_one_by_one_and_are_counted(self):
        work = self.start(2)
        (work / "answers.txt").write_text("sent: 1\n")
        self.assertIn("  1 of 2: ", self.ringside("lab", "hint", where=work))
        second = self.ringside("lab", "hint", 2, "sent", where=work)
        self.assertIn("  2 of 2: ", second)
        self.assertEqual(second, self.ringside("lab", "hint", 2, "sent", where=work))
        self.ringside("lab", "check", where=work, status=REFUSED)
        self.assertIn("\nhints: 2\n", (work / "result.txt").read_text())
        self.assertIn("ringside: there is no check: nosuch: lab 2 has others (sent, ",
                      self.ringside("lab", "hint", 2, "nosuch", where=work, status=COULD_NOT_RUN))

    def test_wrong_calls_say_what_to_do(self):
        for words, text in [
                (["start", 9], "there is no lab: 9: the labs are 1 to 6 (ringside lab list)"),
                (["check"], "cannot open a lab: .: this folder has no started lab (go to its folder, or name"),
                (["check", 3], "cannot open a lab: lab-3: this lab was not started here (ringside lab start 3)"),
                (["collect", "nosuch"], "cannot collect results: nosuch: No such file or directory"),
                (["collect", "."], "cannot collect results: .: no folder below it is that of a lab (students")]:
            with self.subTest(words):
                self.assertIn("ringside: " + text, self.ringside("lab", *words, status=COULD_NOT_RUN))
        self.ringside("lab", "start", 1)
        self.assertIn("lab-1: it exists already", self.ringside("lab", "start", 1, status=COULD_NOT_RUN))
        self.assertIn("--student: a name has letters", self.ringside("lab", "start", 2, "--student", "a,b", status=USAGE))
        (self.folder / "lab-1" / ".lab").write_text("lab\n")
        self.assertIn(".lab:1: a line has the form", self.ringside("lab", "check", 1, status=COULD_NOT_RUN))

    def collected(self, *more, status=GOOD):
        rows = csv.DictReader(io.StringIO(self.ringside("lab", "collect", ".", "--csv", *more, status=status)))
        return {row["folder"]: row for row in rows}

    def test_collect_sees_what_was_changed(self):
        works = {name: self.start(2, name=name) for name in ("good", "file", "line", "copy")}
        (works["file"] / "answers.txt").write_text("sent: 18\n")
        (works["line"] / "answers.txt").write_text("sent: 17\n")
        self.ringside("lab", "check", where=works["good"])
        for name in ("file", "line"):
            self.ringside("lab", "check", where=works[name], status=REFUSED)
        before = self.collected(status=REFUSED)
        self.assertEqual(before.pop("./copy")["state"], "not checked: there is no result.txt")
        self.assertEqual({row["state"] for row in before.values()}, {"intact"})
        self.assertEqual((before["./good"]["student"], before["./good"]["good"], before["./good"]["checks"]), ("ada", "9", "9"))
        # Each of these changes is an attempt to hand in what was not judged.
        (works["file"] / "answers.txt").write_text("sent: 19\n")
        result = works["line"] / "result.txt"
        result.write_text(result.read_text().replace("\ngood: 0\n", "\ngood: 9\n"))
        shutil.copy(works["good"] / "result.txt", works["copy"])
        after = self.collected(status=REFUSED)
        self.assertEqual(after["./file"]["state"], "answers.txt was changed after the check")
        self.assertEqual(after["./line"]["state"], "the result was edited")
        self.assertEqual(after["./good"]["state"], "the same files as ./copy")
        (works["copy"] / "answers.txt").unlink()
        self.assertEqual(self.collected(status=REFUSED)["./copy"]["state"], "answers.txt is missing")
        result.write_text(re.sub(r"(?m)^digest: .*\n", "", result.read_text()).replace("student: ada", "student: =1\x1b[2J"))
        row = self.collected(status=REFUSED)["./line"]
        self.assertEqual((row["state"], row["student"]), ("the result was edited", "'=1?[2J"))
        self.assertIn("answers.txt was changed after the check", self.ringside("lab", "collect", ".", status=REFUSED))

    def test_regrading_shows_a_made_up_result(self):
        work = self.start(2)
        (work / "answers.txt").write_text("sent: 18\n")
        self.ringside("lab", "check", where=work, status=REFUSED)
        text = (work / "result.txt").read_text().replace("\ngood: 0\n", "\ngood: 9\n")
        text = re.sub(r"(?m)^digest: .*\n", "", text)
        digest = subprocess.run("sha256sum", input=text, capture_output=True, text=True, check=True).stdout.split()[0]
        (work / "result.txt").write_text(f"{text}digest: {digest}\n")
        self.assertEqual(self.collected()[f"./{work.name}"]["state"], "intact")
        unchecked = self.start(2, name="unchecked")
        again = self.collected("--regrade", status=REFUSED)
        self.assertEqual(again[f"./{work.name}"]["state"], "checked again: 0 are good")
        self.assertEqual(again[f"./{unchecked.name}"]["state"], "not checked: there is no result.txt; checked again: 9 are good")


    def test_a_check_is_not_tried_without_the_one_that_it_requires(self):
        work = self.start(1)
        text = (work / "follow.scn").read_text()
        (work / "follow.scn").write_text(text + "expect nonsense\n")
        said = self.ringside("lab", "check", where=work, status=REFUSED)
        self.assertEqual(said.count("expect nonsense"), 1)
        self.assertRegex(said, r"  wrong +reaped .*\n +not tried, because `holds` is not good\n")
        self.assertRegex(said, r"\n2 of 8 are good")
        self.assertIn("check reaped: wrong\n", (work / "result.txt").read_text())

    def test_in_its_folder_a_check_is_named_alone(self):
        work = self.start(1)
        self.assertRegex(self.ringside("lab", "check", "slot", where=work), r"^lab 1: .*\n  good +slot .*\n$")
        self.assertIn("slot: ", self.ringside("lab", "hint", "slot", where=work))
        last = [self.ringside("lab", "hint", "slot", where=work) for _ in range(5)][-1]
        self.assertRegex(last, r"\nIt has no more hints\. The result counts hints\.\n$")


class Tour(Folder):
    """On a terminal of 80 columns by 24 lines."""

    def begin(self, *words):
        process, terminal = pty.fork()
        if process == 0:
            os.environ.update(XDG_STATE_HOME=str(self.folder / "state"), TERM="dumb")
            os.execv(PROGRAM, [PROGRAM, "tour", *words])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process, self.terminal, self.unread = process, terminal, ""
        self.addCleanup(os.close, terminal)

    def read_until(self, ends):
        """All up to a match of `ends`; what follows it is read next."""
        while True:
            match = re.search(ends, self.unread)
            if match:
                text, self.unread = self.unread[:match.end()], self.unread[match.end():]
                return text.replace("\r\n", "\n")
            self.assertTrue(select.select([self.terminal], [], [], PATIENCE_S)[0], self.unread)
            try:
                piece = os.read(self.terminal, 65536)
            except OSError:
                piece = b""
            self.assertTrue(piece, f"it ended after {self.unread!r}")
            self.unread += piece.decode()

    def ended(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    @unittest.skipUnless(HAS_CHECKER, "built without ring-check")
    @needed("cc", "gcc")
    def test_each_step_fits_waits_and_runs(self):
        steps = self.ringside("tour", "--list").splitlines()
        self.begin()
        for number in range(1, len(steps) + 1):
            last = number == len(steps)
            text = self.read_until(r"(That was the tour|q and Enter: leave)\.")
            with self.subTest(steps[number - 1]):
                self.assertIn("That was the tour" if last else f"Enter: step {number + 1}. ", text)
                self.assertIn(f"Step {number} of {len(steps)}: ", text)
                self.assertNotIn("ended with status", text)
                self.assertRegex(text, r"\n\$ .+\n(.+\n)+")
                # Plain lines: no cursor movement, no colour.
                self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f]")
                lines = text[text.index("Step "):].splitlines()
                rows = sum(max(1, -(-len(line) // COLUMNS)) for line in lines)
                self.assertLessEqual(rows, ROWS - 1, text)
            if not last:
                os.write(self.terminal, b"\n")
        self.assertEqual(self.ended(), GOOD)

    def test_it_can_be_left_and_continued(self):
        self.begin()
        self.read_until("Enter: step 2")
        os.write(self.terminal, b"\n")
        self.read_until("Enter: step 3")
        os.write(self.terminal, b"q\n")
        self.read_until(r"ringside tour --step 3 goes on from here, and so does ringside tour\.\r\n")
        self.assertEqual(self.ended(), GOOD)
        self.begin()
        self.assertIn("Step 3 of ", self.read_until(r"Enter: step \d+"))
        os.write(self.terminal, b"\x04")
        self.read_until("tour --step 4 goes on")
        self.assertEqual(self.ended(), GOOD)
        self.begin("--step", "2")
        self.read_until("Step 2 of ")
        self.read_until("Enter: step 3")
        os.write(self.terminal, b"q\n")
        self.read_until("goes on")
        self.assertEqual(self.ended(), GOOD)

    def test_wrong_places_are_errors(self):
        self.assertIn("cannot continue the tour: 99: it has ", self.ringside("tour", "--step", 99, status=COULD_NOT_RUN))
        (self.folder / "state" / "ringside").mkdir(parents=True)
        (self.folder / "state" / "ringside" / "tour").write_text("step: 77\n")
        self.assertIn("it names no step (remove it, or begin with --step 1)", self.ringside("tour", status=COULD_NOT_RUN))


if __name__ == "__main__":
    unittest.main()

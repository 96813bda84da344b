#!/usr/bin/env python3
"""The reports of `ringside run` for a CI system: a report of every call, also of one that ends early, in which no two
results have the same name.

usage: run_report_test.py     RINGSIDE names the program (default: build/ringside)
"""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import xml.dom.minidom

from needed import needed

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN, EXPECTATION_FAILED = range(5)
PATIENCE_S = 300
INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PASSES = """scenario "Passes"
xen boots dom1
user connects to dom1
dom1 prints "hello\\n"
expect user sees "hello"
"""
FAILS = PASSES.replace('sees "hello"', 'sees "goodbye" within 1s')
BROKEN = 'scenario "Broken"\nxen bots dom1\n'
# Virtual time takes no real time, so this run must be real.
LASTS = """scenario "Lasts"
xen boots dom1
after 10min
expect xcs.dropped settles at 0
"""
NEVER_TRIED = PASSES + "after 1s never dom1.strays changes\n"


def is_caught(pid, number):
    """Whether the process has a handler for this signal."""
    caught = re.search(r"^SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]
    return bool(int(caught, 16) >> (number - 1) & 1)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, **texts):
        """Writes scenarios; `a__x=PASSES` means a/x.scn."""
        for name, text in texts.items():
            path = self.folder / (name.replace("__", "/") + ".scn")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    def run_all(self, *arguments, status=GOOD):
        result = subprocess.run([PROGRAM, "run", *arguments], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def cases(self, name="r.xml"):
        """(suite, name, outcome) of each case of a JUnit file."""
        report = xml.dom.minidom.parse(str(self.folder / name)).documentElement
        self.assertEqual(report.tagName, "testsuites")
        found = []
        for suite in report.getElementsByTagName("testsuite"):
            cases = suite.getElementsByTagName("testcase")
            outcomes = ["failed" if case.getElementsByTagName("failure") else "error" if case.getElementsByTagName("error") else "passed"
                        for case in cases]
            counts = tuple(int(suite.getAttribute(key)) for key in ("tests", "failures", "errors"))
            self.assertEqual(counts, (len(cases), outcomes.count("failed"), outcomes.count("error")))
            found += [(suite.getAttribute("name"), case.getAttribute("name"), outcome) for case, outcome in zip(cases, outcomes)]
        self.assertEqual(int(report.getAttribute("tests")), len(found))
        return found

    def old_report(self):
        (self.folder / "r.xml").write_text("<testsuites><!-- of yesterday --></testsuites>")


class EveryRunHasAReport(Folder):
    def test_a_file_that_does_not_parse_is_a_result_and_the_others_run(self):
        self.write(suite__a=PASSES, suite__b=BROKEN, suite__c=FAILS)
        self.old_report()
        done = self.run_all("suite", "missing.scn", "--junit", "r.xml", status=DOES_NOT_PARSE)
        self.assertEqual(self.cases(), [("suite/b.scn", "suite/b.scn parses", "error"), ("missing.scn", "missing.scn parses", "error"),
                                        ("suite/a.scn", "a seed 1", "passed"), ("suite/c.scn", "c seed 1", "failed")])
        self.assertIn('xen cannot "bots"', (self.folder / "r.xml").read_text().replace("&quot;", '"'))
        self.assertIn('error[E012]: xen cannot "bots"', done.stderr)
        self.assertIn("2 runs: 1 passed, 1 failed, 2 files do not parse", done.stdout)
        tap = self.run_all("suite", "--tap", status=DOES_NOT_PARSE).stdout
        self.assertTrue(tap.startswith("TAP version 13\n1..3\nnot ok 1 - suite/b.scn parses\n# error[E012]"), tap)
        self.assertIn("\nok 2 - a seed 1\n", tap)
        lines = [json.loads(line) for line in self.run_all("suite", "--json", status=DOES_NOT_PARSE).stdout.splitlines()]
        self.assertEqual([(line["file"], line["line"], line["outcome"]) for line in lines],
                         [("suite/b.scn", 2, "does not parse"), ("suite/a.scn", 1, "passed"), ("suite/c.scn", 1, "failed")])
        self.assertEqual(lines[0]["first"], 'suite/b.scn:2:5: xen cannot "bots"')
        self.assertIn("1 file does not parse", self.run_all("suite/b.scn", status=DOES_NOT_PARSE).stdout)

    def test_a_link_to_nothing_is_a_file_that_does_not_parse(self):
        self.write(a=PASSES)
        (self.folder / "b.scn").symlink_to("nothing")
        self.assertIn("1 passed, 1 file does not parse", self.run_all(".", status=DOES_NOT_PARSE).stdout)

    def test_each_file_that_does_not_parse_belongs_to_one_shard(self):
        self.write(a=BROKEN, b=BROKEN, c=PASSES, d=PASSES)
        for part, status, broken in ((1, DOES_NOT_PARSE, "a.scn"), (2, DOES_NOT_PARSE, "b.scn"), (3, GOOD, None)):
            self.run_all(".", "--shard", f"{part}/3", "--junit", "r.xml", status=status)
            self.assertEqual([suite for suite, _, outcome in self.cases() if outcome == "error"], [f"./{broken}"] if broken else [])

    def test_a_run_that_cannot_begin_leaves_no_old_report(self):
        self.write(a=PASSES)
        for words in (["a.scn", "--seed", "many"], ["a.scn", "-p", "UNKNOWN=1"], ["a.scn", "--replay", "nothing"], ["no-folder/"]):
            with self.subTest(words):
                self.old_report()
                result = subprocess.run([PROGRAM, "run", *words, "--junit", "r.xml"], cwd=self.folder, capture_output=True, text=True,
                                        timeout=PATIENCE_S)
                self.assertNotEqual(result.returncode, GOOD)
                self.assertTrue(all(outcome == "error" for *_, outcome in self.cases()))
        self.old_report()
        self.run_all("a.scn", "--junit", "r.xml", "--dry-run")
        self.assertIn("yesterday", (self.folder / "r.xml").read_text())

    def test_an_input_file_is_never_overwritten(self):
        self.write(a=PASSES, b=PASSES)
        self.run_all("a.scn", "--tape", "tape")
        self.run_all("a.scn", "--journal", "a.jsonl")
        (self.folder / "link.html").symlink_to("a.scn")
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        for words in (["run", "a.scn", "--html", "./a.scn"], ["run", "a.scn", "--html", "link.html"], ["run", "--journal", "b.scn", "a.scn"],
                      ["run", "a.scn", "--junit", "b.scn"], ["run", "a.scn", "--pcap", "new.scn"], ["run", "a.scn", "--tape", "a.scn"],
                      ["run", "a.scn", "--replay", "tape", "--journal", "tape"], ["view", "a.jsonl", "--html", "a.jsonl"],
                      ["view", "a.jsonl", "--svg", "./a.jsonl"], ["view", "a.jsonl", "--pcap", "a.scn"]):
            with self.subTest(words):
                done = subprocess.run([PROGRAM, *words], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S)
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.assertRegex(done.stderr, r"would (be overwritten|overwrite it) \(name another file\)")
                self.assertEqual({path.name: path.read_bytes() for path in self.folder.iterdir()}, before)

    def test_a_file_that_cannot_be_written_is_reported_on_stderr(self):
        self.write(a=PASSES)
        for option, what in (("--journal", "a journal"), ("--html", "a page"), ("--pcap", "a capture")):
            with self.subTest(option):
                done = self.run_all("a.scn", option, "/dev/full", "--junit", "r.xml", status=COULD_NOT_RUN)
                self.assertIn(f"ringside: cannot write {what}: /dev/full: No space left on device\n", done.stderr)
                self.assertIn("FAIL a  seed 1: it passed, and its files could not be written\n", done.stdout)
                self.assertIn("No space left on device", (self.folder / "r.xml").read_text())

    def test_a_report_that_cannot_be_written_is_an_error_before_anything_runs(self):
        self.write(a=PASSES)
        done = self.run_all("a.scn", "--junit", "nowhere/r.xml", status=COULD_NOT_RUN)
        self.assertIn("cannot write results: nowhere/r.xml", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_report_on_stdout_is_written_once(self):
        self.write(a=PASSES)
        out = self.run_all("a.scn", "--junit", "-").stdout
        self.assertEqual(out.count("<testsuites"), 1)

    def start(self, *arguments, signals=signal.SIG_DFL, stdin=None):
        """Starts a run with processes. The user's shell may ignore signals, and children inherit that."""
        def set_signals():
            for number in INTERRUPTING:
                signal.signal(number, signals)

        running = subprocess.Popen([PROGRAM, "run", *arguments, "--mode", "real"], cwd=self.folder, stdin=stdin,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=set_signals)
        self.addCleanup(running.stdout.close)
        self.addCleanup(running.stderr.close)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        return running

    def read_until(self, running, words):
        said = ""
        while words not in said:
            line = running.stdout.readline()
            if not line:
                self.fail(said + running.stderr.read())
            said += line
        return said

    def test_a_signal_ends_it_with_a_report_of_what_ran(self):
        self.write(a=PASSES, b=PASSES, c=LASTS, d=PASSES)
        for number in INTERRUPTING:
            name = number.name
            said = f"interrupted by {name} after 2 of 4 runs"
            with self.subTest(name):
                self.old_report()
                running = self.start(".", "--tap", "--junit", "r.xml")
                self.read_until(running, "ok 2 - b")
                running.send_signal(number)
                rest, errors = running.communicate(timeout=PATIENCE_S)
                self.assertEqual((running.returncode, rest, errors), (128 + number, f"Bail out! {said}\n", ""))
                self.assertEqual(self.cases(), [("./a.scn", "a seed 1", "passed"), ("./b.scn", "b seed 1", "passed"),
                                                ("ringside run", "the run has ended", "error")])
                self.assertIn(f'message="{said}"', (self.folder / "r.xml").read_text())
                self.assertFalse((self.folder / "out").exists())

    def test_a_signal_ends_it_in_the_other_formats(self):
        self.write(a=FAILS, c=LASTS, d=PASSES)
        for option, first, last in ((["--json"], '"name":"a"', r'^{"outcome":"interrupted","signal":"SIGTERM","ran":1,"of":3}\n$'),
                                    ([], "FAIL a", r"^interrupted by SIGTERM after 1 of 3 runs: 0 passed, 1 failed, in ")):
            with self.subTest(option):
                running = self.start(".", *option)
                self.read_until(running, first)
                running.send_signal(signal.SIGTERM)
                rest, _ = running.communicate(timeout=PATIENCE_S)
                self.assertEqual(running.returncode, 128 + signal.SIGTERM)
                self.assertRegex(rest, last)

    def test_a_signal_before_the_first_run_is_reported_too(self):
        for option, last in ((["--tap"], "Bail out! interrupted by SIGTERM before the first run\n"),
                             (["--json"], '{"outcome":"interrupted","signal":"SIGTERM","ran":0,"of":0}\n'),
                             ([], "interrupted by SIGTERM before the first run\n")):
            with self.subTest(option):
                # The command waits for a scenario that is never written.
                running = self.start("-", *option, stdin=subprocess.PIPE)
                self.addCleanup(running.stdin.close)
                while not is_caught(running.pid, signal.SIGTERM):
                    time.sleep(0.01)
                running.send_signal(signal.SIGTERM)
                self.assertEqual(running.wait(PATIENCE_S), 128 + signal.SIGTERM)
                self.assertEqual((running.stdout.read(), running.stderr.read()), (last, ""))

    def test_chaos_says_how_far_it_came(self):
        for number in INTERRUPTING:
            with self.subTest(number.name):
                running = subprocess.Popen([PROGRAM, "chaos", "--count", "1000000000"], stdout=subprocess.PIPE, text=True,
                                           preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in INTERRUPTING])
                self.addCleanup(running.stdout.close)
                self.addCleanup(running.wait)
                self.addCleanup(running.kill)
                while not is_caught(running.pid, number):
                    time.sleep(0.01)
                running.send_signal(number)
                rest, _ = running.communicate(timeout=PATIENCE_S)
                self.assertEqual(running.returncode, 128 + number)
                self.assertRegex(rest, rf"^interrupted by {number.name} after (no run|\d+ runs, seeds 1 to \d+: .* nothing lost;.*)\n$")

    def test_a_run_of_chaos_leaves_its_journal(self):
        journal = self.folder / "chaos.jsonl"
        seed = [PROGRAM, "chaos", "--seed", "17", "--count", "1", "--length", "5"]
        subprocess.run([*seed, "--journal", journal], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
        listed = subprocess.run([*seed, "--list"], capture_output=True, text=True, timeout=PATIENCE_S).stdout
        shown = subprocess.run([PROGRAM, "view", journal, "--text"], capture_output=True, text=True, timeout=PATIENCE_S).stdout
        steps = [line.strip() for line in listed.splitlines()[1:]]
        self.assertEqual(re.findall(r"^ +line \d+  (.*)$", shown, re.MULTILINE), steps)

    def test_several_threads_are_interrupted_together(self):
        self.write(a=PASSES, b=LASTS, c=LASTS, d=PASSES, e=PASSES)
        running = self.start(".", "--json", "-j", "2")
        self.read_until(running, '"name":"a"')
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=PATIENCE_S)
        self.assertEqual(running.returncode, 128 + signal.SIGINT)
        self.assertEqual(json.loads(rest.splitlines()[-1]), {"outcome": "interrupted", "signal": "SIGINT", "ran": 1, "of": 5})

    def test_an_ignored_signal_stays_ignored(self):
        self.write(a=PASSES, b=PASSES)
        running = self.start(".", "--json", signals=signal.SIG_IGN)
        self.read_until(running, '"name":"a"')
        running.send_signal(signal.SIGHUP)
        rest, _ = running.communicate(timeout=PATIENCE_S)
        self.assertEqual((running.returncode, json.loads(rest)["name"]), (GOOD, "b"))

    def test_a_killed_run_leaves_no_old_report(self):
        self.write(a=PASSES, c=LASTS)
        self.old_report()
        running = self.start(".", "--json", "--junit", "r.xml")
        self.read_until(running, '"name":"a"')
        running.kill()
        running.wait()
        self.assertEqual(self.cases(), [("ringside run", "the run has ended", "error")])

    def test_a_timeout_ends_a_run_with_processes_that_waits(self):
        self.write(c=LASTS)
        # Long enough for the machine to start, however slow the computer is.
        for seconds in (0.5, 2, 8, 32, 128):
            out = self.run_all("c.scn", "--mode", "real", "--timeout", str(seconds), status=COULD_NOT_RUN).stdout
            if "does not start" not in out:
                break
        self.assertIn("it took too long (--timeout allows more)", out)

    def test_a_timeout_ends_a_row_of_acts(self):
        self.write(a='scenario "Acts only"\nxen boots dom1\nrepeat 10000\ndom1 prints "x"\nend\n')
        out = self.run_all("a.scn", "--timeout", "0.001", status=COULD_NOT_RUN).stdout
        self.assertIn("it took too long (--timeout allows more)", out)

    def test_progress_is_shown_on_a_terminal_and_nowhere_else(self):
        self.write(a=PASSES)
        words = [PROGRAM, "run", "a.scn", "--seed", "1..3000", "--json"]
        master, slave = pty.openpty()
        with subprocess.Popen(words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=slave) as running:
            os.close(slave)
            shown = b""
            while select.select([master], [], [], PATIENCE_S)[0]:
                try:
                    shown += os.read(master, 4096)
                except OSError:  # it has closed its end
                    break
            running.wait(PATIENCE_S)
        os.close(master)
        self.assertRegex(shown.decode(), r"\[\d+/3000\] [\d.]+ runs/s, \d+ (s|min) left  a\r\x1b\[K")
        self.assertEqual(self.run_all("a.scn", "--seed", "1..3000", "--json").stderr, "")


class NamesAreNeverAmbiguous(Folder):
    def test_two_files_of_one_name_have_two_of_everything(self):
        self.write(d1__x=PASSES.replace("hello", "good morning"), d2__x=PASSES.replace("hello", "good night"), d2__y=PASSES)
        for threads in ("1", "2"):
            shutil.rmtree(self.folder / "left", ignore_errors=True)
            out = self.run_all("d1", "d2", "--tap", "--junit", "r.xml", "-j", threads,
                               *(word for option in ("journal", "html", "pcap") for word in (f"--{option}", "left"))).stdout
            self.assertEqual(re.findall(r"^ok .*", out, re.MULTILINE),
                             ["ok 1 - d1/x.scn seed 1", "ok 2 - d2/x.scn seed 1", "ok 3 - y seed 1"])
            self.assertEqual([name for _, name, _ in self.cases()], ["d1/x.scn seed 1", "d2/x.scn seed 1", "y seed 1"])
            for suffix in (".jsonl", ".html", ".pcapng"):
                self.assertEqual(len([path for path in (self.folder / "left").glob("*" + suffix) if path.name != "index.html"]), 3)
            journals = [path.read_text() for path in (self.folder / "left").glob("*.jsonl")]
            self.assertEqual([sum(word in text for text in journals) for word in ("good morning", "good night")], [1, 1])

    def test_where_names_only_look_alike_files_are_told_apart(self):
        self.write(**{"a b": PASSES, "a_b": PASSES, "a?b": PASSES, "c": PASSES.replace("\n", "\nparam N = 1, 2\n", 1), "c-N=1": PASSES})
        self.run_all(".", "--journal", "left")
        self.assertEqual(len(list((self.folder / "left").iterdir())), 6)
        self.assertTrue((self.folder / "left" / "a_b-seed-1.jsonl").exists())

    def test_no_file_of_a_run_is_hidden(self):
        self.write(**{".hidden": PASSES})
        (self.folder / "left").mkdir()
        self.run_all(".hidden.scn", "--journal", "left")
        self.assertRegex(" ".join(path.name for path in (self.folder / "left").iterdir()), r"^_hidden-[0-9a-f]{8}-seed-1\.jsonl$")

    def test_a_second_scenario_of_a_file_and_a_file_with_that_name_are_told_apart(self):
        self.write(x=PASSES + PASSES, **{"x-2": PASSES})
        out = self.run_all(".", "--tap").stdout
        self.assertEqual(re.findall(r"^ok .*", out, re.MULTILINE),
                         ["ok 1 - ./x-2.scn seed 1", "ok 2 - x seed 1", "ok 3 - ./x.scn-2 seed 1"])
        again = self.run_all(".", "--dry-run").stdout.splitlines()
        self.assertEqual(again[2], "ringside run ./x.scn --name x-2 --seed 1")
        self.run_all("x.scn", "--name", "x-2")

    def test_both_modes_leave_a_journal_each(self):
        self.write(a=PASSES)
        self.run_all("a.scn", "--mode", "both", "--journal", "left")
        self.assertEqual(sorted(path.name for path in (self.folder / "left").iterdir()), ["a-seed-1-real.jsonl", "a-seed-1.jsonl"])

    def test_a_file_that_is_given_twice_runs_once(self):
        self.write(a=PASSES)
        self.assertIn("1 run: 1 passed", self.run_all(".", "a.scn", "./a.scn", self.folder / "a.scn").stdout)

    def test_a_golden_journal_knows_its_runs_whatever_else_is_run(self):
        self.write(d1__x=PASSES.replace("\n", "\ngolden\n", 1), d2__x=PASSES)
        self.run_all("d1", "--update")
        self.run_all("d1", "d2")

    def odd_names(self):
        for name in ("fix # SKIP flake", "fix \\# SKIP flake", "new\nok 7 line", "control \x1b[31m\x07", "<&\"'>", "\ufffe\u00e9"):
            (self.folder / f"{name}.scn").write_text(FAILS)
        (self.folder / os.fsdecode(b"latin \xe9.scn")).write_text(FAILS)

    def test_no_name_is_a_directive_a_line_or_a_control_character(self):
        self.odd_names()
        result = subprocess.run([PROGRAM, "run", ".", "--tap", "--junit", "r.xml"], cwd=self.folder, capture_output=True,
                                timeout=PATIENCE_S)
        self.assertEqual(result.returncode, EXPECTATION_FAILED)
        tap = result.stdout.decode()
        results = [line for line in tap.splitlines() if not line.startswith("#")]
        self.assertEqual(len(results), 2 + 7, tap)
        self.assertTrue(all(line.startswith("not ok ") for line in results[2:]))
        self.assertFalse([line for line in results if re.search(r"(?<!\\)(\\\\)*#", line)])
        self.assertIn(r" - fix \# SKIP flake seed 1", tap)
        self.assertIn(r" - fix \\\# SKIP flake seed 1", tap)
        self.assertIn(r" - new\\x0aok 7 line seed 1", tap)
        self.assertFalse(set(tap) & set("\x1b\x07"))
        names = [name for _, name, _ in self.cases()]
        self.assertEqual(len(set(names)), 7)
        for name in ("fix # SKIP flake", "new\\x0aok 7 line", "control \\x1b[31m\\x07", "<&\"'>", "latin \\xe9"):
            self.assertIn(name + " seed 1", names)
        lines = self.run_all(".", "--json", status=EXPECTATION_FAILED).stdout.splitlines()
        self.assertEqual([json.loads(line)["name"] + " seed 1" for line in lines], names)

    @needed("bash")
    def test_the_command_to_run_it_again_is_one_that_a_shell_takes(self):
        self.odd_names()
        result = subprocess.run([PROGRAM, "run", ".", "--dry-run"], cwd=self.folder, capture_output=True, timeout=PATIENCE_S)
        commands = result.stdout.splitlines()
        self.assertEqual(len(commands), 7)
        for command in commands:
            again = subprocess.run(["bash", "-c", command.replace(b"ringside", os.fsencode(PROGRAM), 1)], cwd=self.folder,
                                   capture_output=True, timeout=PATIENCE_S)
            self.assertEqual(again.returncode, EXPECTATION_FAILED, (command, again.stderr))

    @needed("prove", "perl")
    def test_prove_counts_what_failed(self):
        self.odd_names()
        tap = subprocess.run([PROGRAM, "run", ".", "--tap"], cwd=self.folder, capture_output=True, timeout=PATIENCE_S).stdout
        (self.folder / "results").write_bytes(tap)
        proved = subprocess.run(["prove", "-e", "cat", "results"], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertIn("Failed 7/7 subtests", proved.stdout)
        self.assertNotIn("Parse errors", proved.stdout)

    def test_junit_has_a_suite_for_each_file_and_the_place_of_each_case(self):
        self.write(a="# A comment.\n" + PASSES.replace("\n", "\nparam N = 1, 2\n", 1), b=PASSES)
        self.run_all("a.scn", "b.scn", "--junit", "r.xml")
        report = xml.dom.minidom.parse(str(self.folder / "r.xml"))
        suites = [(each.getAttribute("name"), each.getAttribute("file"), each.getAttribute("tests"))
                  for each in report.getElementsByTagName("testsuite")]
        self.assertEqual(suites, [("a.scn", "a.scn", "2"), ("b.scn", "b.scn", "1")])
        places = [(each.getAttribute("file"), each.getAttribute("line")) for each in report.getElementsByTagName("testcase")]
        self.assertEqual(places, [("a.scn", "2"), ("a.scn", "2"), ("b.scn", "1")])


class RunsThatProveNothing(Folder):
    def test_a_run_that_proves_nothing_is_a_warning_and_with_strict_a_failure(self):
        self.write(a=PASSES.split("expect")[0], b=NEVER_TRIED, c=PASSES)
        done = self.run_all(".")
        self.assertIn("warning[W005]: nothing is expected: it passes whatever happens\n --> ./a.scn:1:10\n", done.stderr)
        self.assertIn("warning: b\n --> ./b.scn:6:16\n", done.stderr)
        self.assertIn("this was not tested: the run has no event there", done.stderr)
        out = self.run_all(".", "--junit", "r.xml", "--tap").stdout
        self.assertRegex(out, r"\nok 1 - a seed 1\n# warning\[W005\]: nothing is expected(.*\n)*ok 2 - b seed 1\n# warning: b\n")
        with xml.dom.minidom.parse(str(self.folder / "r.xml")) as report:
            warnings = [[text.firstChild.data for text in each.getElementsByTagName("system-err")]
                        for each in report.getElementsByTagName("testcase")]
        self.assertEqual([len(each) for each in warnings], [1, 1, 0])
        told = [json.loads(line)["warnings"] for line in self.run_all(".", "--json").stdout.splitlines()]
        self.assertEqual([bool(each) for each in told], [True, True, False])
        self.assertIn("nothing is expected", told[0])
        self.assertIn("nothing is expected", warnings[0][0])
        self.assertIn("this was not tested", warnings[1][0])
        out = self.run_all(".", "--strict", "--junit", "r.xml", "--tap", status=EXPECTATION_FAILED).stdout
        self.assertEqual([outcome for *_, outcome in self.cases()], ["failed", "failed", "passed"])
        self.assertRegex(out, r"\nnot ok 1 - a seed 1\n(# .*\n)*# warning\[W005\]: nothing is expected")
        self.assertIn("./a.scn:1:10: nothing is expected: it passes whatever happens", (self.folder / "r.xml").read_text())
        out = self.run_all("b.scn", "c.scn", "--strict", status=EXPECTATION_FAILED).stdout
        self.assertRegex(out, r"^FAIL b  seed 1: warnings are failures with --strict\nwarning: b\n --> b.scn:6:16\n(.*\n)*"
                              r"     again  ringside run b.scn --seed 1 --strict\n")

    def test_a_warning_fails_every_run_of_its_file_and_no_other(self):
        self.write(a=PASSES.replace("\n", "\nparam N = 1, 2\n", 1) + "never quirk leaky-response bites\n", b=PASSES)
        self.run_all(".", "--strict", "--junit", "r.xml", status=EXPECTATION_FAILED)
        self.assertEqual([outcome for *_, outcome in self.cases()], ["failed", "failed", "passed"])
        self.assertIn("the quirk leaky-response is off: a `never` proves nothing", (self.folder / "r.xml").read_text())
        self.assertIn("warning[W007]", self.run_all(".").stderr)

    def test_invalid_utf_8_of_a_source_is_replaced_in_a_report(self):
        (self.folder / "a.scn").write_bytes(b'scenario "a"\nxen boots dom1\n\xff\xc3( \x80\xe3\x81\x82 typs "x"\n')
        result = subprocess.run([PROGRAM, "run", "a.scn", "--tap"], cwd=self.folder, capture_output=True, timeout=PATIENCE_S)
        self.assertEqual(result.returncode, DOES_NOT_PARSE)
        for text in (result.stdout.decode(), result.stderr.decode()):
            self.assertIn('3 | ??( ?\u3042 typs "x"\n', text)
            self.assertNotIn("\ufffd", text)

    def test_a_golden_journal_is_an_expectation(self):
        self.write(a=PASSES.split("expect")[0].replace("\n", "\ngolden\n", 1))
        self.run_all("a.scn", "--strict", "--update")
        self.assertEqual(self.run_all("a.scn", "--strict").stderr, "")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""ring-check as a command: correct rings hold within known numbers of executions, each mutant of the catalogue is found
by the model that it names, and a file that is not a ring gets a clear error. RINGSIDE names the program, RINGS the folder of
plug-ins.

usage: ring_check_test.py [--table]     prints how each bug is found, as in emu/check/bugs.md
RINGSIDE_LONG=1 also searches the models that should find nothing.
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
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

import default_signals

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
RINGS = pathlib.Path(os.environ.get("RINGS", TEST.parent / "build" / "emu" / "check" / "plugins")).resolve()
TEMPLATES = TEST.parent / "tools" / "ring_check" / "template_tests"
GOOD, USAGE, COULD_NOT_RUN, FAILED = 0, 1, 3, 4
MODELS = ["sc", "tso", "c11"]
LONG = os.environ.get("RINGSIDE_LONG") == "1"
# For 3 messages, by ring and model: the most executions that a search may need.
EXECUTIONS_MAX = {
    "plain_2_O2": {"SC": 9117, "TSO": 9006, "C11": 30400},
    "plain_8_O2": {"SC": 6691, "TSO": 6540, "C11": 31000},
    "event_index_2_O2": {"SC": 84700, "TSO": 84700, "C11": 590000},
}


def ring_check(*arguments, **more):
    return subprocess.run([PROGRAM, "ring-check", *map(str, arguments)], capture_output=True, text=True, timeout=900, **more)


def verdicts(ring, *arguments, at_once=2):
    result = ring_check("--ring", RINGS / f"{ring}.so", "--json", "-j", at_once, *arguments)
    return result.returncode, [json.loads(line) for line in result.stdout.splitlines()]


def catalogue():
    return [json.loads(line) for line in ring_check("--explain", "all", "--json").stdout.splitlines()]


def find(mutant, model):
    """The first verdict on a mutant that is a failure, or None."""
    # One at a time: after the first failure further searches are useless.
    status, all_of_them = verdicts(f"mutant_{mutant}", "--model", model, "--first", at_once=1)
    bad = [each for each in all_of_them if each["outcome"] == "failed"]
    assert (status == FAILED) == bool(bad), f"mutant {mutant}: exit status {status}"
    assert not [each for each in all_of_them if each["outcome"] == "could not run"], f"mutant {mutant}: could not be tried"
    return bad[0] if bad else None


def build(folder, source, define, compiler=(PROGRAM, "ring-check", "cc")):
    library = pathlib.Path(folder) / f"{pathlib.Path(source).stem}_{'_'.join(define.split())}.so"
    built = subprocess.run([*compiler, "-shared", "-fPIC", "-g", "-O1", *(f"-D{name}" for name in define.split()), "-I", TEST.parent / "emu" / "check" / "include",
                            "-o", library, TEST / "ring_check" / source], capture_output=True, text=True, timeout=600)
    if built.returncode != 0:
        raise AssertionError(built.stderr)
    return library


class Rings(unittest.TestCase):
    def test_ringsides_own_rings_hold(self):
        result = ring_check("-j", 2, "--limit", 300 if LONG else 50)
        self.assertEqual(result.returncode, GOOD, result.stdout + result.stderr)
        self.assertNotIn("FAIL", result.stdout)
        for ring in ("own_sring_tx_portable", "own_sring_rx_portable", "own_flat_tx_portable", "own_flat_rx_portable", "own_bytes", "own_queue_padded_cached"):
            for level in ("O0", "O2"):
                self.assertIn(f"{ring}_{level}", result.stdout)

    def test_correct_rings_are_proved_in_few_executions(self):
        for ring, most in EXECUTIONS_MAX.items():
            jobs = ring_check("--ring", RINGS / f"{ring}.so", "--list").stdout.splitlines()
            for model, executions in most.items():
                number = 1 + jobs.index(f"{ring}: {model} exchange of 3 messages")
                status, (each, *_) = verdicts(ring, "--limit", 1000000, "--shard", f"{number}/{len(jobs)}")
                self.assertEqual(status, GOOD, ring)
                self.assertEqual((each["what"], each["outcome"]), (f"{model} exchange of 3 messages", "all"), each)
                self.assertLessEqual(each["executions"] + each["redundant"], executions * 1.1, each)

    def test_other_correct_rings_hold(self):
        for ring in sorted(RINGS.glob("*_O[02].so")):
            if ring.stem.startswith(("own_", "event_index", "plain_8")):
                continue
            result = ring_check("--ring", ring, "-j", 2, "--limit", 20000)
            self.assertEqual(result.returncode, GOOD, f"{ring.stem}: {result.stdout[-3000:]}")

    def test_a_harmless_change_that_looks_like_a_bug_is_not_reported(self):
        self.assertEqual(verdicts("mutant_equivalent")[0], GOOD)

    def test_uncovered_cases_are_reported(self):
        for ring in ("plain_2_O2", "slack_2_O2", "slack_7_O0"):
            self.assertNotIn("not covered", ring_check("--ring", RINGS / f"{ring}.so").stdout, ring)
        status, all_of_them = verdicts("slack_7_O0", "--msgs", 3)
        self.assertEqual(status, GOOD)
        self.assertEqual(all_of_them[-1]["outcome"], "not covered")
        self.assertIn("used once only", all_of_them[-1]["why"])
        for form in ((), ("--tap",)):
            said = " ".join(ring_check("--ring", RINGS / "slack_7_O0.so", "--msgs", 3, *form).stdout.split())
            self.assertIn("not covered in slack_7_O0 under SC, TSO, C11:", said)


class Mutants(unittest.TestCase):
    def test_each_is_found_by_the_cheapest_model_that_can_and_by_no_cheaper_one(self):
        bugs = catalogue()
        self.assertEqual([bug["number"] for bug in bugs], list(range(1, len(bugs) + 1)))
        for bug in bugs:
            # Bugs of threads are in the templates (Tests.FIRST_FAILING).
            self.assertEqual(bool(bug["mutants"]), bug["in_test"] == 0, bug["number"])
            if bug["in_test"]:
                self.assertEqual(Tests.FIRST_FAILING[bug["source"].removesuffix(".c")][bug["in_test"]], bug["model"])
            for mutant in bug["mutants"]:
                with self.subTest(mutant=mutant["name"]):
                    for cheaper in MODELS[:MODELS.index(mutant["model"])] if LONG else []:
                        self.assertIsNone(find(mutant["name"], cheaper), cheaper)
                    self.assertIsNotNone(find(mutant["name"], mutant["model"]))

    def test_armv8_finds_what_c11_does_and_no_order_that_an_arm_keeps(self):
        for bug in catalogue():
            for mutant in bug["mutants"]:
                if mutant["model"] == "c11":
                    with self.subTest(mutant=mutant["name"]):
                        self.assertIsNotNone(find(mutant["name"], "armv8"))
        # A release store stays before a load that is sequentially consistent (STLR, LDAR), and an x86 swaps the two.
        self.assertIsNone(find("36e", "armv8"))

    def test_a_counterexample_can_be_replayed(self):
        for mutant, model in (("01", "sc"), ("18", "tso"), ("02", "c11"), ("09", "sc"), ("36h", "c11")):
            status, all_of_them = verdicts(f"mutant_{mutant}", "--model", model)
            bad = next(each for each in all_of_them if each["outcome"] == "failed" and each["again"])
            self.assertEqual(status, FAILED)
            replayed = subprocess.run(bad["again"].replace("ringside", PROGRAM, 1), shell=True, capture_output=True, text=True, timeout=600)
            self.assertEqual(replayed.returncode, FAILED, replayed.stdout + replayed.stderr)
            self.assertIn(bad["why"], replayed.stdout)

    def test_a_counterexample_has_the_fewest_possible_messages(self):
        for mutant, model, fewest in (("01", "sc", 1), ("02", "c11", 1), ("18", "tso", 2), ("16", "sc", 2), ("06", "sc", 3)):
            failed = [each["what"] for each in verdicts(f"mutant_{mutant}", "--model", model)[1] if each["outcome"] == "failed"]
            exchanges = {what for what in failed if re.fullmatch(r"\w+ exchange of \d+ messages?", what)}
            self.assertEqual(exchanges, {f"{model.upper()} exchange of {fewest} message{'' if fewest == 1 else 's'}"}, (mutant, failed))

    def test_a_report_names_the_lines_of_the_source(self):
        result = ring_check("--ring", RINGS / "mutant_18.so", "--model", "tso", "--first")
        self.assertIn("event_index_ring.c:", result.stdout)
        self.assertIn("lost wake-up", result.stdout)
        self.assertIn("store buffer", result.stdout)

    def test_the_page_names_the_class_of_a_bug_that_the_order_of_steps_shows(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "why.html"
            for mutant, model in (("02", "c11"), ("04", "c11"), ("17", "sc"), ("18", "tso"), ("19", "tso"), ("20", "tso"), ("26", "sc"),
                                  ("36h", "c11"), ("39", "sc"), ("43a", "c11")):
                with self.subTest(mutant):
                    ring_check("--ring", RINGS / f"mutant_{mutant}.so", "--model", model, "--first", "--html", page)
                    run = json.loads(re.search(r'id="run-0">(.*?)</script>', page.read_text(), re.DOTALL)[1])
                    classes = [int(row[1].split(":")[0]) for row in run["verdict"]["failures"][0]["rows"] if row[0] in ("class of bug", "or")]
                    self.assertIn(int(re.match(r"\d+", mutant)[0]), classes)
                    page.unlink()

    def test_without_steps_to_an_error_there_is_no_page(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "why.html"
            for ring, why in (("mutant_06.so", "one thread found the failures above, so there are no steps to show"),
                              ("event_index_2_O2.so", "no failure was found")):
                with self.subTest(ring):
                    said = ring_check("--ring", RINGS / ring, "--model", "sc", "--limit", "10", "--first", "--html", page).stderr
                    self.assertEqual(said, f"no page and no journal: {why}\n")
                    self.assertFalse(page.exists())

    def test_each_bug_is_explained(self):
        for result in (ring_check("--explain", bug["number"]) for bug in catalogue()):
            self.assertEqual(result.returncode, GOOD)
            for part in ("where it happened", "what prevents it", "to see it"):
                self.assertIn(part, result.stdout)
        for wrong in ("0", str(len(catalogue()) + 1), "seven", "-1"):
            result = ring_check(f"--explain={wrong}")
            self.assertEqual(result.returncode, USAGE)
            self.assertIn("--explain all", result.stderr)


    def test_the_documents_have_each_bug(self):
        bugs, document = catalogue(), (TEST.parent / "emu" / "check" / "bugs.md").read_text()
        rows = re.findall(r"^\| (\d+) \| ([^:|]+?)(?::.*?)? \|", document, re.MULTILINE)
        self.assertEqual(set(rows), {(str(bug["number"]), bug["name"]) for bug in bugs})
        numbers = tuple(str(sum(bool(bug["in_test"]) == threads for bug in bugs)) for threads in (False, True))
        for text in (document, (TEST.parent / "README.md").read_text()):
            self.assertIn(numbers, re.findall(r"(\d+) classes .*?(\d+) of threads", text))


class Outputs(unittest.TestCase):
    def test_junit_and_tap_agree_and_shards_are_parts_of_the_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "results.xml"
            result = ring_check("--ring", RINGS / "mutant_17.so", "--tap", "--junit", file, "-j", 2)
            self.assertEqual(result.returncode, FAILED)
            suite = xml.etree.ElementTree.parse(file).getroot()[0]
            lines = [line for line in result.stdout.splitlines() if line.startswith(("ok", "not ok"))]
            self.assertEqual(int(suite.get("tests")), len(lines))
            self.assertEqual(int(suite.get("failures")), sum(line.startswith("not") for line in lines))
            self.assertIn("lost wake-up", suite.find(".//failure").get("message"))
        whole = ring_check("--ring", RINGS / "plain_2_O2.so", "--list").stdout.splitlines()
        parts = [ring_check("--ring", RINGS / "plain_2_O2.so", "--list", "--shard", f"{i}/3").stdout.splitlines() for i in (1, 2, 3)]
        self.assertEqual(sorted(whole), sorted(sum(parts, [])))
        self.assertEqual(ring_check("--shard", "4/3").returncode, USAGE)

    def test_a_signal_ends_it_with_a_report_of_what_ran(self):
        for format, begins, ends in (
            (["--tap"], r"ok 1 - ", r"Bail out! interrupted by SIG(INT|TERM) after \d+ of \d+$"),
            ([], r"  ok ", r"interrupted by SIG(INT|TERM) after \d+ of \d+: \d+ tried: .*"),
            (["--json"], r"{", r'{"outcome":"interrupted","signal":"SIG(INT|TERM)","ran":\d+,"of":\d+}$'),
        ):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(format=format, number=number), tempfile.TemporaryDirectory() as folder:
                    junit = pathlib.Path(folder) / "results.xml"
                    command = subprocess.Popen([PROGRAM, "ring-check", "--ring", RINGS / "event_index_8_O2.so", "--long", *format,
                                                "--junit", junit], stdout=subprocess.PIPE, text=True)
                    said = []
                    while not said or not re.match(begins, said[-1]):
                        said.append(command.stdout.readline())
                        self.assertTrue(said[-1], said)
                    command.send_signal(number)
                    said += command.stdout.read().splitlines()
                    command.stdout.close()
                    self.assertEqual(command.wait(), 128 + number)
                    self.assertRegex(said[-1], ends)
                    suites = xml.etree.ElementTree.parse(junit).getroot()
                    cases = {case.get("name"): case for case in suites.iter("testcase")}
                    self.assertGreaterEqual(len(cases), 2)
                    self.assertIn("interrupted by SIG", cases["the run has ended"].find("error").get("message"))

    def test_a_budget_is_kept_and_the_rest_is_reported(self):
        result = ring_check("--ring", RINGS / "event_index_8_O2.so", "--budget", "1s", "--model", "c11", "--msgs", 5)
        self.assertEqual(result.returncode, GOOD)
        self.assertIn("in all that were tried", result.stdout)
        self.assertEqual(result.stderr, "")

    def test_progress_is_shown_on_a_terminal(self):
        # Hours of work. The command is killed when the line has appeared.
        words = [PROGRAM, "ring-check", "--ring", RINGS / "event_index_8_O2.so", "--model", "sc", "--msgs", "9", "--limit", str(10**12)]
        wanted = re.compile(r"\[\d+/\d+\] [\d,]+ executions, [\d,]+/s, \d+ h left at most  SC exchange of")
        master, slave = pty.openpty()
        with subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=slave) as running:
            os.close(slave)
            shown = ""
            until = time.monotonic() + 300
            while not wanted.search(shown) and time.monotonic() < until and select.select([master], [], [], 60)[0]:
                shown += os.read(master, 4096).decode()
            running.kill()
        os.close(master)
        self.assertRegex(shown, wanted)
        self.assertIn("\r\x1b[K", shown)

    def test_a_search_that_ends_at_its_limit_says_so_and_what_is_not_covered(self):
        ring = RINGS / "plain_8_O2.so"
        said = " ".join(ring_check("--ring", ring, "--model", "c11", "--msgs", 3, "--limit", 1000).stdout.split())
        self.assertRegex(said, r"ok C11 exchange of 3 messages [\d,]+ executions up to \d+ deviation")
        self.assertIn("not covered in plain_8_O2 under C11: the rest of the searches above that ended at their limit of 1,000 executions", said)
        status, all_of_them = verdicts("plain_8_O2", "--model", "c11", "--msgs", 3, "--limit", 1000)
        self.assertEqual(status, GOOD)
        exchange = next(each for each in all_of_them if each["what"] == "C11 exchange of 3 messages")
        self.assertEqual(exchange["outcome"], "bounded")
        self.assertLess(exchange["deviations_max"], 8)
        self.assertLessEqual(exchange["executions"] + exchange["redundant"], 2000)
        # By default it is one of steps, the same on every machine.
        said = " ".join(ring_check("--ring", RINGS / "event_index_8_O2.so", "--model", "c11", "--msgs", 4, "--tap").stdout.split())
        self.assertIn("not covered in event_index_8_O2 under C11: the rest of the searches above that ended at their limit of 5,000,000 steps", said)
        # A complete search mentions no limit.
        self.assertNotIn("their limit of", ring_check("--ring", RINGS / "plain_2_O2.so", "--model", "sc").stdout)


class Programs(unittest.TestCase):
    """Code that is not a ring: it has its own fibers on the page."""

    def test_each_model_finds_what_it_can(self):
        with tempfile.TemporaryDirectory() as folder:
            for define, failing in (("RELAXED", "c11"), ("NO_BARRIER", "tso"), ("AS_IT_SHOULD_BE", None)):
                library = build(folder, "handover.c", define)
                for model in ("sc", "tso", "c11"):
                    result = ring_check("--ring", library, "--model", model)
                    fails = failing == model or (failing, model) == ("tso", "c11")
                    self.assertEqual(result.returncode, FAILED if fails else GOOD, f"{define} {model}: {result.stdout}{result.stderr}")
                    replay = re.search(r"--replay '(.*)'", result.stdout)
                    self.assertEqual(replay is not None, fails, result.stdout)
                    if replay:
                        self.assertEqual(ring_check("--ring", library, "--replay", replay[1]).returncode, FAILED)

    def test_a_wrong_table_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            for define, text in (("NO_NAME", "has no name"), ("NO_FIBER", "fiber 1 of the scenario"), ("NO_FIBERS", "1 to 4")):
                result = ring_check("--ring", build(folder, "handover.c", define))
                self.assertEqual(result.returncode, COULD_NOT_RUN, result.stdout)
                self.assertIn(text, " ".join((result.stdout + result.stderr).split()))


class Tests(unittest.TestCase):
    """Tests of threads, without a ring."""

    FIRST_FAILING = {  # of each template, as it is and with each of its bugs: the cheapest model that shows it
        "spsc": (None, "sc", "c11"), "byte_stream": (None, "sc", "c11", "c11"), "wake_up": (None, "tso", "sc"),
        "mpsc": (None, "sc", "c11"), "mpmc": (None, "sc", "c11", "sc"),
        "seqlock": (None, "sc", "c11"), "deque": (None, "tso", "sc"), "publication": (None, "sc", "c11"), "stack": (None, "sc", "c11")}

    def run_test(self, folder, source, *arguments):
        library = build(folder, source, arguments[0])
        result = ring_check("--ring", library, *arguments[1:])
        return library, result, " ".join((result.stdout + result.stderr).split())

    def test_each_template_holds_and_each_of_its_bugs_is_found_by_the_cheapest_model_that_can(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, failing in self.FIRST_FAILING.items():
                for bug, first in enumerate(failing):
                    searched = MODELS if LONG or first is None else [first]
                    options = [word for model in searched for word in ("--model", model)]
                    library, result, said = self.run_test(folder, TEMPLATES / f"{name}.c", f"BUG={bug}", "--json", *options)
                    outcomes = {}
                    for line in result.stdout.splitlines():
                        each = json.loads(line)
                        if each["outcome"] != "not covered":
                            outcomes.setdefault(each["model"].lower(), []).append(each)
                    for model in searched:
                        fails = first is not None and MODELS.index(model) >= MODELS.index(first)
                        found = [each for each in outcomes[model] if each["outcome"] == "failed"]
                        self.assertEqual(bool(found), fails, f"{name} BUG={bug} {model}: {said}")
                        if not fails:
                            self.assertEqual({each["outcome"] for each in outcomes[model]}, {"all"}, f"{name} BUG={bug}: {said}")
                    self.assertEqual(result.returncode, GOOD if first is None else FAILED, said)
                    if found:
                        replayed = subprocess.run(found[0]["again"].replace("ringside", PROGRAM, 1), shell=True, capture_output=True,
                                                  text=True, timeout=600)
                        self.assertEqual(replayed.returncode, FAILED, replayed.stdout + replayed.stderr)
                        self.assertIn(found[0]["why"], replayed.stdout)

    def test_a_deadlock_a_failed_assert_and_threads_that_share_nothing_are_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            for define, status, text in (
                    ("AWAITS", FAILED, "deadlock: the waiter waits for a store by another thread, and no other thread can run"),
                    ("IN_AFTER", FAILED, "sum == 3 does not hold"),
                    ("ASSERTED", FAILED, "__ATOMIC_RELAXED) == 0 does not hold"),
                    ("ASSERTED_AFTER", FAILED, "sum == 4 does not hold"),
                    ("LOST_UPDATE", FAILED, "sum == 2 does not hold"),
                    ("IN_BEFORE", COULD_NOT_RUN, "sum == 1 does not hold"),
                    ("NOTHING_SHARED", COULD_NOT_RUN, "its threads share no memory"),
                    ("NO_NAME", COULD_NOT_RUN, "test 1 has no name"),
                    ("GAP", COULD_NOT_RUN, "the test threads has no threads"),
                    ("UNENDED", FAILED, "began push(1) and did not end it"),
                    ("RIGHT", GOOD, "hold in every execution")):
                library, result, said = self.run_test(folder, "threads.c", define, "--model", "sc")
                self.assertEqual(result.returncode, status, f"{define}: {said}")
                self.assertIn(text, said, define)

    def test_armv8_says_what_a_failure_depends_on_and_what_is_not_covered(self):
        with tempfile.TemporaryDirectory() as folder:
            for define, status, texts, others in (
                    ("MESSAGE", GOOD, ["ok Armv8", "hold in every execution"], ["not covered", "with a gap"]),
                    ("DEPENDENCY", FAILED, ["old value", "only if nothing orders a load and what follows it", "ring_check_rmb()"], []),
                    ("NO_RELEASE", FAILED, ["old value"], ["only if nothing orders"]),
                    ("SECOND_COPY", GOOD, ["ok Armv8", "hold in every execution"], []),
                    ("BUFFERING", GOOD, ["all with a gap", "not covered in armv8_BUFFERING under Armv8: load buffering", "reads x and armv8.c:"],
                     ["hold in every execution;"]),
                    ("BUFFERING_ORDERED", GOOD, ["hold in every execution;"], ["not covered", "with a gap"])):
                with self.subTest(define=define):
                    library, result, said = self.run_test(folder, "armv8.c", define, "--model", "armv8")
                    self.assertEqual(result.returncode, status, said)
                    for text in texts:
                        self.assertIn(text, said)
                    for text in others:
                        self.assertNotIn(text, said)
                    if status == FAILED:
                        replay = re.search(r"--replay '(\S*)'", said)
                        self.assertTrue(replay[1].startswith("Armv8:"), said)
                        self.assertEqual(ring_check("--ring", library, "--replay", replay[1]).returncode, FAILED)
            # On an Arm all threads see a store at once, which C11 does not promise.
            self.assertEqual(self.run_test(folder, "armv8.c", "SECOND_COPY", "--model", "c11")[1].returncode, FAILED)
            # It is searched only on request.
            self.assertNotIn("Armv8", self.run_test(folder, "armv8.c", "MESSAGE")[2])

    def test_a_variable_may_be_accessed_whole_and_in_part(self):
        with tempfile.TemporaryDirectory() as folder:
            weak, every = ("c11", "armv8"), (*MODELS, "armv8")
            for define, failing, text in (
                    ("BYTES_STORED", weak, "!= 0x100 does not hold"), ("BYTES_RELEASED", (), ""), ("BYTES_ACQUIRED", (), ""), ("IN_ONE", (), ""),
                    ("MOVED", (), ""), ("BYTES_LOADED", weak, ">= low does not hold"), ("UNALIGNED", every, ">= low does not hold"),
                    ("STRUCTURE", every, "found.b <= found.a does not hold"), ("COPIED", every, "found.b <= found.a does not hold"),
                    ("COPIED_INTO", weak, ">= b does not hold"), ("RACE", weak, "a race: the second reads plain")):
                library = build(folder, "mixed.c", define)
                result = ring_check("--ring", library, "--json", *(word for model in every for word in ("--model", model)))
                self.assertEqual(result.returncode, FAILED if failing else GOOD, result.stdout + result.stderr)
                searches = [each for each in map(json.loads, result.stdout.splitlines()) if each["what"].startswith(each["model"] + " ")]
                self.assertEqual([each["model"].lower() for each in searches], list(every), define)
                for each in searches:
                    with self.subTest(define=define, model=each["model"]):
                        self.assertEqual(each["outcome"], "failed" if each["model"].lower() in failing else "all", each)
                        if each["outcome"] == "failed":
                            self.assertIn(text, each["why"])
                            replay = re.search(r"--replay '(\S*)'", each["again"])
                            self.assertEqual(ring_check("--ring", library, "--replay", replay[1]).returncode, FAILED, each)

    def test_a_weak_compare_exchange_fails_without_a_reason_where_the_model_lets_it(self):
        """gcc distinguishes it from a strong one. clang does not, which is reported."""
        with tempfile.TemporaryDirectory() as folder:
            for compiler, define, fails in (("gcc", "ONCE", True), ("gcc", "IN_A_LOOP", False), ("gcc", "STRONG", False), ("clang", "ONCE", False)):
                if not shutil.which(compiler):
                    continue
                with self.subTest(compiler=compiler, define=define):
                    library = build(folder, "weak.c", define, ("env", f"CC={compiler}", PROGRAM, "ring-check", "cc"))
                    for model in ("sc", "tso", "c11"):
                        result = ring_check("--ring", library, "--model", model)
                        said = " ".join((result.stdout + result.stderr).split())
                        self.assertEqual(result.returncode, FAILED if fails and model == "c11" else GOOD, said)
                        self.assertEqual("its weak compare-exchange fails without a reason" in said, fails and model == "c11", said)
                        self.assertEqual("not covered" in said, compiler == "clang" and model == "c11", said)
                        replay = re.search(r"--replay '(\S*)'", said)
                        if replay:
                            self.assertEqual(ring_check("--ring", library, "--replay", replay[1]).returncode, FAILED)

    def test_an_unannounced_access_to_shared_memory_gives_no_result(self):
        """A part without the flags, an asm block or the C library accesses memory without an announcement, in an
        execution that every model has, or that C11 alone has."""
        part = TEST / "ring_check" / "unseen_part.c"
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            plain = ["cc", "-g", "-O1", "-fPIC", part, "-o"]
            subprocess.run([*plain, folder / "part.o", "-c"], check=True)
            subprocess.run([*plain, folder / "libpart.so", "-shared", "-s"], check=True)  # whose functions have no names
            library = ["-L", folder, "-lpart", f"-Wl,-rpath,{folder}"]
            for define, more, status, *texts in (
                    ("NOTHING", [], GOOD, "audit: every access to what threads share is announced"),
                    ("PART_COMPUTES", [folder / "part.o"], COULD_NOT_RUN, "has not compiled", "part_reads() (unseen_part.c:6)"),
                    ("PART_COMPUTES", [part], GOOD),
                    ("PART_COMPUTES", library, GOOD),
                    ("PART_WRITES", library, COULD_NOT_RUN, "writes shared at libpart.so"),
                    ("PART_WRITES_RARELY", library, COULD_NOT_RUN, "writes shared at libpart.so"),
                    ("PART_READS", library, COULD_NOT_RUN, "reads seen at libpart.so"),
                    ("ASM_WRITES", [], COULD_NOT_RUN, "writes shared at unseen.c:"),
                    ("ASM_READS", [], COULD_NOT_RUN, "reads seen at unseen.c:"),
                    ("ASM_WRITES_RARELY", [], COULD_NOT_RUN, "ok SC", "shared changes by a store that no compiler has announced"),
                    ("ASM_WRITES_OWN_RARELY", [], COULD_NOT_RUN, "ok SC", "own changes by a store that no compiler has announced"),
                    ("LIBRARY_WRITES", [], COULD_NOT_RUN, "writes the heap+", "libc"),
                    ("LIBRARY_READS", [], COULD_NOT_RUN, "reads the heap+"),
                    ("NOT_SANITIZED", [], COULD_NOT_RUN, "reads shared at unseen.c:"),
                    ("LIBRARY_OWN", [], GOOD),
                    ("CLEARED", [], GOOD)):
                with self.subTest(define=define, more=more):
                    ring = folder / "unseen.so"
                    built = subprocess.run([PROGRAM, "ring-check", "cc", "-O1", f"-D{define}", "-o", ring, TEST / "ring_check" / "unseen.c",
                                            *more], capture_output=True, text=True, timeout=600)
                    self.assertEqual(built.returncode, 0, built.stderr)
                    # No other program is needed to read what a ring consists of.
                    result = ring_check("--ring", ring, "--model", "sc", "--model", "c11", env={**os.environ, "PATH": ""})
                    said = " ".join((result.stdout + result.stderr).split())
                    self.assertEqual(result.returncode, status, said)
                    for text in texts:
                        self.assertIn(text, said)

    def test_a_failed_test_of_threads_is_in_its_page_and_in_junit(self):
        with tempfile.TemporaryDirectory() as folder:
            page, junit = pathlib.Path(folder) / "why.html", pathlib.Path(folder) / "results.xml"
            library, result, said = self.run_test(folder, "threads.c", "LOST_UPDATE", "--model", "sc", "--html", page, "--junit", junit)
            self.assertEqual(result.returncode, FAILED, said)
            self.assertIn("sum == 2 does not hold", page.read_text())
            line = "__atomic_store_n(&sum, __atomic_load_n(&sum, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);"
            self.assertIn(line, page.read_text())
            self.assertEqual(said.count(f"threads.c:12 {line}"), 1, said)
            self.assertIn("sum == 2 does not hold", xml.etree.ElementTree.parse(junit).getroot().find(".//failure").get("message"))


def print_table():
    print("| bug | | found under | by | executions | ms |\n|---|---|---|---|---|---|")
    for bug in catalogue():
        if bug["in_test"]:
            with tempfile.TemporaryDirectory() as folder:
                library = build(folder, TEMPLATES / bug["source"], f'BUG={bug["in_test"]}')
                lines = ring_check("--ring", library, "--model", bug["model"], "--json").stdout.splitlines()
            found = next(each for each in map(json.loads, lines) if each["outcome"] == "failed")
            print(f'| {bug["number"]} | {bug["name"]} | {bug["model"]} | test {found["what"].split(" ", 1)[1]} | '
                  f'{found["executions"]} | {found["seconds"] * 1000:.1f} |')
        for mutant in bug["mutants"]:
            found = find(mutant["name"], mutant["model"])
            name = bug["name"] + (f': {mutant["how"]}' if mutant["how"] else "")
            what = found["what"].removeprefix(f'{mutant["model"].upper()} ')
            print(f'| {bug["number"]} | {name} | {mutant["model"]} | {what} | {found["executions"]} | {found["seconds"] * 1000:.1f} |')


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print_table()
    else:
        unittest.main(verbosity=2)

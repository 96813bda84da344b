#!/usr/bin/env python3
"""`ringside view` and the journals that it reads: those of runs, their schema, and their views.

usage: view_command_test.py     RINGSIDE names the program (default: build/ringside)
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

try:
    import jsonschema
except ImportError:
    jsonschema = None

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
LIBRARY = TEST.parent / "scenarios"
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN, EXPECTATION_FAILED = range(5)

TYPING = """scenario "Typing"
quirk xcs-drop-when-full on
xen boots dom1
user connects to dom1
## Typing
fault drops next event xcs -> dom1
fault heals all
user types "ls\\n"
expect dom1 reads "ls\\n"
expect user sees "nothing of the sort" within 1ms
"""


class ViewCommand(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "typing.scn").write_text(TYPING)

    def ringside(self, *arguments, status=GOOD, text=None):
        result = subprocess.run([PROGRAM, *arguments], cwd=self.folder, capture_output=True, text=True, input=text, timeout=600)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def journal(self):
        self.ringside("run", "typing.scn", "--journal", "typing.jsonl", status=EXPECTATION_FAILED)
        return [json.loads(line) for line in (self.folder / "typing.jsonl").read_text().splitlines()]

    def test_nothing_in_a_journal_reaches_a_terminal_or_a_wiki_as_a_command(self):
        header, *rest = self.journal()
        bad = "\x1b]0;owned\x07\r\n\x9b31m<script>alert(1)</script>\u00e9"
        header["scenario"].update(title=bad, name=bad)
        header.update(mode=bad, quirks=[bad], made_by=bad, controller=bad)
        marks = [line for line in rest if "text" in line and "line" in line]
        self.assertTrue(marks)
        for mark in marks:
            mark.update(text=bad, file=bad)
        (self.folder / "bad.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [header, *rest]))
        text = self.ringside("view", "bad.jsonl", "--text").stdout
        self.assertIn("\\x1b]0;owned\\x07\\x0d\\x0a\\xc2\\x9b31m", text)
        self.assertIn("\u00e9", text)
        self.assertFalse([c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160])
        for option in ("--mermaid", "--svg"):
            drawn = self.ringside("view", "bad.jsonl", option, "-").stdout
            self.assertNotIn("<script", drawn, option)
            self.assertFalse([c for c in drawn if ord(c) < 32 and c != "\n"], option)

    def test_a_journal_begins_with_a_header(self):
        header = self.journal()[0]
        self.assertEqual(header["format"], "ringside journal")
        self.assertEqual(header["version"], 4)
        self.assertEqual((header["mode"], header["seed"], header["controller"]), ("sim", 1, "xcs"))
        self.assertEqual(header["domains"], [{"id": 1, "layout": "sring"}])
        self.assertEqual(header["quirks"], ["xcs-drop-when-full"])
        self.assertEqual(header["scenario"]["title"], "Typing")
        self.assertEqual(header["scenario"]["lines"], TYPING.splitlines())

    def test_marks_say_which_line_was_in_force_when(self):
        journal = self.journal()
        marks = [each for each in journal if "mark" in each]
        self.assertEqual([(each["mark"], each["line"]) for each in marks],
                         [("statement", 3), ("statement", 4), ("phase", 5), ("fault", 6), ("fault", 7), ("statement", 8),
                          ("statement", 9), ("statement", 10), ("failure", 10)])
        typed = next(each for each in marks if each["line"] == 8)
        self.assertEqual(typed["text"], 'user types "ls\\n"')
        behind = next(each for each in journal if each.get("step") == typed["after"] + 1)
        self.assertGreaterEqual(behind["time_ns"], typed["time_ns"])
        self.assertGreater(marks[-1]["focus"], 0)

    def test_a_failure_says_what_was_expected_and_why(self):
        marks = [line for line in self.journal() if "mark" in line]
        failure = marks[-1]
        self.assertEqual(failure["expected"], 'expect user sees "nothing of the sort" within 1ms')
        self.assertEqual(failure["why"][0], "the limit was 1ms, set by line 10")
        self.assertEqual([mark.get("act") for mark in marks if mark["mark"] == "statement"], ["boots", "acts", "acts", None, None])
        self.assertEqual([mark.get("act") for mark in marks if mark["mark"] == "fault"], ["acts", "acts"])

    def page(self, *arguments, status=GOOD):
        """The data of a page."""
        self.ringside(*arguments, "--html", "page.html", status=status)
        text = (self.folder / "page.html").read_text()
        return json.loads(re.search(r'id="run-0">(.*?)</script>', text, re.DOTALL)[1])

    def test_a_page_has_prose_verdict_and_counts(self):
        lesson = LIBRARY / "20-quirk-xcs-drop-when-full.scn"
        ends = {"on": "Typed to dom1: 9 messages: 8 fit, 1 lost; 480 of 481 bytes arrived.", "off": "Typed to dom1: 9 messages; all 481 bytes arrived."}
        for loss, sentence in ends.items():
            run = self.page("run", str(lesson), "-p", "BYTES=481", "-p", "LOSS=" + loss)
            self.assertEqual((run["ending"], run["verdict"]), ([sentence], None))
        self.assertEqual(run["prose"][0], "History: typing more than the ring holds.")
        self.assertEqual(len(run["prose"]), 3)
        run = self.page("run", "typing.scn", status=EXPECTATION_FAILED)
        self.assertEqual(run["prose"], [])
        rows = run["verdict"]["failures"][0]["rows"]
        self.assertEqual([row[0] for row in rows[:3]], ["line 10", "instead", "why"])
        # Without a viewer, the output is queued.
        (self.folder / "waits.scn").write_text('scenario "Waits"\nxen boots dom1\ndom1 prints "abc"\nexpect dom1.tx settles at req_prod 1 rsp_prod 1\n')
        self.assertEqual(self.page("run", "waits.scn")["ending"], ["Printed by dom1: 1 message; 0 of 3 bytes were shown; 3 are still in xend."])

    def test_a_folder_of_pages_has_an_index_with_every_lesson_its_runs_and_their_verdicts(self):
        passes = 'scenario "Passes"\nparam N = 1, 2\nxen boots dom1\ndom1 prints "{N}"\nexpect dom1.tx settles at req_prod 1 rsp_prod 1\n'
        lessons = self.folder / "lessons"
        lessons.mkdir()
        (lessons / "1.scn").write_text("# What <b>one</b> is about,\n# on two lines.\n#\n# More.\n" + passes)
        (lessons / "2.scn").write_text(TYPING)
        (lessons / "3.scn").write_text("scenario\n")
        self.ringside("run", "lessons", "--html", "pages", status=DOES_NOT_PARSE)
        page = (self.folder / "pages" / "index.html").read_text()
        for words in ("<p>What &lt;b&gt;one&lt;/b&gt; is about, on two lines.</p>\n<p>More.</p>", "3 runs: 2 passed, 1 did not; 1 file does not parse."):
            self.assertIn(words, page)
        sections = re.findall(r'<section class="lesson( bad)?">(.*?)</section>', page, re.DOTALL)
        self.assertEqual([bad for bad, _ in sections], [" bad", "", " bad"])
        self.assertIn("does not parse", sections[0][1])
        self.assertEqual(sections[1][1].count("\u2713 passed"), 2)
        self.assertRegex(sections[2][1], "\u2717 failed</span> <span class=\"first\">lessons/2.scn:10")
        links = re.findall(r'<a href="([^"]+)">', page)
        self.assertEqual(len(links), 3)
        self.assertEqual(sorted(links + ["index.html"]), sorted(os.listdir(self.folder / "pages")))
        # One run is one file.
        self.ringside("run", "typing.scn", "--html", "one.html", status=EXPECTATION_FAILED)
        self.assertEqual([path.name for path in self.folder.glob("*.html")], ["one.html"])

    def test_a_folder_takes_a_journal_of_every_run(self):
        self.ringside("run", "typing.scn", "--seed", "1..3", "--journal", "all", status=EXPECTATION_FAILED)
        self.assertEqual(sorted(path.name for path in (self.folder / "all").iterdir()),
                         [f"typing-seed-{seed}.jsonl" for seed in (1, 2, 3)])

    def test_the_text_has_a_line_for_each_entry_and_each_mark(self):
        journal = self.journal()
        lines = self.ringside("view", "typing.jsonl", "--text").stdout.splitlines()
        body = [line for line in lines if not line.startswith("#")][1:]
        self.assertEqual(len(body), len(journal) - 1)
        self.assertIn("quirk xcs-drop-when-full", lines[1])
        slot = next(line for line in body if "slot 0 REQUEST" in line and "dom1.rx" in line)
        self.assertRegex(slot, r'^ +\d+\.\d{3} +\d+   xcs -> dom1\.rx +rx #\.{7} 0/8  slot 0 REQUEST type:\(0,0\) len 1 "l"$')
        self.assertTrue(any(line.strip() == "line 5  Typing" for line in body))
        self.assertTrue(any(line.strip().startswith("line 10  FAILED: ") for line in body))
        self.assertEqual(self.ringside("view", "-", text=(self.folder / "typing.jsonl").read_text()).stdout.splitlines(), lines)

    def test_the_same_run_reads_the_same(self):
        self.journal()
        once = self.ringside("view", "typing.jsonl", "--text").stdout
        self.journal()
        self.assertEqual(self.ringside("view", "typing.jsonl", "--text").stdout, once)

    def test_the_schema_describes_the_journals_of_the_library(self):
        schema = json.loads(self.ringside("view", "--schema").stdout)
        self.assertIn("$schema", schema)
        self.ringside("run", str(LIBRARY), "--seed", "1", "--journal", "library")
        kinds = set()
        for path in sorted((self.folder / "library").iterdir())[::3]:  # enough for every kind
            if path.stat().st_size > 60_000:
                continue
            self.ringside("view", str(path), "--text")
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            kinds |= {each.get("kind") for each in lines}
            if jsonschema:
                # A sample of each file: validation is slow.
                validator = jsonschema.Draft202012Validator(schema)
                for line in {each.get("kind", each.get("mark", "header")): each for each in lines}.values():
                    validator.validate(line)
        self.assertNotIn("nonsense", kinds)
        self.assertLessEqual({"slot_written", "quirk", "refused", "counted", "event_taken"}, kinds)

    def test_what_is_no_journal_is_refused_with_its_line(self):
        (self.folder / "bad.jsonl").write_text("hello\n")
        said = self.ringside("view", "bad.jsonl", "--text", status=DOES_NOT_PARSE).stderr
        self.assertEqual(said, "ringside: cannot read a journal: bad.jsonl:1: it is not a JSON object "
                               "(ringside run --journal writes one)\n")
        said = self.ringside("view", "none.jsonl", status=COULD_NOT_RUN).stderr
        self.assertEqual(said, "ringside: cannot read a journal: none.jsonl: no such file\n")
        self.ringside("view", status=USAGE)


if __name__ == "__main__":
    unittest.main()

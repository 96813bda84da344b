#!/usr/bin/env python3
"""The pages of the course: `ringside lab html` writes them all, their links resolve, their text is that of the sources, and
pictures and quizzes show what is in the journals. lab_browser_test.py opens them.

usage: lab_pages_test.py     RINGSIDE names the program (default: build/ringside)
"""

import base64
import ctypes
import html.parser
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import xml.dom.minidom

TEST = pathlib.Path(__file__).resolve().parent
SCENARIOS = TEST.parent / "scenarios"
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN, EXPECTATION_FAILED = range(5)
NUMBER = 7
LABS = range(1, 7)
# What the texts of the labs and of the lecture name.
LESSONS = ["01-hello", "04-ring-wraps", "05-typing", "07-a-response-frees-a-slot", "20-quirk-stale-indices", "20-quirk-xcs-drop-when-full",
           "50-forged-req-prod", "52-length-255", "53-rewritten-after-notify"]
VOID = {"meta", "link", "input", "br"}
LIBC = ctypes.CDLL(None)


def without_root_rights():
    """Makes the permissions of files apply to the program, for root as well."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        LIBC.prctl(24, capability)  # PR_CAPBSET_DROP; fails if the process does not have it


class Page(html.parser.HTMLParser):
    """The text of a page's body, its elements and its links."""

    def __init__(self, text):
        super().__init__()
        self.text, self.elements, self.open = "", [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        self.text += "" if tag in ("code", "strong", "em", "a", "span") else " "

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if not {"script", "style", "title", "svg", "details"} & set(self.open):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def words_of_page(text):
    """Without the characters that are marks in Markdown: in code a page shows them."""
    return " ".join(re.sub(r"[`*]", "", Page(text).text).replace("|", " ").split())


def words_of_markdown(text):
    text = re.sub(r"^```\w*$|^ +```\w*$|^\|[-|]+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^#+ |^ *- |^ *\d+\. ", "", text, flags=re.MULTILINE)
    # Marks have no width: "**Goal.**" is one word.
    return " ".join(re.sub(r"[`*]", "", text).replace("|", " ").split())


class Pages(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        held = tempfile.TemporaryDirectory()
        cls.addClassCleanup(held.cleanup)
        cls.folder = pathlib.Path(held.name)
        cls.said = cls.ringside("lab", "html", "class", "--number", NUMBER)
        cls.pages = {path.name: path.read_text() for path in (cls.folder / "class").iterdir()}

    @classmethod
    def ringside(cls, *arguments, status=GOOD, **more):
        done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=cls.folder, capture_output=True, text=True, timeout=600, **more)
        assert done.returncode == status, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout if status == GOOD else done.stderr

    def check_links(self, folder, pages):
        """Every link resolves, and every page can be reached."""
        reached, waiting = set(), ["index.html"]
        while waiting:
            name = waiting.pop()
            if name in reached or name.startswith(("slides-", "run-")):
                reached.add(name)
                continue
            reached.add(name)
            for link in Page(pages[name]).all("a"):
                self.assertTrue((folder / link["href"]).is_file(), f"{name}: {link['href']}")
                waiting.append(link["href"])
        self.assertEqual(reached, set(pages))

    def test_all_pages_are_there_and_linked(self):
        scenarios = {stem: (SCENARIOS / f"{stem}.scn").read_text().count("\nscenario ") for stem in LESSONS}
        runs = [f"{kind}-{stem}{'' if run == 1 else f'-{run}'}.html" for stem in LESSONS for run in range(1, scenarios[stem] + 1) for kind in ("slides", "run")]
        self.assertEqual(set(self.pages), {"index.html", "quiz.html", *(f"lab-{lab}.html" for lab in LABS), *(f"sheet-{stem}.html" for stem in LESSONS), *runs})
        self.assertEqual(self.said, f"class/index.html: open it in a browser, or print it; the folder has {len(self.pages)} pages, which need no other file\n")
        self.check_links(self.folder / "class", self.pages)

    def test_no_page_uses_the_network(self):
        for name, page in self.pages.items():
            for outside in ("http://", "https://", "src=", "@import", "url(http"):
                allowed = page.count("http://www.w3.org/2000/svg") if outside == "http://" else 0
                self.assertEqual(page.count(outside), allowed, f"{name}: {outside}")
            self.assertIsNone(re.search(r"<!-- [A-Z]+ -->|/\* [A-Z]+ \*/", page), f"{name}: a mark was not filled in")

    def test_the_lecturers_page_is_the_readme_with_what_is_there(self):
        source = (SCENARIOS / "labs" / "README.md").read_text()
        text = words_of_page(self.pages["index.html"])
        opening, lecture, rest = source.split("\n## ", 2)
        for part in (opening + "\n" + lecture, rest):
            self.assertIn(words_of_markdown(part), text)
        for lab, line in zip(LABS, re.findall(r"(?m)^\d  .*(?:\n   needs .*)?", self.ringside("lab", "list"))):
            title, minutes, needs = re.fullmatch(r"\d  (.+?) +(\d+) minutes, \d+ checks(?:\n   needs (.*))?", line).groups()
            readme = next(SCENARIOS.glob(f"labs/{lab}-*/README.md")).read_text()
            goal = words_of_markdown(re.search(r"\*\*Goal\.\*\* (.*?)\n\n", readme, re.DOTALL)[1])
            self.assertIn(f"{lab}. {title} {minutes} minutes{', ' if needs else ''}{needs or ''} {goal}", text)
        # Ninety minutes, two live demos, and errors with what is right.
        for part in ("A lecture of 90 minutes", "live demo 1", "live demo 2", "Projector.", "what is right"):
            self.assertIn(part, text)

    def test_a_labs_page_is_the_text_that_its_student_gets(self):
        for lab in LABS:
            self.ringside("lab", "start", lab, f"started-{lab}", "--number", NUMBER)
            source = (self.folder / f"started-{lab}" / "README.md").read_text()
            text = words_of_page(self.pages[f"lab-{lab}.html"])
            self.assertNotIn("@", text)
            title, rest = source.split("\n", 1)
            self.assertIn(words_of_markdown(title), text)
            self.assertIn(words_of_markdown(rest), text)
            # What is checked, with the student's values.
            checks = re.findall(r"(?m)^check (\S+) (.*)", next(SCENARIOS.glob(f"labs/{lab}-*/lab.txt")).read_text())
            for name, what in checks:
                self.assertRegex(text, re.sub(r"@\w+@", r"\\d+", re.escape(f"{name} {what}".replace("@", "\0")).replace("\0", "@")))

    def test_structure_is_good_for_a_screen_reader(self):
        for name, text in self.pages.items():
            if name.startswith(("slides-", "run-")):
                continue
            page = Page(text)
            levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
            self.assertEqual((levels[0], levels.count(1)), (1, 1), name)
            for before, level in zip(levels, levels[1:]):
                self.assertLessEqual(level, before + 1, f"{name}: {levels}")
            for cell in page.all("th"):
                self.assertIn(cell["scope"], ("col", "row"), name)
            self.assertEqual(len(page.all("main")), 1)
            for picture in page.all("svg"):
                self.assertEqual(picture["role"], "img")
            # Each picture has a title, and its words.
            self.assertEqual(len(page.all("svg")), text.count("</svg>\n<details><summary>The picture in words</summary>"))
            ids = [attributes["id"] for tag, attributes in page.elements if "id" in attributes and tag != "marker"]
            self.assertEqual(len(ids), len(set(ids)), name)

    def test_a_sheet_has_the_prose_the_source_and_the_whole_run(self):
        for stem in LESSONS:
            source = (SCENARIOS / f"{stem}.scn").read_text()
            sheet = self.pages[f"sheet-{stem}.html"]
            text = " ".join(Page(sheet).text.split())
            opening = re.match(r"(?:#.*\n)+", source)[0]
            for paragraph in re.sub(r"(?m)^# ?", "", opening).split("\n\n"):
                self.assertIn(" ".join(paragraph.split()), text)
            for number, line in enumerate(source.splitlines(), 1):
                if number > opening.count("\n"):
                    self.assertIn(" ".join(f"{number} {line}".split()), text)
            # The pictures together have the rows of one picture of the whole run.
            for run, part in enumerate(re.split(r"<h2>The run", sheet)[1:]):
                rows, parts = [], 0
                for picture in re.findall(r"<svg.*?</svg>", part, re.DOTALL):
                    parts += 1
                    shown = self.rows_of(picture)
                    self.assertLessEqual(len(shown), 34 + 24, "a part fits on a page")
                    rows += shown
                self.ringside("run", SCENARIOS / f"{stem}.scn", "--journal", f"j-{stem}")
                journals = sorted((self.folder / f"j-{stem}").iterdir()) if (self.folder / f"j-{stem}").is_dir() else [self.folder / f"j-{stem}"]
                first = int(next(step for kind, step in rows if kind == "step"))
                whole = [self.rows_of(self.ringside("view", journal, "--svg", "-", "--steps", f"{begin}.."))
                         for journal in journals if (begin := self.with_masks(journal, first))]
                self.assertIn(self.steps_and_lines(rows), [self.steps_and_lines(each) for each in whole], f"{stem} {run}")
                self.assertGreaterEqual(parts, 1)

    @staticmethod
    def with_masks(journal, step):
        """The first of the changes of masks directly before the step: they have no row, and lines may belong to them. None if the
        journal has no such step."""
        kinds = {entry["step"]: entry["kind"] for entry in map(json.loads, journal.read_text().splitlines()) if "kind" in entry and "step" in entry}
        while kinds.get(step - 1) == "mask_changed":
            step -= 1
        return step if step in kinds else None

    @staticmethod
    def steps_and_lines(rows):
        """A line's words may continue below, at other places in pictures of another width."""
        return [text for kind, text in rows if kind == "step"], " ".join(text for kind, text in rows if kind == "source")

    @staticmethod
    def rows_of(picture):
        """The steps and the lines of a scenario, from above."""
        texts = xml.dom.minidom.parseString(picture).getElementsByTagName("text")
        return [(each.getAttribute("class"), each.firstChild.data) for each in texts if each.getAttribute("class") in ("step", "source")]

    def test_a_quiz_asks_what_is_in_the_journal(self):
        asked = {"hop": 0, "index": 0, "slot": 0, "room": 0}
        for stem in ("04-ring-wraps", "07-a-response-frees-a-slot", "52-length-255"):
            self.ringside("run", SCENARIOS / f"{stem}.scn", "--name", stem, "--journal", "quiz.jsonl")
            page = self.ringside("view", "quiz.jsonl", "--quiz", "-")
            table = {int(line.split()[1]): line for line in self.ringside("view", "quiz.jsonl", "--text").splitlines() if re.match(r" +-?\d+\.\d+ +\d+ ", line)}
            titles = {int(step): title for title, step in re.findall(r"<h2>([^<]*)</h2>.*?<span>step (\d+), ", self.ringside("view", "quiz.jsonl", "--slides", "-"), re.DOTALL)}
            answers = json.loads(base64.b64decode(re.search(r'id="answers">([^<]+)<', page)[1]))["answers"]
            forms = page.split('<form class="question">')[1:]
            self.assertEqual(len(forms), len(answers))
            self.assertEqual(len(forms), 10)
            for form, answer in zip(forms, answers):
                legend = html.unescape(re.search(r"<legend>(.*?)</legend>", form)[1])
                choices = [html.unescape(each) for each in re.findall(r"</kbd> (.*?)</label>", form)]
                self.assertEqual(len(choices), len(set(choices)))
                self.assertGreaterEqual(len(choices), 3, legend)
                right, step, line = choices[answer["right"]], answer["step"], table[answer["step"]]
                self.assertIn(str(step), legend)
                with self.subTest(stem, step=step):
                    if legend.startswith("Which hop"):
                        asked["hop"] += 1
                        self.assertEqual(right, html.unescape(titles[step]))
                    elif legend.endswith("What is its value then?"):
                        asked["index"] += 1
                        self.assertIn(f"-> {right} (", line)
                        self.assertNotIn(f"-> {right}", legend)
                    elif legend.endswith("Into which slot?"):
                        asked["slot"] += 1
                        self.assertIn(f"slot {right} REQUEST", line)
                    else:
                        asked["room"] += 1
                        glyphs = re.search(r" ([.#+-]{8}) \d/8", line)[1]
                        self.assertEqual(right, str(glyphs.count(".") + glyphs.count("-")), legend)
                # The answer is readable nowhere: no question shows the step of another one.
                self.assertNotIn(f"<p>Step {step}: ", page)
                self.assertNotIn(html.escape(answer["tells"]), form)
        self.assertTrue(all(asked.values()), asked)
        self.assertEqual(page, self.ringside("view", "quiz.jsonl", "--quiz", "-"))

    def test_another_number_gives_another_quiz(self):
        for name, number in (("other", NUMBER + 1), ("same", NUMBER), ("again", NUMBER)):
            self.ringside("lab", "html", name, "--lab", 2, "--number", number)
        other, same, again = ((self.folder / name / "quiz.html").read_text() for name in ("other", "same", "again"))
        self.assertNotEqual(other, same)
        self.assertEqual(same, again)

    def test_lessons_and_labs_can_be_chosen(self):
        (self.folder / "a b#1%.scn").write_text('# A <b>lesson</b>.\nscenario "Odd & own"\nxen boots dom1\nuser connects to dom1\ndom1 prints "<i>"\nexpect user sees "<i>"\n')
        self.ringside("lab", "html", "own", "a b#1%.scn", SCENARIOS / "01-hello.scn", "--lab", 2)
        pages = {path.name: path.read_text() for path in (self.folder / "own").iterdir()}
        self.assertEqual({name for name in pages if name.startswith(("lab", "sheet"))}, {"lab-2.html", "sheet-a_b_1_.html", "sheet-01-hello.html"})
        self.check_links(self.folder / "own", pages)
        text = Page(pages["sheet-a_b_1_.html"]).text
        self.assertIn("Odd & own", text)
        self.assertIn("A <b>lesson</b>.", text)
        self.assertIn('dom1 prints "<i>"', text)
        # Again: the pages are replaced.
        self.ringside("lab", "html", "own", "--lab", 2)
        self.assertTrue((self.folder / "own" / "sheet-04-ring-wraps.html").exists())

    def test_one_lab_has_the_lessons_that_it_names(self):
        for lab, named in ((2, {"sheet-04-ring-wraps.html", "sheet-07-a-response-frees-a-slot.html"}), (4, set())):
            with self.subTest(lab=lab):
                self.ringside("lab", "html", f"only-{lab}", "--lab", lab)
                pages = {path.name: path.read_text() for path in (self.folder / f"only-{lab}").iterdir()}
                self.assertEqual({name for name in pages if name.startswith(("lab", "sheet"))}, named | {f"lab-{lab}.html"})
                self.assertEqual("quiz.html" in pages, bool(named))
                self.check_links(self.folder / f"only-{lab}", pages)

    def test_errors_say_what_is_wrong(self):
        (self.folder / "file").write_text("x")
        (self.folder / "bad.scn").write_text('scenario "Bad"\nxen bots dom1\n')
        (self.folder / "fails.scn").write_text('scenario "Fails"\nxen boots dom1\nexpect dom1.tx req_prod 2 within 1ms\n')
        (self.folder / "real.scn").write_text('scenario "Real"\nmode real\nxen boots dom1\n')
        (self.folder / "locked").mkdir()
        (self.folder / "locked").chmod(0o555)
        (self.folder / "sub").mkdir(exist_ok=True)
        (self.folder / "sub" / "bad.scn").write_text('scenario "Twin"\nxen boots dom1\n')
        (self.folder / "twin").mkdir(exist_ok=True)
        (self.folder / "twin" / "bad.scn").write_text('scenario "Twin"\nxen boots dom1\n')
        for arguments, status, text in [
                (["file"], COULD_NOT_RUN, "ringside: cannot write the pages of the labs: file: Not a directory"),
                (["locked"], COULD_NOT_RUN, "ringside: cannot write the pages of the labs: locked/index.html: Permission denied"),
                (["locked/in"], COULD_NOT_RUN, "ringside: cannot write the pages of the labs: locked/in: Permission denied"),
                (["new", "--lab", "9"], COULD_NOT_RUN, "ringside: there is no lab: 9: the labs are 1 to 6 (ringside lab list)"),
                (["new", "missing.scn"], DOES_NOT_PARSE, "error[E020]: cannot read"),
                (["new", "bad.scn"], DOES_NOT_PARSE, 'xen cannot "bots"'),
                (["new", "fails.scn"], EXPECTATION_FAILED, "ringside: cannot make a sheet: fails.scn: its run fails (ringside run fails.scn --seed 1 says why)"),
                (["new", "real.scn"], COULD_NOT_RUN, "ringside: cannot make a sheet: real.scn: it has no simulated run (choose another scenario)"),
                (["new", "sub/bad.scn", "twin/bad.scn"], USAGE, "ringside: cannot make a sheet: twin/bad.scn: another file gets the same name (rename one of them)")]:
            with self.subTest(arguments):
                self.assertIn(text, self.ringside("lab", "html", *arguments, status=status, preexec_fn=without_root_rights))
                self.assertFalse((self.folder / "new").exists(), "nothing is written")

    def test_a_journal_without_questions_is_refused(self):
        (self.folder / "boots.scn").write_text('scenario "Boots"\nxen boots dom1\n')
        self.ringside("run", "boots.scn", "--journal", "boots.jsonl")
        self.assertIn("ringside: cannot make a quiz: x.html: this journal has no step to ask about",
                      self.ringside("view", "boots.jsonl", "--quiz", "x.html", status=COULD_NOT_RUN))


if __name__ == "__main__":
    unittest.main()

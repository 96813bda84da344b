#!/usr/bin/env python3
"""`ringside view` exports a journal for other programs: each format for a run of the library, and its refusals.

usage: export_command_test.py     RINGSIDE names the program (default: build/ringside)
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
LOST_EVENT = TEST.parent / "scenarios" / "54-lost-event.scn"
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN = range(4)


class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        subprocess.run([PROGRAM, "run", LOST_EVENT, "--name", "54-lost-event", "--journal", "a.jsonl"], cwd=cls.folder, check=True,
                       capture_output=True, timeout=600)

    def view(self, *words, status=GOOD):
        done = subprocess.run([PROGRAM, "view", "a.jsonl", *words], cwd=self.folder, capture_output=True, timeout=600)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode() if status == GOOD else done.stderr.decode()

    def test_a_picture_is_well_formed_and_has_the_lost_event(self):
        picture = xml.dom.minidom.parseString(self.view("--svg", "-"))
        self.assertEqual(picture.documentElement.tagName, "svg")
        self.assertEqual(sum("lost" in line.getAttribute("class") for line in picture.getElementsByTagName("line")), 1)
        words = [text.firstChild.data for text in picture.getElementsByTagName("text")]
        self.assertTrue([word for word in words if re.fullmatch(r'line \d+: dom1 prints "one "', word)], words)
        # Its step is below the line that caused it, and the expectation below that.
        order = [words.index(each) for each in ('line 11: dom1 prints "one "', "says: fault: its event to xcs is lost", "line 12: expect dom1.tx settles at req_prod 1 rsp_prod 0")]
        self.assertEqual(order, sorted(order))
        # It is a slide, and no text is beyond the edge, by the greatest width of its letters.
        width = float(picture.documentElement.getAttribute("width"))
        self.assertEqual(width, 1920)
        for text in picture.getElementsByTagName("text"):
            if text.getAttribute("class") in ("words", "trouble"):
                self.assertLess(float(text.getAttribute("x")) + 9.5 * len(text.firstChild.data), width)

    def test_a_diagram_for_mermaid_is_numbered_by_steps(self):
        lines = self.view("--mermaid", "-").splitlines()
        self.assertEqual(lines[3], "sequenceDiagram")
        lost = next(at for at, line in enumerate(lines) if "--xp" in line)
        step = max(int(line.split()[1]) for line in lines[:lost] if "autonumber" in line)
        arrows = [line for line in lines if "->>" in line or "-x" in line]
        self.assertGreater(len(arrows), 15)
        text = subprocess.run([PROGRAM, "view", "a.jsonl", "--text"], cwd=self.folder, capture_output=True, check=True).stdout.decode()
        number = next(int(line.split()[1]) for line in text.splitlines() if "EVENT port:2 kick" in line)
        counted = sum("->>" in line or "-x" in line for line in lines[lines.index(f"  autonumber {step}"):lost])
        self.assertEqual(step + counted, number)

    def test_slides_have_a_hop_each_with_its_picture_and_its_rings(self):
        first, *slides = self.view("--slides", "-").split("<section")[1:]
        self.assertIn("<h1>", first)
        table = {int(line.split()[1]): line for line in self.view("--text").splitlines() if re.match(r" +-?\d+\.\d+ +\d+ ", line)}
        lost = 0
        before = 0
        for slide in slides:
            # Well-formed without its attributes.
            picture = xml.dom.minidom.parseString(slide[slide.index("<svg"):slide.index("</svg>") + len("</svg>")])
            step = int(re.search(r"<span>step (\d+), ", slide)[1])
            self.assertLess(before, step)
            before = step
            rows = [text.firstChild.data for text in picture.getElementsByTagName("text") if text.getAttribute("class") == "step"]
            self.assertEqual(int(rows[-1]), step, "the last row is the slide's step")
            self.assertLessEqual(len(rows), 6)
            lost += "its event to xcs is lost" in slide
            if (moved := re.search(r"dom1\.tx .*(\w{3}_\w{4}) \d+ -> (\d+)", table[step])):
                ring = re.search(r"dom1\.tx</th>.*", slide)[0]
                self.assertIn(f"{moved[1]} {moved[2]} ", ring)
        self.assertGreater(len(slides), 15)
        self.assertGreaterEqual(lost, 1)
        self.assertEqual(self.view("--slides", "-", "--steps", "54..56").count("<section"), 4)

    def test_steps_are_chosen(self):
        few = self.view("--mermaid", "-", "--steps", "53..55").splitlines()
        self.assertEqual(sum("p" in line.split(":")[0] and ("->>" in line or "-x" in line) for line in few), 3)
        for bad in ("50", "9..3", "a..b"):
            self.assertIn(f"cannot choose steps: {bad}: it is not a range", self.view("--svg", "-", "--steps", bad, status=USAGE))
        said = self.view("--svg", "empty.svg", "--steps", "100000..", status=COULD_NOT_RUN)
        self.assertRegex(said, r"cannot choose steps: 100000\.\.: a diagram shows none of them \(the journal has the steps 1 to \d+\)")
        self.assertFalse((self.folder / "empty.svg").exists())
        self.assertIn("only diagrams and slides can show a part of the steps", self.view("--text", "--steps", "1..2", status=USAGE))

    def test_no_output_is_lost(self):
        for words, why in ((["--svg", "x", "--mermaid", "x"], "x: it is named for two outputs"),
                           (["--svg", "-", "--mermaid", "-"], "stdout: it is named for two outputs"),
                           (["--svg", "-", "--text"], "stdout: it is named for two outputs"),
                           (["--html", "x", "--quiz", "./x"], "x: it is named for two outputs"),
                           (["a.jsonl", "--html", "x", "--svg", "y"], "two journals can be written as a page only")):
            with self.subTest(words):
                (self.folder / "x").write_text("kept")
                self.assertIn(why, self.view(*words, status=USAGE))
                self.assertEqual((self.folder / "x").read_text(), "kept")
        text = self.view()
        self.assertEqual(self.view("--text", "--svg", "x"), text)
        self.assertTrue((self.folder / "x").read_text().startswith("<svg"))

    def test_a_trace_and_a_cast_have_their_viewers_formats(self):
        trace = json.loads(self.view("--perfetto", "-"))
        self.assertTrue(any(each["ph"] == "X" and each["name"] == "slot-tx" for each in trace["traceEvents"]))
        header, *events = [json.loads(line) for line in self.view("--asciicast", "-").splitlines()]
        self.assertEqual(header["version"], 2)
        self.assertEqual("".join(text for _, kind, text in events if kind == "o"), "one two")
        self.assertIn("there is no such screen (there are: dom1)",
                      self.view("--asciicast", "-", "--screen", "dom7", status=COULD_NOT_RUN))

    def test_all_that_is_asked_for_is_written(self):
        kinds = {"--html": "a.html", "--svg": "a.svg", "--pcap": "a.pcapng", "--mermaid": "a.mmd", "--perfetto": "a.json", "--asciicast": "a.cast",
                 "--slides": "slides.html", "--quiz": "quiz.html"}
        self.view(*(word for pair in kinds.items() for word in pair))
        for kind, name in kinds.items():
            self.assertGreater((self.folder / name).stat().st_size, 0, kind)

    def test_an_unwritable_file_is_reported(self):
        for option in ("--svg", "--slides", "--quiz", "--mermaid", "--pcap", "--perfetto", "--asciicast"):
            with self.subTest(option):
                self.assertIn("cannot write: /nowhere/x: No such file or directory", self.view(option, "/nowhere/x", status=COULD_NOT_RUN))
                self.assertIn("cannot write: /dev/full: No space left", self.view(option, "/dev/full", status=COULD_NOT_RUN))
        two = subprocess.run([PROGRAM, "view", "a.jsonl", "a.jsonl", "--svg", "-"], cwd=self.folder, capture_output=True)
        self.assertEqual(two.returncode, USAGE)


if __name__ == "__main__":
    unittest.main()

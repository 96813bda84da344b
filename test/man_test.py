#!/usr/bin/env python3
"""The man pages: they say what --help says, also of the language, the journal and the frames, and are rendered without
a complaint.

usage: man_test.py PAGES SOURCE_ROOT     RINGSIDE names the program; PAGES has man1, man5 and man7
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

from needed import needed

PROGRAM = os.environ["RINGSIDE"]
PAGES, ROOT = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
ALL = sorted(PAGES.glob("man[157]/*.[157]"))


def said(*words):
    return subprocess.run([PROGRAM, *words], check=True, capture_output=True, text=True).stdout


def plain(roff):
    """The words of a page, one space between them."""
    roff = re.sub(r"\\f[BIR]|\\[&:]", "", roff)
    for sign, text in (("\\-", "-"), ("\\(aq", "'"), ("\\(ga", "`"), ("\\(ha", "^"), ("\\(ti", "~"), ("\\e", "\\")):
        roff = roff.replace(sign, text)
    return " ".join(roff.replace("`", "").split())


def page(name, section=1):
    return plain((PAGES / f"man{section}/{name}.{section}").read_text())


def names_of_commands():
    return re.findall(r"^  ([a-z][\w-]*) ", said("--help"), re.MULTILINE)


class ManPages(unittest.TestCase):
    maxDiff = None

    def test_each_command_has_a_page(self):
        made = {path.name for path in (PAGES / "man1").iterdir()}
        self.assertEqual(made, {"ringside.1", *(f"ringside-{name}.1" for name in names_of_commands())})

    def test_a_page_has_the_options_and_examples_of_the_help(self):
        for name in names_of_commands():
            text, help_text = page(f"ringside-{name}"), said(name, "--help")
            names = re.findall(r"^  (-[\w,-]+)", help_text, re.MULTILINE)
            self.assertIn("-h,--help", names)
            for option in ",".join(names).split(","):
                self.assertIn(option, text.split("OPTIONS")[1], f"{name}: {option}")
            examples = re.search(r"^Examples:\n((?:  .*\n)+)", help_text, re.MULTILINE)[1]
            for line in examples.splitlines():
                for part in re.split(r"  +", line.strip()):
                    self.assertIn(" ".join(part.replace("`", "").split()), text, name)

    def test_a_page_names_arguments_ranges_and_what_goes_together(self):
        text = page("ringside-create")
        for part in ("ringside create [OPTION]... NAME [PROGRAM...]", "--abi sring|flat", "1 to 1048576.", "Default: 64.",
                     "Needs PROGRAM. Excludes --raw."):
            self.assertIn(part, text)
        self.assertIn("ringside-create - boot a domU whose console runs PROGRAM", text)
        self.assertIn("SH \"EXIT STATUS\" .TP 0 Success", page("ringside"))
        self.assertIn("4 a byte was lost", page("ringside-chaos").split("EXIT STATUS")[1])
        self.assertIn("PP path: bytes through console client", page("ringside-bench"))

    def test_the_program_s_page_has_its_environment(self):
        used = set()
        for path in [*ROOT.glob("emu/**/*.cc"), *ROOT.glob("tools/**/*.cc")]:
            used.update(re.findall(r'getenv\("(\w+)"\)', path.read_text()))
        self.assertIn("RINGSIDE_DIR", used)
        text = page("ringside").split("ENVIRONMENT")[1]
        self.assertEqual([name for name in used if name not in text], [])

    def test_ring_check_has_its_own_sections(self):
        text = page("ringside-ring-check")
        for part in ("WRITE YOUR OWN RING", "MODELS", "ringside ring-check c++ ARGUMENT"):
            self.assertIn(part, text)
        self.assertEqual(text.count(".TP --budget TIME"), 1)

    def test_the_language_is_in_its_page(self):
        text = page("ringside-scenario", 5)
        for block in re.findall(r"^```\S*\n(.*?)^```", (ROOT / "scenarios/README.md").read_text(), re.MULTILINE | re.DOTALL):
            self.assertIn(" ".join(block.replace("`", "").split()), text)
        for row in re.findall(r"^\| (`.+?`) \| (\w+) \| (.+?) \|$", (ROOT / "scenarios/README.md").read_text(), re.MULTILINE):
            self.assertIn(f"{row[1]}: {row[2]}".replace("`", ""), text)
        self.assertNotIn("DECISIONS", text)

    def test_the_journal_s_fields_are_in_its_page(self):
        text = page("ringside-journal", 5)
        names = re.findall(r'"(\w+)": \{ "(?:type|enum|const|\$ref)"', (ROOT / "emu/trace/journal_schema.json").read_text())
        self.assertGreater(len(names), 50)
        for name in set(names) - {"items"}:  # a word of the schema's language
            self.assertRegex(text, rf"\.TP (\S*\.)?{re.escape(name)} ")
        for kind in ("slot_written", "bytes_passed", "nonsense"):
            self.assertIn(f'.SS "{kind}"', text)

    def test_the_frames_are_in_their_page(self):
        text = page("ringside-wire", 7)
        for part in ("XCS_VIRQ = 11", "union {", "3136, 3200", "raise: locked set of pending, then mask",
                     "56 the data, by kind: the whole control message of 64 bytes"):
            self.assertIn(part, text)

    @needed("man", "man-db")
    def test_man_renders_every_page_without_a_warning(self):
        for path in [*ALL, ROOT / "tools/libringside/ringside.3"]:
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path],
                                  env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80"}, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), path)
            self.assertGreater(len(done.stdout), 1000, path)

    @needed("mandoc")
    def test_mandoc_has_no_complaint(self):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *ALL, ROOT / "tools/libringside/ringside.3"],
                              capture_output=True, text=True)
        self.assertEqual(done.stdout + done.stderr, "")

    def test_help_shows_a_command_s_help_and_its_page(self):
        self.assertEqual(said("help"), said("--help"))
        self.assertEqual(said("help", "run"), said("run", "--help"))
        self.assertIn("ringside ring-check cc [OPTIONS]", said("help", "ring-check", "cc"))
        self.assertTrue(said("help", "--man", "run").startswith(".TH RINGSIDE\\-RUN 1 "))
        for words in (["rnu"], ["rnu", "--man"]):
            done = subprocess.run([PROGRAM, "help", *words], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(done.stderr, "ringside: cannot show a help: rnu: ringside has no command of that name (did you "
                             "mean run?)\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

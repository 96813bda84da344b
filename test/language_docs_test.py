#!/usr/bin/env python3
"""The reference of the scenario language, the editors' grammars and the program have the same words.

usage: language_docs_test.py     RINGSIDE names the program (default: build/ringside)

Every example of scenarios/README.md is valid and formatted as by `ringside fmt`: those marked `scn` as they are, those
marked `scn-part` after the lines that the text names. Every word of `ringside check-scn --words` is in the reference
and in both grammars, every line's form is in the reference as in the program's diagnostics, and every counter has its
texts.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", ROOT / "build" / "ringside"))
REFERENCE = (ROOT / "scenarios" / "README.md").read_text()
EDITORS = ROOT / "tools" / "editors"
BEFORE_PARTS = 'scenario "part"\nmode sim\nxen boots dom1, dom2\nuser connects to dom2\n'
EXAMPLES_MIN = 8

wrong = []


def run(*words, stdin=""):
    return subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=600)


def check_examples():
    examples = re.findall(r"```(scn|scn-part)\n(.*?)```", REFERENCE, re.DOTALL)
    for kind, text in examples:
        whole = text if kind == "scn" else BEFORE_PARTS + text
        checked = run("check-scn", "--strict", "-", stdin=whole)
        if checked.returncode != 0:
            wrong.append(f"an example of the reference:\n{whole}\n{checked.stderr}")
        elif run("fmt", "-", stdin=whole).stdout != whole:
            wrong.append(f"an example of the reference is not laid out by fmt:\n{whole}")
    if len(examples) < EXAMPLES_MIN:
        wrong.append(f"only {len(examples)} examples in the reference")


def check_words():
    rows = [re.split(r"\s{2,}", line) for line in run("check-scn", "--words").stdout.splitlines()]
    grammars = {path.name: path.read_text() for path in (EDITORS / "scn.vim", EDITORS / "scn.tmLanguage.json")}
    if len(rows) < 100:
        wrong.append(f"check-scn --words lists {len(rows)} words")
    for kind, word, *about in rows:
        whole = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        last = re.compile(rf"(?<![\w-]){re.escape(word.split('.')[-1])}(?![\w-])")
        for name, text in {"scenarios/README.md": REFERENCE, **grammars}.items():
            if not (whole if text is REFERENCE else last).search(text):
                wrong.append(f'the {kind} "{word}" is not in {name}')
        if kind in ("line", "act", "expect"):
            for form in about[0].split("; "):
                if form not in REFERENCE:
                    wrong.append(f"the reference lacks: {form}")


def check_parsed_words():
    """The words that the parser requires or accepts literally are words of the vocabulary."""
    known = {word for line in run("check-scn", "--words").stdout.splitlines() for word in re.split(r"\s{2,}", line)[1].split(".")}
    sources = "".join(path.read_text() for path in (ROOT / "emu" / "script").glob("*.cc"))
    parsed = set(re.findall(r'\bwords\.(?:require|accept)\("(\w+)"\)', sources))
    if len(parsed) < 40:
        wrong.append(f"the parser has {len(parsed)} words")
    for word in sorted(parsed - known):
        wrong.append(f'the parser has the word "{word}"; no table of vocabulary.cc or counters.cc has it (`glue`: connecting words)')


def check_codes():
    """The table of errors has each code of the front end, alone or in a range."""
    listed = set()
    for first, last in re.findall(r"`([EW]\d{3})`(?: to `([EW]\d{3})`)?", REFERENCE):
        listed.update(f"{first[0]}{number:03}" for number in range(int(first[1:]), int((last or first)[1:]) + 1))
    codes = set(re.findall(r'"([EW]\d{3})"', "".join(path.read_text() for path in (ROOT / "emu" / "script").glob("*.cc"))))
    if len(codes) < 40:
        wrong.append(f"the front end has {len(codes)} codes")
    for code in sorted(codes - listed):
        wrong.append(f"the reference's table of errors lacks {code}")


def check_counters():
    """Components really count the counters in the table."""
    table = (ROOT / "emu" / "script" / "counters.cc").read_text()
    names = re.findall(r"counter\(Counter::(\w+)\)", table)
    components = "".join(path.read_text() for part in ("xen", "domu", "dom0") for path in (ROOT / "emu" / part).rglob("*.cc"))
    if len(names) < 20:
        wrong.append(f"the table of counters has {len(names)} counters")
    for name in names:
        if not re.search(rf"\bCounter::{name}\b", components):
            wrong.append(f"no component counts {name}")


def patterns_of(rule):
    """All expressions of a TextMate rule and of its inner rules."""
    for key in ("match", "begin", "end"):
        if key in rule:
            yield rule[key]
    for inner in rule.get("patterns", []):
        yield from patterns_of(inner)


def check_grammar():
    grammar = json.loads((EDITORS / "scn.tmLanguage.json").read_text())
    for rule in [grammar, *grammar["repository"].values()]:
        for pattern in patterns_of(rule):
            re.compile(pattern)
    extension = json.loads((EDITORS / "package.json").read_text())["contributes"]
    for path in (extension["languages"][0]["configuration"], extension["grammars"][0]["path"]):
        json.loads((EDITORS / path).read_text())


def main():
    check_examples()
    check_words()
    check_parsed_words()
    check_codes()
    check_counters()
    check_grammar()
    for each in wrong:
        print(each)
    print(f"language_docs: {len(wrong)} failures")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

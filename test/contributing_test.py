#!/usr/bin/env python3
"""The page for the next engineer names files, tests and commands of tools/setup that exist.

usage: contributing_test.py [PAGE]
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / ".github" / "CONTRIBUTING.md"
LINES_MAX = 150
PATHS_MIN = 40
FOLDERS = "ring|emu|tools|test|scenarios"


def missing_files(text):
    """Paths from the top of the tree, and names of sources without a folder. Words in capitals stand for any name."""
    names = {path.name for folder in FOLDERS.split("|") for path in (ROOT / folder).rglob("*")}
    words = {word for code in re.findall(r"`([^`\n]+)`", text) for word in code.split()
             if not re.search(r"[A-Z]{2}", word.replace("README", ""))}
    # A word without a suffix, test/dom0_test, is a program that is built.
    paths = {word for word in words if re.match(rf"({FOLDERS})/", word) and not re.fullmatch(r"test/\w+_test", word)}
    sources = {word for word in words - paths if re.fullmatch(r"[\w*]+\.(h|cc|py|md|toml)", word)}
    if len(paths) < PATHS_MIN:
        yield f"it names only {len(paths)} paths"
    for path in sorted(paths):
        if not list(ROOT.glob(path)):
            yield f"no such file: {path}"
    for name in sorted(sources):
        if not any(pathlib.PurePath(one).match(name) for one in names):
            yield f"no such file in any folder: {name}"


def missing_tests(text):
    known = set(re.findall(r"'(\w+)'", (ROOT / "test" / "meson.build").read_text()))
    for line in re.findall(r"Tests?: `([a-z_ ]+)`", text):
        for name in line.split():
            if not {name, name.removeprefix("machine_")} & known:
                yield f"no such test: {name}"


def missing_commands(text):
    known = re.findall(r"^  (\w+)\) ", (ROOT / "tools" / "setup").read_text(), re.MULTILINE)
    for name in re.findall(r"`tools/setup (\w+)", text):
        if name not in known:
            yield f"no such command: tools/setup {name}"


def main():
    text = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else PAGE).read_text(encoding="utf-8")
    wrong = [*missing_files(text), *missing_tests(text), *missing_commands(text)]
    if text.count("\n") > LINES_MAX:
        wrong.append(f"it is longer than {LINES_MAX} lines")
    for each in wrong:
        print(f"CONTRIBUTING.md: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The library in scenarios/ is complete: its files are read without an error and are formatted, each begins with a
lesson, each act and each expectation of the language is in one of them, each quirk has its own scenario, and each of
those fails when its quirk is switched. Another test, `ringside run
scenarios/`, shows that all pass.

usage: scenarios_test.py     RINGSIDE names the program (default: build/ringside)
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "scenarios"
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", ROOT / "build" / "ringside"))
FILES_MIN = 45
LESSON_LINES = range(3, 13)
RUN_SECONDS_MAX = 1  # invalid messages that are answered with invalid messages may have no end
NOT_PASSED = (3, 4)  # a line could not be carried out, or an expectation failed


def ringside(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)


def lesson_of(text):
    """The comment at the start of a file."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line)
    return lines


def quirks():
    return set(re.findall(r'QuirkAbout\{\s*Quirk::\w+, "([\w-]+)"', (ROOT / "emu/base/quirks.h").read_text()))


def named_by_hops():
    found = set()
    for header in (ROOT / "emu/trace").glob("hops_*.h"):
        for names in re.findall(r"\.scenarios = \{([^}]*)\}", header.read_text()):
            found |= set(re.findall(r'"([\w-]+)"', names))
    return found


def check_files(files):
    read = ringside("check-scn", "--strict", *files)
    if read.returncode != 0 or read.stderr:
        yield f"check-scn complains:\n{read.stderr}"
    laid_out = ringside("fmt", "--check", *files)
    if laid_out.returncode != 0:
        yield f"not laid out by `ringside fmt`:\n{laid_out.stdout}{laid_out.stderr}"
    if len(files) < FILES_MIN:
        yield f"only {len(files)} files; at least {FILES_MIN} are wanted"
    names = {path.stem for path in files}
    for quirk in sorted(quirks()):
        if f"20-quirk-{quirk}" not in names:
            yield f"the quirk {quirk} has no scenario"
    for name in sorted(named_by_hops() - names):
        yield f"a hop names the scenario {name}, and there is none"
    for path in files:
        if len(lesson_of(path.read_text())) not in LESSON_LINES:
            yield f"{path.name}: its opening comment has {len(lesson_of(path.read_text()))} lines"


def check_verbs(files):
    """Each act and each expectation is used by a scenario, or by a solution of a lab."""
    lines = [line for path in [*files, *(ROOT / "test" / "labs").rglob("*.inc")] for line in path.read_text().splitlines()]
    used = {match.groups() for match in map(re.compile(r"\s*(?:(?:at|after) \S+ )?(expect |never |ignore )?(?:no )?\S+ (\w+)").match, lines) if match}
    for row in ringside("check-scn", "--words").stdout.splitlines():
        kind, word, form = re.split(r"\s{2,}", row + "  ")[:3]
        if kind in ("act", "expect") and not any(verb == word and bool(first) == (kind == "expect") for first, verb in used):
            yield f"no scenario has: {form}"


def flipped(text, quirk, way):
    """The text with the quirk always `way`, whatever value its parameter has; and the name of the parameter."""
    line = re.compile(rf"^quirk {re.escape(quirk)} \{{(\w+)\}}$", re.MULTILINE)
    found = set(line.findall(text))
    if len(found) != 1:
        return None, None
    return line.sub(f"quirk {quirk} {way}", text), found.pop()


def check_quirk(path, folder):
    quirk = path.stem.removeprefix("20-quirk-")
    for way, claimed in (("off", "on"), ("on", "off")):
        text, parameter = flipped(path.read_text(), quirk, way)
        if text is None:
            yield f"{path.name}: it has no line: quirk {quirk} {{NAME}}"
            return
        wrong = folder / f"{path.stem}-{way}.scn"
        wrong.write_text(text)
        result = ringside("run", wrong, "-p", f"{parameter}={claimed}", "--timeout", RUN_SECONDS_MAX, cwd=folder)
        if result.returncode not in NOT_PASSED:
            yield (f"{path.name}: with {quirk} {way} and {parameter}={claimed} it should fail, and its status is "
                   f"{result.returncode}:\n{result.stdout[-2000:]}{result.stderr[-1000:]}")


def main():
    files = sorted(SCENARIOS.glob("*.scn"))
    wrong = [*check_files(files), *check_verbs(files)]
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            if path.name.startswith("20-quirk-"):
                wrong += check_quirk(path, pathlib.Path(folder))
    for each in wrong:
        print(each)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Every error in must_fail/ gets exactly the message in the file next to it.

usage: must_fail_test.py [--update]     RINGSIDE names the program (default: build/ringside)

NAME.scn has one error, or several that belong together; NAME.txt is the output of `ringside check-scn --strict
NAME.scn` in that folder. --update writes the present output; read the difference before you commit it. Each code of the
front end must occur in one of them.
"""

import os
import pathlib
import re
import subprocess
import sys

TEST = pathlib.Path(__file__).resolve().parent
MUST_FAIL = TEST / "must_fail"
FRONT_END = TEST.parent / "emu" / "script"
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
MISTAKES_MIN = 40
DOES_NOT_PARSE = 2

# Limits: a file that reaches one would be too long. script_test.cc has them.
WITHOUT_EXAMPLE = {"E008"}


def said(scenario):
    return subprocess.run([PROGRAM, "check-scn", "--strict", scenario.name], cwd=MUST_FAIL, capture_output=True, text=True,
                          timeout=600)


def check(scenario, update):
    """What is wrong with this file; empty if it is as expected."""
    golden = scenario.with_suffix(".txt")
    result = said(scenario)
    if result.returncode != DOES_NOT_PARSE or result.stdout:
        return f"exit status {result.returncode}, stdout {result.stdout!r}; expected status {DOES_NOT_PARSE} and silence"
    if update:
        golden.write_text(result.stderr)
        return None
    expected = golden.read_text() if golden.exists() else ""
    if result.stderr == expected:
        return None
    return f"expected:\n{expected}\nbut it says:\n{result.stderr}"


def main():
    update = sys.argv[1:] == ["--update"]
    scenarios = sorted(MUST_FAIL.glob("*.scn"))
    failed = 0
    for scenario in scenarios:
        wrong = check(scenario, update)
        if wrong:
            failed += 1
            print(f"{scenario.name}: {wrong}")
    texts = {path.stem: path.read_text() for path in MUST_FAIL.glob("*.txt")}
    shown = set(re.findall(r"\[([EW]\d{3})\]", "".join(texts.values())))
    codes = set(re.findall(r'"([EW]\d{3})"', "".join(path.read_text() for path in FRONT_END.glob("*.cc"))))
    for complaint, names in (("codes without an example", codes - shown - WITHOUT_EXAMPLE),
                             ("texts without a scenario", set(texts) - {path.stem for path in scenarios})):
        if names:
            failed += 1
            print(f"{complaint}: {', '.join(sorted(names))}")
    if len(scenarios) < MISTAKES_MIN:
        failed += 1
        print(f"only {len(scenarios)} mistakes; at least {MISTAKES_MIN} are wanted")
    print(f"must_fail: {len(scenarios)} mistakes, {len(shown)} codes, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

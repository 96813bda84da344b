#!/usr/bin/env python3
"""Every run in must_fail/run/ fails with exactly the report in the file next to it.

usage: must_fail_run_test.py [--update]     RINGSIDE names the program (default: build/ringside)

NAME.txt is the output of `ringside run NAME.scn`, without its summary. --update writes the present output; read the
difference before you commit it. The journal of a failed run must exist, and every line of it must be JSON.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TEST = pathlib.Path(__file__).resolve().parent
RUNS = TEST / "must_fail" / "run"
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
RUNS_MIN = 10
COULD_NOT_RUN, EXPECTATION_FAILED = 3, 4


def check_journal(folder, name):
    """What is wrong with the journal of the run."""
    left = list((folder / "out").glob(f"{name}*.jsonl"))
    if len(left) != 1:
        return f"it left {len(left)} journals"
    steps = [line["step"] for line in map(json.loads, left[0].read_text().splitlines()) if "step" in line]
    if steps != list(range(1, len(steps) + 1)) or not steps:
        return "the steps of its journal are not 1, 2, 3 ..."
    return None


def check(scenario, update):
    """What is wrong with this run; empty if it is as expected."""
    golden = scenario.with_suffix(".txt")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copy(scenario, folder)
        result = subprocess.run([PROGRAM, "run", scenario.name], cwd=folder, capture_output=True, text=True, timeout=600)
        wrong = check_journal(folder, scenario.stem)
    report = "".join(result.stdout.splitlines(keepends=True)[:-1])
    wanted = COULD_NOT_RUN if report.startswith("ERROR") else EXPECTATION_FAILED
    if result.returncode != wanted:
        return f"exit status {result.returncode}, expected {wanted}\n{result.stdout}{result.stderr}"
    if wrong:
        return wrong
    if update:
        golden.write_text(report)
        return None
    expected = golden.read_text() if golden.exists() else ""
    return None if report == expected else f"expected:\n{expected}\nbut it says:\n{report}"


def main():
    update = sys.argv[1:] == ["--update"]
    scenarios = sorted(RUNS.glob("*.scn"))
    failed = 0
    for scenario in scenarios:
        wrong = check(scenario, update)
        if wrong:
            failed += 1
            print(f"{scenario.name}: {wrong}")
    strangers = {path.stem for path in RUNS.glob("*.txt")} - {path.stem for path in scenarios}
    if strangers or len(scenarios) < RUNS_MIN:
        failed += 1
        print(f"{len(scenarios)} runs, at least {RUNS_MIN} are wanted; texts without one: {sorted(strangers)}")
    print(f"must_fail/run: {len(scenarios)} runs, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

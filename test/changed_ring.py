"""Rings of ringside whose headers are changed, each change an error that ring-check must find. RINGSIDE names the program."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", ROOT / "build" / "ringside"))
GOOD, FAILED = 0, 4
MODELS = ["sc", "tso", "c11", "armv8"]
WEAK = ["c11", "armv8"]
BUFFERED = ["tso", "c11", "armv8"]  # a store may be seen later than a load that follows it


def in_function(beginning, old, new):
    """Replaces the first `old` after the beginning of the function."""
    def change(text):
        at = text.index(old, text.index(beginning))
        return text[:at] + new + text[at + len(old):]
    return change


def once(old, new):
    def change(text):
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        return text.replace(old, new)
    return change


def both(first, second):
    return lambda text: second(first(text))


def searches_of(plugin, defines=(), file=None, change=None):
    """The result of ring-check, and the verdicts of the searches under all models, with one file changed."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for part in ("ring", "emu/check/include", "emu/check/plugins"):
            shutil.copytree(ROOT / part, root / part)
        if change:
            changed = change((root / file).read_text())
            assert changed != (root / file).read_text(), "nothing has changed"
            (root / file).write_text(changed)
        library = root / "ring.so"
        built = subprocess.run([PROGRAM, "ring-check", "c++", "-std=c++20", "-shared", "-fPIC", "-g", "-O1", *defines, "-I", root, "-o", library, root / plugin],
                               capture_output=True, text=True, timeout=600)
        assert built.returncode == 0, built.stderr
        result = subprocess.run([PROGRAM, "ring-check", "--ring", library, "--json", *(word for model in MODELS for word in ("--model", model))],
                                capture_output=True, text=True, timeout=600)
        return result, [each for each in map(json.loads, result.stdout.splitlines()) if " scenario " in each["what"]]


def check_holds(test, plugin, defines=()):
    """The ring holds in every execution under every model."""
    result, searches = searches_of(plugin, defines)
    test.assertEqual(result.returncode, GOOD, result.stdout)
    test.assertEqual({each["model"].lower() for each in searches}, set(MODELS))
    test.assertEqual({each["outcome"] for each in searches}, {"all"}, result.stdout)


def check_found(test, plugin, mutants, defines=()):
    """`mutants`: what is wrong -> the file, the change, the models that show it and no others, a scenario in which they do."""
    for wrong, (file, change, models, scenario) in mutants.items():
        with test.subTest(wrong=wrong):
            result, searches = searches_of(plugin, defines, file, change)
            test.assertEqual(result.returncode, FAILED, result.stdout + result.stderr)
            failed = [each for each in searches if each["outcome"] == "failed"]
            test.assertEqual(sorted({each["model"].lower() for each in failed}), sorted(models), result.stdout)
            for model in models:
                test.assertTrue([each for each in failed if each["model"].lower() == model and f'"{scenario}' in each["what"]], result.stdout)
            test.assertEqual([each for each in searches if each["outcome"] not in ("all", "failed")], [], result.stdout)

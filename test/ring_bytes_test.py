#!/usr/bin/env python3
"""The check of the byte rings finds each barrier that is missing in ring/byte_ring.h, and other errors in it: a copy of the
header is changed, compiled into the plug-in, and checked. RINGSIDE names the program."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", ROOT / "build" / "ringside"))
PLUGIN = "emu/check/plugins/byte_ring.cc"
HEADER = "ring/byte_ring.h"
GOOD, FAILED = 0, 4
MODELS = ["sc", "tso", "c11", "armv8"]
WEAK = ["c11", "armv8"]

FUNCTIONS = {"write": "void write(", "look": "std::size_t look(", "take": "void take(", "take_output": "Moved take_output(",
             "input_room": "std::size_t input_room(", "put_input": "Moved put_input("}
STORES = """    for (std::size_t i = 0; i < bytes.size(); ++i)
      Memory::store(&rings_->out[(out_prod_ + i) % sizeof rings_->out], bytes[i]);
"""
PUBLISHES = "    Memory::store(&rings_->out_prod, out_prod_ += static_cast<Index>(bytes.size()));\n"
OUTPUT, INPUT, HOSTILE, HOSTILE_GUEST = "output", "input", "a hostile daemon", "a hostile guest"


def in_function(name, old, new):
    """Replaces the first `old` after the beginning of the function."""
    def change(text):
        at = text.index(old, text.index(FUNCTIONS[name]))
        return text[:at] + new + text[at + len(old):]
    return change


def once(old, new):
    def change(text):
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        return text.replace(old, new)
    return change


def both(first, second):
    return lambda text: second(first(text))


# What is wrong: the file, the change, the models that show it, and a scenario in which they do.
MUTANTS = {
    "write(): the first barrier is missing": (HEADER, in_function("write", "Memory::rmb();", ""), WEAK, "output with room for one byte"),
    "write(): the second barrier is missing": (HEADER, in_function("write", "Memory::wmb();", ""), WEAK, OUTPUT),
    "write(): a read barrier before the index": (HEADER, in_function("write", "Memory::wmb();", "Memory::rmb();"), WEAK, OUTPUT),
    "look(): the barrier is missing": (HEADER, in_function("look", "Memory::rmb();", ""), WEAK, INPUT),
    "take(): the barrier is missing": (HEADER, in_function("take", "Memory::wmb();", ""), WEAK, "input with room for one byte"),
    "take_output(): the first barrier is missing": (HEADER, in_function("take_output", "Memory::mb();", ""), WEAK, OUTPUT),
    "take_output(): the second barrier is missing": (
        HEADER, in_function("take_output", "    Memory::mb();\n    if", "    if"), WEAK, "output with room for one byte"),
    "input_room(): the barrier is missing": (HEADER, in_function("input_room", "Memory::mb();", ""), WEAK, "input with room for one byte"),
    "put_input(): the barrier is missing": (HEADER, in_function("put_input", "Memory::wmb();", ""), WEAK, INPUT),
    "xenconsoled believes any in_cons": (
        HEADER, in_function("input_room", "return waiting ? sizeof rings_->in - *waiting : 0;", "return sizeof rings_->in - (prod - cons);"), MODELS,
        HOSTILE_GUEST),
    "the index is published before the bytes": (
        HEADER, both(once(PUBLISHES, ""), once(STORES, "    const Index from = out_prod_;\n" + PUBLISHES + STORES.replace("(out_prod_ + i)", "(from + i)"))), MODELS, OUTPUT),
    "room for one byte too many": (HEADER, once("return sizeof rings_->out - *used;", "return sizeof rings_->out - *used + 1;"), MODELS, "output with room for one byte"),
    "the daemon's index is trusted": (HEADER, once("bytes <= ring_bytes ? std::optional(bytes) : std::nullopt", "std::optional(bytes)"), MODELS, HOSTILE),
    "a ring with one byte too many is possible": (HEADER, once("bytes <= ring_bytes ?", "bytes <= ring_bytes + 1 ?"), MODELS, HOSTILE),
    "the wrong place": (HEADER, in_function("write", "% sizeof rings_->out]", "% (sizeof rings_->out - 1)]"), MODELS, "output over the end of the array"),
    "one byte too few is awaited": (PLUGIN, once("front_.room() == out_bytes", "front_.room() == out_bytes - 1"), MODELS,
                                    "a guest that waits until all is taken"),
    "the event comes before the bytes": (
        PLUGIN, once("guest.put(1);\n    ring_check_notify(RING_CHECK_BACK);", "ring_check_notify(RING_CHECK_BACK);\n    guest.put(1);"), MODELS,
        "a guest that waits until all is taken"),
}


class ByteRings(unittest.TestCase):
    def check(self, file=None, change=None):
        """The verdicts of the searches under all models, with one file changed."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for part in ("ring", "emu/check/include", "emu/check/plugins"):
                shutil.copytree(ROOT / part, root / part)
            if change:
                changed = change((root / file).read_text())
                self.assertNotEqual(changed, (root / file).read_text())
                (root / file).write_text(changed)
            library = root / "bytes.so"
            built = subprocess.run([PROGRAM, "ring-check", "c++", "-std=c++20", "-shared", "-fPIC", "-g", "-O1", "-I", root, "-o", library, root / PLUGIN],
                                   capture_output=True, text=True, timeout=600)
            self.assertEqual(built.returncode, 0, built.stderr)
            result = subprocess.run([PROGRAM, "ring-check", "--ring", library, "--json", *(word for model in MODELS for word in ("--model", model))],
                                    capture_output=True, text=True, timeout=600)
            return result, [each for each in map(json.loads, result.stdout.splitlines()) if " scenario " in each["what"]]

    def test_they_hold_in_every_execution_under_every_model(self):
        result, searches = self.check()
        self.assertEqual(result.returncode, GOOD, result.stdout)
        self.assertEqual({each["model"].lower() for each in searches}, set(MODELS))
        self.assertEqual({each["outcome"] for each in searches}, {"all"}, result.stdout)

    def test_each_error_is_found_by_the_models_that_can_show_it_and_by_no_other(self):
        for wrong, (file, change, models, scenario) in MUTANTS.items():
            with self.subTest(wrong=wrong):
                result, searches = self.check(file, change)
                self.assertEqual(result.returncode, FAILED, result.stdout + result.stderr)
                failed = [each for each in searches if each["outcome"] == "failed"]
                self.assertEqual(sorted({each["model"].lower() for each in failed}), sorted(models), result.stdout)
                for model in models:
                    self.assertTrue([each for each in failed if each["model"].lower() == model and f'"{scenario}' in each["what"]], result.stdout)
                self.assertEqual([each for each in searches if each["outcome"] not in ("all", "failed")], [], result.stdout)


if __name__ == "__main__":
    unittest.main()

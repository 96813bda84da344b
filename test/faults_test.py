#!/usr/bin/env python3
"""emu/faults.md names existing tests: each file, and each quoted name in the last file named before it."""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()


def flat(text):
    """The text of a source with string literals joined and white space normalised."""
    return re.sub(r"\s+", " ", re.sub(r'"\s*\n\s*"', "", text))


class Faults(unittest.TestCase):
    def test_every_test_that_is_named_exists(self):
        names = 0
        missing = []
        for number, line in enumerate((ROOT / "emu" / "faults.md").read_text(encoding="utf-8").split("\n"), 1):
            cells = line.split("|")
            if len(cells) != 6 or cells[1].strip("- ") in ("", "who, how"):
                continue
            source = None
            for path, name in re.findall(r'`([\w/]+\.(?:cc|py))`|"([^"]+)"', cells[4]):
                if path:
                    self.assertTrue((ROOT / "test" / path).is_file(), f"line {number}: test/{path} is no file")
                    source = flat((ROOT / "test" / path).read_text(encoding="utf-8"))
                    continue
                self.assertIsNotNone(source, f"line {number}: no file is named before {name}")
                if name not in source:
                    missing.append(f"line {number}: {name}")
                names += 1
        self.assertEqual(missing, [], "tests that are not in the file named before them")
        self.assertGreater(names, 40)


if __name__ == "__main__":
    unittest.main()

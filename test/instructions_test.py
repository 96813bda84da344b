"""The hot paths take no more instructions than they did. valgrind counts them, so that no speed, and no other work of
the computer, has an influence. A new figure that is right is written down below."""
import os
import re
import subprocess
import unittest

from needed import needed

PROGRAM = os.environ["INSTRUCTIONS"]
# One message of 64 bytes with its answer, or one entry. `path` is a message of 60 bytes in simulation, from a
# program in a guest to its viewer, with all that the simulated world does for it. (gcc 12, x86-64)
USUAL = {
    "ring": 287,
    "journal without a listener": 11,
    "journal with a listener": 51,
    "path": 8823,
}
# For other compilers and versions of libraries.
TOLERANCE = 1.3


def instructions(path, count):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, path],
                          env={**os.environ, "COUNT": str(count)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


@needed("valgrind")
class Instructions(unittest.TestCase):
    def test_no_path_takes_more_than_usual(self):
        for path, usual in USUAL.items():
            with self.subTest(path):
                once, thrice = instructions(path, 1000), instructions(path, 3000)
                each = (thrice - once) / 2000
                print(f"{path}: {each:.1f} instructions, usually {usual}")
                self.assertLessEqual(each, usual * TOLERANCE)
                self.assertGreater(each, usual / 2, "it has become much better: write the new figure down")


if __name__ == "__main__":
    unittest.main()

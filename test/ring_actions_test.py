#!/usr/bin/env python3
"""ring-check: which outputs its actions write, and which they refuse. RINGSIDE names the program, RINGS the folder of plug-ins.

usage: ring_actions_test.py
"""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
RINGS = pathlib.Path(os.environ.get("RINGS", TEST.parent / "build" / "emu" / "check" / "plugins")).resolve()
USAGE, COULD_NOT_RUN, FAILED = 1, 3, 4


def ring_check(*arguments):
    return subprocess.run([PROGRAM, "ring-check", *map(str, arguments)], capture_output=True, text=True, timeout=900)


class Actions(unittest.TestCase):
    def test_a_replay_writes_each_output_that_it_has(self):
        ring = RINGS / "mutant_18.so"
        replay = re.search(r"--replay '(\S*)'", ring_check("--ring", ring, "--model", "tso", "--first").stdout)[1]
        with tempfile.TemporaryDirectory() as folder:
            report, page, journal = (pathlib.Path(folder) / name for name in ("r.xml", "p.html", "j.jsonl"))
            said = ring_check("--ring", ring, "--replay", replay, "--junit", report, "--html", page, "--journal", journal)
            self.assertEqual(said.returncode, FAILED, said.stderr)
            case, = xml.etree.ElementTree.parse(report).iter("testcase")
            self.assertEqual((case.get("classname"), case.get("name")[:len("replay of TSO")]), ("mutant_18", "replay of TSO"))
            self.assertIn(case.find("failure").get("message"), said.stdout)
            self.assertTrue(page.exists() and journal.exists())
            # A string for another ring: the report says that there is no result.
            other = ring_check("--ring", RINGS / "plain_2_O2.so", "--replay", replay, "--junit", report)
            self.assertEqual(other.returncode, COULD_NOT_RUN, other.stdout)
            self.assertEqual(len(list(xml.etree.ElementTree.parse(report).iter("error"))), 1)
            # What an action does not write is refused.
            for words in (["--list", "--junit", report], ["--list", "--html", page], ["--list", "--journal", journal], ["--list", "--tap"],
                          ["--explain", "18", "--junit", report], ["--explain", "18", "--tap"], ["--replay", replay, "--tap"],
                          ["--replay", replay, "--json"]):
                with self.subTest(words):
                    refused = ring_check("--ring", ring, *words)
                    self.assertEqual(refused.returncode, USAGE, refused.stdout)
                    self.assertIn(f"{words[0]} does not write it", refused.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""Rings that cannot be loaded, or that run other code while they are loaded: ring-check names them and continues.

usage: ring_load_test.py     RINGSIDE names the program, RINGS the folder of built plug-ins
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
RINGS = pathlib.Path(os.environ.get("RINGS", TEST.parent / "build" / "emu" / "check" / "plugins")).resolve()
USAGE, COULD_NOT_RUN = 1, 3
WHOLE = RINGS / "plain_2_O2.so"
# Code that a library runs when it is loaded, and the message about it.
CONSTRUCTORS = {
    "_exit(0)": "exited with status 0",
    "_exit(4)": "exited with status 4",
    "abort()": "was killed by a signal: Aborted",
    "*(volatile int *)8 = 1": "was killed by a signal: Segmentation fault",
    "kill(getpid(), SIGKILL)": "was killed by a signal: Killed",
}
# The same when its table is requested.
TABLES = {"_exit(0)": "exited with status 0", "raise(SIGBUS)": "was killed by a signal: Bus error"}
SOURCE = """
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void loaded(void) { %s; }
void *ring_check_plugin(void) { %s; return 0; }
"""


class Loading(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory(prefix="rs-")
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)

    def library(self, constructor="", table=""):
        path = self.folder / "ring.so"
        subprocess.run([*os.environ.get("CC", "cc").split(), "-w", "-shared", "-fPIC", "-x", "c", "-", "-o", path],
                       input=(SOURCE % (constructor, table)).encode(), check=True)
        return path

    def refused(self, path, *more):
        report = self.folder / "junit.xml"
        junit = [] if "--list" in more else ["--junit", report]
        done = subprocess.run([PROGRAM, "ring-check", "--ring", path, *junit, *more], capture_output=True, text=True,
                              timeout=600, check=False)
        self.assertEqual(done.returncode, COULD_NOT_RUN, done.stdout + done.stderr)
        self.assertIn(f"ringside: cannot check a ring: {path}: ", done.stderr)
        if not junit:
            return done.stderr
        suite = xml.etree.ElementTree.parse(report).getroot()
        self.assertEqual(len(suite.findall(".//error")), 1)
        return done.stderr

    def test_a_truncated_file_is_refused_wherever_it_ends(self):
        whole = WHOLE.read_bytes()
        path = self.folder / "cut.so"
        for size in (0, 1, 63, 64, 200, 4096, 5000, 8192):
            with self.subTest(size):
                path.write_bytes(whole[:size])
                self.refused(path)

    def test_a_damaged_file_is_refused(self):
        path = self.folder / "noise.so"
        whole = bytearray(WHOLE.read_bytes())
        # The kind of file, the machine, the place and the size of the table of segments.
        for at in (16, 18, 32, 54):
            with self.subTest(at):
                whole[at] ^= 0xff
                path.write_bytes(whole)
                self.refused(path)
                whole[at] ^= 0xff

    def test_code_that_runs_at_loading_does_not_end_the_check_in_silence(self):
        for body, said in CONSTRUCTORS.items():
            with self.subTest(body):
                self.assertIn(said, self.refused(self.library(constructor=body)))

    def test_code_that_runs_when_the_table_is_requested_does_not_end_the_check_in_silence(self):
        for body, said in TABLES.items():
            with self.subTest(body):
                self.assertIn(said, self.refused(self.library(table=body)))
                self.assertIn(said, self.refused(self.folder / "ring.so", "--list"))
                self.assertIn(said, self.refused(self.folder / "ring.so", "--replay", "SC:exchange:2:0:0:A1"))

    def test_an_exit_handler_of_a_ring_changes_no_status(self):
        path = self.library(constructor="atexit((void (*)(void))_exit)", table="")
        self.assertIn("returned no table", self.refused(path))

    def test_an_output_replaces_neither_the_ring_nor_another_output(self):
        ring, other = self.folder / "ring.so", self.folder / "x"
        shutil.copy(WHOLE, ring)
        before = ring.read_bytes()
        for words in (("--junit", ring), ("--html", ring), ("--journal", ring), ("--html", other, "--journal", other)):
            done = subprocess.run([PROGRAM, "ring-check", "--ring", ring, *words], capture_output=True, text=True, timeout=600, check=False)
            self.assertEqual((done.returncode, ring.read_bytes(), other.exists()), (USAGE, before, False), words)
            self.assertRegex(done.stderr, "would overwrite it|named for two outputs")

    def test_a_ring_is_named_once(self):
        link = self.folder / "link.so"
        link.symlink_to(WHOLE)
        for again in (WHOLE, link):
            done = subprocess.run([PROGRAM, "ring-check", "--ring", WHOLE, "--ring", again], capture_output=True, text=True, timeout=600,
                                  check=False)
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""), done.stderr)
            self.assertIn(f"--ring {again}: the same file is named twice", done.stderr)

    def test_a_whole_one_is_still_checked(self):
        done = subprocess.run([PROGRAM, "ring-check", "--ring", WHOLE, "--model", "sc", "--msgs", "2"], capture_output=True, text=True,
                              timeout=600, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""`ringside doctor` on machines that lack something: programs, limits, a usable directory, and features of the kernel,
which a filter of system calls takes away.

usage: doctor_test.py SOURCE_ROOT     RINGSIDE names the program
"""

import ctypes
import json
import os
import pathlib
import platform
import re
import resource
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["RINGSIDE"]
ROOT = pathlib.Path(sys.argv[1])
# x86-64's numbers of the system calls that the features need; prctl also makes a child a subreaper.
FEATURES = {"sealed memory": 319, "eventfd": 290, "descriptors in packets": 53, "process descriptors": 434, "subreaper": 157,
            "inotify": 294, "seccomp": 317, "tracing": 101, "fixed addresses": 135}
NOT_NEEDED = {"seccomp", "tracing", "fixed addresses"}


def without_call(number):
    """For a child before it becomes a program: the call fails with EPERM from now on, as in a container."""
    load, jump_if_equal, give = 0x20, 0x15, 0x06
    allow, fail = 0x7FFF0000, 0x00050000 | 1
    code = [(load, 0, 0, 0), (jump_if_equal, 0, 1, number), (give, 0, 0, fail), (give, 0, 0, allow)]
    program = b"".join(struct.pack("HBBI", *line) for line in code)
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privs, set_seccomp, mode_filter = 38, 22, 2
    assert libc.prctl(no_new_privs, 1, 0, 0, 0) == 0
    assert libc.prctl(set_seccomp, mode_filter, ctypes.c_char_p(header), 0, 0) == 0


class Doctor(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ringside-doctor-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def doctor(self, *words, status=0, before=None, directory=None, **environment):
        done = subprocess.run([PROGRAM, "doctor", "--dir", directory or self.folder / "machine", *words], preexec_fn=before,
                              env={**os.environ, **environment}, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        return done.stdout

    def checks(self, **more):
        return {check["name"]: check for check in json.loads(self.doctor("--json", **more))}

    def test_this_machine_has_what_ringside_needs(self):
        checks = self.checks()
        self.assertEqual([name for name, check in checks.items() if check["needed"] and not check["good"]], [])
        self.assertGreater(len(checks), 25)
        for check in checks.values():
            self.assertTrue(check["why"] and check["get"] and check["for"], check)
        self.assertEqual(list(self.folder.iterdir()), [])  # nothing stays

    def test_the_report_shows_what_is_missing_or_everything(self):
        everything = self.doctor("--all")
        self.assertRegex(everything, r"(?m)^  ok +eventfd")
        self.assertRegex(everything, r"\n\d+ looked for: 0 missing that ringside needs, \d+ missing that something else needs\n$")
        self.assertNotIn("  ok ", self.doctor())

    def test_without_programs_it_says_which_package_has_them(self):
        said = self.doctor(PATH="")
        self.assertRegex(said, r"(?m)^  missing  telnet +not in PATH\n +a console client: telnet localhost 19601\.\n"
                         r" +-> apt-get install telnet$")
        missing = [check for check in self.checks(PATH="").values() if "apt-get" in check["get"]]
        self.assertGreater(len(missing), 12)
        self.assertEqual([check["name"] for check in missing if check["good"] or check["needed"]], [])

    def test_a_program_is_found_where_path_says(self):
        (self.folder / "telnet").write_text("#!/bin/sh\n")
        self.assertFalse(self.checks(PATH=str(self.folder))["telnet"]["good"])
        (self.folder / "telnet").chmod(0o755)
        found = self.checks(PATH=str(self.folder))["telnet"]
        self.assertEqual((found["good"], found["found"]), (True, str(self.folder / "telnet")))

    def test_setup_lists_each_package(self):
        done = subprocess.run([ROOT / "tools/setup"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        written = re.findall(r"^([\w.+-]+)\|", (ROOT / "tools/setup").read_text(), re.MULTILINE)
        self.assertIn("xenstore-utils", written)
        self.assertEqual(re.findall(r"^  ([\w.+-]+) +(?:installed|to be installed) +\S", done.stdout, re.MULTILINE), written)

    def test_packages_are_those_that_setup_installs(self):
        setup = set(re.findall(r"^([\w.+-]+)\|", (ROOT / "tools/setup").read_text(), re.MULTILINE))
        for check in self.checks().values():
            if check["for"].startswith("Building") and check["get"].startswith("apt-get"):
                self.assertIn(check["get"].split()[-1], setup)

    def test_limits_that_are_too_small_are_reported(self):
        for limit, most, name in ((resource.RLIMIT_NOFILE, 32, "open files"), (resource.RLIMIT_FSIZE, 1 << 19, "size of files")):
            with self.subTest(name):
                check = self.checks(status=1, before=lambda: resource.setrlimit(limit, (most, most)))[name]
                self.assertFalse(check["good"])
                self.assertIn(f"{most}, but at least", check["found"])
        said = self.doctor(status=1, before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)))
        self.assertRegex(said, r"(?m)^  MISSING  open files +32, but at least 256 are needed\n(.*\n)+? +-> ulimit -Hn 4096$")

    def test_a_directory_that_cannot_be_used_is_reported(self):
        file = self.folder / "file"
        file.write_text("")
        too_long = self.folder / ("x" * 120)
        for directory, why in ((file / "machine", "cannot make"), ("/proc/machine", "cannot make"), (too_long, "at most")):
            with self.subTest(directory):
                check = self.checks(directory=directory, status=1)["the machine's directory"]
                self.assertFalse(check["good"])
                self.assertIn(why, check["found"])

    @unittest.skipUnless(platform.machine() == "x86_64", "the numbers of its system calls")
    def test_features_that_the_kernel_refuses_are_reported(self):
        for name, number in FEATURES.items():
            with self.subTest(name):
                status = 0 if name in NOT_NEEDED else 1
                checks = self.checks(status=status, before=lambda: without_call(number))
                self.assertIn("Operation not permitted", checks[name]["found"])
                self.assertEqual([each["name"] for each in checks.values() if "Operation not permitted" in each["found"]], [name])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/env python3
"""The command line: every subcommand has its help, and errors of the command line are printed on stderr, in these
words, with status 1.

usage: command_line_test.py     RINGSIDE names the program (default: build/ringside)
"""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN = range(4)

# (command line, its error)
WRONG = [
    ("", "A subcommand is required"),
    ("nosuch", "There is no subcommand nosuch"),
    ("--nosuch", "A subcommand is required"),
    ("up extra", "The following argument was not expected: extra"),
    ("exec --nosuch -- x", "The following arguments were not expected: -- --nosuch"),
    ("create web --boot-line a b --nosuch", "The following argument was not expected: --nosuch"),
    ("create", "NAME is required"),
    ("sysrq web", "KEY is required"),
    ("puppet", "SOCKET is required"),
    ("check-scn --strict", "FILE is required"),
    ("view --text", "FILE is required"),
    ("view --schema=false", "FILE is required"),
    ("up --dir", "--dir: 1 required DIR missing"),
    ("up --dom0", "--dom0: 1 required ENUM:xcs|xenctld|xenconsoled missing"),
    ("run x.scn -j", "--jobs: 1 required UINT:UINT in [1 - 256] missing"),
    ("create web --boot-line", "--boot-line: 1 required TEXT:LINE missing"),
    ("up --console-port-base x", "Could not convert: --console-port-base = x"),
    ("up --console-port-base 65536", "--console-port-base: Value 65536 is not a number from 0 to 65535"),
    ("ring-check --bound -1", "--bound: Value -1 is not a number from 0 to 4294967295"),
    ("ring-check --limit -1", "--limit: Value -1 is not a number from 0 to 18446744073709551615"),
    ("ring-check --limit -18446744073709551615",
     "--limit: Value -18446744073709551615 is not a number from 0 to 18446744073709551615"),
    ("ring-check --limit 18446744073709551616",
     "--limit: Value 18446744073709551616 is not a number from 0 to 18446744073709551615"),
    ("up --queue-limit -1", "--queue-limit: Value -1 is not a number from 0 to 18446744073709551615"),
    ("up --com1-speed -18446744073709542016",
     "--com1-speed: Value -18446744073709542016 is not a number from 0 to 4294967295"),
    ("balloon web -1", "MIB: Value -1 is not a number from 0 to 4294967295"),
    ("run x.scn --timeout nan", "--timeout: Value nan is not a number"),
    ("run x.scn --timeout -inf", "--timeout: Value -inf is not a number"),
    ("run x.scn --timeout 1e999", "--timeout: Value 1e999 is not a number"),
    ("run x.scn --time-scale nan", "--time-scale: Value nan is not a number"),
    ("run x.scn --time-scale -1", "--time-scale: Value -1 not in range 0.010000 to 1000.000000"),
    ("list --json=x", "Could not convert: --json = x"),
    ("create web --memory=0", "--memory: Value 0 not in range 1 to 1048576"),
    ("balloon web x", "MIB: Value x not in range 1 to 1048576"),
    ("shrink x.scn --tries 1.5", "--tries: Value 1.5 not in range 0 to 10000"),
    ("run x.scn --time-scale 0", "--time-scale: Value 0 not in range 0.010000 to 1000.000000"),
    ("view x --pcap y --link-type 1", "--link-type: Value 1 not in range 147 to 162"),
    ("up --dom0 x", "--dom0: x is none of xcs|xenctld|xenconsoled"),
    ("up --answer 1", "--answer: 1 is none of xend|xcs"),
    ("create web --abi x", "--abi: x is none of sring|flat"),
    ("run x.scn --mode x", "--mode: x not in {sim,real,both}"),
    ("sysrq web ab", "KEY: a key is one character"),
    ("up --com1 stdio", "--com1: the far end cannot be stdio"),
    ("up --com1-speed 49", "--com1-speed: a line has 50 to 115200 bits a second, or 0"),
    ("up --com1-speed 0x2580 --conswitch 1", "--conswitch: it is a letter from a to z, optionally followed by x"),
    ("up --quirk nope",
     "--quirk: cannot set a quirk: nope: there is none of that name (`ringside quirks` lists them)"),
    ("create web --external", "--external requires PROGRAM"),
    ("create web --external --raw -- x", "--raw excludes --external"),
    ("dump --all --xcs", "--all excludes --xcs"),
    ("up --dir a --dir b", "--dir: At Most 1 required but received 2"),
    ("view a b c", "FILE: At Most 2 required but received 3"),
    ("lab", "SUBCOMMAND is required"),
    ("lab strat 1", "There is no subcommand strat: lab has list, start, check, hint, collect, html"),
    ("lab start", "N is required"),
    ("create student --count 0", "--count: Value 0 not in range 1 to 1000"),
    ("watch web --web --each", "DOMAIN excludes --each"),
    ("watch --each", "--each requires --web"),
    ("lab collect --csv", "DIR is required"),
    ("lab html --lab 2", "DIR is required"),
    ("lab html x --number 0", "--number: Value 0 not in range 1 to 9999"),
    ("play a b", "The following argument was not expected: b"),
    ("play --port 65536", "--port: Value 65536 is not a number from 0 to 65535"),
    ("play --timeout 0", "--timeout: Value 0 not in range 0.100000 to 3600.000000"),
    ("tour --step 0", "--step: Value 0 not in range 1 to 99"),
]
# Valid command lines, for a machine that does not exist.
RIGHT = ["create web --memory=64 --abi flat -- --nosuch", "create web --boot-line a --boot-line b", "list web"]


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def ringside(self, *arguments, status=GOOD):
        environment = {**os.environ, "RINGSIDE_DIR": os.path.join(self.folder, "machine")}
        result = subprocess.run([PROGRAM, *arguments], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=600)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def helped(self, *command):
        result = self.ringside(*command, "--help")
        self.assertEqual(result.stderr, "")
        self.assertIn(f"Usage: {' '.join(['ringside', *command])} [OPTIONS]", result.stdout)
        return result.stdout

    def test_a_demo_has_two_files(self):
        self.assertIn("x: it is named for two outputs", self.ringside("demo", "--html", "x", "--journal", "x", status=USAGE).stderr)

    def test_every_subcommand_has_its_help(self):
        listed = re.findall(r"^  ([a-z][\w-]*) ", self.helped(), re.MULTILINE)
        self.assertTrue({"demo", "create", "view", "shell"} <= set(listed), listed)
        for name in listed:
            self.assertIn("\nExamples:\n", self.helped(name))
        for name in ("list", "start", "check", "hint", "collect"):
            self.assertIn(f"\n  ringside lab {name}", self.helped("lab", name))
        for hidden in ("keeper", "puppet", "player", "complete"):
            self.assertNotIn(hidden, listed)
            self.helped(hidden)
        if "ring-check" in listed:
            for compiler in ("cc", "c++"):
                self.assertIn(f"ringside ring-check {compiler} -O2", self.helped("ring-check", compiler))

    def test_every_declared_family_of_commands_is_added(self):
        tools = TEST.parent / "tools"
        declared = re.findall(r"^void (add_\w+)\(", (tools / "command.h").read_text(), re.MULTILINE)
        self.assertGreater(len(declared), 20)
        added = re.findall(r"^    \{(add_\w+), ", (tools / "ringside.cc").read_text(), re.MULTILINE)
        self.assertEqual([name for name in declared if name not in added], [], "not in families of tools/ringside.cc")

    def test_help_shows_values_defaults_and_what_goes_together(self):
        text = re.sub(r"\s+", " ", self.helped("create"))
        for part in ("NAME TEXT REQUIRED ", "PROGRAM TEXT ... ", "--abi ENUM:sring|flat ", "--quirk NAME ... ",
                     "--memory UINT:UINT in [1 - 1048576]=64 ", "--boot-line TEXT:LINE ... ",
                     "--external Needs: PROGRAM Excludes: --raw ", f"--dir DIR={self.folder}/machine "):
            self.assertIn(part, text)
        self.assertRegex(self.ringside("--version").stdout, r"^ringside [\d.]+\n$")

    def test_the_verbose_version_names_what_it_was_built_with(self):
        text = self.ringside("--version", "--verbose").stdout
        self.assertEqual(text, self.ringside("--verbose", "--version").stdout)
        for line in (r"ringside [\d.]+", r"commit +\w+(-dirty)?", r"compiler +\w+ [\d.]+", r"build +\w+, optimization \w+, sanitizers: [\w,]+",
                     *(rf"with +{name} [\d.]+" for name in ("boost", "fmt", "CLI11", "nlohmann_json", "tinfo", "vterm", "libdw", "zlib")),
                     r"with +re2 .+", r"with +libseccomp .+", r"running on +Linux \S+, glibc [\d.]+"):
            self.assertRegex(text, rf"(?m)^{line}$")
        self.assertIn("--verbose requires --version", self.ringside("--verbose", "list", status=USAGE).stderr)

    def test_errors_are_printed(self):
        has_checker = "ring-check" in self.helped()
        for line, text in WRONG:
            if line.startswith("ring-check") and not has_checker:
                continue
            with self.subTest(line):
                result = self.ringside(*line.split(), status=USAGE)
                self.assertEqual(result.stdout, "")
                self.assertEqual(result.stderr, text + "\nRun with --help for more information.\n")

    def test_words_after_dashes_belong_to_the_program(self):
        for line in RIGHT:
            with self.subTest(line):
                result = self.ringside(*line.split(), status=COULD_NOT_RUN)
                self.assertTrue(result.stderr.startswith("ringside: no machine is running: "), result.stderr)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Completion in a real bash, zsh and fish: a user types the beginning of a word, and Tab. And what the program itself
answers to these shells.

usage: completion_test.py     RINGSIDE names the program
"""
import os
import pathlib
import pty
import re
import select
import shlex
import signal
import subprocess
import tempfile
import time
import unittest

import support
from support import needed

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "tools/help"
PROGRAM = pathlib.Path(support.RINGSIDE).resolve()

# What a user types before Tab, and the whole line after it. The folder has lesson.scn, lesson.txt and a folder, deep.
TYPED = [
    ("ringside check-s", "ringside check-scn"),
    ("ringside run --until", "ringside run --until-failure"),
    ("ringside run --mode re", "ringside run --mode real"),
    ("ringside run --mode=re", "ringside run --mode=real"),
    ("ringside create x --quirk kcons-l", "ringside create x --quirk kcons-lfcr"),
    ("ringside create x --quirk xcs-drop-w", "ringside create x --quirk xcs-drop-w"),  # a guest does not have it
    ("ringside explain virq-c", "ringside explain virq-console"),
    ("ringside help shr", "ringside help shrink"),
    ("ringside run less", "ringside run lesson.scn"),
    ("ringside run --html=less", None),  # any file: more than one
    ("ringside up --dir de", "ringside up --dir deep"),
    ("ringside console webs", "ringside console webserver"),
    ("ringside down webs", "ringside down webs"),
]


class Shell:
    """A shell at a terminal."""

    def __init__(self, folder, *words, **environment):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(TERM="xterm", HOME=str(folder), TMPDIR=str(folder), COLUMNS="200", **environment)
            os.environ["PATH"] = f"{PROGRAM.parent}:{os.environ['PATH']}"
            os.execvp(words[0], words)
        self.seen = ""

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern):
        """Reads until `pattern` is there, and forgets everything up to it."""
        until = time.monotonic() + support.PATIENCE_S
        while not (found := re.search(pattern, self.seen)):
            if not select.select([self.terminal], [], [], max(0, until - time.monotonic()))[0]:
                raise AssertionError(f"never came: {pattern} in {self.seen!r}")
            self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        self.seen = self.seen[found.end():]
        return found

    def tab(self, line):
        """The line after Tab, which the shell prints as a word; without the space or slash that shells add."""
        self.type(line + "\t\x01echo '[\x05]'\r")
        return self.wait_for(r"[\r\n]\[(ringside[^\r\n\]]*)\]\r*\n")[1].rstrip(" /")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rs-"))
        cls.machine = str(cls.folder / "m")
        for name in ("lesson.scn", "lesson.txt"):
            (cls.folder / name).write_text("")
        (cls.folder / "deep").mkdir()
        (cls.folder / "zsh").mkdir()
        (cls.folder / "zsh/_ringside").write_text((SCRIPTS / "ringside.zsh").read_text())
        support.run("up", "--dir", cls.machine, "--console-port-base", "0", check=0)
        support.run("create", "webserver", "--dir", cls.machine, check=0)

    @classmethod
    def tearDownClass(cls):
        support.run("down", "--dir", cls.machine, check=0)
        subprocess.run(["rm", "-r", cls.folder], check=True)

    def complete(self, *words, **environment):
        done = subprocess.run([PROGRAM, "complete", "ringside", *words], cwd=self.folder, capture_output=True, text=True,
                              env={**os.environ, "RINGSIDE_DIR": self.machine, **environment})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def in_shell(self, shell, prepare):
        self.addCleanup(shell.close)
        shell.type(prepare + "; echo re''ady\r")
        shell.wait_for("ready")
        for line, expected in TYPED:
            with self.subTest(line):
                self.assertEqual(shell.tab(line), expected or line + "on.")

    @needed("bash")
    def test_bash(self):
        shell = Shell(self.folder, "bash", "--norc", "--noprofile", "-i", RINGSIDE_DIR=self.machine, PS1="$ ")
        self.in_shell(shell, "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; "
                      f"source {shlex.quote(str(SCRIPTS / 'ringside.bash'))}")

    @needed("zsh")
    def test_zsh(self):
        shell = Shell(self.folder, "zsh", "-f", "-i", RINGSIDE_DIR=self.machine, PS1="$ ")
        self.in_shell(shell, "bindkey -e; setopt no_beep no_auto_menu; unset zle_bracketed_paste; fpath=($PWD/zsh $fpath); "
                      "autoload -Uz compinit; compinit -u -D")

    @needed("fish")
    def test_fish(self):
        shell = Shell(self.folder, "fish", "--no-config", "-i", RINGSIDE_DIR=self.machine)
        self.in_shell(shell, "set -g fish_autosuggestion_enabled 0; function fish_prompt; echo '$ '; end; "
                      f"source {shlex.quote(str(SCRIPTS / 'ringside.fish'))}")

    def test_the_program_offers_what_fits(self):
        commands = self.complete("")
        self.assertTrue({"demo", "run", "doctor"} <= set(commands))
        self.assertFalse({"keeper", "puppet", "complete"} & set(commands))
        self.assertEqual(self.complete("run", "--sha"), ["--shard"])
        self.assertEqual(self.complete("run", "--mode", ""), ["sim", "real", "both"])
        self.assertEqual(self.complete("run", "--mode="), ["--mode=sim", "--mode=real", "--mode=both"])
        self.assertEqual(self.complete("run", "-j4", ""), [":files .scn"])
        self.assertEqual(self.complete("run", "-j", ""), [])
        self.assertEqual(self.complete("ring-check", "c"), ["cc", "c++"])
        self.assertEqual(self.complete("ring-check", "cc", "-O2", "ri"), [":files"])
        self.assertEqual(self.complete("exec", "--", ""), [":programs"])
        self.assertEqual(self.complete("create", "x", "--", "-"), [":programs"])
        self.assertEqual(self.complete("quirks", ""), ["xcs", "xend", "domu"])
        self.assertEqual(self.complete("nosuch", "run", "x"), [])
        self.assertEqual(self.complete(), [])

    def test_an_option_is_offered_as_often_as_it_may_be_given(self):
        self.assertIn("--param", self.complete("run", "-p", "A=1", "-"))
        self.assertNotIn("--mode", self.complete("run", "--mode", "sim", "-"))
        self.assertNotIn("-j", self.complete("run", "--jobs=2", "-"))
        self.assertNotIn("--tap", self.complete("run", "--json", "-"))

    def test_domains_are_those_of_the_machine(self):
        self.assertEqual(self.complete("list", ""), ["Domain-0", "webserver"])
        self.assertEqual(self.complete("list", "", RINGSIDE_DIR="/nowhere"), [])
        self.assertEqual(self.complete("list", "--dir", self.machine, "w", RINGSIDE_DIR="/nowhere"), ["webserver"])
        self.assertEqual(self.complete("list", f"--dir={self.machine}", "w", RINGSIDE_DIR="/nowhere"), ["webserver"])

    def test_quirks_are_those_that_the_command_accepts(self):
        self.assertIn("xcs-drop-when-full", self.complete("up", "--quirk", ""))
        self.assertNotIn("xcs-drop-when-full", self.complete("create", "x", "--quirk", ""))
        self.assertEqual(len(self.complete("exec", "--quirk", "")), len(support.run("quirks", check=0).stdout.splitlines()))


if __name__ == "__main__":
    unittest.main()

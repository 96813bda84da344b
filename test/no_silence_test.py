#!/usr/bin/env python3
"""No command dies without a message or hangs: each is run with unreadable or unwritable files, few descriptors and
little memory, and must end with a status of its own and, unless that is 0, with a message.

usage: no_silence_test.py     RINGSIDE names the program (default: build/ringside); RINGSIDE_LONG=1: a whole machine with
little memory is waited for as long as it waits by itself
"""

import ctypes
import fcntl
import os
import pathlib
import resource
import select
import signal
import subprocess
import tempfile
import unittest

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
LONG = os.environ.get("RINGSIDE_LONG") == "1"
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN, EXPECTATION_FAILED = range(5)
STATUSES = range(5)
PATIENCE_S = 300
MIB = 1 << 20
LIBC = ctypes.CDLL(None)
HAS_CHECKER = "ring-check" in subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout

# Commands that read a named file, and the beginning of their errors.
READERS = [
    ("run FILE", "error[E020]: cannot read"),
    ("run --list FILE", "error[E020]: cannot read"),
    ("check-scn FILE", "error[E020]: cannot read"),
    ("fmt FILE", "ringside: cannot read a scenario: "),
    ("fmt --check FILE", "ringside: cannot read a scenario: "),
    ("shrink FILE", "error[E020]: cannot read"),
    ("view FILE --text", "ringside: cannot read a journal: "),
    ("view FILE --html -", "ringside: cannot read a journal: "),
    ("run good.scn --replay FILE", "cannot read a tape: "),
    *([("ring-check --ring FILE", "ringside: cannot check a ring: ")] if HAS_CHECKER else []),
]
# Commands that print, as they are called without errors.
PRINTERS = ["--help", "run good.scn", "run good.scn --tap", "run good.scn --json", "check-scn good.scn",
            "check-scn --words", "fmt - ", "lsp", "view good.jsonl --text", "view good.jsonl --html -", "view good.jsonl --mermaid -",
            "view good.jsonl --pcap -", "view --schema", "explain", "quirks", "demo", "exec -- echo hello",
            "down", "bench --only script --quick", "shell", "lab list", "lab html class --lab 2", "sweep --units 1 --dir units -- run good.scn", "doctor", "help run", "--version --verbose",
            *(["ring-check --explain all", "ring-check --list", "ring-check --limit 10 --budget 1s --first --shard 1/100"] if HAS_CHECKER else [])]
# One command of each family, for tests of limits.
COMMANDS = ["--help", "run good.scn", "check-scn good.scn", "view good.jsonl --text", "lsp", "explain", "quirks",
            "demo", "exec -- echo hello", "up", "down", "list", "create web", "console web", "uart", "dmesg", "watch", "dump",
            "xcs", "shell", "bench --only script --quick", *(["ring-check --list"] if HAS_CHECKER else [])]


def limited(*limits):
    def set_limits():
        for which, value in limits:
            resource.setrlimit(which, (value, value))
    return set_limits


def without_root_rights():
    """Makes the permissions of files apply to the program, for root as well."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        LIBC.prctl(24, capability)  # PR_CAPBSET_DROP; fails if the process does not have it


class NoSilence(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        held = tempfile.TemporaryDirectory(prefix="rs-")
        cls.addClassCleanup(held.cleanup)
        cls.folder = pathlib.Path(held.name)
        os.chmod(cls.folder, 0o755)
        (cls.folder / "good.scn").write_text('scenario "Good"\nxen boots dom1\nuser connects to dom1\ndom1 prints "hello\\n"\n'
                                             'expect user sees "hello"\n')
        (cls.folder / "folder").mkdir()
        (cls.folder / "folder.scn").mkdir()
        (cls.folder / "unreadable").write_text("x")
        (cls.folder / "unreadable").chmod(0)
        os.mkfifo(cls.folder / "fifo")
        (cls.folder / "empty").write_text("")
        with (cls.folder / "long").open("wb") as long:
            long.truncate(5 << 30)
        subprocess.run([PROGRAM, "run", "good.scn", "--journal", "good.jsonl"], cwd=cls.folder, check=True, capture_output=True)

    def ringside(self, line, **more):
        environment = {**os.environ, "RINGSIDE_DIR": str(self.folder / "machine"), "TMPDIR": str(self.folder)}
        given = {"cwd": self.folder, "env": environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **more}
        return subprocess.run([PROGRAM, *line.split()], stderr=subprocess.PIPE, timeout=PATIENCE_S, **given)

    def check_said(self, done, line):
        """Checks that the command ended with a status of its own, and that a failure has a message."""
        said = done.stderr.decode(errors="replace")
        if line.startswith("run "):
            said += (done.stdout or b"").decode(errors="replace")  # failed runs are reported there
        self.assertIn(done.returncode, STATUSES, f"{line}: {said}")
        if done.returncode not in (GOOD, EXPECTATION_FAILED):
            self.assertTrue(said.strip(), f"{line}: status {done.returncode} and not a word")
        for word in ("terminate called", "internal error", "Assertion"):
            self.assertNotIn(word, said, line)
        return said

    def check_not_written(self, done, line):
        """Checks its error when its output could not be written."""
        said = done.stderr.decode()
        self.assertRegex(said, "ringside: cannot (write: stdout|print xen's messages: stdout|continue): .*"
                               "(No space left on device|Bad file descriptor)", line)
        self.assertEqual(done.returncode, COULD_NOT_RUN, said)

    def test_a_path_that_is_no_file_is_refused_by_name(self):
        wrong = [("missing", "no such file"), ("folder", "folder"), ("fifo", "it is not a file"), ("/dev/zero", "it is not a file"),
                 ("/dev/null", "it is not a file")]
        for line, begins in READERS:
            for name, why in wrong:
                with self.subTest(f"{line}: {name}"):
                    if name == "folder" and line.startswith(("run ", "shrink ")) and "--replay" not in line:
                        continue  # a folder of scenarios is fine
                    done = self.ringside(line.replace("FILE", name))
                    said = self.check_said(done, line)
                    self.assertIn(done.returncode, (USAGE, DOES_NOT_PARSE, COULD_NOT_RUN))
                    self.assertIn(name, said)
                    if not (name == "folder" and "ring-check" in line):
                        self.assertIn(why, said)
                    self.assertIn(begins, said)

    @unittest.skipUnless(HAS_CHECKER, "the checker is not built")
    def test_an_endless_source_is_refused(self):
        for compiler in ("cc", "c++"):
            for words in ("-c fifo", "@fifo -c", "-x c /dev/zero", "-xc -c good.scn -include fifo"):
                with self.subTest(compiler=compiler, words=words):
                    line = f"ring-check {compiler} {words}"
                    done = self.ringside(line)
                    self.assertIn("it is not a file", self.check_said(done, line))
                    self.assertEqual(done.returncode, USAGE)

    def test_an_unreadable_file_is_refused(self):
        for line, begins in READERS:
            with self.subTest(line):
                done = self.ringside(line.replace("FILE", "unreadable"), preexec_fn=without_root_rights)
                self.assertNotIn(done.returncode, (GOOD,), line)
                said = self.check_said(done, line)
                self.assertIn(begins, said)
                self.assertIn("ermission denied", said)

    def test_an_empty_or_too_long_file_is_refused(self):
        for line, _ in READERS:
            for name in ("empty", "long"):
                with self.subTest(f"{line}: {name}"):
                    done = self.ringside(line.replace("FILE", name), preexec_fn=limited((resource.RLIMIT_AS, 4096 * MIB)))
                    said = self.check_said(done, line)
                    if name == "long":
                        self.assertNotEqual(done.returncode, GOOD)
                        self.assertNotIn("not enough memory", said)

    def test_a_passed_stream_is_read_up_to_a_limit(self):
        for line in ("check-scn -", "fmt -", "view - --text", "check-scn /dev/stdin", "view /dev/stdin --text"):
            with self.subTest(line), open("/dev/zero", "rb") as endless:
                done = self.ringside(line, stdin=endless, preexec_fn=limited((resource.RLIMIT_AS, 1024 * MIB)))
                self.assertEqual(done.returncode, DOES_NOT_PARSE, self.check_said(done, line))
        text = (self.folder / "good.scn").read_bytes()
        for line in ("check-scn -", "check-scn /dev/stdin"):
            reads, writes = os.pipe()
            os.write(writes, text)
            os.close(writes)
            self.assertEqual(self.ringside(line, stdin=reads).returncode, GOOD)
            os.close(reads)

    def test_output_without_a_reader_is_an_error(self):
        for line in PRINTERS:
            with self.subTest(line):
                stdin = open(self.folder / "good.scn", "rb")
                with stdin, open("/dev/full", "wb") as full:
                    done = self.ringside(line, stdout=full, stdin=stdin)
                self.check_not_written(done, line)

    def test_a_closed_stdout_is_an_error(self):
        for line in PRINTERS:
            with self.subTest(line), open(self.folder / "good.scn", "rb") as stdin:
                done = self.ringside(line, stdin=stdin, preexec_fn=lambda: os.close(1))
                self.check_not_written(done, line)

    def test_what_commands_on_a_machine_cannot_write_is_an_error(self):
        self.ringside("up --console-port-base 0")  # another machine may have the usual ports
        self.addCleanup(self.ringside, "down")
        self.ringside("create web --raw -- cat")
        (self.folder / "typed").write_text("hello\n")
        for line in ("console web", "uart", "dmesg", "list", "list web", "list --json", "ring web", "dump web -w -", "create other"):
            with self.subTest(line), open(self.folder / "typed", "rb") as typed, open("/dev/full", "wb") as full:
                self.check_not_written(self.ringside(line, stdin=typed, stdout=full), line)

    def test_a_reader_that_leaves_ends_a_command_without_a_message(self):
        for line in PRINTERS:
            with self.subTest(line), open(self.folder / "good.scn", "rb") as stdin:
                reads, writes = os.pipe()
                os.close(reads)
                done = self.ringside(line, stdout=writes, stdin=stdin)
                os.close(writes)
                # With a loop of events a command ignores SIGPIPE, and ends when it is done.
                self.assertIn(done.returncode, (-signal.SIGPIPE, 128 + signal.SIGPIPE, GOOD), done.stderr)
                self.assertEqual(done.stderr, b"")

    def test_with_every_standard_descriptor_closed_nothing_is_written_elsewhere(self):
        for line in COMMANDS:
            with self.subTest(line):
                done = self.ringside(line, preexec_fn=lambda: [os.close(number) for number in range(3)])
                self.assertIn(done.returncode, (*STATUSES, 128 + signal.SIGPIPE), line)
        self.ringside("down")

    def test_a_command_with_few_descriptors_works_or_says_why_not(self):
        for line in COMMANDS:
            for descriptors in (3, 5, 8, 10, 16):
                with self.subTest(f"{line}: {descriptors}"):
                    done = self.ringside(line, preexec_fn=limited((resource.RLIMIT_NOFILE, descriptors)))
                    # With so few descriptors not even the loader finds the libraries.
                    if done.returncode == 127 and b"error while loading shared libraries" in done.stderr:
                        continue
                    self.check_said(done, line)
            self.ringside("down")

    def test_a_machine_with_few_resources_works_or_says_why_not(self):
        """A machine that cannot continue is waited for until the time of a run is over."""
        run = "run --mode real good.scn" if LONG else "run --mode real --timeout 2 good.scn"
        for limit, most in ((resource.RLIMIT_NOFILE, 8), (resource.RLIMIT_NOFILE, 16), (resource.RLIMIT_AS, 48 * MIB)):
            for line in (run, "bench --only ring --quick"):
                with self.subTest(f"{line}: {limit} {most}"):
                    self.check_said(self.ringside(line, preexec_fn=limited((limit, most))), line)

    def test_a_command_with_little_memory_works_or_says_why_not(self):
        for line in COMMANDS:
            for mebibytes in (24, 48, 96):
                with self.subTest(f"{line}: {mebibytes} MiB"):
                    done = self.ringside(line, preexec_fn=limited((resource.RLIMIT_AS, mebibytes * MIB)))
                    if done.returncode == 127 and b"error while loading shared libraries" in done.stderr:
                        continue
                    self.check_said(done, line)
            self.ringside("down")

    def test_output_files_that_cannot_be_written_are_errors(self):
        for option in ("--html", "--journal", "--pcap", "--junit", "--tape"):
            for name in ("/dev/full", "/proc/nothing"):
                with self.subTest(f"{option} {name}"):
                    line = f"run good.scn {option} {name}"
                    done = self.ringside(line)
                    said = self.check_said(done, line)
                    self.assertNotEqual(done.returncode, GOOD, option)
                    self.assertIn(name, said)

    def test_a_non_blocking_stdout_loses_nothing(self):
        # The first writes text, the second writes a guest's output.
        for line in ("check-scn --words", "exec --raw -- head -c 300000 /dev/zero"):
            with self.subTest(line):
                whole = self.ringside(line).stdout
                self.assertGreater(len(whole), 4096)
                reads, writes = os.pipe()
                fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
                os.set_blocking(writes, False)
                with subprocess.Popen([PROGRAM, *line.split()], stdout=writes, stderr=subprocess.PIPE) as command:
                    with open(reads, "rb") as output:
                        while select.select([], [writes], [], 0)[1]:  # until it has no room
                            self.assertIsNone(command.poll(), "it ended before the pipe was full")
                        os.close(writes)
                        self.assertEqual(output.read(), whole)
                    self.assertEqual((command.wait(PATIENCE_S), command.stderr.read()), (GOOD, b""))

    def test_a_file_is_replaced_completely_or_not_at_all(self):
        folder = self.folder / "replaced"
        folder.mkdir()
        kept, link = folder / "kept.html", folder / "link.html"
        kept.write_text("as it was")
        kept.chmod(0o640)
        link.symlink_to("kept.html")

        def short_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

        for line in ("run good.scn --html replaced/link.html", "view good.jsonl --html replaced/kept.html"):
            with self.subTest(line):
                done = self.ringside(line, preexec_fn=short_files)
                self.assertEqual(done.returncode, COULD_NOT_RUN)
                self.assertIn("File too large", self.check_said(done, line))
                self.assertEqual(kept.read_text(), "as it was")
                self.assertEqual(sorted(os.listdir(folder)), ["kept.html", "link.html"])
                self.assertEqual(self.ringside(line).returncode, GOOD)
                self.assertIn("</html>", kept.read_text())
                self.assertTrue(link.is_symlink())
                self.assertEqual(kept.stat().st_mode & 0o777, 0o640)
                self.assertEqual(sorted(os.listdir(folder)), ["kept.html", "link.html"])
                kept.write_text("as it was")


if __name__ == "__main__":
    unittest.main(verbosity=2)

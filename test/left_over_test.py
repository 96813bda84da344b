#!/usr/bin/env python3
"""left_over names and removes each kind of thing that a command can leave behind, and nothing else."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
# A socket's name exists while a process has it open; this process ends at the end of its input.
LISTENER = "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(os.environ['TMPDIR'] + '/s'); print(flush=True); sys.stdin.read()"


class LeftOver(unittest.TestCase):
    def left(self, script, *options, status=1):
        """The lines that left_over prints for a shell script."""
        done = subprocess.run([sys.executable, HERE / "left_over", "--patience", "0", *options, "--", "sh", "-c", script, "sh", sys.executable, LISTENER],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return [line.removeprefix("left over: ") for line in done.stdout.splitlines() if line.startswith("left over: ")]

    def has_ended(self, process):
        state = pathlib.Path(f"/proc/{process}/stat")
        try:
            return state.read_text().rsplit(")", 1)[1].split()[0] in "ZX"
        except OSError:
            return True

    def test_a_command_that_leaves_nothing_has_its_own_status(self):
        for status in (0, 7):
            self.assertEqual(self.left(f"touch $TMPDIR/a; rm $TMPDIR/a; exit {status}", status=status), [])
        self.assertEqual(self.left("touch $TMPDIR/a; exit 7", status=7)[0].rsplit("/", 1)[1], "a")

    def test_a_process_is_named_and_ended(self):
        for script, state in (("setsid sleep 1000 >/dev/null 2>&1 & until grep -q sleep /proc/$!/comm; do :; done", "S"),
                              ("setsid sh -c 'kill -STOP $$' >/dev/null 2>&1 & until grep -q 'State:.T' /proc/$!/status; do :; done", "T")):
            with self.subTest(state):
                said, = self.left(script)
                number, its_state = re.match(r"process (\d+) \(state (.)\): ", said).groups()
                if state == "T":
                    self.assertEqual(its_state, state)
                self.assertTrue(self.has_ended(number))

    def test_a_file_and_an_empty_folder_are_named_and_removed(self):
        said = self.left("mkdir -p $TMPDIR/a/b $TMPDIR/c; touch $TMPDIR/c/d")
        self.assertEqual([re.sub("/tmp/rs-[^/]*/", "", line) for line in said], ["file a/b", "file c/d"])
        for line in said:
            self.assertFalse(os.path.lexists(line.removeprefix("file ")))

    def test_a_socket_is_named(self):
        said = self.left('mkfifo $TMPDIR/f; exec 3<>$TMPDIR/f; setsid "$1" -c "$2" <&3 >$TMPDIR/o & until [ -s $TMPDIR/o ]; do :; done')
        self.assertEqual([line for line in said if re.fullmatch("socket /tmp/rs-[^/]*/s", line)], said[1:2])

    def test_shared_memory_is_named_and_removed(self):
        name = f"/dev/shm/ringside-left-over-{os.getpid()}"
        self.assertEqual(self.left(f"touch {name}"), [f"shared memory {name}"])
        self.assertFalse(os.path.exists(name))

    def test_a_new_file_in_a_given_folder_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "old").touch()
            self.assertEqual(self.left(f"touch {folder}/new", "--folder", folder), [f"file {folder}/new"])

    def test_an_ending_process_is_waited_for(self):
        script = "touch $TMPDIR/a; (sleep 1; rm $TMPDIR/a) >/dev/null 2>&1 &"
        self.assertEqual(self.left(script, "--patience", "300", status=0), [])


if __name__ == "__main__":
    unittest.main()

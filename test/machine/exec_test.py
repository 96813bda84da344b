"""exec: bytes through the whole path and back, exit statuses, the end of input."""
import os
import signal
import subprocess
import sys
import tempfile
import unittest

import support
from support import RINGSIDE, run

LONG = os.environ.get("RINGSIDE_LONG") == "1"
ROUNDS = 20 if LONG else 1
BYTES = 1048576 if LONG else 200_000


class Exec(unittest.TestCase):
    def there_and_back(self, *options, prefix=()):
        data = os.urandom(BYTES)
        words = [*prefix, RINGSIDE, "exec", "--raw", *options, "--", "head", "-c", str(BYTES)]
        done = subprocess.run(words, input=data, capture_output=True, timeout=support.PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout), BYTES)
        self.assertTrue(done.stdout == data, "the bytes came back changed")

    def test_random_bytes_come_back_unchanged(self):
        for _ in range(ROUNDS):
            self.there_and_back()

    def test_random_bytes_come_back_unchanged_over_the_flat_layout(self):
        for _ in range(ROUNDS):
            self.there_and_back("--abi", "flat")

    def test_random_bytes_come_back_unchanged_on_one_core(self):
        for _ in range(ROUNDS):
            self.there_and_back(prefix=("taskset", "-c", "0"))

    def test_the_status_is_that_of_the_program(self):
        run("exec", "--", "sh", "-c", "exit 7", check=7)
        run("exec", "--", "true", check=0)
        run("exec", "--", "sh", "-c", "kill -9 $$", check=128 + signal.SIGKILL)

    def test_output_of_a_program_is_printed(self):
        done = run("exec", "--", "sh", "-c", "echo hello", check=0)
        self.assertEqual(done.stdout, b"hello\r\n")

    def test_a_program_that_does_not_exist_is_an_error(self):
        done = run("exec", "--", "/no/such/program", check=127)
        self.assertIn(b"/no/such/program", done.stdout + done.stderr)

    def test_the_built_in_shell_answers(self):
        done = run("exec", stdin=b"uname\nexit\n", check=0)
        self.assertIn(b"Linux\r\n", done.stdout)

    def test_the_end_of_input_is_typed_as_ctrl_d(self):
        done = run("exec", "--", "cat", stdin=b"one\ntwo\n", check=0)
        self.assertIn(b"two", done.stdout)
        done = run("exec", "--", "cat", stdin=b"no newline at the end", check=0)
        self.assertIn(b"end", done.stdout)

    def test_no_byte_is_lost_when_the_reader_starts_late(self):
        count = 60_000
        producer = subprocess.Popen([RINGSIDE, "exec", "--raw", "--", "seq", str(count)], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE)
        consumer = subprocess.run([sys.executable, "-c", "import sys\nsys.stdin.readline()\n"
                                   "rest = sys.stdin.read().split()\nprint(len(rest), rest[-1])"],
                                  stdin=producer.stdout, capture_output=True, timeout=support.PATIENCE_S)
        producer.stdout.close()
        self.assertEqual(producer.wait(support.PATIENCE_S), 0)
        self.assertEqual(consumer.stdout.split(), [str(count - 1).encode(), str(count).encode()])

    def test_input_and_output_may_be_files(self):
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            data = os.urandom(5000)
            source.write(data)
            source.seek(0)
            subprocess.run([RINGSIDE, "exec", "--raw", "--", "head", "-c", "5000"], stdin=source, stdout=target,
                           timeout=support.PATIENCE_S, check=True)
            target.seek(0)
            self.assertTrue(target.read() == data)

    def test_the_status_of_an_interrupted_exec_shows_the_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            process = subprocess.Popen([RINGSIDE, "exec", "--", "sh", "-c", "echo up; exec sleep 1000"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.assertEqual(process.stdout.readline(), b"up\r\n")
            process.send_signal(number)
            process.communicate(timeout=support.PATIENCE_S)
            self.assertEqual(process.returncode, 128 + number)

    def test_an_ignored_signal_stays_ignored(self):
        """As under nohup."""
        process = subprocess.Popen([RINGSIDE, "exec", "--", "sh", "-c", "echo up; read status; exit $status"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.assertEqual(process.stdout.readline(), b"up\r\n")
        process.send_signal(signal.SIGHUP)
        process.communicate(b"7\n", timeout=support.PATIENCE_S)
        self.assertEqual(process.returncode, 7)


if __name__ == "__main__":
    support.main()

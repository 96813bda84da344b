"""bench: it measures everything that it lists, and leaves nothing behind. No test depends on speed."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import support
from support import RINGSIDE, eventually, processes_with, run

RING_ROWS = ["pipe", "ring", "pipe, 8 a write", "unix seqpacket", "message_queue 8", "message_queue 1024"]
RING_FIGURES = ["messages_per_second", "round_trip_seconds", "cpu_seconds_per_message"]
PATH_ROWS = ["two socats", "ringside exec", "exec, early answers"]
PATH_FIGURES = ["printed_bytes_per_second", "typed_bytes_per_second", "echoed_bytes_per_second"]
SCRIPT_ROWS = ["1 domain", "10 domains"]
SCRIPT_FIGURES = ["runs_per_second", "virtual_seconds_per_second", "entries_per_second"]
CPUS = len(os.sched_getaffinity(0))


def shared_memory():
    return [name for name in os.listdir("/dev/shm") if name.startswith("ringside-bench")]


class Bench(unittest.TestCase):
    def check_rows(self, report, place, rows, figures):
        found = {row["what"]: row for row in report["figures"] if row["place"] == place and "what" in row}
        for name in rows:
            self.assertIn(name, found, place)
            if name == "two socats" and not shutil.which("socat"):
                self.assertIn("socat is not installed", found[name]["missing"])
                continue
            for figure in figures:
                self.assertGreater(found[name][figure]["median"], 0)
                if name not in PATH_ROWS[1:] or shutil.which("socat"):
                    self.assertGreater(found[name][figure]["ratio"], 0)

    def check_report(self, report):
        for place in (["2core"] if CPUS > 1 else []) + ["1core", "free"]:
            rows = RING_ROWS + (["ring, only looking"] if place == "2core" else [])
            self.check_rows(report, place, rows, RING_FIGURES)
        for place in ["free", "1core"]:
            self.check_rows(report, place, PATH_ROWS, PATH_FIGURES)
        self.check_rows(report, "sim", SCRIPT_ROWS, SCRIPT_FIGURES)
        self.assertTrue(report["commit"])
        self.assertEqual(report["machine"]["cpus"], CPUS)

    def test_a_quick_run_measures_every_row_and_logs_it(self):
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, "log.jsonl")
            with open(log, "w") as file:
                file.write('{"earlier": 1}\n')
            printed = run("bench", "--quick", "--log", log, check=0).stdout.decode()
            with open(log) as file:
                earlier, line = file.read().splitlines()
        self.assertEqual(json.loads(earlier), {"earlier": 1})
        self.check_report(json.loads(line))
        for name in RING_ROWS + PATH_ROWS + SCRIPT_ROWS + ["[1core]", "[free]", "[2core]", "CPU", "rounds"]:
            self.assertIn(name, printed)
        self.assertFalse(shared_memory())

    def test_without_socat_the_path_is_measured_alone(self):
        environment = {**os.environ, "PATH": "/nonexistent"}
        report = json.loads(run("bench", "--quick", "--only", "path", "--json", check=0, env=environment).stdout)
        rows = {row["what"]: row for row in report["figures"]}
        self.assertIn("not installed", rows["two socats"]["missing"])
        self.assertGreater(rows["ringside exec"]["echoed_bytes_per_second"]["median"], 0)
        self.assertTrue(all(row["part"] == "path" for row in report["figures"]))

    def test_on_one_cpu_the_place_with_two_cpus_is_reported_as_skipped(self):
        cpu = min(os.sched_getaffinity(0))
        done = run("bench", "--quick", "--only", "ring", check=0, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        self.assertIn(b"skipped: this process may use one CPU only", done.stdout)

    def test_an_interrupted_run_leaves_nothing(self):
        for part, number in [("ring", signal.SIGINT), ("ring", signal.SIGKILL), ("path", signal.SIGTERM), ("path", signal.SIGKILL)]:
            self.interrupt(part, number)

    def interrupt(self, part, number):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "TMPDIR": folder, "BENCH_TEST": folder}
            bench = subprocess.Popen([RINGSIDE, "bench", "--only", part], env=environment, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, start_new_session=True)
            children = pathlib.Path(f"/proc/{bench.pid}/task/{bench.pid}/children")
            eventually("the benchmark runs processes", lambda: children.read_text())
            bench.send_signal(number)
            status = bench.wait(timeout=support.PATIENCE_S)
            self.assertEqual(status, -number if number == signal.SIGKILL else 128 + number)
            eventually("its processes have ended", lambda: not processes_with(folder.encode()))
            eventually("its files are gone", lambda: not os.listdir(folder))
        self.assertFalse(shared_memory())

    def test_wrong_words_are_a_usage_error(self):
        run("bench", "--only", "nothing", check=1)
        run("bench", "--rounds", "0", check=1)

    def test_a_log_that_cannot_be_written_is_reported(self):
        done = run("bench", "--quick", "--only", "ring", "--log", "/nonexistent/log", check=3)
        self.assertIn(b"/nonexistent/log", done.stderr)


if __name__ == "__main__":
    support.main()

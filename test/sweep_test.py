#!/usr/bin/env python3
"""sweep: units, engines, and one report whatever became of the units.

usage: sweep_test.py     RINGSIDE names the program (default: build/ringside); with RINGSIDE_LONG=1 also a hundred units,
what a killed worker leaves, and GNU parallel over ssh and Slurm, whose daemons run here for the test.
"""

import contextlib
import getpass
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import xml.dom.minidom

from machine.support import eventually
from needed import needed

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
LONG = os.environ.get("RINGSIDE_LONG") == "1"
GOOD, USAGE, DOES_NOT_PARSE, COULD_NOT_RUN, EXPECTATION_FAILED = range(5)
PATIENCE_S = 600

PASSES = """scenario "Passes"
xen boots dom1
user connects to dom1
dom1 prints "hello\\n"
expect user sees "hello"
"""
# The last value fails, with every seed.
SOMETIMES = """scenario "Sometimes"
param COUNT = 1, 2, 3
xen boots dom1
user connects to dom1
dom1 prints "hello\\n"
expect user sees "hello"
expect user sees "{COUNT} more" within 1ms when COUNT is 3
"""
# Virtual time takes no real time, so this run must be real.
LASTS = 'scenario "Lasts"\nxen boots dom1\nafter 10min\nexpect xcs.dropped settles at 0\n'


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rs-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.environment = {**os.environ}
        self.write(a=PASSES, b=SOMETIMES)

    def write(self, **texts):
        for name, text in texts.items():
            (self.folder / f"{name}.scn").write_text(text)

    def sweep(self, *words, status=GOOD):
        done = subprocess.run([PROGRAM, "sweep", *map(str, words)], cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def measured(self, folder, *words):
        """The number of units of a sweep of a.scn."""
        self.sweep("--on", "list", "--unit-time", "1", "--dir", folder, "--", "run", "a.scn", *words)
        plan = (self.folder / folder / "plan").read_text()
        return int(re.search(r"^units: (\d+)$", plan, re.MULTILINE)[1])

    def report(self, *words, status):
        return json.loads(self.sweep("--json", *words, status=status).stdout)

    def units(self, folder="units"):
        return sorted((self.folder / folder).glob("unit-*.jsonl"))


# 4 scenarios with 25 seeds, one of them bad.
COMMAND = ["--", "run", "a.scn", "b.scn", "--seed", "1..25"]


class Sweep(Folder):
    def check_report(self, report):
        self.assertEqual((report["results"], report["passed"], report["failed"]), (100, 75, 25))
        self.assertEqual(report["units"], report["units_done"])
        failure, = report["failures"]
        self.assertEqual((failure["name"], failure["count"], failure["seed"]), ("b[COUNT=3]", 25, 1))
        self.assertEqual(failure["again"], "ringside run b.scn -p COUNT=3 --seed 1")

    def test_the_report_is_the_same_whatever_the_units_are(self):
        for units in (1, 7, 100 if LONG else 20):
            with self.subTest(units=units):
                self.check_report(self.report("--units", units, "--dir", f"units-{units}", "-j", 3, *COMMAND, status=EXPECTATION_FAILED))
                self.assertEqual(len(self.units(f"units-{units}")), units)

    def test_without_a_number_the_units_are_measured(self):
        report = self.report("--dir", "units", *COMMAND, status=EXPECTATION_FAILED)
        self.check_report(report)
        # At the rate of the sample, so many runs take longer than a unit.
        self.assertGreater(self.measured("many", "--seed", "1..4000000"), 1)
        # However long a run takes, there is none to divide.
        self.write(a=LASTS.replace("10min", "5s"))
        self.assertLessEqual(self.measured("few", "--mode", "real", "--seed", "1..2"), 2)

    def test_text_and_junit_have_each_failure_once(self):
        said = self.sweep("--units", 3, "--dir", "units", "--junit", "r.xml", *COMMAND, status=EXPECTATION_FAILED).stdout
        self.assertRegex(said, r"^FAIL b\[COUNT=3\]   25 times: failed\n     b\.scn:7:\d+: .*\n     again  ringside run b.scn -p COUNT=3 --seed 1\n"
                               r"100 results of 3 units: 75 passed, 25 failed\n$")
        with xml.dom.minidom.parse(str(self.folder / "r.xml")) as report:
            names = [case.getAttribute("name") for case in report.getElementsByTagName("testcase")]
            failures = [case.getAttribute("message") for case in report.getElementsByTagName("failure")]
        self.assertEqual(names, ["a (25 passed)", "b[COUNT=1] (25 passed)", "b[COUNT=2] (25 passed)", "b[COUNT=3] seed 1"])
        self.assertEqual(len(failures), 1)

    def test_the_page_has_each_failure_once_with_its_steps(self):
        self.write(c='scenario "<c>"\nxen bots dom1\n')
        self.sweep("--units", 3, "--dir", "units", "--html", "report", "--", "run", "a.scn", "b.scn", "c.scn", "--seed", "1..25", status=DOES_NOT_PARSE)
        page = (self.folder / "report" / "index.html").read_text()
        self.assertEqual(page.count('<section class="failure">'), 2)
        self.assertIn("25 times: failed", page)
        self.assertIn("<pre>ringside run b.scn -p COUNT=3 --seed 1</pre>", page)
        self.assertIn("<pre>ringside run c.scn</pre>", page)
        self.assertIsNone(re.search(r"<!-- [A-Z]+ -->|/\* [A-Z]+ \*/|<c>", page))
        # The file that does not parse has no steps.
        linked, = set(re.findall(r'(?:src|href)="(failure[^"]*)"', page))
        self.assertIn("3 more", (self.folder / "report" / linked).read_text())
        self.assertEqual(sorted(path.name for path in (self.folder / "report").iterdir()), [linked, "index.html"])
        # Of the same units, without the failures: no old page stays in the report.
        self.sweep("--units", 1, "--dir", "good", "--html", "report", "--", "run", "a.scn")
        self.assertIn("no failure", (self.folder / "report" / "index.html").read_text())
        self.assertEqual([path.name for path in (self.folder / "report").iterdir()], ["index.html"])
        self.assertIn("Not a directory", self.sweep("--units", 1, "--dir", "good", "--html", "b.scn/x", "--", "run", "a.scn", status=COULD_NOT_RUN).stderr)

    def test_a_sweep_continues_with_the_missing_units(self):
        self.sweep("--units", 4, "--dir", "units", *COMMAND, status=EXPECTATION_FAILED)
        first, second, *_ = self.units()
        kept = second.read_text()
        first.unlink()
        missing = self.sweep("--merge", "--dir", "units", *COMMAND, status=EXPECTATION_FAILED)
        self.assertIn("75 results of 3 units", missing.stdout)
        self.assertIn("1 unit is missing", missing.stdout)
        self.check_report(self.report("--dir", "units", *COMMAND, status=EXPECTATION_FAILED))
        self.assertEqual(second.read_text(), kept)

    def here(self, words=b""):
        """The processes in this test's folder whose command line has these words."""
        found = []
        for each in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(each / "cwd") == str(self.folder) and words in (each / "cmdline").read_bytes():
                    found.append(int(each.name))
            except OSError:
                continue
        return found

    def start_long(self):
        """A sweep of two units, one of which takes ten minutes."""
        self.write(c=LASTS)
        return subprocess.Popen([PROGRAM, "sweep", "--dir", "units", "--units", "2", "-j", "2", "--", "run", "a.scn", "c.scn", "--mode", "real"],
                                cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end_long(self, running, number):
        running.send_signal(number)
        said, error = running.communicate(timeout=PATIENCE_S)
        self.assertEqual(running.returncode, 128 + number, said + error)
        self.assertIn("1 result of 1 unit: 1 passed; 1 unit is missing\n", said)
        self.assertIn("the same command continues from here", error)
        eventually("its processes have ended", lambda: not self.here())

    def test_a_signal_ends_a_sweep_with_a_report_of_the_finished_units(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number.name):
                running = self.start_long()
                eventually("a unit is done", self.units)
                eventually("the other runs", lambda: self.here(b"\0--shard\0"))
                self.end_long(running, number)

    def test_a_killed_sweep_leaves_no_process_and_continues(self):
        running = self.start_long()
        eventually("a unit is done", self.units)
        eventually("the other runs", lambda: self.here(b"\0--shard\0"))
        running.kill()
        running.communicate(timeout=PATIENCE_S)
        eventually("its processes have ended", lambda: not self.here())
        self.write(c=LASTS)
        said = self.sweep("--merge", "--dir", "units", "--", "run", "a.scn", "c.scn", "--mode", "real", status=COULD_NOT_RUN).stdout
        self.assertIn("1 result of 1 unit: 1 passed; 1 unit is missing\n", said)

    def test_a_unit_whose_worker_is_killed_is_done_again(self):
        running = self.start_long()
        eventually("a unit is done", self.units)
        worker, = eventually("the other runs", lambda: self.here(b"sweep\0--dir\0" + os.fsencode(self.folder / "units") + b"\0--unit\0" + b"2\0"))
        run = eventually("its run has begun", lambda: self.here(b"\0--shard\0"))
        os.kill(worker, signal.SIGKILL)
        if not LONG:  # else it ends by itself, a minute later
            for each in run:
                with contextlib.suppress(ProcessLookupError):  # it forks processes of the same name
                    os.kill(each, signal.SIGKILL)
        eventually("another worker does it", lambda: set(self.here(b"\0--unit\0" + b"2\0")) - {worker})
        self.end_long(running, signal.SIGTERM)

    def test_units_that_cannot_be_done_are_missing_and_no_result(self):
        """As on a full disk: no file may be longer than these bytes."""
        self.sweep("--on", "list", "--units", 2, "--dir", "units", *COMMAND)
        done = subprocess.run([PROGRAM, "sweep", "--dir", "units", *COMMAND], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
        self.assertEqual(done.returncode, COULD_NOT_RUN, done.stderr)
        self.assertIn("ringside: cannot do a unit: 1: status ", done.stderr)
        self.assertIn("0 results of 0 units: 0 passed; 2 units are missing", done.stdout)
        self.assertEqual(sorted(path.name for path in (self.folder / "units").iterdir()), ["plan"])
        self.check_report(self.report("--dir", "units", *COMMAND, status=EXPECTATION_FAILED))

    def test_units_of_list_run_elsewhere_and_are_merged(self):
        listed = self.sweep("--on", "list", "--units", 3, "--dir", "units", *COMMAND).stdout.splitlines()
        self.assertEqual(len(listed), 3)
        self.environment["PATH"] = f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}"
        for number, line in enumerate(listed, 1):
            # A machine of its own: it has the files, and nothing else.
            machine = self.folder / f"machine-{number}"
            machine.mkdir()
            for each in self.folder.glob("*.scn"):
                shutil.copy(each, machine)
            subprocess.run(line, shell=True, cwd=machine, env=self.environment, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
            shutil.copy(machine / "units" / f"unit-{number}.jsonl", self.folder / "units")
        self.check_report(self.report("--merge", "--dir", "units", *COMMAND, status=EXPECTATION_FAILED))

    def test_until_failure_ends_early(self):
        report = self.report("--units", 100, "-j", 1, "--dir", "units", "--until-failure", *COMMAND, status=EXPECTATION_FAILED)
        self.assertEqual(report["failed"], 1)
        self.assertLess(report["units_done"], 100)

    def test_other_files_and_foreign_units_are_refused(self):
        self.sweep("--units", 2, "--dir", "units", *COMMAND, status=EXPECTATION_FAILED)
        self.write(b=SOMETIMES + "# another file\n")
        said = self.sweep("--dir", "units", *COMMAND, status=COULD_NOT_RUN).stderr
        self.assertIn("it has another sweep, or the files of the command have changed", said)
        self.units()[0].unlink()
        said = self.sweep("--dir", "units", "--unit", 1, status=COULD_NOT_RUN).stderr
        self.assertIn("the files of the command have changed since the sweep was begun", said)
        self.write(b=SOMETIMES)
        plan = self.folder / "units" / "plan"
        plan.write_text(plan.read_text().replace("version: ", "version: 0.0."))
        said = self.sweep("--dir", "units", "--unit", 1, status=COULD_NOT_RUN).stderr
        self.assertRegex(said, r"this is ringside \S+ \S+, and the sweep was begun by 0\.0\.")
        plan.write_text(plan.read_text().replace("version: 0.0.", "version: "))
        for text, why in (("nonsense\n", "it is not the result of a unit"),
                          ('{"sweep":"0","unit":1,"of":2}\n', "it belongs to another sweep"),
                          ('{"sweep":"%s","unit":7,"of":2}\n', "there is no such unit"),
                          ('{"sweep":"%s","unit":1,"of":2,"lines":1}\n', "it is not complete"),
                          ('{"sweep":"%s","unit":1,"of":2}\n{"outcome":"pass', "a line in it is not a result")):
            with self.subTest(why):
                sweep = plan.read_text().split("id: ")[1].split("\n")[0]
                (self.folder / "units" / "unit-1.jsonl").write_text(text.replace("%s", sweep))
                self.assertIn(why, self.sweep("--dir", "units", *COMMAND, status=COULD_NOT_RUN).stderr)

    def test_a_command_that_cannot_be_divided_is_refused(self):
        for words, why in ((["--", "demo"], "only `run` and `ring-check` can be divided"),
                           (["--", "run", "a.scn", "--shard", "1/2"], "--shard: a sweep sets it for each unit"),
                           (["--", "run", "a.scn", "--junit=r.xml"], "--junit=r.xml: a sweep sets it"),
                           (["--", "run", "-"], "each unit reads the files again"),
                           (["--", "run", "a.scn", "--no-such-option"], "--no-such-option")):
            with self.subTest(words):
                self.assertIn(why, self.sweep("--dir", "units", *words, status=USAGE).stderr)
        self.assertIn("there are 2 units", self.sweep("--unit", 3, "--units", 2, "--dir", "few", *COMMAND, status=USAGE).stderr)
        self.assertIn("there is no such engine", self.sweep("--on", "cloud", *COMMAND, status=USAGE).stderr)
        self.assertIn("COMMAND", self.sweep(status=USAGE).stderr)

    def test_a_report_does_not_replace_a_scenario(self):
        for name in ("a.scn", "new.scn", "./b.scn"):
            self.assertIn("overwrit", self.sweep("--junit", name, *COMMAND, status=USAGE).stderr)
        self.assertEqual((self.folder / "a.scn").read_text(), PASSES)
        # A list makes no report.
        self.sweep("--on", "list", "--units", 2, "--junit", "r.xml", *COMMAND)
        self.assertFalse((self.folder / "r.xml").exists())

    def test_a_merge_begins_no_sweep(self):
        self.assertIn("there is no sweep in this folder", self.sweep("--merge", "--dir", "none", *COMMAND, status=COULD_NOT_RUN).stderr)
        self.assertIn("2 units are missing", self.sweep("--merge", "--units", 2, "--dir", "none", *COMMAND, status=COULD_NOT_RUN).stdout)
        self.assertFalse((self.folder / "none").exists())

    def test_a_folder_that_cannot_be_made_is_named(self):
        said = self.sweep("--units", 2, "--dir", "a.scn/units", *COMMAND, status=COULD_NOT_RUN).stderr
        self.assertIn("cannot make a folder: a.scn/units: Not a directory", said)

    def test_a_refused_command_line_is_reported_with_its_reason(self):
        said = self.sweep("--units", 2, "--dir", "units", "--", "run", status=COULD_NOT_RUN).stderr
        self.assertIn("status 1: FILE is required", said)

    def test_a_file_that_does_not_parse_is_reported_once(self):
        self.write(c='scenario "c"\nxen bots dom1\n')
        report = self.report("--units", 5, "--dir", "units", "--", "run", ".", "--seed", "1..3", status=DOES_NOT_PARSE)
        self.assertEqual((report["results"], report["do_not_parse"]), (13, 1))


class Hosts(Folder):
    """With daemons of the engines, on this machine."""

    def setUp(self):
        if not LONG:
            self.skipTest("RINGSIDE_LONG=1 runs it")
        super().setUp()

    def port(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]

    def daemon(self, *words):
        running = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        return running

    def check_report(self, *words):
        Sweep.check_report(self, self.report(*words, *COMMAND, status=EXPECTATION_FAILED))

    @needed("parallel")
    @needed("sshd", "openssh-server")
    def test_gnu_parallel_over_ssh(self):
        keys = self.folder / "keys"
        keys.mkdir(mode=0o700)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", keys / name], check=True)
        (keys / "authorized").write_bytes((keys / "user.pub").read_bytes())
        port = self.port()
        (keys / "sshd_config").write_text(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys}/host\nAuthorizedKeysFile {keys}/authorized\n"
                                          f"StrictModes no\nPidFile none\nUsePAM no\nMaxStartups 100\n")
        (keys / "config").write_text(f"Host alpha beta\nHostName 127.0.0.1\nPort {port}\nUser {getpass.getuser()}\nIdentityFile {keys}/user\n"
                                     f"UserKnownHostsFile {keys}/known\nStrictHostKeyChecking accept-new\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        self.daemon(shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-f", keys / "sshd_config")
        ssh = ["ssh", "-F", keys / "config"]
        eventually("the server answers", lambda: subprocess.run([*ssh, "alpha", "true"], capture_output=True).returncode == 0)
        self.environment["PARALLEL_SSH"] = " ".join(map(str, ssh))
        self.environment["PARALLEL_HOME"] = str(self.folder / "parallel")
        self.check_report("--on", "parallel:2/alpha,2/beta", "--units", 9, "--dir", "units")
        self.assertEqual(len(self.units()), 9)


    @needed("slurmctld")
    @needed("slurmd")
    @needed("sbatch", "slurm-client")
    @needed("munged", "munge")
    def test_slurm(self):
        place = pathlib.Path(tempfile.mkdtemp(prefix="rs-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, place)
        key, munge = place / "munge.key", place / "munge.socket"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.daemon("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={munge}", f"--pid-file={place}/munge.pid",
                    f"--log-file={place}/munge.log", f"--seed-file={place}/munge.seed")
        host = socket.gethostname().split(".")[0]
        controller, node = self.port(), self.port()
        (place / "slurm.conf").write_text(f"""ClusterName=ringside
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge}
CredType=cred/munge
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MailProg=/bin/true
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
""")
        for name in ("state", "spool"):
            (place / name).mkdir()
        self.environment["SLURM_CONF"] = str(place / "slurm.conf")
        eventually("munge answers", munge.exists)
        self.daemon("slurmctld", "-D", "-f", place / "slurm.conf")
        self.daemon("slurmd", "-D", "-f", place / "slurm.conf")
        eventually("the node is idle", lambda: "idle" in subprocess.run(["sinfo", "-h", "-o", "%T"], env=self.environment, capture_output=True,
                                                                         text=True).stdout)
        self.check_report("--on", "slurm:debug", "--units", 9, "--dir", "units")
        self.assertEqual(len(self.units()), 9)
        self.assertEqual(list((self.folder / "units").glob("slurm-*.log")), [])
        said = self.sweep("--on", "slurm:nowhere", "--units", 2, "--dir", "other", "--", "run", "a.scn", status=COULD_NOT_RUN)
        self.assertIn("invalid partition", said.stderr.lower())
        self.assertIn("2 units are missing", said.stdout)


if __name__ == "__main__":
    unittest.main()

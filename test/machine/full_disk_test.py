"""A full disk: a new reader of the journal gets an error, and no process of the machine dies."""
import contextlib
import os
import pathlib
import pty
import subprocess
import sys
import threading
import unittest

import support
from support import Machine

DISK = "/tmp"  # in a mount namespace of our own


def fill(path):
    """Fills the disk; returns the file that does."""
    filler = os.path.join(path, "filler")
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def drain(terminal):
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


class FullDisk(unittest.TestCase):
    def test_no_process_dies_of_a_journal(self):
        for dom0 in ("xcs", "xenctld"):
            with self.subTest(dom0=dom0), Machine("--dom0", dom0) as machine:
                for name in ("a", "b"):
                    machine.run("create", name, "--", "sh", "-c", "while :; do echo hello; sleep 0.01; done", check=0)
                names = [path.stem for path in pathlib.Path(machine.directory).glob("*.pid")]
                before = {name: machine.pid(name) for name in names}
                filler = fill(machine.parent)
                listened = machine.run("dump", "--all", check=3)
                self.assertIn(b"cannot listen to the journal", listened.stderr)
                self.assertIn(b"No space left on device", listened.stderr)
                refused = machine.run("create", "c", "--", "cat")
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn(b"No space left on device", refused.stderr)
                self.assertEqual({name: machine.pid(name) for name in names}, before)
                for name in names:
                    self.assertFalse(support.has_ended(before[name]), f"{name} has ended")
                self.assertEqual({name: domain["crashed"] for name, domain in machine.domains().items()},
                                 {"a": False, "b": False})
                os.unlink(filler)
                machine.run("create", "c", "--", "cat", check=0)
                with subprocess.Popen([support.RINGSIDE, "dump", "--all", "--dir", machine.directory],
                                      stdout=subprocess.PIPE) as dump:
                    self.assertIn(b"hello", b"".join(dump.stdout.readline() for _ in range(300)))
                    dump.kill()

    def test_a_scenario_without_room_for_its_journal_could_not_run(self):
        folder = os.path.join(DISK, "scenarios")
        os.mkdir(folder)
        scenario = pathlib.Path(folder, "never.scn")
        scenario.write_text('scenario "Never"\nxen boots dom1\ndom1 prints "hello\\n"\nnever xcs forwards request console\n'
                            "expect no dom1.strays changes for 1ms\n")
        filler = fill(folder)
        os.truncate(filler, os.path.getsize(filler) - 700 * 1024)  # for the machine, and for the entries of one process
        done = subprocess.run([support.RINGSIDE, "run", scenario, "--mode", "real", "--out", "/dev/null"], capture_output=True,
                              timeout=support.PATIENCE_S, env=os.environ | {"TMPDIR": DISK})
        os.unlink(filler)
        self.assertIn(b"cannot listen to the journal", done.stdout)
        self.assertEqual(done.returncode, 3, done.stdout)

    def test_a_watch_that_cannot_continue_fails(self):
        with Machine() as machine:
            controller, terminal = pty.openpty()
            with subprocess.Popen([support.RINGSIDE, "watch", "--dir", machine.directory], stdin=terminal, stdout=terminal,
                                  stderr=subprocess.PIPE, env=os.environ | {"TERM": "xterm"}) as watch:
                os.close(terminal)
                self.assertTrue(os.read(controller, 65536))
                reading = threading.Thread(target=drain, args=[controller])
                reading.start()
                filler = fill(machine.parent)
                machine.run("list", check=0)
                os.truncate(filler, os.path.getsize(filler) - 327680)  # room for a header, and for no ring
                machine.run("create", "a", "--", "cat")
                self.assertIn(b"cannot listen to the journal", watch.communicate(timeout=support.PATIENCE_S)[1])
                self.assertEqual(watch.wait(support.PATIENCE_S), 3)
            reading.join()
            os.close(controller)
            os.unlink(filler)


if __name__ == "__main__":
    if "RINGSIDE_IN_NAMESPACE" not in os.environ:
        inside = f"mount -t tmpfs -o size=16m tmpfs {DISK} && exec \"$@\""
        ended = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], capture_output=True)
        if ended.returncode != 0:
            support.skip_all("this user may have no mount namespace here", can_be_installed=False)
        os.environ["RINGSIDE_IN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside, "sh",
                              sys.executable, *sys.argv])
    support.main()

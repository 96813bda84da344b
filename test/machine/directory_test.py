"""A machine's directory: its owner, and that the machine does not touch files that it has not made."""
import concurrent.futures
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest

import support
from support import Machine, RINGSIDE, eventually

PAIRS = 20 if os.environ.get("RINGSIDE_LONG") else 6
UP = ("--console-port-base", "0", "--com1", "none")
# One of each kind of name that a machine makes, and of similar names.
FOREIGN = ("build.log", "journal/diary.txt", "journal/a.ring", "server.pid", "app.spec", "a.kept", "xen.pid", "xen.log",
           "dom1.log", "dom1.spec", "console-1.kept", "faults", "src/main.c")
UNRELATED = ("build.log", "server.pid", "app.spec", "a.kept", "domain.log", "dom1.log.old", "console-x.kept", "pty-1x")


def write_all(directory, names):
    for name in names:
        path = pathlib.Path(directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"precious {name}")


def contents(directory):
    return {str(path.relative_to(directory)): path.read_bytes()
            for path in pathlib.Path(directory).rglob("*") if path.is_file() and not path.is_symlink()}


class Directory(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory(prefix="rs-")
        self.addCleanup(held.cleanup)
        self.path = os.path.join(held.name, "m")
        self.addCleanup(lambda: self.ringside("down"))

    def ringside(self, command, *words, **more):
        return support.run(command, "--dir", self.path, *words, **more)

    def make(self, names):
        os.mkdir(self.path, 0o700)
        write_all(self.path, names)
        return contents(self.path)


class Others(Directory):
    def test_down_leaves_a_folder_that_never_held_a_machine(self):
        before = self.make(FOREIGN)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(self.path, "console-9601"))
            os.symlink("nowhere", os.path.join(self.path, "pty-1"))
            names = sorted(os.listdir(self.path))
            self.assertIn(b"no machine is running", self.ringside("down", check=0).stdout)
            self.assertEqual((contents(self.path), sorted(os.listdir(self.path))), (before, names))

    def test_down_leaves_an_empty_folder(self):
        self.make(())
        self.ringside("down", check=0)
        self.assertTrue(os.path.isdir(self.path))

    def test_a_lock_file_of_another_program_is_kept(self):
        for text in ("", "mine\n"):
            before = self.make(("xen.log",)) if not os.path.isdir(self.path) else contents(self.path)
            pathlib.Path(self.path, "ringside.lock").write_text(text)
            before["ringside.lock"] = text.encode()
            self.ringside("down", check=0)
            self.assertEqual(contents(self.path), before)
        self.assertIn(b"it does not belong to a machine", self.ringside("up", *UP, check=3).stderr)
        self.assertEqual(contents(self.path), before)

    def test_up_refuses_a_folder_with_a_file_of_a_name_that_the_machine_uses(self):
        for name in FOREIGN:
            if name in UNRELATED or name == "src/main.c":
                continue
            with self.subTest(name):
                write_all(self.path, (name,))
                os.chmod(self.path, 0o700)
                before = contents(self.path)
                said = self.ringside("up", *UP, check=3).stderr.decode()
                self.assertRegex(said, f"{name.split('/')[0]} is in it, and does not belong to a machine .move it away")
                self.ringside("down", check=0)
                self.assertEqual(contents(self.path), before)
                pathlib.Path(self.path, name).unlink()
                if "/" in name:
                    pathlib.Path(self.path, name).parent.rmdir()

    def test_a_machine_keeps_other_files_in_its_folder(self):
        before = self.make(UNRELATED)
        self.ringside("up", *UP, check=0)
        for name in ("first", "second"):
            self.ringside("create", name, "--", "cat", check=0)
        write_all(self.path, ("journal/diary.txt", "later.log"))
        before |= {"journal/diary.txt": b"precious journal/diary.txt", "later.log": b"precious later.log"}
        self.assertEqual({name: text for name, text in contents(self.path).items() if name in before}, before)
        self.ringside("down", check=0)
        self.assertEqual(contents(self.path), before)

    def test_a_directory_is_removed_by_the_machine_that_made_it_only(self):
        self.ringside("up", *UP, check=0)
        self.ringside("down", check=0)
        self.assertFalse(os.path.exists(self.path))
        self.make(())
        self.ringside("up", *UP, check=0)
        self.ringside("down", check=0)
        self.assertEqual(os.listdir(self.path), [])

    def test_files_of_a_killed_machine_are_removed(self):
        self.ringside("up", *UP, check=0)
        for name in ("xend", "xcs", "dom0", "xen"):
            os.kill(int(pathlib.Path(self.path, name + ".pid").read_text()), signal.SIGKILL)
        eventually("all have ended", lambda: not support.processes_with(self.path.encode()))
        self.ringside("down", check=0)
        self.assertFalse(os.path.exists(self.path))


class SerialLine(Directory):
    def put(self, make):
        """Makes something at a path, uses the path for the serial line, and returns the result."""
        place = self.path + "-line"
        make(place)
        self.addCleanup(os.unlink, place)
        done = self.ringside("up", "--console-port-base", "0", "--com1", "unix:" + place)
        return place, done

    def refused(self, make):
        place, done = self.put(make)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"it exists and is not a socket", done.stderr)
        self.ringside("down", check=0)
        self.assertTrue(os.path.lexists(place))
        return place

    def test_a_regular_file_is_not_replaced(self):
        place = self.refused(lambda path: pathlib.Path(path).write_text("notes"))
        self.assertEqual(pathlib.Path(place).read_text(), "notes")

    def test_a_link_is_not_replaced(self):
        self.refused(lambda path: os.symlink("nowhere", path))

    def test_a_fifo_is_not_replaced(self):
        self.refused(os.mkfifo)

    def test_a_socket_that_is_served_is_not_taken(self):
        with socket.socket(socket.AF_UNIX) as listener:
            def listen(path):
                listener.bind(path)
                listener.listen()
            _, done = self.put(listen)
            self.assertEqual(done.returncode, 3)
            self.assertIn(b"another process serves it already", done.stderr)

    def test_the_socket_of_a_dead_listener_is_replaced(self):
        def leave(path):
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
        place, done = self.put(leave)
        self.assertEqual(done.returncode, 0, done.stderr)
        # A file that has replaced it since is not removed with the machine.
        os.unlink(place)
        pathlib.Path(place).write_text("notes")
        self.ringside("down", check=0)
        self.assertEqual(pathlib.Path(place).read_text(), "notes")


class Together(Directory):
    """Several commands at once: their processes start as close together as possible."""

    def at_once(self, *commands):
        with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
            return list(pool.map(lambda command: self.ringside(*command), commands))

    def test_one_of_several_that_start_a_machine_succeeds(self):
        for number in range(PAIRS):
            first, second = sorted(self.at_once(("up", *UP), ("up", *UP)), key=lambda done: done.returncode)
            self.assertEqual((first.returncode, second.returncode), (0, 3), second.stderr)
            self.assertRegex(second.stderr.decode(), r"process [1-9]\d* has it")
            self.assertEqual(self.ringside("list", check=0).stdout.count(b"Domain-0"), 1)
            self.assertEqual(len(support.processes_with(b"\0xen\0--dir\0" + self.path.encode() + b"\0--locked\0")), 1)
            if number % 2:
                xen = int(pathlib.Path(self.path, "xen.pid").read_text())
                said = self.ringside("up", *UP, check=3).stderr.decode()
                self.assertIn(f"process {xen} has it", said)
            self.ringside("down", check=0)
            self.assertFalse(os.path.exists(self.path))

    def test_several_that_end_a_machine_all_succeed(self):
        for _ in range(PAIRS // 2):
            self.ringside("up", *UP, check=0)
            for done in self.at_once(("down",), ("down",)):
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertFalse(os.path.exists(self.path))

    def test_up_and_down_at_once_leave_a_whole_machine_or_none(self):
        for _ in range(PAIRS):
            up, down = self.at_once(("up", *UP), ("down",))
            self.assertEqual(down.returncode, 0, down.stderr)
            listed = self.ringside("list")
            if listed.returncode == 0:
                self.assertEqual(up.returncode, 0, up.stderr)
                for process in ("xen", "xcs", "xend", "dom0"):
                    self.assertTrue(os.path.exists(os.path.join(self.path, process + ".pid")), process)
            self.ringside("down", check=0)
            self.assertFalse(os.path.exists(self.path))

    def test_a_hypervisor_started_by_hand_has_the_directory_too(self):
        xen = subprocess.Popen([RINGSIDE, "xen", "--dir", self.path, "--com1", "none"])
        self.addCleanup(xen.wait, support.PATIENCE_S)
        self.addCleanup(xen.terminate)
        eventually("it serves", lambda: os.path.exists(os.path.join(self.path, "xen.sock")))
        self.assertIn(f"process {xen.pid} has it", self.ringside("up", *UP, check=3).stderr.decode())
        self.ringside("list", check=0)

    def test_the_error_of_a_failed_start_names_existing_files(self):
        said = self.ringside("up", "--console-port-base", "0", "--com1", "unix:/nonexistent/com1", check=3).stderr.decode()
        self.assertIn("cannot listen: /nonexistent/com1: No such file or directory", said)
        self.assertIn(f"ringside xen --dir {self.path} shows more", said)
        self.assertNotIn(".log", said)
        self.assertFalse(os.path.exists(self.path))

    def test_chaos_without_a_folder_for_its_machine_reports_no_loss(self):
        done = support.run("chaos", "--mode", "real", "--count", "1", check=3, env=os.environ | {"TMPDIR": "/nonexistent"})
        self.assertIn(b"cannot make a temporary directory: /nonexistent/", done.stderr)
        self.assertEqual(done.stdout, b"")

    def test_processes_started_by_hand_need_a_machine(self):
        for process in ("xcs", "xend", "xenctld", "dom0"):
            self.assertIn(b"no machine is running", self.ringside(process, check=3).stderr)
            self.assertFalse(os.path.exists(self.path))


if __name__ == "__main__":
    support.main()

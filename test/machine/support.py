"""What the tests of whole machines share: running the real program, and checking that nothing is left over.

Every test uses the built `ringside` (its path is in $RINGSIDE) as a user would, with real processes, ptys and clients.
Tests never sleep for a fixed time: `eventually` waits for a condition, and fails with its name if it never holds.
"""
import atexit
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import default_signals
from needed import needed, skip_all  # for the tests of this folder

RINGSIDE = os.environ.get("RINGSIDE", "build/ringside")
# Sanitizers and busy machines are slow; the limit only ends processes that hang.
PATIENCE_S = 300
# Some tests kill a guest by SIGSEGV, which AddressSanitizer would turn into another signal.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"
# Meson ends a test that takes too long with SIGTERM; the tests must then clean up as usual.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@atexit.register
def end_children():
    """Ends children that a failed test has left, also stopped ones. A keeper must still end its machine."""
    for children in pathlib.Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            if b"keeper" not in pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                os.kill(int(child), signal.SIGKILL)


def run(*words, stdin=b"", check=None, **more):
    """Runs ringside to its end; `check` is the exit status it must have."""
    done = subprocess.run([RINGSIDE, *words], input=stdin, capture_output=True, timeout=PATIENCE_S, **more)
    if check is not None and done.returncode != check:
        raise AssertionError(f"ringside {' '.join(words)}: status {done.returncode}, not {check}\n"
                             f"stdout: {done.stdout!r}\nstderr: {done.stderr.decode(errors='replace')}")
    return done


def eventually(what, holds):
    """Waits until holds() is true; returns its value."""
    until = time.monotonic() + PATIENCE_S
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.01)


def ask(viewer, question, answer):
    """Types `question` at a console (a socket) and reads until `answer` has come."""
    viewer.sendall(question)
    seen = b""
    while answer not in seen:
        piece = viewer.recv(4096)
        if not piece:
            raise AssertionError(f"the console closed after {seen!r}")
        seen += piece


def process_state(pid):
    """The letter of its state in ps: Z zombie, T stopped, X gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def processes_with(text):
    """Pids of running processes whose command line or environment contains `text`, except this process."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        if process_state(entry.name) in "ZX":
            continue
        try:
            if text in (entry / "cmdline").read_bytes() or text in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def has_ended(pid):
    """Whether it has released everything: a dying process still has its files, and the lock on its pid file."""
    return process_state(pid) in "ZX"


def pid_of(machine, daemon):
    return int(pathlib.Path(machine.directory, daemon + ".pid").read_text())


class Background:
    """A command in the background; its lines of output are read as they come."""

    def __init__(self, command, **more):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def line(self):
        return self.process.stdout.readline().decode().rstrip("\n")


def kill_daemon(machine, daemon):
    pid = pid_of(machine, daemon)
    os.kill(pid, signal.SIGKILL)
    eventually(f"{daemon} is dead", lambda: has_ended(pid))


class Machine:
    """A machine in a directory of its own, from `up` to `down`. down() checks that nothing is left over. A killed test
    leaves nothing either: Meson kills a test with its process group, but a keeper outlives it in a session of its
    own."""

    def __init__(self, *up_words):
        self.parent = tempfile.mkdtemp(prefix="rs-")
        self.directory = os.path.join(self.parent, "m")
        self.up_words = up_words
        self.restarted = []

    def __enter__(self):
        self.keeper = subprocess.Popen([RINGSIDE, "keeper", "--dir", self.directory, str(os.getpid())], start_new_session=True)
        try:
            self.run("up", "--console-port-base", "0", *self.up_words, check=0)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *rest):
        self.run("down", check=0)
        self.keeper.kill()
        self.keeper.wait()
        for process in self.restarted:
            process.wait(PATIENCE_S)
        try:
            if kind is None:
                self.check_nothing_left()
        finally:
            shutil.rmtree(self.parent, ignore_errors=True)

    def check_nothing_left(self):
        eventually("every process of the machine has ended",
                   lambda: not processes_with(self.directory.encode()))
        left = os.listdir(self.parent)
        assert not left, f"left behind: {left} {os.listdir(self.directory)}"

    def run(self, command, *words, **more):
        if "--" in words:
            at = words.index("--")
            words = (*words[:at], "--dir", self.directory, *words[at:])
        else:
            words = (*words, "--dir", self.directory)
        return run(command, *words, **more)

    def domains(self):
        """Name -> object of `list --json`, for every domain but dom0."""
        listed = json.loads(self.run("list", "--json", check=0).stdout)
        return {domain["name"]: domain for domain in listed if domain["id"] != 0}

    def tcp_port(self, name):
        return self.domains()[name]["console"]["tcp_port"]

    def wait_until_viewer_has_left(self, name):
        eventually("the viewer has left", lambda: self.domains()[name]["console"]["status"] == "listening")

    def pid(self, process):
        """None while it is starting."""
        text = pathlib.Path(self.directory, process + ".pid").read_text()
        return int(text) if text else None

    def restart(self, process, *words):
        """Kills a process of the machine with SIGKILL, and starts it again as a user would."""
        old = self.pid(process)
        os.kill(old, signal.SIGKILL)
        eventually(f"{process} is dead", lambda: has_ended(old))
        started = subprocess.Popen([RINGSIDE, process, "--dir", self.directory, *words], stderr=subprocess.DEVNULL)
        self.restarted.append(started)
        eventually(f"{process} is back", lambda: self.pid(process) == started.pid)


def main():
    unittest.main(verbosity=2)

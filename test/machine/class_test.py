"""A class on one machine: thirty domains, thirty people who type at once, thirty readers of its page.

Prints its measurements. RINGSIDE_LONG=1: thirty students and more keys, else six.
"""
import hashlib
import http.client
import json
import os
import pathlib
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.parse

from support import RINGSIDE, PATIENCE_S, Machine, eventually, processes_with
import support

LONG = bool(os.environ.get("RINGSIDE_LONG"))
STUDENTS = 30 if LONG else 6
KEYS = 30 if LONG else 20  # of each student, in each round
PAUSE_S = 0.2 if LONG else 0.02  # between two keys of a person
GROWTH_KIB = 64  # what a process may gain from one round to the next
TICKS_S = os.sysconf("SC_CLK_TCK")


class Process:
    """One process of the machine, as /proc shows it."""

    def __init__(self, pid):
        self.folder = pathlib.Path(f"/proc/{pid}")

    def cpu_s(self):
        words = (self.folder / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / TICKS_S

    def own_kib(self):
        """Without mapped files: those have a fixed size, and come into memory page by page."""
        return int(re.search(r"^Anonymous: +(\d+) kB$", (self.folder / "smaps_rollup").read_text(), re.MULTILINE)[1])

    def descriptors(self):
        return len(os.listdir(self.folder / "fd"))


class Pages:
    """`ringside watch --web` while the body runs, and the addresses that it prints."""

    def __init__(self, machine, lines, *words):
        self.process = subprocess.Popen([RINGSIDE, "watch", "--dir", machine.directory, "--web", *words], stdout=subprocess.PIPE, text=True)
        self.lines = [self.process.stdout.readline().strip() for _ in range(lines)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()


def request(address, method, path="", body=b""):
    """Status and text of a response."""
    where = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE_S)
    connection.request(method, where.path + path, body)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, text


class Reader:
    """A browser that gets the steps of a page as they happen. Keeps their text if it is `kept`, else its digest only."""

    def __init__(self, address, kept):
        where = urllib.parse.urlsplit(address)
        self.address = address
        self.text = bytearray() if kept else None
        self.bytes = 0
        self.digest = hashlib.sha256()
        self.stream = socket.create_connection((where.hostname, where.port), PATIENCE_S)
        self.stream.sendall(f"GET {where.path}steps HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())

    def fileno(self):
        return self.stream.fileno()

    def read(self):
        piece = self.stream.recv(1 << 18)
        assert piece, f"{self.address} closed the stream"
        self.bytes += len(piece)
        self.digest.update(piece)
        if self.text is not None:
            self.text += piece

    def steps(self):
        """All complete steps up to now."""
        return [step for line in self.text.split(b"\n")[:-1] if line.startswith(b"data: [") for step in json.loads(line[6:])]


class Student:
    """Types a text key by key at a console: the next key when the echo of the last one has come, and `pause_s` is over."""

    def __init__(self, port, number):
        self.stream = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.number = number
        self.seen = b""
        self.wrong = None
        self.begin(b"", 0)

    def fileno(self):
        return self.stream.fileno()

    def begin(self, text, pause_s):
        self.left = text
        self.pause_s = pause_s
        self.echoes_s = []
        self.typed_at = None
        self.next_at = time.monotonic() + pause_s * self.number / STUDENTS
        self.type()

    def type(self):
        now = time.monotonic()
        if self.left and self.typed_at is None and now >= self.next_at:
            self.typed_at = now
            self.next_at = now + self.pause_s
            self.stream.sendall(self.left[:1])

    def read(self):
        piece = self.stream.recv(4096)
        assert piece, f"console {self.number} closed"
        self.seen += piece
        if self.typed_at is None:
            return
        if piece != self.left[:1]:
            self.wrong = f"student {self.number} typed {self.left[:1]!r} and saw {piece!r}"
            self.left = b""
            return
        self.echoes_s.append(time.monotonic() - self.typed_at)
        self.typed_at = None
        self.left = self.left[1:]
        self.type()


def poll(students, readers, what, done):
    """Lets each read what comes and type what is due, until done() is true."""
    with selectors.DefaultSelector() as selector:
        for each in [*students, *readers]:
            selector.register(each, selectors.EVENT_READ)
        until = time.monotonic() + PATIENCE_S
        while not done():
            if time.monotonic() > until:
                raise AssertionError(f"never happened: {what}")
            for key, _ in selector.select(0.005):
                key.fileobj.read()
            for student in students:
                student.type()


def keys_written(steps):
    written = (re.match(r"xcs writes dom\d+\.rx\[\d\] request console length (\d+) ", step["s"]) for step in steps)
    return sum(int(match[1]) for match in written if match)


class Class(unittest.TestCase):
    def say(self, text):
        print(f"     {text}", file=sys.stderr, flush=True)

    def closed(self, client):
        """Closes its connection at the end."""
        self.addCleanup(client.stream.close)
        return client

    def create(self, machine):
        began = time.monotonic()
        machine.run("create", "student", "--count", str(STUDENTS), "--", "sh", "-c", "while :; do PS1='$ ' sh -i; done", check=0)
        self.say(f"{STUDENTS} domains created in {time.monotonic() - began:.2f} s")
        domains = machine.domains()
        self.assertEqual(sorted(domains), sorted(f"student{number + 1}" for number in range(STUDENTS)))
        return [domains[f"student{number + 1}"] for number in range(STUDENTS)]

    def type_at_once(self, students, watching, pause_s):
        """One round: each types a text of its own. All echoes are compared. Returns their times."""
        for student in students:
            student.begin((f": {student.number} " + chr(ord("a") + student.number % 26) * KEYS)[:KEYS].encode(), pause_s)
        poll(students, watching, "all have typed", lambda: not any(student.left for student in students))
        self.assertEqual([student.wrong for student in students if student.wrong], [])
        # Ctrl-U, and a command that the shell of this student alone answers.
        for student in students:
            student.stream.sendall(b"\x15" + f"echo $(({student.number} + 1000))\n".encode())
        poll(students, watching, "each shell has answered",
             lambda: all(f"\n{student.number + 1000}\r".encode() in student.seen for student in students))
        echoes_s = sorted(each for student in students for each in student.echoes_s)
        self.assertEqual(len(echoes_s), STUDENTS * KEYS)
        return echoes_s

    def measure(self, students, watching, processes, pause_s):
        """One round; says its figures, and returns own memory and descriptors of each process after it."""
        for student in students:
            student.seen = b""
        cpu_s = {name: process.cpu_s() for name, process in processes.items()}
        began = time.monotonic()
        echoes_s = self.type_at_once(students, watching, pause_s)
        took_s = time.monotonic() - began
        cpu = {name: (process.cpu_s() - cpu_s[name]) / took_s for name, process in processes.items()}
        after = {name: (process.own_kib(), process.descriptors()) for name, process in processes.items()}
        self.say(f"{len(echoes_s) / took_s:.0f} keys a second; echo: median {echoes_s[len(echoes_s) // 2] * 1000:.1f} ms, worst {echoes_s[-1] * 1000:.1f} ms; "
                 + "CPU, own memory: " + ", ".join(f"{name} {cpu[name] * 100:.0f} %, {after[name][0] / 1024:.1f} MB" for name in processes))
        return after

    def test_all_type_at_once_and_all_watch(self):
        with Machine() as machine:
            domains = self.create(machine)
            processes = {name: Process(machine.pid(name)) for name in ("xen", "xcs", "xend")}
            with Pages(machine, 1) as page:
                processes["watch"] = Process(page.process.pid)
                address, = page.lines
                for _ in range(STUDENTS):
                    self.assertEqual(request(address, "GET")[0], 200)
                watching = [self.closed(Reader(address, number == 0)) for number in range(STUDENTS)]
                students = [self.closed(Student(domain["console"]["tcp_port"], number)) for number, domain in enumerate(domains)]
                poll(students, watching, "each shell is ready", lambda: all(student.seen.endswith(b"$ ") for student in students))
                # As people type, and as quickly as the echoes come.
                rounds = [self.measure(students, watching, processes, pause_s) for pause_s in (PAUSE_S, 0, 0)]
                # watch keeps the steps for later browsers.
                for name in ("xen", "xcs", "xend"):
                    self.assertLessEqual(rounds[2][name][0] - rounds[1][name][0], GROWTH_KIB, name)
                self.assertEqual(*({name: descriptors for name, (_, descriptors) in each.items()} for each in rounds[1:]))
                # watch may still be behind: equal browsers alone do not prove that they have every step.
                poll(students, watching, "every key is a step", lambda: keys_written(watching[0].steps()) >= STUDENTS * 3 * KEYS)
                poll(students, watching, "every browser has every step", lambda: len({reader.bytes for reader in watching}) == 1)
                self.assertEqual(len({reader.digest.digest() for reader in watching}), 1)
            self.assertEqual(page.status, 0)


    def test_each_page_types_into_its_own_domain(self):
        with Machine() as machine:
            domains = self.create(machine)
            with Pages(machine, STUDENTS, "--each") as pages:
                addresses = dict(line.split(" ") for line in pages.lines)
                self.assertEqual(sorted(addresses), sorted(domain["name"] for domain in domains))
                self.assertEqual(len({urllib.parse.urlsplit(address).path for address in addresses.values()}), STUDENTS)
                early = self.closed(Student(domains[0]["console"]["tcp_port"], 0))
                poll([early], [], "a console is free until its page is opened", lambda: early.seen.endswith(b"$ "))
                early.stream.close()
                machine.wait_until_viewer_has_left("student1")
                watching = []
                for domain in domains:
                    address = addresses[domain["name"]]
                    status, text = request(address, "GET")
                    self.assertEqual((status, domain["name"] in text.decode()), (200, True))
                    watching.append(self.closed(Reader(address, True)))
                for number, domain in enumerate(domains):
                    self.assertEqual(request(addresses[domain["name"]], "POST", "type", f"expr 5999 + {number + 1}\n".encode()), (204, b""))

                # A step shows the first 32 bytes, enough for the command and its answer together.
                def outputs(reader):
                    return " ".join(step["s"] for step in reader.steps() if step["k"] == "bytes_passed")
                for number, reader in enumerate(watching):
                    poll([], watching, f"the page of student {number + 1} has the answer", lambda: f"{number + 6000}" in outputs(reader))
                for number, reader in enumerate(watching):
                    self.assertEqual({step["d"] for step in reader.steps()}, {domains[number]["id"]})
                    for other in range(STUDENTS):
                        self.assertEqual(f"{other + 6000}" in outputs(reader), other == number)
            self.assertEqual(pages.status, 0)

    def test_errors_name_what_to_do(self):
        with Machine() as machine:
            none = machine.run("watch", "--web", "--each")
            self.assertEqual((none.returncode, none.stderr.decode()), (3, "ringside: cannot watch each domain: there is none yet (ringside create makes domains)\n"))
            machine.run("create", "student2", check=0)
            some = machine.run("create", "student", "--count", "3")
            self.assertEqual((some.returncode, some.stderr.decode()), (3, "ringside: cannot create a domain: a domain named student2 exists\n"))
            self.assertEqual(sorted(machine.domains()), ["student1", "student2"])
            high = machine.run("watch", "--web", "--each", "--port", "65534")
            self.assertEqual((high.returncode, high.stderr.decode()),
                             (3, "ringside: cannot serve a page for student1: port 65536: there is no such port (choose a smaller --port)\n"))


if __name__ == "__main__":
    support.main()

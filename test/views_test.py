#!/usr/bin/env python3
"""The page, the text, the watch and the capture of a run say the same: of every eighth run of the library the page and the text,
of some also the screens of a watch, and the capture as tshark reads it. They agree on steps, times, marks, numbers of bytes, and
on both rings after each step; page and watch also on the sentence, the mask and the bytes at each place. On the page, each byte
that was said is somewhere.

usage: views_test.py     RINGSIDE names the program (default: build/ringside), WATCH_SCREENS the test program of that name;
                         RINGSIDE_LONG=1: every run and seed, and more captures
"""

import base64
import collections
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import zlib

import today_journal
from needed import needed

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
LONG = os.environ.get("RINGSIDE_LONG") == "1"
WATCH_SCREENS = os.path.abspath(os.environ.get("WATCH_SCREENS", TEST.parent / "build" / "test" / "watch_screens"))
DISSECTOR = TEST.parent / "tools" / "wireshark" / "ringside.lua"
RUNS_WITH_A_CAPTURE = 80 if LONG else 4
RUNS_WATCHED = 400 if LONG else 40
CAPTURED_BYTES_MAX = 1 << 40 if LONG else 1 << 20  # of a journal
PAYLOAD_MAX = 60
GLYPHS = {"free": ".", "request": "#", "response": "+", "stale": "-"}
# "     0.022     51 ! xcs -> dom1.rx       rx #....... 0/8  slot 0 REQUEST ..."
LINE = re.compile(r" *(-?\d+\.\d{3}) +(\d+) ([ !~2*]) (.*)")
RING = re.compile(r".*-> dom(\d+)\.(tx|rx) +\2 ([.#+-]{8}) (\d+)/8 ")
EVENT = re.compile(r".*-> (?:dom([1-9]\d*)|\w+) +EVENT port:(\d+) (kick|masked|already selected)")
# The screen of a watch: one row of slots, and what is written above it; the event bits, the bytes at each place, the newest step.
WATCHED_OUTSTANDING = re.compile(r"-- (tx|rx): .* (\d+) of 8 outstanding")
WATCHED_SLOTS = re.compile(r"(tx|rx)  0 [.#+-] ")
WATCHED_SLOT = re.compile(r" \d ([.#+-]) (?:free|request|response|stale)")
WATCHED_MASK = re.compile(r"events  dom(\d+) port (\d+) pending [01?] mask ([01?])")
WATCHED_PLACE = re.compile(r"(\w+) (\d+)")
WATCHED_STEP = re.compile(r" +(\d+) +(-?\d+\.\d{3}) ")


def output_of(*words):
    return subprocess.run(words, check=True, capture_output=True, timeout=600).stdout


def page_of(journal):
    """The data of its page."""
    page = output_of(PROGRAM, "view", journal, "--html", "-").decode()
    kind, data = re.search(r'<script type="([a-z/]+)" id="run-0">(.*?)</script>', page, re.DOTALL).groups()
    return json.loads(data if kind == "application/json" else zlib.decompress(base64.b64decode(data)))


class Machine:
    """The state of a machine, by the changes that a page has for each step."""

    def __init__(self, begin):
        self.indices = collections.defaultdict(lambda: [0] * 4)  # req_prod, req_cons, rsp_prod, rsp_cons
        self.slots = collections.defaultdict(lambda: ["free"] * 8)
        self.queued = {}
        self.totals = {}
        self.masked = collections.defaultdict(int)
        self.byte_rings = {}  # prod, cons, what waits
        self.take(begin)

    def take(self, changes):
        for kind, *values in changes:
            if kind == "i":
                domain, ring, index, value = values
                self.indices[domain, ring][index] = value
            elif kind == "s":
                domain, ring, slot, state, *_ = values
                self.slots[domain, ring][slot] = state
            elif kind == "q":
                domain, place, down, count = values
                self.queued[domain, down, place] = count
            elif kind == "r":
                domain, ring, *state = values
                self.byte_rings[domain, ring] = state
            elif kind == "e":
                domain, port, _, masked, *_ = values
                self.masked[domain, port] = masked
            elif kind == "t":
                domain, down, *numbers = values
                self.totals[domain, down] = numbers

    def outstanding(self, domain, ring):
        if ring in ("tx", "rx"):
            return self.ring(domain, ring)[1]
        prod, cons, _ = self.byte_rings[domain, ring]
        return str(prod - cons & 0xffffffff)

    def ring(self, *which):
        req_prod, _, rsp_prod, _ = self.indices[which]
        return "".join(GLYPHS[state] for state in self.slots[which]), str(req_prod - rsp_prod & 0xffffffff)


class Views(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        # This eighth has a run of a hundred domains.
        some = [] if LONG else ["--seed", "1", "--shard", "4/8"]
        output_of(PROGRAM, "run", TEST.parent / "scenarios", *some, "--journal", cls.folder / "journals")
        cls.journals = sorted((cls.folder / "journals").iterdir())

        # The first run of each scenario, with each of its values.
        cls.different = list({re.split(r"[\[.]|-seed-", journal.name)[0]: journal for journal in reversed(cls.journals)}.values())

    def check_page(self, page, text):
        machine = Machine(page["begin"])
        lines = [match.groups() for match in map(LINE.fullmatch, text.splitlines()) if match]
        self.assertEqual(len(lines), len(page["steps"]))
        for (time, number, mark, rest), step in zip(lines, page["steps"]):
            # In a simulation, entries are in the order of what happened: the mask is known before each event.
            if event := EVENT.match(rest):
                domain, port, outcome = event.groups()
                self.assertEqual(outcome == "masked", machine.masked[int(domain or 0), int(port)] == 1, (number, rest))
            machine.take(step.get("c", []))
            self.assertEqual((number, mark, time), (str(step["n"]), step.get("m", " "), f"{step['t'] / 1e6:.3f}"))
            if (length := re.search(r" len (\d+)| (\d+) bytes \"", rest)) and step["k"] != "frame_taken":
                self.assertEqual(min(int(length[1] or length[2]), PAYLOAD_MAX if length[1] else 1 << 32), len(step.get("b", "")), rest)
            if ring := RING.match(rest):
                domain, which, slots, outstanding = ring.groups()
                self.assertEqual((slots, outstanding), machine.ring(int(domain), which), rest)
        for (domain, down), (said, delivered, lost, unseen, _) in machine.totals.items():
            if domain == 0:  # its console is Xen's, and has no such ends
                continue
            queued = sum(count for (other, way, _), count in machine.queued.items() if (other, way) == (domain, down))
            self.assertEqual(said, delivered + lost + unseen + queued, (domain, "down" if down else "up"))
        return machine

    def test_the_page_of_a_run_says_what_its_text_says(self):
        totals = 0
        for journal in self.journals:
            with self.subTest(run=journal.name):
                machine = self.check_page(page_of(journal), output_of(PROGRAM, "view", journal, "--text").decode())
                totals += len(machine.totals)
        self.assertGreater(totals, len(self.different))

    def test_the_watch_of_a_run_says_what_its_page_says(self):
        compared = collections.Counter()
        for journal in self.different[::-(-len(self.different) // RUNS_WATCHED)]:
            page = page_of(journal)
            steps = {step["n"]: step for step in page["steps"]}
            machine = Machine(page["begin"])
            last = 0
            origin = None
            with self.subTest(run=journal.name):
                for screen in output_of(WATCH_SCREENS, journal, "1").decode().split("\f")[:-1]:
                    number, *rows = screen.split("\n")
                    for step in range(last + 1, int(number) + 1):
                        machine.take(steps[step].get("c", []))
                    last = int(number)
                    # A watch counts the time from the first entry that it shows.
                    origin = steps[last]["t"] if origin is None else origin
                    compared += self.check_screen(rows, steps[last], machine, origin)
        for what in "sentence", "ring", "mask", "bytes", "step":
            self.assertGreater(compared[what], 100, compared)

    def check_screen(self, rows, step, machine, origin):
        compared = collections.Counter(sentence=1)
        sentence = " ".join(rows[1:3]).strip()
        self.assertEqual(sentence, re.sub(r"[^ -~]", "~", step["p"]))
        outstanding = {}
        newest = None
        for row in rows:
            if match := WATCHED_OUTSTANDING.match(row):
                outstanding[match[1]] = match[2]
            elif match := WATCHED_SLOTS.match(row):
                self.assertEqual(("".join(WATCHED_SLOT.findall(row)), outstanding[match[1]]), machine.ring(1, match[1]), row)
                compared["ring"] += 1
            elif match := WATCHED_MASK.match(row):
                domain, port, mask = map(int, match.groups()) if "?" not in match[3] else (0, 0, 0)
                self.assertEqual(mask, machine.masked[domain, port] if port else 0, row)
                compared["mask"] += 1
            elif row.startswith("bytes  "):
                down, up = row.split("up:")
                for way, text in (1, down), (0, up):
                    for place, count in WATCHED_PLACE.findall(text):
                        self.assertEqual(int(count), machine.queued.get((1, way, place), 0), row)
                compared["bytes"] += 1
            elif match := WATCHED_STEP.match(row):
                newest = match
        if newest is not None:
            self.assertEqual(newest[2], f"{(step['t'] - origin) / 1e6:.3f}")
            compared["step"] += 1
        return compared

    def test_all_views_show_the_byte_rings_of_a_domain_of_today(self):
        journal = self.folder / "today.jsonl"
        today_journal.write(journal)
        page = page_of(journal)
        text = [match[4] for match in map(LINE.match, output_of(PROGRAM, "view", journal, "--text").decode().splitlines()) if match]
        screens = [screen.partition("\n") for screen in output_of(WATCH_SCREENS, journal, "1").decode().split("\f")[:-1]]
        self.assertEqual(len(page["steps"]), len(today_journal.STEPS))
        rings = {}
        changes = page["begin"]
        for step, line, (number, _, screen), waiting in zip(page["steps"], text, screens, today_journal.WAITING, strict=True):
            with self.subTest(step=step["n"]):
                self.assertEqual(number.strip(), str(step["n"]))
                for change in changes + step.get("c", []):
                    if change[0] == "r":
                        rings[change[2]] = change[3:]
                changes = []
                for ring, size, bytes_waiting in zip(["in", "out"], [1024, 2048], waiting, strict=True):
                    prod, cons, shown = rings[ring]
                    possible = bytes_waiting is not None
                    known = bytes_waiting if isinstance(bytes_waiting, str) else ""
                    count = len(known) or bytes_waiting or 0
                    self.assertEqual(shown, known)
                    self.assertEqual((prod - cons) % 2**32 <= size, possible)
                    if possible:
                        self.assertEqual(prod - cons, count)
                    words = f"{count} of {size} bytes wait" if possible else "impossible, one side is faulty"
                    self.assertRegex(screen, rf"- {ring}: [^\n]* {words} -")
                    self.assertIn(f"{ring}_prod {prod}&{size - 1}={prod % size}  {ring}_cons {cons}&{size - 1}={cons % size}", screen)
                    if match := re.match(rf"dom1 (?:->|<-) dom1\.{ring} +{ring} ([.#]{{8}}) (\d+|\?!) ", line):
                        self.assertEqual(match[2], str(count) if possible else "?!")
        self.assertEqual(page["ending"], today_journal.ENDING)

    @needed("tshark")
    def test_the_capture_of_a_run_says_what_its_page_says(self):
        small = [journal for journal in self.different if journal.stat().st_size <= CAPTURED_BYTES_MAX]
        for journal in small[::-(-len(small) // RUNS_WITH_A_CAPTURE)]:
            with self.subTest(run=journal.name):
                capture = self.folder / "a.pcapng"
                output_of(PROGRAM, "view", journal, "--pcap", capture)
                fields = ["ringside.step", "_ws.col.Info", "ring.summary"]
                said = subprocess.run(
                    ["tshark", "-X", f"lua_script:{DISSECTOR}", "-r", capture, "-T", "fields", *(word for each in fields for word in ("-e", each))],
                    env={**os.environ, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}, check=True, capture_output=True,
                    text=True, timeout=600).stdout
                page = page_of(journal)
                machine = Machine(page["begin"])
                lines = [line.split("\t") for line in said.splitlines()]
                self.assertEqual(len(lines), len(page["steps"]))
                for (number, sentence, summary), step in zip(lines, page["steps"]):
                    machine.take(step.get("c", []))
                    self.assertEqual((number, sentence), (str(step["n"]), step["s"]))
                    if summary:
                        domain, which, count, size = re.fullmatch(r"dom(\d+)\.(tx|rx|in|out) (\d+)/(\d+)", summary).groups()
                        self.assertEqual(int(size), {"in": 1024, "out": 2048}.get(which, 8))
                        self.assertEqual(count, machine.outstanding(int(domain), which), sentence)


if __name__ == "__main__":
    unittest.main()

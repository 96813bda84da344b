"""explain: the path and its hops, and that everything they refer to exists."""
import json
import os
import pathlib
import re
import shlex
import tempfile
import unittest

from support import main, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIELDS = {"name", "era", "place", "way", "title", "meaning", "more", "source", "goes_wrong", "quirks", "counters", "see",
          "scenarios"}
# No file can be made or found there, so a valid command fails later, and with another error.
NO_MACHINE = "/proc/none"


def flat(text):
    return " ".join(text.decode().split())


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hops = json.loads(run("explain", "--json", check=0).stdout)

    def test_the_pictures_have_every_hop_once_and_in_order(self):
        names = [hop["name"] for hop in self.hops]
        self.assertEqual(len(set(names)), len(names))
        shown = {}
        for era, words in (("2005", ()), ("today", ("--now",))):
            lines = run("explain", *words, check=0).stdout.decode().splitlines()
            shown[era] = [match[1] for match in (re.match(r" .{10}[v ][ .r][\^ ]  ([a-z0-9-]+) +\S", line) for line in lines) if match]
            self.assertEqual(shown[era], [hop["name"] for hop in self.hops if hop["era"] == era])
            self.assertLessEqual(max(map(len, lines)), 110)
        self.assertEqual(shown["2005"] + shown["today"], names)

    def test_a_hop_in_full_has_all_of_its_texts(self):
        for hop in self.hops:
            with self.subTest(hop=hop["name"]):
                self.assertEqual(set(hop), FIELDS)
                said = run("explain", hop["name"], check=0).stdout
                for line in said.decode().splitlines():
                    self.assertLessEqual(len(line), 92)
                    self.assertEqual(line, line.rstrip())
                for field in ("title", "meaning", "more", "source", "goes_wrong", "see"):
                    self.assertIn(hop[field], flat(said))
                for word in hop["quirks"] + [f'"{name}"' for name in hop["counters"]] + hop["scenarios"]:
                    self.assertIn(word, flat(said))
                self.assertEqual(json.loads(run("explain", "--json", hop["name"], check=0).stdout), [hop])

    def test_a_quirk_or_a_counter_shows_its_hop(self):
        for hop in self.hops:
            for word in hop["quirks"] + hop["counters"]:
                with self.subTest(word=word):
                    said = run("explain", word, check=0).stdout.decode()
                    self.assertTrue(said.startswith(hop["name"] + ": "), said)

    def test_an_unknown_word_is_refused_with_a_suggestion_and_the_list(self):
        for word, meant in (("virq-consol", "virq-console"), ("xcs-drop-when-ful", "xcs-drop-when-full"), ("reqprod", "req-prod")):
            refused = run("explain", word, check=1)
            self.assertEqual(refused.stdout, b"")
            self.assertTrue(refused.stderr.startswith(f"ringside: cannot explain: {word}: ".encode()), refused.stderr)
            self.assertIn(f"did you mean {meant}?".encode(), refused.stderr)
            for hop in self.hops:
                self.assertIn(hop["name"].encode(), refused.stderr)
        self.assertNotIn(b"did you mean", run("explain", "elephant", check=1).stderr)

    def test_a_scenarios_counter_shows_its_hop(self):
        said = run("explain", "xcs.dropped", check=0).stdout.decode()
        self.assertIn("xcs-drop-when-full", said)
        self.assertEqual(run("explain", "xcs.droppings", check=1).stdout, b"")

    def test_any_other_word_shows_the_sentences_that_contain_it(self):
        for word, there in (("480", "480"), ("paused", "paused"), ("rx", "rx"), ("enospc", "enospc"), ("virq", "virq"),
                            ("buffered", "buffer"), ("resuming", "resumes"), ("suspend", "suspended"), ("pausing", "paused"),
                            ("CMSG_CONSOLE", "CMSG_CONSOLE"), ("cif_new_cc", "CIF_NEW_CC"), ("escape", "escape")):
            with self.subTest(word=word):
                said = run("explain", word, check=0).stdout.decode()
                self.assertRegex(said, rf"(?i)(?<![^\W_]){there}(?![^\W_])")
                names = [hop["name"] for hop in json.loads(run("explain", "--json", word, check=0).stdout)]
                self.assertEqual(re.findall(r"^([a-z0-9-]+): ", said, re.MULTILINE), names)
        # A part of a word does not match.
        self.assertEqual(run("explain", "aused", check=1).stdout, b"")

    def test_commands_in_the_text_of_a_hop_are_valid(self):
        for line in {hop["see"] for hop in self.hops}:
            with self.subTest(see=line):
                words = shlex.split(line)[1:]
                if words[0] in ("demo", "exec"):  # in a machine of its own
                    run(*words, check=0)
                    continue
                # Without a machine; an invalid command line would be status 1.
                self.assertEqual(run(*words, "--dir", NO_MACHINE).returncode, 3)

    def test_every_named_counter_exists(self):
        table = (ROOT / "emu/trace/facts.cc").read_text()
        names = {words: name for name, words in re.findall(r'\{Counter::(\w+),\s*"\w+",\s*"([^"]*)"', table)}
        source = "\n".join(path.read_text() for part in ("dom0", "domu", "xen") for path in sorted(ROOT.glob(f"emu/{part}/**/*.cc")))
        for counter in names.values():
            self.assertRegex(source, rf"Counter::{counter}\b")
        for hop in self.hops:
            self.assertLessEqual(set(hop["counters"]), set(names))

    def test_every_named_scenario_exists(self):
        there = {path.stem for path in ROOT.glob("scenarios/*.scn")}
        named = {scenario for hop in self.hops for scenario in hop["scenarios"]}
        self.assertTrue(named)
        if there:
            self.assertEqual(named - there, set())


class Demo(unittest.TestCase):
    def test_the_demo_has_the_numbers_of_its_text(self):
        with tempfile.TemporaryDirectory() as folder:
            page, journal = os.path.join(folder, "demo.html"), os.path.join(folder, "demo.jsonl")
            told = run("demo", "--html", page, "--journal", journal, check=0).stdout.decode()
            hops = re.findall(r"^ *(\d+)  \+\d+us +(.*)$", told, re.MULTILINE)
            with open(journal) as file:
                header, *lines = map(json.loads, file)
            self.assertEqual([line["text"] for line in lines if "mark" in line], re.findall(r"^== (.*) ==$", told, re.MULTILINE))
            shown = run("view", journal, "--text", check=0).stdout.decode()
            for number, words in hops:
                self.assertRegex(shown, rf"(?m)^ *\d+\.\d+ +{number} ")
            with open(page) as file:
                data = file.read()
            for number, words in hops:
                self.assertIn(f'{{"n":{number},', data)
                self.assertIn(f'"s":{json.dumps(words)}', data)
            # The text about the answer is about this run; more than 60 bytes never fit one message.
            said = re.search(r"are (\d+) bytes. A message holds 60, so they take (\d+) messages; the guest raises its event (\d+) times",
                             flat(told.encode()))
            part = told[told.index("== Sixty bytes at a time"):]
            lengths = [int(length) for length in re.findall(r"dom1 writes dom1.tx\[\d\] request console length (\d+)", part)]
            self.assertEqual([sum(lengths), len(lengths)], [int(said[1]), int(said[2])])
            self.assertEqual(len(re.findall(r"\+\d+us +event dom1 -> ", part)), int(said[3]))
            self.assertGreater(sum(lengths), 60)
            self.assertGreater(len(lengths), 1)
            # Its rings are those of a booted guest.
            self.assertGreater(header["domains"][0]["rings"]["tx"]["req_prod"], 0)

    def test_the_demo_of_today_counts_the_moves_of_its_index(self):
        with tempfile.TemporaryDirectory() as folder:
            journal = os.path.join(folder, "now.jsonl")
            told = run("demo", "--now", "--journal", journal, check=0).stdout.decode()
            said = re.search(r"are (\d+) bytes. They need no messages: the guest moves out_prod (\d+) times", flat(told.encode()))
            part = told[told.index("== As many bytes as there are"):]
            moves = [int(last) - int(first) for first, last in re.findall(r"dom1 moves out_prod (\d+) -> (\d+)", part)]
            self.assertEqual([sum(moves), len(moves)], [int(said[1]), int(said[2])])
            for actor in ("user sends xenconsoled", "xenconsoled writes dom1.in", "xenconsoled moves in_prod", "dom1 finds in_prod",
                          "dom1 moves in_cons", "dom1 writes dom1.out", "xenconsoled moves out_cons", "xenconsoled sends client"):
                self.assertIn(f"  {actor}", told)
            self.assertNotIn("xcs", told)
            with open(journal) as file:
                self.assertEqual(json.loads(file.readline())["controller"], "xenconsoled")

    def test_one_key_then_and_now_has_its_cost_and_a_page_of_both(self):
        with tempfile.TemporaryDirectory() as folder:
            page = os.path.join(folder, "keys.html")
            told = run("demo", "--then-and-now", "--html", page, check=0).stdout.decode()
            cost = {what: (int(then), int(now)) for what, then, now in re.findall(r"(?m)^  (\S.*?) +(\d+) +(\d+)$", told)}
            self.assertEqual(cost["daemons between the viewer and the guest"], (2, 1))
            self.assertEqual(cost["requests and responses written into slots"], (4, 0))
            self.assertEqual(cost["frames of 80 bytes on xcs's sockets"], (4, 0))
            # Two headers of 4 bytes with a byte each, and their responses: the guest's has length 0, xend's is the message.
            self.assertEqual(cost["bytes written into the shared rings"], (5 + 4 + 5 + 5, 2))
            self.assertEqual(cost["moves of an index in the page"], (4, 4))
            with open(page) as file:
                data = file.read()
            for name in ("One key in 2005", "One key today"):
                self.assertIn(name, data)
        for words in (("--now", "--from-hardware"), ("--now", "--then-and-now"), ("--then-and-now", "--journal", "x")):
            self.assertEqual(run("demo", *words).returncode, 1, words)

    def test_an_unwritable_file_is_refused_before_the_demo(self):
        refused = run("demo", "--html", "/no/such/demo.html", check=3)
        self.assertEqual((refused.stdout, refused.stderr), (b"", b"ringside: cannot write: /no/such/demo.html: No such file or directory\n"))


if __name__ == "__main__":
    main()

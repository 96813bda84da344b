#!/usr/bin/env python3
"""Counterexamples name memory by the types of the code, as debug information has them: fields, parts of structs that
were copied, elements, what pointers lead to. Without debug information, or with a broken one, the report is there all
the same, and says what is missing.

usage: ring_fields_test.py     RINGSIDE as for ring_check_test.py; RINGSIDE_LONG=1 breaks more debug information
"""

import itertools
import json
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

from ring_check_test import FAILED, LONG, PROGRAM, TEST, ring_check

COMPILERS = [pair for pair in (("gcc", "g++"), ("clang", "clang++")) if shutil.which(pair[0])]
WAYS = list(itertools.product(COMPILERS, ("-O0", "-O2")))


def build(folder, source, define, way, *more):
    (cc, cxx), level = way
    library = pathlib.Path(folder) / f"fields_{define}.so"
    kind = "c++" if source.endswith(".cc") else "cc"
    built = subprocess.run(["env", f"CC={cc}", f"CXX={cxx}", PROGRAM, "ring-check", kind, level, f"-D{define}", *more, "-o", library,
                            TEST / "ring_check" / source], capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stderr
    return library


def report(library, *more):
    result = ring_check("--ring", library, "--model", "c11", "--first", *more)
    return result.returncode, " ".join((result.stdout + result.stderr).split())


def sections(elf):
    """The offset and the size of each section of an ELF file, by name."""
    at, = struct.unpack_from("<Q", elf, 0x28)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, at + i * size) for i in range(count)]
    text = elf[headers[names][4]:]
    return {text[name:text.index(b"\0", name)].decode(): (offset, length) for name, _, _, _, offset, length in headers}


class Fields(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def check(self, define, *texts):
        turns = WAYS if LONG else [WAYS[0], WAYS[-1]]
        for way in turns:
            with self.subTest(define=define, way=way):
                status, said = report(build(self.folder.name, "fields.c", define, way))
                self.assertEqual(status, FAILED, said)
                self.assertNotIn("slot 0", said)
                for text in texts:
                    self.assertIn(text, said)

    def test_an_assigned_struct_and_the_part_of_it_that_races_are_named(self):
        self.check("ASSIGNED", "a race: the back reads ring->rsp[0].{id, status, bytes[0..1]} while", "writes ring->rsp[0] ")

    def test_a_part_of_a_struct_that_is_copied_by_memcpy_is_named(self):
        self.check("PART", "reads ring->rsp[0]", "writes ring->rsp[0].{status, bytes} (12 bytes)")

    def test_a_field_that_is_read_alone_is_named(self):
        self.check("FIELD", "a race: the back reads ring->rsp[0].status while", "reads ring->rsp[0].status:")

    def test_slots_that_have_a_pointer_of_their_own_are_named(self):
        self.check("SLOTS_APART", "reads slots[0].{id, status, bytes[0..1]} while")

    def test_a_diagram_has_each_line_of_the_ring_before_its_step(self):
        library = build(self.folder.name, "fields.c", "FIELD", WAYS[0])
        journal = pathlib.Path(self.folder.name) / "why.jsonl"
        ring_check("--ring", library, "--model", "c11", "--first", "--journal", journal)
        done = subprocess.run([PROGRAM, "view", journal, "--mermaid", "-"], capture_output=True, text=True, check=True, timeout=600)
        first, second, *_ = re.findall(r"Note over .*?: (.*)", done.stdout)
        place = re.match(r"(fields\.c:\d+): ", first)
        self.assertTrue(place and second.startswith(f"1 says: {place[1]} "), done.stdout)
        self.assertRegex(done.stdout, r": FAILED a race: ")

    def test_json_journal_and_page_have_the_same_names(self):
        library = build(self.folder.name, "fields.c", "FIELD", WAYS[0])
        page, journal = (pathlib.Path(self.folder.name) / name for name in ("why.html", "why.jsonl"))
        result = ring_check("--ring", library, "--model", "c11", "--first", "--json", "--html", page, "--journal", journal)
        failed = [each for each in map(json.loads, result.stdout.splitlines()) if each["outcome"] == "failed"]
        self.assertIn("reads ring->rsp[0].status while", failed[0]["why"])
        self.assertIn("reads ring->rsp[0].status: ", journal.read_text())
        self.assertIn("reads ring->rsp[0].status: ", page.read_text().replace("\\u003e", ">"))

    def test_members_of_cpp_objects_and_of_the_heap_are_named(self):
        for way in WAYS if LONG else [WAYS[1], WAYS[-2]]:
            with self.subTest(way=way):
                result = ring_check("--ring", build(self.folder.name, "fields.cc", "CPP", way), "--model", "c11")
                said = " ".join(result.stdout.split())
                self.assertEqual(result.returncode, FAILED, said)
                for text in ("takes reads queue->elements_[3].", "writes queue->tail_ := 4", "writes head := ",
                             "looks reads (Node at the heap+0x", ").value while", "reads_sequence reads table.slots[1].sequence while",
                             "reads_half reads table.slots[0].half.high while"):
                    self.assertIn(text, said)

    def test_without_debug_information_the_report_says_how_to_have_names(self):
        library = build(self.folder.name, "fields.c", "FIELD", WAYS[0], "-s")
        status, said = report(library)
        self.assertEqual(status, FAILED, said)
        self.assertIn("the back reads slot 0, byte 4 while", said)
        self.assertRegex(said, r"fields_FIELD.so: it has no debug information \(compile with -g")

    def test_a_page_without_a_typed_variable_is_named_by_slot_and_byte(self):
        status, said = report(build(self.folder.name, "fields.c", "UNTYPED", WAYS[0]))
        self.assertEqual(status, FAILED, said)
        self.assertIn("the back reads slot 0, byte 0 while", said)
        self.assertIn("no variable has the type of the page", said)

    def test_broken_debug_information_costs_no_more_than_the_names(self):
        library = build(self.folder.name, "fields.c", "FIELD", WAYS[0])
        replay = re.search(r"--replay '(\S*)'", report(library)[1])[1]
        whole = library.read_bytes()
        places = sections(whole)
        seen = set()
        for number, name in itertools.product(range(40 if LONG else 6), (".debug_info", ".debug_abbrev")):
            with self.subTest(number=number, name=name):
                broken = bytearray(whole)
                offset, size = places[name]
                # Others each time, and the same in each run.
                for i in range(1 + number * 2):
                    at = offset + (number * 7919 + i * 104729 + 11) % size
                    broken[at] = (broken[at] * 31 + number * 17 + i + 1) % 256
                library.write_bytes(broken)
                result = ring_check("--ring", library, "--replay", replay)
                self.assertEqual(result.returncode, FAILED, result.stdout + result.stderr)
                self.assertRegex(result.stdout, "a race: the back reads ")
                seen.add("ring->rsp[0].status" in result.stdout)
        self.assertIn(False, seen)


if __name__ == "__main__":
    unittest.main(verbosity=2)

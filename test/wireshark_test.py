#!/usr/bin/env python3
"""Captures as tshark reads them with tools/wireshark/ringside.lua: fields, links, filters, and each item of expert
information in its place, from scenarios of the library. A hand-made journal provides those that no scenario shows.

usage: wireshark_test.py     RINGSIDE names the program (default: build/ringside)
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import today_journal
from needed import needed

TEST = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ.get("RINGSIDE", TEST.parent / "build" / "ringside"))
LIBRARY = TEST.parent / "scenarios"
WIRESHARK = TEST.parent / "tools" / "wireshark"
DISSECTOR = WIRESHARK / "ringside.lua"
# A start of tshark takes half a second, so one gives all fields of a capture, to several tests.
FIELDS = ("frame.number", "frame.time_relative", "frame.comment", "_ws.col.Info", "_ws.expert.message", "ringside.step", "ringside.time_ms",
          "ringside.from", "ringside.to", "ringside.hop", "ringside.dom", "ringside.direction", "ringside.line", "ringside.fault",
          "ring.slot", "ring.use", "ring.summary", "ring.index", "ring.req_prod", "ring.rsp_prod", "ring.outstanding", "ring.response_in",
          "ring.request_in", "ring.latency_us", "cmsg.type", "cmsg.subtype", "cmsg.id", "cmsg.length", "cmsg.behind", "xcs.type", "xcs.dom",
          "xcs.port", "xcs.result", "xcs.session", "evtchn.pending", "evtchn.mask", "evtchn.port", "evtchn.outcome", "evtchn.source",
          "evtchn.interrupt")


@needed("tshark")
class Wireshark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        # Uses no plugins or preferences of the user.
        cls.environment = {**os.environ, "HOME": str(cls.folder), "XDG_CONFIG_HOME": str(cls.folder / "config")}
        cls.read = {}

    def ringside(self, *words):
        subprocess.run([PROGRAM, *words], cwd=self.folder, check=True, capture_output=True, timeout=600)

    def capture(self, scenario, *words):
        """The capture of one run of a scenario of the library."""
        path = self.folder / (scenario + "".join(words).replace("=", "-") + ".pcapng")
        if not path.exists():
            self.ringside("run", str(LIBRARY / (scenario + ".scn")), *words, "--journal", "a.jsonl")
            self.ringside("view", "a.jsonl", "--pcap", str(path))
        return path

    def tshark(self, capture, *words, dissector=DISSECTOR):
        done = subprocess.run(["tshark", "-X", f"lua_script:{dissector}", "-r", str(capture), *words], text=True,
                              env=self.environment, capture_output=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Lua", done.stderr)
        return done.stdout

    def fields(self, capture, wanted, *names):
        """Values of fields in the packets that match a filter, in one pass."""
        words = [word for name in names for word in ("-e", name)]
        said = self.tshark(capture, "-Y", wanted, "-T", "fields", *words)
        return [tuple(line.split("\t")) for line in said.splitlines()]

    def packets(self, capture, *names, **values):
        """FIELDS of these names in the packets that have these values (xcs_type="9"), in two passes: the second one knows
        what follows. (Without a filter the first pass has no comments.)"""
        if capture not in self.read:
            words = [word for name in FIELDS for word in ("-e", name)]
            said = self.tshark(capture, "-2", "-Y", "frame", "-T", "fields", "-E", "aggregator=|", *words)
            self.read[capture] = [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in said.splitlines()]
        wanted = {name.replace("_", ".", 1): value for name, value in values.items()}
        return [tuple(packet[name] for name in names) for packet in self.read[capture]
                if all(packet[name] == value for name, value in wanted.items())]

    def odd(self, capture):
        found = {each for messages, in self.packets(capture, "_ws.expert.message") for each in messages.split("|") if each}
        return {each for each in found if not each.startswith(("line: ", "fault: "))}  # comments are of the same kind

    def test_run_with_pcap_writes_a_capture(self):
        words = str(LIBRARY / (self.LONG_INPUT[0] + ".scn")), *self.LONG_INPUT[1:]
        self.ringside("run", *words, "--pcap", "left.pcapng")
        self.assertEqual((self.folder / "left.pcapng").read_bytes(), self.capture(*self.LONG_INPUT).read_bytes())

    def test_a_folder_takes_a_capture_of_every_run(self):
        self.ringside("run", str(LIBRARY / "01-hello.scn"), "--seed", "1..3", "--pcap", "all", "--journal", "journals")
        captures = sorted((self.folder / "all").iterdir())
        self.assertEqual([each.name for each in captures], [f"01-hello-seed-{seed}.pcapng" for seed in (1, 2, 3)])
        for each in captures:
            self.ringside("view", f"journals/{each.stem}.jsonl", "--pcap", "one.pcapng")
            self.assertEqual(each.read_bytes(), (self.folder / "one.pcapng").read_bytes())
        self.assertTrue(self.packets(captures[-1], "frame.number", cmsg_type="0"))

    def test_a_capture_that_cannot_be_written_is_reported(self):
        done = subprocess.run([PROGRAM, "run", str(LIBRARY / "01-hello.scn"), "--pcap", "/no/such/a.pcapng"], text=True,
                              cwd=self.folder, capture_output=True, timeout=600)
        self.assertIn("ringside: cannot write a capture: /no/such/a.pcapng: No such file or directory\n", done.stderr)
        self.assertEqual(done.returncode, 3)

    LONG_INPUT = "20-quirk-xcs-drop-when-full", "-p", "BYTES=481", "-p", "LOSS=on"

    def test_the_full_ring_of_long_input_is_found_by_a_filter(self):
        capture = self.capture(*self.LONG_INPUT)
        full = self.fields(capture, "ring.outstanding >= 8", "ring.summary", "ring.index", "ring.req_prod", "ring.rsp_prod")
        self.assertEqual(full[0], ("dom1.rx 8/8", "req_prod", "8", "0"))
        self.assertEqual({line[0] for line in full}, {"dom1.rx 8/8"})
        self.assertEqual(len(full), len(self.packets(capture, ring_outstanding="8")))

    def test_steps_and_sentences_are_those_of_the_text_form(self):
        capture = self.capture(*self.LONG_INPUT)
        shown = self.packets(capture, "frame.number", "ringside.step")
        self.assertGreater(len(shown), 100)
        for number, step in shown:
            self.assertEqual(number, step)
        line, = self.packets(capture, "_ws.col.Info", "ringside.from", "ringside.to", "ringside.hop", "ringside.dom", "ringside.direction",
                             ring_slot="7", ring_use="0")
        self.assertEqual(line, ('xcs writes dom1.rx[7] request console length 60 "abcabcabcabcabcabcabcabcabcabcab"...',
                                "xcs", "dom1.rx[7]", "slot-rx", "1", "1"))

    def test_time_is_that_of_the_journal(self):
        shown = self.packets(self.capture(*self.LONG_INPUT), "frame.time_relative", "ringside.time_ms")
        relative, journal = ([float(line[at]) for line in shown] for at in (0, 1))
        self.assertLess(journal[0], 0)  # the machine starts before the scenario does
        self.assertGreater(relative[-1], 0)
        for at, (since, milliseconds) in enumerate(zip(relative, journal)):
            self.assertAlmostEqual(since * 1e3, max(milliseconds - journal[0], 0), places=5, msg=shown[at])

    def test_a_message_has_all_its_fields(self):
        line, = self.fields(self.capture("20-quirk-leaky-response", "-p", "LEAKS=on"), "cmsg.behind && ring.use == 1",
                            "cmsg.type", "cmsg.subtype", "cmsg.id", "cmsg.length", "cmsg.behind")
        self.assertEqual(line[:2] + line[3:4], ("0", "0", "0"))
        self.assertNotEqual(line[4].strip("0"), "")

    def test_requests_and_responses_are_linked(self):
        capture = self.capture(*self.LONG_INPUT)
        requests = self.packets(capture, "frame.number", "ring.response_in", ring_use="0")
        responses = self.fields(capture, "ring.use == 1", "frame.number", "ring.request_in", "ring.latency_us")
        self.assertEqual(len(requests), 8)
        self.assertEqual({request: response for response, request, _ in responses}, dict(requests))
        for _, _, latency in responses:
            self.assertGreater(float(latency), 0)
        unanswered = self.packets(self.capture("20-quirk-no-responder", "-p", "FORGETS=on"), "ring.response_in", ring_use="0")
        self.assertIn(("",), unanswered)

    def test_frames_and_events_have_their_fields(self):
        capture = self.capture(*self.LONG_INPUT)
        frames = self.packets(capture, "xcs.dom", "xcs.port", "cmsg.length", xcs_type="9")
        self.assertEqual(frames, [("1", "2", "60")] * 8 + [("1", "2", "1")])
        self.assertTrue(self.packets(capture, "evtchn.outcome", evtchn_pending="1", evtchn_port="1"))
        for mask, verb in (("1", "masks"), ("0", "unmasks")):
            infos = self.packets(capture, "_ws.col.Info", evtchn_mask=mask, evtchn_port="1")
            self.assertEqual(set(infos), {(f"dom1 {verb} events (port 1)",)})
        virq = self.packets(self.capture("08-from-the-uart", "--name", "08-from-the-uart"), "evtchn.interrupt", evtchn_source="1")
        self.assertIn(("2",), virq)

    def test_replies_of_xcs_have_their_result_and_connections_their_session(self):
        capture = self.capture("13-xcs-handshake", "--name", "13-xcs-handshake")
        calls = self.packets(capture, "xcs.result", "xcs.session", xcs_type="0", ringside_to="xcs")
        self.assertEqual(set(calls), {("", "0x00000000")})
        replies = self.packets(capture, "xcs.result", "xcs.session", xcs_type="0", ringside_from="xcs")
        sessions = {session for _, session in replies}
        self.assertEqual({result for result, _ in replies}, {"0"})
        self.assertEqual(len(sessions), len(replies))
        self.assertNotIn("0x00000000", sessions)
        bound = self.packets(capture, "xcs.session", xcs_type="3", xcs_result="0")
        self.assertIn(("",), bound)
        frames = [result for kind in ("9", "10", "11") for result, in self.packets(capture, "xcs.result", xcs_type=kind)]
        self.assertEqual(set(frames), {""})

    def test_the_scenarios_line_in_force_is_a_comment_once_and_a_field_always(self):
        capture = self.capture(*self.LONG_INPUT)
        shown = self.packets(capture, "frame.comment", "ringside.line")
        comments = [comment for comment, _ in shown if "types" in comment]
        lines = [line for _, line in shown if "user types 481 bytes" in line]
        self.assertEqual(len(comments), 1)
        self.assertGreater(len(lines), 10)
        self.assertIn("20-quirk-xcs-drop-when-full.scn:", lines[0])

    def test_an_injected_fault_is_marked_as_a_fault(self):
        capture = self.capture("54-lost-event", "--name", "54-lost-event")
        fault, = [packet for packet in self.packets(capture, "ringside.fault", "frame.comment") if packet[0]]
        self.assertEqual(fault[0], "fault: its event to xcs is lost")
        self.assertIn("fault: its event to xcs is lost", fault[1])
        self.assertEqual(self.odd(capture), {"An injected fault", "Something was dropped"})

    def test_an_honest_run_has_no_expert_information(self):
        self.assertEqual(self.odd(self.capture("01-hello")), set())

    def test_each_item_of_expert_information_appears_where_it_should(self):
        quirk = "A quirk of 2005 takes effect"
        for words, expected in (
                (self.LONG_INPUT, {quirk, "Something was dropped"}),
                (("52-length-255", "--name", "52-length-255"), {"Length above 60: a message holds no more"}),
                (("50-forged-req-prod", "-p", "TRUST=off"), {"More than 8 outstanding: a faulty index", "Something was refused"}),
                (("20-quirk-stale-indices", "-p", "BELIEVES=on"),
                 {quirk, "Response without a request", "Takes a slot that was not written since it was last taken"}),
                (("20-quirk-ctrlif-bad-id", "-p", "CRASHES=on"), {"Response does not echo the request's type, subtype and id"})):
            with self.subTest(words):
                self.assertLessEqual(expected, self.odd(self.capture(*words)))

    def test_packets_about_byte_rings_have_indices_places_and_what_waits(self):
        today_journal.write(self.folder / "today.jsonl")
        self.ringside("view", "today.jsonl", "--pcap", "today.pcapng")
        capture = self.folder / "today.pcapng"
        shown = self.fields(capture, "bytering", "ringside.step", "ring.summary", "bytering.found", "bytering.index", "bytering.place",
                            "bytering.index.place", "bytering.in_cons", "bytering.in_prod", "bytering.out_cons", "bytering.out_prod",
                            "ringside.direction", "cmsg.text")
        self.assertEqual(shown[0], ("2", "dom1.in 0/1024", "0", "in_cons", "", "1022", "1022", "1022", "2040", "2045", "0", ""))
        self.assertEqual(shown[1], ("4", "dom1.out 5/2048", "0", "", "2045", "", "1022", "1022", "2040", "2045", "2", "hello.."))
        self.assertEqual(shown[3], ("6", "dom1.out 2/2048", "1", "out_cons", "", "2", "1022", "1022", "2050", "2052", "0", ""))
        self.assertEqual(shown[5], ("9", "dom1.in 3/1024", "1", "", "1022", "", "1022", "1025", "2050", "2052", "1", "q!."))
        faulty = self.fields(capture, "_ws.expert.severity == warning && bytering", "ringside.step", "_ws.expert.message")
        self.assertEqual(faulty, [("11", "More bytes wait than the ring holds: a faulty index")])

    def test_a_packet_of_another_version_is_reported(self):
        capture = self.capture("01-hello").read_bytes()
        for damage in (capture.replace(b"\x01\xff\x00\xff\x00\x00", b"\x63\xff\x00\xff\x00\x00"),):
            self.assertNotEqual(damage, capture)
            path = self.folder / "damaged.pcapng"
            path.write_bytes(damage)
            self.assertIn("The packet was made by another version, or is damaged", self.odd(path))

    def test_another_link_type_is_set_as_a_preference(self):
        self.ringside("run", str(LIBRARY / "01-hello.scn"), "--journal", "b.jsonl")
        self.ringside("view", "b.jsonl", "--pcap", "b.pcapng", "--link-type", "150")
        path = self.folder / "b.pcapng"
        self.assertEqual(self.tshark(path, "-Y", "ringside"), "")
        self.assertNotEqual(self.tshark(path, "-o", "ringside.link_type:150", "-Y", "ringside"), "")

    def test_the_profile_has_columns_that_exist_and_filters_that_compile(self):
        capture = self.capture("01-hello")
        profile = self.folder / "config" / "wireshark" / "profiles" / "ringside"
        profile.mkdir(parents=True)
        for name in ("preferences", "colorfilters", "dfilters", "dfilter_buttons"):
            shutil.copy(WIRESHARK / name, profile)
        shown = self.tshark(capture, "-C", "ringside", "-Y", "ring.use == 0").splitlines()
        self.assertRegex(shown[0], r"\bdom1\b.*dom1\.tx\[0\].*slot-tx.*dom1 writes dom1\.tx\[0\] request console")
        filters = [line.split("@")[2] for line in (WIRESHARK / "colorfilters").read_text().splitlines() if line[0] == "@"]
        filters += [line.split('" ', 1)[1] for line in (WIRESHARK / "dfilters").read_text().splitlines()]
        filters += [line.split('","')[2] for line in (WIRESHARK / "dfilter_buttons").read_text().splitlines()]
        filters += [line.split("`")[1].replace("\\|", "|") for line in (WIRESHARK / "README.md").read_text().splitlines()
                    if line.startswith("| `")]
        self.assertGreater(len(filters), 25)
        # One run for all filters: each is valid exactly if it parses.
        self.tshark(capture, "-Y", " || ".join(f"({each})" for each in filters))


if __name__ == "__main__":
    unittest.main()

"""Quirks on the command line: their names, their checks, the process that they are set for, and their effects."""
import re
import socket
import unittest

import support
from dump_test import Dump
from support import Machine, eventually, run


def read_until(viewer, text):
    seen = b""
    while text not in seen:
        piece = viewer.recv(4096)
        if not piece:
            raise AssertionError(f"the console closed after {seen!r}")
        seen += piece
    return seen


class QuirksTest(unittest.TestCase):
    def view(self, machine, name):
        viewer = socket.create_connection(("127.0.0.1", machine.tcp_port(name)))
        viewer.settimeout(support.PATIENCE_S)
        self.addCleanup(viewer.close)
        return viewer

    def test_all_are_listed_with_their_process_and_effect(self):
        lines = run("quirks", check=0).stdout.decode().splitlines()
        self.assertEqual(len(lines), 23)
        self.assertIn("xcs   xcs-drop-when-full    a request for a guest whose ring is full is lost", lines[0])
        self.assertTrue(all(line.startswith("xend ") for line in run("quirks", "xend", check=0).stdout.decode()
                            .splitlines()))

    def test_an_unknown_name_or_one_of_another_process_is_a_usage_error(self):
        unknown = run("up", "--quirk", "xcs-drop", check=1).stderr.decode()
        self.assertIn("cannot set a quirk: xcs-drop: there is none of that name (`ringside quirks` lists them)", unknown)
        wrong = run("create", "web", "--quirk", "xcs-fd2", check=1).stderr.decode()
        self.assertIn("it belongs to xcs, and this command starts domu", wrong)
        with_xenctld = run("exec", "--dom0", "xenctld", "--quirk", "xcs-fd2", "--", "true", check=3).stderr.decode()
        self.assertIn("with xenctld neither runs", with_xenctld)

    def test_xenctld_has_no_early_answers(self):
        refused = run("exec", "--dom0", "xenctld", "--answer", "xcs", "--", "true", check=3).stderr.decode()
        self.assertIn("early answers of xcs were asked for, and with xenctld xcs does not run", refused)

    def test_a_paste_into_a_paused_guest_loses_the_bytes_that_it_lost_in_2005(self):
        with Machine("--quirk", "xcs-drop-when-full", "--quirk", "xend-no-input-limit") as machine:
            machine.run("create", "one", "--raw", "--", "head", "-c", "481", check=0)
            viewer = self.view(machine, "one")
            read_until(viewer, b"installed as tty1\r\n")
            dump = Dump(machine)
            eventually("dump listens", lambda: machine.run("sysrq", "one", "h", check=0) and dump.has("sysrq"))
            machine.run("pause", "one", check=0)
            viewer.sendall(b"x" * 16000)
            dump.shows("quirk xend-no-input-limit", "quirk xcs-drop-when-full")

            def all_but_eight_are_lost():
                dump.read()
                sent = [int(length) for length in re.findall(r'xend sends xcs request console length (\d+) "x', dump.said)]
                return sum(sent) == 16000 and dump.said.count("quirk xcs-drop-when-full") == len(sent) - 8
            eventually("what the ring has no place for is lost", all_but_eight_are_lost)
            lost = 16000 - 480
            self.assertEqual(machine.domains()["one"]["lost_input_bytes"], lost)
            self.assertEqual(machine.domains()["one"]["lost_output_bytes"], 0)
            words = b"%d bytes of input (%d on the way to the guest, 0 in it), 0 of output in the guest" % (lost, lost)
            self.assertRegex(machine.run("list", check=0).stdout, rb"Lost .*\n.*\none .* 8/8 +%d " % lost)
            self.assertIn(b"lost       " + words, machine.run("list", "one", check=0).stdout)
            self.assertIn(b"lost: " + words, machine.run("ring", "one", check=0).stdout)
            said = machine.run("dmesg", check=0)
            self.assertIn(b'ringside: domain 1 "one" has lost ' + words, said.stderr)
            self.assertNotIn(b"Domain-0", said.stderr)
            dump.end()
            machine.run("unpause", "one", check=0)
            # Until the guest has emptied the ring there is no room for later messages.
            eventually("the ring is empty", lambda: machine.domains()["one"]["rx_requests"] == 0)
            viewer.sendall(b".")
            # Eight messages of sixty bytes and the later ones; the program ends when it has them.
            self.assertTrue(read_until(viewer, b".").endswith(b"\n" + b"x" * 480 + b"."))

    def test_the_count_of_lost_bytes_survives_a_suspension_and_a_new_xcs(self):
        with Machine("--quirk", "xcs-drop-when-full", "--quirk", "xend-no-input-limit") as machine:
            machine.run("create", "one", "--raw", "--", "cat", check=0)
            viewer = self.view(machine, "one")
            read_until(viewer, b"installed as tty1\r\n")
            machine.run("pause", "one", check=0)
            viewer.sendall(b"x" * 1000)
            eventually("520 bytes are lost", lambda: machine.domains()["one"]["lost_input_bytes"] == 520)
            machine.run("unpause", "one", check=0)
            self.assertTrue(read_until(viewer, b"x" * 480))
            machine.run("suspend", "one", check=0)
            machine.run("resume", "one", check=0)
            self.assertEqual(machine.domains()["one"]["lost_input_bytes"], 520)

    def test_a_guest_is_built_with_its_quirks_and_keeps_them_over_a_reboot(self):
        with Machine() as machine:
            machine.run("create", "old", "--quirk", "kcons-lfcr", check=0)
            self.assertIn(b"2005\n\r", read_until(self.view(machine, "old"), b"tty1"))
            machine.run("create", "new", check=0)
            self.assertIn(b"2005\r\n", read_until(self.view(machine, "new"), b"tty1"))
            machine.run("reboot", "old", check=0)
            self.assertIn(b"2005\n\r", read_until(self.view(machine, "old"), b"tty1"))


if __name__ == "__main__":
    support.main()

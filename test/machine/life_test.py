"""A domain's life as people steer it: what `list` says, crash, memory, reboot, suspension, and the end of xen.

Each on real processes, by the commands a person has.
"""
import json
import os
import socket
import unittest

import support
from support import Machine, eventually

ENDLESS = ("sh", "-c", "echo begun; sleep 1000")


def connect(machine, name):
    viewer = socket.create_connection(("127.0.0.1", machine.tcp_port(name)))
    viewer.settimeout(support.PATIENCE_S)
    return viewer


def read_until(viewer, text):
    """All that comes up to and with `text`."""
    seen = b""
    while text not in seen:
        piece = viewer.recv(4096)
        assert piece, f"the console closed after {seen!r}"
        seen += piece
    return seen


def read_all(viewer):
    seen = b""
    while piece := viewer.recv(4096):
        seen += piece
    return seen


class Listed(unittest.TestCase):
    def test_the_table_says_state_ports_rings_and_console(self):
        with Machine() as machine:
            machine.run("create", "web", "--memory", "32", "--", *ENDLESS, check=0)
            machine.run("create", "old", "--abi", "flat", "--paused", check=0)
            eventually("web has booted", lambda: machine.domains()["web"]["console"]["buffered_bytes"] > 0
                       and machine.domains()["web"]["tx_requests"] == 0)
            text = machine.run("list", check=0).stdout.decode()
            web, old = machine.domains()["web"], machine.domains()["old"]
            expected = (
                "Name Id Mem(MiB) State Reason Abi Ports tx rx Buffered Discarded Console",
                "Domain-0 0 0 r---- - sring - - - - - -",
                f"web 1 32 r---- - sring 1-{web['dom0_port']} 0/8 0/8 {web['console']['buffered_bytes']} 0 "
                f"{web['console']['tcp_port']}",
                f"old 2 64 -p--- - flat 1-{old['dom0_port']} 0/8 0/8 0 0 {old['console']['tcp_port']}")
            self.assertEqual(tuple(" ".join(line.split()) for line in text.splitlines()), expected)
            self.assertNotIn("\x1b", text)

    def test_json_has_every_field_always_and_its_numbers_are_numbers(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            listed = json.loads(machine.run("list", "--json", check=0).stdout)
            web = machine.domains()["web"]
            self.assertEqual([domain["id"] for domain in listed], [0, 1])
            self.assertEqual(set(listed[0]), set(web))
            self.assertIsNone(listed[0]["console"])
            for field in ("id", "frame", "process", "memory_kib", "memory_max_kib", "port", "dom0_port", "ring_slots",
                          "tx_requests", "rx_requests"):
                self.assertIs(type(web[field]), int, field)
            for field in ("running", "paused", "shutdown", "crashed", "dying", "preserve"):
                self.assertIs(type(web[field]), bool, field)
            self.assertEqual((web["reason"], web["exit_status"], web["signal"]), (None, None, None))
            console = web["console"]
            self.assertIs(type(console["buffered_bytes"]), int)
            self.assertTrue(os.path.exists(console["socket"]))
            with connect(machine, "web"):
                eventually("the viewer is listed", lambda: machine.domains()["web"]["console"]["status"] == "connected")

    def test_one_domain_is_told_in_full_and_an_unknown_one_is_an_error(self):
        with Machine() as machine:
            machine.run("create", "web", "--memory", "16", check=0)
            lines = machine.run("list", "web", check=0).stdout.decode().splitlines()
            self.assertIn("memory     16 MiB of 16", lines)
            self.assertEqual(json.loads(machine.run("list", "1", "--json", check=0).stdout)[0]["name"], "web")
            self.assertIn(b"no such domain: wab", machine.run("list", "wab", check=3).stderr)

    def test_a_guest_prints_its_boot_lines_in_order(self):
        with Machine() as machine:
            machine.run("create", "web", "--boot-line", "first of all", "--boot-line=--second", "--", *ENDLESS, check=0)
            with connect(machine, "web") as viewer:
                self.assertRegex(read_until(viewer, b"begun").decode(),
                                 r"(?s)Control interface.*\r\nfirst of all\r\n--second\r\nXen virtual console")

    def test_what_create_is_given_is_checked(self):
        with Machine() as machine:
            self.assertIn(b"a name is made of", machine.run("create", "two words", check=3).stderr)
            self.assertIn(b"is a number", machine.run("create", "17", check=3).stderr)
            self.assertIn(b"--memory", machine.run("create", "web", "--memory", "0", check=1).stderr)
            self.assertIn(b"--memory", machine.run("create", "web", "--memory", "1048577", check=1).stderr)
            self.assertIn(b"boot line", machine.run("create", "web", "--boot-line", "a\nb", check=1).stderr)
            machine.run("create", "web", check=0)
            self.assertIn(b"exists", machine.run("create", "web", check=3).stderr)
            self.assertEqual(set(machine.domains()), {"web"})


if __name__ == "__main__":
    support.main()

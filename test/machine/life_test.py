"""A domain's life by the user's commands: `list`, crash, memory, reboot, suspension, and the end of xen.

Each test uses real processes and the user's commands.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import support
from support import Machine, RINGSIDE, eventually

XCS_CONNECT_CTRL, XCS_CONNECT_DATA, XCS_MSG_BIND, XCS_REQUEST, XCS_RESPONSE = 0, 1, 3, 9, 10
ENDLESS = ("sh", "-c", "echo begun; sleep 1000")


def connect(machine, name):
    viewer = socket.create_connection(("127.0.0.1", machine.tcp_port(name)))
    viewer.settimeout(support.PATIENCE_S)
    return viewer


def read_until(viewer, text):
    """Reads everything up to and including `text`."""
    seen = b""
    while text not in seen:
        piece = viewer.recv(4096)
        assert piece, f"the console closed after {seen!r}"
        seen += piece
    return seen


def read_all(viewer, into=None):
    """Reads everything until the console closes; `into` grows with it."""
    seen = bytearray() if into is None else into
    while piece := viewer.recv(65536):
        seen += piece
    return seen


class Listed(unittest.TestCase):
    def test_the_table_has_state_ports_rings_and_console(self):
        with Machine() as machine:
            machine.run("create", "web", "--memory", "32", "--", *ENDLESS, check=0)
            machine.run("create", "old", "--abi", "flat", "--paused", check=0)
            eventually("web has booted", lambda: machine.domains()["web"]["console"]["buffered_bytes"] > 0
                       and machine.domains()["web"]["tx_requests"] == 0)

            def listed():
                before = machine.domains()
                text = machine.run("list", check=0).stdout.decode()
                return (text, before) if machine.domains() == before else None
            text, domains = eventually("web prints no more", listed)
            web, old = domains["web"], domains["old"]
            expected = (
                "Name Id Mem(MiB) State Reason Abi Ports tx rx Lost Buffered Discarded Console",
                "Domain-0 0 0 r---- - sring 2-3 0/8 0/8 0 - - -",
                f"web 1 32 r---- - sring 1-{web['dom0_port']} 0/8 0/8 0 {web['console']['buffered_bytes']} 0 "
                f"{web['console']['tcp_port']}",
                f"old 2 64 -p--- - flat 1-{old['dom0_port']} 0/8 0/8 0 0 0 {old['console']['tcp_port']}")
            self.assertEqual(tuple(" ".join(line.split()) for line in text.splitlines()), expected)
            self.assertNotIn("\x1b", text)

    def test_json_always_has_every_field_and_numbers_are_numbers(self):
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

    def test_one_domain_is_listed_in_full_and_an_unknown_one_is_an_error(self):
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

    def test_the_arguments_of_create_are_checked(self):
        with Machine() as machine:
            self.assertIn(b"a name is made of", machine.run("create", "two words", check=3).stderr)
            self.assertIn(b"is a number", machine.run("create", "17", check=3).stderr)
            self.assertIn(b"--memory", machine.run("create", "web", "--memory", "0", check=1).stderr)
            self.assertIn(b"--memory", machine.run("create", "web", "--memory", "1048577", check=1).stderr)
            self.assertIn(b"boot line", machine.run("create", "web", "--boot-line", "a\nb", check=1).stderr)
            machine.run("create", "web", check=0)
            self.assertIn(b"exists", machine.run("create", "web", check=3).stderr)
            self.assertEqual(set(machine.domains()), {"web"})


class Crashed(unittest.TestCase):
    def crash(self, machine, name, number):
        os.kill(machine.domains()[name]["process"], number)
        eventually("it has crashed", lambda: machine.domains()[name]["crashed"])

    def test_a_viewer_sees_the_last_output_and_the_signal(self):
        for number in (signal.SIGSEGV, signal.SIGKILL):
            with Machine() as machine:
                machine.run("create", "web", "--", "sh", "-c", "read go; echo begun; exec seq inf", check=0)
                with connect(machine, "web") as viewer:
                    viewer.sendall(b"go\n")
                    seen = read_until(viewer, b"begun")
                    self.crash(machine, "web", number)
                    seen += read_all(viewer)
                    said = f"\r\n[ringside] domain web crashed: killed by signal {int(number)} ({number.name})\r\n"
                    self.assertTrue(seen.endswith(said.encode()), seen[-200:])
                    printed = seen[seen.index(b"begun"):].removesuffix(said.encode()).split(b"\r\n")[1:]
                    whole = [b"%d" % line for line in range(1, len(printed))]
                    self.assertEqual(printed[:-1], whole)
                web = machine.domains()["web"]
                self.assertEqual((web["reason"], web["signal"], web["running"]), ("crash", int(number), False))

    def test_its_last_output_is_kept_for_the_next_viewer_until_it_is_destroyed(self):
        with Machine() as machine:
            flag = os.path.join(machine.parent, "go")
            self.addCleanup(lambda: os.path.exists(flag) and os.remove(flag))
            program = f"echo begun; while ! test -e {flag}; do sleep 0.01; done; printf last; exec sleep 1000"
            machine.run("create", "web", "--", "sh", "-c", program, check=0)
            with connect(machine, "web") as viewer:
                read_until(viewer, b"begun\r\n")
            machine.wait_until_viewer_has_left("web")
            open(flag, "w").close()
            eventually("it has printed", lambda: machine.domains()["web"]["console"]["buffered_bytes"] == len("last"))
            os.remove(flag)
            self.crash(machine, "web", signal.SIGSEGV)
            said = b"\r\n[ringside] domain web crashed: killed by signal 11 (SIGSEGV)\r\n"
            with connect(machine, "web") as viewer:
                self.assertEqual(read_all(viewer), b"last" + said)
            with connect(machine, "web") as viewer:
                self.assertEqual(read_all(viewer), said)
            self.assertIn(b"crashed: killed by signal 11 (SIGSEGV)", machine.run("list", "web", check=0).stdout)
            machine.run("destroy", "web", check=0)
            self.assertEqual(machine.domains(), {})

    def test_its_programs_die_with_it(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "sh", "-c", "setsid sleep 1000 & echo begun; wait", check=0)
            mark = f"RINGSIDE_DOMAIN={machine.directory}#1".encode()
            eventually("all run", lambda: len(support.processes_with(mark)) == 3)
            self.crash(machine, "web", signal.SIGABRT)
            eventually("none runs", lambda: not support.processes_with(mark))


class UnknownMessage(unittest.TestCase):
    def test_a_message_of_a_type_that_a_guest_does_not_know_gets_the_default_reply(self):
        with Machine() as machine:
            machine.run("create", "web", "--", *ENDLESS, check=0)
            port = machine.domains()["web"]["dom0_port"]
            path = os.path.join(machine.directory, "xcs_socket")

            def frame(kind, *fields):
                return struct.pack("<II", kind, 0) + struct.pack(*fields).ljust(72, b"\0")

            def receive(connection):
                got = b""
                while len(got) < 80:
                    got += connection.recv(80 - len(got))
                return got

            with socket.socket(socket.AF_UNIX) as control, socket.socket(socket.AF_UNIX) as data:
                control.connect(path)
                control.sendall(frame(XCS_CONNECT_CTRL, "<Q", 0))
                session, = struct.unpack_from("<Q", receive(control), 8)
                data.connect(path)
                data.sendall(frame(XCS_CONNECT_DATA, "<Q", session))
                receive(data)
                for kind in (200, 1):  # an undefined type, and that of block devices
                    control.sendall(frame(XCS_MSG_BIND, "<iH", port, kind))
                    receive(control)
                    request = bytes((kind, 3, 5, 7)) + b"unknown"
                    data.sendall(frame(XCS_REQUEST, "<Ii64s", 1, port, request))
                    reply = receive(data)
                    self.assertEqual(struct.unpack_from("<I", reply)[0], XCS_RESPONSE)
                    self.assertEqual(reply[16:20], bytes((kind, 3, 5, 0)))


class Memory(unittest.TestCase):
    def test_balloon_changes_the_memory_up_to_its_size_at_creation(self):
        with Machine() as machine:
            machine.run("create", "web", "--memory", "64", "--", *ENDLESS, check=0)
            machine.run("balloon", "web", "16", check=0)
            self.assertEqual(machine.domains()["web"]["memory_kib"], 16384)
            machine.run("balloon", "web", "64", check=0)
            self.assertIn(b"more than it was created with", machine.run("balloon", "web", "65", check=3).stderr)
            web = machine.domains()["web"]
            self.assertEqual((web["memory_kib"], web["memory_max_kib"]), (65536, 65536))
            machine.run("pause", "web", check=0)
            self.assertIn(b"unpause web first", machine.run("balloon", "web", "32", check=3).stderr)


class Rebooted(unittest.TestCase):
    def test_reboot_builds_the_same_domain_again_under_another_number(self):
        with Machine() as machine:
            machine.run("create", "web", "--memory", "48", "--abi", "flat", "--boot-line", "like before", "--",
                        "sh", "-c", "pwd; echo it is $0; sleep 1000", "a program", cwd=machine.parent, check=0)
            machine.run("balloon", "web", "32", check=0)
            before = machine.domains()["web"]
            self.assertIn(b'domain 2 "web"', machine.run("reboot", "web", check=0).stdout)
            web = machine.domains()["web"]
            self.assertEqual((before["id"], web["id"]), (1, 2))
            self.assertNotEqual(before["process"], web["process"])
            self.assertEqual((web["abi"], web["memory_kib"], len(machine.domains())), ("flat", 49152, 1))
            with connect(machine, "web") as viewer:
                seen = read_until(viewer, b"it is a program")
            self.assertIn(b"like before", seen)
            self.assertIn(machine.parent.encode(), seen)
            machine.run("shutdown", "web", "--wait", check=0)
            self.assertEqual(machine.domains(), {})

    def test_a_crashed_or_preserved_domain_is_rebooted_too(self):
        with Machine() as machine:
            machine.run("create", "web", "--preserve", "--", *ENDLESS, check=0)
            os.kill(machine.domains()["web"]["process"], signal.SIGKILL)
            eventually("it has crashed", lambda: machine.domains()["web"]["crashed"])
            machine.run("reboot", "web", check=0)
            machine.run("shutdown", "web", "--wait", check=0)
            self.assertEqual(machine.domains()["web"]["reason"], "poweroff")
            machine.run("reboot", "web", check=0)
            self.assertTrue(machine.domains()["web"]["running"])

    def test_a_domain_without_a_console_has_none_after_the_reboot(self):
        with Machine() as machine:
            machine.run("create", "web", "--no-console", "--preserve", "--", *ENDLESS, check=0)
            os.kill(machine.domains()["web"]["process"], signal.SIGKILL)
            eventually("it has crashed", lambda: machine.domains()["web"]["crashed"])
            self.assertIn(b"waits for dom0", machine.run("reboot", "web", check=0).stdout)
            self.assertIsNone(machine.domains()["web"]["console"])

    def test_a_guest_that_does_not_end_in_time_is_an_error_with_advice(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "yes", check=0)
            with connect(machine, "web"):
                # Its last output waits for the viewer, and the domain waits for its output.
                eventually("the viewer is slow", lambda: machine.domains()["web"]["console"]["buffered_bytes"] > 65_000
                           and machine.domains()["web"]["tx_requests"] == 8)
                for command in (("shutdown", "web", "--wait"), ("reboot", "web")):
                    said = machine.run(*command, "--timeout", "1", check=3).stderr
                    self.assertIn(b"has not shut down within 1 s", said)
                    self.assertIn(b"ringside destroy web", said)


class Suspended(unittest.TestCase):
    def test_output_continues_and_input_arrives_after_a_suspension(self):
        lines = 200_000
        # The guest waits for a viewer: without one, xend keeps only the newest 64 KiB.
        count = f"read go; i=0; while test $i -lt {lines}; do i=$((i+1)); echo $i; done; read word; echo got $word"
        for abi in ("sring", "flat"):
            with Machine() as machine:
                machine.run("create", "web", "--raw", "--abi", abi, "--", "sh", "-c", count, check=0)
                with connect(machine, "web") as viewer:
                    seen = bytearray()
                    reader = threading.Thread(target=read_all, args=(viewer, seen))
                    reader.start()
                    viewer.sendall(b"go\n")
                    frames = set()
                    for number in range(1, 6):
                        eventually("it prints more", lambda: len(seen) > number * 20_000)
                        machine.run("suspend", "web", check=0)
                        web = machine.domains()["web"]
                        self.assertEqual((web["reason"], web["paused"]), ("suspend", True))
                        frames.add(web["frame"])
                        self.assertIn(b"is suspended", machine.run("unpause", "web", check=3).stderr)
                        machine.run("resume", "web", check=0)
                    viewer.sendall(b"hello\n")
                    reader.join(support.PATIENCE_S)
                begun = seen.index(b"\n1\n2\n") + 1
                whole = b"".join(b"%d\n" % line for line in range(1, lines + 1)) + b"got hello\n"
                self.assertTrue(seen[begun:] == whole, f"{len(seen) - begun} bytes of {len(whole)}")
                self.assertEqual(len(frames), 5)

    def test_input_for_a_suspended_domain_waits(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "cat", check=0)
            with connect(machine, "web") as viewer:
                support.ask(viewer, b"before\n", b"before\r\nbefore\r\n")
                machine.run("suspend", "web", check=0)
                process = machine.domains()["web"]["process"]
                eventually("it is suspended", lambda: support.process_state(process) == "T")
                viewer.sendall(b"meanwhile\n")
                self.assertIn(b"is suspended", machine.run("suspend", "web", check=3).stderr)
                machine.run("resume", "web", check=0)
                self.assertEqual(read_until(viewer, b"meanwhile\r\nmeanwhile\r\n"), b"meanwhile\r\nmeanwhile\r\n")
                self.assertEqual(machine.domains()["web"]["process"], process)
                self.assertIn(b"not suspended", machine.run("resume", "web", check=3).stderr)

    def test_a_suspended_domain_that_is_killed_has_crashed(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "cat", check=0)
            machine.run("suspend", "web", check=0)
            os.kill(machine.domains()["web"]["process"], signal.SIGKILL)
            eventually("it has crashed", lambda: machine.domains()["web"]["crashed"])
            self.assertIn(b"not suspended", machine.run("resume", "web", check=3).stderr)


class XenKilled(unittest.TestCase):
    def test_every_process_ends_with_a_message_and_up_works_again_at_once(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "sh", "-c", "setsid sleep 1000 & echo begun; cat", check=0)
            machine.run("create", "idle", "--paused", check=0)
            machine.run("create", "asleep", check=0)
            machine.run("suspend", "asleep", check=0)
            viewer = connect(machine, "web")
            read_until(viewer, b"begun")
            person = subprocess.Popen([RINGSIDE, "console", "web", "--dir", machine.directory], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            pids = {name: machine.pid(name) for name in ("xen", "xcs", "xend", "dom0")}
            os.kill(pids["xen"], signal.SIGKILL)
            read_all(viewer)
            viewer.close()
            person.communicate(timeout=support.PATIENCE_S)
            mark = f"RINGSIDE_DOMAIN={machine.directory}#1".encode()
            eventually("web and its programs have ended", lambda: not support.processes_with(mark))
            eventually("stopped processes have ended", lambda: not support.processes_with(
                f"RINGSIDE_DOMAIN={machine.directory}#".encode()))
            for name, pid in pids.items():
                eventually(f"{name} has ended", lambda: support.has_ended(pid))
            for name in ("xcs", "xend"):
                log = pathlib.Path(machine.directory, f"{name}.log").read_text()
                self.assertIn("the hypervisor is gone", log)
            self.assertIn("the hypervisor is gone", pathlib.Path(machine.directory, "dom1.log").read_text())
            for command in (("list",), ("create", "more"), ("pause", "web"), ("console", "web"), ("suspend", "web")):
                said = machine.run(*command, check=3).stderr.decode()
                self.assertRegex(said, r"no machine is running|does not run")
            machine.run("up", "--console-port-base", "0", check=0)
            machine.run("create", "web", "--", *ENDLESS, check=0)
            self.assertEqual(set(machine.domains()), {"web"})
            with connect(machine, "web") as again:
                read_until(again, b"begun")


class ManyDomains(unittest.TestCase):
    def test_domains_leave_nothing_that_accumulates(self):
        with Machine() as machine:
            def generations(count):
                for _ in range(count):
                    machine.run("create", "short", "--", "true", check=0)
                    machine.run("destroy", "short")
                    eventually("it is gone", lambda: "short" not in machine.domains())

            def held():
                """The machine's files, and the descriptors and KiB of its processes."""
                pids = [machine.pid(name) for name in ("xen", "xcs", "xend", "dom0")]
                files = sum(len(names) for _, _, names in os.walk(machine.directory))
                descriptors = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
                kib = sum(int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) for pid in pids)
                return files, descriptors, kib
            generations(20)
            files, descriptors, kib = held()
            generations(300 if os.environ.get("RINGSIDE_LONG") == "1" else 40)
            files_then, descriptors_then, kib_then = held()
            # Files of commands that have just ended, and of the last domain, may still exist.
            self.assertLess(abs(files_then - files), 20)
            self.assertLess(abs(descriptors_then - descriptors), 5)
            maps = pathlib.Path(f"/proc/{machine.pid('xend')}/maps").read_text()
            if "libasan" not in maps and "libtsan" not in maps:  # those keep what is freed, and more
                self.assertLess(kib_then - kib, 2048)


class Rebuilt(unittest.TestCase):
    def test_a_program_that_was_built_again_while_it_runs_starts_domains(self):
        with tempfile.TemporaryDirectory(prefix="rs-") as folder:
            program = os.path.join(folder, "ringside")
            shutil.copy(RINGSIDE, program)
            with subprocess.Popen([program, "run", "-", "--mode", "real"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder) as run:
                shutil.copy(RINGSIDE, program + ".new")
                os.replace(program + ".new", program)
                said, _ = run.communicate(b'scenario "t"\nxen boots dom1\nuser connects to dom1\ndom1 prints "ok"\nexpect user sees "ok"\n',
                                          timeout=support.PATIENCE_S)
            self.assertEqual(run.returncode, 0, said)


if __name__ == "__main__":
    support.main()

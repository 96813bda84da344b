"""dump: the messages of a machine, from the journal and as a client of xcs that disturbs no other."""
import json
import os
import signal
import socket
import subprocess
import unittest

import support
from support import Machine, RINGSIDE, ask, eventually


class Dump:
    """A running `ringside dump`; `said` is its output so far."""

    def __init__(self, machine, *words):
        self.process = subprocess.Popen([RINGSIDE, "dump", "--dir", machine.directory, *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.said = ""

    def read(self):
        self.said += (self.process.stdout.read() or b"").decode()

    def has(self, *lines):
        self.read()
        return all(line in self.said for line in lines)

    def shows(self, *lines):
        eventually(f"dump shows {lines}", lambda: self.has(*lines))

    def end(self):
        self.process.send_signal(signal.SIGINT)
        rest, errors = self.process.communicate(timeout=support.PATIENCE_S)
        self.said += rest.decode()
        return self.process.returncode, errors


def listening(machine, dump, name):
    """Waits until the dump has seen a message of that domain: from then on it sees all messages."""
    viewer = socket.create_connection(("127.0.0.1", machine.tcp_port(name)))
    viewer.settimeout(support.PATIENCE_S)

    def heard():
        ask(viewer, b"hostname\n", name.encode() + b"\r\n")
        dump.read()
        return "console length" in dump.said
    eventually("dump listens", heard)
    return viewer


class Dumps(unittest.TestCase):
    def test_a_client_of_xcs_sees_requests_and_responses_of_guests(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            dump = Dump(machine, "--xcs")
            viewer = listening(machine, dump, "web")
            ask(viewer, b"echo it passes\n", b"it passes\r\nweb$ ")
            dump.shows("xcs sends client request console length", "it passes", "xcs sends client response console")
            machine.run("sysrq", "web", "h", check=0)
            dump.shows("response shutdown sysrq id ", "dom1 port ")
            # If the dump had answered as well, the guest would have got unexpected answers.
            ask(viewer, b"hostname\n", b"web\r\n")
            viewer.close()
            self.assertEqual(dump.end(), (0, b""))
            self.assertNotIn("client sends", dump.said)
            viewer = socket.create_connection(("127.0.0.1", machine.tcp_port("web")))
            viewer.settimeout(support.PATIENCE_S)
            ask(viewer, b"hostname\n", b"web\r\n")
            viewer.close()

    def test_the_journal_has_both_directions_decoded(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            dump = Dump(machine)
            viewer = listening(machine, dump, "web")
            machine.run("sysrq", "web", "h", check=0)
            dump.shows('xcs writes dom1.rx', 'request shutdown sysrq id ', 'length 4 key "h"',
                       'dom1 writes dom1.rx')
            viewer.close()
            self.assertEqual(dump.end()[0], 0)

    def test_one_domain_of_many_is_dumped_alone(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            machine.run("create", "other", check=0)
            for mode in ((), ("--xcs",)):
                with self.subTest(mode):
                    dump = Dump(machine, "other", *mode)
                    viewer = listening(machine, dump, "other")
                    web = socket.create_connection(("127.0.0.1", machine.tcp_port("web")))
                    web.settimeout(support.PATIENCE_S)
                    ask(web, b"hostname\n", b"web\r\n")
                    ask(viewer, b"echo at last\n", b"at last\r\n")
                    dump.shows("at last")
                    self.assertEqual(dump.end()[0], 0)
                    self.assertNotIn("dom1", dump.said)
                    viewer.close()
                    web.close()

    def test_dump_ends_with_the_machine(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            dumps = [Dump(machine), Dump(machine, "--xcs")]
            listening(machine, dumps[1], "web").close()
            machine.run("down", check=0)
            for dump in dumps:
                dump.process.communicate(timeout=support.PATIENCE_S)
                self.assertEqual(dump.process.returncode, 0)

    def test_a_capture_begins_at_once_and_grows(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            path = os.path.join(machine.parent, "web.pcapng")
            dump = subprocess.Popen([RINGSIDE, "dump", "--dir", machine.directory, "-w", path, "web"], stderr=subprocess.PIPE)
            eventually("the capture has begun", lambda: os.path.exists(path) and os.path.getsize(path) > 0)
            begun = os.path.getsize(path)

            def captured(text):
                machine.run("sysrq", "web", "h", check=0)
                with open(path, "rb") as file:
                    return text in file.read()
            eventually("a message is in it", lambda: captured(b'request shutdown sysrq'))
            self.assertGreater(os.path.getsize(path), begun)
            dump.send_signal(signal.SIGINT)
            _, errors = dump.communicate(timeout=support.PATIENCE_S)
            self.assertEqual(dump.returncode, 0, errors)
            self.assertRegex(errors.decode(), r"^\d+ entries in .*web.pcapng\n$")
            os.remove(path)

    def test_a_capture_ends_with_its_reader(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            dump = subprocess.Popen([RINGSIDE, "dump", "--dir", machine.directory, "-w", "-"], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
            self.assertEqual(dump.stdout.read(4), b"\x0a\x0d\x0d\x0a")
            dump.stdout.close()

            def ended():
                machine.run("sysrq", "web", "h", check=0)
                return dump.poll() is not None
            eventually("dump has ended", ended)
            self.assertEqual((dump.returncode, dump.stderr.read()), (0, b""))
            dump.stderr.close()

    def test_a_journal_of_a_running_machine_begins_with_the_contents_of_its_rings(self):
        with Machine() as machine:
            machine.run("create", "web", check=0)
            for _ in range(20):
                machine.run("sysrq", "web", "h", check=0)
            path = os.path.join(machine.parent, "web.jsonl")
            dump = subprocess.Popen([RINGSIDE, "dump", "--dir", machine.directory, "-w", path, "web"], stderr=subprocess.PIPE)
            eventually("the journal has begun", lambda: os.path.exists(path) and os.path.getsize(path) > 0)

            def recorded():
                machine.run("sysrq", "web", "h", check=0)
                with open(path) as file:
                    return '"index":"rsp_cons"' in file.read()
            eventually("the journal has a request and its response", recorded)
            dump.send_signal(signal.SIGINT)
            _, errors = dump.communicate(timeout=support.PATIENCE_S)
            self.assertEqual(dump.returncode, 0, errors)
            with open(path) as file:
                header, *entries = map(json.loads, file)
            web, = header["domains"]
            self.assertEqual((header["mode"], web["id"], web["name"]), ("live", 1, "web"))
            self.assertGreaterEqual(web["rings"]["rx"]["req_prod"], 20)
            for name in ("req_prod", "rsp_prod"):
                first = next(each for each in entries if each.get("ring") == "rx" and each.get("index") == name)
                self.assertEqual(first["from"], web["rings"]["rx"][name])
            shown = support.run("view", path, "--text", check=0).stdout.decode()
            self.assertRegex(shown, r"dom1\.rx +rx [-#+]{8} 0/8 +slot \d REQUEST")
            self.assertNotRegex(shown, r" (9|\d\d+)/8 ")
            page = support.run("view", path, "--html", "-", check=0).stdout
            self.assertIn(b'"begin":[["i",1,"tx",0,', page)
            os.remove(path)

    def test_an_impossible_capture_is_refused(self):
        with Machine() as machine:
            said = machine.run("dump", "-w", "/nowhere/web.pcapng", check=3).stderr.decode()
            self.assertIn("cannot write: /nowhere/web.pcapng: No such file or directory", said)
            machine.run("dump", "-w", "web.pcapng", "--link-type", "12", check=1)

    def test_wrong_words_are_refused(self):
        with Machine() as machine:
            self.assertIn(b"no such domain", machine.run("dump", "unknown", check=3).stderr)
            machine.run("dump", "--all", "--xcs", check=1)


if __name__ == "__main__":
    support.main()

"""The bytes of its console that a guest loses are counted in its page, and list, ring and dmesg show the counts."""
import socket
import unittest

import support
from quirks_test import read_until
from support import Machine, eventually

SYSRQ = b"SysRq: key 'h' reached the guest; nothing is bound to it\r\n"
BOOTED = b"installed as tty1\r\n"
PRINTED = 1_000_000  # more than all buffers up to a viewer that does not read


class Losses(unittest.TestCase):
    def view(self, machine, name):
        viewer = socket.create_connection(("127.0.0.1", machine.tcp_port(name)))
        viewer.settimeout(support.PATIENCE_S)
        self.addCleanup(viewer.close)
        return viewer

    def check_said(self, machine, name, into, out):
        domain = machine.domains()[name]
        self.assertEqual((domain["lost_input_bytes"], domain["lost_output_bytes"]), (into, out))
        words = b"%d bytes of input (0 on the way to the guest, %d in it), %d of output in the guest" % (into, into, out)
        self.assertRegex(machine.run("list", check=0).stdout, rb"Lost .*\n(.*\n)*%s .* \d/8 +\d/8 +%d " % (name.encode(), into + out))
        self.assertIn(b"\nlost       " + words + b"\n", machine.run("list", name, check=0).stdout)
        self.assertIn(b"\nlost: " + words + b"\n", machine.run("ring", name, check=0).stdout)
        said = b'ringside: domain %d "%s" has lost ' % (domain["id"], name.encode())
        lines = [line for line in machine.run("dmesg", check=0).stderr.splitlines() if line.startswith(said)]
        self.assertEqual(lines, [said + words] if into + out else [])

    def test_input_that_no_program_reads_is_counted_as_lost(self):
        with Machine() as machine:
            machine.run("create", "unread", "--", "sh", "-c", "exec <&- >&- 2>&-; exec sleep 100000", check=0)
            machine.run("create", "other", "--", "cat", check=0)
            viewer = self.view(machine, "unread")
            lost = 0
            for text in (b"x" * 100, b"\n", b"y" * 5000):
                viewer.sendall(text)
                lost += len(text)
                eventually(f"{lost} bytes are lost", lambda: machine.domains()["unread"]["lost_input_bytes"] >= lost)
                self.check_said(machine, "unread", into=lost, out=0)
            machine.run("suspend", "unread", check=0)
            machine.run("resume", "unread", check=0)
            self.check_said(machine, "unread", into=lost, out=0)
            self.check_said(machine, "other", into=0, out=0)

    def test_kernel_messages_without_room_are_counted_as_lost(self):
        with Machine() as machine:
            # Without a viewer, xend would discard the oldest output.
            program = f"read go; head -c {PRINTED} /dev/zero | tr '\\0' '~'; echo end; read line"
            machine.run("create", "loud", "--", "sh", "-c", program, check=0)
            with socket.socket(socket.AF_UNIX) as viewer:
                viewer.settimeout(support.PATIENCE_S)
                viewer.connect(machine.domains()["loud"]["console"]["socket"])
                seen = read_until(viewer, BOOTED)
                viewer.sendall(b"\r")
                # The viewer does not read any more, so the guest's buffer becomes full.
                keys = 0

                def one_has_no_room():
                    nonlocal keys
                    machine.run("sysrq", "loud", "h", check=0)
                    keys += 1
                    return machine.domains()["loud"]["lost_output_bytes"] > 0
                eventually("a kernel message has no room", one_has_no_room)
                seen += read_until(viewer, b"end\r\n")
            seen = seen.partition(BOOTED)[2]
            self.assertEqual(seen.count(b"~"), PRINTED)
            kept = len(seen) - len(b"\r\n") - PRINTED - len(b"end\r\n")
            lost = keys * len(SYSRQ) - kept
            self.assertGreater(lost, 0)
            self.check_said(machine, "loud", into=0, out=lost)


if __name__ == "__main__":
    support.main()

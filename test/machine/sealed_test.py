"""The processes of a machine whose system calls are limited, and those whose are not."""
import os
import pathlib
import re
import signal
import unittest

from support import RINGSIDE, Machine, eventually, main


def status_of(pid):
    """The privileges and limits of a process, from the kernel."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE)[1]) for name in ("NoNewPrivs", "Seccomp")}


# The limits of this test itself: a container may have set some.
OWN = status_of("self")
# A build with a sanitizer, or without libseccomp, has no lists.
SEALS = b"seccomp_load" in pathlib.Path(RINGSIDE).read_bytes()
SEALED = {"NoNewPrivs": 1, "Seccomp": 2 if SEALS else OWN["Seccomp"]}


class Sealed(unittest.TestCase):
    def test_daemons_and_guests_kernels_are_sealed_and_programs_are_not(self):
        for words, daemons in [((), ("xen", "xcs", "xend")), (("--dom0", "xenctld"), ("xen", "xenctld"))]:
            with self.subTest(daemons=daemons), Machine(*words) as machine:
                for daemon in daemons:
                    self.assertEqual(status_of(machine.pid(daemon)), SEALED, daemon)
                machine.run("create", "web", "--", "sleep", "1000", check=0)
                kernel = machine.domains()["web"]["process"]
                # It starts its program before it is sealed.
                eventually("the guest's kernel is sealed", lambda: status_of(kernel) == SEALED)
                program = int(pathlib.Path(f"/proc/{kernel}/task/{kernel}/children").read_text())
                self.assertEqual(status_of(program), OWN)
                # dom0's kernel starts programs all its life.
                self.assertEqual(status_of(machine.pid("dom0")), OWN)
                for log in pathlib.Path(machine.directory).glob("*.log"):
                    self.assertEqual(log.read_text(), "", log.name)

    def test_a_death_by_a_system_call_is_reported(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "/bin/cat", check=0)
            os.kill(machine.domains()["web"]["process"], signal.SIGSYS)
            eventually("the crash is known", lambda: machine.domains()["web"]["crashed"])
            self.assertIn(b"(SIGSYS: a system call that it may not make)", machine.run("dmesg", check=0).stdout)


if __name__ == "__main__":
    main()

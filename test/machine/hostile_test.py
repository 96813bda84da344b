"""A hostile guest: it crashes, stalls and floods nobody but itself."""
import os
import random
import socket
import subprocess
import unittest

import support
from support import Machine, ask, eventually

HOSTILE = os.environ["HOSTILE_DOMU"]
ROUNDS = 40 if os.environ.get("RINGSIDE_LONG") == "1" else 3
ATTACKS = 300 if os.environ.get("RINGSIDE_LONG") == "1" else 100
SEED = int(os.environ.get("RINGSIDE_SEED", random.randrange(1 << 30)))
LOG_BYTES_MAX = 100_000


class HostileGuest(unittest.TestCase):
    def test_nobody_else_notices(self):
        print(f"seed {SEED}", flush=True)
        with Machine() as machine:
            machine.run("create", "steady", check=0)
            steady = socket.create_connection(("127.0.0.1", machine.tcp_port("steady")))
            steady.settimeout(support.PATIENCE_S)
            pids = {name: machine.pid(name) for name in ("xen", "xcs", "xend")}
            for number in range(ROUNDS):
                attack = subprocess.Popen([HOSTILE, machine.directory, str(SEED + number), str(ATTACKS)])
                answers = 0
                while attack.poll() is None or answers == 0:
                    ask(steady, b"hostname\n", b"steady\r\nsteady$ ")
                    answers += 1
                self.assertIn(attack.returncode, (0, -9), "the hostile guest itself failed")
                if "evil" in machine.domains():
                    machine.run("destroy", "evil")
                eventually("the hostile domain is gone", lambda: "evil" not in machine.domains())
                self.assertEqual(pids, {name: machine.pid(name) for name in pids})
            alive = support.processes_with(machine.directory.encode())
            self.assertTrue(set(pids.values()) <= set(alive), "one of dom0's processes has ended")
            for name in pids:
                size = os.path.getsize(os.path.join(machine.directory, name + ".log"))
                self.assertLess(size, LOG_BYTES_MAX, f"the log of {name} was flooded")
            steady.close()


if __name__ == "__main__":
    support.main()

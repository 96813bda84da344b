"""`ringside watch --web` beside a guest that prints without end."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import unittest
import urllib.request

import support
from support import Machine, RINGSIDE
from watch_test import PLAIN_MEMORY


class Flood(unittest.TestCase):
    def test_a_flood_fills_the_page_and_not_the_memory(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "yes", check=0)
            viewer = socket.create_connection(("127.0.0.1", machine.tcp_port("web")))
            reading = threading.Thread(target=lambda: all(iter(lambda: viewer.recv(65536), b"")), daemon=True)
            reading.start()
            with subprocess.Popen([RINGSIDE, "watch", "--dir", machine.directory, "--web"], stdout=subprocess.PIPE, text=True,
                                  env=os.environ | PLAIN_MEMORY) as watch:
                address = watch.stdout.readline().strip()
                with urllib.request.urlopen(address + "steps", timeout=support.PATIENCE_S) as steps:
                    while line := steps.readline():
                        if line == b"event: full\n":
                            break
                    status = pathlib.Path(f"/proc/{watch.pid}/status").read_text()
                    self.assertLess(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]), 300_000)
                    urllib.request.urlopen(address, timeout=support.PATIENCE_S).close()
                    with urllib.request.urlopen(address + "steps", timeout=support.PATIENCE_S) as anew:
                        self.assertGreater(int(anew.readline().removeprefix(b"id: ")), 1)
                    self.assertEqual(steps.read(), b"data: \n\n")  # a reload begins again, and the old page ends
                watch.send_signal(signal.SIGTERM)
                self.assertEqual(watch.wait(support.PATIENCE_S), 0)
            viewer.shutdown(socket.SHUT_RDWR)
            reading.join()
            viewer.close()


if __name__ == "__main__":
    support.main()

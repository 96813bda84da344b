"""Programs of today's Xen in domains: libxenvchan between two of them, and what Xen refuses a guest."""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import support
from support import Machine, RINGSIDE, eventually, process_state

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "tools" / "modern" / "examples"
PACKAGES = "apt-get install xen-utils-4.17 xenstore-utils libxen-dev"
PROGRAMS = list(pathlib.Path("/usr/lib").glob("xen-*/bin"))
BYTES = 16 << 20 if os.environ.get("RINGSIDE_LONG") == "1" else 1 << 20
PATH = "/local/domain/1/data/upper"
# The two kinds of domains, as options of `create`.
OLD, NEW = (), ("--console", "today")
# `guest offer PEER` grants a page and offers a port to PEER, and prints both. The others are attempts: each prints "done",
# or the name of the error.
GUEST = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

static void tell(const char* what, int good) {
  printf("%s %s\n", what, good ? "done" : strerrorname_np(errno));
  fflush(stdout);
}

int main(int count, char** words) {
  const int peer = atoi(words[2]);
  const int number = count > 3 ? atoi(words[3]) : 0;
  xc_interface* control = xc_interface_open(NULL, NULL, 0);
  xenevtchn_handle* events = xenevtchn_open(NULL, 0);
  xengnttab_handle* maps = xengnttab_open(NULL, 0);
  xengntshr_handle* shares = xengntshr_open(NULL, 0);
  xenforeignmemory_handle* foreign = xenforeignmemory_open(NULL, 0);
  if (!control || !events || !maps || !shares || !foreign) {
    tell("open", 0);
    return 1;
  }
  if (strcmp(words[1], "offer") == 0) {
    uint32_t reference = 0;
    char* page = xengntshr_share_pages(shares, peer, 1, &reference, 1);
    const int port = xenevtchn_bind_unbound_port(events, peer);
    if (!page || port < 0) {
      tell("offer", 0);
      return 1;
    }
    strcpy(page, "from the granter");
    printf("%u %d\n", reference, port);
    fflush(stdout);
    /* Shows what the peer has written, and that the peer has sent an event. */
    const int got = xenevtchn_pending(events);
    printf("%s %s\n", got == port ? "event" : "nothing", page);
    fflush(stdout);
    return getchar() == EOF ? 0 : 1;
  }
  if (strcmp(words[1], "take") == 0) {
    const int port = xenevtchn_bind_interdomain(events, peer, atoi(words[4]));
    tell("bind", port > 0);
    char* page = xengnttab_map_grant_ref(maps, peer, number, PROT_READ | PROT_WRITE);
    tell("map", page != NULL);
    if (page == NULL || port < 0) return 1;
    printf("%s\n", page);
    strcpy(page, "from the peer");
    tell("notify", xenevtchn_notify(events, port) == 0);
    return 0;
  }
  if (strcmp(words[1], "attempt") == 0) {
    const int port = atoi(words[4]);
    tell("map", xengnttab_map_grant_ref(maps, peer, number, PROT_READ) != NULL);
    tell("map_console", xengnttab_map_grant_ref(maps, peer, 0, PROT_READ) != NULL);
    tell("map_notify", xengnttab_map_grant_ref_notify(maps, peer, number, PROT_READ | PROT_WRITE, 0, -1) != NULL);
    tell("bind", xenevtchn_bind_interdomain(events, peer, port) > 0);
    tell("bind_closed", xenevtchn_bind_interdomain(events, peer, 1000) > 0);
    tell("bind_no_domain", xenevtchn_bind_interdomain(events, 4000, 1) > 0);
    tell("virq", xenevtchn_bind_virq(events, 3) > 0);
    tell("notify", xenevtchn_notify(events, 1000) == 0);
    tell("alloc", xc_evtchn_alloc_unbound(control, peer, 0) > 0);
    xc_evtchn_status_t status = {.dom = peer, .port = port};
    tell("status", xc_evtchn_status(control, &status) == 0);
    tell("destroy", xc_domain_destroy(control, peer) == 0);
    tell("destroy_self", xc_domain_destroy(control, DOMID_SELF) == 0);
    tell("pause", xc_domain_pause(control, peer) == 0);
    xc_dominfo_t info;
    tell("info", xc_domain_getinfo(control, peer, 1, &info) == 1);
    xc_physinfo_t machine = {0};
    tell("physinfo", xc_physinfo(control, &machine) == 0);
    xen_pfn_t frame = 0x1000;
    tell("foreign", xenforeignmemory_map(foreign, 0, PROT_READ, 1, &frame, NULL) != NULL);
    return 0;
  }
  return 1;
}
"""
REFUSED = {
    # A guest learns nothing of a grant that is not for it, not even that it exists.
    "map": "ENOENT", "map_console": "ENOENT", "map_notify": "ENOENT",
    "bind": "EINVAL", "bind_closed": "EINVAL", "bind_no_domain": "ESRCH", "virq": "EPERM", "notify": "EINVAL",
    "alloc": "EPERM", "status": "EPERM", "destroy": "EPERM", "destroy_self": "EPERM", "pause": "EPERM", "info": "EPERM",
    "physinfo": "EPERM", "foreign": "EPERM"}


def setUpModule():
    folder = tempfile.mkdtemp(prefix="rs-vchan-")
    unittest.addModuleCleanup(shutil.rmtree, folder)
    for name, source in [("vchan_server", None), ("vchan_client", None), ("guest", GUEST)]:
        path = [str(EXAMPLES / f"{name}.c")] if source is None else ["-x", "c", "-"]
        done = subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", f"{folder}/{name}", *path, "-lxenvchan", "-lxenctrl", "-lxenevtchn",
                               "-lxengnttab", "-lxenforeignmemory"], input=(source or "").encode(), capture_output=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())
    global SERVER, CLIENT, GUEST_PROGRAM
    SERVER, CLIENT, GUEST_PROGRAM = (f"{folder}/{name}" for name in ["vchan_server", "vchan_client", "guest"])


def create(machine, *kinds):
    """Domains "one", "two" ... with numbers from 1; each echoes what is typed at its console."""
    for name, kind in zip(["one", "two", "three"], kinds):
        machine.run("create", name, *kind, "--", "cat", check=0)


class Program(support.Background):
    """A program in a domain, or in dom0."""

    def __init__(self, machine, domain, *command):
        where = ["--domain", domain] if domain else []
        super().__init__([RINGSIDE, "modern", "--dir", machine.directory, *where, "--", *command], stderr=subprocess.PIPE)

    def send(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def finish(self, given=b"", status=0):
        """Waits for its end; stdout, as lines in `lines`, and stderr."""
        out, err = self.process.communicate(given, timeout=support.PATIENCE_S)
        if self.process.returncode != status:
            raise AssertionError(f"status {self.process.returncode}, not {status}: {out[-1000:]!r} {err!r}")
        return out, err.decode()


def serve(machine, domain, client, path=PATH):
    """A server that waits for its client."""
    server = Program(machine, domain, SERVER, str(client), path)
    said = server.line()
    if "waiting" not in said:
        raise AssertionError(f"the server said {said!r} {server.process.communicate()}")
    return server


def attempts(output):
    return dict(line.split() for line in output.decode().splitlines())


class Channels(unittest.TestCase):
    def test_all_bytes_arrive_each_way_between_all_kinds_of_domains(self):
        data = random.Random(1).randbytes(BYTES)
        for kinds in [(OLD, OLD), (OLD, NEW), (NEW, OLD)]:
            with self.subTest(kinds), Machine() as machine:
                create(machine, *kinds)
                with serve(machine, "one", 2) as server, Program(machine, "2", CLIENT, "1", PATH) as client:
                    answer, _ = client.finish(data)
                    self.assertEqual(len(answer), BYTES)
                    self.assertTrue(answer == data.upper(), "other bytes came back")
                    self.assertIn(f"after {BYTES} bytes", server.finish()[0].decode())

    def test_a_domain_and_dom0_exchange_bytes(self):
        with Machine() as machine:
            create(machine, OLD)
            with serve(machine, "one", 0), Program(machine, "", CLIENT, "1", PATH) as client:
                self.assertEqual(client.finish(b"to a guest\n")[0], b"TO A GUEST\n")
            path = "/local/domain/0/data/upper"
            with serve(machine, "", 1, path), Program(machine, "one", CLIENT, "0", path) as client:
                self.assertEqual(client.finish(b"to dom0\n")[0], b"TO DOM0\n")

    def test_the_kernel_of_the_domain_is_not_disturbed(self):
        """The events of programs are no events of the kernel, whose console uses the same words of bits."""
        with Machine() as machine:
            create(machine, OLD, OLD)
            with socket.create_connection(("127.0.0.1", machine.tcp_port("one"))) as console, \
                    serve(machine, "one", 2), Program(machine, "two", CLIENT, "1", PATH) as client:
                for number in range(50):
                    support.ask(console, b"line %d\n" % number, b"line %d\r\n" % number)
                    client.send(b"piece %d\n" % number)
                    self.assertEqual(client.line(), f"PIECE {number}")
                self.assertEqual(client.finish()[0], b"")

    def test_a_client_of_another_domain_finds_no_channel(self):
        with Machine() as machine:
            create(machine, OLD, OLD, OLD)
            with serve(machine, "one", 2), Program(machine, "three", CLIENT, "1", PATH) as stranger, \
                    Program(machine, "two", CLIENT, "1", PATH) as client:
                self.assertIn("cannot connect: Invalid argument", stranger.finish(status=1)[1])
                self.assertEqual(client.finish(b"still here\n")[0], b"STILL HERE\n")


class Ends(unittest.TestCase):
    def test_the_peer_of_a_killed_program_notices(self):
        for killed in ["server", "client"]:
            with self.subTest(killed), Machine() as machine:
                create(machine, OLD, NEW)
                with serve(machine, "one", 2) as server, Program(machine, "two", CLIENT, "1", PATH) as client:
                    client.send(b"hello\n")
                    self.assertEqual(client.line(), "HELLO")
                    if killed == "server":
                        server.process.kill()
                        # Its stdin stays open: only the server's end ends it.
                        self.assertEqual(client.process.stdout.read(), b"")
                        self.assertEqual(client.process.wait(support.PATIENCE_S), 1)
                        self.assertIn(b"the server has gone", client.process.stderr.read())
                    else:
                        client.process.kill()
                        self.assertIn("the client has gone, after 6 bytes", server.finish()[0].decode())

    def test_the_programs_of_a_domain_stop_and_end_with_it(self):
        with Machine() as machine:
            create(machine, OLD, OLD)
            with Program(machine, "one", GUEST_PROGRAM, "offer", "2") as granter:
                reference, port = granter.line().split()
                machine.run("pause", "one", check=0)
                eventually("the program is stopped", lambda: process_state(granter.process.pid) == "T")
                machine.run("unpause", "one", check=0)
                eventually("the program goes on", lambda: process_state(granter.process.pid) == "S")
                machine.run("destroy", "one", check=0)
                self.assertEqual(granter.process.wait(support.PATIENCE_S), -signal.SIGKILL)
            with Program(machine, "two", GUEST_PROGRAM, "attempt", "1", reference, port) as late:
                tried = attempts(late.finish()[0])
                self.assertEqual((tried["map"], tried["bind"]), ("ENOENT", "ESRCH"))

    def test_the_end_of_a_program_leaves_its_domain(self):
        with Machine() as machine:
            create(machine, OLD)
            with Program(machine, "one", GUEST_PROGRAM, "offer", "1") as granter:
                granter.line()
            ports = lambda: machine.run("modern", "--", "lsevtchn", "1", check=0).stdout.decode()
            eventually("the program's port is closed", lambda: "Waiting for connect" not in ports())
            with socket.create_connection(("127.0.0.1", machine.tcp_port("one"))) as console:
                support.ask(console, b"here\n", b"here\r\n")


class Privilege(unittest.TestCase):
    def test_what_xen_refuses_a_guest_is_refused_and_disturbs_nothing(self):
        for kinds in [(OLD, OLD, OLD), (NEW, NEW, NEW)]:
            with self.subTest(kinds), Machine() as machine:
                create(machine, *kinds)
                with Program(machine, "one", GUEST_PROGRAM, "offer", "2") as granter:
                    reference, port = granter.line().split()
                    with Program(machine, "three", GUEST_PROGRAM, "attempt", "1", reference, port) as hostile:
                        self.assertEqual(attempts(hostile.finish()[0]), REFUSED)
                    with Program(machine, "two", GUEST_PROGRAM, "take", "1", reference, port) as peer:
                        self.assertEqual(peer.finish()[0].decode().splitlines(),
                                         ["bind done", "map done", "from the granter", "notify done"])
                    # The binding itself is an event for the one that binds only.
                    self.assertEqual(granter.line(), "event from the peer")
                    self.assertEqual(granter.finish()[0], b"")
                self.assertEqual(sorted(machine.domains()), ["one", "three", "two"])

    def test_xl_of_a_domain_has_no_rights(self):
        with Machine() as machine:
            create(machine, OLD)
            done = machine.run("modern", "--domain", "one", "--", "xl", "list", check=1)
            self.assertIn(b"Operation not permitted", done.stderr)
            # A program of the domain is not the domain's for ever: this one is dom0's again.
            shell = machine.run("modern", "--domain", "one", "--", RINGSIDE, "modern", "--", "xl", "list", check=0)
            self.assertRegex(shell.stdout.decode(), "(?m)^one ")

    def test_a_domain_that_cannot_run_a_program_is_named(self):
        with Machine() as machine:
            create(machine, OLD)
            for name in ["unknown", "7"]:
                done = machine.run("modern", "--domain", name, "--", "true", check=3)
                self.assertIn(f"no such domain: {name}".encode(), done.stderr)
                self.assertIn(b"ringside list shows the domains", done.stderr)
            machine.run("pause", "one", check=0)
            self.assertIn(b"the domain is paused", machine.run("modern", "--domain", "one", "--", "true", check=3).stderr)
            machine.run("unpause", "one", check=0)
            machine.run("modern", "--domain", "Domain-0", "--", "xl", "list", check=0)


if __name__ == "__main__":
    if not PROGRAMS or not shutil.which("xenstore-ls"):
        support.skip_all(f"today's Xen programs are not installed ({PACKAGES})")
    if not os.path.exists("/usr/include/libxenvchan.h"):
        support.skip_all("the headers of Xen's libraries are not installed (apt-get install libxen-dev)")
    support.main()

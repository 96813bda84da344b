"""Programs of today's Xen, Debian's own and unmodified, on a machine of ringside."""
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import unittest

import support
from support import Machine, RINGSIDE, eventually, has_ended, kill_daemon, pid_of, run

LIBRARIES = pathlib.Path(os.environ["MODERN_LIBRARIES"])
PACKAGES = "apt-get install xen-utils-4.17 xenstore-utils"
BYTES = 16 << 20 if os.environ.get("RINGSIDE_LONG") == "1" else 1 << 20
NAMES = ["xencall", "xenevtchn", "xengnttab", "xenforeignmemory", "xendevicemodel"]
PROGRAMS = list(pathlib.Path("/usr/lib").glob("xen-*/bin"))
# A line of `xl list`.
LISTED = re.compile(r"^(\S+) +(\d+) +(\d+) +(\d+) +([-rbpscd]{6}) +[\d.]+$", re.MULTILINE)
ROOT = pathlib.Path(__file__).resolve().parents[2]
# The layouts of tools/modern/abi.h beside those of the headers.
LAYOUT = """
#define __XEN_TOOLS__ 1
#include <cstddef>
#include <cstdint>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/sysctl.h>
#include <xen/version.h>
#include "tools/modern/abi.h"
using namespace ringside::modern;
#define SIZE(ours, theirs) static_assert(sizeof(ours) == sizeof(theirs))
#define FIELD(ours, field, theirs, name) static_assert(offsetof(ours, field) == offsetof(theirs, name))
#define NUMBER(ours, theirs) static_assert(static_cast<unsigned long>(ours) == (theirs))
SIZE(abi::Domctl, xen_domctl); SIZE(abi::Sysctl, xen_sysctl); SIZE(abi::DomainInfo, xen_domctl_getdomaininfo);
SIZE(abi::VcpuInfo, xen_domctl_getvcpuinfo); SIZE(abi::VcpuAffinity, xen_domctl_vcpuaffinity);
SIZE(abi::ReadConsole, xen_sysctl_readconsole); SIZE(abi::PhysicalInfo, xen_sysctl_physinfo);
SIZE(abi::DomainInfoList, xen_sysctl_getdomaininfolist); SIZE(abi::EventStatus, evtchn_status);
SIZE(abi::EventAllocUnbound, evtchn_alloc_unbound); SIZE(abi::MulticallEntry, multicall_entry);
SIZE(abi::CompileInfo, xen_compile_info); SIZE(abi::FeatureInfo, xen_feature_info);
SIZE(abi::ExtraVersion, xen_extraversion_t); SIZE(abi::Capabilities, xen_capabilities_info_t);
SIZE(abi::Changeset, xen_changeset_info_t); SIZE(abi::CommandLine, xen_commandline_t);
FIELD(abi::Domctl, domain, xen_domctl, domain); FIELD(abi::Domctl, info, xen_domctl, u); FIELD(abi::Sysctl, list, xen_sysctl, u);
FIELD(abi::DomainInfo, flags, xen_domctl_getdomaininfo, flags);
FIELD(abi::DomainInfo, shared_info_frame, xen_domctl_getdomaininfo, shared_info_frame);
FIELD(abi::DomainInfo, cpu_time, xen_domctl_getdomaininfo, cpu_time);
FIELD(abi::DomainInfo, max_vcpu_id, xen_domctl_getdomaininfo, max_vcpu_id);
FIELD(abi::DomainInfo, gpaddr_bits, xen_domctl_getdomaininfo, gpaddr_bits);
FIELD(abi::VcpuInfo, cpu_time, xen_domctl_getvcpuinfo, cpu_time); FIELD(abi::VcpuInfo, running, xen_domctl_getvcpuinfo, running);
FIELD(abi::VcpuAffinity, soft, xen_domctl_vcpuaffinity, cpumap_soft);
FIELD(abi::ReadConsole, index, xen_sysctl_readconsole, index); FIELD(abi::ReadConsole, count, xen_sysctl_readconsole, count);
FIELD(abi::PhysicalInfo, total_pages, xen_sysctl_physinfo, total_pages);
FIELD(abi::PhysicalInfo, capabilities, xen_sysctl_physinfo, capabilities);
FIELD(abi::DomainInfoList, num_domains, xen_sysctl_getdomaininfolist, num_domains);
FIELD(abi::EventStatus, status, evtchn_status, status); FIELD(abi::EventStatus, remote_port, evtchn_status, u.interdomain.port);
FIELD(abi::EventAllocUnbound, port, evtchn_alloc_unbound, port); FIELD(abi::MulticallEntry, arguments, multicall_entry, args);
NUMBER(abi::hypercall_memory_op, __HYPERVISOR_memory_op); NUMBER(abi::hypercall_multicall, __HYPERVISOR_multicall);
NUMBER(abi::hypercall_xen_version, __HYPERVISOR_xen_version); NUMBER(abi::hypercall_xsm_op, __HYPERVISOR_xsm_op);
NUMBER(abi::hypercall_event_channel_op, __HYPERVISOR_event_channel_op);
NUMBER(abi::hypercall_sysctl, __HYPERVISOR_sysctl); NUMBER(abi::hypercall_domctl, __HYPERVISOR_domctl);
NUMBER(abi::interface_version, XEN_DOMCTL_INTERFACE_VERSION); NUMBER(abi::interface_version, XEN_SYSCTL_INTERFACE_VERSION);
NUMBER(abi::flag_shutdown, XEN_DOMINF_shutdown); NUMBER(abi::flag_paused, XEN_DOMINF_paused);
NUMBER(abi::flag_running, XEN_DOMINF_running); NUMBER(abi::shutdown_reason_shift, XEN_DOMINF_shutdownshift);
NUMBER(abi::domctl_destroydomain, XEN_DOMCTL_destroydomain); NUMBER(abi::domctl_getvcpuaffinity, XEN_DOMCTL_getvcpuaffinity);
NUMBER(abi::domctl_getvcpuinfo, XEN_DOMCTL_getvcpuinfo); NUMBER(abi::scheduler_null, XEN_SCHEDULER_NULL);
NUMBER(abi::sysctl_sched_id, XEN_SYSCTL_sched_id); NUMBER(abi::capability_pv, XEN_SYSCTL_PHYSCAP_pv);
NUMBER(abi::event_status, EVTCHNOP_status); NUMBER(abi::event_alloc_unbound, EVTCHNOP_alloc_unbound);
NUMBER(abi::memory_maximum_reservation, XENMEM_maximum_reservation);
NUMBER(abi::memory_sharing_shared_pages, XENMEM_get_sharing_shared_pages);
NUMBER(abi::version_guest_handle, XENVER_guest_handle); NUMBER(abi::version_build_id, XENVER_build_id);
"""
# A program of another author. It prints "good" if each call does what libxen-dev's headers say.
PROGRAM = r"""
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xencall.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

#define CHECK(what) do { if (!(what)) { printf("line %d: %s (%s)\n", __LINE__, #what, strerror(errno)); exit(1); } } while (0)

static int readable(xenevtchn_handle* events) {
  struct pollfd waiting = {xenevtchn_fd(events), POLLIN, 0};
  return poll(&waiting, 1, 0) == 1;
}

static void use_events(void) {
  xenevtchn_handle* one = xenevtchn_open(NULL, 0);
  xenevtchn_handle* two = xenevtchn_open(NULL, 0);
  CHECK(one && two);
  const int waits = xenevtchn_bind_unbound_port(one, 0);
  CHECK(waits > 0 && !readable(one));
  const int peer = xenevtchn_bind_interdomain(two, 0, waits);
  CHECK(peer > 0 && peer != waits);
  /* Events from before are announced by the binding itself. */
  CHECK(readable(two) && xenevtchn_pending(two) == peer && !readable(two));
  CHECK(xenevtchn_notify(two, peer) == 0 && xenevtchn_notify(two, peer) == 0);
  CHECK(readable(one) && xenevtchn_pending(one) == waits && !readable(one));
  /* Now the port is masked: an event waits for unmask. */
  CHECK(xenevtchn_notify(two, peer) == 0 && !readable(one));
  CHECK(xenevtchn_unmask(one, waits) == 0 && readable(one) && xenevtchn_pending(one) == waits);
  CHECK(fcntl(xenevtchn_fd(one), F_SETFL, O_NONBLOCK) == 0);
  CHECK(xenevtchn_pending(one) == -1 && errno == EAGAIN);
  CHECK(xenevtchn_unmask(one, peer) == -1 && errno == EINVAL);
  CHECK(xenevtchn_bind_interdomain(one, 0, 1000) == -1);
  CHECK(xenevtchn_unbind(two, peer) == 0 && xenevtchn_unbind(two, peer) == -1);
  CHECK(xenevtchn_notify(one, waits) == -1 && errno == EINVAL);
  CHECK(xenevtchn_close(one) == 0 && xenevtchn_close(two) == 0);
}

static void use_grants(void) {
  xengntshr_handle* shares = xengntshr_open(NULL, 0);
  xengnttab_handle* maps = xengnttab_open(NULL, 0);
  uint32_t references[2] = {0, 0};
  CHECK(shares && maps);
  char* own = xengntshr_share_pages(shares, 0, 2, references, 0);
  CHECK(own && references[0] != references[1]);
  strcpy(own + 4096, "second page");
  CHECK(!xengnttab_map_domain_grant_refs(maps, 2, 0, references, PROT_READ | PROT_WRITE) && errno == EACCES);
  char* seen = xengnttab_map_domain_grant_refs(maps, 2, 0, references, PROT_READ);
  CHECK(seen && seen != own && strcmp(seen + 4096, "second page") == 0);
  CHECK(xengnttab_unmap(maps, seen, 1) == -1 && errno == EINVAL);
  CHECK(xengnttab_unmap(maps, seen, 2) == 0);
  CHECK(xengntshr_unshare(shares, own, 2) == 0);
  CHECK(!xengnttab_map_grant_ref(maps, 0, references[0], PROT_READ) && errno == ENOENT);
  CHECK(xengntshr_close(shares) == 0 && xengnttab_close(maps) == 0);
}

static void use_domain(int domain) {
  xc_interface* control = xc_interface_open(NULL, NULL, 0);
  xenforeignmemory_handle* foreign = xenforeignmemory_open(NULL, 0);
  xc_dominfo_t info;
  CHECK(control && foreign);
  CHECK(xc_domain_getinfo(control, domain, 1, &info) == 1 && (int)info.domid == domain && info.running);
  CHECK(xc_domain_getinfo(control, domain + 1, 1, &info) != 1);
  CHECK(xc_domain_getinfo(control, domain, 1, &info) == 1);
  xen_pfn_t frames[2] = {info.shared_info_frame, info.shared_info_frame + 7};
  int errors[2];
  char* page = xenforeignmemory_map(foreign, domain, PROT_READ, 2, frames, errors);
  CHECK(page && errors[0] == 0 && errors[1] == -EINVAL);
  /* The control interface of 2005 begins at 2048; what the guest has printed is in its ring. */
  CHECK(memmem(page + 2048, 1040, "hello", 5) != NULL);
  CHECK(xenforeignmemory_unmap(foreign, page, 2) == 0);
  CHECK(!xenforeignmemory_map(foreign, domain, PROT_READ, 2, frames, NULL) && errno == EINVAL);
  CHECK(xenforeignmemory_close(foreign) == 0 && xc_interface_close(control) == 0);
}

int main(int count, char** words) {
  CHECK(count == 2);
  use_events();
  use_grants();
  use_domain(atoi(words[1]));
  printf("good\n");
  return 0;
}
"""


def words(machine, *command):
    return [RINGSIDE, "modern", "--dir", machine.directory, "--", *command]


def modern(machine, *command, check=0, **more):
    """Runs a program to its end; its stdout as text."""
    return machine.run("modern", "--", *command, check=check, **more).stdout.decode()


def listed(machine):
    """Name -> (id, MiB, state) as `xl list` shows them."""
    return {name: (int(domain), int(mib), state)
            for name, domain, mib, _, state in LISTED.findall(modern(machine, "xl", "list"))}


def functions(library):
    """Names with versions, as a program that was linked with the library asks for them."""
    said = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", library], check=True,
                          capture_output=True, text=True).stdout
    return {line.split()[2].replace("@@", "@") for line in said.splitlines() if "@" in line and " A " not in line}


class Started(support.Background):
    def __init__(self, machine, *command, **more):
        super().__init__(words(machine, *command), **more)


class Libraries(unittest.TestCase):
    def test_structures_are_those_of_the_headers(self):
        subprocess.run(["c++", "-std=gnu++20", "-fsyntax-only", "-I", ROOT, "-x", "c++", "-"], input=LAYOUT.encode(), check=True)

    def test_each_library_has_all_functions_of_the_original_in_its_versions(self):
        for name in NAMES:
            [original] = pathlib.Path("/usr/lib").glob(f"*/lib{name}.so.1")
            missing = functions(original) - functions(LIBRARIES / f"lib{name}.so.1")
            self.assertFalse(missing, name)

    def test_each_library_exports_nothing_else(self):
        for name in NAMES:
            [original] = pathlib.Path("/usr/lib").glob(f"*/lib{name}.so.1")
            more = functions(LIBRARIES / f"lib{name}.so.1") - functions(original)
            self.assertEqual(more, {"open@GLIBC_2.2.5"} if name == "xenevtchn" else set(), name)


class Programs(unittest.TestCase):
    def test_the_store_keeps_what_is_written(self):
        with Machine() as machine:
            modern(machine, "xenstore-write", "/tool/test/a", "one", "/tool/test/b", "two words")
            self.assertEqual(modern(machine, "xenstore-read", "/tool/test/b"), "two words\n")
            self.assertEqual(modern(machine, "xenstore-ls", "/tool/test"), 'a = "one"\nb = "two words"\n')
            modern(machine, "xenstore-rm", "/tool/test/a")
            self.assertEqual(modern(machine, "xenstore-list", "/tool/test"), "b\n")
            modern(machine, "xenstore-read", "/tool/test/a", check=1)

    def test_a_watch_sees_each_change(self):
        with Machine() as machine, Started(machine, "xenstore-watch", "/tool/watched") as watcher:
            self.assertEqual(watcher.line(), "/tool/watched")
            modern(machine, "xenstore-write", "/tool/watched/inside", "1")
            self.assertEqual(watcher.line(), "/tool/watched/inside")

    def test_xl_lists_the_domains_of_the_machine(self):
        with Machine() as machine:
            machine.run("create", "web", "--memory", "32", "--", "cat", check=0)
            machine.run("create", "db", "--", "cat", check=0)
            self.assertEqual(listed(machine), {"Domain-0": (0, 0, "r-----"), "web": (1, 32, "r-----"), "db": (2, 64, "r-----")})
            modern(machine, "xl", "pause", "web")
            self.assertTrue(machine.domains()["web"]["paused"])
            self.assertEqual(listed(machine)["web"], (1, 32, "--p---"))
            modern(machine, "xl", "unpause", "web")
            machine.run("destroy", "db", check=0)
            self.assertEqual(listed(machine), {"Domain-0": (0, 0, "r-----"), "web": (1, 32, "r-----")})
            # A domain that is gone leaves no name.
            self.assertEqual(sorted(modern(machine, "xenstore-list", "/local/domain").split()), ["0", "1"])

    def test_xl_shows_the_messages_of_the_hypervisor(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "cat", check=0)
            own = machine.run("dmesg", check=0).stdout.decode()
            self.assertIn("web", own)
            self.assertEqual(modern(machine, "xl", "dmesg"), own)

    def test_event_channels_of_2005_and_of_today_are_in_one_table(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "cat", check=0)
            ports = dict(re.findall(r"^ *(\d+): VCPU 0: (.*)$", modern(machine, "lsevtchn", "0"), re.MULTILINE))
            console = machine.domains()["web"]
            self.assertEqual(ports[str(console["dom0_port"])],
                             f"Interdomain (Connected) - Remote Domain 1, Port {console['port']}")
            # xcs and xenstored both learn of a domain's end.
            self.assertEqual(list(ports.values()).count("Virtual IRQ 3"), 2)
            kill_daemon(machine, "xenstored")
            eventually("its ports are closed", lambda: self.ports_of_virq(machine) == 1)

    def ports_of_virq(self, machine):
        """Without `modern`, which would start xenstored again."""
        said = subprocess.run(words(machine, "lsevtchn", "0")[-2:], check=True, capture_output=True, text=True, env={
            **os.environ, "PATH": str(PROGRAMS[0]), "LD_LIBRARY_PATH": str(LIBRARIES), "RINGSIDE_DIR": machine.directory})
        return said.stdout.count("Virtual IRQ 3")

    def test_xl_shows_the_one_vcpu_of_each_domain(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "cat", check=0)
            self.assertRegex(modern(machine, "xl", "vcpu-list"), r"(?m)^web +1 +0 +0 +r-- +[\d.]+ +all / all$")

    def test_xl_info_is_complete(self):
        with Machine() as machine:
            told = dict(line.split(":", 1) for line in modern(machine, "xl", "info").splitlines())
            self.assertEqual({name.strip(): value.strip() for name, value in told.items()}["xen_version"], "4.17.0-ringside")

    def test_a_shell_finds_xl_and_its_status_is_returned(self):
        with Machine() as machine:
            modern(machine, "sh", "-c", "xl list >/dev/null && exit 7", check=7)

    def test_a_missing_call_is_named(self):
        with Machine() as machine:
            done = machine.run("modern", "--", "xl", "cpupool-list")
            self.assertEqual(done.stderr.count(b"ringside: sysctl 18: ringside does not have this call"), 1)
            self.assertIn(b"Function not implemented", done.stderr)

    def test_a_missing_machine_or_program_is_reported(self):
        self.assertIn(b"no machine is running", run("modern", "--dir", "/nonexistent", "--", "xl", "list", check=3).stderr)
        with Machine() as machine:
            done = machine.run("modern", "--", "no-such-program", check=3)
            self.assertIn(b"there is no such program", done.stderr)


class OwnProgram(unittest.TestCase):
    def test_a_program_that_is_linked_with_libxen_dev_works(self):
        with Machine() as machine:
            program = os.path.join(machine.directory, "program")
            subprocess.run(["cc", "-D_GNU_SOURCE", "-x", "c", "-o", program, "-", "-lxenctrl", "-lxencall", "-lxenevtchn", "-lxengnttab",
                            "-lxenforeignmemory"], input=PROGRAM.encode(), check=True)
            machine.run("create", "web", "--", "sh", "-c", "echo hello; cat", check=0)
            with socket.create_connection(("127.0.0.1", machine.tcp_port("web"))) as console:
                support.ask(console, b"", b"hello")
            self.assertEqual(modern(machine, program, "1"), "good\n")
            os.remove(program)


class Channels(unittest.TestCase):
    """libxenvchan: granted pages, event channels and their notifications between two processes of dom0."""

    def connect(self, machine):
        path = "/local/domain/0/data/vchan"
        server = Started(machine, "vchan-socket-proxy", "--mode=server", "0", path, "-")
        server.__enter__()
        eventually("the server offers its channel", lambda: machine.run("modern", "--", "xenstore-exists", path).returncode == 0)
        return server, Started(machine, "vchan-socket-proxy", "0", path, "-")

    def test_bytes_arrive_in_order(self):
        data = random.Random(1).randbytes(BYTES)
        with Machine() as machine:
            server, client = self.connect(machine)
            with server, client:
                reader = subprocess.Popen(["head", "-c", str(len(data))], stdin=client.process.stdout, stdout=subprocess.PIPE)
                writer = subprocess.Popen([sys.executable, "-c", "import sys, random; sys.stdout.buffer.write(random.Random(1).randbytes(int(sys.argv[1])))", str(BYTES)], stdout=server.process.stdin)
                self.assertTrue(reader.communicate(timeout=support.PATIENCE_S)[0] == data, "other bytes")
                writer.wait()

    def test_the_peer_of_a_killed_process_notices(self):
        with Machine() as machine:
            server, client = self.connect(machine)
            with server, client:
                server.process.stdin.write(b"x")
                server.process.stdin.flush()
                self.assertEqual(client.process.stdout.read(1), b"x")
                server.process.kill()
                self.assertEqual(client.process.stdout.read(), b"")
                client.process.wait(support.PATIENCE_S)


class Ends(unittest.TestCase):
    def test_daemons_that_were_killed_are_started_again(self):
        with Machine() as machine:
            machine.run("create", "web", "--", "cat", check=0)
            modern(machine, "xenstore-write", "/tool/test", "1")
            # In this order: an xenconsoled that is still starting would end with xenstored.
            for daemon in ["xenconsoled", "xenstored"]:
                kill_daemon(machine, daemon)
            self.assertIn("web", listed(machine))
            # The store was in the memory of the dead process.
            modern(machine, "xenstore-read", "/tool/test", check=1)
            for daemon in ["xenstored", "xenconsoled"]:
                self.assertFalse(has_ended(pid_of(machine, daemon)))

    def test_xenstored_ends_with_the_hypervisor(self):
        with Machine() as machine:
            modern(machine, "xenstore-ls")
            pid = pid_of(machine, "xenstored")
            kill_daemon(machine, "xen")
            eventually("xenstored has ended", lambda: has_ended(pid))

    def test_programs_that_begin_at_once_start_each_daemon_once(self):
        with Machine() as machine:
            started = [Started(machine, "xl", "list") for _ in range(5)]
            for each in started:
                self.assertIn("Domain-0", each.process.communicate(timeout=support.PATIENCE_S)[0].decode())


if __name__ == "__main__":
    if not PROGRAMS or not shutil.which("xenstore-ls"):
        support.skip_all(f"today's Xen programs are not installed ({PACKAGES})")
    if not os.path.exists("/usr/include/xengnttab.h"):
        support.skip_all("the headers of Xen's libraries are not installed (apt-get install libxen-dev)")
    support.main()

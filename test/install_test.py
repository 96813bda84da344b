#!/usr/bin/env python3
"""Installs the libraries for other programs into an empty folder and uses them from there as an outside user would. Of
ringside-ring: each header alone, the example of ring/README.md through pkg-config, and the same through Meson. Of
libringside: the header alone in C and C++, the exported symbols, the examples by the one line of its README, the man
page. Of ring-check: its header alone, and a template compiled and checked. Nothing of the source tree is on the include
path.

usage: install_test.py SOURCE_ROOT BUILD_ROOT COMPILER...
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

STRICT_C = ["-std=c89", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
STRICT = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
MESON_PROJECT = """project('outside', 'cpp', default_options: ['cpp_std=c++20'])
executable('example', 'example.cc', dependencies: dependency('ringside-ring'))
"""


def run(*command, **options):
    print("+", *command, flush=True)
    return subprocess.run(command, check=True, text=True, **options)


def example(readme):
    """The only C++ block of the README."""
    blocks = re.findall(r"^```cpp\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"ring/README.md has {len(blocks)} C++ blocks instead of 1"
    return blocks[0]


def check_output(program):
    said = run(str(program), stdout=subprocess.PIPE).stdout
    assert said == "hello\n", f"the example printed {said!r}"


def use_library(source, stage, top, compiler):
    """Uses libringside from `stage` with the usual C compiler."""
    [description] = stage.rglob("ringside.pc")
    environment = dict(os.environ, PKG_CONFIG_LIBDIR=str(description.parent), PKG_CONFIG_SYSROOT_DIR=str(stage))
    environment.pop("PKG_CONFIG_PATH", None)
    flags = run("pkg-config", "--cflags", "--libs", "ringside", env=environment, stdout=subprocess.PIPE).stdout.split()
    [library] = stage.rglob("libringside.so")
    for name, command in (("alone.c", ["cc", *STRICT_C]), ("alone.cc", [*compiler, *STRICT])):
        (top / name).write_text("#include <ringside.h>\n#include <ringside.h>\n")
        run(*command, *flags, "-fsyntax-only", name, cwd=top)

    symbols = run("nm", "-D", "--defined-only", str(library), stdout=subprocess.PIPE).stdout.split()[2::3]
    header = (stage / next(stage.rglob("ringside.h"))).read_text()
    promised = set(re.findall(r"\b((?:xc|rs)_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)))
    assert set(symbols) == promised, f"exported, or promised only: {sorted(set(symbols) ^ promised)}"
    [page] = stage.rglob("ringside.3*")
    unknown = {name for name in promised if f"{name}(" not in page.read_text()}
    assert not unknown, f"the man page does not know {sorted(unknown)}"
    if shutil.which("man"):
        said = run("man", "--warnings", "-l", str(page), capture_output=True, env=dict(os.environ, MANPAGER="cat"))
        assert said.stdout and not said.stderr, said.stderr
    else:
        print("the man page is not rendered: there is no man here")

    for example in ("domu", "dom0_end", "evtchn"):
        for file in pathlib.Path(source, "tools/libringside/examples").glob("*.[ch]"):
            (top / file.name).write_text(file.read_text())
        run("cc", "-o", example, f"{example}.c", *flags, cwd=top)
        there = dict(os.environ, LD_LIBRARY_PATH=str(library.parent), RINGSIDE_DIR=str(top / "nowhere"))
        ended = subprocess.run([str(top / example), "1"], env=there, capture_output=True, text=True)
        assert ended.returncode == 1 and ("no machine is running" in ended.stderr or example == "evtchn"), ended
    # Without an interface, so that opening the device fails with a message.
    [devices] = stage.rglob("libringside-devices.so")
    there = dict(os.environ, LD_LIBRARY_PATH=str(library.parent), LD_PRELOAD=str(devices), RINGSIDE_DIR=str(top / "nowhere"))
    ended = subprocess.run(["head", "-c1", "/dev/xen/evtchn"], env=there, capture_output=True, text=True)
    assert ended.returncode == 1 and "cannot open /dev/xen/evtchn" in ended.stderr, ended


def use_ring_check(stage, top, compiler):
    """A ring of an outside user: the interface alone in the oldest C and C++ that it supports, and a template from its
    installed place."""
    [header] = stage.rglob("ring_check.h")
    include = f"-I{header.parent.parent}"
    for name, command in (("ring_alone.c", ["cc", "-std=c11", *STRICT_C[1:]]), ("ring_alone.cc", [*compiler, "-std=c++11", *STRICT[1:]])):
        (top / name).write_text("#include <ringside/ring_check.h>\n#include <ringside/ring_check.h>\n")
        run(*command, include, "-fsyntax-only", name, cwd=top)
    [program] = stage.rglob("bin/ringside")
    if "ring-check" not in run(str(program), "--help", stdout=subprocess.PIPE).stdout:
        print("no ring is checked: this build has none, since the compiler's thread sanitizer is in it")
        return
    [template] = stage.rglob("template_c/ring.c")
    run(str(program), "ring-check", "cc", "-O2", "-o", "ring.so", str(template), cwd=top)
    said = subprocess.run([str(program), "ring-check", "--ring", "./ring.so", "--first"], cwd=top, capture_output=True, text=True)
    assert said.returncode == 4 and "lost wake-up" in said.stdout, said


def main():
    source, build, *compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="ringside-install-") as folder:
        top = pathlib.Path(folder)
        stage = top / "stage"
        run("meson", "install", "-C", build, "--no-rebuild", "--tags", "devel,runtime,man", "--destdir", str(stage),
            stdout=subprocess.DEVNULL)
        [description] = stage.rglob("ringside-ring.pc")
        environment = dict(os.environ, PKG_CONFIG_LIBDIR=str(description.parent), PKG_CONFIG_SYSROOT_DIR=str(stage))
        environment.pop("PKG_CONFIG_PATH", None)
        flags = run("pkg-config", "--cflags", "ringside-ring", env=environment,
                    stdout=subprocess.PIPE).stdout.split()

        headers = sorted((stage.rglob("ringside/ring/*.h")))
        names = {header.name for header in headers}
        expected = {header.name for header in pathlib.Path(source, "ring").glob("*.h")}
        assert names == expected, f"installed {sorted(names)}, the folder has {sorted(expected)}"
        for header in headers:
            (top / "alone.cc").write_text(f'#include "ring/{header.name}"\n#include "ring/{header.name}"\n')
            run(*compiler, *STRICT, *flags, "-fno-exceptions", "-fsyntax-only", "alone.cc", cwd=top)

        (top / "example.cc").write_text(example(pathlib.Path(source, "ring", "README.md").read_text()))
        run(*compiler, *STRICT, *flags, "example.cc", "-o", "example", cwd=top)
        check_output(top / "example")

        (top / "meson.build").write_text(MESON_PROJECT)
        run("meson", "setup", "build", cwd=top, env=environment, stdout=subprocess.DEVNULL)
        run("ninja", "-C", "build", cwd=top, stdout=subprocess.DEVNULL)
        check_output(top / "build" / "example")
        use_library(source, stage, top, compiler)
        use_ring_check(stage, top, compiler)


main()

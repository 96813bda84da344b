#!/usr/bin/env python3
"""Installs the libraries for other programs into an empty folder and uses them from there as an outside user would. Of
ringside-ring: each header alone, the examples of ring/README.md and ring/xen.md through pkg-config, and the same through Meson. Of
libringside: the header alone in C and C++, the exported symbols, the examples by the one line of its README, the man
page. Both from a project of Meson and one of CMake. Of ring-check: its header alone, and a template compiled and
checked. Nothing of the source tree is on the include path. Everything else is at its place.

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
MESON_PROJECT = """project('outside', 'c', 'cpp', default_options: ['cpp_std=c++20'])
executable('example', 'example.cc', dependencies: dependency('ringside-ring'))
executable('domu', 'domu.c', dependencies: dependency('ringside'))
"""
CMAKE_PROJECT = """cmake_minimum_required(VERSION 3.18)
project(outside C CXX)
find_package(ringside-ring 0.1 REQUIRED)
find_package(ringside 0.1 REQUIRED)
find_package(ringside 99 QUIET)
if(ringside_FOUND)
  message(FATAL_ERROR "version 99 is there")
endif()
add_executable(example example.cc)
target_link_libraries(example ringside::ring)
add_executable(domu domu.c)
target_link_libraries(domu ringside::ringside)
"""
# Below the prefix; * stands for the architecture.
PLACES = """bin/ringside  lib/*/libringside.so.0  lib/*/pkgconfig/ringside.pc  share/pkgconfig/ringside-ring.pc
share/man/man1/ringside.1  share/man/man1/ringside-run.1  share/man/man1/ringside-ring-check.1  share/man/man3/ringside.3
share/man/man5/ringside-scenario.5  share/man/man5/ringside-journal.5  share/man/man7/ringside-wire.7
share/bash-completion/completions/ringside  share/zsh/site-functions/_ringside  share/fish/vendor_completions.d/ringside.fish
share/doc/ringside/examples/domu.c  share/doc/ringside/README.md  share/ringside/scenarios/01-hello.scn
share/ringside/vscode/package.json  share/vim/vimfiles/syntax/scn.vim  share/vim/vimfiles/ftdetect/scn.vim
lib/*/wireshark/plugins/ringside.lua  share/wireshark/profiles/ringside/colorfilters"""


def run(*command, **options):
    print("+", *command, flush=True)
    return subprocess.run(command, check=True, text=True, **options)


def example(source, name):
    """The only C++ block of a document of ring/."""
    blocks = re.findall(r"^```cpp\n(.*?)^```", pathlib.Path(source, "ring", name).read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"ring/{name} has {len(blocks)} C++ blocks instead of 1"
    return blocks[0]


# The documents of ring/ with an example, and what it prints.
EXAMPLES = {"README.md": "sensor 0: 20.5\nsensor 1: 21.5\nsensor 2: 22.5\n", "xen.md": "hello\n"}


def check_output(program, expected):
    said = run(str(program), stdout=subprocess.PIPE).stdout
    assert said == expected, f"the example printed {said!r}"


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


def check_places(stage):
    """Every file is there; the man pages of commands only if this build makes them."""
    prefix = next(stage.rglob("bin/ringside")).parents[1]
    for place in PLACES.split():
        if place.startswith("share/man/man") and not place.endswith(".3") and not list(prefix.glob("share/man/man1")):
            print(f"{place} is not checked: this build makes no man pages")
            continue
        # Without an architecture in the library folder's name, too.
        assert any(list(prefix.glob(pattern)) for pattern in (place, place.replace("/*", ""))), f"not installed: {place}"
    said = run(str(prefix / "bin/ringside"), "run", str(prefix / "share/ringside/scenarios/01-hello.scn"), stdout=subprocess.PIPE).stdout
    assert said.startswith("ok   01-hello"), said


def check_domu(program, library):
    """A guest that is not started by a machine says so."""
    there = dict(os.environ, LD_LIBRARY_PATH=str(library.parent), RINGSIDE_DIR="/nowhere")
    ended = subprocess.run([str(program), "1"], env=there, capture_output=True, text=True)
    assert ended.returncode == 1 and "no machine is running" in ended.stderr, ended


def use_from_projects(stage, top, environment, compiler):
    """The same two programs from a project of Meson, which asks pkg-config, and from one of CMake."""
    [library] = stage.rglob("libringside.so")
    (top / "meson.build").write_text(MESON_PROJECT)
    run("meson", "setup", "build", cwd=top, env=environment, stdout=subprocess.DEVNULL)
    run("ninja", "-C", "build", cwd=top, stdout=subprocess.DEVNULL)
    check_output(top / "build" / "example")
    check_domu(top / "build" / "domu", library)
    if not shutil.which("cmake"):
        if os.environ.get("RINGSIDE_SKIPS_FAIL") == "1":
            raise AssertionError("cmake is not installed (apt-get install cmake)")
        print("no project of CMake is built: cmake is not installed (apt-get install cmake)")
        return
    (top / "CMakeLists.txt").write_text(CMAKE_PROJECT)
    prefix = next(stage.rglob("bin/ringside")).parents[1]
    run("cmake", "-B", "build-cmake", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler[-1]}", cwd=top,
        stdout=subprocess.DEVNULL)
    run("ninja", "-C", "build-cmake", cwd=top, stdout=subprocess.DEVNULL)
    check_output(top / "build-cmake" / "example")
    check_domu(top / "build-cmake" / "domu", library)


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
        run("meson", "install", "-C", build, "--no-rebuild", "--destdir", str(stage),
            stdout=subprocess.DEVNULL)
        check_places(stage)
        [description] = stage.rglob("ringside-ring.pc")
        [other] = stage.rglob("ringside.pc")
        environment = dict(os.environ, PKG_CONFIG_LIBDIR=f"{description.parent}:{other.parent}", PKG_CONFIG_SYSROOT_DIR=str(stage))
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

        for name, expected in EXAMPLES.items():
            (top / "example.cc").write_text(example(source, name))
            run(*compiler, *STRICT, *flags, "example.cc", "-o", "example", cwd=top)
            check_output(top / "example", expected)

        use_library(source, stage, top, compiler)
        use_from_projects(stage, top, environment, compiler)
        use_ring_check(stage, top, compiler)


main()

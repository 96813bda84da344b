#!/usr/bin/env python3
"""Installs ringside-ring into an empty folder and uses it from there as a stranger would: each header alone, the example
of ring/README.md through pkg-config, and the same through Meson. Nothing of the source tree is on the include path.

usage: install_test.py SOURCE_ROOT BUILD_ROOT COMPILER...
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

STRICT = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
MESON_PROJECT = """project('outside', 'cpp', default_options: ['cpp_std=c++20'])
executable('example', 'example.cc', dependencies: dependency('ringside-ring'))
"""


def run(*command, **options):
    print("+", *command, flush=True)
    return subprocess.run(command, check=True, text=True, **options)


def example(readme):
    """The one C++ block of the README."""
    blocks = re.findall(r"^```cpp\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"ring/README.md has {len(blocks)} C++ blocks instead of 1"
    return blocks[0]


def check_output(program):
    said = run(str(program), stdout=subprocess.PIPE).stdout
    assert said == "hello\n", f"the example printed {said!r}"


def main():
    source, build, *compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="ringside-install-") as folder:
        top = pathlib.Path(folder)
        stage = top / "stage"
        run("meson", "install", "-C", build, "--no-rebuild", "--tags", "devel", "--destdir", str(stage),
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


main()

#!/usr/bin/env python3
"""The Debian package as far as it can be tested without a build of it: each installed file is in one package, the
version is that of the tree, and the build needs what `tools/setup` installs.

usage: debian_test.py SOURCE_ROOT BUILD_ROOT
"""

import fnmatch
import json
import pathlib
import re
import subprocess
import sys
import unittest

ROOT, BUILD = (pathlib.Path(path) for path in sys.argv[1:3])
DEBIAN = ROOT / "tools/debian"
# Every build environment has the compiler; another package brings ninja.
UNNAMED = {"g++", "ninja-build"}


def installed():
    """Paths below the prefix, with usr/ in its place and * for the architecture; a folder stands for its files."""
    command = ["meson", "introspect", "--installed", "--buildoptions", BUILD]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    option = {each["name"]: each["value"] for each in told["buildoptions"]}
    libdir = pathlib.PurePath(option["libdir"])
    for path in told["installed"].values():
        below = pathlib.PurePath(path).relative_to(option["prefix"])
        if below.is_relative_to(libdir):
            below = pathlib.PurePath("lib/*") / below.relative_to(libdir)
        yield "usr" / below


def packages():
    """The patterns of each; a second word of a line is another place."""
    return {path.stem: [line.split()[0] for line in path.read_text().splitlines()] for path in DEBIAN.glob("*.install")}


def has(pattern, path):
    """Whether the pattern names the path or a folder above it; * is within one name."""
    wanted = pathlib.PurePath(pattern).parts
    return len(wanted) <= len(path.parts) and all(map(fnmatch.fnmatchcase, path.parts, wanted))


class DebianPackage(unittest.TestCase):
    def test_each_installed_file_is_in_one_package(self):
        paths = set(installed())
        self.assertGreater(len(paths), 30)
        for path in paths:
            within = [name for name, patterns in packages().items() if any(has(pattern, path) for pattern in patterns)]
            # The links of a library are made at its installation, and belong to the package for development.
            self.assertEqual(len(within), 1, f"{path}: {within}")

    def test_each_pattern_has_a_file(self):
        paths = set(installed())
        for name, patterns in packages().items():
            for pattern in patterns:
                if "libringside" in pattern and pattern.endswith(".so"):
                    continue  # a link to the library
                self.assertTrue(any(has(pattern, path) for path in paths), f"{name}: {pattern}")

    def test_the_version_is_that_of_the_tree(self):
        version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
        self.assertTrue((DEBIAN / "changelog").read_text().startswith(f"ringside ({version}-"))

    def test_the_packages_are_those_of_the_control_file(self):
        named = re.findall(r"^Package: (.*)$", (DEBIAN / "control").read_text(), re.MULTILINE)
        self.assertEqual(set(named), set(packages()))

    def test_a_build_needs_what_setup_installs(self):
        setup = re.search(r"^build_packages='\n(.*?)'$", (ROOT / "tools/setup").read_text(), re.MULTILINE | re.DOTALL)[1]
        wanted = {line.split("|")[0] for line in setup.splitlines()} - UNNAMED
        needs = re.search(r"^Build-Depends: (.*?)^\S", (DEBIAN / "control").read_text(), re.MULTILINE | re.DOTALL)[1]
        self.assertLessEqual(wanted, set(re.findall(r"[\w.+-]+", needs)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/env python3
"""Shows that each rule of test/tidy can fail: a small tidy tree passes, and each single bad change is found, by the
intended rule and at the right place.
"""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

TIDY = pathlib.Path(__file__).resolve().parent / "tidy"

HEADER = "// What it is.\n#pragma once\n"
GOOD = {
    "README.md": "# a tree\n",
    "LICENSE": "MIT\n",
    "meson.build": "project('tree')\n",
    ".clang-format": "BasedOnStyle: Google\n",
    ".ci/run": "#!/bin/sh\n# What runs.\n",
    ".github/CONTRIBUTING.md": "# for engineers\n",
    "ring/README.md": "# ring\n",
    "ring/meson.build": "files('ring.h', 'memory.h')\n",
    "ring/ring.h": HEADER + '\n#include <cstdint>\n\n#include "ring/memory.h"\n',
    "ring/memory.h": HEADER + "\n#include <atomic>\n\nconstexpr auto order = std::memory_order_relaxed;\n",
    "emu/README.md": "# emu\n",
    "emu/glossary.md": "# Terms\n\n| term | meaning | not |\n|---|---|---|\n| discard | to remove | `throw* away` |\n",
    "emu/base/README.md": "# base\n",
    "emu/base/meson.build": "library('base', 'base.cc')\n",
    "emu/base/base.h": HEADER + '\n#include <fmt/format.h>\n\n#include "ring/ring.h"\n',
    "emu/base/base.cc": '// What it does.\n#include "emu/base/base.h"\n',
    "emu/host/README.md": "# host\n",
    "emu/host/meson.build": "library('host', 'host.cc')\n",
    "emu/host/host.cc": '// Sees all.\n#include <sys/mman.h>\n\n#include <boost/asio.hpp>\n#include <thread>\n\n'
                        '#include "emu/base/base.h"\n',
    "emu/xen/README.md": "# xen\n",
    "emu/xen/meson.build": "library('xen', 'xen.cc')\n",
    "emu/xen/xen.h": HEADER,
    "emu/xen/xen.cc": '// The hypervisor.\n#include "emu/xen/xen.h"\n',
    "emu/dom0/README.md": "# dom0\n",
    "emu/dom0/meson.build": "library('dom0', 'xcs/xcs.cc', 'xend/xend.cc', 'xenctld/xenctld.cc')\n",
    "emu/dom0/xcs/README.md": "# xcs\n",
    "emu/dom0/xcs/xcs.h": HEADER,
    "emu/dom0/xcs/xcs.cc": '// The switch.\n#include "emu/dom0/xcs/xcs.h"\n',
    "emu/dom0/xend/README.md": "# xend\n",
    "emu/dom0/xend/xend.cc": '// xend.\n#include "emu/dom0/xcs/xcs.h"\n',
    "emu/dom0/xenctld/README.md": "# xenctld\n",
    "emu/dom0/xenctld/xenctld.cc": '// xenctld.\n#include "emu/base/base.h"\n',
    "emu/check/README.md": "# check\n",
    "emu/check/meson.build": "library('check', 'check.cc')\n",
    "emu/check/check.cc": '// The checker.\n#include "emu/base/base.h"\n',
    "emu/script/README.md": "# script\n",
    "emu/script/meson.build": "library('script', 'expression.cc', 'run.cc')\n",
    "emu/script/expression.cc": '// Searches.\n#include <re2/re2.h>\n\n#include "emu/base/base.h"\n',
    "emu/script/run.cc": '// Runs.\n#include "emu/base/base.h"\n',
    "tools/README.md": "# tools\n",
    "tools/bench/README.md": "# bench\n",
    "tools/meson.build": "files('main.cc', 'options.cc', 'lsp/server.cc', 'bench/ring.cc', 'ring_check/cc.cc')\n",
    "tools/bench/ring.cc": '// Measures.\n#include <fcntl.h>\n\n#include <boost/interprocess/ipc/message_queue.hpp>\n',
    "tools/lsp/README.md": "# lsp\n",
    "tools/lsp/server.cc": "// Answers.\n#include <nlohmann/json.hpp>\n",
    "tools/main.cc": '// The command line.\n#include <csignal>\n\n#include "emu/xen/xen.h"\n',
    "tools/options.cc": "// Its options.\n#include <CLI/CLI.hpp>\n",
    "tools/ring_check/README.md": "# ring_check\n",
    "tools/ring_check/cc.cc": "// Compiles rings.\n#include <spawn.h>\n",
    "tools/setup": "#!/bin/sh\n# Sets up.\n",
    "test/README.md": "# test\n",
    "test/meson.build": "tests = {\n  'xen': [xen],\n}\n",
    "test/xen_test.cc": '// Tests it.\n#include "emu/xen/xen.h"\n\n#include <unistd.h>\n\n#include "test/catch.h"\n',
    "test/catch.h": HEADER + "\n#include <catch2/catch.hpp>\n",
    "test/golden/a.txt": "golden\n",
}


def with_include(path, line):
    first, rest = GOOD[path].split("\n", 1)
    return {path: f"{first}\n{line}\n{rest}"}


# (rule, file of the finding, the change; None removes a file)
BAD = [
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", '#include "emu/dom0/xcs/xcs.h"')),
    ("include", "emu/dom0/xcs/xcs.cc", with_include("emu/dom0/xcs/xcs.cc", '#include "emu/xen/xen.h"')),
    ("include", "emu/dom0/xenctld/xenctld.cc", with_include("emu/dom0/xenctld/xenctld.cc", '#include "emu/dom0/xcs/xcs.h"')),
    ("include", "emu/dom0/odd.cc", {"emu/dom0/odd.cc": "// In no known folder.\n", "emu/dom0/meson.build": GOOD["emu/dom0/meson.build"] + "files('odd.cc')\n"}),
    ("world", "emu/dom0/xcs/xcs.h", {"emu/dom0/xcs/xcs.h": HEADER + "inline auto a = std::chrono::steady_clock::now();\n"}),
    ("include", "emu/base/base.cc", with_include("emu/base/base.cc", '#include "emu/xen/xen.h"')),
    ("include", "ring/ring.h", with_include("ring/ring.h", '#include "emu/base/base.h"')),
    ("include", "ring/ring.h", with_include("ring/ring.h", "#include <fmt/format.h>")),
    ("include", "emu/check/check.cc", with_include("emu/check/check.cc", '#include "emu/xen/xen.h"')),
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", '#include "xen.h"')),
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", '#include "test/catch.h"')),
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", "#include <unistd.h>")),
    ("include", "emu/base/base.cc", with_include("emu/base/base.cc", "#include <sys/mman.h>")),
    ("include", "tools/main.cc", with_include("tools/main.cc", "#include <fcntl.h>")),
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", "#include <boost/asio.hpp>")),
    ("include", "tools/main.cc", with_include("tools/main.cc", "#include <boost/asio.hpp>")),
    ("include", "tools/bench/ring.cc", with_include("tools/bench/ring.cc", "#include <boost/asio.hpp>")),
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", "#include <CLI/CLI.hpp>")),
    ("include", "tools/main.cc", with_include("tools/main.cc", "#include <CLI/CLI.hpp>")),
    ("include", "tools/ring_check/cc.cc", with_include("tools/ring_check/cc.cc", "#include <CLI/App.hpp>")),
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", "#include <thread>")),
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", "#include <csignal>")),
    ("include", "emu/xen/xen.cc", with_include("emu/xen/xen.cc", "#  include <catch2/catch.hpp>")),
    ("include", "emu/script/run.cc", with_include("emu/script/run.cc", "#include <re2/re2.h>")),
    ("include", "test/xen_test.cc", with_include("test/xen_test.cc", "#include <re2/re2.h>")),
    ("include", "tools/main.cc", with_include("tools/main.cc", "#include <zlib.h>")),
    ("include", "tools/main.cc", with_include("tools/main.cc", "#include <nlohmann/json.hpp>")),
    ("include", "tools/lsp/server.cc", with_include("tools/lsp/server.cc", "#include <zlib.h>")),
    ("include", "emu/script/expression.cc", with_include("emu/script/expression.cc", "#include <regex>")),
    ("include", "test/xen_test.cc", with_include("test/xen_test.cc", "#include <regex>")),
    ("include", "emu/odd.cc", {"emu/odd.cc": "// Belongs nowhere.\n", "emu/README.md": "# emu\n",
                               "emu/meson.build": "files('odd.cc')\n"}),
    ("memory-order", "emu/xen/xen.h", {"emu/xen/xen.h": HEADER + "constexpr auto a = std::memory_order_acquire;\n"}),
    ("world", "emu/xen/xen.h", {"emu/xen/xen.h": HEADER + "inline auto a = std::chrono::steady_clock::now();\n"}),
    ("unfinished", "emu/xen/xen.h", {"emu/xen/xen.h": HEADER + "// TO" + "DO: the rest\n"}),
    ("unfinished", "README.md", {"README.md": "# a tree\nFIX" + "ME\n"}),
    ("unfinished", "README.md", {"README.md": "# a tree\n" + "<" * 7 + " HEAD\n"}),
    ("unfinished", "README.md", {"README.md": "# a tree\n" + ">" * 7 + " branch\n"}),
    ("whitespace", "README.md", {"README.md": "# a tree \n"}),
    ("whitespace", "emu/xen/xen.h", {"emu/xen/xen.h": HEADER + "\t\n"}),
    ("terms", "README.md", {"README.md": "# a tree\nIt throws away bytes: it Throws away all.\n"}),
    ("terms", "README.md", {"README.md": "# a tree\n```\nthrow away\n```\nthrow away\n"}),
    ("terms", "emu/xen/xen.h", {"emu/xen/xen.h": HEADER + "int a;  // throw away\n"}),
    ("terms", "emu/xen/xen.h", {"emu/xen/xen.h": HEADER + "/* a\n   throw away */\n"}),
    ("terms", "tools/main.cc", {"tools/main.cc": GOOD["tools/main.cc"] + 'const char help[] = "Throw away";\n'}),
    ("terms", "tools/main.js", {"tools/main.js": 'say("throw away");\n'}),
    ("terms", "tools/setup", {"tools/setup": GOOD["tools/setup"] + "# throw away\n"}),
    ("top-level", "notes.txt", {"notes.txt": "notes\n"}),
    ("top-level", "src", {"src/README.md": "# src\n"}),
    ("readme", "emu/xen/README.md", {"emu/xen/README.md": None}),
    ("readme", "emu/xen/README.md", {"emu/xen/README.md": "a line\n" * 61}),
    ("readme", "README.md", {"README.md": None}),
    ("size", "emu/xen/xen.h", {"emu/xen/xen.h": HEADER + "// more\n" * 499}),
    ("size", "tools/setup", {"tools/setup": GOOD["tools/setup"] + "# more\n" * 499}),
    ("opening", "emu/xen/xen.h", {"emu/xen/xen.h": "#pragma once\n"}),
    ("opening", "tools/setup", {"tools/setup": "#!/bin/sh\nset -e\n"}),
    ("pragma", "emu/xen/xen.h", {"emu/xen/xen.h": "// What it is.\n"}),
    ("shell", "tools/setup", {"tools/setup": GOOD["tools/setup"] + "packages='a guest's bytes'\n"}),
    ("dead", "emu/xen/old.cc", {"emu/xen/old.cc": "// No meson.build names it.\n"}),
    ("dead", "emu/xen/old.h", {"emu/xen/old.h": HEADER}),
    ("dead", "emu/xen/a.h", {"emu/xen/a.h": HEADER + '\n#include "emu/xen/b.h"\n',
                             "emu/xen/b.h": HEADER + '\n#include "emu/xen/a.h"\n'}),
    ("dead", "test/old_test.cc", {"test/old_test.cc": "// It does not run.\n"}),
    ("format", "emu/xen/xen.h", {"emu/xen/xen.h": HEADER + "\nint  a;\n"}),
]

# Changes that look like findings but are none.
FINE = [
    {"emu/xen/xen.h": HEADER + "// more\n" * 498},
    {"emu/xen/README.md": "a line\n" * 60},
    {"README.md": "a line\n" * 200},
    {"test/golden/a.txt": "a line\n" * 900},
    {"README.md": "# a tree\n`throw away`\n```\nthrow away\n```\n"},
    {"emu/xen/xen.h": HEADER + 'const char text[] = "throw away";\n'},
    {"build/wrong.cc": "#include <none>\n", "build-asan/wrong.cc": " \n"},
    {"emu/xen/meson.build": "# Xen's own\nlibrary('xen',  # it's one\n  'xen.cc')\n"},
    {"scenarios/README.md": "# scenarios\n", ".gitignore": "/build*/\n"},
    {"test/golden/picture.png": b"\x89PNG\xff\xfe \n"},
]


def load_tidy():
    sys.dont_write_bytecode = True  # a test leaves nothing behind in the tree
    loader = importlib.machinery.SourceFileLoader("tidy", str(TIDY))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
    loader.exec_module(module)
    return module


def write_tree(root, files):
    for path, text in files.items():
        if text is None:
            continue
        file = pathlib.Path(root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())


def main():
    tidy = load_tidy()
    quick_rules = [rule for rule in tidy.RULES if rule is not tidy.check_format]

    def found(changes, rules):
        with tempfile.TemporaryDirectory(prefix="ringside-tidy-") as root:
            write_tree(root, {**GOOD, **changes})
            return [(rule, path) for path, _, rule, _ in tidy.findings(tidy.Tree(root), rules)]

    wrong = []
    if found({}, tidy.RULES):
        wrong.append(f"the good tree is not tidy: {found({}, tidy.RULES)}")
    for rule, path, changes in BAD:
        if rule == "format" and not tidy.formatter():
            print("clang-format: skipped (not installed)")
            continue
        got = found(changes, tidy.RULES if rule == "format" else quick_rules)
        # Each change breaks one rule only, so that a rule that finds too much is noticed as well.
        if (rule, path) not in got or {other for other, _ in got} != {rule}:
            wrong.append(f"[{rule}] was to find {path} alone when {sorted(changes)} changed, got {got}")
    for changes in FINE:
        got = found(changes, quick_rules)
        if got:
            wrong.append(f"{sorted(changes)} is no finding, got {got}")
    with tempfile.TemporaryDirectory(prefix="ringside-tidy-") as root:
        write_tree(root, {**GOOD, "notes.txt": "notes\n"})
        done = subprocess.run([sys.executable, TIDY, root], capture_output=True, text=True)
        if done.returncode != 1 or "notes.txt:1: [top-level]" not in done.stdout:
            wrong.append(f"the program did not fail: {done.stdout}{done.stderr}")
    print("\n".join(wrong) or f"{len(BAD)} bad changes found, {len(FINE) + 1} good trees passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

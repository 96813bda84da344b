#!/usr/bin/env python3
"""`ringside ring-check cc` and `c++` with real compilers, gcc and clang, and the results of the checker: correct rings
hold, each template's bug is found and its fix removes it, barriers in assembler count, and a user's mistake is
reported.

usage: ring_compiler_test.py SOURCE_ROOT [CASE...]     RINGSIDE names the program

Each case uses the next way to compile. With RINGSIDE_LONG=1 each case uses all of them, larger rings and longer searches.
"""

import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1]).resolve()
RINGSIDE = os.path.abspath(os.environ["RINGSIDE"])
PLUGINS = ROOT / "emu/check/plugins"
TEMPLATES = ROOT / "tools/ring_check"
SECONDS_MAX = 240
LONG = os.environ.get("RINGSIDE_LONG") == "1"
COMPILERS = [(cc, cxx) for cc, cxx in (("gcc", "g++"), ("clang", "clang++")) if shutil.which(cc) and shutil.which(cxx)]


def run(*command, **environment):
    return subprocess.run([RINGSIDE, "ring-check", *map(str, command)], capture_output=True, text=True, timeout=SECONDS_MAX,
                          env={**os.environ, **environment})


def compiled(pair, output, *arguments, cxx=False):
    """The ring `output`, compiled by one of COMPILERS. The compiler must print nothing."""
    said = run("c++" if cxx else "cc", *arguments, "-o", output, CC=pair[0], CXX=pair[1])
    assert said.returncode == 0 and not said.stderr and not said.stdout, (pair, arguments, said)
    return output


def symbols(library):
    return subprocess.run(["nm", "-D", library], capture_output=True, text=True, check=True).stdout.split()


def check(ring, *options):
    return run("--ring", ring, *options)


def holds(ring, *options):
    """Without options: in the weakest of the default models, or in all of them."""
    said = check(ring, *(options or ([] if LONG else ["--model", "c11"])))
    assert said.returncode == 0, said.stdout + said.stderr


def fails(ring, *options):
    said = check(ring, *options)
    assert said.returncode == 4, said.stdout + said.stderr
    return said.stdout


def edited(source, target, old, new):
    text = source.read_text()
    assert text.count(old) == 1, f"{source}: {old!r} is there {text.count(old)} times"
    target.write_text(text.replace(old, new))
    return target


def case_template_in_c(top, pair, level):
    """The template's bug is found under TSO and not under SC, and the one missing line fixes it."""
    ring = compiled(pair, top / "ring.so", level, TEMPLATES / "template_c/ring.c")
    holds(ring, "--model", "sc")
    assert "lost wake-up" in fails(ring, "--model", "tso")
    cured = edited(TEMPLATES / "template_c/ring.c", top / "cured.c", "  if (read_once(ring->sleeping))",
                   "  full_barrier();\n  if (read_once(ring->sleeping))")
    holds(compiled(pair, top / "cured.so", level, cured))


def case_breaks(top, pair, level):
    """What the man page removes from the fixed template is found by the model that it names, and by no cheaper one."""
    cured = edited(TEMPLATES / "template_c/ring.c", top / "cured.c", "  if (read_once(ring->sleeping))",
                   "  full_barrier();\n  if (read_once(ring->sleeping))")
    for number, (old, new, model) in enumerate([
            ("  write_barrier(); /* the slot before", "  /* the slot before", "c11"),
            ("  read_barrier(); /* the index before", "  /* the index before", "c11"),
            ("  return read_once(ring->prod) != read_once(ring->cons);", "  return 0;", "sc"),
            ("== SLOTS) return 0;", "== 2 * SLOTS) return 0;", "sc")]):
        source = edited(cured, top / f"break{number}.c", old, new)
        ring = compiled(pair, top / f"break{number}.so", level, source)
        if model == "c11":
            holds(ring, "--model", "sc", "--model", "tso")
        fails(ring, "--model", model, "--msgs", "6", "--first")


def case_template_in_cpp(top, pair, level):
    """The C++ template's bug needs C11."""
    source = TEMPLATES / "template_cpp/ring.cc"
    ring = compiled(pair, top / "queue.so", "-std=c++17", level, source, cxx=True)
    holds(ring, "--model", "sc", "--model", "tso")
    fails(ring, "--model", "c11")
    cured = edited(source, top / "cured.cc", "tail_.store(tail + 1, std::memory_order_relaxed)",
                   "tail_.store(tail + 1, std::memory_order_release)")
    holds(compiled(pair, top / "cured_queue.so", "-std=c++17", level, cured, cxx=True))


def case_barriers_in_assembler(top, pair, level):
    """A ring in the style of 2005, unchanged; and without the processor's barriers, which the checker must notice."""
    source = PLUGINS / "macro_ring.c"
    ring = compiled(pair, top / "macro.so", level, "-DSLOTS=2u", source)
    assert "ring_check_asm_wmb" in symbols(ring) and "ring_check_asm_rmb" in symbols(ring)
    holds(ring)
    weak = edited(source, top / "weak.c", '"sfence"', '""')
    fails(compiled(pair, top / "weak.so", level, "-DSLOTS=2u", weak), "--model", "c11")


def case_store_barriers_are_no_releases(top, pair, level):
    """A barrier for stores publishes a slot. It is not enough to hand back a slot that was read: a load may move past
    it."""
    source = TEMPLATES / "template_c/ring.c"
    fence = "#define write_barrier() __atomic_thread_fence(__ATOMIC_RELEASE)"
    back = "  write_barrier(); /* the slot has been read"
    cured = edited(source, top / "cured.c", "  if (read_once(ring->sleeping))", "  full_barrier();\n  if (read_once(ring->sleeping))")
    fulls = ['__asm__ __volatile__("lfence" ::: "memory")', "ring_check_mb()"]
    for number, barrier in enumerate(['__asm__ __volatile__("sfence" ::: "memory")', "ring_check_wmb()"]):
        stores = edited(cured, top / f"stores{number}.c", fence, f"#define write_barrier() {barrier}")
        ring = compiled(pair, top / f"stores{number}.so", level, stores)
        holds(ring, "--model", "sc", "--model", "tso")
        said = " ".join(fails(ring, "--model", "c11", "--first").split())
        assert "a race: the front writes ring->slots[" in said and "while the back reads it" in said, said
        assert "write barrier, which orders stores only" in said, said
        for full in fulls if LONG else [fulls[number]]:
            whole = edited(stores, top / "whole.c", back, f"  {full}; /* the slot has been read")
            holds(compiled(pair, top / "whole.so", level, whole), "--model", "c11")


def case_locked_instructions(top, pair, level):
    """Locked instructions in assembler are updates like any other: a lock made of one keeps two fronts apart."""
    include = f"-I{ROOT}"
    xchg = ('static uint32_t swap(uint32_t* word, uint32_t value) {\n'
            '  __asm__ __volatile__("xchgl %0, %1" : "+r"(value), "+m"(*word) : : "memory");\n'
            '  return value;\n}\n\nstatic void lock(void) {')
    text = (PLUGINS / "locked_ring.c").read_text().replace("static void lock(void) {", xchg)
    text = text.replace("__atomic_exchange_n(&ring->front_lock, 1, __ATOMIC_ACQUIRE)", "swap(&ring->front_lock, 1)")
    (top / "locked.c").write_text(text)
    ring = compiled(pair, top / "locked.so", level, include, top / "locked.c")
    assert "ring_check_asm_update4" in symbols(ring)
    holds(ring, "--msgs", "2")
    fails(compiled(pair, top / "unlocked.so", level, include, "-DBUG=39", PLUGINS / "locked_ring.c"), "--msgs", "2")


def case_words_of_16_bytes(top, pair, level):
    """Both indices are in one word, which the compiler and the assembler exchange."""
    source = ROOT / "test/ring_check/wide.c"

    def wide(*defines):
        return compiled(pair, top / "wide.so", level, "-mcx16", *[f"-D{define}" for define in defines], source)

    limit = "5000" if LONG else "500"
    holds(wide(), "--limit", limit)
    holds(wide("IN_ASSEMBLER"), "--limit", limit)
    said = fails(wide("RELAXED"), "--model", "c11", "--first")
    assert "a race" in said and re.search(r"indices \d+:\d+", said), said
    said = check(wide("TWO_WORDS"), "--model", "c11")
    assert said.returncode == 3 and "list them as one word of 16 bytes" in " ".join(said.stdout.split()), said


def case_many_slots(top, pair, level):
    """Pages full of slots are tried in seconds, also from indices near the wrap."""
    slots = 4096 if LONG else 1024
    source = edited(TEMPLATES / "template_c/ring.c", top / "large.c", "#define SLOTS 4u", f"#define SLOTS {slots}u")
    said = check(compiled(pair, top / "large.so", level, source), "--model", "sc", "--limit", "20")
    assert said.returncode == 0 and "ok   conformance" in said.stdout, said.stdout + said.stderr


def case_parts_that_seldom_run(top, pair, level):
    """gcc -O2 moves the part of a function that throws into a separate function."""
    source = top / "throws.cc"
    source.write_text("""
        #include <ringside/ring_check.h>
        #include <stdexcept>
        static int shared;
        static void writes(void) {
          if (__atomic_exchange_n(&shared, 1, __ATOMIC_RELAXED) == 3) throw std::runtime_error("never");
        }
        static void catches(void) {
          try { writes(); } catch (const std::exception&) { ring_check_fail("it was"); }
        }
        RING_CHECK_TESTS({"both", nullptr, {writes, catches}})
    """)
    for optimization in {"-O2", level}:
        said = check(compiled(pair, top / "throws.so", optimization, source, cxx=True))
        assert said.returncode == 0 and "SC both" in said.stdout, said.stdout + said.stderr


def case_objects_apart(top, pair, level):
    """Compiled and linked one after the other, with a dependency file, as build systems do."""
    said = run("cc", level, "-MMD", "-c", TEMPLATES / "template_c/ring.c", "-o", top / "apart.o", CC=pair[0])
    assert said.returncode == 0, said
    assert (top / "apart.d").read_text().startswith(f"{top}/apart.o:"), (top / "apart.d").read_text()
    holds(compiled(pair, top / "apart.so", top / "apart.o"), "--model", "sc")


def case_refusals(top, pair, level):
    """A user's mistake is reported in one line; the compiler's own errors are passed on with its status."""
    said = run("cc", "-flto", "-o", "x.so", "ring.c", CC=pair[0])
    assert said.returncode == 1 and said.stderr.startswith("ringside: cannot compile a ring: -flto: "), said
    said = run("cc", "ring.c", CC="no-such-compiler")
    assert said.returncode == 3 and "no-such-compiler" in said.stderr, said
    said = run("cc", "ring.c", CC="cat")
    assert said.returncode == 1 and "neither gcc nor clang" in said.stderr, said
    (top / "wrong.c").write_text("int f(void) { return nothing; }\n")
    said = run("cc", level, "-c", top / "wrong.c", "-o", top / "wrong.o", CC=pair[0])
    assert said.returncode == 1 and "wrong.c:1" in said.stderr and "ringside:" not in said.stderr, said


CASES = {name[5:]: function for name, function in list(globals().items()) if name.startswith("case_")}


def main():
    assert COMPILERS, "neither gcc nor clang is here"
    if len(COMPILERS) == 1:
        print(f"only {COMPILERS[0][0]} is here: half of this is not tested")
    ways = list(itertools.product(COMPILERS, ("-O2", "-O0")))
    turns = itertools.cycle(ways)
    for name in sys.argv[2:] or CASES:
        for pair, level in ways if LONG else [next(turns)]:
            print(f"{name}: {pair[0]} {level}", flush=True)
            with tempfile.TemporaryDirectory(prefix="ringside-compiler-") as folder:
                CASES[name](pathlib.Path(folder), pair, level)


main()

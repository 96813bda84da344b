"""Programs that a test needs. Without them the test is skipped; under `tools/setup test`, which installs them, it
fails."""
import os
import shutil
import unittest

SKIPS_FAIL = os.environ.get("RINGSIDE_SKIPS_FAIL") == "1"


def needed(program, package=None):
    """Decorates a test or a class of tests: they run only if this program exists."""
    if shutil.which(program):
        return lambda tests: tests
    missing = f"{program} is not installed (apt-get install {package or program})"
    if not SKIPS_FAIL:
        return unittest.skip(missing)

    def fail(tests):
        def run(self):
            self.fail(missing)
        if not isinstance(tests, type):
            return run
        return type(tests.__name__, (unittest.TestCase,), {"test_needs_" + program: run})
    return fail


def skip_all(missing, can_be_installed=True):
    """For a test program that can run none of its tests. The exit status is Meson's for a skip, or 1. It is no failure
    if the machine forbids the test (a container, for example)."""
    fails = SKIPS_FAIL and can_be_installed
    print(f"{'failed' if fails else 'skipped'}: {missing}")
    raise SystemExit(1 if fails else 77)

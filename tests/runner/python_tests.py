# SPDX-License-Identifier: MIT
"""Runs a file of unittest cases as a GoogleTest program would run: it prints the same lines, takes
--gtest_filter, and with GTEST_TOTAL_SHARDS and GTEST_SHARD_INDEX runs a part of the cases.
Usage: python_tests.py FILE [--gtest_filter=PATTERN]"""

import importlib
import os
import sys
import unittest
from fnmatch import fnmatchcase
from pathlib import Path


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.begun = set()

    def startTest(self, test):
        super().startTest(test)
        self.begun.add(test)
        print(f"[ RUN      ] {test.id()}", flush=True)

    def stopTest(self, test):
        def of_test(pairs):
            return [text for case, text in pairs if getattr(case, "test_case", case) is test]

        super().stopTest(test)
        failures, skips = of_test(self.failures + self.errors), of_test(self.skipped)
        if test in self.unexpectedSuccesses:
            failures.append("succeeded, which was not expected")
        for text in failures + skips:
            print(text)
        end = "  FAILED " if failures else " SKIPPED " if skips else "      OK "
        print(f"[{end}] {test.id()} (0 ms)", flush=True)

    def skip_the_rest(self, tests):
        """Those of a class or a module whose set-up was skipped, for the same reason."""
        reasons = {str(case): reason for case, reason in self.skipped}
        for test in tests:
            kind = type(test)
            for name in (f"setUpClass ({kind.__module__}.{kind.__qualname__})",
                         f"setUpModule ({kind.__module__})"):
                if test not in self.begun and name in reasons:
                    self.startTest(test)
                    self.addSkip(test, reasons[name])
                    self.stopTest(test)


def matches(name, pattern):
    """The common part of GoogleTest's filters: a:b*-c."""
    good, _, bad = pattern.partition("-")
    hit = any(fnmatchcase(name, part) for part in (good or "*").split(":"))
    return hit and not any(fnmatchcase(name, part) for part in bad.split(":") if part)


def cases_of(suite):
    return [suite] if isinstance(suite, unittest.TestCase) else sum(map(cases_of, suite), [])


def main(file, option="--gtest_filter=*"):
    name, _, pattern = option.partition("=")
    if name != "--gtest_filter":
        sys.exit(f"{option}: this is not an option of a Python test")
    sys.path[0] = str(Path(file).resolve().parent)  # as if the file itself had been started
    module = importlib.import_module(Path(file).stem)
    tests = cases_of(unittest.defaultTestLoader.loadTestsFromModule(module))
    tests = [test for test in tests if matches(test.id(), pattern)]
    # Not for the programs that the tests start.
    shards = int(os.environ.pop("GTEST_TOTAL_SHARDS", 1))
    tests = tests[int(os.environ.pop("GTEST_SHARD_INDEX", 0))::shards]
    print(f"[==========] Running {len(tests)} tests", flush=True)
    result = Result()
    unittest.TestSuite(tests).run(result)
    result.skip_the_rest(tests)
    if not result.wasSuccessful():
        print(*(text for _, text in result.failures + result.errors), sep="\n")  # also setUpClass's
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])

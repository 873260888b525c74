"""Runs a file of unittest cases as a GoogleTest program would run: it prints the same lines and
takes --gtest_filter. Usage: python_tests.py FILE [--gtest_filter=PATTERN]"""

import importlib.util
import sys
import unittest
from fnmatch import fnmatchcase
from pathlib import Path


class Result(unittest.TestResult):
    def problems(self):
        return [text for _, text in self.failures + self.errors]

    def startTest(self, test):
        super().startTest(test)
        self.before = len(self.problems()), len(self.skipped)
        print(f"[ RUN      ] {test.id()}", flush=True)

    def stopTest(self, test):
        super().stopTest(test)
        failed = len(self.problems()) > self.before[0] or test in self.unexpectedSuccesses
        skipped = self.skipped[self.before[1]:]
        if failed:
            print(*(text for each, text in self.failures + self.errors
                    if each is test or getattr(each, "test_case", None) is test), sep="\n")
        for _, reason in skipped:
            print(reason)
        end = "  FAILED " if failed else " SKIPPED " if skipped else "      OK "
        print(f"[{end}] {test.id()} (0 ms)", flush=True)


def matches(name, pattern):
    """The common part of GoogleTest's filters: a:b*-c."""
    good, _, bad = pattern.partition("-")
    hit = any(fnmatchcase(name, part) for part in (good or "*").split(":"))
    return hit and not any(fnmatchcase(name, part) for part in bad.split(":") if part)


def cases_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases_of(test)
        else:
            yield test


def main(file, option="--gtest_filter=*"):
    path = Path(file).resolve()
    if not option.startswith("--gtest_filter="):
        sys.exit(f"{option}: this is not an option of a Python test")
    sys.path[0] = str(path.parent)  # as if the file itself had been started
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    tests = cases_of(unittest.defaultTestLoader.loadTestsFromModule(module))
    tests = [test for test in tests if matches(test.id(), option.split("=", 1)[1])]
    print(f"[==========] Running {len(tests)} tests", flush=True)
    result = Result()
    unittest.TestSuite(tests).run(result)
    if not result.wasSuccessful():
        print(*result.problems(), sep="\n")  # those of setUpClass belong to no case
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Runs one file of unittest cases and writes what became of each, a line of JSON a case, so that a
crash in the middle hides nothing. Arguments: the file, where to write, a filter."""

import importlib.util
import json
import sys
import unittest
from fnmatch import fnmatchcase
from pathlib import Path


class Told(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out = out

    def tell(self, name, status, reason="", output=""):
        told = {"name": name, "status": status, "reason": reason, "output": output}
        print(json.dumps(told), file=self.out, flush=True)
        print(f"END {status} {name}", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.failures_of_test = []
        self.skip = None
        print(f"RUN {name_of(test)}", flush=True)

    def stopTest(self, test):
        super().stopTest(test)
        if self.failures_of_test:
            self.tell(name_of(test), "failed", output="\n".join(self.failures_of_test))
        elif self.skip is not None:
            self.tell(name_of(test), "skipped", self.skip)
        else:
            self.tell(name_of(test), "passed")

    def fail(self, test, error):
        text = self._exc_info_to_string(error, test)
        if isinstance(test, unittest.TestCase):
            self.failures_of_test.append(text)
        else:  # setUpClass and the like
            self.tell(str(test), "failed", output=text)

    def addError(self, test, err):
        self.fail(test, err)

    def addFailure(self, test, err):
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self.failures_of_test.append(f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addUnexpectedSuccess(self, test):
        self.failures_of_test.append("expected to fail, but passed")

    def addSkip(self, test, reason):
        self.skip = reason
        if not isinstance(test, unittest.TestCase):
            self.tell(str(test), "skipped", reason)


def matches(name, pattern):
    """The common part of GoogleTest's filters: a:b*-c."""
    good, _, bad = pattern.partition("-")
    hit = any(fnmatchcase(name, part) for part in (good or "*").split(":"))
    return hit and not any(fnmatchcase(name, part) for part in bad.split(":") if part)


def name_of(test):
    """file.Class.method, as the command line of the file alone takes it after the first dot."""
    return test.id()


def cases_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases_of(test)
        else:
            yield test


def main(path, out, pattern):
    sys.path[0] = str(path.parent)  # as if the file itself had been started
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    tests = cases_of(unittest.defaultTestLoader.loadTestsFromModule(module))
    tests = [test for test in tests if matches(name_of(test), pattern)]
    with open(out, "w", encoding="utf-8") as stream:
        print(json.dumps([name_of(test) for test in tests]), file=stream, flush=True)
        unittest.TestSuite(tests).run(Told(stream))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])

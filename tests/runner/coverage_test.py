"""tests/runner/coverage.py: what it makes of gcovr's summary."""

import unittest

import coverage
from results import Report


def summary(lines, branches):
    file = {"filename": "core/x.cpp", "line_total": 200, "line_covered": 2 * lines,
            "branch_total": 100, "branch_covered": branches}
    return {"line_percent": lines, "line_total": 200, "branch_percent": branches,
            "branch_total": 100, "files": [file]}


class Judge(unittest.TestCase):
    def statuses(self, lines, branches):
        return [case.status for case in coverage.judge(summary(lines, branches), Report())]

    def test_passes_what_is_at_the_bar(self):
        self.assertEqual(self.statuses(95, 85), ["passed", "passed"])

    def test_fails_what_is_below_it(self):
        self.assertEqual(self.statuses(94.9, 85), ["failed", "passed"])
        self.assertEqual(self.statuses(95, 84.9), ["passed", "failed"])

    def test_names_the_file(self):
        lines, _ = coverage.judge(summary(90, 90), Report())
        self.assertIn("core/x.cpp: 180 of 200 lines, 90 of 100 branches", lines.output)


if __name__ == "__main__":
    unittest.main()

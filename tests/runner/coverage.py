"""How much of core/ and backends/ the tests reach: one build that counts, its programs run once,
gcovr. A stage of tests/run --all."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import builds
import gtest
import processes
from results import Case

LINES_MIN = 95  # percent, as is the next
BRANCHES_MIN = 85
FILES_SHOWN = 12
SECONDS_MAX = 600
PROGRAMS = ("unit", "conformance", "kqueue", "sim", "inject")
# Where what was counted is: the library, and kqueue.cpp, which is a part of its tests here.
FOLDERS = ("core", "tests/kqueue_tests.p")


def build():
    """Unoptimized, so that a branch of the source is one of the program. Without assertions, whose
    failures nothing may reach."""
    options = ("--buildtype=debug", "-Db_ndebug=true", "-Db_coverage=true", "-Dexamples=disabled")
    targets = ("tests/unit_tests", "tests/conformance_tests", "tests/kqueue_tests",
               "tests/sim/sim_tests", "tests/inject/inject_tests")
    return builds.Build("coverage", options, slowness=3, targets=targets)


def missing():
    return "" if shutil.which("gcovr") else "gcovr is not installed"


def forget():
    """What was counted by an earlier run."""
    for path in build().folder.rglob("*.gcda"):
        path.unlink()


def run(jobs, report):
    """The programs once, and what that came to. A program that fails has its own stage for it."""
    forget()
    programs, _ = builds.read_tests(build())
    programs = [one for one in programs if one.name in PROGRAMS]
    cases = [case for case in gtest.run_all(programs, jobs, report) if case.status == "failed"]
    return cases + count(jobs, report)


def count(jobs, report):
    report.progress("gcovr")
    folder = build().folder
    with tempfile.TemporaryDirectory() as scratch:
        summary = Path(scratch) / "summary.json"
        command = ["gcovr", "--root", builds.TOP, "--object-directory", folder, "-j", jobs,
                   "--filter", "core/", "--filter", "backends/",
                   "--exclude-throw-branches", "--exclude-unreachable-branches",
                   "--json-summary", summary, *(folder / name for name in FOLDERS)]
        done = processes.run(command, cwd=builds.TOP, seconds=SECONDS_MAX)
        if not done.ok:
            return [Case("coverage.gcovr", "failed", done.why(), done.output, command)]
        told = json.loads(summary.read_text())
    return judge(told, report)


def judge(told, report):
    lines, branches = told["line_percent"], told["branch_percent"]
    report.clear()
    print(f"coverage: {lines} % of {told['line_total']} lines, "
          f"{branches} % of {told['branch_total']} branches; least covered:")
    worst = sorted(told["files"], key=lambda file: file["line_total"] - file["line_covered"])
    table = "\n".join(row(file) for file in reversed(worst[-FILES_SHOWN:]))
    print(table, flush=True)
    return [verdict("coverage.lines", lines, LINES_MIN, table),
            verdict("coverage.branches", branches, BRANCHES_MIN, table)]


def row(file):
    return (f"  {file['filename']}: {file['line_covered']} of {file['line_total']} lines, "
            f"{file['branch_covered']} of {file['branch_total']} branches")


def verdict(name, percent, percent_min, table):
    if percent >= percent_min:
        return Case(name, "passed")
    return Case(name, "failed", f"{percent} %, and {percent_min} % is the least", table)


def main():
    """Alone: python3 tests/runner/coverage.py, for a look at what is not covered."""
    from results import Report

    report = Report()
    report.begin("coverage")
    failed = builds.prepare(build(), 2, report)
    report.end([failed] if failed else run(2, report))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())

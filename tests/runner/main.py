"""tests/run, once the packages are there: builds, runs every test, and tells."""

import argparse
import dataclasses
import os
import signal
import shutil
import sys
from pathlib import Path

import builds
import checks
import coverage
import fuzz
import gtest
import processes
import pythons
import seeds
from python_file import matches
from results import Case, Report, worst

REPEATS_OF_ALL = 20
# The others play the same again, or have counts of their own.
REPEATED = ("unit", "conformance")
PARITY_SCRIPTS = "2000"  # of each level, on each backend
SIM_SEEDS = "20000"
PROGRAMS_PER_JOB = 2  # the tests wait as much as they compute
FUZZ_SECONDS = 12  # a target
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect", "--child-silent-after-fork=yes",
            "--num-callers=20", "--fair-sched=try",
            f"--suppressions={Path(__file__).resolve().parent / 'valgrind.supp'}"]
# Where valgrind would only be slow: crowds and long random walks are ASan's. What forks: these
# children end without destructors, and valgrind calls what they leave behind lost. And want of
# memory and of descriptors: valgrind has an operator new and a limit of descriptors of its own.
VALGRIND_FILTER = "*-" + ":".join((
    "*Thousand*", "*Stress*", "*Random*", "*Fuzz*", "*Many*", "*Death*", "LongStreams.*",
    "*Silent*", "*Forking.*", "*Zombie.*", "*Exhaust*", "*WantOf*", "*WithoutMemory*",
    "*Descriptors*", "Scenarios/Inject*",
))


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        prog="tests/run", allow_abbrev=False,
        description="Builds rondo and runs its tests. Ends with `N passed, N failed, N skipped`; "
        "the exit status is 0 if something was run and nothing failed.",
    )
    parser.add_argument("--all", action="store_true",
                        help="also the sanitizers, the other compilers, valgrind, fuzzing, "
                        "each injection, coverage, the style, the budgets, the installed library "
                        f"and {REPEATS_OF_ALL} repeats")
    parser.add_argument("--without", metavar="STAGES", default="",
                        help="leave out stages of --all, which are named with commas between")
    parser.add_argument("--filter", metavar="X", default="",
                        help="only cases with X in their name; or a pattern as --gtest_filter's")
    parser.add_argument("--repeat", metavar="N", type=int, default=1,
                        help="run the test programs N times; a case must pass each time")
    parser.add_argument("--jobs", metavar="N", type=int, default=len(os.sched_getaffinity(0)),
                        help="processes at a time (default: the processors there are)")
    options = parser.parse_args(words)
    if options.repeat < 1 or options.jobs < 1:
        parser.error("--repeat and --jobs take a number from 1 on")
    return options


class Runner:
    def __init__(self, options):
        self.jobs = options.jobs
        self.repeat = options.repeat
        self.pattern = gtest.as_pattern(options.filter) if options.filter else ""
        self.report = Report()
        self.ready = {}  # name of a build to whether it could be built

    def wants(self, name):
        return not self.pattern or matches(name, self.pattern)

    def prepare(self, build):
        """Begins the stage of a build; whether it can be run."""
        self.report.begin(build.name)
        missing = build.missing()
        problem = Case(build.name, "skipped", missing) if missing else None
        problem = problem or builds.prepare(build, self.jobs, self.report)
        self.ready[build.name] = problem is None
        if problem:
            self.report.end([problem])
        return problem is None

    def test(self, build):
        """Every test on one build."""
        if not self.prepare(build):
            return
        programs, others = builds.read_tests(build)
        cases = self.run_programs(programs, self.repeat)
        cases += [checks.other_test(other) for other in others if self.wants(f"meson.{other.name}")]
        cases += pythons.run_all(build, self.pattern, self.jobs, self.report)
        self.report.end(cases)

    def run_programs(self, programs, times):
        """The programs' cases; of several runs the worst."""
        cases = []
        programs = [dataclasses.replace(one, filter=self.both(one.filter)) for one in programs]
        for number in range(1, times + 1):
            of_run = gtest.run_all(programs, self.jobs * PROGRAMS_PER_JOB, self.report)
            for case in of_run:
                if times > 1 and case.status == "failed":
                    case.reason = f"run {number} of {times} {case.reason}".strip()
            cases += of_run
        return worst(cases) if times > 1 else cases

    def both(self, pattern):
        """A program's own filter, and what the user asked for."""
        return pattern if not self.pattern else self.pattern + pattern.removeprefix("*")

    def stage(self, name, *parts):
        """A stage of single checks, of which those are run that are wanted."""
        self.report.begin(name)
        cases = [check(self.jobs, self.report) for case, check in parts if self.wants(case)]
        if cases:
            self.report.end(cases)

    def again(self, build, name, times, only=(), **changes):
        """The programs of a build that is there already, run in another way."""
        if not self.ready.get(build.name):
            return
        self.report.begin(name)
        programs, _ = builds.read_tests(build)
        programs = [dataclasses.replace(one, **changes) for one in programs
                    if not only or one.name in only]
        self.report.end(self.run_programs(programs, times))

    def counted(self, build, program, **env):
        """One program of a build that is there already, with the counts of its own variables."""
        if not self.ready.get(build.name):
            return
        self.report.begin(program)
        programs, _ = builds.read_tests(build)
        programs = [dataclasses.replace(one, env={**one.env, **env}) for one in programs
                    if one.name == program]
        self.report.end(self.run_programs(programs, 1))

    def valgrind(self, build):
        if not shutil.which("valgrind"):
            self.report.begin("valgrind")
            self.report.end([Case("valgrind", "skipped", "valgrind is not installed")])
            return
        self.again(build, "valgrind", 1, wrapper=VALGRIND, slowness=20, filter=VALGRIND_FILTER)

    def fuzz(self):
        """Each target for a while; what was found before is a test of every build."""
        targets = [name for name in fuzz.names() if self.wants(f"fuzz.{name}")]
        if targets and self.prepare(fuzz.build()):
            runs = fuzz.run_all(targets, FUZZ_SECONDS, self.jobs, self.report)
            self.report.end([run.case() for run in runs])

    def traces(self, plan):
        """Whether each build makes the same of drawn worlds."""
        ready = [build for build in plan if self.ready.get(build.name)]
        if not self.wants("seeds.trace"):
            return
        self.report.begin("traces")
        self.report.end(seeds.compare(ready, self.report))

    def coverage(self):
        if coverage.missing():
            self.stage("coverage", ("coverage", lambda *_: Case("coverage", "skipped",
                                                                coverage.missing())))
        elif self.wants("coverage.lines") and self.prepare(coverage.build()):
            self.report.end(coverage.run(self.jobs, self.report))

    def plain(self, build):
        self.stage("tidy", ("style.tidy", checks.tidy))
        self.test(build)

    def stages(self, plan):
        """The stages of --all by their names, in order."""
        first = plan[0]
        repeats = f"{REPEATS_OF_ALL} repeats"
        style = (("style.clang_format", checks.clang_format),
                 ("style.clang_tidy", lambda *rest: checks.clang_tidy(first, *rest)))
        return {
            first.name: lambda: self.plain(first),
            "style": lambda: self.stage("style", *style),
            **{build.name: lambda build=build: self.test(build) for build in plan[1:]},
            "repeats": lambda: self.again(first, repeats, REPEATS_OF_ALL, only=REPEATED),
            "parity": lambda: self.counted(first, "parity", RONDO_PARITY_SCRIPTS=PARITY_SCRIPTS),
            "sim": lambda: self.counted(first, "sim", RONDO_SIM_SEEDS=SIM_SEEDS),
            "traces": lambda: self.traces(plan),
            "inject": lambda: self.counted(first, "inject", RONDO_INJECTIONS="all"),
            "valgrind": lambda: self.valgrind(first),
            "coverage": self.coverage,
            "fuzz": self.fuzz,
            "budgets": lambda: self.stage("budgets", ("bench.costs", checks.costs)),
        }

    def all(self, plan, without):
        stages = self.stages(plan)
        unknown = sorted(set(without) - set(stages))
        if unknown:
            sys.exit(f"no stage {unknown[0]}; there are {', '.join(stages)}")
        for name, run in stages.items():
            if name not in without:
                run()


def interrupt(number, frame):
    processes.stop_all()
    raise KeyboardInterrupt


def main(words):
    options = parse_arguments(words)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    runner = Runner(options)
    plan = builds.every_build()
    try:
        if options.all:
            runner.all(plan, options.without.split(",") if options.without else [])
        else:
            runner.plain(plan[0])
        return runner.report.finish()
    except KeyboardInterrupt:
        runner.report.clear()
        print("\ninterrupted; nothing was left running", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

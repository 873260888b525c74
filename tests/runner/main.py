# SPDX-License-Identifier: MIT
"""tests/run, once the packages are installed: builds, runs the tests and prints the totals."""

import json
import os
import random
import re
import shutil
import sys
import tempfile

import builds
from builds import TOP
from processes import run as run_process
from python_tests import matches
from results import Case, Report, cases_of

RUN_SECONDS_MAX = 5400
ROOMS = ("include", "core", "backends", "tls", "examples", "bench", "tests")  # have C++
LINTED = ("core/", "backends/", "tls/", "examples/", "bench/")  # GoogleTest's macros take too long
TRACED = (builds.PLAIN, builds.RELEASE, builds.ASAN, builds.CLANG_16, builds.LIBCXX)
# --ci runs one of these stages.
SAMPLED = ("release", "tsan", "clang-16", "clang-19-libcxx", "valgrind", "coverage", "fuzz")
# How much --all and --ci run of what could run for hours: scripts for each level and backend,
# seconds for each fuzz target, and the part of the sources that clang-tidy reads.
AMOUNTS = {"repeats": (20, 2), "parity": (2000, 400), "sim": (20_000, 2000),
           "inject": ("all", 100), "fuzz": (12, 6), "linted": (1.0, 0.15)}


class Runner:
    """`seed` chooses the samples of --ci and is the RONDO_SEED of all tests. If it is None, each
    test that draws prints a seed of its own."""

    def __init__(self, options, scratch=None):
        self.options, self.seed, self.jobs = options, options.seed, options.jobs
        part = re.search(r"[*?:]", options.filter)
        self.pattern = options.filter if part or not options.filter else f"*{options.filter}*"
        self.env = {} if self.seed is None else {"RONDO_SEED": str(self.seed)}
        self.amounts = {name: each[options.ci] for name, each in AMOUNTS.items()}
        self.report = Report(scratch, options.skips)
        self.ready = {}  # build to whether it could be built

    def is_ready(self, build):
        """Whether the build can be run. The first call builds it."""
        if build not in self.ready:
            self.report.begin(f"build of {build.name}")
            problem = builds.prepare(build, self.jobs, self.report.progress)
            self.ready[build] = problem is None
            self.report.end([problem] if problem else [])
        return self.ready[build]

    def has(self, needs, stage):
        """Whether the tools are installed. If not, the stage is skipped."""
        missing = " ".join(tool for tool in needs if not shutil.which(tool))
        self.report.begin(stage)
        if missing:
            self.report.end([Case(stage, "skipped", f"{missing} is not installed")])
        return not missing

    def test(self, build, stage, suites=None, needs=(), **more):
        if self.is_ready(build) and self.has(needs, stage):
            self.report.end(self.cases(build, suites or build.suites, **more))

    def cases(self, build, suites, *, env=None, repeat=1, words=()):
        """Runs the tests with `meson test` and reads its log."""
        logs = build.folder / "meson-logs"
        for old in logs.glob("runner*"):
            old.unlink()
        if self.pattern and suites != ("fuzz",):
            words = [*words, f"--test-args=--gtest_filter={self.pattern}"]
        left_out = build.longer if self.options.ci else ()
        processes = 2 * self.jobs  # the tests wait as much as they compute
        command = ["meson", "test", "-C", build.folder, "--no-rebuild", "--no-stdsplit",
                   "--logbase", "runner", "--num-processes", processes, "--repeat", repeat,
                   *(f"--suite={suite}" for suite in suites),
                   *(f"--no-suite={suite}" for suite in left_out), *words]
        done = run_process(command, env={**self.env, **(env or {})}, cwd=TOP,
                           seconds=RUN_SECONDS_MAX, progress=self.report.progress)
        text = "".join(path.read_text("utf-8") for path in logs.glob("runner*.json"))
        cases = [case for line in text.split("\n") if line for case in cases_of(json.loads(line))]
        if done.why and not any(case.status == "failed" for case in cases):
            cases.append(Case("meson test", "failed", done.why, done.output, command))
        return cases

    def stages(self):
        """The stages of --all by their names, in order."""
        first, amounts = builds.PLAIN, self.amounts
        draw = random.Random(self.seed)
        valgrind = (draw.choice(("unit", "conformance", "sim")) if self.options.ci else "cpp",)
        return {
            "tidy": lambda: self.check("tidy", ["python3", "tests/tidy/tidy.py"]),
            "tests": lambda: self.test(first, "tests", repeat=self.options.repeat),
            "style": self.style,
            "installed": lambda: self.test(builds.INSTALLED, "installed"),
            "budgets": lambda: self.check("budgets", [
                "bench/costs", "--check", "--build", builds.INSTALLED.folder], builds.INSTALLED,
                needs=("valgrind", "strace")),
            **{build.name: lambda build=build: self.test(build, build.name) for build in (
                builds.ASAN, builds.RELEASE, builds.TSAN, builds.CLANG_16, builds.LIBCXX)},
            # The other programs run the same again, or have amounts of their own.
            "repeats": lambda: self.test(first, "repeats", ("unit", "conformance"),
                                         repeat=amounts["repeats"]),
            "parity": lambda: self.more("parity", "PARITY_SCRIPTS", "PARITY_SEED"),
            "worlds": lambda: self.more("sim", "SIM_SEEDS", "SIM_SEED"),
            "injections": lambda: self.more("inject", "INJECTIONS"),
            "traces": lambda: self.check("traces", ["tests/sim/traces", *(
                build.folder for build in TRACED if self.ready.get(build))]),
            "valgrind": lambda: self.test(first, "valgrind", valgrind, needs=("valgrind",),
                                          words=["--setup=valgrind"]),
            "coverage": self.coverage,
            "fuzz": self.fuzz,
        }

    def check(self, name, command, build=None, needs=()):
        """A stage of a single case: a command that reports by its exit status."""
        wanted = matches(name, self.pattern or "*") and (not build or self.is_ready(build))
        if wanted and self.has(needs, name):
            failure = builds.failure(name, command, progress=self.report.progress)
            self.report.end([failure or Case(name, "passed")])

    def style(self):
        sources = sorted(path for room in ROOMS for path in (TOP / room).rglob("*")
                         if path.suffix in (".cpp", ".h"))
        self.check("clang-format", ["clang-format-19", "--dry-run", "-Werror", *sources],
                   needs=["clang-format-19"])
        files = [str(path.relative_to(TOP)) for path in sources if path.suffix == ".cpp"]
        files = [file for file in files if file.startswith(LINTED)]
        files = random.Random(self.seed).sample(files, int(len(files) * self.amounts["linted"]))
        self.check("clang-tidy", [
            "run-clang-tidy-19", "-quiet", "-p", builds.INSTALLED.folder, "-j", self.jobs,
            "-extra-arg=-Wno-unknown-warning-option", "-extra-arg=-UNDEBUG",  # assertions, too
            f"/({'|'.join(map(re.escape, files))})$"], builds.INSTALLED,
            needs=["run-clang-tidy-19"])

    def more(self, suite, amount, first=""):
        """A suite with more of what it draws. In --ci another seed begins elsewhere in the same
        sequence. Variables that the environment already has take precedence."""
        count = self.amounts[suite]
        env = {f"RONDO_{amount}": str(count)}
        if first and self.options.ci:
            env[f"RONDO_{first}"] = str(1 + self.seed % 10**6 * count)
        env = {name: os.environ.get(name, value) for name, value in env.items()}
        self.test(builds.PLAIN, f"more of {suite}", (suite,), env=env,
                  words=["--timeout-multiplier=0"])

    def coverage(self):
        build = builds.COVERAGE
        for counted in build.folder.rglob("*.gcda"):
            counted.unlink()  # by an earlier run
        self.test(build, "tests for coverage")
        self.check("coverage", [
            "gcovr", "--config", "tests/runner/gcovr.cfg", "--root", TOP, "--object-directory",
            build.folder, "-j", self.jobs, build.folder / "core",
            build.folder / "tests/kqueue_tests.p"], build, needs=["gcovr"])

    def fuzz(self):
        """What it learns and what it finds stays below build/fuzzed."""
        targets = [path.name for path in sorted((TOP / "tests/fuzz/corpus").iterdir())
                   if matches(f"fuzz-{path.name}", self.pattern or "*")]
        for folder in ("findings", *(f"corpus/{name}" for name in targets)):
            (TOP / "build/fuzzed" / folder).mkdir(parents=True, exist_ok=True)
        seconds = f"--test-args=-max_total_time={self.options.seconds or self.amounts['fuzz']}"
        if targets:
            self.test(builds.FUZZ, "fuzz", words=[
                *(f"fuzz-{name}" for name in targets), seconds, "--timeout-multiplier=0"])


def sampled(stages, seed):
    """The stages of --ci: those that find most for their time, and one of the others."""
    left_out = set(SAMPLED) - {random.Random(seed).choice(SAMPLED)}
    return [name for name in stages if name not in left_out]


def run(options):
    """The exit status. What runs has a temporary folder of its own, which is gone afterwards."""
    builds.spare_the_home(os.environ)
    scratch = tempfile.mkdtemp(prefix="rondo-")
    os.chmod(scratch, 0o755)  # for servers that change their user
    os.environ.update(TMPDIR=scratch, TEST_TMPDIR=scratch)  # the latter is GoogleTest's
    runner = Runner(options, scratch)
    try:
        run_stages(runner, options)
    except KeyboardInterrupt:
        runner.report.show_failures()
        where = runner.report.progress or "the beginning"
        print(f"\ninterrupted in {where}; nothing is left running", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    nothing = f"no case matches --filter {options.filter} (case matters)" if options.filter else ""
    return runner.report.finish(nothing or "nothing was tested")


def run_stages(runner, options):
    stages = runner.stages()
    wanted = options.only or (stages if options.all else ("tidy", "tests"))
    wanted = sampled(stages, options.seed) if options.ci else wanted
    for name, stage in stages.items():
        if name in wanted and name not in options.without:
            stage()

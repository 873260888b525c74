"""tests/run, once the packages are installed: builds, runs the tests and prints the totals."""

import argparse
import os
import random
import re
import shutil
import signal
import sys

import builds
import processes
from builds import TOP
from python_tests import matches
from results import Case, Report, read_log

RUN_SECONDS_MAX = 5400
ROOMS = ("include", "core", "backends", "examples", "bench", "tests")  # have C++
LINTED = ("core/", "backends/", "examples/", "bench/")  # GoogleTest's macros take too long
TRACED, TRACED_SEEDS = ("tests", "release", "asan", "clang-16", "clang-19-libcxx"), 300
# --ci runs one of each.
BUILDS_SAMPLED = ("tsan", "clang-16", "clang-19-libcxx")
DEEP = ("valgrind", "coverage", "fuzz")
# How much --all and --ci run of what could run for hours: scripts for each level and backend,
# seconds for each fuzz target, and the part of the sources that clang-tidy reads.
AMOUNTS = {"repeats": (20, 2), "parity": (2000, 400), "sim": (20_000, 2000),
           "inject": ("all", 100), "fuzz": (12, 6), "linted": (1.0, 0.25)}


class Runner:
    """`seed` chooses the samples of --ci and is the RONDO_SEED of all tests. If it is None, each
    test that draws prints a seed of its own."""

    def __init__(self, options):
        self.options, self.seed, self.jobs = options, options.seed, options.jobs
        part = re.search(r"[*?:]", options.filter)
        self.pattern = options.filter if part or not options.filter else f"*{options.filter}*"
        self.env = {} if self.seed is None else {"RONDO_SEED": str(self.seed)}
        self.amounts = {name: each[options.ci] for name, each in AMOUNTS.items()}
        self.report = Report()
        self.ready = {}  # name of a build to whether it could be built

    def is_ready(self, build):
        """Whether the build can be run. The first call builds it."""
        if build.name not in self.ready:
            self.report.begin(f"build of {build.name}")
            problem = builds.prepare(build, self.jobs)
            self.ready[build.name] = problem is None
            self.report.end([problem] if problem else [])
        return self.ready[build.name]

    def test(self, build, stage, suites=None, **more):
        if self.is_ready(build):
            self.report.begin(stage)
            self.report.end(self.cases(build, suites or build.suites, **more))

    def cases(self, build, suites, *, env=None, repeat=1, words=()):
        """Runs the tests with `meson test` and reads its log."""
        logs = build.folder / "meson-logs"
        for old in logs.glob("runner*"):
            old.unlink()
        if self.pattern and suites != ("fuzz",):
            words = [*words, f"--test-args=--gtest_filter={self.pattern}"]
        command = ["meson", "test", "-C", build.folder, "--no-rebuild", "--no-stdsplit",
                   "--logbase", "runner",
                   "--num-processes", 2 * self.jobs,  # the tests wait as much as they compute
                   "--repeat", repeat, *(f"--suite={suite}" for suite in suites), *words]
        done = processes.run(command, env={**self.env, **(env or {})}, cwd=TOP,
                             seconds=RUN_SECONDS_MAX, shown=sys.stdout.isatty())
        cases = [case for path in logs.glob("runner*.json") for case in read_log(path)]
        if done.why and not any(case.status == "failed" for case in cases):
            cases.append(Case("meson test", "failed", done.why, done.output, command))
        return cases

    def stages(self):
        """The stages of --all by their names, in order."""
        first, amounts = builds.PLAIN, self.amounts
        checked = (builds.ASAN, builds.TSAN, builds.CLANG_16, builds.LIBCXX)
        release = builds.RELEASE.suites[: 2 if self.options.ci else None]  # slow is the last
        return {
            "tidy": lambda: self.check("tidy", ["python3", "tests/tidy/tidy.py"]),
            "tests": lambda: self.test(first, "tests", repeat=self.options.repeat),
            "style": self.style,
            "release": lambda: self.test(builds.RELEASE, "release", release),
            "budgets": lambda: self.check("budgets", [
                "bench/costs", "--check", "--build", builds.RELEASE.folder], builds.RELEASE,
                needs=("valgrind", "strace")),
            **{build.name: lambda build=build: self.test(build, build.name) for build in checked},
            # The other programs run the same again, or have amounts of their own.
            "repeats": lambda: self.test(first, "repeats", ("unit", "conformance"),
                                         repeat=amounts["repeats"]),
            "parity": lambda: self.more("parity", "PARITY_SCRIPTS", "PARITY_SEED"),
            "worlds": lambda: self.more("sim", "SIM_SEEDS", "SIM_SEED"),
            "injections": lambda: self.more("inject", "INJECTIONS"),
            "traces": self.traces,
            "valgrind": self.valgrind,
            "coverage": self.coverage,
            "fuzz": self.fuzz,
        }

    def check(self, name, command, build=None, needs=()):
        """A stage of a single case: a command that reports by its exit status."""
        if not matches(name, self.pattern or "*") or (build and not self.is_ready(build)):
            return
        self.report.begin(name)
        missing = " ".join(tool for tool in needs if not shutil.which(tool))
        if missing:
            self.report.end([Case(name, "skipped", f"{missing} is not installed")])
        else:
            self.report.end([builds.failure(name, command) or Case(name, "passed")])

    def style(self):
        sources = sorted(path for room in ROOMS for path in (TOP / room).rglob("*")
                         if path.suffix in (".cpp", ".h"))
        self.check("clang-format", ["clang-format-19", "--dry-run", "-Werror", *sources],
                   needs=["clang-format-19"])
        files = [str(path.relative_to(TOP)) for path in sources if path.suffix == ".cpp"]
        files = [file for file in files if file.startswith(LINTED)]
        files = random.Random(self.seed).sample(files, int(len(files) * self.amounts["linted"]))
        # g++'s precompiled headers are of no use to clang, which reads their sources.
        headers = [f"-extra-arg=-I{TOP / room}" for room in ("core/pch", "tests/support")]
        self.check("clang-tidy", [
            "run-clang-tidy-19", "-quiet", "-p", builds.PLAIN.folder, "-j", self.jobs,
            "-extra-arg=-Wno-unknown-warning-option", *headers,
            f"/({'|'.join(map(re.escape, files))})$"], builds.PLAIN, needs=["run-clang-tidy-19"])

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

    def traces(self):
        """Whether the same simulated worlds have the same trace in all builds that are ready."""
        cases, first = [], None
        self.report.begin("traces")
        for name in filter(self.ready.get, TRACED):
            command = [TOP / "build" / name / builds.SEEDS, 1, TRACED_SEEDS, "portable"]
            done = processes.run(command, cwd=TOP)
            trace = done.output.rpartition("trace ")[2].strip()
            first = first or trace
            why = done.why or ("" if trace == first else f"{trace}, and {first} before")
            cases.append(Case(f"trace of {name}", "failed" if why else "passed", why, done.output,
                              command))
        self.report.end(cases)

    def valgrind(self):
        if not shutil.which("valgrind"):
            return self.check("valgrind", [], needs=["valgrind"])
        suites = ("unit", "conformance", "sim")
        suites = (random.Random(self.seed).choice(suites),) if self.options.ci else ("cpp",)
        self.test(builds.PLAIN, "valgrind", suites, words=["--setup=valgrind"])

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
        targets = sorted(path.name for path in (TOP / "tests/fuzz/corpus").iterdir())
        targets = [name for name in targets if matches(f"fuzz-{name}", self.pattern or "*")]
        for folder in ("findings", *(f"corpus/{name}" for name in targets)):
            (TOP / "build/fuzzed" / folder).mkdir(parents=True, exist_ok=True)
        seconds = self.options.seconds or self.amounts["fuzz"]
        if targets:
            self.test(builds.FUZZ, "fuzz", words=[
                *(f"fuzz-{name}" for name in targets), f"--test-args=-max_total_time={seconds}",
                "--timeout-multiplier=0"])


def sampled(stages, seed):
    """The stages of --ci: those that find most for their time; of the others one that needs a build
    of its own and one that looks deeper."""
    draw = random.Random(seed)
    left_out = set(BUILDS_SAMPLED + DEEP) - {draw.choice(BUILDS_SAMPLED), draw.choice(DEEP)}
    return [name for name in stages if name not in left_out]


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        prog="tests/run", allow_abbrev=False,
        description="Builds rondo and runs its tests. Ends with `N passed, N failed, N skipped`; "
        "the exit status is 0 if something was run and nothing failed. See docs/testing.md.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="all stages, in full: hours")
    which.add_argument("--ci", action="store_true", help="all stages, but a sample of most")
    which.add_argument("--only", metavar="STAGES", help="these stages, with commas between them")
    add = parser.add_argument
    add("--without", metavar="STAGES", default="", help="leave out these stages")
    add("--filter", metavar="X", default="", help="only cases with X in their name; or a pattern "
        "as --gtest_filter takes it")
    add("--seed", metavar="N", type=int, help="RONDO_SEED of all tests, and the sample of --ci")
    add("--repeat", metavar="N", type=int, default=1, help="a case must pass N times")
    add("--seconds", metavar="N", type=int, help="how long each target is fuzzed")
    add("--jobs", metavar="N", type=int, default=len(os.sched_getaffinity(0)),
        help="processes at a time (default: the number of processors)")
    options = parser.parse_args(words)
    if min(options.repeat, options.jobs, options.seconds or 1, (options.seed or 0) + 1) < 1:
        parser.error("--repeat, --jobs and --seconds are at least 1, --seed at least 0")
    if options.ci and options.seed is None:
        options.seed = random.SystemRandom().randrange(10**9)
    return options, parser


def run(options, parser):
    runner = Runner(options)
    stages = runner.stages()
    wanted = list(stages) if options.all else (options.only or "tidy,tests").split(",")
    if options.ci:
        print(f"seed {options.seed}: tests/run --ci --seed {options.seed} repeats this", flush=True)
        wanted = sampled(stages, options.seed)
    without = options.without.split(",") if options.without else []
    for name in [*wanted, *without]:
        if name not in stages:
            parser.error(f"no stage {name}; there are {', '.join(stages)}")
    for name, stage in stages.items():
        if name in wanted and name not in without:
            stage()
    return runner.report.finish()


def interrupt(number, frame):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # one is enough: what runs is ended
    raise KeyboardInterrupt


def main(words):
    options, parser = parse_arguments(words)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        return run(options, parser)
    except KeyboardInterrupt:
        print("\ninterrupted; nothing is left running", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

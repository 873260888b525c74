"""tests/run, once the packages are installed: builds, runs the tests and prints the totals."""

import argparse
import os
import random
import re
import shutil
import signal
import sys
from dataclasses import dataclass

import builds
import processes
from builds import TOP
from python_tests import matches
from results import Case, Report, read_log

RUN_SECONDS_MAX = 5400
ROOMS = ("include", "core", "backends", "examples", "bench", "tests")  # have C++
LINTED = ("core", "backends", "examples", "bench")  # GoogleTest's macros take clang-tidy too long
COVERED = {"line": 95, "branch": 85}  # percent
TRACED_SEEDS = 300
# --ci runs one of each.
BUILDS_SAMPLED = ("tsan", "clang-16", "clang-19-libcxx")
DEEP = ("valgrind", "coverage", "fuzz")
# valgrind does not run crowds and long random walks, which would take hours and which ASan sees;
# nor forks, whose children end without destructors; nor failing allocations and descriptors, for it
# has an operator new and a limit of descriptors of its own.
VALGRIND_FILTER = "*-" + ":".join((
    "*Thousand*", "*Stress*", "*Random*", "*Fuzz*", "*Many*", "*Death*", "LongStreams.*",
    "*Silent*", "*Forking.*", "*Zombie.*", "*Exhaust*", "*WantOf*", "*WithoutMemory*",
    "*Descriptors*", "Scenarios/Inject*",
))


@dataclass(frozen=True)
class Amounts:
    """How much is run of what could be run for hours."""

    repeats: int = 20
    parity_scripts: int = 2000  # for each level and backend
    worlds: int = 20_000
    injections: str = "all"
    fuzz_seconds: int = 12  # for each target
    valgrind: tuple = ("cpp",)  # suites
    linted: float = 1.0  # part of the sources that clang-tidy reads
    release: tuple = builds.RELEASE.suites


class Runner:
    """`seed` chooses the samples of --ci and is the RONDO_SEED of all tests. If it is None, each
    test that draws prints a seed of its own."""

    def __init__(self, options):
        self.options, self.seed, self.jobs = options, options.seed, options.jobs
        part = re.search(r"[*?:]", options.filter)
        self.pattern = options.filter if part or not options.filter else f"*{options.filter}*"
        self.env = {} if self.seed is None else {"RONDO_SEED": str(self.seed)}
        self.amounts = Amounts()
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

    def cases(self, build, suites, *, env=None, repeat=1, words=(), pattern="*"):
        """Runs the tests with `meson test` and reads its log."""
        logs = build.folder / "meson-logs"
        for old in logs.glob("runner*"):
            old.unlink()
        if suites != ("fuzz",):
            pattern = self.pattern + pattern.removeprefix("*") if self.pattern else pattern
            words = [*words, f"--test-args=--gtest_filter={pattern}"]
        command = ["meson", "test", "-C", build.folder, "--no-rebuild", "--no-stdsplit",
                   "--logbase", "runner",
                   "--num-processes", 2 * self.jobs,  # the tests wait as much as they compute
                   "--repeat", repeat, *(f"--suite={suite}" for suite in suites), *words]
        done = processes.run(command, env={**self.env, **(env or {})}, cwd=TOP,
                             seconds=RUN_SECONDS_MAX, shown=sys.stdout.isatty())
        cases = [case for path in logs.glob("runner*.json") for case in read_log(path)]
        if not done.ok and not any(case.status == "failed" for case in cases):
            cases.append(Case("meson test", "failed", done.why, done.output, command))
        return cases

    def stages(self):
        """The stages of --all by their names, in order."""
        first, amounts = builds.PLAIN, self.amounts
        return {
            "tidy": lambda: self.check("tidy", ["python3", "tests/tidy/tidy.py"]),
            "tests": lambda: self.test(first, "tests", repeat=self.options.repeat),
            "style": self.style,
            "release": lambda: self.test(builds.RELEASE, "release", amounts.release),
            "budgets": self.budgets,
            **{build.name: lambda build=build: self.test(build, build.name) for build in (
                builds.ASAN, builds.TSAN, builds.CLANG_16, builds.LIBCXX)},
            # The other programs run the same again, or have amounts of their own.
            "repeats": lambda: self.test(first, "repeats", ("unit", "conformance"),
                                         repeat=amounts.repeats),
            "parity": lambda: self.more("parity", "RONDO_PARITY_SCRIPTS", amounts.parity_scripts,
                                        "RONDO_PARITY_SEED"),
            "worlds": lambda: self.more("sim", "RONDO_SIM_SEEDS", amounts.worlds, "RONDO_SIM_SEED"),
            "injections": lambda: self.more("inject", "RONDO_INJECTIONS", amounts.injections),
            "traces": self.traces,
            "valgrind": self.valgrind,
            "coverage": self.coverage,
            "fuzz": self.fuzz,
        }

    def check(self, name, command, needs=()):
        """A stage of a single case: a command that reports by its exit status."""
        if not matches(name, self.pattern or "*"):
            return
        self.report.begin(name)
        missing = [tool for tool in needs if not shutil.which(tool)]
        if missing:
            self.report.end([Case(name, "skipped", f"{' '.join(missing)} is not installed")])
        else:
            self.report.end([builds.case_of(name, command) or Case(name, "passed")])

    def style(self):
        sources = sorted(path for room in ROOMS for path in (TOP / room).rglob("*")
                         if path.suffix in (".cpp", ".h"))
        self.check("clang-format", ["clang-format-19", "--dry-run", "-Werror", *sources],
                   ["clang-format-19"])
        files = [path.relative_to(TOP) for path in sources if path.suffix == ".cpp"]
        files = [str(path) for path in files if path.parts[0] in LINTED]
        files = random.Random(self.seed).sample(files, int(len(files) * self.amounts.linted))
        if self.is_ready(builds.PLAIN):
            # g++'s precompiled headers are of no use to clang, which reads their sources.
            headers = [f"-extra-arg=-I{TOP / room}" for room in ("core/pch", "tests/support")]
            self.check("clang-tidy", [
                "run-clang-tidy-19", "-quiet", "-p", builds.PLAIN.folder, "-j", self.jobs,
                "-extra-arg=-Wno-unknown-warning-option", *headers,
                f"/({'|'.join(map(re.escape, files))})$"], ["run-clang-tidy-19"])

    def budgets(self):
        if self.is_ready(builds.RELEASE):
            self.check("budgets", ["bench/costs", "--check", "--build", builds.RELEASE.folder],
                       ["valgrind", "strace"])

    def more(self, suite, variable, amount, first=""):
        """A suite with more of what it draws. In --ci another seed begins elsewhere in the same
        sequence. What the environment says already has precedence."""
        env = {variable: str(amount)}
        if first and self.options.ci:
            env[first] = str(1 + self.seed % 10**6 * amount)
        env = {name: os.environ.get(name, value) for name, value in env.items()}
        self.test(builds.PLAIN, f"more of {suite}", (suite,), env=env,
                  words=["--timeout-multiplier=0"])

    def traces(self):
        """Whether all builds that are there make the same of the same simulated worlds."""
        cases, first = [], None
        self.report.begin("traces")
        for build in (builds.PLAIN, builds.RELEASE, builds.ASAN, builds.CLANG_16, builds.LIBCXX):
            if not self.ready.get(build.name):
                continue
            command = [build.folder / builds.SEEDS, 1, TRACED_SEEDS, "portable"]
            done = processes.run(command, cwd=TOP)
            trace = done.output.rpartition("trace ")[2].strip()
            first = first or trace
            same = done.ok and trace == first
            cases.append(Case(f"trace of {build.name}", "passed" if same else "failed",
                              "" if same else f"{trace}, and {first} before", done.output, command))
        self.report.end(cases)

    def valgrind(self):
        if not shutil.which("valgrind"):
            return self.check("valgrind", [], ["valgrind"])
        self.test(builds.PLAIN, "valgrind", self.amounts.valgrind, pattern=VALGRIND_FILTER,
                  words=["--setup=valgrind"])

    def coverage(self):
        build = builds.COVERAGE
        for counted in build.folder.rglob("*.gcda"):
            counted.unlink()  # by an earlier run
        self.test(build, "tests for coverage")
        least = [f"--fail-under-{what}={percent}" for what, percent in COVERED.items()]
        folders = [build.folder / name for name in ("core", "tests/kqueue_tests.p")]
        self.check("coverage", [
            "gcovr", "--root", TOP, "--object-directory", build.folder, "-j", self.jobs,
            "--filter", "core/", "--filter", "backends/", "--exclude-throw-branches",
            "--exclude-unreachable-branches", "--print-summary", *least, *folders], ["gcovr"])

    def fuzz(self):
        """What it learns and what it finds stays below build/fuzzed."""
        kept = TOP / "build" / "fuzzed"
        (kept / "findings").mkdir(parents=True, exist_ok=True)
        targets = sorted(path.name for path in (TOP / "tests" / "fuzz" / "corpus").iterdir())
        for target in targets:
            (kept / "corpus" / target).mkdir(parents=True, exist_ok=True)
        wanted = [f"fuzz-{target}" for target in targets]
        wanted = [name for name in wanted if matches(name, self.pattern or "*")]
        seconds = self.options.seconds or self.amounts.fuzz_seconds
        if wanted:
            self.test(builds.FUZZ, "fuzz", words=[*wanted, f"--test-args=-max_total_time={seconds}",
                                                  "--timeout-multiplier=0"])

    def choose_samples(self, names):
        """The stages of --ci: those that find most for their time; of the others one that needs a
        build of its own and one that looks deeper. Amounts are small."""
        draw = random.Random(self.seed)
        self.amounts = Amounts(
            repeats=2, parity_scripts=400, worlds=2000, injections="100", fuzz_seconds=6,
            valgrind=(draw.choice(("unit", "conformance", "sim")),), linted=0.25,
            release=("cpp", "install"))
        left_out = set(BUILDS_SAMPLED + DEEP) - {draw.choice(BUILDS_SAMPLED), draw.choice(DEEP)}
        return [name for name in names if name not in left_out]


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        prog="tests/run", allow_abbrev=False,
        description="Builds rondo and runs its tests. Ends with `N passed, N failed, N skipped`; "
        "the exit status is 0 if something was run and nothing failed. See docs/testing.md.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="all stages, in full: hours")
    which.add_argument("--ci", action="store_true",
                       help="the stages that find most, and a sample of the others")
    which.add_argument("--only", metavar="STAGES", help="these stages, with commas between them")
    add = parser.add_argument
    add("--without", metavar="STAGES", default="", help="leave out these stages")
    add("--filter", metavar="X", default="",
        help="only cases with X in their name; or a pattern as --gtest_filter takes it")
    add("--seed", metavar="N", type=int,
        help="RONDO_SEED of all tests; it also chooses the sample of --ci")
    add("--repeat", metavar="N", type=int, default=1,
        help="run the tests N times; a case must pass each time")
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
    names = list(runner.stages())
    wanted = names if options.all else (options.only or "tidy,tests").split(",")
    if options.ci:
        print(f"seed {options.seed}: tests/run --ci --seed {options.seed} repeats this", flush=True)
        wanted = runner.choose_samples(names)
    without = options.without.split(",") if options.without else []
    for name in [*wanted, *without]:
        if name not in names:
            parser.error(f"no stage {name}; there are {', '.join(names)}")
    for name, stage in runner.stages().items():
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

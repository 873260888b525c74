"""tests/fuzz/run, once the packages are there: builds the fuzz targets for libFuzzer, runs each for
a while, and tells what was found. Also a stage of tests/run --all."""

import argparse
import os
import re
import shlex
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import builds
import processes
from results import Case, Report

FOLDER = builds.TOP / "tests" / "fuzz"
KEPT = builds.TOP / "build" / "fuzzed"  # a build directory of its own would be lost with it
PROGRAM = "tests/fuzz/fuzz_targets"
SECONDS = 60
MEMORY_MB_MAX = 1024
SECONDS_PER_INPUT_MAX = 20
SIZE_MAX = 1000  # of an input, in bytes
GRACE_SECONDS = 60  # for its start, its last input and its end


def names():
    """Every target has a folder of inputs."""
    return sorted(path.name for path in (FOLDER / "corpus").iterdir() if path.is_dir())


def build():
    asan = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:"
                            "quarantine_size_mb=16",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    options = ("-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dwerror=false",
               "-Dfuzzing=true", "-Dexamples=disabled")
    return builds.Build("fuzz", options, "clang++-19", env=asan, targets=(PROGRAM,))


@dataclass
class Run:
    """A target, and what libFuzzer said of it."""

    target: str
    done: processes.Finished
    command: list = field(default_factory=list)

    @property
    def executions(self):
        return self.number(r"stat::number_of_executed_units:\s*(\d+)")

    @property
    def coverage(self):
        """Edges of the compiled code that were passed."""
        return self.number(r"\bcov: (\d+)")

    def number(self, pattern):
        hits = re.findall(pattern, self.done.output)
        return int(hits[-1]) if hits else 0

    @property
    def finding(self):
        """What it found, in a line; or nothing."""
        if self.done.ok:
            return ""
        for pattern in (r"^not so: .*", r"runtime error: .*", r"^SUMMARY: .*", r"ERROR: .*"):
            hit = re.search(pattern, self.done.output, re.MULTILINE)
            if hit:
                return hit[0]
        return self.done.why()

    @property
    def input(self):
        """The file that shows it, as one would type it, if it was written."""
        hit = re.search(r"Test unit written to (\S+)", self.done.output)
        return builds.relative(hit[1]) if hit else ""

    def replay(self):
        program = builds.relative(build().folder / PROGRAM)
        words = ["env", f"RONDO_FUZZ_TARGET={self.target}", program, self.input]
        return words if self.input else self.command

    def line(self):
        told = f"{self.target}: {self.executions:,} executions, {self.coverage:,} edges"
        if not self.finding:
            return f"{told}, no finding"
        lines = [f"{told}, FOUND {self.finding}"]
        if self.input:
            lines.append(f"  input:  {self.input}")
        return "\n".join([*lines, f"  replay: {shlex.join(str(word) for word in self.replay())}"])

    def case(self):
        status = "failed" if self.finding else "passed"
        return Case(f"fuzz.{self.target}", status, self.finding, self.done.output, self.replay())


def command(target, seconds, folder):
    """What runs a target. What it learns is kept for the next time."""
    learned = KEPT / "corpus" / target
    found = KEPT / "findings"
    for path in (learned, found):
        path.mkdir(parents=True, exist_ok=True)
    words = [folder / PROGRAM, f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY_MB_MAX}",
             f"-timeout={SECONDS_PER_INPUT_MAX}", f"-max_len={SIZE_MAX}", "-print_final_stats=1",
             f"-artifact_prefix={found / target}-"]
    dictionary = FOLDER / "dictionaries" / f"{target}.txt"
    if dictionary.exists():
        words.append(f"-dict={dictionary}")
    return [*words, learned, FOLDER / "corpus" / target]


def run(target, seconds, report):
    words = command(target, seconds, build().folder)
    env = {**build().env, "RONDO_FUZZ_TARGET": target}
    done = processes.run(words, env=env, cwd=builds.TOP, seconds=seconds + GRACE_SECONDS,
                         on_line=lambda line: report.progress(f"{target} {line}"))
    return Run(target, done, ["env", f"RONDO_FUZZ_TARGET={target}", *words])


def run_all(targets, seconds, jobs, report, tell=lambda run: None):
    """Every target, `jobs` at a time; `tell` gets each when it has ended."""

    def one(target):
        ended = run(target, seconds, report)
        report.tick(f"fuzz.{target}", bool(ended.finding))
        tell(ended)
        return ended

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(one, targets))


def totals(runs):
    findings = sum(bool(run.finding) for run in runs)
    executions = sum(run.executions for run in runs)
    return f"{len(runs)} targets, {executions:,} executions, {findings} findings"


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        prog="tests/fuzz/run", allow_abbrev=False,
        description="Builds the fuzz targets (clang 19, libFuzzer, ASan, UBSan) and runs them, a "
        "line each, then the totals; the exit status is 0 if nothing was found. What is learned is "
        "kept below build/fuzzed/corpus, what is found below build/fuzzed/findings.",
    )
    parser.add_argument("targets", metavar="TARGET", nargs="*", help="only these; see --list")
    parser.add_argument("--seconds", metavar="N", type=int, default=SECONDS,
                        help=f"how long to run each target (default: {SECONDS})")
    parser.add_argument("--jobs", metavar="N", type=int, default=len(os.sched_getaffinity(0)),
                        help="targets at a time (default: the processors there are)")
    parser.add_argument("--list", action="store_true", help="name the targets, and do nothing")
    options = parser.parse_args(words)
    if options.seconds < 1 or options.jobs < 1:
        parser.error("--seconds and --jobs take a number from 1 on")
    unknown = sorted(set(options.targets) - set(names()))
    if unknown:
        parser.error(f"no target {' '.join(unknown)}; there are {' '.join(names())}")
    return options


def interrupt(number, frame):
    processes.stop_all()
    raise KeyboardInterrupt


def main(words):
    options = parse_arguments(words)
    if options.list:
        print("\n".join(names()))
        return 0
    if build().missing():
        print(f"tests/fuzz/run: cannot fuzz here: {build().missing()}", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    report = Report()
    report.begin("fuzz")

    def tell(run):
        report.clear()
        print(run.line(), flush=True)

    try:
        failed = builds.prepare(build(), options.jobs, report)
        if failed:
            report.end([failed])
            return 1
        runs = run_all(options.targets or names(), options.seconds, options.jobs, report, tell)
    except KeyboardInterrupt:
        report.clear()
        print("\ninterrupted; nothing was left running", file=sys.stderr)
        return 130
    report.clear()
    print(totals(runs))
    return 1 if any(run.finding for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: MIT
"""tests/run: reads its options and says what follows before anything is installed or built."""

import os
import random
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(1, str(TOP / "tools"))

import command_line  # noqa: E402

STAGES = ("tidy", "tests", "style", "installed", "budgets", "asan", "release", "tsan",
          "clang-16", "clang-19-libcxx", "repeats", "parity", "worlds", "injections", "traces",
          "valgrind", "coverage", "fuzz")


def make_parser():
    number, stages = command_line.number, command_line.some_of("stage", STAGES)
    parser = command_line.Options("tests/run")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true")
    which.add_argument("--ci", action="store_true")
    which.add_argument("--only", type=stages, default=[])
    parser.add_argument("--without", type=stages, default=[])
    parser.add_argument("--filter", default="")
    parser.add_argument("--skips", action="store_true")
    parser.add_argument("--seed", type=number(0))
    parser.add_argument("--repeat", type=number(1), default=1)
    parser.add_argument("--seconds", type=number(1))
    parser.add_argument("--jobs", type=number(1), default=len(os.sched_getaffinity(0)))
    return parser


def parse(words):
    options = make_parser().parse(words)
    if options.ci and options.seed is None:
        options.seed = random.SystemRandom().randrange(10**9)
    return options


def plan(options):
    """What follows, and how long it took when it was measured on two processors."""
    if options.all or options.ci:
        how_long = "about an hour" if options.ci else "some hours"
        return f"installs what is missing, builds and runs all stages: {how_long} on two processors"
    if options.only or options.without:
        return "installs what is missing and builds; docs/testing.md says how long each stage takes"
    tests = "the tests that match" if options.filter else "the tests: about 7 minutes"
    if (TOP / "build/tests/build.ninja").exists():
        return f"build/tests is there: compiles what has changed, then runs {tests}"
    return ("installs what is missing; compiles build/tests: about 8 minutes on two processors, "
            f"less with ccache; then runs {tests}")


def main(words):
    options = parse(words)
    command_line.take_signals()
    if options.ci:
        print(f"seed {options.seed}: tests/run --ci --seed {options.seed} repeats this")
    print(plan(options), flush=True)
    group = "all" if options.all or options.ci else "fuzz" if "fuzz" in options.only else "tests"
    try:
        installed = subprocess.run([TOP / "tools/install", group], check=False).returncode
    except KeyboardInterrupt:
        print("\ninterrupted while packages were installed", file=sys.stderr)
        return 130
    if installed != 0:
        return installed
    from main import run  # which looks for what is installed

    return run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""tests/sim/run: drawn worlds by the thousand, on all cores; and, for tests/run --all, whether each
build makes the same of them. See tests/sim/scenario/scene.h."""

import argparse
import os
import re
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import builds
import processes
from results import Case, Report

SEEDS_PER_PROCESS = 1000
SEEDS_COMPARED = 300
SECONDS_PER_PROCESS_MAX = 600
SILENT_SECONDS_MAX = 120

_ENDED = re.compile(r"ended by signal \d+ in seed (\d+)")
_TRACE = re.compile(r"^seeds \d+ to \d+: \d+ failed, trace ([0-9a-f]{16})$", re.MULTILINE)


def program(build):
    return build.folder / "tests" / "sim" / "seeds"


def run(build, first, count, *words):
    return processes.run(
        [*build.wrapper, program(build), str(first), str(count), *words], env=build.env,
        seconds=SECONDS_PER_PROCESS_MAX * build.slowness,
        silent_seconds=SILENT_SECONDS_MAX * build.slowness,
    )


def run_part(build, first, count):
    """What failed in a part of them, in words: one that ended the program does not end the rest."""
    findings, end = [], first + count
    while first < end:
        done = run(build, first, end - first)
        if done.ok:
            break
        findings.append(f"{done.output.strip()}\n{done.why()}")
        ended = _ENDED.search(done.output)
        if not ended:
            break
        first = int(ended[1]) + 1
    return findings


def compare(ready, report):
    """A case for each build but the first: the traces of the same seeds are the same."""
    cases, first = [], None
    for build in ready:
        if not program(build).exists():
            continue
        report.progress(f"seeds of {build.name}")
        done = run(build, 1, SEEDS_COMPARED, "portable")
        trace = _TRACE.search(done.output)
        command = [builds.relative(program(build)), "1", str(SEEDS_COMPARED), "portable"]
        case = Case(f"seeds.trace.{build.name}", "passed", command=command)
        cases.append(case)
        if not done.ok or not trace:
            case.status, case.reason, case.output = "failed", done.why(), done.output
        elif first is None:
            first = (build.name, trace[1])
        elif trace[1] != first[1]:
            case.status = "failed"
            case.reason = f"trace {trace[1]}, but {first[1]} on {first[0]}"
    return cases


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        prog="tests/sim/run", allow_abbrev=False,
        description="Builds rondo and runs worlds that are drawn by seeds. Prints what did not "
        "hold, how far it is, and the totals last. The exit status is 0 if all held.",
    )
    parser.add_argument("--first", metavar="N", type=int, default=1, help="the first seed")
    parser.add_argument("--count", metavar="N", type=int, default=20_000, help="how many of them")
    parser.add_argument("--jobs", metavar="N", type=int, default=len(os.sched_getaffinity(0)),
                        help="processes at a time (default: the processors there are)")
    options = parser.parse_args(words)
    if options.first < 0 or options.count < 1 or options.jobs < 1:
        parser.error("--count and --jobs take a number from 1 on")
    return options


def parts(first, count):
    return [(start, min(SEEDS_PER_PROCESS, first + count - start))
            for start in range(first, first + count, SEEDS_PER_PROCESS)]


def run_all(build, options):
    """How many seeds failed."""
    begun, done, failed = time.monotonic(), 0, 0
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        running = {pool.submit(run_part, build, *part): part[1]
                   for part in parts(options.first, options.count)}
        for part in as_completed(running):
            done += running[part]
            for finding in part.result():
                failed += 1
                print(finding, flush=True)
            seconds = time.monotonic() - begun
            print(f"{done:,} of {options.count:,} seeds, {failed} findings, {seconds:.0f} s",
                  flush=True)
    return failed


def interrupt(number, frame):
    processes.stop_all()
    raise KeyboardInterrupt


def main(words):
    options = parse_arguments(words)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    build = builds.every_build()[0]
    report = Report()
    report.begin(build.name)
    try:
        problem = builds.prepare(build, options.jobs, report)
        report.clear()
        if problem:
            report.show(problem)
            return 1
        return 1 if run_all(build, options) else 0
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was left running", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

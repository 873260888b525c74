# SPDX-License-Identifier: MIT
"""What tracers report about a program: instructions and system calls."""

import pathlib
import re
import subprocess

import harness


def callgrind(output: pathlib.Path) -> tuple[str, ...]:
    return ("valgrind", "--tool=callgrind", "--quiet", "--vgdb=no",
            f"--callgrind-out-file={output}")


def instructions_in(output: pathlib.Path) -> int:
    found = re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.MULTILINE)
    if not found:
        raise harness.Failure("callgrind has written no total")
    return int(found.group(1))


def functions_in(output: pathlib.Path) -> dict[str, int]:
    """Instructions by function."""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", str(output)],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    counts: dict[str, int] = {}
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+\S*?:(.+)$", line)
        if found:
            name = re.sub(r"\s+\[[^]]*\]$", "", found.group(2))
            counts[name] = counts.get(name, 0) + int(found.group(1).replace(",", ""))
    return counts


def calls_in(output: pathlib.Path) -> dict[str, int]:
    """System calls by name, from the table that strace -c writes."""
    counts = {}
    for line in output.read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            counts[words[-1]] = int(words[3])
    if not counts:
        raise harness.Failure("strace has counted nothing")
    return counts


def run_traced(programs: harness.Programs, server: harness.Server, tracer: tuple[str, ...],
               clients: int, messages: int, load: tuple[str, ...] = ()) -> None:
    with harness.RunningServer(server, tracer) as running:
        harness.exchange(programs, running.endpoint, clients, messages, load)
        running.terminate()


def strace(output: pathlib.Path) -> tuple[str, ...]:
    return ("strace", "-f", "-c", "-o", str(output))


def calls_for_each(programs: harness.Programs, server: harness.Server, scratch: pathlib.Path,
                   clients: int, counts: tuple[int, int],
                   load: tuple[str, ...] = ()) -> dict[str, float]:
    """System calls by name that a server makes for one message of a load: the difference between
    a run with few messages and one with many."""
    few, many = counts
    traced = []
    for count in counts:
        output = scratch / f"calls-{count}"
        run_traced(programs, server, strace(output), clients, count, load)
        traced.append(calls_in(output))
    fewer, more = traced
    return {name: (more.get(name, 0) - fewer.get(name, 0)) / (many - few)
            for name in {*fewer, *more}}


def instructions_for_each(programs: harness.Programs, server: harness.Server,
                          scratch: pathlib.Path, clients: int, counts: tuple[int, int],
                          load: tuple[str, ...] = ()) -> tuple[float, dict[str, float]]:
    """User-space instructions of a server for one message of a load, in all and by function."""
    few, many = counts
    totals, functions = [], []
    for count in counts:
        output = scratch / f"instructions-{count}"
        run_traced(programs, server, callgrind(output), clients, count, load)
        totals.append(instructions_in(output))
        functions.append(functions_in(output))
    return ((totals[1] - totals[0]) / (many - few),
            {name: (count - functions[0].get(name, 0)) / (many - few)
             for name, count in functions[1].items()})

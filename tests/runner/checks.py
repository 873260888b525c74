"""What is checked beside the test cases: tidiness, format, lint, budgets. Each is one case."""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import processes
from builds import TOP
from results import Case

CPP = (".cpp", ".h")
# Rooms whose code clang-tidy reads; headers are read through what includes them. The tests are left
# out: what GoogleTest's macros expand to takes it half an hour.
LINTED = ("core", "backends", "examples", "bench")


def simple(name, command, **limits):
    done = processes.run(command, cwd=TOP, **limits)
    if done.ok:
        return Case(name, "passed")
    return Case(name, "failed", done.why(), done.output, command)


def tidy(jobs, report):
    return simple("style.tidy", ["python3", "tests/tidy/tidy.py"])


def clang_format(jobs, report):
    name = "style.clang_format"
    if not shutil.which("clang-format-19"):
        return Case(name, "skipped", "clang-format-19 is not installed")
    files = [path for path in tracked() if path.endswith(CPP)]
    return simple(name, ["clang-format-19", "--dry-run", "-Werror", *files])


def clang_tidy(build, jobs, report):
    """One process a source, on the flags of a build that clang understands."""
    name = "style.clang_tidy"
    if not shutil.which("clang-tidy-19"):
        return Case(name, "skipped", "clang-tidy-19 is not installed")
    database = build.folder / "compile_commands.json"
    entries = json.loads(database.read_text()) if database.exists() else []
    files = {os.path.relpath(build.folder / entry["file"], TOP) for entry in entries}
    files = sorted(f for f in files if f.split("/")[0] in LINTED and f.endswith(".cpp"))
    folder = build.folder.relative_to(TOP)
    command = ["clang-tidy-19", "-p", folder, "--quiet", "--warnings-as-errors=*",
               "--extra-arg=-Wno-unknown-warning-option",
               # What g++ has precompiled, clang reads as it stands.
               *(f"--extra-arg=-I{TOP / room}" for room in ("core/pch", "tests/support"))]

    def lint(file):
        report.progress(f"clang-tidy {file}")
        return processes.run([*command, file], cwd=TOP)

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        bad = [(f, done) for f, done in zip(files, pool.map(lint, files)) if not done.ok]
    if not files:
        return Case(name, "failed", f"no compile commands in {folder}")
    if not bad:
        return Case(name, "passed")
    lines = [line for _, done in bad for line in done.output.splitlines()]
    told = [line for line in lines if re.search(r": (?:error|warning): ", line)]
    output = "\n".join(dict.fromkeys(told or lines))  # a header's finding comes once a source
    return Case(name, "failed", f"{len(bad)} files", output, [*command, *(f for f, _ in bad)])


def costs(jobs, report):
    name = "bench.costs"
    if not os.access(TOP / "bench" / "costs", os.X_OK):
        return Case(name, "skipped", "there is no bench/costs")
    for tool in ("valgrind", "strace"):
        if not shutil.which(tool):
            return Case(name, "skipped", f"{tool} is not installed")
    limits = {"seconds": 900, "on_line": report.progress}
    return simple(name, ["bench/costs", "--check"], **limits)


def other_test(program):
    """A Meson test that is no GoogleTest program: its exit status tells, 77 is a skip."""
    done = processes.run(
        [*program.wrapper, *program.command], env=program.env, cwd=TOP,
        seconds=600 * program.slowness,
    )
    name = f"meson.{program.name}"
    if done.code == 77:
        lines = done.output.strip().splitlines() or ["no reason given"]
        return Case(name, "skipped", lines[-1])
    status = "passed" if done.ok else "failed"
    return Case(name, status, "" if done.ok else done.why(), done.output, program.command)


def tracked():
    """The files of the tree: those git would show, or all of them outside of a clone."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, capture_output=True, text=True, cwd=TOP)
    if done.returncode == 0 and done.stdout:
        files = done.stdout.splitlines()
        return [name for name in files if (TOP / name).exists()]
    paths = (path.relative_to(TOP) for path in TOP.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not path.parts[0].startswith("build"))

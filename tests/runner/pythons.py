"""Runs the tests written with unittest: each `*_test.py` in a process of its own."""

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import processes
from builds import TOP, relative
from results import NOT_RUN, Case

SECONDS_MAX = 600
SILENT_SECONDS_MAX = 180
ROOMS = ("tests", "examples", "bench")
# For tests/run --all alone, on the release build.
SLOW = {"certify_install_test.py", "install_test.py"}
PROGRAMS = ("RONDO_BUILD_DIR", "example_programs")  # who reads one of these runs built programs


def find(which):
    """all but the slow ones; those of them that run built programs; the slow ones."""
    files = sorted(path for room in ROOMS for path in (TOP / room).rglob("*_test.py"))
    if which == "slow":
        return [path for path in files if path.name in SLOW]
    files = [path for path in files if path.name not in SLOW]
    if which == "programs":
        texts = {path: path.read_text(encoding="utf-8") for path in files}
        return [path for path in files if any(word in texts[path] for word in PROGRAMS)]
    return files if which == "all" else []


def run_all(build, wanted, jobs, report):
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        files = find(build.python)
        lists = pool.map(lambda path: run_file(path, build, wanted, report), files)
        return [case for cases in lists for case in cases]


def run_file(path, build, wanted, report):
    env = {**build.env, "RONDO_BUILD_DIR": str(build.folder)}
    current = []

    def hear(line):
        current[:] = [line.removeprefix("RUN ")] if line.startswith("RUN ") else current
        if line.startswith("END "):
            report.tick(line.split()[2], line.split()[1] == "failed")

    slowness = build.slowness
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "told"
        one = Path(__file__).with_name("python_file.py")
        done = processes.run(
            [sys.executable, one, path, told, wanted or "*"], env=env, cwd=TOP, on_line=hear,
            seconds=SECONDS_MAX * slowness, silent_seconds=SILENT_SECONDS_MAX * slowness,
        )
        lines = told.read_text().splitlines() if told.exists() else []
    names, *ends = [json.loads(line) for line in lines] or [[]]
    cases = [Case(**end) for end in ends]
    if not done.ok:
        name = current[0] if current else relative(path)
        cases.append(Case(name, "failed", done.why(), done.output))
    known = {case.name for case in cases}
    for name in names:
        if name not in known:
            cases.append(Case(name, "failed", f"{NOT_RUN} ({relative(path)}: {done.why()})"))
    for case in cases:
        alone = case.name.split(".", 1)[-1]
        case.command = ["env", f"RONDO_BUILD_DIR={relative(build.folder)}", "python3",
                        relative(path), alone]
    return cases

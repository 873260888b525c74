"""What became of each test case, and how it is told."""

import shlex
import sys
import threading
import time
from dataclasses import dataclass, field

OUTPUT_LINES_SHOWN = 80
NOT_RUN = "not run"
_ORDER = {"passed": 0, "skipped": 1, "failed": 2}


@dataclass
class Case:
    name: str
    status: str  # passed, failed, skipped
    reason: str = ""  # why it was skipped, or failed in a word
    output: str = ""
    command: list = field(default_factory=list)  # what runs it alone
    stage: str = ""


def worst(cases):
    """One case for each name of several runs: the worst of them."""
    merged = {}
    for case in cases:
        known = merged.get(case.name)
        if known is None or _ORDER[case.status] > _ORDER[known.status]:
            merged[case.name] = case
    return list(merged.values())


class Report:
    """Counts the cases and tells about them: a live line on a terminal, every failure in full, a
    line for each stage, the totals last. Any thread."""

    def __init__(self):
        self.cases = []
        self.stage = ""
        self.live = sys.stderr.isatty()
        self.lock = threading.Lock()
        self.done = self.bad = 0

    def begin(self, stage):
        self.stage = stage
        self.begun = time.monotonic()
        self.done = self.bad = 0
        self.progress("")

    def progress(self, what):
        """The one live line: what goes on right now."""
        if not self.live:
            return
        failed = f", {self.bad} failed" if self.bad else ""
        text = f"{self.stage}: {self.done} done{failed}  {what}"[:99]
        with self.lock:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def tick(self, name, failed):
        with self.lock:
            self.done += 1
            self.bad += failed
        self.progress(name)

    def clear(self):
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def end(self, cases):
        """Closes the stage with what became of its cases."""
        self.clear()
        for case in cases:
            case.stage = self.stage
        self.cases += cases
        not_run = {}
        for case in cases:
            if case.reason.startswith(NOT_RUN):
                not_run.setdefault(case.reason, []).append(case.name)
            elif case.status == "failed":
                self.show(case)
        for reason, names in not_run.items():
            print(f"FAILED, {reason}: {' '.join(names)}\n", flush=True)
        seconds = time.monotonic() - self.begun
        print(f"{self.stage}: {totals(cases)} ({seconds:.1f} s)", flush=True)

    def show(self, case):
        lines = case.output.rstrip().splitlines()
        print(f"\nFAILED {case.name} ({case.stage})" + (f": {case.reason}" if case.reason else ""))
        if len(lines) > OUTPUT_LINES_SHOWN:
            print(f"  ... {len(lines) - OUTPUT_LINES_SHOWN} lines left out")
        for line in lines[-OUTPUT_LINES_SHOWN:]:
            print(f"  {line}")
        if case.command:
            print(f"  alone: {shlex.join(str(word) for word in case.command)}")
        print(flush=True)

    def finish(self):
        """The skips with their reasons, the names of the failures, the totals. The exit status."""
        skips = {}
        for case in self.cases:
            if case.status == "skipped":
                skips.setdefault((case.name, case.reason), []).append(case.stage)
        for (name, reason), stages in skips.items():
            print(f"skipped {name} ({', '.join(dict.fromkeys(stages))}): {reason}")
        for case in self.cases:
            if case.status == "failed":
                print(f"failed {case.name} ({case.stage})")
        if not any(case.status != "skipped" for case in self.cases):
            print("nothing was tested: that is a failure")
        print(totals(self.cases), flush=True)
        ran = [case.status for case in self.cases if case.status != "skipped"]
        return 0 if ran and "failed" not in ran else 1


def totals(cases):
    count = {status: 0 for status in _ORDER}
    for case in cases:
        count[case.status] += 1
    return f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"

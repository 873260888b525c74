# SPDX-License-Identifier: MIT
"""The cases of test programs: read from their output, counted and printed."""

import os
import re
import shlex
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from processes import Progress, describe

OUTPUT_LINES_MAX, OUTPUT_COLUMNS_MAX, FAILURES_SHOWN_MAX = 80, 1000, 50
REASONS_MAX, REASON_COLUMNS_MAX = 3, 60  # in the line of the skips
_MARK = re.compile(r"\[ +(RUN|OK|FAILED|SKIPPED) +\] (\S+\.\S+?)(?:,| \(|$)")
_ANNOUNCED = re.compile(r"^\[=+\] Running (\d+) tests?", re.MULTILINE)
_STATUS = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}


@dataclass
class Case:
    name: str
    status: str = ""  # passed, failed or skipped
    reason: str = ""  # why it was skipped or failed
    output: str = ""
    command: list = field(default_factory=list)  # runs it alone
    stage: str = ""


def cases_of(run):
    """The cases of one program. If the program ended in another way than its cases say, by a crash,
    a time limit, an early exit or a leak that was found at the end, the case that was running has
    failed, or else one more case for the end of the program."""
    program, text = re.sub(r"^.*[:/] *", "", run["name"]), run["stdout"]
    if program.startswith("fuzz-"):
        return [case_of_fuzzing(program, run)]
    cases = read_marks(text)
    for case in cases:
        case.command = alone(run, f"--gtest_filter={case.name}")
    running = bool(cases) and not cases[-1].status
    announced = _ANNOUNCED.search(text)
    left = int(announced[1]) - len(cases) if announced else 0
    bad = any(case.status == "failed" for case in cases)
    good_end = run["result"] == "OK" or (bad and run["returncode"] == 1)
    if announced and left <= 0 and not running and good_end:
        return cases
    if not running:
        cases.append(Case(f"{program} (its end)", output=text, command=alone(run)))
    why = "reached its time limit" if run["result"] == "TIMEOUT" else describe(run["returncode"])
    cases[-1].status = "failed"
    cases[-1].reason = why + (f"; {left} cases were not run" if left > 0 else "")
    return cases


def case_of_fuzzing(program, run):
    """If nothing was executed, it has failed as well."""
    text, command = run["stdout"], alone(run)
    if run["result"] == "OK" and re.search(r"stat::number_of_executed_units: *[1-9]", text):
        return Case(program, "passed")
    finding = re.search(r"^not so: .*|runtime error: .*|^SUMMARY: .*", text, re.MULTILINE)
    written = re.search(r"Test unit written to (\S.*)", text)
    if written:
        command = [*command[: command.index(run["command"][0]) + 1], written[1]]
    reason = finding[0] if finding else "ended without a finding, and too early"
    return Case(program, "failed", reason, text, command)


def read_marks(text):
    """The cases in the output of a program. One that did not end has no status."""
    cases = []
    for line in text.splitlines():
        mark = _MARK.search(line)
        if mark and mark[1] == "RUN":
            cases.append(Case(mark[2]))
            output = []
        elif cases and not cases[-1].status:
            ended = mark and mark[2] == cases[-1].name
            output.append(line[: mark.start()] if ended else line)
            cases[-1].output = output
            if ended:
                cases[-1].status = _STATUS[mark[1]]
            if ended and mark[1] == "SKIPPED":  # its reason does not include the line of the source
                lines = [line for line in output if not re.match(r"\S+:\d+: Skipped$", line)]
                cases[-1].reason = " ".join(" ".join(lines).split()) or "no reason given"
    for case in cases:
        case.output = "\n".join(case.output).strip()
    return cases


def alone(run, *words):
    """The command of one program with other words for GoogleTest."""
    env = [f"{name}={value}" for name, value in run["env"].items()
           if re.match(r"RONDO_|[A-Z]+SAN_OPTIONS$", name)]
    command = [word for word in run["command"] if not word.startswith("--gtest_filter")]
    return [*(["env", *env] if env else []), *command, *words]


class Report:
    """Prints a line for each stage; at the end the skips in one line, the failures in full, and the
    totals. What a stage leaves in the folder `scratch` is a failure."""

    def __init__(self, scratch=None, lists_skips=False):
        self.cases, self.progress = [], None
        self.scratch, self.lists_skips = scratch, lists_skips

    def begin(self, stage):
        self.stage, self.begun, self.progress = stage, time.monotonic(), Progress(stage)

    def end(self, cases):
        cases = [*cases, *self.left_behind()]
        print(f"{self.stage}: {totals(cases)} ({time.monotonic() - self.begun:.0f} s)")
        for case in cases:
            case.stage = self.stage
            if case.status == "failed":
                print(f"  failed: {case.name}")
        self.cases += cases
        sys.stdout.flush()

    def left_behind(self):
        names = sorted(os.listdir(self.scratch)) if self.scratch else []
        for name in names:
            path = os.path.join(self.scratch, name)
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.unlink(path)
        why = f"left behind: {' '.join(names)}"
        return [Case("temporary folder", "failed", why)] if names else []

    def finish(self, nothing="nothing was tested"):
        """The exit status. `nothing` is printed if no case was run."""
        skipped = [case for case in self.cases if case.status == "skipped"]
        for case in skipped if self.lists_skips else ():
            print(f"skipped {case.name}: {case.reason}")
        if skipped:
            print(skips(skipped) + ("" if self.lists_skips else "; --skips lists them"))
        self.show_failures()
        ran = {case.status for case in self.cases} - {"skipped"}
        if not ran:
            print(f"{nothing}, which is a failure")
        print(totals(self.cases), flush=True)
        return 0 if ran == {"passed"} else 1

    def show_failures(self):
        failed = [case for case in self.cases if case.status == "failed"]
        for case in failed[:FAILURES_SHOWN_MAX]:
            show(case)
        if len(failed) > FAILURES_SHOWN_MAX:
            print(f"{len(failed) - FAILURES_SHOWN_MAX} more failures are not shown")


def skips(cases):
    """How many for which reasons, in one line."""
    reasons = Counter(case.reason for case in cases).most_common()
    parts = [f"{count} {reason[:REASON_COLUMNS_MAX]}" for reason, count in reasons[:REASONS_MAX]]
    rest = sum(count for _, count in reasons[REASONS_MAX:])
    return f"{len(cases)} skipped: {', '.join(parts)}" + (f", {rest} for others" if rest else "")


def show(case):
    lines = case.output.rstrip().splitlines()
    print(f"\nFAILED {case.name} ({case.stage})" + (f": {case.reason}" if case.reason else ""))
    if len(lines) > OUTPUT_LINES_MAX:
        print(f"  ... {len(lines) - OUTPUT_LINES_MAX} lines left out")
    for line in lines[-OUTPUT_LINES_MAX:]:
        print(f"  {line[:OUTPUT_COLUMNS_MAX]}")
    if case.command:
        print(f"  alone: {shlex.join(str(word) for word in case.command)}")
    print(flush=True)


def totals(cases):
    count = Counter(case.status for case in cases)
    return f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"

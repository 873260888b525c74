"""Runs GoogleTest programs, split into shards, and tells what became of each case: also of those a
crashed or hung program left undone."""

import re
import tempfile
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import processes
from results import NOT_RUN, Case

SECONDS_MAX = 900
SILENT_SECONDS_MAX = 60
CASES_PER_SHARD_MIN = 10

_MARK = re.compile(r"\[ +(RUN|OK|FAILED|SKIPPED) +\] (\S+\.\S+?)(?:,| \(|$)")
_STATUS = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}


@dataclass
class Program:
    """A test program and how to run it."""

    name: str
    command: list
    env: dict = field(default_factory=dict)
    wrapper: list = field(default_factory=list)  # such as valgrind
    slowness: float = 1  # of the time limits
    parallel: bool = True
    filter: str = "*"

    def alone(self, case):
        """The command line of one case."""
        words = [f"{name}={value}" for name, value in self.env.items()]
        words = ["env", *words] if words else []
        return [*words, *self.wrapper, *self.command, f"--gtest_filter={case}"]


def as_pattern(text):
    """What a user asks for, as GoogleTest's filter: a part of a name will do."""
    return text if re.search(r"[*?:]", text) else f"*{text}*"


def run_all(programs, jobs, report):
    """All cases of all programs, `jobs` processes at a time."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        lists = list(pool.map(list_cases, programs))
        shards = []
        for program, (names, _) in zip(programs, lists):
            count = min(jobs, len(names) // CASES_PER_SHARD_MIN) if program.parallel else 1
            count = max(1, count)
            if names:
                shards += [_Shard(program, index, count, report) for index in range(count)]
        list(pool.map(_Shard.run, shards))
    cases = []
    for program, (names, error) in zip(programs, lists):
        cases += [error] if error else []
        own = [shard for shard in shards if shard.program is program]
        cases += gather(program, names, own)
    return cases


def list_cases(program):
    """The names of its cases, and a failed case if it cannot even tell these."""
    command = [*program.command, "--gtest_list_tests", f"--gtest_filter={program.filter}"]
    done = processes.run(command, env=program.env, seconds=60 * program.slowness)
    if not done.ok:
        name = f"{program.name} --gtest_list_tests"
        return [], Case(name, "failed", done.why(), done.output, command)
    return parse_list(done.output), None


def parse_list(text):
    names, suite = [], ""
    for line in text.splitlines():
        bare = line.split("#", 1)[0].rstrip()
        if line.startswith("  ") and suite:
            names.append(suite + bare.strip())
        elif re.fullmatch(r"\S+\.", bare):
            suite = bare
    return names


class _Shard:
    """One process of a program, and what its output tells while it runs."""

    def __init__(self, program, index, count, report):
        self.program, self.index, self.count, self.report = program, index, count, report
        self.current = None
        self.outputs = {}
        self.told = {}  # case to status
        self.told_by_xml = {}  # case to (status, reason)
        self.done = None

    def run(self):
        program = self.program
        with tempfile.TemporaryDirectory() as scratch:
            xml = Path(scratch) / "results.xml"
            env = {**program.env, "GTEST_COLOR": "no"}
            env |= {"GTEST_TOTAL_SHARDS": str(self.count), "GTEST_SHARD_INDEX": str(self.index)}
            options = [f"--gtest_filter={program.filter}", f"--gtest_output=xml:{xml}"]
            self.done = processes.run(
                [*program.wrapper, *program.command, *options],
                env=env, on_line=self.hear, seconds=SECONDS_MAX * program.slowness,
                silent_seconds=SILENT_SECONDS_MAX * program.slowness,
            )
            self.told_by_xml = parse_xml(xml)

    def hear(self, line):
        mark = _MARK.search(line)
        if mark and mark[1] == "RUN":
            self.current = mark[2]
            self.outputs[self.current] = []
            self.report.progress(self.current)
        elif mark and mark[2] == self.current:
            self.told[self.current] = _STATUS[mark[1]]
            self.report.tick(self.current, self.told[self.current] == "failed")
            self.current = None
        elif self.current:
            self.outputs[self.current].append(line)

    def cases(self):
        """The cases it told about, and one for what else went wrong."""
        told = {name: (status, "") for name, status in self.told.items()}
        told |= self.told_by_xml
        for name, (status, reason) in told.items():
            output = "\n".join(self.outputs.get(name, []))
            if status == "skipped" and not reason:
                reason = output.strip() or "no reason given"
            yield Case(name, status, reason, output, self.program.alone(name))
        if self.done.ok or (self.done.code == 1 and "failed" in {s for s, _ in told.values()}):
            return
        name = self.current or f"{self.program.name} (its end)"
        lines = self.outputs.get(self.current) or self.done.output.splitlines()
        command = self.program.alone(self.current or self.program.filter)
        yield Case(name, "failed", self.done.why(), "\n".join(lines), command)


def gather(program, names, shards):
    """The cases of all shards, and as failures those that nobody heard of again."""
    cases = [case for shard in shards for case in shard.cases()]
    known = {case.name for case in cases}
    ends = [f"{shard.current or 'its end'}: {shard.done.why()}" for shard in shards
            if not shard.done.ok]
    for name in names:
        if name in known:
            continue
        if re.search(r"(^|[./])DISABLED_", name):
            cases.append(Case(name, "skipped", "disabled in its source"))
        else:
            why = "; ".join(ends) or "the program ended early"
            cases.append(Case(name, "failed", f"{NOT_RUN} ({why})", "", program.alone(name)))
    return cases


def parse_xml(path):
    """Case to (status, reason), or nothing if the program did not come to write it."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return {}
    told = {}
    for case in root.iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.get("status") == "notrun" or case.get("result") == "suppressed":
            continue
        if case.find("failure") is not None or case.find("error") is not None:
            told[name] = ("failed", "")
        elif skip is not None or case.get("result") == "skipped":
            told[name] = ("skipped", skip_reason(skip))
        else:
            told[name] = ("passed", "")
    return told


def skip_reason(element):
    """The message, without the line that says where it stands."""
    text = "" if element is None else element.get("message") or element.text or ""
    lines = [line for line in text.splitlines() if line and not re.match(r"\S+:\d+$", line)]
    return " ".join(line for line in lines if line != "Skipped").strip()

# SPDX-License-Identifier: MIT
"""tools/gdb/rondo_tasks.py: a process that gdb has stopped, and its core file, against what
describe_tasks() says in that process."""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from example_programs import BUILD, SECONDS_MAX, needs

PROGRAM = BUILD / "tests" / "waiting_tasks"
SCRIPT = Path(__file__).resolve().parent.parent.parent / "tools" / "gdb" / "rondo_tasks.py"
OUT_OF_REACH = re.compile(r"ptrace: Operation not permitted|Could not trace|Cannot PTRACE", re.I)


def is_sanitized():
    """Then the process has terabytes of address space, too many for a core file."""
    options = json.loads((BUILD / "meson-info" / "intro-buildoptions.json").read_text())
    return any(one["name"] == "b_sanitize" and one["value"] not in ("none", [])
               for one in options)


def gdb(*commands, core=()):
    words = ["gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex", f"source {SCRIPT}"]
    for command in commands:
        words += ["-ex", f"echo \\n[{command}]\\n", "-ex", command]
    env = {**os.environ, "LANG": "C", "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([*words, PROGRAM, *core], text=True, capture_output=True, env=env,
                          timeout=2 * SECONDS_MAX)
    if OUT_OF_REACH.search(done.stdout + done.stderr):
        raise unittest.SkipTest("gdb may not trace a process here")
    return done.stdout + done.stderr


def parts_of(output, command):
    """What each call of the command has printed."""
    return [part.split("\n[")[0] for part in output.split(f"\n[{command}]\n")[1:]]


def reports_of(output):
    """What the program has printed: the lines of the tasks of its own thread."""
    said = re.findall(r"^\[continue\]\n((?:.* s: .*\n)+)end of the report", output, re.M)
    return [part.splitlines() for part in said]


def without_times(text):
    return re.sub(r"\d+\.\d{3} s", "TIME", text)


def seconds_in(text):
    return [float(number) for number in re.findall(r"(\d+\.\d{3}) s", text)]


@needs("gdb")
class GdbTasks(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.core = Path(cls.scratch.name) / "core"
        core = () if is_sanitized() else (f"gcore {cls.core}",)
        cls.output = gdb("break stop_here", "run", "rondo-tasks", *core, "continue", "rondo-tasks",
                         "up", "rondo-tasks reactor", "rondo-tasks &group", "continue")

    def test_says_in_a_turn_what_the_process_says(self):
        reports = reports_of(self.output)
        self.assertEqual(len(reports), 2, self.output)
        for what in ("Queue::pop", "sleep", "Connection: input", "Connection::read"):
            self.assertIn(what, str(reports[0]))
        own, other = self.tasks_by_thread(parts_of(self.output, "rondo-tasks")[0])
        self.assertEqual(own[0], "thread 1")
        self.assertEqual(own[1:], reports[0])
        self.assertEqual(other[0], "thread 2")
        self.check_other(other)

    def test_counts_the_time_outside_of_a_turn(self):
        report = reports_of(self.output)[1]
        own, other = self.tasks_by_thread(parts_of(self.output, "rondo-tasks")[1])
        self.assertEqual(own[0], "no thread runs it")
        self.assertEqual([without_times(line) for line in own[1:]],
                         [without_times(line) for line in report])
        for mine, theirs in zip(seconds_in(str(own)), seconds_in(str(report))):
            self.assertGreaterEqual(mine, theirs - 0.002)  # streams count in steps
            self.assertLess(mine, theirs + SECONDS_MAX)
        self.check_other(other)

    def test_finds_a_reactor_by_an_expression(self):
        said = self.tasks_by_thread(parts_of(self.output, "rondo-tasks reactor")[0])
        self.assertEqual(len(said), 1)
        self.assertEqual(len(said[0]), 1 + len(reports_of(self.output)[1]))
        self.assertIn("no such reactor", parts_of(self.output, "rondo-tasks &group")[0])

    def test_reads_a_core_file(self):
        if not self.core.exists():
            self.skipTest("gcore cannot write a core file here")
        said = parts_of(gdb("rondo-tasks", core=[self.core]), "rondo-tasks")[0]
        own, other = self.tasks_by_thread(said)
        self.assertEqual(own[1:], reports_of(self.output)[0])
        self.check_other(other)
        self.assertGreater(seconds_in(other[1])[0], 0.2, "since its wait, until the latest event")

    def test_says_what_is_missing_without_a_process(self):
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "plain"
            plain.write_bytes(Path("/bin/true").resolve().read_bytes())
            done = subprocess.run(["gdb", "-nx", "-batch", "-ex", f"source {SCRIPT}",
                                   "-ex", "rondo-tasks", plain], text=True, capture_output=True,
                                  timeout=SECONDS_MAX)
        self.assertIn("this program has no coroutines of rondo", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def check_other(self, lines):
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], r"^Event::wait, \d+\.\d{3} s: \S+:\d+ < \S+:\d+$")

    def tasks_by_thread(self, text):
        """The reactors of the process, each with its thread and its lines; the one that runs the
        program first."""
        self.assertNotIn("Traceback", text)
        found = re.findall(r"^reactor 0x[0-9a-f]+, (.*):\n((?:.* s: .*\n?)*)", text, re.M)
        self.assertTrue(found, self.output)
        return sorted(([who, *lines.splitlines()] for who, lines in found), key=len, reverse=True)


if __name__ == "__main__":
    unittest.main()

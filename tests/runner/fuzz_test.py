"""tests/fuzz/run: what it makes of libFuzzer's words, and of its own."""

import io
import re
import subprocess
import unittest
from contextlib import redirect_stderr
from pathlib import Path

import fuzz
import processes

HERE = Path(__file__).resolve().parent

CALM = """INFO: seed corpus: files: 4 min: 8b
#97\tINITED cov: 310 ft: 800 corp: 4/1Kb exec/s: 0 rss: 40Mb
#133150\tDONE   cov: 331 ft: 1509 corp: 233/8045b lim: 300 exec/s: 10242 rss: 253Mb
stat::number_of_executed_units: 133150
"""
FOUND = """#2\tINITED cov: 300 ft: 301 corp: 1/1b exec/s: 0 rss: 30Mb
not so: the lines are those of the model (lines.cpp:65)
==7== ERROR: libFuzzer: deadly signal
SUMMARY: libFuzzer: deadly signal
artifact_prefix='x'; Test unit written to {top}/build/fuzzed/findings/lines-crash-01
stat::number_of_executed_units: 167
""".format(top=fuzz.builds.TOP)


def fuzz_command(*words):
    program = HERE.parent / "fuzz" / "run"
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60)


class WhatLibFuzzerSays(unittest.TestCase):
    def run_of(self, code, output, limit=""):
        return fuzz.Run("lines", processes.Finished(code, output, limit), ["program"])

    def test_a_run_without_a_finding_is_a_line_and_passes(self):
        run = self.run_of(0, CALM)
        self.assertEqual(run.line(), "lines: 133,150 executions, 331 edges, no finding")
        self.assertEqual(run.case().status, "passed")

    def test_a_finding_tells_what_where_and_how_to_replay_it(self):
        run = self.run_of(77, FOUND)
        found = "build/fuzzed/findings/lines-crash-01"
        program = "build/fuzz/tests/fuzz/fuzz_targets"
        self.assertEqual(run.line().splitlines(), [
            "lines: 167 executions, 300 edges, "
            "FOUND not so: the lines are those of the model (lines.cpp:65)",
            f"  input:  {found}",
            f"  replay: env RONDO_FUZZ_TARGET=lines {program} {found}",
        ])
        self.assertEqual(run.case().status, "failed")

    def test_a_sanitizers_finding_is_told_by_its_summary(self):
        text = "SUMMARY: AddressSanitizer: heap-use-after-free x.cpp:3\n"
        self.assertEqual(self.run_of(77, text).finding, text.strip())
        text = "x.cpp:3:1: runtime error: shift too large\n" + text
        self.assertEqual(self.run_of(77, text).finding, "runtime error: shift too large")

    def test_a_run_that_hangs_or_cannot_start_is_a_finding(self):
        self.assertEqual(self.run_of(-9, CALM, "hit its time limit of 9 s").finding,
                         "hit its time limit of 9 s")
        self.assertEqual(self.run_of(2, "").finding, "exit status 2")
        self.assertEqual(self.run_of(2, "").replay(), ["program"])

    def test_the_totals_count_executions_and_findings(self):
        runs = [self.run_of(0, CALM), self.run_of(77, FOUND)]
        self.assertEqual(fuzz.totals(runs), "2 targets, 133,317 executions, 1 findings")


class TheCommand(unittest.TestCase):
    def test_lists_the_targets_that_the_program_has(self):
        sources = (path.read_text() for path in (HERE.parent / "fuzz").glob("*.cpp"))
        declared = re.findall(r'^const Target target\{"(\w+)"', "\n".join(sources), re.MULTILINE)
        done = fuzz_command("--list")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.split(), sorted(declared))

    def test_dictionaries_are_of_targets(self):
        names = {path.stem for path in (HERE.parent / "fuzz" / "dictionaries").glob("*.txt")}
        self.assertLessEqual(names, set(fuzz.names()))

    def test_bounds_memory_and_time_and_keeps_what_is_learned_apart(self):
        words = [str(word) for word in fuzz.command("lines", 7, Path("/nowhere"))]
        self.assertIn("-max_total_time=7", words)
        self.assertIn(f"-rss_limit_mb={fuzz.MEMORY_MB_MAX}", words)
        self.assertEqual(words[-2:], [str(fuzz.KEPT / "corpus" / "lines"),
                                      str(fuzz.FOLDER / "corpus" / "lines")])

    def test_refuses_what_it_does_not_know(self):
        for words in (["nothing"], ["--seconds", "0"], ["--jobs", "0"]):
            with self.assertRaises(SystemExit), redirect_stderr(io.StringIO()):
                fuzz.parse_arguments(words)


if __name__ == "__main__":
    unittest.main()

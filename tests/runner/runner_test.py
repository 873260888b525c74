"""tests/run's own machinery, on a stand-in for a GoogleTest program that behaves as it is told."""

import io
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import redirect_stdout
from pathlib import Path

import gtest
import processes
from python_file import matches
from results import Case, Report, worst

HERE = Path(__file__).resolve().parent

# Talks like GoogleTest 1.12. The environment says which of its cases do what.
STAND_IN = r"""
import os, signal, sys
names = ["Suite.Passes", "Suite.Fails", "Suite.Skips", "Other/Suite.Acts/0", "Suite.Last"]
options = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
if "--gtest_list_tests" in sys.argv:
    print("Running main()\nSuite.\n  Passes\n  Fails\n  Skips\n  DISABLED_Never")
    print("Other/Suite.  # TypeParam = int\n  Acts/0  # GetParam() = 4 bytes\nSuite.\n  Last")
    sys.exit()
act, xml = os.environ.get("ACT"), ""
for name in names:
    print(f"[ RUN      ] {name}", flush=True)
    suite, case = name.split(".")
    head = f'<testcase classname="{suite}" name="{case}" status="run"'
    if name == "Suite.Fails" and act == "fail":
        print("expected 1, got 2")
        print(f"[  FAILED  ] {name} (0 ms)", flush=True)
        xml += head + ' result="completed"><failure message="a"/></testcase>'
    elif name == "Suite.Skips":
        print(f"[  SKIPPED ] {name} (0 ms)", flush=True)
        xml += head + ' result="skipped"><skipped message="/a/b.cpp:3&#x0A;no kernel"/></testcase>'
    else:
        if "Acts" in name and act == "crash":
            print("last words", flush=True)
            os.kill(os.getpid(), signal.SIGABRT)
        if "Acts" in name and act == "hang":
            signal.pause()
        print(f"no newline[       OK ] {name} (0 ms)", flush=True)
        xml += head + ' result="completed"/>'
open(options["--gtest_output"].removeprefix("xml:"), "w").write(f"<testsuites>{xml}</testsuites>")
sys.exit({"fail": 1, "leak": 23}.get(act, 0))
"""


class GoogleTestPrograms(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.program = Path(scratch.name) / "program.py"
        self.program.write_text(STAND_IN)

    def run_it(self, act=""):
        command = [sys.executable, str(self.program)]
        program = gtest.Program("program", command, {"ACT": act}, slowness=1 / 60)
        report = Report()
        report.begin("stage")
        cases = gtest.run_all([program], 1, report)
        return {case.name: case for case in cases}

    def status(self, cases):
        return {name: case.status for name, case in cases.items()}

    def test_tell_each_case(self):
        cases = self.run_it()
        self.assertEqual(self.status(cases), {
            "Suite.Passes": "passed", "Suite.Fails": "passed", "Suite.Skips": "skipped",
            "Suite.DISABLED_Never": "skipped", "Other/Suite.Acts/0": "passed",
            "Suite.Last": "passed",
        })
        self.assertEqual(cases["Suite.Skips"].reason, "no kernel")

    def test_tell_a_failure_with_its_output_and_command(self):
        case = self.run_it("fail")["Suite.Fails"]
        self.assertEqual((case.status, case.output), ("failed", "expected 1, got 2"))
        self.assertEqual(case.command[-1], "--gtest_filter=Suite.Fails")
        self.assertEqual(case.command[:2], ["env", "ACT=fail"])

    def test_tell_a_crash_and_what_it_left_undone(self):
        cases = self.run_it("crash")
        acts, last = cases["Other/Suite.Acts/0"], cases["Suite.Last"]
        self.assertEqual((acts.status, acts.reason), ("failed", "ended by SIGABRT"))
        self.assertEqual(acts.output, "last words")
        self.assertEqual(last.status, "failed")
        self.assertIn("not run (Other/Suite.Acts/0: ended by SIGABRT)", last.reason)
        self.assertEqual(cases["Suite.Passes"].status, "passed")

    def test_tell_a_hang(self):
        cases = self.run_it("hang")
        self.assertIn("hung", cases["Other/Suite.Acts/0"].reason)
        self.assertEqual(cases["Suite.Last"].status, "failed")

    def test_tell_a_failure_after_the_last_case(self):
        cases = self.run_it("leak")
        self.assertEqual(cases["program (its end)"].reason, "exit status 23")
        self.assertEqual(cases["Suite.Last"].status, "passed")

    def test_that_cannot_be_started_are_failures(self):
        report = Report()
        cases = gtest.run_all([gtest.Program("gone", ["./gone"])], 1, report)
        self.assertEqual([case.status for case in cases], ["failed"])


def is_gone(pid, seconds=10):
    """Soon: to be killed takes a moment. A zombie may stay where nobody collects orphans."""
    status = Path(f"/proc/{pid}/status")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if "State:\tZ" in status.read_text():
                return True
        except OSError:
            return True
    return False


class Processes(unittest.TestCase):
    def test_are_ended_at_their_time_limit_with_their_children(self):
        begun = time.monotonic()
        done = processes.run(["bash", "-c", "sleep 60 & echo $!; sleep 60"], seconds=0.5)
        self.assertLess(time.monotonic() - begun, 30)
        self.assertIn("time limit", done.limit)
        self.assertFalse(done.ok)
        self.assertTrue(is_gone(int(done.output)))

    def test_leave_no_child_behind(self):
        done = processes.run(["bash", "-c", "sleep 60 & echo $!"])
        self.assertTrue(done.ok)
        self.assertTrue(is_gone(int(done.output)))

    def test_tell_their_signal(self):
        self.assertEqual(processes.run(["bash", "-c", "kill -SEGV $$"]).why(), "ended by SIGSEGV")


class Totals(unittest.TestCase):
    def finish(self, *cases):
        out = io.StringIO()
        with redirect_stdout(out):
            report = Report()
            report.begin("stage")
            report.end(list(cases))
            status = report.finish()
        return status, out.getvalue().splitlines()

    def test_stand_on_the_last_line(self):
        status, lines = self.finish(Case("A.B", "passed"), Case("A.C", "skipped", "no kernel"))
        self.assertEqual((status, lines[-1]), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("skipped A.C (stage): no kernel", lines)

    def test_fail_with_one_failure(self):
        status, lines = self.finish(Case("A.B", "passed"), Case("A.C", "failed", command=["x"]))
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("  alone: x", lines)

    def test_fail_when_nothing_was_run(self):
        self.assertEqual(self.finish()[0], 1)
        self.assertEqual(self.finish(Case("A.B", "skipped", "no kernel"))[0], 1)

    def test_count_the_worst_of_several_runs(self):
        cases = worst([Case("A.B", "passed"), Case("A.B", "failed"), Case("A.B", "passed")])
        self.assertEqual([case.status for case in cases], ["failed"])


class Filters(unittest.TestCase):
    def test_take_a_part_of_a_name_or_a_pattern(self):
        self.assertEqual(gtest.as_pattern("Timer"), "*Timer*")
        self.assertEqual(gtest.as_pattern("Timer.*-*Slow"), "Timer.*-*Slow")

    def test_mean_the_same_for_every_kind_of_test(self):
        self.assertTrue(matches("a.Timer.fires", "*Timer*"))
        self.assertTrue(matches("a.Timer.fires", "*Net*:*Timer*-*Slow*"))
        self.assertFalse(matches("a.Timer.SlowFires", "*Timer*-*Slow*"))
        self.assertTrue(matches("a.Timer.fires", "-*Slow*"))


class Interrupt(unittest.TestCase):
    def test_ends_everything_at_once(self):
        script = (
            "import sys; sys.path.insert(0, sys.argv[1]); import main, processes\n"
            "class Hangs(main.Runner):\n"
            "  def plain(self, build):\n"
            "    processes.run(['bash', '-c', 'echo $$; sleep 60'], on_line=lambda line:"
            " print(line, flush=True))\n"
            "    raise KeyboardInterrupt\n"
            "main.Runner = Hangs\n"
            "sys.exit(main.main([]))\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", script, HERE], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        pid = int(child.stdout.readline())
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 130)
        self.assertIn("interrupted", errors)
        self.assertTrue(is_gone(pid))


if __name__ == "__main__":
    unittest.main()

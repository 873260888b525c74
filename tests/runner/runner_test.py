# SPDX-License-Identifier: MIT
"""tests/run's own machinery, on Meson projects of stand-ins for test programs."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
from pathlib import Path
from types import SimpleNamespace

import builds
import main
import processes
import start
from python_tests import matches
from results import Case, Report, cases_of, read_marks

HERE = Path(__file__).resolve().parent

# Prints what GoogleTest 1.12 prints. Its argument says what it does in the middle.
STAND_IN = r"""
import os, signal, sys
act = sys.argv[1]
print("Running main()\n[==========] Running 5 tests from 2 test suites.")
for name in ("Suite.Passes", "Suite.Fails", "Suite.Skips", "Other/Suite.Acts/0", "Suite.Last"):
    print(f"[ RUN      ] {name}", flush=True)
    end = "      OK "
    if name == "Suite.Fails" and act == "fail":
        print("expected 1, got 2", file=sys.stderr)
        end = "  FAILED "
    elif name == "Suite.Skips":
        print(f"/a/b.cpp:3: Skipped\nno kernel\n[  SKIPPED ] {name} (0 ms)")
        continue
    elif "Acts" in name and act != "pass":
        print("last words", flush=True)
        if act == "crash": os.kill(os.getpid(), signal.SIGABRT)
        if act == "hang": print(os.getpid(), file=open(sys.argv[2], "w"), flush=True)
        if act == "hang": signal.pause()
        if act == "exit": os._exit(0)
    print(f"no newline[{end}] {name} (0 ms)", flush=True)
print("[  FAILED  ] Suite.Fails" if act == "fail" else "[  PASSED  ] 5 tests.")
sys.exit({"fail": 1, "leak": 23}.get(act, 0))
"""
MESON = """project('stand-in')
test('program-0', find_program('python3'), args: [files('program.py'), '@ACT@', '@FILE@'],
     suite: 'cpp', timeout: @SECONDS@)
"""


def options(**given):
    return SimpleNamespace(**{"filter": "", "seed": None, "jobs": 1, "ci": False, "repeat": 1,
                              "seconds": 0, "skips": False} | given)


def prepare_build(top, act, seconds=20):
    """A build directory of a project that has the stand-in as its only test."""
    (top / "program.py").write_text(STAND_IN)
    text = MESON.replace("@ACT@", act).replace("@SECONDS@", str(seconds))
    (top / "meson.build").write_text(text.replace("@FILE@", str(top / "pid")))
    subprocess.run(["meson", "setup", top / "b", top], check=True, capture_output=True)
    return SimpleNamespace(name="b", folder=top / "b", suites=("cpp",), longer=())


class Programs(unittest.TestCase):
    def run_it(self, act="pass", seconds=20, **more):
        with tempfile.TemporaryDirectory() as folder:
            build = prepare_build(Path(folder), act, seconds)
            cases = main.Runner(options()).cases(build, build.suites, **more)
        return {case.name: case for case in cases}

    def test_give_each_case(self):
        cases = self.run_it()
        self.assertEqual({name: case.status for name, case in cases.items()}, {
            "Suite.Passes": "passed", "Suite.Fails": "passed", "Suite.Skips": "skipped",
            "Other/Suite.Acts/0": "passed", "Suite.Last": "passed"})
        self.assertEqual(cases["Suite.Skips"].reason, "no kernel")

    def test_leave_out_what_takes_longer_in_ci(self):
        with tempfile.TemporaryDirectory() as folder:
            build = prepare_build(Path(folder), "pass")
            build.longer = ("cpp",)
            for ci, count in ((False, 5), (True, 0)):
                cases = main.Runner(options(ci=ci, seed=1)).cases(build, build.suites)
                self.assertEqual(len(cases), count)

    def test_give_a_failure_with_its_output_and_command(self):
        case = self.run_it("fail")["Suite.Fails"]
        self.assertEqual(case.status, "failed")
        self.assertIn("expected 1, got 2", case.output)
        self.assertEqual(case.command[-1], "--gtest_filter=Suite.Fails")

    def test_give_a_crash_and_how_many_cases_were_not_run(self):
        cases = self.run_it("crash")
        acts = cases["Other/Suite.Acts/0"]
        self.assertEqual((acts.status, acts.output), ("failed", "last words"))
        self.assertEqual(acts.reason, "ended by SIGABRT; 1 cases were not run")
        self.assertEqual(cases["Suite.Passes"].status, "passed")

    def test_give_a_hang(self):
        acts = self.run_it("hang", seconds=5)["Other/Suite.Acts/0"]
        self.assertEqual(acts.status, "failed")
        self.assertIn("time limit", acts.reason)

    def test_give_an_exit_in_the_middle_although_its_status_is_good(self):
        self.assertEqual(self.run_it("exit")["Other/Suite.Acts/0"].status, "failed")

    def test_give_a_failure_after_the_last_case(self):
        cases = self.run_it("leak")
        self.assertEqual(cases["program-0 (its end)"].reason, "exit status 23")
        self.assertEqual(cases["Suite.Last"].status, "passed")

    def test_give_the_cases_of_each_repeat(self):
        with tempfile.TemporaryDirectory() as folder:
            build = prepare_build(Path(folder), "pass")
            cases = main.Runner(options()).cases(build, build.suites, repeat=3)
        self.assertEqual(len(cases), 15)

    def test_that_cannot_be_run_are_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            build = SimpleNamespace(folder=Path(folder))
            cases = main.Runner(options()).cases(build, ("cpp",))
        self.assertEqual([case.status for case in cases], ["failed"])


class Fuzzing(unittest.TestCase):
    def case(self, result, output):
        run = {"name": "rondo:fuzz / fuzz-lines", "stdout": output, "result": result,
               "returncode": 0, "env": {"RONDO_FUZZ_TARGET": "lines"}, "command": ["p", "-a", "c"]}
        return cases_of(run)[0]

    def test_passes_if_inputs_were_executed(self):
        self.assertEqual(self.case("OK", "stat::number_of_executed_units: 97\n").status, "passed")
        self.assertEqual(self.case("OK", "stat::number_of_executed_units: 0\n").status, "failed")
        self.assertEqual(self.case("OK", "").status, "failed")

    def test_gives_a_finding_and_the_command_that_replays_it(self):
        case = self.case("FAIL", "not so: a\nTest unit written to /x/y\n")
        self.assertEqual((case.status, case.reason), ("failed", "not so: a"))
        self.assertEqual(case.command, ["env", "RONDO_FUZZ_TARGET=lines", "p", "/x/y"])


class PythonTests(unittest.TestCase):
    TEXT = """
import os, unittest
class Good(unittest.TestCase):
    def test_passes(self): pass
    @unittest.skip("no kernel")
    def test_skips(self): pass
class Bad(unittest.TestCase):
    def test_fails(self):
        with self.subTest(x=1): self.assertEqual(1, 2)
    @unittest.expectedFailure
    def test_succeeds(self): pass
class Worse(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("nothing works")
    def test_is_lost(self): pass
class Absent(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("no server")
    def test_one(self): pass
    def test_two(self): pass
"""

    def run_it(self, pattern):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "x.py"
            file.write_text(self.TEXT)
            return processes.run([sys.executable, HERE / "python_tests.py", file,
                                  f"--gtest_filter={pattern}"])

    def test_are_read_as_those_of_a_program(self):
        done = self.run_it("*")
        self.assertEqual(done.why, "exit status 1")
        run = {"name": "x", "stdout": done.output, "result": "FAIL", "returncode": 1, "env": {},
               "command": []}
        found = {case.name: case for case in cases_of(run)}
        self.assertEqual({name: case.status for name, case in found.items()}, {
            "x.Good.test_passes": "passed", "x.Good.test_skips": "skipped",
            "x.Bad.test_fails": "failed", "x.Bad.test_succeeds": "failed",
            "x.Absent.test_one": "skipped", "x.Absent.test_two": "skipped",
            "x (its end)": "failed"})
        self.assertEqual(found["x.Absent.test_two"].reason, "no server")
        self.assertIn("1 != 2", found["x.Bad.test_fails"].output)
        self.assertIn("nothing works", found["x (its end)"].output)

    def test_take_a_filter(self):
        done = self.run_it("*Good*-*skips*")
        self.assertEqual([case.name for case in read_marks(done.output)], ["x.Good.test_passes"])
        self.assertEqual(done.why, "")

    def test_filters_mean_what_they_mean_to_googletest(self):
        self.assertTrue(matches("a.Timer.fires", "*Net*:*Timer*-*Slow*"))
        self.assertFalse(matches("a.Timer.SlowFires", "*Timer*-*Slow*"))
        self.assertTrue(matches("a.Timer.fires", "-*Slow*"))


def is_gone(pid, seconds=10):
    """Soon: it takes a moment to kill a process. A zombie may stay where its parent is gone."""
    status = Path(f"/proc/{pid}/status")
    end = time.monotonic() + seconds
    while True:
        try:
            if "State:\tZ" in status.read_text():
                return True
        except OSError:
            return True
        if time.monotonic() >= end:
            return False


class Processes(unittest.TestCase):
    def test_end_at_their_time_limit_with_their_children(self):
        done = processes.run(["bash", "-c", "sleep 60 & echo $!; sleep 60"], seconds=0.5)
        self.assertIn("time limit", done.why)
        self.assertTrue(is_gone(int(done.output)))

    def test_leave_no_child_behind(self):
        done = processes.run(["bash", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"])
        self.assertEqual(done.why, "")
        self.assertTrue(is_gone(int(done.output)))

    def test_leave_no_session_behind(self):
        done = processes.run(["setsid", "--fork", "bash", "-c", "echo $$; exec sleep 60 >&- 2>&-"])
        self.assertEqual(done.why, "")
        self.assertTrue(is_gone(int(done.output), seconds=0))

    def test_name_their_signal(self):
        self.assertEqual(processes.run(["bash", "-c", "kill -SEGV $$"]).why, "ended by SIGSEGV")


class Totals(unittest.TestCase):
    def finish(self, *cases, lists_skips=False):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            report = Report(lists_skips=lists_skips)
            report.begin("stage")
            report.end(list(cases))
            status = report.finish("no case matches")
        return status, out.getvalue().splitlines()

    def test_are_the_last_line(self):
        status, lines = self.finish(Case("A.B", "passed"), Case("A.C", "skipped", "no kernel"))
        self.assertEqual((status, lines[-1]), (0, "1 passed, 0 failed, 1 skipped"))

    def test_fail_when_nothing_was_run(self):
        status, lines = self.finish()
        self.assertEqual((status, lines[-2]), (1, "no case matches, which is a failure"))
        self.assertEqual(self.finish(Case("A.B", "skipped", "no kernel"))[0], 1)

    def test_come_after_each_failure_with_its_output_and_command(self):
        skips = [Case(f"A.{i}", "skipped", f"reason {i % 40}") for i in range(401)]
        failed = Case("A.C", "failed", "ended", "its output", command=["x"])
        status, lines = self.finish(failed, *skips)
        self.assertEqual(status, 1)
        self.assertEqual(lines[-7:], [
            "401 skipped: 11 reason 0, 10 reason 1, 10 reason 2, 370 for others; "
            "--skips lists them",
            "", "FAILED A.C (stage): ended", "  its output", "  alone: x", "",
            "0 passed, 1 failed, 401 skipped"])

    def test_come_after_all_skips_if_that_is_wanted(self):
        _, lines = self.finish(Case("A.B", "skipped", "no kernel"), lists_skips=True)
        self.assertEqual(lines[1:3], ["skipped A.B: no kernel", "1 skipped: 1 no kernel"])

    def test_count_what_is_left_in_the_temporary_folder(self):
        with tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / "folder").mkdir()
            (Path(scratch) / "socket").touch()
            with contextlib.redirect_stdout(io.StringIO()):
                report = Report(scratch)
                report.begin("stage")
                report.end([Case("A.B", "passed")])
            self.assertEqual(report.cases[1].reason, "left behind: folder socket")
            self.assertEqual(os.listdir(scratch), [])


class Progress(unittest.TestCase):
    def test_is_a_line_now_and_then_with_what_ninja_and_meson_say(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            progress = processes.Progress("tests")
            for piece in (b"", b"[1/2", b"045] c++ -o x\n 12/1", b"03 rondo / a FAIL 3 s\nno", b""):
                progress.shown -= processes.LINE_SECONDS
                progress.look(piece)
            progress.look(b"")  # too soon
        self.assertEqual(out.getvalue().splitlines(), [
            f"tests{text} (0 s)" for text in ("", "", ": 1 of 2,045 steps", *2 * (
                ": 12 of 103 programs, 1 failed",))])


class Options(unittest.TestCase):
    def refuses(self, *words):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            with self.assertRaises(SystemExit) as ended:
                start.main(words)
        self.assertEqual(ended.exception.code, 2)
        self.assertEqual(errors.getvalue().count("\n"), 1)
        return errors.getvalue()

    def test_that_mean_nothing_are_errors_before_anything_is_done(self):
        with unittest.mock.patch.object(subprocess, "run") as run:
            for words, said in (
                    (["--fliter", "x"], "no option --fliter (did you mean --filter?); there are"),
                    (["--jobs", "x"], "--jobs: 'x' is not a whole number of at least 1"),
                    (["--repeat=0"], "--repeat: '0' is not"), (["--seed", "-1"], "--seed: "),
                    (["--all", "--ci"], "--ci: not allowed with"), (["file"], "file: only options"),
                    (["--only", "asam"], "--only: no stage asam (did you mean asan?); there"),
                    (["--all", "--without", "asan,"], "--without: no stage ; there are tidy")):
                self.assertIn(f"tests/run: {said}", self.refuses(*words))
            run.assert_not_called()

    def test_are_what_is_said_before_anything_is_done(self):
        self.assertIn("hours", start.plan(start.parse(["--all"])))
        self.assertIn("the tests that match", start.plan(start.parse(["--filter", "x"])))

    def test_stages_are_those_of_the_runner(self):
        self.assertEqual(start.STAGES, tuple(main.Runner(options()).stages()))


class Samples(unittest.TestCase):
    def stages(self, seed):
        return main.sampled(main.Runner(options(ci=True, seed=seed)).stages(), seed)

    def test_are_the_same_for_a_seed_and_reach_everything(self):
        self.assertEqual(self.stages(7), self.stages(7))
        names = list(main.Runner(options()).stages())
        self.assertEqual({name for seed in range(100) for name in self.stages(seed)}, set(names))
        self.assertEqual({len(self.stages(seed)) for seed in range(9)}, {len(names) - 6})


class Builds(unittest.TestCase):
    def test_are_configured_anew_with_another_compiler(self):
        with tempfile.TemporaryDirectory() as folder:
            build = SimpleNamespace(folder=Path(folder) / "b", setup=lambda: ["mkdir", "-p",
                                                                             f"{folder}/b"])
            for compiler in ("g++", "clang++", "clang++"):
                (build.folder / "old").touch() if build.folder.exists() else None
                with unittest.mock.patch.dict(os.environ, {"CXX": compiler}):
                    self.assertIsNone(builds.configure(build, {}))
            self.assertTrue((build.folder / "old").exists())  # the third found nothing changed

    def test_use_no_cache_below_a_home_that_cannot_be_written(self):
        with tempfile.TemporaryDirectory() as home:
            for given, wanted in (
                    ({"HOME": home}, {}), ({"HOME": f"{home}/none"}, {"CCACHE_DISABLE": "1"}),
                    ({"HOME": f"{home}/none", "CCACHE_DIR": home}, {})):
                with unittest.mock.patch.dict(os.environ, given):
                    environment = dict(given)
                    builds.spare_the_home(environment)
                    self.assertEqual(environment, {**given, **wanted})


class Interrupt(unittest.TestCase):
    SCRIPT = """
import os, pathlib, sys, types
sys.path.insert(0, sys.argv[1])
import main, start
def hang(runner, options):
    pathlib.Path(os.environ["TMPDIR"], "left").touch()
    runner.report.begin("stage")
    runner.report.end([main.Case("A.B", "failed")])
    runner.cases(types.SimpleNamespace(folder=pathlib.Path(sys.argv[2])), ("cpp",))
start.command_line.take_signals()
main.run_stages = hang
sys.exit(main.run(start.parse([])))
"""

    def test_ends_everything_at_once(self):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as scratch:
            build = prepare_build(Path(folder), "hang", seconds=60)
            child = subprocess.Popen(
                [sys.executable, "-c", self.SCRIPT, HERE, build.folder], text=True,
                env={**os.environ, "TMPDIR": scratch}, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
            file = Path(folder) / "pid"
            while not (file.exists() and file.read_text()):
                self.assertIsNone(child.poll())
            child.send_signal(signal.SIGTERM)
            output, errors = child.communicate(timeout=30)
            self.assertEqual(child.returncode, 130)
            self.assertIn("FAILED A.B", output)
            self.assertIn("interrupted in stage; nothing is left running", errors)
            self.assertTrue(is_gone(int(file.read_text())))
            self.assertEqual(os.listdir(scratch), [])


if __name__ == "__main__":
    unittest.main()

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
                              "seconds": 0} | given)


def prepare_build(top, act, seconds=20):
    """A build directory of a project that has the stand-in as its only test."""
    (top / "program.py").write_text(STAND_IN)
    text = MESON.replace("@ACT@", act).replace("@SECONDS@", str(seconds))
    (top / "meson.build").write_text(text.replace("@FILE@", str(top / "pid")))
    subprocess.run(["meson", "setup", top / "b", top], check=True, capture_output=True)
    return SimpleNamespace(name="b", folder=top / "b", suites=("cpp",))


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
        acts = self.run_it("hang", seconds=1)["Other/Suite.Acts/0"]
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
    while time.monotonic() < end:
        try:
            if "State:\tZ" in status.read_text():
                return True
        except OSError:
            return True
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

    def test_name_their_signal(self):
        self.assertEqual(processes.run(["bash", "-c", "kill -SEGV $$"]).why, "ended by SIGSEGV")


class Totals(unittest.TestCase):
    def finish(self, *cases):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            report = Report()
            report.begin("stage")
            report.end(list(cases))
            status = report.finish()
        return status, out.getvalue().splitlines()

    def test_are_the_last_line(self):
        status, lines = self.finish(Case("A.B", "passed"), Case("A.C", "skipped", "no kernel"))
        self.assertEqual((status, lines[-1]), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("skipped A.C: no kernel", lines)

    def test_fail_with_one_failure(self):
        status, lines = self.finish(Case("A.B", "passed"), Case("A.C", "failed", command=["x"]))
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("  alone: x", lines)

    def test_fail_when_nothing_was_run(self):
        self.assertEqual(self.finish()[0], 1)
        self.assertEqual(self.finish(Case("A.B", "skipped", "no kernel"))[0], 1)

    def test_are_not_buried_by_skips(self):
        skips = [Case(f"A.{i}", "skipped", f"reason {i % 40}") for i in range(400)]
        _, lines = self.finish(*skips, Case("A.C", "failed"))
        self.assertLess(len(lines), 20)
        self.assertEqual(lines[-2], "failed A.C (stage)")


class Options(unittest.TestCase):
    def refuses(self, *words):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            with self.assertRaises(SystemExit) as ended:
                main.run(*main.parse_arguments(words))
        self.assertEqual(ended.exception.code, 2)
        return errors.getvalue()

    def test_that_mean_nothing_are_errors(self):
        for words in (["--foo"], ["--repeat", "0"], ["--jobs", "x"], ["--all", "--ci"], ["file"]):
            self.refuses(*words)

    def test_name_the_stages_that_there_are(self):
        for words in (["--without", "foo"], ["--only", "foo"], ["--all", "--without", "asan,foo"]):
            self.assertIn("no stage foo; there are tidy, tests,", self.refuses(*words))


class Samples(unittest.TestCase):
    def stages(self, seed):
        return main.sampled(main.Runner(options(ci=True, seed=seed)).stages(), seed)

    def test_are_the_same_for_a_seed_and_reach_everything(self):
        self.assertEqual(self.stages(7), self.stages(7))
        names = list(main.Runner(options()).stages())
        self.assertEqual({name for seed in range(100) for name in self.stages(seed)}, set(names))
        self.assertEqual({len(self.stages(seed)) for seed in range(9)}, {len(names) - 4})


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
    def test_ends_everything_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            build = prepare_build(Path(folder), "hang", seconds=60)
            script = ("import pathlib, sys, types; sys.path.insert(0, sys.argv[1]); import main\n"
                      "build = types.SimpleNamespace(folder=pathlib.Path(sys.argv[2]))\n"
                      "main.run = lambda *_: main.Runner(main.parse_arguments([])[0]).cases("
                      "build, ('cpp',))\n"
                      "sys.exit(main.main([]))\n")
            child = subprocess.Popen([sys.executable, "-c", script, HERE, build.folder],
                                     stderr=subprocess.PIPE, text=True)
            file = Path(folder) / "pid"
            while not (file.exists() and file.read_text()):
                self.assertIsNone(child.poll())
            child.send_signal(signal.SIGTERM)
            _, errors = child.communicate(timeout=30)
            self.assertEqual(child.returncode, 130)
            self.assertIn("interrupted", errors)
            self.assertTrue(is_gone(int(file.read_text())))


if __name__ == "__main__":
    unittest.main()

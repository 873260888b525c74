# SPDX-License-Identifier: MIT
"""bench/prove: what it reads in the output of others' tools, the steps of a run, and, where the
programs are there, that it leaves nothing behind."""

import contextlib
import io
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench" / "harness"), str(ROOT / "bench" / "proof")]

import harness  # noqa: E402
import loads  # noqa: E402
import measures  # noqa: E402
import packages  # noqa: E402
import plan  # noqa: E402
import processes  # noqa: E402
import rivals  # noqa: E402

BUILD = pathlib.Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
PACED = BUILD / "bench" / "paced"
SECONDS_MAX = 60

WRK = """\
Running 1s test @ http://127.0.0.1:8080/hello
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   531.96us  128.29us   4.55ms   92.70%
    Req/Sec   120.32k     3.46k  123.52k    90.91%
  131640 requests in 1.10s, 20.84MB read
Requests/sec: 119742.64
Transfer/sec:     18.96MB
"""
WRK_ERRORS = """\
  1000 requests in 1.00s, 20.84MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 20
Requests/sec:   1000.00
"""
H2LOAD = """\
finished in 418.35ms, 95614.24 req/s, 14.50MB/s
requests: 40000 total, 40000 started, 40000 done, 39990 succeeded, 10 failed, 0 errored, 0 timeout
status codes: 39990 2xx, 0 3xx, 0 4xx, 10 5xx
"""
REDIS_BENCHMARK = '''\
"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","max_latency_ms"
"GET","50000.00","0.290","0.112","0.279","0.439","1.231"
'''
PERF = """\
1234567,,instructions:u,1000,100.00,,
<not supported>,,instructions:k,0,100.00,,
99,,cycles:u,1000,100.00,,
"""


class Parsing(unittest.TestCase):
    def test_reads_wrk(self):
        found = loads.parse_wrk(WRK, 0)
        self.assertEqual((found["requests"], found["failed"]), (131640, 0))
        self.assertAlmostEqual(found["seconds"], 1.0994, places=3)

    def test_counts_all_errors_of_wrk(self):
        self.assertEqual(loads.parse_wrk(WRK_ERRORS, 0)["failed"], 30)

    def test_reads_h2load(self):
        found = loads.parse_h2load(H2LOAD, 40_000)
        self.assertEqual((found["requests"], found["failed"]), (39990, 10))
        self.assertAlmostEqual(found["seconds"], 0.41835)

    def test_reads_redis_benchmark(self):
        self.assertEqual(loads.parse_redis_benchmark(REDIS_BENCHMARK, 30_000),
                         {"requests": 30_000, "failed": 0, "seconds": 0.6})

    def test_fails_if_a_tool_has_measured_nothing(self):
        for parse in (loads.parse_wrk, loads.parse_h2load, loads.parse_redis_benchmark):
            for said in ("", "unable to connect to 127.0.0.1:1 Connection refused\n"):
                with self.subTest(parse=parse.__name__, said=said):
                    self.assertRaises(harness.Failure, parse, said, 1)

    def test_takes_only_what_perf_could_count(self):
        self.assertEqual(measures.parse_perf(PERF), {"instructions:u": 1234567})

    def test_shows_a_command_that_a_shell_takes(self):
        for word in ("wrk", "GET / HTTP/1.1\r\n\r\n", "it's", "a\\b", "$HOME"):
            with self.subTest(word=word):
                done = subprocess.run(["bash", "-c", f"printf %s {loads.shown(word)}"],
                                      capture_output=True, check=True)
                self.assertEqual(done.stdout.decode(), word)


class Servers(unittest.TestCase):
    def test_every_rival_says_what_it_has_and_its_version(self):
        names = {each.product for each in (*rivals.http_rivals(), *rivals.cache_rivals())}
        self.assertEqual(names, set(rivals.EXTRAS))
        self.assertEqual(names, set(rivals.VERSIONS))
        self.assertEqual(names, set(packages.SERVICES))

    def test_an_example_that_is_not_built_is_left_out(self):
        self.assertEqual(rivals.ours(pathlib.Path("/nonexistent"), "http", ["epoll"]), [])

    def test_a_scenario_goes_only_to_servers_that_can_serve_it(self):
        theirs = {each.name: each for each in (*rivals.http_rivals(), *rivals.cache_rivals())}
        by_key = {each.key: each for group in plan.GROUPS.values() for each in group}
        for name, key, can in (("haproxy", "file", False), ("haproxy", "hello-64", True),
                               ("memcached", "get-1", False), ("memcached", "own-get", True)):
            self.assertEqual(plan.serves(theirs[name], by_key[key]), can, (name, key))

    def test_the_keys_of_the_scenarios_differ(self):
        for group in plan.GROUPS.values():
            self.assertEqual(len({each.key for each in group}), len(group))

    def test_says_why_a_server_did_not_start(self):
        broken = processes.Contender("broken", "broken", ("sh", "-c", "echo no such luck; exit 1"))
        with self.assertRaisesRegex(harness.Failure, "broken did not start: no such luck"):
            processes.Running(broken, None, {})


class Steps(unittest.TestCase):
    def go(self, seconds_max, wrong=()):
        """What is done of two scenarios of three rounds, each step of which should take 1 s."""
        done = []

        def work(name):
            done.append(name)
            if name in wrong:
                raise harness.Failure("no")

        run = plan.Run(None, {}, 3, False, seconds_max, [])
        run.steps = lambda stack: [
            plan.Step("cost", f"{scenario}{number}",
                      lambda name=f"{scenario}{number}": work(name), 1, number)
            for scenario in "ab" for number in (1, 2, 3)]
        with contextlib.redirect_stderr(io.StringIO()):
            run.go()
        return done, run.notes

    def test_all_are_done_if_there_is_time(self):
        self.assertEqual(self.go(6.5), (["a1", "a2", "a3", "b1", "b2", "b3"], []))

    def test_the_last_rounds_of_all_scenarios_are_left_out_first(self):
        # At a3, b's rounds are still to come; at b3 there is time again, as the steps take none.
        done, notes = self.go(3.5)
        self.assertEqual(done, ["a1", "a2", "b1", "b2", "b3"])
        self.assertEqual(notes, ["time was short: some scenarios have fewer rounds"])

    def test_each_scenario_is_measured_once_however_late_it_is(self):
        self.assertEqual(self.go(0)[0], ["a1", "b1"])

    def test_a_step_that_fails_is_noted_and_does_not_end_the_run(self):
        done, notes = self.go(6.5, wrong=("a2",))
        self.assertEqual(len(done), 6)
        self.assertEqual(notes, ["a2: no"])


class Policy(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.policy = pathlib.Path(scratch.name) / "policy-rc.d"
        self.addCleanup(setattr, packages, "POLICY", packages.POLICY)
        packages.POLICY = self.policy

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_refuses_the_services_while_it_installs(self):
        with contextlib.suppress(KeyboardInterrupt), packages.no_services([]):
            for name, code in (("nginx", 101), ("ssh", 0)):
                self.assertEqual(subprocess.run([self.policy, name, "start"], check=False)
                                 .returncode, code)
            raise KeyboardInterrupt
        self.assertFalse(self.policy.exists())

    def test_keeps_a_policy_that_is_there(self):
        self.policy.write_text("its own")
        with packages.no_services([]):
            pass
        self.assertEqual(self.policy.read_text(), "its own")


def processes_under(pid):
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{each}/task/{each}/children").read_text()
            found += [int(word) for word in text.split()]
    return found[1:]


def handles(pids):
    """Descriptors of those that still run."""
    found = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            found.append(os.pidfd_open(pid))
    return found


@unittest.skipUnless(PACED.exists(), "the benchmarks are not built")
@unittest.skipUnless(processes.find("redis-server") and processes.find("redis-benchmark"),
                     "redis is not installed")
class Proving(unittest.TestCase):
    def prove(self, scratch, *words):
        return subprocess.Popen(
            [ROOT / "bench" / "prove", "--no-install", "--build", BUILD, "--only", "cache",
             "--quick", "--output", f"{scratch}/out", *words], text=True,
            env={**os.environ, "TMPDIR": scratch, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_an_interrupt_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number), tempfile.TemporaryDirectory() as scratch:
                with self.prove(scratch) as run:
                    while "round" not in run.stderr.readline():
                        self.assertIsNone(run.poll())
                    children = handles(processes_under(run.pid))
                    self.assertTrue(children)
                    run.send_signal(number)
                    _, said = run.communicate(timeout=SECONDS_MAX)
                self.assertEqual(run.returncode, 130)
                self.assertIn("interrupted", said)
                self.assertEqual(os.listdir(scratch), [])
                for child in children:  # readable when its process has ended
                    self.assertTrue(select.select([child], [], [], SECONDS_MAX)[0])
                    os.close(child)


if __name__ == "__main__":
    unittest.main()

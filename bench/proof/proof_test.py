"""bench/prove: what it reads in the output of others' tools, what it makes of the rows of a run,
and what the report shows. Where the programs are there, also that it leaves nothing behind."""

import contextlib
import html.parser
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench" / "harness"), str(ROOT / "bench" / "proof")]

import analysis  # noqa: E402
import harness  # noqa: E402
import loads  # noqa: E402
import measures  # noqa: E402
import packages  # noqa: E402
import plan  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
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


def row(number, kind, server, round_number=1, scenario="hello-64", **measured):
    return {"id": f"r{number:03}", "kind": kind, "group": "http", "scenario": scenario,
            "title": "hello <64>", "server": server, "ours": server.startswith("rondo"),
            "round": round_number, "command": "wrk -c64 'http://x'", "connections": 64, **measured}


def latency(*values):
    return dict(zip(("50", "90", "99", "99.9", "99.99", "100"), values))


ROWS = [
    row(1, "cost", "rondo epoll", 1, cpu_us=5.0), row(2, "cost", "nginx", 1, cpu_us=10.0),
    row(3, "cost", "rondo epoll", 2, cpu_us=9.0), row(4, "cost", "nginx", 2, cpu_us=10.0),
    row(5, "cost", "rondo epoll", 3, cpu_us=6.0), row(6, "cost", "nginx", 3, cpu_us=12.0),
    row(7, "cost", "rondo epoll", 1, "file", cpu_us=12.0),
    row(8, "cost", "nginx", 1, "file", cpu_us=10.0),
    row(9, "idle", "rondo epoll", idle_bytes=500, resident_mib=2.0),
    row(10, "idle", "nginx", idle_bytes=600, resident_mib=4.0),
    row(11, "restart", "rondo epoll", failed=30, longest_gap_ms=5.0),
    row(12, "restart", "nginx", failed=0, longest_gap_ms=6.0),
    row(13, "latency", "rondo epoll", latency_us=latency(10, 20, 30, 40, 50, 60), rate=10_000,
        cpu_us=5.0),
    row(14, "latency", "nginx", latency_us=latency(11, 21, 31, 41, 51, 61), rate=10_000,
        cpu_us=6.0),
    row(15, "cost", "rondo epoll", 1, "hello-256", cpu_us=6.0) | {"connections": 256},
]
DATA = {
    "made": "2026-01-02 03:04", "machine": {"processor": "<cpu>", "kernel": "6.1"},
    "versions": {"nginx": "1.22"}, "extras": {"nginx": "HTTP/2 & more"},
    "servers": [{"group": "http", "name": name, "ours": name != "nginx", "command": [name],
                 "files": [["a.conf", "worker_processes 1;"]]}
                for name in ("rondo epoll", "nginx")],
    "notes": ["h2o: not installed"], "rows": ROWS,
}
OURS = {"rondo epoll"}


class Analysis(unittest.TestCase):
    def line(self, kind, scenario="hello-64", key=None):
        return next(line for line in analysis.lines(ROWS) if line.metric.kind == kind
                    and line.scenario == scenario and key in (None, line.metric.key))

    def test_takes_the_median_of_the_rounds(self):
        figure = self.line("cost").figures["rondo epoll"]
        self.assertEqual((figure.shown(), figure.spread()), ("6.00", "5.00 to 9.00"))
        self.assertEqual(figure.ids, ("r001", "r003", "r005"))

    def test_computes_ratios_within_a_round(self):
        ratio, = analysis.ratios(self.line("cost"), OURS)
        self.assertEqual((ratio.rounds, ratio.median), ((0.5, 0.9, 0.5), 0.5))
        self.assertEqual(set(ratio.ids), {f"r00{i}" for i in range(1, 7)})

    def test_finds_what_is_nested(self):
        self.assertEqual(self.line("latency", key="latency_us/99.9").figures["nginx"].median, 41)

    def test_lists_losses_and_the_worst_first(self):
        lost = analysis.losses(analysis.lines(ROWS), OURS)
        self.assertEqual([(each.line.metric.key, each.median) for each in lost],
                         [("failed", float("inf")), ("cpu_us", 1.2)])
        self.assertEqual(lost[0].shown(), "the rival has none")

    def test_does_not_call_two_zeros_a_loss(self):
        self.assertEqual(analysis.quotient(0, 0), 1)

    def test_compares_with_the_best_rival(self):
        rows = [*ROWS, row(20, "idle", "h2o", idle_bytes=100, resident_mib=1.0)]
        line = next(line for line in analysis.lines(rows) if line.metric.key == "idle_bytes")
        best = analysis.best_ratio(line, "rondo epoll", OURS)
        self.assertEqual((best.rival, best.median), ("h2o", 5.0))


class Page(html.parser.HTMLParser):
    VOID = ("meta", "link", "path", "circle", "rect", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.cited, self.numbers = [], [], set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids.add(attrs.get("id"))
        self.cited |= set(attrs.get("data-rows", "").split())
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag


class ReportPage(unittest.TestCase):
    def setUp(self):
        self.text = report.page(DATA)
        self.page = Page(self.text)

    def test_is_well_formed(self):
        self.assertEqual(self.page.open, [])
        self.assertNotIn("<cpu>", self.text)
        self.assertIn("&lt;cpu&gt;", self.text)

    def test_needs_nothing_else(self):
        for tag, attributes in self.page.tags:
            self.assertNotIn(tag, ("script", "link", "img", "iframe", "object"))
            self.assertFalse({"src", "href"} & set(attributes), tag)
        self.assertNotIn("url(", self.text)
        self.assertNotIn("@import", self.text)

    def test_shows_losses_first(self):
        self.assertLess(self.text.index("Where rondo loses"), self.text.index("<h2>The web server"))
        self.assertIn("the rival has none", self.text[:self.text.index("<h2>The web server")])

    def test_cites_rows_that_it_contains(self):
        self.assertEqual(self.page.cited, {each["id"] for each in ROWS})
        self.assertLessEqual(self.page.cited, self.page.ids)

    def test_every_cell_with_a_number_cites_rows(self):
        before = self.text[:self.text.index("What the rivals do")]
        cells = re.findall(r"<td([^>]*)>([^<]*)", before)
        self.assertTrue(cells)
        for attributes, said in cells:
            if re.search(r"\d", said):
                self.assertIn("data-rows=", attributes, said)

    def test_draws_the_three_charts(self):
        for title in ("Cost against connections", "Latency by percentile",
                      "Memory of an idle client"):
            self.assertIn(f'aria-label="{title}"', self.text)

    def test_every_mark_of_a_chart_cites_rows(self):
        marks = [attributes["data-rows"] for tag, attributes in self.page.tags
                 if tag in ("circle", "rect") and "data-rows" in attributes]
        self.assertEqual(len(marks), 3 + 2 * 5 + 2)  # costs, latencies, memory

    def test_draws_for_light_and_dark_and_has_no_fixed_widths(self):
        self.assertIn("prefers-color-scheme: dark", self.text)
        self.assertNotRegex(self.text, r"[^-]width: *\d+px")
        svgs = [attributes for tag, attributes in self.page.tags if tag == "svg"]
        self.assertTrue(all("width" not in each and "viewbox" in each for each in svgs))

    def test_shows_configurations_features_and_what_is_left_out(self):
        for said in ("worker_processes 1;", "HTTP/2 &amp; more", "h2o: not installed"):
            self.assertIn(said, self.text)

    def test_survives_a_run_without_ours(self):
        data = {**DATA, "rows": [each for each in ROWS if not each["ours"]],
                "servers": DATA["servers"][1:]}
        self.assertIn("none of what was compared is a loss", report.page(data))
        self.assertIn("Nothing that was compared", report.markdown(data))

    def test_markdown_has_the_same_figures(self):
        text = report.markdown(DATA)
        self.assertIn("| 6.00 | 10.00 | 0.50 (nginx) |", text)
        self.assertLess(text.index("Where rondo loses"), text.index("## The web server"))
        for line in text.splitlines():
            if line.startswith("|"):
                self.assertGreaterEqual(line.count("|"), 3)


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

# SPDX-License-Identifier: MIT
"""bench/prove: what it makes of the rows of a run, and what the report shows."""

import html.parser
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench" / "harness"), str(ROOT / "bench" / "proof")]

import analysis  # noqa: E402
import report  # noqa: E402


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

    def test_calls_a_loss_certain_if_every_round_agrees_or_it_is_a_count(self):
        for kind, rounds, certain in (("cost", (1.1, 1.2), True), ("cost", (0.9, 1.2), False),
                                      ("cost", (1.2,), False), ("idle", (1.2,), True)):
            with self.subTest(kind=kind, rounds=rounds):
                ratio = analysis.Ratio(self.line(kind), "rondo epoll", "nginx", rounds)
                self.assertEqual(ratio.is_certain, certain)

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


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""What the rows of a run say: for each server a figure with its spread, and for each pair of ours
and a rival a ratio, computed within a round."""

import statistics
from dataclasses import dataclass

GROUPS = {"cache": "The cache", "http": "The web server", "https": "The web server over TLS"}


EQUAL = 1.005  # ratios up to this are no loss


@dataclass(frozen=True)
class Metric:
    """A figure in the rows of a kind. Less is better in all of them."""

    kind: str
    key: str
    what: str
    unit: str
    digits: int = 2
    is_compared: bool = True
    is_count: bool = False  # it hardly changes from run to run

    def value(self, row: dict) -> float | None:
        found = row
        for part in self.key.split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        return found


METRICS = (
    Metric("cost", "cpu_us", "CPU time of a request", "us"),
    Metric("instructions", "instructions", "user-space instructions of a request", "", 0,
           is_count=True),
    Metric("calls", "system_calls", "system calls of a request", "", 3, is_count=True),
    Metric("idle", "idle_bytes", "memory of an idle client", "bytes", 0, is_count=True),
    Metric("idle", "resident_mib", "memory of the server with them", "MiB", 1, is_count=True),
    Metric("latency", "latency_us/50", "latency, p50", "us", 0),
    Metric("latency", "latency_us/99", "latency, p99", "us", 0),
    Metric("latency", "latency_us/99.9", "latency, p99.9", "us", 0),
    Metric("latency", "late_us", "p99.9 of how late the load itself was", "us", 0, False),
    Metric("latency", "cpu_us", "CPU time of a request", "us"),
    Metric("restart", "failed", "failed requests in a restart", "", 0),
    Metric("restart", "longest_gap_ms", "longest time without an answer", "ms", 1),
)


@dataclass(frozen=True)
class Figure:
    """The median of the rounds, and the rows that it is made of."""

    values: tuple[float, ...]
    ids: tuple[str, ...]
    metric: Metric

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def shown(self) -> str:
        return f"{self.median:,.{self.metric.digits}f}"

    def spread(self) -> str:
        """Empty if there is one round."""
        if len(self.values) < 2:
            return ""
        digits = self.metric.digits
        return f"{min(self.values):,.{digits}f} to {max(self.values):,.{digits}f}"


@dataclass(frozen=True)
class Line:
    """A metric of a scenario: the figures of the servers that were measured."""

    group: str
    scenario: str
    title: str
    metric: Metric
    figures: dict[str, Figure]

    @property
    def name(self) -> str:
        return f"{self.title}: {self.metric.what}" + (
            f", {self.metric.unit}" if self.metric.unit else "")


@dataclass(frozen=True)
class Ratio:
    """Ours divided by a rival's: above 1 is a loss."""

    line: Line
    ours: str
    rival: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def is_certain(self) -> bool:
        """A time that was measured once says little on a machine that does other things, too."""
        verdicts = {each > EQUAL for each in self.rounds}
        return self.line.metric.is_count or (len(self.rounds) > 1 and len(verdicts) == 1)

    @property
    def ids(self) -> tuple[str, ...]:
        return (*self.line.figures[self.ours].ids, *self.line.figures[self.rival].ids)

    def shown(self) -> str:
        if self.median == float("inf"):
            return "the rival has none"
        return f"{self.median:.2f}"

    def spread(self) -> str:
        if len(self.rounds) < 2:
            return ""
        return f"{min(self.rounds):.2f} to {max(self.rounds):.2f}"


def lines(rows: list[dict]) -> list[Line]:
    """In the order of the metrics, and within one in that of the rows."""
    found = []
    for metric in METRICS:
        taken: dict[tuple[str, str], list[dict]] = {}
        for row in rows:
            if row["kind"] == metric.kind and metric.value(row) is not None:
                taken.setdefault((row["group"], row["scenario"]), []).append(row)
        for (group, scenario), several in taken.items():
            figures = {}
            for server in dict.fromkeys(row["server"] for row in several):
                own = [row for row in several if row["server"] == server]
                figures[server] = Figure(tuple(metric.value(row) for row in own),
                                         tuple(row["id"] for row in own), metric)
            found.append(Line(group, scenario, several[0]["title"], metric, figures))
    return found


def quotient(ours: float, theirs: float) -> float:
    if theirs == 0:
        return 1.0 if ours == 0 else float("inf")
    return ours / theirs


def ratios(line: Line, our_names: set[str]) -> list[Ratio]:
    """Each of ours beside each rival."""
    return [Ratio(line, ours, rival,
                  tuple(map(quotient, line.figures[ours].values, line.figures[rival].values)))
            for ours in line.figures if ours in our_names
            for rival in line.figures if rival not in our_names and line.metric.is_compared]


def losses(found: list[Line], our_names: set[str]) -> list[Ratio]:
    """The worst first."""
    every = [ratio for line in found for ratio in ratios(line, our_names) if ratio.median > EQUAL]
    return sorted(every, key=lambda ratio: -ratio.median)


def best_ratio(line: Line, ours: str, our_names: set[str]) -> Ratio | None:
    """Ours beside the best rival, which is the highest of the ratios."""
    own = [ratio for ratio in ratios(line, our_names) if ratio.ours == ours]
    return max(own, key=lambda ratio: ratio.median, default=None)

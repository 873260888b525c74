# SPDX-License-Identifier: MIT
"""What a run consists of: scenarios, how often each is measured, and the rows that come out. Every
row has an id; the report cites it."""

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import harness
import loads
import measures
import processes
import rounds
import secure

RATE = 10_000  # far below what the slowest of them does
RESTART_RATE = 5_000


@dataclass(frozen=True)
class Scenario:
    key: str
    title: str
    load: loads.Load
    is_quick: bool = False
    is_extra: bool = False  # measured once


def wrk(connections: int, **more) -> loads.Load:
    return loads.Load("wrk", connections=connections, **more)


def redis(what: str, connections: int, pipelined: int, requests: int) -> loads.Load:
    return loads.Load("redis-benchmark", what, connections, pipelined, requests)


HTTP = (
    Scenario("hello-64", "hello, 64 connections", wrk(64), True),
    Scenario("hello-256", "hello, 256 connections", wrk(256)),
    Scenario("hello-8", "hello, 8 connections", wrk(8), is_extra=True),
    Scenario("hello-1024", "hello, 1,024 connections", wrk(1024), is_extra=True),
    Scenario("pipelined", "hello, 16 pipelined, 64 connections", wrk(64, pipelined=16), True),
    Scenario("h2load", "hello, 64 connections, by h2load", loads.Load("h2load"),
             is_extra=True),
    Scenario("file", "file of 16 KiB, 64 connections", wrk(64, what="file"), True),
)
HTTPS = (
    Scenario("https-64", "hello over TLS, 64 connections", wrk(64, secure=True), True),
)
CACHE = (
    *(Scenario(f"{what}-1", f"{what.upper()}, 50 clients", redis(what, 50, 1, 30_000),
               what in ("set", "get")) for what in ("set", "get", "incr", "ping")),
    *(Scenario(f"{what}-16", f"{what.upper()}, 50 clients, 16 pipelined",
               redis(what, 50, 16, 300_000), what == "get")
      for what in ("set", "get", "incr", "ping")),
    Scenario("get-c8", "GET, 8 clients", redis("get", 8, 1, 30_000), is_extra=True),
    Scenario("get-c500", "GET, 500 clients", redis("get", 500, 1, 30_000), is_extra=True),
    Scenario("own-get", "GET of 64 bytes, 50 clients, by bench/paced",
             loads.Load("paced", "get", 50, requests=30_000)),
)
GROUPS = {"cache": CACHE, "http": HTTP, "https": HTTPS}
# What a traced run asks for; the number of requests is the tracer's.
COUNTED = {
    "cache": (Scenario("get", "GET, 50 clients", redis("get", 50, 1, 0)),
              Scenario("get-16", "GET, 50 clients, 16 pipelined", redis("get", 50, 16, 0))),
    "http": (Scenario("hello", "hello, 64 connections", loads.Load("h2load")),),
    "https": (),
}
PACED = ("cache", "http")
# About how long a step takes on a quiet machine, in seconds, with the starting of what it needs.
SECONDS = {"start": 0.4, "latency": 1.2, "idle": 2.5, "instructions": 5.5, "calls": 1.5,
           "restart": 2.6}
COST_SECONDS = {"wrk": 1.2, "h2load": 0.8, "redis-benchmark": 0.7, "paced": 0.8}
# Many rounds: one stall of a virtual machine decides the p99 of a round.
LATENCY_SECONDS = 1
LATENCY_ROUNDS = 5
RESTART_SECONDS = 2
PACE_KNOWN_AFTER_SECONDS = 10


@dataclass
class Step:
    kind: str
    what: str
    work: Callable[[], None]
    seconds: float
    number: int = 1  # its round; a second or later one is left out when time is short


def serves(contender: processes.Contender, scenario: Scenario) -> bool:
    """redis-benchmark does not speak memcached's protocol, and haproxy has no files."""
    if contender.protocol == "memcached" and scenario.load.tool != "paced":
        return False
    return scenario.load.what not in contender.lacks


def seconds_of(kind: str, scenario: Scenario) -> float:
    return COST_SECONDS[scenario.load.tool] if kind == "cost" else SECONDS[kind]


def seconds_by_round(steps: list[Step]) -> dict[int, float]:
    found: dict[int, float] = {}
    for each in steps:
        found[each.number] = found.get(each.number, 0) + each.seconds
    return found


def fits(step: Step, left: dict[int, float], seconds: float, pace: float) -> bool:
    """Whether there is time for a round everywhere, so that no scenario has three rounds and
    another one. `pace` is how much slower than planned the machine is."""
    return sum(each for number, each in left.items() if number <= step.number) * pace <= seconds


@dataclass
class Run:
    """Makes the steps, does them, and collects the rows."""

    bench: measures.Bench
    groups: dict[str, list[processes.Contender]]
    rounds: int
    quick: bool
    seconds_max: float
    perf_events: list[str]
    rows: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    progress: rounds.Progress = field(default_factory=rounds.Progress)
    started: float = 0

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def add(self, kind: str, group: str, key: str, title: str, contender: processes.Contender,
            measured: dict, number: int = 1) -> None:
        self.rows.append({"id": f"r{len(self.rows) + 1:03}", "kind": kind, "group": group,
                          "scenario": key, "title": title, "server": contender.name,
                          "ours": contender.is_ours, "round": number,
                          "at_seconds": round(time.monotonic() - self.started, 1), **measured})

    def steps(self, stack: contextlib.ExitStack) -> list[Step]:
        """`stack` gets the servers that run at the same time, a group after the other."""
        found = []
        for group, contenders in self.groups.items():
            if contenders:
                found += [*self.side_by_side(stack, group, contenders),
                          *self.one_by_one(group, contenders)]
        return found

    def side_by_side(self, stack: contextlib.ExitStack, group: str,
                     contenders: list[processes.Contender]) -> list[Step]:
        running: dict[str, processes.Running] = {}

        def start(contender: processes.Contender) -> None:
            server = stack.enter_context(self.bench.start(contender))
            measures.fill(self.bench, server)
            running[contender.name] = server

        def measure(kind: str, scenario: Scenario, contender: processes.Contender,
                    number: int) -> None:
            if contender.name not in running:
                return
            measured = (measures.cost if kind == "cost" else measures.latency)(
                self.bench, scenario.load, running[contender.name])
            self.add(kind, group, scenario.key, scenario.title, contender,
                     {"connections": scenario.load.connections, **measured}, number)

        steps = [Step("start", f"{each.name} starts", lambda each=each: start(each),
                      SECONDS["start"])
                 for each in contenders]
        for kind, scenario, number_max in self.repeated(group):
            able = [each for each in contenders if serves(each, scenario)]
            for number in range(1, number_max + 1):
                # In an order of its own, so that none always follows the same one.
                order = random.Random(f"{scenario.key}, {number}")
                for each in order.sample(able, len(able)):
                    steps.append(Step(
                        kind, f"{scenario.title}: {each.name}, round {number}/{number_max}",
                        lambda kind=kind, scenario=scenario, each=each, number=number:
                            measure(kind, scenario, each, number),
                        seconds_of(kind, scenario), number))
        steps.append(Step("start", "the servers end", stack.close, SECONDS["start"]))
        return steps

    def repeated(self, group: str) -> list[tuple[str, Scenario, int]]:
        """Each kind and scenario of a group that has rounds, and how many."""
        found = [("cost", each, 1 if each.is_extra else self.rounds) for each in GROUPS[group]
                 if each.is_quick or not self.quick]
        if group in PACED:
            found.append(("latency", self.paced(group, "at-rate", LATENCY_SECONDS),
                          1 if self.quick else LATENCY_ROUNDS))
        return found

    def paced(self, group: str, key: str, seconds: int, survives: bool = False) -> Scenario:
        rate = RESTART_RATE if survives else RATE
        # A cache that starts again is empty.
        what = "hello" if group == "http" else "set" if survives else "get"
        return Scenario(key, f"{what.upper() if group == 'cache' else what} at {rate:,} a second, "
                             "50 connections",
                        loads.Load("paced", what, 50, seconds=seconds, rate=rate,
                                   survives=survives))

    def one_by_one(self, group: str, contenders: list[processes.Contender]) -> list[Step]:
        """What needs a server of its own."""
        steps = []

        def step(kind: str, key: str, title: str, contender: processes.Contender,
                 measure: Callable[[], dict], more_seconds: float = 0) -> None:
            steps.append(Step(kind, f"{kind}, {title}: {contender.name}", lambda: self.add(
                kind, group, key, title, contender, measure()), SECONDS[kind] + more_seconds))

        idle = measures.idle_clients(group == "https", self.quick)
        tls = " over TLS" if group == "https" else ""
        for each in contenders:
            step("idle", "idle", f"{idle:,} idle clients{tls}", each, lambda each=each:
                 measures.idle_memory(self.bench, each, group == "https", idle),
                 secure.REST_SECONDS if group == "https" else 0)
        for scenario in COUNTED[group][:1 if self.quick else None]:
            for each in contenders:
                if not serves(each, scenario):
                    continue
                if self.counts_instructions():
                    step("instructions", scenario.key, scenario.title, each,
                         lambda each=each, load=scenario.load: measures.instructions(
                             self.bench, load, each, self.perf_events))
                if processes.find("strace"):
                    step("calls", scenario.key, scenario.title, each,
                         lambda each=each, load=scenario.load: measures.system_calls(
                             self.bench, load, each))
        if group in PACED:
            scenario = self.paced(group, "restart", RESTART_SECONDS, survives=True)
            for each in contenders:
                step("restart", "restart", scenario.title, each, lambda each=each:
                     measures.restart(self.bench, scenario.load, each))
        return steps

    def counts_instructions(self) -> bool:
        if self.perf_events or processes.find("valgrind"):
            return True
        self.note("instructions are not counted: perf counts none here, and there is no valgrind")
        return False

    def go(self) -> None:
        """A step that fails is noted and does not end the run."""
        self.started = time.monotonic()
        with contextlib.ExitStack() as stack:
            steps = self.steps(stack)
            left, done = seconds_by_round(steps), 0.0
            for each in steps:
                spent = time.monotonic() - self.started
                pace = spent / done if done > PACE_KNOWN_AFTER_SECONDS else 1
                is_left_out = each.number > 1 and not fits(each, left, self.seconds_max - spent,
                                                           pace)
                if is_left_out:
                    self.note("time was short: some scenarios have fewer rounds")
                else:
                    self.progress.show(f"{shown_time(sum(left.values()) * pace)} left  {each.what}")
                    try:
                        each.work()
                    except (harness.Failure, OSError) as failure:
                        self.note(f"{each.what}: {failure}")
                    done += each.seconds
                left[each.number] -= each.seconds
        self.progress.clear()

    def choose_rounds(self) -> None:
        """As many as there is time for."""
        while self.rounds > 1 and self.seconds() > self.seconds_max:
            self.rounds -= 1

    def names(self) -> list[str]:
        return list(dict.fromkeys(each.name for several in self.groups.values()
                                  for each in several))

    def seconds(self) -> float:
        with contextlib.ExitStack() as stack:
            return sum(each.seconds for each in self.steps(stack))


def shown_time(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"

# SPDX-License-Identifier: MIT
"""The scenario `tls`: examples/proxy as the end of TLS before a plain echo server, beside nginx,
stunnel4 and hitch; an echo server with TLS beside a bare loop on OpenSSL; and pings while
handshakes storm in."""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import time
from dataclasses import dataclass

import harness
import rounds
import secure
import tls_peers

IDLE_CLIENTS = 2_000
STORM_RATE = 1_000  # full handshakes a second
STORM_SECONDS = 4
STORM_CLIENTS = 100
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
NS_PER_US = 1_000


@dataclass(frozen=True)
class Part:
    """What is measured of each server, by CPU time for each unit."""

    what: str
    load: tuple[str, ...]
    clients: int
    size: int = 64
    unit: str = "us"
    units_of_message: float = 1

    def cost(self, contender: rounds.Contender) -> float:
        return contender.median("cpu_ns_per_message") / NS_PER_US / self.units_of_message


PARTS = (
    Part("full handshakes", ("--load", "churn"), 20),
    Part("resumed handshakes", ("--load", "churn", "--resume"), 20),
    Part("messages of 64 bytes", (), 50),
    Part("messages of 256 KiB", (), 4, 256 << 10, "us/MiB", 2 * (256 << 10) / MIB),
)


class Clients:
    """Measures the CPU time of all threads of the server, also of those that have ended."""

    def __init__(self, held: harness.HeldClients, pid: int):
        self.held = held
        self.pid = pid

    def _cpu_ns(self) -> int:
        words = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) * TICK_NS

    def measure(self, seconds: float) -> dict:
        before = self._cpu_ns()
        measured = self.held.measure(seconds)
        return {**measured,
                "cpu_ns_per_message": (self._cpu_ns() - before) / measured["messages"]}


def name_of(server) -> str:
    return getattr(server, "name", None) or server.server.name


def measure(request: rounds.Request, servers: list, part: Part) -> list[rounds.Contender]:
    with contextlib.ExitStack() as stack:
        contenders = []
        for server in servers:
            held = stack.enter_context(harness.HeldClients(
                request.programs, server, part.clients, request.load_core, 0, part.size,
                (*secure.TLS, *part.load)))
            contenders.append(rounds.Contender(name_of(server), Clients(held, server.pid)))
        rounds.run_rounds(contenders, request.rounds, request.progress, part.what)
    return contenders


def idle_bytes(request: rounds.Request, server) -> float:
    """Resident, for each connection: all of them at once, and after a rest."""
    harness.exchange(request.programs, server.endpoint, harness.WARM_UP_CLIENTS,
                     harness.WARM_UP_MESSAGES, secure.TLS)
    before = server.rss()
    with request.hold(server, 64, secure.TLS, IDLE_CLIENTS) as held:
        time.sleep(secure.REST_SECONDS)
        return (server.rss() - before) / held.connected


def report(parts: dict[Part, list[rounds.Contender]], idle: list[float] | None) -> str:
    names = [c.name for c in next(iter(parts.values()))]
    rows = [["CPU time of the server", "", *names]]
    for part, contenders in parts.items():
        rows.append([part.what, "/s",
                     *(f"{c.median('messages_per_second'):,.0f}" for c in contenders)])
        rows.append(["", part.unit, *(f"{part.cost(c):,.1f}" for c in contenders)])
        if "--resume" in part.load:
            rows.append(["", "resumed", *(f"{c.median('resumed'):.1%}" for c in contenders)])
        rows.append(["", "x first", *(rounds.shown_ratio(c, contenders[0], "cpu_ns_per_message")
                                      for c in contenders)])
    if idle:
        rows.append([f"{IDLE_CLIENTS:,} idle connections", "bytes",
                     *(f"{each:,.0f}" for each in idle)])
    return harness.table(rows)


def storm(request: rounds.Request, server) -> list[dict]:
    """Pings before a storm, and in it."""
    pings = (*secure.TLS, "--load", "pings")
    with request.hold(server, 64, pings, STORM_CLIENTS) as held:
        before = held.measure(STORM_SECONDS)
        command = [request.programs.load, "--connect", server.endpoint, "--load", "churn",
                   *secure.TLS, "--rate", str(STORM_RATE), "--clients", str(STORM_RATE),
                   "--warm-up", "0",
                   "--seconds", str(STORM_SECONDS + 1)]
        # It gives way to the pings, which are timed in another process on the same core.
        with subprocess.Popen(["nice", "-n", "19", *command], stdout=subprocess.PIPE,
                              text=True) as crowd:
            if request.load_core is not None:
                os.sched_setaffinity(crowd.pid, {request.load_core})
            time.sleep(secure.SETTLE_SECONDS)
            during = held.measure(STORM_SECONDS)
            said, _ = crowd.communicate(timeout=harness.LOAD_SECONDS_MAX)
    if crowd.returncode != 0:
        raise harness.Failure("the storm has failed")
    return [before, {**during, "storm": json.loads(said)["messages_per_second"]}]


def report_storm(request: rounds.Request, servers: list) -> str:
    rows = [[f"pings of {STORM_CLIENTS} clients", "p50 ms", "p99 ms", "p50 in the storm",
             "p99 in the storm", "handshakes/s"]]
    for server in servers:
        runs = [storm(request, server) for _ in range(max(1, request.seconds // 2))]
        rows.append([name_of(server), *(
            f"{statistics.median(run[when][key] for run in runs) / NS_PER_US:.2f}"
            for when in (0, 1) for key in ("p50_us", "p99_us")),
            f"{statistics.median(run[1]['storm'] for run in runs):,.0f}"])
    return harness.table(rows)


def run(request: rounds.Request) -> None:
    programs = request.programs
    if not secure.is_built(programs):
        raise harness.Failure("this build has no OpenSSL")
    with contextlib.ExitStack() as stack:
        files = stack.enter_context(secure.certificate())
        echoes = [request.start(stack, server)
                  for server in secure.servers(programs, request.backends, files)]
        target = stack.enter_context(harness.RunningServer(
            programs.rondo(request.backends)[0], core=request.load_core)).endpoint
        ends = [request.start(stack, server)
                for server in secure.proxies(programs, request.backends, files, target)]
        ends += tls_peers.start_all(stack, programs, target, files, request.server_core)
        print(f"\nTLS 1.3, AES-128-GCM, X25519, P-256 certificate; medians of {request.rounds} "
              f"interleaved rounds of {rounds.WINDOW_SECONDS:.0f} s\n\nbefore a plain echo server:")
        idle = [idle_bytes(request, server) for server in ends]
        print(report({part: measure(request, ends, part) for part in PARTS}, idle))
        print("\nas an echo server:")
        print(report({part: measure(request, echoes, part) for part in PARTS}, None))
        print(f"\n{STORM_RATE:,} full handshakes a second beside them:")
        print(report_storm(request, echoes[1:]))

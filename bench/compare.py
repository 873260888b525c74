#!/usr/bin/env python3
"""Measures echo servers beside each other, end to end.

All servers run at once, each with its clients connected, all on one core; the load generators are
on another. Only one pair works at a time, in short windows that go round, so that a disturbance of
the machine meets each of them alike. Ratios are made within a round; their median is shown.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import time
from dataclasses import dataclass, field

import harness

WINDOW_SECONDS = 1.0
WARM_UP_SECONDS = 0.25
CLIENTS_DEFAULT = 10_000
SECONDS_DEFAULT = 10
CLIENTS_MAX = 1_000_000
SECONDS_MAX = 300
SIZE_DEFAULT = 64
SIZE_MAX = 1 << 20


@dataclass
class Contender:
    server: harness.Server
    running: harness.RunningServer
    clients: harness.HeldClients
    rss: int
    idle_bytes: float
    rounds: list[dict] = field(default_factory=list)

    def median(self, key: str) -> float:
        return statistics.median(measured[key] for measured in self.rounds)

    def ratio(self, other: "Contender", key: str) -> float:
        return statistics.median(
            ours[key] / theirs[key] for ours, theirs in zip(self.rounds, other.rounds))


class Progress:
    """One line on standard error; on a terminal it is written over again."""

    def __init__(self):
        self.terminal = sys.stderr.isatty()

    def show(self, text: str) -> None:
        sys.stderr.write(f"\r\033[K{text}" if self.terminal else f"{text}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        if self.terminal:
            sys.stderr.write("\r\033[K")


def choose_cores() -> tuple[int | None, int | None]:
    """One for the servers, one for the load."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[-1], cores[0]) if len(cores) > 1 else (None, None)


def start(stack: contextlib.ExitStack, programs: harness.Programs, server: harness.Server,
          clients: int, size: int, cores: tuple[int | None, int | None]) -> Contender:
    running = stack.enter_context(harness.RunningServer(server, core=cores[0]))
    harness.warm_up(programs, running.endpoint)
    before = running.rss()
    held = stack.enter_context(
        harness.HeldClients(programs, running, clients, cores[1], WARM_UP_SECONDS, size))
    rss = running.rss()
    return Contender(server, running, held, rss, (rss - before) / held.connected)


def run_rounds(contenders: list[Contender], rounds: int, progress: Progress) -> None:
    for number in range(1, rounds + 1):
        # Each begins a round in turn, so that none always follows the same neighbour's pause.
        for offset in range(len(contenders)):
            contender = contenders[(number + offset) % len(contenders)]
            measured = contender.clients.measure(WINDOW_SECONDS)
            contender.rounds.append(measured)
            progress.show(f"round {number}/{rounds}  {contender.server.name}: "
                          f"{measured['messages_per_second']:,.0f} messages/s")
    progress.clear()


def report(contenders: list[Contender]) -> str:
    raw = {c.server.poller: c for c in contenders if not c.server.is_rondo and c.server.poller}
    rows = [["", "messages/s", "CPU us/message", "p50 ms", "p99 ms", "p99.9 ms", "RSS MiB",
             "bytes/idle", "messages x raw", "CPU x raw", "CPU x raw epoll"]]
    for c in contenders:
        same = raw.get(c.server.poller)
        epoll = raw.get("epoll")
        rows.append([
            c.server.name,
            f"{c.median('messages_per_second'):,.0f}",
            f"{c.median('server_cpu_ns_per_message') / 1000:.2f}",
            *(f"{c.median(key) / 1000:.1f}" for key in ("p50_us", "p99_us", "p99.9_us")),
            f"{c.rss / 2**20:.1f}",
            f"{c.idle_bytes:.0f}",
            f"{c.ratio(same, 'messages_per_second'):.3f}" if same else "-",
            f"{c.ratio(same, 'server_cpu_ns_per_message'):.3f}" if same else "-",
            f"{c.ratio(epoll, 'server_cpu_ns_per_message'):.3f}" if epoll else "-",
        ])
    return harness.table(rows)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=CLIENTS_DEFAULT, metavar="N",
                        help=f"connections to each server (default {CLIENTS_DEFAULT})")
    parser.add_argument("--seconds", type=int, default=SECONDS_DEFAULT, metavar="N",
                        help=f"how long each is measured (default {SECONDS_DEFAULT})")
    parser.add_argument("--size", type=int, default=SIZE_DEFAULT, metavar="BYTES",
                        help=f"of a message (default {SIZE_DEFAULT})")
    parser.add_argument("--backend", action="append", default=[], metavar="NAME",
                        help="of rondo's backends only this one; may be repeated")
    parser.add_argument("--style", action="append", default=[], choices=harness.ECHO_STYLES,
                        help="how rondo's echo is written (default handler); may be repeated")
    parser.add_argument("--peers", action="store_true", help="libev and libevent too")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"),
                        help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not 1 <= arguments.clients <= CLIENTS_MAX:
        parser.error(f"--clients: from 1 to {CLIENTS_MAX}")
    if not 1 <= arguments.seconds <= SECONDS_MAX:
        parser.error(f"--seconds: from 1 to {SECONDS_MAX}")
    if not 1 <= arguments.size <= SIZE_MAX:
        parser.error(f"--size: from 1 to {SIZE_MAX}")
    return arguments


def compare(arguments: argparse.Namespace) -> None:
    programs = harness.Programs(arguments.build)
    servers = programs.rondo(arguments.backend, arguments.style or ['handler']) + programs.raw()
    servers += programs.peers() if arguments.peers else []
    clients = harness.clients_that_fit(arguments.clients)
    if clients < arguments.clients:
        print(f"{clients} clients instead of {arguments.clients}: the hard limit of descriptors "
              "(ulimit -Hn) allows no more")
    cores = choose_cores()
    if cores[0] is None:
        print("only one core: servers and load share it, and disturb each other")
    progress = Progress()
    started_at = time.monotonic()
    with contextlib.ExitStack() as stack:
        contenders = []
        for server in servers:
            progress.show(f"connecting {clients} clients to {server.name}")
            contenders.append(
                start(stack, programs, server, clients, arguments.size, cores))
        run_rounds(contenders, max(1, round(arguments.seconds / WINDOW_SECONDS)), progress)
        print(f"\n{min(c.clients.connected for c in contenders):,} clients, {arguments.size}-byte "
              f"messages, one in flight each; medians of {len(contenders[0].rounds)} "
              f"interleaved rounds of {WINDOW_SECONDS:.0f} s\n")
        print(report(contenders))
    print("\nx raw: against the raw loop on the same poller, median of the ratios of each round.\n"
          "bytes/idle: growth of resident user-space memory for each connection.")
    for name in programs.missing:
        print(f"left out: {name} (its package is not installed)")
    print(f"took {time.monotonic() - started_at:.0f} s")


def main() -> int:
    try:
        compare(parse_arguments())
    except harness.Failure as failure:
        print(f"bench/run: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

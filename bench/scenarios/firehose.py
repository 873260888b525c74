# SPDX-License-Identifier: MIT
"""The scenario `firehose`: many clients that ping, alone and beside one that streams through the
same reactor."""

import contextlib
from dataclasses import dataclass

import harness
import rounds

# With the quiet window before it, a window leaves enough of a core free that the system does not
# throttle processes with real-time priority.
WINDOW_SECONDS = 0.5
QUANTILES = ("p50_us", "p99_us", "p99.9_us")


@dataclass
class Pair:
    alone: rounds.Contender
    beside: rounds.Contender


def start(stack: contextlib.ExitStack, request: rounds.Request, server: harness.Server,
          size: int) -> Pair:
    running = request.start(stack, server)
    pings = ("--load", "pings")
    alone = stack.enter_context(request.hold(running, size, pings))
    beside = stack.enter_context(request.hold(running, size, (*pings, "--firehose")))
    return Pair(rounds.Contender(server.name, alone),
                rounds.Contender(f"{server.name}, beside a firehose", beside))


def report(pairs: list[Pair]) -> str:
    rows = [["", "pings/s", "p50 ms", "p99 ms", "p99.9 ms", "p99 ms, worst round",
             "firehose MB/s"]]
    for c in (contender for pair in pairs for contender in (pair.alone, pair.beside)):
        streamed = c.median("streamed_bytes_per_second") / 1e6
        rows.append([
            c.name,
            f"{c.median('messages_per_second'):,.0f}",
            *(f"{c.median(key) / 1000:.3f}" for key in QUANTILES),
            f"{c.worst('p99_us') / 1000:.3f}",
            f"{streamed:,.0f}" if streamed > 0 else "-",
        ])
    return harness.table(rows)


def run(request: rounds.Request) -> None:
    servers = request.programs.rondo(request.backends, request.styles or tuple(harness.ECHO_STYLES))
    size = request.sizes[0]
    with contextlib.ExitStack() as stack:
        pairs = [start(stack, request, server, size) for server in servers]
        contenders = [c for pair in pairs for c in (pair.alone, pair.beside)]
        count = max(1, round(request.seconds / WINDOW_SECONDS))
        rounds.run_rounds(contenders, count, request.progress, "pings", WINDOW_SECONDS)
        print(f"\n{request.clients:,} clients send {size} bytes every 100 ms and wait for them; "
              "beside a firehose: one more client\nstreams through the same reactor as much as "
              f"it takes. Medians of {count} interleaved rounds of {WINDOW_SECONDS} s\n")
        print(report(pairs))

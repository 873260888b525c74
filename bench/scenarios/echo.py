# SPDX-License-Identifier: MIT
"""The scenario `echo`: as many clients as fit, each with a message in flight.

The order in which the servers' clients connect matters: with 10,000 clients each, the first of six
identical servers needed up to 14 % more CPU time than the last. So there are as many sittings as
servers, each with new processes, and every server has every position once.
"""

import contextlib
import math
from dataclasses import dataclass

import harness
import rounds


@dataclass
class Echo(rounds.Contender):
    rss: int = 0
    idle_bytes: float = 0


def start(stack: contextlib.ExitStack, request: rounds.Request, server: harness.Server) -> Echo:
    running = request.start(stack, server)
    harness.warm_up(request.programs, running.endpoint)
    before = running.rss()
    held = stack.enter_context(request.hold(running, request.sizes[0]))
    rss = running.rss()
    return Echo(server.name, held, server.poller, server.is_raw, rss=rss,
                idle_bytes=(rss - before) / held.connected)


def sit(request: rounds.Request, servers: list[harness.Server],
        number_of_rounds: int) -> dict[str, Echo]:
    """Connects the clients of the servers in this order, measures, and ends them."""
    with contextlib.ExitStack() as stack:
        contenders = []
        for server in servers:
            request.progress.show(f"connecting {request.clients} clients to {server.name}")
            contenders.append(start(stack, request, server))
        rounds.run_rounds(contenders, number_of_rounds, request.progress)
    return {c.name: c for c in contenders}


def report(contenders: list[Echo]) -> str:
    raw = rounds.raw_loops(contenders)
    rows = [["", "messages/s", "CPU us/message", "p50 ms", "p99 ms", "p99.9 ms", "RSS MiB",
             "bytes/idle", "messages x raw", "CPU x raw", "CPU x raw epoll"]]
    for c in contenders:
        same = raw.get(c.poller)
        rows.append([
            c.name,
            f"{c.median('messages_per_second'):,.0f}",
            f"{c.median('server_cpu_ns_per_message') / 1000:.2f}",
            *(f"{c.median(key) / 1000:.1f}" for key in ("p50_us", "p99_us", "p99.9_us")),
            f"{c.rss / 2**20:.1f}",
            f"{c.idle_bytes:.0f}",
            rounds.shown_ratio(c, same, "messages_per_second"),
            rounds.shown_ratio(c, same, "server_cpu_ns_per_message"),
            rounds.shown_ratio(c, raw.get("epoll"), "server_cpu_ns_per_message"),
        ])
    return harness.table(rows)


def run(request: rounds.Request) -> None:
    servers = request.servers(("handler",))
    rounds_of_sitting = math.ceil(request.rounds / len(servers))
    contenders: dict[str, Echo] = {}
    for first in range(len(servers)):
        seated = sit(request, servers[first:] + servers[:first], rounds_of_sitting)
        for server in servers:
            if first == 0:
                contenders[server.name] = seated[server.name]
            else:
                contenders[server.name].sittings += seated[server.name].sittings
    connected = min(c.clients.connected for c in contenders.values())
    print(f"\n{connected:,} clients, {request.sizes[0]}-byte messages, one in flight each; medians "
          f"of {len(servers)} times {rounds_of_sitting} interleaved\nrounds of "
          f"{rounds.WINDOW_SECONDS:.0f} s, each server connected first, second, ... once\n")
    print(report(list(contenders.values())))
    print("\nx raw: relative to the raw loop on the same poller, mean of the sittings' median "
          "ratios.\nbytes/idle: growth of resident user-space memory for each connection.")

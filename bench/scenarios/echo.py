"""The scenario `echo`: as many clients as fit, each with a message in flight.

Which server's clients connect first matters: with 10,000 clients each, the first of six identical
servers was seen to need 14 % more CPU time than the last. So there are as many sittings as servers,
each with new processes, and every server has every place once.
"""

import contextlib
import math
from dataclasses import dataclass

import harness
import rounds


@dataclass
class Echo(rounds.Contender):
    poller: str = ""
    is_rondo: bool = False
    rss: int = 0
    idle_bytes: float = 0


def start(stack: contextlib.ExitStack, wish: rounds.Wish, server: harness.Server) -> Echo:
    running = stack.enter_context(harness.RunningServer(server, core=wish.server_core))
    harness.warm_up(wish.programs, running.endpoint)
    before = running.rss()
    held = stack.enter_context(wish.hold(running, wish.sizes[0]))
    rss = running.rss()
    return Echo(server.name, held, [[]], server.poller, server.is_rondo, rss,
                (rss - before) / held.connected)


def sit(wish: rounds.Wish, servers: list[harness.Server], number_of_rounds: int) -> dict[str, Echo]:
    """Connects them in this order, measures, and ends them."""
    with contextlib.ExitStack() as stack:
        contenders = []
        for server in servers:
            wish.progress.show(f"connecting {wish.clients} clients to {server.name}")
            contenders.append(start(stack, wish, server))
        rounds.run_rounds(contenders, number_of_rounds, wish.progress)
    return {c.name: c for c in contenders}


def report(contenders: list[Echo]) -> str:
    raw = {c.poller: c for c in contenders if not c.is_rondo and c.poller}
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


def run(wish: rounds.Wish) -> None:
    programs = wish.programs
    servers = programs.rondo(wish.backends, wish.styles or ("handler",)) + programs.raw()
    servers += programs.peers() if wish.with_peers else []
    rounds_of_sitting = math.ceil(wish.rounds / len(servers))
    contenders: dict[str, Echo] = {}
    for first in range(len(servers)):
        seated = sit(wish, servers[first:] + servers[:first], rounds_of_sitting)
        if first == 0:
            contenders = {server.name: seated[server.name] for server in servers}
        else:
            for name, contender in contenders.items():
                contender.sittings += seated[name].sittings
    connected = min(c.clients.connected for c in contenders.values())
    print(f"\n{connected:,} clients, {wish.sizes[0]}-byte messages, one in flight each; medians of "
          f"{len(servers)} times {rounds_of_sitting} interleaved\nrounds of "
          f"{rounds.WINDOW_SECONDS:.0f} s, each server connected first, second, ... once\n")
    print(report(list(contenders.values())))
    print("\nx raw: against the raw loop on the same poller, mean of the sittings' median ratios.\n"
          "bytes/idle: growth of resident user-space memory for each connection.")

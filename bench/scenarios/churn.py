# SPDX-License-Identifier: MIT
"""The scenario `churn`: clients that connect, exchange one message, and leave."""

import contextlib

import harness
import rounds


def report(contenders: list[rounds.Contender]) -> str:
    raw = rounds.raw_loops(contenders)
    rows = [["", "connections/s", "CPU us/connection", "p50 us", "p99 us", "CPU x raw",
             "CPU x raw epoll"]]
    for c in contenders:
        rows.append([
            c.name,
            f"{c.median('messages_per_second'):,.0f}",
            f"{c.median('server_cpu_ns_per_message') / 1000:.2f}",
            *(f"{c.median(key):.0f}" for key in ("p50_us", "p99_us")),
            rounds.shown_ratio(c, raw.get(c.poller), "server_cpu_ns_per_message"),
            rounds.shown_ratio(c, raw.get("epoll"), "server_cpu_ns_per_message"),
        ])
    return harness.table(rows)


def run(request: rounds.Request) -> None:
    size = request.sizes[0]
    with contextlib.ExitStack() as stack:
        contenders = []
        for server in request.servers(tuple(harness.ECHO_STYLES)):
            running = request.start(stack, server)
            held = stack.enter_context(request.hold(running, size, ("--load", "churn")))
            contenders.append(rounds.Contender(server.name, held, server.poller, server.is_raw))
        rounds.run_rounds(contenders, request.rounds, request.progress, "connections")
        print(f"\nConnect, send {size} bytes, receive them, reset; {request.clients} connections "
              f"in progress; medians of {request.rounds}\ninterleaved rounds of "
              f"{rounds.WINDOW_SECONDS:.0f} s\n")
        print(report(contenders))
    print("\nCPU: of the server. x raw: relative to the raw loop on the same poller, median of the "
          "ratios of each round.\np50, p99: from connect to the last byte of the reply.")

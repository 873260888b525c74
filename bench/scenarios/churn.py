"""The scenario `churn`: clients who connect, exchange one message, and leave."""

import contextlib

import harness
import rounds


def report(servers: list[harness.Server], contenders: list[rounds.Contender]) -> str:
    raw = {s.poller: c for s, c in zip(servers, contenders) if not s.is_rondo and s.poller}
    rows = [["", "connections/s", "CPU us/connection", "p50 us", "p99 us", "CPU x raw",
             "CPU x raw epoll"]]
    for server, c in zip(servers, contenders):
        rows.append([
            c.name,
            f"{c.median('messages_per_second'):,.0f}",
            f"{c.median('server_cpu_ns_per_message') / 1000:.2f}",
            *(f"{c.median(key):.0f}" for key in ("p50_us", "p99_us")),
            rounds.shown_ratio(c, raw.get(server.poller), "server_cpu_ns_per_message"),
            rounds.shown_ratio(c, raw.get("epoll"), "server_cpu_ns_per_message"),
        ])
    return harness.table(rows)


def run(wish: rounds.Wish) -> None:
    programs = wish.programs
    servers = programs.rondo(wish.backends, wish.styles or tuple(harness.ECHO_STYLES))
    servers += programs.raw()
    servers += programs.peers() if wish.with_peers else []
    size = wish.sizes[0]
    with contextlib.ExitStack() as stack:
        contenders = []
        for server in servers:
            running = stack.enter_context(harness.RunningServer(server, core=wish.server_core))
            held = stack.enter_context(wish.hold(running, size, ("--load", "churn")))
            contenders.append(rounds.Contender(server.name, held))
        rounds.run_rounds(contenders, wish.rounds, wish.progress, "connections")
        print(f"\nConnect, send {size} bytes, receive them, reset; {wish.clients} connections "
              f"under way; medians of {wish.rounds} interleaved\nrounds of "
              f"{rounds.WINDOW_SECONDS:.0f} s\n")
        print(report(servers, contenders))
    print("\nCPU: of the server. x raw: against the raw loop on the same poller, median of the "
          "ratios of each round.\np50, p99: from connect to the last byte of the answer.")

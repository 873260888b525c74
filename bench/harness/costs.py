# SPDX-License-Identifier: MIT
"""Counts what an echoed message, a connection, a datagram and a re-armed timer cost.

User-space instructions (valgrind --tool=callgrind) and system calls (strace -c) of a server while
50 clients exchange 20,000 messages of 64 bytes, less those while they exchange 4,000, divided by
16,000: the rest is the cost of a message, without start and end. Memory is the growth of the
server's RSS over as many idle connections as fit. The system calls of a connection that is
accepted, echoes once and is closed are counted the same way, one at a time, and those of a UDP
datagram at full load. With TLS, the instructions are compared with those of a bare loop on OpenSSL,
and half-open handshakes are counted, too. These counts hardly change from run to run, so they can
be checked against budgets.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import command_line  # noqa: E402
import harness  # noqa: E402
import secure  # noqa: E402
import tracing  # noqa: E402

CLIENTS = 50
MESSAGES_FEW = 4_000
MESSAGES_MANY = 20_000
IDLE_CLIENTS_MAX = 19_000
REARMS_FEW = 100_000
REARMS_MANY = 200_000
CONNECTIONS_FEW = 200
CONNECTIONS_MANY = 1_200
DATAGRAMS_UNDER_WAY = 64
FUNCTION_INSTRUCTIONS_MIN = 0.5  # rarer functions are not listed

# What examples/echo itself keeps for a client: a node of a std::list, as malloc rounds it up, or
# the field of a session.
OWN_BYTES = {"handler": 96, "session": 8, "coroutine": 8}


@dataclass(frozen=True)
class Budget:
    """For each style and backend; the bytes are those above what echo itself keeps, the calls of a
    connection those above what the raw loop on the same poller makes."""

    instructions: float
    calls: float
    idle_bytes: float
    connection_calls: float


# What an await takes at most, in instructions.
AWAITS = {
    "ready": ("of what is ready", 10),
    "empty": ("of an empty task", 80),
    "result": ("of a task with a result", 90),
}
AWAITS_FEW = 10_000
AWAITS_MANY = 110_000

# For a connection, the raw loops call accept until there is no other client, rondo seldom does. A
# handler's own socket is removed from the poller before it is closed, and is checked before libuv
# polls it, because libuv aborts on a closed one. With libuv there is also a read of what a reset
# may have left, where the raw loop just closes.
BUDGETS = {
    ("handler", "epoll"): Budget(80, calls=2.03, idle_bytes=40, connection_calls=0.3),
    ("handler", "uv"): Budget(180, calls=2.03, idle_bytes=40, connection_calls=2.3),
    ("session", "epoll"): Budget(144, calls=2.03, idle_bytes=128, connection_calls=-0.7),
    ("session", "uv"): Budget(246, calls=2.03, idle_bytes=128, connection_calls=-2.7),
    ("coroutine", "epoll"): Budget(200, calls=2.03, idle_bytes=256, connection_calls=-0.7),
    ("coroutine", "uv"): Budget(302, calls=2.03, idle_bytes=256, connection_calls=-2.7),
}
REARM_INSTRUCTIONS_MAX = 25
# arm_after() is never early by the clock, so it reads the clock. It is shown, but the budget is for
# moving a timer.
REARM_WITHIN_BUDGET = "arm_at(reactor.now() + t)"
REARM_WAYS = {REARM_WITHIN_BUDGET: "at", "arm_after(t)": "after"}
CONTROL_CALLS = ("epoll_ctl",)
# The end of a connection and the beginning of the next may need one wait or two, depending on the
# scheduler. Connections are compared without waits.
WAIT_CALLS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")
DATAGRAM_CALLS_OF_LIBUV_MAX = 0.25  # relative to a small echo server on libuv


def calls_per_message(programs: harness.Programs, server: harness.Server,
                      scratch: pathlib.Path) -> tuple[float, int]:
    """System calls, and how many calls changed the poller in the steady state."""
    counts = (MESSAGES_FEW, MESSAGES_MANY)
    calls = tracing.calls_for_each(programs, server, scratch, CLIENTS, counts)
    control = sum(calls.get(name, 0) for name in CONTROL_CALLS)
    return sum(calls.values()), round(control * (MESSAGES_MANY - MESSAGES_FEW))


def calls_by_load(programs: harness.Programs, servers: list[harness.Server], clients: int,
                  counts: tuple[int, int], load: tuple[str, ...],
                  left_out: tuple[str, ...] = ()) -> list[dict]:
    """System calls of each server for one message of that load: by name, and in all except those
    that are left out."""
    measured = []
    for server in servers:
        print(f"counting: {server.name}, {load[-1]}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as directory:
            by_name = tracing.calls_for_each(programs, server, pathlib.Path(directory), clients,
                                             counts, load)
        measured.append({"name": server.name, "poller": server.poller, "style": server.style,
                         "calls": sum(calls for name, calls in by_name.items()
                                      if name not in left_out),
                         "by_name": {name: round(calls, 4) for name, calls in by_name.items()
                                     if round(calls, 2) != 0}})
    return measured


def calls_beside(measured: list[dict]) -> list[tuple[dict, float]]:
    """Each server of rondo, with the calls of the one that it is compared with."""
    others = {each["poller"]: each["calls"] for each in measured if not each["style"]}
    return [(each, others[each["poller"]]) for each in measured
            if each["style"] and each["poller"] in others]


def measure_server(programs: harness.Programs, server: harness.Server, idle_clients: int) -> dict:
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        instructions, functions = tracing.instructions_for_each(
            programs, server, scratch, CLIENTS, (MESSAGES_FEW, MESSAGES_MANY))
        calls, control = calls_per_message(programs, server, scratch)
    with harness.RunningServer(server) as running:
        idle_bytes, connected = harness.bytes_per_idle_connection(programs, running, idle_clients)
    return {
        "name": server.name, "poller": server.poller, "style": server.style,
        "instructions": instructions, "functions": functions, "calls": calls,
        "control_calls": control, "idle_bytes": idle_bytes, "idle_clients": connected,
    }


def instructions_of(programs: harness.Programs, name: str, what: str, few: int,
                    many: int) -> float:
    """For one repetition, by a program that takes what it does and how often."""
    program = str(programs.build / "bench" / name)
    totals = []
    with tempfile.TemporaryDirectory() as directory:
        output = pathlib.Path(directory) / "out"
        for count in (few, many):
            subprocess.run([*tracing.callgrind(output), program, what, str(count)], check=True,
                           stdout=subprocess.DEVNULL)
            totals.append(tracing.instructions_in(output))
    return (totals[1] - totals[0]) / (many - few)


def instructions_per_rearm(programs: harness.Programs, way: str) -> float:
    """For one timer among 100,000, including the random choice of it."""
    return instructions_of(programs, "rearm", way, REARMS_FEW, REARMS_MANY)


def idle_bytes_above_own(measured: dict, all_measured: list[dict]) -> float:
    """Without what echo itself keeps and what the same poller needs in a raw loop: libuv's
    uv_poll_t, and nothing for epoll."""
    raw = [other["idle_bytes"] for other in all_measured
           if not other["style"] and other["poller"] == measured["poller"]]
    return measured["idle_bytes"] - OWN_BYTES[measured["style"]] - (raw[0] if raw else 0)


def excesses(measured: list[dict], rearms: dict[str, float], awaits: dict[str, float],
             connections: list[dict], datagrams: list[dict], tls: list[dict]) -> list[str]:
    """The exceeded budgets, in words."""
    found = []

    def check(what: str, value: float, budget: float) -> None:
        if round(value, 2) > budget:
            found.append(f"{what}: {value:.2f}, the budget is {budget}")

    for each in measured:
        budget = BUDGETS.get((each["style"], each["poller"]))
        if budget is None:
            continue
        check(f"{each['name']}, instructions per message", each["instructions"],
              budget.instructions)
        check(f"{each['name']}, system calls per message", each["calls"], budget.calls)
        check(f"{each['name']}, calls of {' '.join(CONTROL_CALLS)} in the steady state",
              each["control_calls"], 0)
        check(f"{each['name']}, bytes per idle connection above echo's own",
              idle_bytes_above_own(each, measured), budget.idle_bytes)
    check(f"{REARM_WITHIN_BUDGET}, instructions per re-arm", rearms[REARM_WITHIN_BUDGET],
          REARM_INSTRUCTIONS_MAX)
    for what, instructions in awaits.items():
        check(f"await {AWAITS[what][0]}, instructions", instructions, AWAITS[what][1])
    for each, raw in calls_beside(connections):
        check(f"{each['name']}, system calls per connection above the raw loop's",
              each["calls"] - raw, BUDGETS[each["style"], each["poller"]].connection_calls)
    for each, libuv in calls_beside(datagrams):
        check(f"{each['name']}, system calls per datagram, of libuv's", each["calls"] / libuv,
              DATAGRAM_CALLS_OF_LIBUV_MAX)
    for what, value, budget in secure.budgets(tls):
        check(what, value, budget)
    return found


def print_calls(what: str, measured: list[dict]) -> None:
    beside = {each["name"]: other for each, other in calls_beside(measured)}
    rows = [[what, "system calls", "compared with", "which are"]]
    for each in measured:
        other = f"{beside[each['name']]:.3f}" if each["name"] in beside else "-"
        names = sorted(each["by_name"].items(), key=lambda item: -item[1])
        rows.append([each["name"], f"{each['calls']:.3f}", other,
                     ", ".join(f"{calls:.2f} {name}" for name, calls in names)])
    print(f"\n{harness.table(rows)}")


def print_report(measured: list[dict], rearms: dict[str, float],
                 awaits: dict[str, float]) -> None:
    rows = [["", "instructions/message", "calls/message", "epoll_ctl", "bytes/idle connection",
             "above echo's own"]]
    for each in measured:
        above = f"{idle_bytes_above_own(each, measured):.0f}" if each["style"] else "-"
        rows.append([each["name"], f"{each['instructions']:.1f}", f"{each['calls']:.3f}",
                     str(each["control_calls"]), f"{each['idle_bytes']:.0f}", above])
    print(f"{CLIENTS} clients, 64-byte messages, one in flight each; "
          f"{measured[0]['idle_clients']:,} idle connections\n")
    print(harness.table(rows))
    print(f"\nabove echo's own: less the {OWN_BYTES['handler']} bytes of its handler's object, or "
          f"the {OWN_BYTES['session']} of its session's\nfield, and less what the raw loop on the "
          "same poller needs (libuv's uv_poll_t)\n")
    rows = [["re-arming one timer of 100,000, less the random choice", "instructions"]]
    rows += [[way, f"{instructions:.1f}"] for way, instructions in rearms.items()]
    print(harness.table(rows))
    rows = [["await", "instructions"]]
    rows += [[AWAITS[what][0], f"{instructions:.1f}"]
             for what, instructions in awaits.items()]
    print(f"\n{harness.table(rows)}")


def print_functions(measured: list[dict]) -> None:
    for each in measured:
        print(f"\n{each['name']}, instructions per message by function")
        for name, count in sorted(each["functions"].items(), key=lambda item: -item[1]):
            if count >= FUNCTION_INSTRUCTIONS_MIN:
                print(f"{count:8.1f}  {name}")


def make_parser() -> command_line.Options:
    parser = command_line.Options("bench/costs")
    for name in ("--check", "--json", "--functions", "--peers"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--backend", action="append", default=[],
                        type=command_line.one_of("backend", harness.BACKENDS))
    parser.add_argument("--build", type=pathlib.Path)
    return parser


def count_costs(arguments: argparse.Namespace) -> int:
    programs = harness.Programs(harness.prepared(arguments.build, "counts: about 3 minutes"))
    servers = programs.rondo(arguments.backend, harness.ECHO_STYLES) + programs.raw()
    servers += programs.peers() if arguments.peers else []
    idle_clients = harness.clients_that_fit(IDLE_CLIENTS_MAX)
    measured = []
    for server in servers:
        print(f"counting: {server.name}", file=sys.stderr)
        measured.append(measure_server(programs, server, idle_clients))
    print("counting: timers", file=sys.stderr)
    choice = instructions_per_rearm(programs, "choose")
    rearms = {name: instructions_per_rearm(programs, way) - choice
              for name, way in REARM_WAYS.items()}
    awaits = {what: instructions_of(programs, "tasks", what, AWAITS_FEW, AWAITS_MANY)
              for what in AWAITS}
    connections = calls_by_load(programs, servers, 1, (CONNECTIONS_FEW, CONNECTIONS_MANY),
                                ("--load", "churn"), left_out=WAIT_CALLS)
    datagrams = calls_by_load(programs, programs.udp(arguments.backend), DATAGRAMS_UNDER_WAY,
                              (MESSAGES_FEW, MESSAGES_MANY), ("--load", "datagrams"))
    tls = secure.measure_all(programs, arguments.backend,
                             lambda name: print(f"counting: {name}", file=sys.stderr))
    found = excesses(measured, rearms, awaits, connections, datagrams, tls)
    if arguments.json:
        print(json.dumps({"servers": measured, "rearm": rearms, "awaits": awaits,
                          "connections": connections, "datagrams": datagrams,
                          "tls": tls,
                          "over_budget": found}, indent=1))
    else:
        print_report(measured, rearms, awaits)
        print_calls("accept, echo once, close; no waits", connections)
        print_calls("datagrams of 64 bytes", datagrams)
        if tls:
            print(f"\n{secure.report(tls)}")
        if arguments.functions:
            print_functions(measured + tls)
        for name in programs.missing:
            print(f"left out: {name} (its package is not installed)")
        print("\nover budget:\n  " + "\n  ".join(found) if found else "\nall within budget")
    return 1 if found and arguments.check else 0


def main() -> int:
    arguments = make_parser().parse(sys.argv[1:])
    command_line.take_signals()
    try:
        return count_costs(arguments)
    except harness.Failure as failure:
        print(f"bench/costs: {failure}", file=sys.stderr)
    except FileNotFoundError as error:
        print(f"bench/costs: {error.filename} is missing", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())

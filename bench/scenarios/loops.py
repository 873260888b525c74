# SPDX-License-Identifier: MIT
"""The scenario `loops`: rondo in each style on each backend, beside the other event loops.

A turn is a new process of a server, alone on its core, with its clients; a round is a turn of each
server. So no server is at a disadvantage because of where its memory is or when its clients came,
and a disturbance of the machine affects all of them alike. Ratios are computed within a round.
"""

import contextlib
import statistics
import subprocess
from dataclasses import dataclass, field

import harness
import loop_counts
import peers
import record
import rounds

WINDOW_SECONDS = 0.5
SMALL_BUFFER = 1 << 10  # in each connection, as in Asio's own examples
LARGE_BUFFER = 64 << 10
MANY_CLIENTS = 10_000
QUICK_ROUNDS = 2
SHARE_OF_ROUNDS = 2  # with many clients there are so many times fewer rounds
NS_PER_US = 1_000
BYTES = "bytes/idle connection"
WHOLE = (BYTES, loop_counts.INSTRUCTIONS)  # shown without a fraction
CPU = "server_cpu_ns_per_message"
DATAGRAMS = ("--load", "datagrams")


@dataclass(frozen=True)
class Part:
    """What the clients do."""

    name: str
    clients: int
    size: int = 64
    load: tuple[str, ...] = ()
    units: int = 1  # in one message of the load: its cost is divided among them
    unit: str = "message"
    idle: int = 0  # connections beside those that are active
    is_quick: bool = False  # `--quick` has it too

    @property
    def connections(self) -> int:
        return self.clients + self.idle

    def fits(self, server: harness.Server) -> bool:
        return (server.layer == peers.DATAGRAM) == (self.load == DATAGRAMS)


PARTS = (
    Part("1 client", 1),
    Part("50 clients", 50, is_quick=True),
    Part("1,000 clients", 1_000, is_quick=True),
    Part("10,000 clients", 10_000),
    Part("19,000 clients", 19_000),
    Part("100 of 19,000", 100, idle=18_900),
    Part("16 pipelined", 50, size=16 * 64, units=16, is_quick=True),
    Part("16 KiB", 20, size=16 << 10),
    Part("256 KiB", 20, size=256 << 10),
    Part("churn", 50, load=("--load", "churn"), unit="connection", is_quick=True),
    Part("UDP", 64, load=DATAGRAMS, unit="datagram"),
)


@dataclass
class Measured:
    """One server in one part."""

    server: harness.Server
    rounds: list[dict] = field(default_factory=list)

    def median(self, key: str) -> float:
        return statistics.median(each[key] for each in self.rounds)

    def ratio(self, other: "Measured") -> float:
        return statistics.median(
            ours[CPU] / theirs[CPU] for ours, theirs in zip(self.rounds, other.rounds))

    def spread(self) -> float:
        """Between the least and the most of the rounds, relative to the median."""
        costs = [each[CPU] for each in self.rounds]
        return (max(costs) - min(costs)) / statistics.median(costs)


def turn(request: rounds.Request, server: harness.Server, part: Part) -> dict:
    buffer_size = LARGE_BUFFER if part.size > SMALL_BUFFER else SMALL_BUFFER
    sized = peers.with_buffers(server, buffer_size)
    with harness.RunningServer(sized, core=request.server_core) as running:
        before = 0
        if not part.load:
            harness.warm_up(request.programs, running.endpoint)
            before = running.rss()
        with contextlib.ExitStack() as stack:
            if part.idle > 0:
                stack.enter_context(request.hold(running, part.size, clients=part.idle))
            held = stack.enter_context(request.hold(running, part.size, part.load, part.clients))
            grown = running.rss() - before
            measured = held.measure(WINDOW_SECONDS)
    measured[CPU] /= part.units
    measured["messages_per_second"] *= part.units
    measured["idle_bytes"] = grown / part.connections
    return measured


def measure(request: rounds.Request, servers: list[harness.Server], part: Part,
            number_of_rounds: int) -> list[Measured]:
    """A server that fails is left out, with a message."""
    fitting = [Measured(server) for server in servers if part.fits(server)]
    for number in range(number_of_rounds):
        for offset in range(len(fitting)):
            each = fitting[(number + offset) % len(fitting)]
            if len(each.rounds) < number:
                continue
            try:
                each.rounds.append(turn(request, each.server, part))
            except harness.Failure as failure:
                print(f"left out of {part.name}: {failure}")
                continue
            request.progress.show(f"{part.name}, round {number + 1}/{number_of_rounds}  "
                                  f"{each.server.name}: {each.rounds[-1][CPU] / NS_PER_US:.2f} us")
    request.progress.clear()
    return [each for each in fitting if len(each.rounds) == number_of_rounds]


def best_peer(measured: list[Measured], layer: str) -> Measured | None:
    found = [each for each in measured if each.server.layer == layer and not each.server.style]
    return min(found, key=lambda each: each.median(CPU), default=None)


def beside_best(measured: list[Measured]) -> list[tuple[Measured, Measured, float]]:
    """Each of rondo's servers, the best peer of its layer, and its CPU time relative to that."""
    found = []
    for each in measured:
        best = best_peer(measured, each.server.layer)
        if each.server.style and best is not None:
            found.append((each, best, each.ratio(best)))
    return found


def report_losses(results: dict[Part, list[Measured]]) -> str:
    """The servers of rondo that need more than the best peer, the worst first."""
    rows = [["behind the best peer of its layer", "in", "best", "CPU x best", "rounds differ by"]]
    found = [(part, *each) for part, measured in results.items() for each in beside_best(measured)]
    for part, ours, best, ratio in sorted(found, key=lambda each: -each[3]):
        if round(ratio, 3) > 1:
            rows.append([ours.server.name, part.name, best.server.name, f"{ratio:.3f}",
                         f"{max(ours.spread(), best.spread()):.0%}"])
    return harness.table(rows) if len(rows) > 1 else "no server of rondo is behind"


def report_wins(results: dict[Part, list[Measured]]) -> str:
    rows = [["CPU x best peer of its layer", *(part.name for part in results)]]
    ratios = {part: {ours.server.name: f"{ratio:.2f}" for ours, _, ratio in beside_best(measured)}
              for part, measured in results.items()}
    for name in dict.fromkeys(name for each in ratios.values() for name in each):
        rows.append([name, *(each.get(name, "-") for each in ratios.values())])
    return harness.table(rows)


def report_all(results: dict[Part, list[Measured]]) -> str:
    """Microseconds of CPU time for each unit, and in relation to the raw epoll loop."""
    names = dict.fromkeys(each.server for measured in results.values() for each in measured)
    rows = [["CPU us for each, and x raw epoll", *(part.name for part in results)]]
    for server in sorted(names, key=lambda server: peers.LAYERS.index(server.layer)):
        row = [f"{server.layer}: {server.name}"]
        for measured in results.values():
            by_name = {each.server.name: each for each in measured}
            each, raw = by_name.get(server.name), by_name.get(peers.RAW_EPOLL)
            row.append("-" if each is None else f"{each.median(CPU) / NS_PER_US:.2f}" + (
                f" {each.ratio(raw):5.2f}" if raw else ""))
        rows.append(row)
    return harness.table(rows)


def report_counts(counts: dict[harness.Server, dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for each in counts.values() for name in each))
    rows = [["", *names]]
    for server in sorted(counts, key=lambda server: peers.LAYERS.index(server.layer)):
        found = counts[server]
        rows.append([f"{server.layer}: {server.name}", *(
            f"{found[name]:,.{0 if name in WHOLE else 2}f}" if name in found else "-"
            for name in names)])
    return harness.table(rows)


def add_bytes(results: dict[Part, list[Measured]],
              counts: dict[harness.Server, dict[str, float]]) -> None:
    """Bytes for each connection, from the part with the most idle ones."""
    largest = max((part for part in results if not part.load), default=None,
                  key=lambda part: part.clients)
    if largest is not None and largest.clients >= MANY_CLIENTS:
        for each in results[largest]:
            counts.setdefault(each.server, {})[BYTES] = each.median("idle_bytes")


def write_record(request: rounds.Request, results: dict[Part, list[Measured]],
                 counts: dict[harness.Server, dict[str, float]]) -> None:
    kept = record.Record(request.programs.build)
    for part, measured in results.items():
        scenario = f"loops, {part.name}"
        for each in measured:
            name = each.server.name
            kept.commands[name] = " ".join(each.server.command)
            kept.add(scenario, name, f"CPU time of a {part.unit}", "ns", each.median(CPU))
            kept.add(scenario, name, "spread of the rounds", "of the median", each.spread())
            kept.add(scenario, name, "rate", f"{part.unit}s/s", each.median("messages_per_second"))
            if part.load != DATAGRAMS:
                kept.add(scenario, name, "p99", "us", each.median("p99_us"))
        for ours, best, ratio in beside_best(measured):
            kept.add(scenario, ours.server.name, "CPU time, of that of the best peer of its layer",
                     f"x {best.server.name}", ratio)
    for server, found in counts.items():
        for name, value in found.items():
            what, _, unit = name.partition("/")
            kept.add("loops, counts", server.name, name, f"{what} for each {unit}", value)
    kept.write(request.json)


def chosen_parts(request: rounds.Request) -> list[Part]:
    """With as many clients as there are descriptors; what does not fit is named."""
    found = []
    for part in PARTS:
        if request.is_quick and not part.is_quick:
            continue
        if request.parts and part.name not in request.parts:
            continue
        if harness.clients_that_fit(part.connections) < part.connections:
            print(f"left out: {part.name}: the hard limit of descriptors (ulimit -Hn) is too low")
            continue
        found.append(part)
    return found


def run(request: rounds.Request) -> None:
    servers = peers.rondo(request.programs, request.backends, request.styles)
    servers += peers.all_peers(request.programs)
    # Neighbours in a round are of one layer, so that they are compared under the same conditions.
    servers.sort(key=lambda server: peers.LAYERS.index(server.layer))
    all_rounds = QUICK_ROUNDS if request.is_quick else request.rounds
    with_many = max(QUICK_ROUNDS, all_rounds // SHARE_OF_ROUNDS)
    results = {
        part: measure(request, servers, part,
                      with_many if part.connections >= MANY_CLIENTS else all_rounds)
        for part in chosen_parts(request)
    }
    counts: dict[harness.Server, dict[str, float]] = {}
    if not request.is_quick and not request.parts:
        for server in servers:
            request.progress.show(f"counting: {server.name}")
            try:
                counts[server] = loop_counts.count(request.programs, server)
            except (harness.Failure, subprocess.TimeoutExpired, FileNotFoundError) as failure:
                print(f"not counted: {server.name}: {failure}")
        request.progress.clear()
    add_bytes(results, counts)
    print(f"\nMessages of 64 bytes unless a size is named; medians of {all_rounds} rounds, with "
          f"{MANY_CLIENTS:,} clients or\nmore of {with_many}. rondo's sessions and coroutines have "
          "an idle timeout, which each message moves;\nthe others have none.\n")
    print(report_losses(results))
    print(f"\n{report_wins(results)}")
    print(f"\n{report_all(results)}")
    if counts:
        print(f"\n{report_counts(counts)}")
    print("\nCPU: of the server's process. x: median of the ratios of each round. 16 pipelined: 16 "
          "messages in one\nwrite, the next 16 when all have come back. 100 of 19,000: the others "
          "are silent. churn: connect,\none message, reset. bytes: growth of resident memory.")
    if request.json:
        write_record(request, results, counts)

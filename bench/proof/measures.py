# SPDX-License-Identifier: MIT
"""What is measured of a running server: CPU time under a load, instructions and system calls for a
request, bytes of an idle client, latencies at a fixed rate, and what a restart loses."""

import contextlib
import dataclasses
import pathlib
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass

import harness
import loads
import processes
import secure
import tracing

IDLE_CLIENTS = 10_000
IDLE_CLIENTS_QUICK = 2_000
IDLE_CLIENTS_TLS = 1_000
DESCRIPTORS_BESIDES = 200
MIB = 1 << 20
SETTLE_SECONDS = 0.3
LOAD_SECONDS_MAX = 120
WARM_UP_CLIENTS = 200
FEW, MANY = 1_000, 5_000  # requests of a run that is traced
PERF_EVENTS = ("instructions:u", "instructions:k")


@dataclass(frozen=True)
class Bench:
    """The machine as this run uses it."""

    server_core: int | None
    load_core: int | None
    paced: str
    places: dict[str, str]  # for the servers' configurations

    def start(self, contender: processes.Contender,
              wrapper: tuple[str, ...] = ()) -> processes.Running:
        return processes.Running(contender, self.server_core, self.places, wrapper)

    def begin(self, load: loads.Load, running: processes.Running) -> processes.Tool:
        return load.begin(running, self.load_core, self.paced)

    def command(self, load: loads.Load, running: processes.Running) -> str:
        words = (*processes.pinned(self.load_core), *load.words(running, self.paced))
        return " ".join(map(loads.shown, words))

    def apply(self, load: loads.Load, running: processes.Running) -> dict:
        with self.begin(load, running) as tool:
            said = tool.output(LOAD_SECONDS_MAX)
        return {"command": self.command(load, running), **load.parse(said)}


def cost(bench: Bench, load: loads.Load, running: processes.Running) -> dict:
    """The server's CPU time for each request of a load, with all its connecting."""
    before = running.cpu_ns()
    done = bench.apply(load, running)
    if done["failed"]:
        raise harness.Failure(f"{running.contender.name}: {done['failed']} failed requests")
    cpu_ns = running.cpu_ns() - before
    return {**done, "cpu_us": cpu_ns / done["requests"] / 1000,
            "per_second": done["requests"] / done["seconds"]}


def latency(bench: Bench, load: loads.Load, running: processes.Running) -> dict:
    """Percentiles at a fixed rate; and what that rate costs the server."""
    before = running.cpu_ns()
    done = bench.apply(load, running)
    return {**done, "rate": load.rate,
            "cpu_us": (running.cpu_ns() - before) / done["requests"] / 1000}


def fill(bench: Bench, running: processes.Running, times: int = 10) -> None:
    """A cache gets its keys, so many times at random; a web server gets its first requests."""
    if not running.contender.has_plain:
        return
    if running.contender.protocol == "resp":
        bench.apply(loads.Load("redis-benchmark", "set", 50, loads.PIPELINED, times * loads.KEYS),
                    running)
    bench.apply(loads.Load("paced", "set", 50, requests=FEW), running)


def can_use_perf() -> list[str]:
    """The events that perf counts here, in a virtual machine often none."""
    if processes.find("perf") is None:
        return []
    done = subprocess.run(["perf", "stat", "-x,", "-e", ",".join(PERF_EVENTS), "true"],
                          capture_output=True, text=True, check=False)
    return sorted(parse_perf(done.stderr))


def parse_perf(said: str) -> dict[str, int]:
    """The counts by event; without those that are not supported or not allowed."""
    counts = {}
    for line in said.splitlines():
        words = line.split(",")
        if len(words) > 2 and words[0].isdigit() and words[2] in PERF_EVENTS:
            counts[words[2]] = int(words[0])
    return counts


def instructions(bench: Bench, load: loads.Load, contender: processes.Contender,
                 events: list[str]) -> dict:
    if "instructions:u" in events:
        return instructions_by_perf(bench, dataclasses.replace(load, requests=10 * MANY),
                                    contender, events)
    return instructions_by_callgrind(bench, load, contender)


def instructions_by_perf(bench: Bench, load: loads.Load, contender: processes.Contender,
                         events: list[str]) -> dict:
    with bench.start(contender) as running:
        fill(bench, running)
        command = ["perf", "stat", "-x,", "-e", ",".join(events), "-p",
                   ",".join(map(str, running.pids()))]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, preexec_fn=processes.die_with_parent) as perf:
            time.sleep(SETTLE_SECONDS)
            done = bench.apply(load, running)
            perf.send_signal(signal.SIGINT)
            _, said = perf.communicate(timeout=harness.END_SECONDS_MAX)
    counts = parse_perf(said)
    return {"command": done["command"], "how": " ".join(command),
            "instructions": counts["instructions:u"] / done["requests"],
            "kernel_instructions": counts.get("instructions:k", 0) / done["requests"]}


def traced(bench: Bench, load: loads.Load, contender: processes.Contender, requests: int,
           wrapper: tuple[str, ...]) -> str:
    """Runs a server under a tracer, which reports when it ends. Returns the load's command."""
    with bench.start(contender, wrapper) as running:
        fill(bench, running, times=2)  # 86 % of the keys: a tracer is slow
        done = bench.apply(dataclasses.replace(load, requests=requests), running)
        running.stop()
    return done["command"]


def fill_one(bench: Bench, running: processes.Running) -> None:
    bench.apply(loads.Load("paced", "set", 1, requests=10), running)


def instructions_by_callgrind(bench: Bench, load: loads.Load,
                              contender: processes.Contender) -> dict:
    """User-space instructions: those of a run with many requests less those of one with few."""
    totals, command = [], ""
    for requests in (FEW, MANY):
        with tempfile.TemporaryDirectory(prefix="rondo-prove-") as scratch:
            wrapper = ("valgrind", "--tool=callgrind", "--quiet", "--vgdb=no",
                       "--trace-children=yes",
                       f"--callgrind-out-file={scratch}/out.%p")
            pathlib.Path(scratch).chmod(0o777)  # a worker that gives up root writes, too
            command = traced(bench, load, contender, requests, wrapper)
            totals.append(total_in(pathlib.Path(scratch)))
    return {"command": command, "how": "valgrind --tool=callgrind, the difference of two runs",
            "instructions": (totals[1] - totals[0]) / (MANY - FEW)}


def total_in(folder: pathlib.Path) -> int:
    """Instructions of all processes of a server. A helper of h2o's that outlives it is ended, and
    writes nothing."""
    written = [file for file in folder.glob("out.*") if file.stat().st_size > 0]
    if not written:
        raise harness.Failure("callgrind has written nothing")
    return sum(map(tracing.instructions_in, written))


def system_calls(bench: Bench, load: loads.Load, contender: processes.Contender) -> dict:
    found, command = [], ""
    for requests in (FEW, MANY):
        with tempfile.TemporaryDirectory(prefix="rondo-prove-") as scratch:
            output = pathlib.Path(scratch) / "calls"
            command = traced(bench, load, contender, requests, tracing.strace(output))
            found.append(tracing.calls_in(output))
    fewer, more = found
    each = {name: (more.get(name, 0) - fewer.get(name, 0)) / (MANY - FEW)
            for name in {*fewer, *more}}
    return {"command": command, "how": "strace -f -c, the difference of two runs",
            "system_calls": sum(each.values()),
            "by_name": {name: round(count, 4) for name, count in sorted(each.items())
                        if abs(count) >= 0.001}}


def idle_clients(tls: bool, quick: bool) -> int:
    """haproxy counts two descriptors for each."""
    wanted = IDLE_CLIENTS_TLS if tls else IDLE_CLIENTS_QUICK if quick else IDLE_CLIENTS
    limit = harness.raise_descriptor_limit()
    return wanted if limit < 0 else min(wanted, limit // 2 - DESCRIPTORS_BESIDES)


def ask(client: socket.socket, request: bytes) -> None:
    client.sendall(request)
    if not client.recv(64 << 10):
        raise harness.Failure("the server closed an idle client's connection")


def idle_memory(bench: Bench, contender: processes.Contender, tls: bool, clients: int) -> dict:
    """The growth of the server's memory by clients that have asked once and stay. Some have come
    and gone before, so that what does not depend on their number is there. With TLS they stay
    until rondo's layers rest."""
    rest = secure.REST_SECONDS if tls else SETTLE_SECONDS
    context = ssl._create_unverified_context() if tls else None
    with bench.start(contender) as running:
        port = running.tls_port if tls and contender.has_plain else running.port
        request = loads.request_of(running, "hello").encode()

        def connect(stack: contextlib.ExitStack) -> None:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            if context is not None:
                client = stack.enter_context(context.wrap_socket(client))
            ask(client, request)

        with contextlib.ExitStack() as stack:
            for _ in range(WARM_UP_CLIENTS):
                connect(stack)
        time.sleep(SETTLE_SECONDS)
        before, sockets = running.rss(), running.sockets()
        with contextlib.ExitStack() as stack:
            for _ in range(clients):
                connect(stack)
            time.sleep(rest)
            held, after = running.sockets() - sockets, running.rss()
    if held < clients:
        raise harness.Failure(f"it holds {held} of {clients} idle clients")
    return {"how": f"Rss in smaps_rollup, before, and {rest} s after {clients} clients have asked",
            "clients": clients, "idle_bytes": (after - before) / clients,
            "resident_mib": after / MIB}


def restart(bench: Bench, load: loads.Load, contender: processes.Contender) -> dict:
    """SIGTERM, and the same command again, while requests come at a fixed rate."""
    with bench.start(contender) as running:
        fill_one(bench, running)
        with bench.begin(load, running) as tool:
            time.sleep(load.seconds / 2)
            began = time.monotonic()
            running.stop()
            running.start()
            down_ms = (time.monotonic() - began) * 1000
            done = load.parse(tool.output(LOAD_SECONDS_MAX))
        return {"command": bench.command(load, running), **done, "down_ms": down_ms}

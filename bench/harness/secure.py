# SPDX-License-Identifier: MIT
"""The servers with TLS, what they need, and what is counted of them. All connections have TLS 1.3,
AES-128-GCM and a P-256 certificate."""

import contextlib
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import harness
import tracing

CLIENTS = 50
# A handshake has many times the instructions of a message, so there are more messages.
MESSAGES_FEW = 4_000
MESSAGES_MANY = 20_000
IDLE_CLIENTS = 2_000
# A layer rests 4 s after its connection was used last, and what its stream rounds to.
REST_SECONDS = 7
HALF_OPEN = 10_000
SETTLE_SECONDS = 0.5
TLS = ("--tls",)
# The key exchange: what clients prefer, and one whose keys are larger.
GROUPS = ("X25519", "P-256")

INSTRUCTIONS_MAX = 310  # above the bare loop's
CALLS_MAX = 2.03
IDLE_BYTES_MAX = 14 << 10
IDLE_RESIDENT_BYTES_MAX = 15 << 10
HALF_OPEN_BYTES_MAX = 58 << 20
RECORD_BYTES = 5 + 64 + 1 + 16  # a message: header, content, type, tag


@dataclass(frozen=True)
class Certificate:
    chain: str
    key: str


@contextlib.contextmanager
def certificate() -> Iterator[Certificate]:
    """In a folder that goes with the `with` block."""
    with tempfile.TemporaryDirectory() as directory:
        made = Certificate(f"{directory}/chain.pem", f"{directory}/key.pem")
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", "/CN=bench.example", "-keyout", made.key,
             "-out", made.chain], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise harness.Failure(f"no certificate: {done.stderr.strip()}")
        yield made


def is_built(programs: harness.Programs) -> bool:
    return (programs.build / "bench" / "tls_rondo").exists()


def servers(programs: harness.Programs, backends: list[str],
            files: Certificate) -> list[harness.Server]:
    """The bare loop, then rondo on each backend."""
    bare, ours = (str(programs.build / "bench" / name) for name in ("raw_tls", "tls_rondo"))
    return [harness.Server("bare OpenSSL loop", (bare, files.chain, files.key))] + [
        harness.Server(f"rondo {name}, TLS",
                       (ours, "--backend", name, files.chain, files.key), name, "tls")
        for name in programs.backends(backends)]


def proxies(programs: harness.Programs, backends: list[str], files: Certificate,
            target: str) -> list[harness.Server]:
    """The end of TLS before another server, on each backend."""
    program = str(programs.build / "examples" / "proxy")
    return [harness.Server(f"rondo {name}, TLS",
                           (program, "--backend", name, "--tls-cert", files.chain, "--tls-key",
                            files.key, target))
            for name in programs.backends(backends)]


def half_a_hello() -> bytes:
    """The first half of what a client says."""
    output = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), output,
                                                   server_hostname="bench.example")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    said = output.read()
    return said[:len(said) // 2]


def memory_of_half_open(running: harness.RunningServer, says: bytes) -> int:
    """Bytes by which the server grows while so many clients are silent, or say only that."""
    host, port = running.endpoint.rsplit(":", 1)
    before = running.rss()
    with contextlib.ExitStack() as stack:
        for _ in range(HALF_OPEN):
            client = stack.enter_context(socket.create_connection((host, int(port))))
            if says:
                client.sendall(says)
        time.sleep(SETTLE_SECONDS)
        held = len(os.listdir(f"/proc/{running.pid}/fd")) - running.descriptors
        if held < HALF_OPEN:
            raise harness.Failure(f"{running.server.name} holds {held} of {HALF_OPEN} clients")
        return running.rss() - before


def memory_of(running: harness.RunningServer) -> tuple[int, int]:
    """Bytes in use and resident, once what was freed has been given back to the system."""
    os.kill(running.pid, signal.SIGUSR1)
    said = running.process.stdout.readline()
    if not said.startswith("in use: "):
        raise harness.Failure(f"{running.server.name} does not tell its memory")
    return int(said.split()[-1]), running.rss()


def idle_bytes(programs: harness.Programs, running: harness.RunningServer,
               group: str) -> tuple[float, float]:
    """Memory of an idle connection once its layer rests, in use and resident. All connect at once,
    so what their handshakes leave, between blocks that stay, are parts of pages."""
    load = (*TLS, "--group", group)
    harness.exchange(programs, running.endpoint, harness.WARM_UP_CLIENTS,
                     harness.WARM_UP_MESSAGES, load)
    before = memory_of(running)
    with harness.HeldClients(programs, running, IDLE_CLIENTS, load=load) as held:
        time.sleep(REST_SECONDS)
        used, resident = (after - first for after, first in zip(memory_of(running), before))
        return used / held.connected, resident / held.connected


def measure(programs: harness.Programs, server: harness.Server) -> dict:
    counts = (MESSAGES_FEW, MESSAGES_MANY)
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        instructions, functions = tracing.instructions_for_each(programs, server, scratch, CLIENTS,
                                                                counts, TLS)
        calls = tracing.calls_for_each(programs, server, scratch, CLIENTS, counts, TLS)
    measured = {
        "name": server.name, "style": server.style, "calls": sum(calls.values()),
        "by_name": {name: round(each, 4) for name, each in calls.items() if round(each, 2) != 0},
        "instructions": instructions, "functions": functions,
    }
    if not server.style:
        return measured
    for group in GROUPS:
        with harness.RunningServer(server) as running:
            measured[group] = idle_bytes(programs, running, group)
    for what, says in (("silent", b""), ("half a hello", half_a_hello())):
        with harness.RunningServer(server) as running:
            measured[what] = memory_of_half_open(running, says)
    return measured


def measure_all(programs: harness.Programs, backends: list[str],
                progress: Callable[[str], None]) -> list[dict]:
    """Empty if there is no OpenSSL."""
    if not is_built(programs):
        programs.missing.append("TLS")
        return []
    measured = []
    with certificate() as files:
        for server in servers(programs, backends, files):
            progress(server.name)
            measured.append(measure(programs, server))
    return measured


def budgets(measured: list[dict]) -> list[tuple[str, float, float]]:
    """What, how much, and how much is allowed."""
    if not measured:
        return []
    bare = measured[0]["instructions"]
    found = []
    for each in measured[1:]:
        name = each["name"]
        found += [
            (f"{name}, instructions per message above the bare loop's",
             each["instructions"] - bare, INSTRUCTIONS_MAX),
            (f"{name}, system calls per message", each["calls"], CALLS_MAX),
            *((f"{name}, bytes {what} per idle connection, {group}", value, most)
              for group in GROUPS for what, value, most in zip(
                  ("in use", "resident"), each[group], (IDLE_BYTES_MAX, IDLE_RESIDENT_BYTES_MAX))),
            (f"{name}, bytes of {HALF_OPEN:,} silent clients", each["silent"],
             HALF_OPEN_BYTES_MAX),
            (f"{name}, bytes of {HALF_OPEN:,} clients with half a hello", each["half a hello"],
             HALF_OPEN_BYTES_MAX),
        ]
    return found


def report(measured: list[dict]) -> str:
    rows = [["TLS", "instructions/message", "above the bare loop's", "calls/message",
             "bytes/idle connection", "resident", "with P-256", f"MiB of {HALF_OPEN:,} silent",
             "with half a hello"]]
    for each in measured:
        row = [each["name"], f"{each['instructions']:.0f}",
               f"{each['instructions'] - measured[0]['instructions']:.0f}", f"{each['calls']:.3f}"]
        if each["style"]:
            row += [*(f"{value:.0f}" for value in (*each[GROUPS[0]], each[GROUPS[1]][0])),
                    *(f"{each[what] / 2**20:.1f}" for what in ("silent", "half a hello"))]
        rows.append(row + ["-"] * (len(rows[0]) - len(row)))
    return harness.table(rows)

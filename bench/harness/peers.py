# SPDX-License-Identifier: MIT
"""The echo servers that rondo is compared with, by layer: what a program that uses the loop writes.

handler: it is told that a descriptor is ready, and reads and writes itself. session: it is told of
data, and the loop reads, writes, and keeps what the kernel does not take. coroutine: the same, in
C++20 coroutines. A bare loop on the kernel's own calls is the floor of all of them, and Python is a
layer of its own.
"""

import dataclasses
import pathlib
import subprocess
import sys
from dataclasses import dataclass

import harness

FLOOR = "floor"
PYTHON = "Python"
DATAGRAM = "datagram"
RAW_EPOLL = "raw epoll loop"
IO_URING = "raw io_uring loop"
LAYERS = (FLOOR, *harness.ECHO_STYLES, PYTHON, DATAGRAM)
ASYNCIO = pathlib.Path(__file__).resolve().parents[1] / "servers" / "peer_asyncio.py"
# Debian's uvloop is for Debian's Python, which may not be the one that runs this.
PYTHONS = (sys.executable, "/usr/bin/python3")


@dataclass(frozen=True)
class Peer:
    name: str
    layer: str
    program: str
    poller: str = ""
    has_own_buffers: bool = False  # one in each connection, so the size of them is an option


PEERS = (
    Peer(RAW_EPOLL, FLOOR, "raw_epoll", "epoll"),
    Peer(IO_URING, FLOOR, "raw_uring"),
    Peer("libuv, uv_poll", "handler", "raw_uv", "uv"),
    Peer("libev", "handler", "peer_libev"),
    Peer("libevent, events", "handler", "peer_libevent"),
    Peer("libuv, uv_tcp", "session", "peer_uv_tcp"),
    Peer("libevent, bufferevents", "session", "peer_bufferevent"),
    Peer("Asio, callbacks", "session", "peer_asio", has_own_buffers=True),
    Peer("POCO", "session", "peer_poco"),
    Peer("Asio, coroutines", "coroutine", "peer_asio_coroutines", has_own_buffers=True),
    Peer("libuv, UDP", DATAGRAM, "uv_udp"),
    Peer("Asio, UDP", DATAGRAM, "peer_asio_udp"),
)
OWN_BUFFERS = {peer.name for peer in PEERS if peer.has_own_buffers}


def has_uvloop(python: str) -> bool:
    return pathlib.Path(python).exists() and subprocess.run(
        [python, "-c", "import uvloop"], capture_output=True, check=False).returncode == 0


def of_python(programs: harness.Programs) -> list[harness.Server]:
    """asyncio and uvloop, with TCP and with UDP, on the same Python."""
    able = [python for python in PYTHONS if has_uvloop(python)]
    kinds: dict[str, tuple[str, ...]] = {"asyncio": ()}
    if able:
        kinds["uvloop"] = ("--uvloop",)
    else:
        programs.missing.append("uvloop")
    found = []
    for name, options in kinds.items():
        command = ((able or PYTHONS)[0], str(ASYNCIO), *options)
        found += [harness.Server(name, command, layer=PYTHON),
                  harness.Server(f"{name}, UDP", (*command, "--udp"), layer=DATAGRAM)]
    return found


def is_python(server: harness.Server) -> bool:
    return str(ASYNCIO) in server.command


def all_peers(programs: harness.Programs) -> list[harness.Server]:
    """Those that are built or installed."""
    found = programs.present([(peer.name, peer.program, peer.poller) for peer in PEERS])
    layers = {peer.name: peer.layer for peer in PEERS}
    return [dataclasses.replace(server, layer=layers[server.name])
            for server in found] + of_python(programs)


def rondo(programs: harness.Programs, backends: tuple[str, ...],
          styles: tuple[str, ...]) -> list[harness.Server]:
    """rondo's echo in these styles, and its UDP echo, on each of these backends."""
    program = str(programs.build / "examples" / "udp_echo")
    servers = programs.rondo(backends, styles or tuple(harness.ECHO_STYLES))
    return [dataclasses.replace(server, layer=server.style) for server in servers] + [
        harness.Server(f"rondo {name}, UDP", (program, "--backend", name), name, "udp", DATAGRAM)
        for name in programs.backends(backends)]


def with_buffers(server: harness.Server, size: int) -> harness.Server:
    """With read buffers of that size, if it has one in each connection."""
    if server.name not in OWN_BUFFERS:
        return server
    return dataclasses.replace(server, command=(*server.command, "--buffer", str(size)))

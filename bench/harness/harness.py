# SPDX-License-Identifier: MIT
"""What bench/run and bench/costs share: their build, the echo servers, the load generator, and the
measuring of what they use."""

import json
import os
import pathlib
import re
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

START_SECONDS_MAX = 30  # a server under valgrind is slow
END_SECONDS_MAX = 20
LOAD_SECONDS_MAX = 180
LOOK_SECONDS = 0.01
DESCRIPTORS_BESIDES_CLIENTS = 64
WARM_UP_CLIENTS = 100
WARM_UP_MESSAGES = 2000

# How examples/echo is started in each style. Every message moves a session's timeout.
ECHO_STYLES = {
    "handler": ("--style", "handler"),
    "session": ("--style", "session", "--idle-timeout", "60"),
    "coroutine": ("--style", "coroutine", "--idle-timeout", "60"),
}


BACKENDS = ("epoll", "uv", "kqueue")  # a build may lack some

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Failure(Exception):
    """Something could not be measured; the text says what."""


def prepared(build: pathlib.Path | None, next_step: str) -> pathlib.Path:
    """The release build in build/, up to date, unless another is given. Says before what it does,
    and what follows."""
    if build is None:
        print("installs what is missing; builds what is not up to date, which takes some minutes "
              f"the first time; then {next_step}", file=sys.stderr, flush=True)
        if subprocess.run([ROOT / "bench" / "prepare"], stdout=sys.stderr, check=False).returncode:
            raise Failure("the benchmarks could not be built")
    return build or ROOT / "build"


@dataclass(frozen=True)
class Server:
    """An echo server that can be started."""

    name: str
    command: tuple[str, ...]
    poller: str = ""  # selects the raw loop that it is compared with
    style: str = ""  # empty unless it is rondo's echo
    layer: str = ""  # what a program on it writes, see peers.py

    @property
    def is_raw(self) -> bool:
        return bool(self.poller) and not self.style


@dataclass
class Programs:
    """The programs of a build directory."""

    build: pathlib.Path
    missing: list[str] = field(default_factory=list)

    @property
    def load(self) -> str:
        return str(self.build / "bench" / "load")

    def built_backends(self) -> list[str]:
        """The `backends` variable of the build's rondo.pc, the default first."""
        file = self.build / "meson-private" / "rondo.pc"
        if not file.exists():
            raise Failure(f"{self.build} is not a build of rondo")
        text = file.read_text()
        found = re.search(r"^backends\s*=\s*(.*)$", text, re.MULTILINE)
        if not found:
            raise Failure("no backends in the build's rondo.pc")
        return found.group(1).replace("\\", "").split()

    def backends(self, wanted: Iterable[str]) -> list[str]:
        """Those that are named, or else all that are built."""
        built = self.built_backends()
        for name in wanted:
            if name not in built:
                raise Failure(f"no such backend: {name} (built: {', '.join(built)})")
        return list(wanted) or built

    def rondo(self, backends: Iterable[str], styles: Iterable[str] = ("handler",)) -> list[Server]:
        """The echo of each style on each backend; if none is named, on all that are built."""
        echo = str(self.build / "examples" / "echo")
        return [
            Server(f"rondo {name}" if style == "handler" else f"rondo {name}, {style}",
                   (echo, "--backend", name, *ECHO_STYLES[style]), name, style)
            for style in styles for name in self.backends(backends)
        ]

    def raw(self) -> list[Server]:
        return self.present([("raw epoll loop", "raw_epoll", "epoll"),
                              ("raw uv_poll loop", "raw_uv", "uv")])

    def udp(self, backends: Iterable[str]) -> list[Server]:
        """udp_echo on each backend, and libuv's."""
        program = str(self.build / "examples" / "udp_echo")
        ours = [Server(f"rondo {name}, UDP", (program, "--backend", name), "uv", "udp")
                for name in self.backends(backends)]
        return ours + self.present([("libuv, UDP", "uv_udp", "uv")])

    def peers(self) -> list[Server]:
        return self.present([("libev", "peer_libev", ""), ("libevent", "peer_libevent", "")])

    def present(self, wanted: list[tuple[str, str, str]]) -> list[Server]:
        servers = []
        for name, program, poller in wanted:
            path = self.build / "bench" / program
            if path.exists():
                servers.append(Server(name, (str(path),), poller))
            elif name not in self.missing:
                self.missing.append(name)
        return servers


def raise_descriptor_limit() -> int:
    """Raises the soft limit to the hard one, for us and our children. Returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def clients_that_fit(wanted: int) -> int:
    limit = raise_descriptor_limit()
    fitting = limit if limit == resource.RLIM_INFINITY else limit - DESCRIPTORS_BESIDES_CLIENTS
    return wanted if fitting < 0 else min(wanted, fitting)


def end(process: subprocess.Popen) -> int:
    """Terminates the process, then kills it. Returns its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


class RunningServer:
    """Started on a free port; ends with the `with` block."""

    def __init__(self, server: Server, wrapper: tuple[str, ...] = (), core: int | None = None):
        self.server = server
        self.descriptors = 0  # while it has no clients
        self.process = subprocess.Popen(
            [*wrapper, *server.command, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True)
        try:
            if core is not None:
                os.sched_setaffinity(self.process.pid, {core})
            self.endpoint = self._wait_until_it_listens()
            self.descriptors = self._count_descriptors()
        except BaseException:
            end(self.process)
            raise

    def _wait_until_it_listens(self) -> str:
        deadline = time.monotonic() + START_SECONDS_MAX
        while select.select([self.process.stdout], [], [], deadline - time.monotonic())[0]:
            line = self.process.stdout.readline()
            if line.startswith("listening on "):
                return line.split()[-1]
            if not line:
                break
        raise Failure(f"{self.server.name} did not start")

    @property
    def pid(self) -> int:
        """The server's own process, also if a tracer was started around it."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = children.read_text().split()
        return int(found[0]) if found else self.process.pid

    def rss(self) -> int:
        """Bytes in memory, counted exactly."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024

    def _count_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def terminate(self) -> None:
        """Ends the server itself, after it has seen all its clients leave, so that a tracer around
        it can write its report, which is then the same each time."""
        deadline = time.monotonic() + END_SECONDS_MAX
        while self._count_descriptors() > self.descriptors and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        os.kill(self.pid, signal.SIGTERM)
        self.process.wait(END_SECONDS_MAX)

    def __enter__(self) -> "RunningServer":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None and self.pid != self.process.pid:
            os.kill(self.pid, signal.SIGTERM)  # a tracer that ends leaves the server running
        end(self.process)
        self.process.stdout.close()


def exchange(programs: Programs, endpoint: str, clients: int, messages: int,
             load: tuple[str, ...] = ()) -> dict:
    """Runs a load of so many messages to its end; `load` has more arguments for the generator."""
    done = subprocess.run(
        [programs.load, "--connect", endpoint, "--clients", str(clients), "--messages",
         str(messages), *load],
        stdout=subprocess.PIPE, text=True, timeout=LOAD_SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise Failure(f"the load generator failed at {endpoint}")
    return json.loads(done.stdout)


def warm_up(programs: Programs, endpoint: str) -> None:
    """Makes a server touch, once, the memory that does not depend on the number of clients."""
    exchange(programs, endpoint, WARM_UP_CLIENTS, WARM_UP_MESSAGES)


class HeldClients:
    """Clients that stay connected, and exchange messages on request, until the `with` block ends.
    `server` has an endpoint and a pid; `load` has more arguments for the generator."""

    def __init__(self, programs: Programs, server: RunningServer, clients: int,
                 core: int | None = None, warm_up_seconds: float = 0.3, size: int = 64,
                 load: tuple[str, ...] = ()):
        self.process = subprocess.Popen(
            [programs.load, "--idle", "--connect", server.endpoint, "--clients", str(clients),
             "--size", str(size), "--warm-up", str(warm_up_seconds),
             "--server-pid", str(server.pid), *load],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if core is not None:
                os.sched_setaffinity(self.process.pid, {core})
            self.connected = self._answer()["connected"]
        except BaseException:
            end(self.process)
            raise

    def _answer(self) -> dict:
        if not select.select([self.process.stdout], [], [], LOAD_SECONDS_MAX)[0]:
            raise Failure("the load generator does not answer")
        line = self.process.stdout.readline()
        if not line:
            raise Failure("the load generator has ended")
        return json.loads(line)

    def measure(self, seconds: float) -> dict:
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self._answer()

    def __enter__(self) -> "HeldClients":
        return self

    def __exit__(self, *_) -> None:
        try:
            self.process.stdin.close()
            self.process.wait(END_SECONDS_MAX)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            pass
        end(self.process)
        self.process.stdout.close()


def bytes_per_idle_connection(programs: Programs, server: RunningServer,
                              clients: int) -> tuple[float, int]:
    """The growth of the server's memory for each of so many connections, and their number."""
    warm_up(programs, server.endpoint)
    before = server.rss()
    with HeldClients(programs, server, clients) as held:
        return (server.rss() - before) / held.connected, held.connected


def table(rows: list[list[str]]) -> str:
    """Aligns the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)

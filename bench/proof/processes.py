# SPDX-License-Identifier: MIT
"""A server under test: started on a core and a port, observed, and ended whatever happens."""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

import harness

PATHS = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
START_SECONDS_MAX = 60  # under valgrind, on a busy machine
END_SECONDS_MAX = 10
LOOK_SECONDS = 0.002
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def find(program: str) -> str | None:
    return shutil.which(program, path=PATHS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def pinned(core: int | None) -> tuple[str, ...]:
    """What comes before a command, so that it, and its children, run on that core."""
    return () if core is None else ("taskset", "-c", str(core))


def die_with_parent() -> None:
    """Between fork and exec: the child does not outlive a bench/prove that is killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True)
class Contender:
    """A server that can be started. `command` and `files` contain {port}, {scratch}, {chain} and
    {key}; `files` are written to the scratch folder first."""

    name: str
    product: str  # the same for several ways to run one program
    command: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()
    is_ours: bool = False
    has_plain: bool = True  # false: its port has TLS, and there is no other
    protocol: str = "http"
    paths: tuple[tuple[str, str], ...] = ()  # what a scenario asks for: its path here
    lacks: tuple[str, ...] = ()  # scenarios that it cannot serve

    def path_of(self, scenario: str) -> str:
        return dict(self.paths).get(scenario, "/hello")


class Running:
    """Ends with the `with` block."""

    def __init__(self, contender: Contender, core: int | None, places: dict[str, str],
                 wrapper: tuple[str, ...] = ()):
        self.contender = contender
        self.scratch = tempfile.TemporaryDirectory(prefix="rondo-prove-")
        self.core = core
        self.wrapper = wrapper
        self.port = free_port()
        self.tls_port = free_port()
        self.values = {"port": str(self.port), "tls_port": str(self.tls_port),
                       "scratch": self.scratch.name, **places}
        os.chmod(self.scratch.name, 0o755)  # a server that gives up root reads it
        for name, text in contender.files:
            (pathlib.Path(self.scratch.name) / name).write_text(self.fill(text))
        self.process = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def fill(self, text: str) -> str:
        for name, value in self.values.items():
            text = text.replace("{" + name + "}", value)
        return text

    @property
    def command(self) -> list[str]:
        return [*pinned(self.core), *self.wrapper,
                *(self.fill(word) for word in self.contender.command)]

    def start(self) -> None:
        log = open(pathlib.Path(self.scratch.name) / "said", "ab")
        with log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent, cwd=self.scratch.name)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(LOOK_SECONDS)
        raise harness.Failure(f"{self.contender.name} did not start: {self.last_words()}")

    def last_words(self) -> str:
        said = (pathlib.Path(self.scratch.name) / "said").read_text(errors="replace").split("\n")
        return " | ".join([line for line in said if line][-3:]) or "it said nothing"

    def pids(self) -> list[int]:
        """The server's processes, without a tracer that was started around it."""
        found = [self.process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
                found += [int(each) for each in text.split()]
        return found[1:] if self.wrapper[:1] == ("strace",) else found

    def cpu_ns(self) -> int:
        """What the kernel has accounted to all threads."""
        total = 0
        for pid in self.pids():
            for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(OSError):
                    total += int(file.read_text().split()[0])
        return total

    def sockets(self) -> int:
        return sum(os.readlink(file).startswith("socket:") for pid in self.pids()
                   for file in pathlib.Path(f"/proc/{pid}/fd").iterdir())

    def rss(self) -> int:
        """Bytes in memory, of all processes; pages that they share count for each."""
        total = 0
        for pid in self.pids():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Rss:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024
        return total

    def stop(self) -> None:
        """SIGTERM to the server itself, as a service manager sends it; a tracer then reports."""
        if self.process.poll() is not None:
            return
        with contextlib.suppress(IndexError, ProcessLookupError):
            os.kill(self.pids()[0], signal.SIGTERM)
        try:
            self.process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        if self.process is not None:
            try:
                self.stop()
            finally:
                with contextlib.suppress(ProcessLookupError):  # also workers that it left
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.scratch.cleanup()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Tool:
    """A load generator at work on its core; ends with the `with` block."""

    def __init__(self, command: list[str], core: int | None):
        self.name = command[0]
        self.process = subprocess.Popen([*pinned(core), *command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=die_with_parent)

    def output(self, seconds_max: float) -> str:
        try:
            said, complaint = self.process.communicate(timeout=seconds_max)
        except subprocess.TimeoutExpired as late:
            raise harness.Failure(f"{self.name} took more than {seconds_max:.0f} s") from late
        if self.process.returncode != 0:
            raise harness.Failure(f"{self.name} failed: {(complaint or said).strip()[-200:]}")
        return said

    def __enter__(self) -> "Tool":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()

# SPDX-License-Identifier: MIT
"""The scenario `proxy`: examples/proxy beside haproxy in TCP mode, both before the same echo
server, which shares the core of the load."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import harness
import rounds

HAPROXY_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
BACKLOG = 4096
CONNECTIONS_MAX = 4096
HAPROXY = "haproxy"
# With its default buffers, with buffers of rondo's size, and moving pages instead of bytes.
HAPROXY_KINDS = {
    HAPROXY: ((), ()),
    "haproxy, 64 KiB buffers": (("tune.bufsize 65536",), ()),
    "haproxy, splice": ((), ("option splice-request", "option splice-response")),
}
CONFIGURATION = """\
global
  nbthread 1
  maxconn {connections}
  {of_process}
defaults
  mode tcp
  option tcp-smart-accept
  option tcp-smart-connect
  {of_proxy}
  timeout connect 10s
  timeout client 300s
  timeout server 300s
listen proxy
  bind fd@{fd}
  maxconn {connections}
  server echo {target}
"""


class RunningHaproxy:
    """In the foreground, on a free port; ends with the `with` block."""

    def __init__(self, program: str, name: str, target: str, core: int | None):
        of_process, of_proxy = HAPROXY_KINDS[name]
        self.name = name
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0),
                                                                backlog=BACKLOG))
            host, port = listener.getsockname()
            self.endpoint = f"{host}:{port}"
            self.scratch = tempfile.TemporaryDirectory()
            file = pathlib.Path(self.scratch.name) / "haproxy.cfg"
            file.write_text(CONFIGURATION.format(
                connections=CONNECTIONS_MAX, of_process="\n  ".join(of_process),
                of_proxy="\n  ".join(of_proxy), fd=listener.fileno(), target=target))
            self.process = subprocess.Popen([program, "-db", "-q", "-f", str(file)],
                                            pass_fds=(listener.fileno(),))
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})

    @property
    def pid(self) -> int:
        return self.process.pid

    def __enter__(self) -> "RunningHaproxy":
        return self

    def __exit__(self, *_) -> None:
        harness.end(self.process)
        self.scratch.cleanup()


def start_all(stack: contextlib.ExitStack, request: rounds.Request, target: str) -> list:
    program = str(request.programs.build / "examples" / "proxy")
    proxies = [
        request.start(
            stack, harness.Server(f"rondo {backend}", (program, "--backend", backend, target)))
        for backend in request.programs.backends(request.backends)
    ]
    haproxy = shutil.which("haproxy", path=HAPROXY_PATH)
    if haproxy is None:
        request.programs.missing.append("haproxy")
        return proxies
    return proxies + [
        stack.enter_context(RunningHaproxy(haproxy, name, target, request.server_core))
        for name in HAPROXY_KINDS
    ]


def report(contenders: list[rounds.Contender], size: int) -> str:
    theirs = [c for c in contenders if c.name in HAPROXY_KINDS]
    rows = [["", "messages/s", "MB/s", "CPU us/message", "p99 ms",
             *(f"{what} x {c.name}" for c in theirs for what in ("messages", "CPU"))]]
    for c in contenders:
        rate = c.median("messages_per_second")
        ratios = [rounds.shown_ratio(c, other, key) for other in theirs
                  for key in ("messages_per_second", "server_cpu_ns_per_message")]
        rows.append([c.name, f"{rate:,.0f}", f"{rate * size / 1e6:,.1f}",
                     f"{c.median('server_cpu_ns_per_message') / 1000:.2f}",
                     f"{c.median('p99_us') / 1000:.2f}", *ratios])
    # Transposed: there are fewer proxies than figures.
    return harness.table([list(column) for column in zip(*rows)])


def run(request: rounds.Request) -> None:
    programs = request.programs
    echo = programs.rondo(["epoll"] if "epoll" in programs.built_backends() else [])[0]
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(harness.RunningServer(echo, core=request.load_core)).endpoint
        proxies = start_all(stack, request, target)
        for size in request.sizes:
            with contextlib.ExitStack() as loads:
                contenders = [
                    rounds.Contender(getattr(proxy, "name", None) or proxy.server.name,
                                     loads.enter_context(request.hold(proxy, size)))
                    for proxy in proxies
                ]
                rounds.run_rounds(contenders, request.rounds, request.progress)
            print(f"\n{request.clients} clients, {size}-byte messages there and back, one in "
                  f"flight each; medians of {request.rounds}\ninterleaved rounds of "
                  f"{rounds.WINDOW_SECONDS:.0f} s\n")
            print(report(contenders, size))
    print("\nMB/s: in one direction. CPU: of the proxy. x: median of the ratios of each round.")

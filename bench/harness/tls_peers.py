# SPDX-License-Identifier: MIT
"""Other ends of TLS before a plain server: nginx, stunnel4 and hitch, each with one thread for its
clients where it has a choice, on one core, with TLS 1.3."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import harness
import secure

PATHS = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
STREAM_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")
CONNECTIONS_MAX = 16_384

NGINX = """\
load_module {module};
daemon off;
master_process off;
pid {scratch}/pid;
error_log stderr crit;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
stream {{
  server {{
    listen {host}:{port} ssl backlog=4096;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    tcp_nodelay on;
    proxy_pass {target};
  }}
}}
"""
STUNNEL = """\
foreground = quiet
pid =
debug = 3
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[tls]
accept = {host}:{port}
connect = {target}
cert = {both}
sslVersion = TLSv1.3
"""
HITCH = """\
frontend = {{
  host = "{host}"
  port = "{port}"
}}
backend = "[{target_host}]:{target_port}"
pem-file = "{both}"
workers = 1
daemon = off
quiet = on
backlog = 4096
tls-protos = TLSv1.3
user = "www-data"
"""
PEERS = {
    "nginx": (NGINX, ("-c",)),
    "stunnel4": (STUNNEL, ()),
    "hitch": (HITCH, ("--config",)),
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class RunningPeer:
    """In the foreground; ends with the `with` block."""

    def __init__(self, name: str, program: str, target: str, files: secure.Certificate,
                 core: int | None):
        self.name = name
        self.scratch = tempfile.TemporaryDirectory()
        port = free_port()
        self.endpoint = f"127.0.0.1:{port}"
        both = pathlib.Path(self.scratch.name) / "both.pem"
        both.write_text(pathlib.Path(files.chain).read_text() +
                        pathlib.Path(files.key).read_text())
        text, words = PEERS[name]
        file = pathlib.Path(self.scratch.name) / "conf"
        target_host, target_port = target.rsplit(":", 1)
        file.write_text(text.format(
            module=STREAM_MODULE, scratch=self.scratch.name, descriptors=CONNECTIONS_MAX,
            host="127.0.0.1", port=port, chain=files.chain, key=files.key, both=both,
            target=target, target_host=target_host, target_port=target_port))
        self.process = subprocess.Popen([program, *words, str(file)], stderr=subprocess.DEVNULL)
        try:
            self._wait_until_it_listens(port)
            if core is not None:
                for pid in {self.process.pid, self.pid}:
                    os.sched_setaffinity(pid, {core})
        except BaseException:
            self.__exit__()
            raise

    def _wait_until_it_listens(self, port: int) -> None:
        deadline = time.monotonic() + harness.END_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return
            time.sleep(harness.LOOK_SECONDS)
        raise harness.Failure(f"{self.name} did not start")

    @property
    def pid(self) -> int:
        """hitch serves in a child."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = children.read_text().split()
        return int(found[0]) if found else self.process.pid

    rss = harness.RunningServer.rss

    def __enter__(self) -> "RunningPeer":
        return self

    def __exit__(self, *_) -> None:
        harness.end(self.process)
        self.scratch.cleanup()


def start_all(stack: contextlib.ExitStack, programs: harness.Programs, target: str,
              files: secure.Certificate, core: int | None) -> list[RunningPeer]:
    """Those that are installed."""
    running = []
    for name in PEERS:
        program = shutil.which(name, path=PATHS)
        if program is None or (name == "nginx" and not STREAM_MODULE.exists()):
            programs.missing.append(name)
            continue
        running.append(stack.enter_context(RunningPeer(name, program, target, files, core)))
    return running

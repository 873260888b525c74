# SPDX-License-Identifier: MIT
"""The examples as programs: what the tests that start them share."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
EXAMPLES = BUILD / "examples"
TESTS = BUILD / "tests"
SECONDS_MAX = 30
PATHS = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"  # where servers are, too
MUCH = os.urandom(8 << 20)


def backends():
    text = (BUILD / "meson-private" / "rondo.pc").read_text()
    line = next(line for line in text.splitlines() if line.startswith("backends="))
    return line.partition("=")[2].replace("\\", "").split()


def on(backend):
    return {**os.environ, "RONDO_BACKEND": backend}


@contextlib.contextmanager
def running(backend, name, *arguments, folder=EXAMPLES, **more):
    """A server, and the address that it says it listens on: (host, port), or what is behind
    `unix:`."""
    command = [folder / name, *arguments]
    with subprocess.Popen(command, env=on(backend), stdout=subprocess.PIPE, text=True,
                          **more) as process:
        try:
            said = process.stdout.readline()
            if not said.startswith("listening on "):
                raise AssertionError(f"{name} said {said!r}")
            host, _, port = said.removeprefix("listening on ").strip().rpartition(":")
            yield process, ((host.strip("[]"), int(port)) if host != "unix" else port)
        finally:
            process.kill()


def run(backend, name, *arguments, **more):
    return subprocess.run([EXAMPLES / name, *arguments], env=on(backend), text=True,
                          capture_output=True, timeout=SECONDS_MAX, **more)


def connect(address):
    return socket.create_connection(address, SECONDS_MAX)


class Dialogue:
    """A connection whose answers are read one by one, from its file."""

    def __init__(self, connected):
        self.socket = connected
        self.file = connected.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()


@contextlib.contextmanager
def unanswered_address():
    """An address without a listener: it is bound only."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*bound.getsockname())


def receive_all(client):
    received = bytearray()
    while data := client.recv(1 << 16):
        received += data
    return bytes(received)


def send_all_aside(client, data):
    """From another thread: both directions may be full."""
    def send():
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
    thread = threading.Thread(target=send)
    thread.start()
    return thread


def needs(program):
    """Skips a test if a program of another project is missing."""
    return unittest.skipUnless(shutil.which(program, path=PATHS), f"{program} is not installed")


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@unittest.skipUnless((EXAMPLES / "echo").exists(), "the examples were not built")
class ExamplesTest(unittest.TestCase):
    def on_every_backend(self):
        for backend in backends():
            with self.subTest(backend=backend):
                yield backend

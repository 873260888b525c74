# SPDX-License-Identifier: MIT
"""What the tests of an installed rondo share: the install below a scratch folder, compilers, and a
client for the echo server of the README."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
PREFIX = "usr/local"
SECONDS_MAX = 300
COMPILERS = [name for name in ("g++", "clang++-19") if shutil.which(name)]
ECHO = re.search(r"^```cpp server\n(.*?)^```", (TOP / "README.md").read_text(), re.M | re.S)[1]


def snippet(words):
    """The block of docs/building.md that is marked by these words."""
    page = (TOP / "docs" / "building.md").read_text()
    return re.search(rf"^```{re.escape(words)}\n(.*?)^```", page, re.M | re.S)[1]


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=SECONDS_MAX, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def talk_to(program, *arguments, **options):
    """Starts an echo server and talks to it."""
    with subprocess.Popen([program, "127.0.0.1:0", *arguments], stdout=subprocess.PIPE, text=True,
                          **options) as server, contextlib.ExitStack() as at_end:
        at_end.callback(server.kill)  # before Popen waits for it, also after a failure
        port = int(server.stdout.readline().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), SECONDS_MAX) as client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as answer:
                return answer.read()


class Installed(unittest.TestCase):
    """Installs the build once for all cases of the class."""

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = Path(scratch.name).resolve()
        cls.root = cls.scratch / "root"
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.root)
        cls.pc = next(cls.root.rglob("rondo.pc"))
        cls.lib = cls.pc.parent.parent
        cls.include = next(cls.root.rglob("rondo/rondo.h")).parent
        cls.prefix = cls.include.parent.parent

# SPDX-License-Identifier: MIT
"""Runs a program in a session of its own, and shows how far it has come. Nothing that it starts
outlives it: Linux makes the children of ended processes children of the runner."""

import contextlib
import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 10  # for meson and ninja to end the programs that they have started
LINE_SECONDS, TERMINAL_SECONDS, LOOK_SECONDS = 10, 0.2, 0.5
_COUNT = re.compile(rb"[ \[]*(\d+)/(\d+)[\] ]")  # as ninja, meson test and clang-tidy do
_BAD_END = re.compile(rb" (FAIL|TIMEOUT|ERROR) ")


class Progress:
    """On a terminal a line that changes, elsewhere a line every LINE_SECONDS."""

    def __init__(self, what):
        self.what, self.count, self.failures, self.rest = what, "", 0, b""
        self.begun = self.shown = time.monotonic()

    def look(self, piece):
        """At the output of the program since the last look, which may be nothing."""
        *lines, self.rest = (self.rest + piece).split(b"\n")
        for line in lines:
            if found := _COUNT.match(line):
                unit = "steps" if line.startswith(b"[") else "programs"
                self.count = f": {int(found[1]):,} of {int(found[2]):,} {unit}"
                self.failures += bool(_BAD_END.search(line))
        now, terminal = time.monotonic(), sys.stdout.isatty()
        if now - self.shown >= (TERMINAL_SECONDS if terminal else LINE_SECONDS):
            self.shown = now
            text = f"{self} ({now - self.begun:.0f} s)"
            print(f"\r\033[K{text}" if terminal else text, end="" if terminal else "\n", flush=True)

    def clear(self):
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)

    def __str__(self):
        return f"{self.what}{self.count}" + (f", {self.failures} failed" if self.failures else "")


@dataclass
class Finished:
    output: str  # both streams
    why: str = ""  # the program failed; an empty string if it did not


def describe(code):
    """`code` is a return code of subprocess: negative if a signal ended the program."""
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def run(command, *, env=None, cwd=None, seconds=1800, progress=None):
    """Waits for `command`, whose environment is the runner's with `env` added. If the runner is
    interrupted, the program is ended first."""
    child = subprocess.Popen(
        [str(word) for word in command], env={**os.environ, **(env or {})}, cwd=cwd,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True)
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    why, output, limit = "", [], time.monotonic() + seconds
    try:
        for piece in pieces(child.stdout.fileno(), limit):
            output.append(piece)
            if progress:
                progress.look(piece)
        child.wait(max(0, limit - time.monotonic()))
    except subprocess.TimeoutExpired:
        why = f"reached its time limit, {seconds} s"
    finally:
        end(child)  # or what it left behind
        child.stdout.close()
        if progress:
            progress.clear()
    text = b"".join(output).decode(errors="replace")
    return Finished(text, why or (describe(child.returncode) if child.returncode else ""))


def pieces(fd, limit):
    """What is read until the end of the input or the time limit; an empty piece now and then."""
    while (left := limit - time.monotonic()) > 0:
        if not select.select([fd], [], [], min(left, LOOK_SECONDS))[0]:
            yield b""
        elif piece := os.read(fd, 1 << 16):
            yield piece
        else:
            return


def end(child):
    """Ends the session of `child`, which may itself have ended, and what is left of others."""
    for number in (signal.SIGTERM, signal.SIGKILL) if child.poll() is None else (signal.SIGKILL,):
        with contextlib.suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            os.killpg(child.pid, number)
            child.wait(GRACE_SECONDS)
    while left := children():
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def children():
    """Those of this thread, if the system says which."""
    listed = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []

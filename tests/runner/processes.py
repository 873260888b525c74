# SPDX-License-Identifier: MIT
"""Runs a program in a session of its own. No such session outlives the runner."""

import os
import signal
import subprocess
from dataclasses import dataclass

GRACE_SECONDS = 10  # for meson and ninja to end the programs that they have started


@dataclass
class Finished:
    output: str  # both streams
    why: str = ""  # the program failed; an empty string if it did not


def describe(code):
    """`code` is a return code of subprocess: negative if a signal ended the program."""
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def run(command, *, env=None, cwd=None, seconds=1800, shown=False):
    """Waits for `command`, whose environment is the runner's with `env` added. With `shown` it
    writes to the runner's own streams. If the runner is interrupted, the program is ended first."""
    streams = {} if shown else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    child = subprocess.Popen(
        [str(word) for word in command], env={**os.environ, **(env or {})}, cwd=cwd, text=True,
        stdin=subprocess.DEVNULL, errors="replace", start_new_session=True, **streams)
    why = ""
    try:
        output, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        why = f"reached its time limit, {seconds} s"
        end(child)
        output, _ = child.communicate()
    finally:
        end(child)  # or what it left behind
    return Finished(output or "",
                    why or (describe(child.returncode) if child.returncode else ""))


def end(child):
    """Ends the session of `child`, which may itself have ended."""
    for number in (signal.SIGTERM, signal.SIGKILL) if child.poll() is None else (signal.SIGKILL,):
        try:
            os.killpg(child.pid, number)
            child.wait(GRACE_SECONDS)
        except (ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            pass

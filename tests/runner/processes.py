"""Child processes with a time limit, none of which outlives the runner."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass

OUTPUT_LINES_MAX = 5000

_running = set()
_lock = threading.RLock()  # a signal handler takes it too
_stopping = threading.Event()


@dataclass
class Finished:
    code: int  # as of subprocess: negative for the signal that ended it
    output: str  # both streams, the last OUTPUT_LINES_MAX lines
    limit: str = ""  # the time limit that it hit, in words

    @property
    def ok(self):
        return self.code == 0 and not self.limit

    def why(self):
        if self.limit:
            return self.limit
        if self.code < 0:
            return f"ended by {signal.Signals(-self.code).name}"
        return f"exit status {self.code}"


def run(command, *, env=None, cwd=None, seconds=600, silent_seconds=None, on_line=None):
    """Runs it in a process group of its own and kills that group when the process ends, hits its
    time limit, or writes nothing for `silent_seconds`. `env` is added to the environment."""
    if _stopping.is_set():
        return Finished(-signal.SIGTERM, "")
    try:
        child = subprocess.Popen(
            [str(word) for word in command], env={**os.environ, **(env or {})}, cwd=cwd,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )
    except OSError as error:
        return Finished(127, str(error))
    with _lock:
        _running.add(child.pid)
        if _stopping.is_set():
            _kill_group(child.pid)
    guard = _Guard(child, seconds, silent_seconds or seconds)
    lines = deque(maxlen=OUTPUT_LINES_MAX)
    for line in child.stdout:
        guard.heard = time.monotonic()
        lines.append(line)
        if on_line:
            on_line(line.rstrip("\n"))
    guard.join()
    child.stdout.close()
    with _lock:
        _running.discard(child.pid)
    return Finished(child.returncode, "".join(lines), guard.limit)


class _Guard(threading.Thread):
    """Waits for the child, and ends its group in the end or at a limit."""

    def __init__(self, child, seconds, silent_seconds):
        super().__init__(daemon=True)
        self.child = child
        self.seconds = seconds
        self.silent_seconds = silent_seconds
        self.begun = self.heard = time.monotonic()
        self.limit = ""
        self.start()

    def run(self):
        while True:
            try:
                self.child.wait(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                self.check_limits()
        _kill_group(self.child.pid)

    def check_limits(self):
        now = time.monotonic()
        if now - self.begun > self.seconds:
            self.limit = f"hit its time limit of {self.seconds:.0f} s"
        elif now - self.heard > self.silent_seconds:
            self.limit = f"hung: nothing came for {self.silent_seconds:.0f} s"
        if self.limit:
            _kill_group(self.child.pid)


def _kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def stop_all():
    """Ends what runs; nothing starts afterwards. May be called by a signal handler."""
    _stopping.set()
    with _lock:
        for pid in list(_running):
            _kill_group(pid)

# SPDX-License-Identifier: MIT
"""What the scenario `loops` counts of each server: instructions and system calls."""

import pathlib
import tempfile

import harness
import peers
import tracing

CLIENTS = 50
MESSAGES = (4_000, 20_000)
MESSAGES_OF_PYTHON = (1_000, 5_000)  # each has a hundred times the instructions
CONNECTIONS = (200, 1_200)
DATAGRAMS_UNDER_WAY = 64
DATAGRAMS = ("--load", "datagrams")
CHURN = ("--load", "churn")
# The end of a connection and the beginning of the next may need one wait or two.
WAITS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")

INSTRUCTIONS = "instructions/message"
CALLS = "calls/message"
CONNECTION_CALLS = "calls/connection, no waits"
COUNTS = (INSTRUCTIONS, CALLS, CONNECTION_CALLS)


def instructions(programs: harness.Programs, server: harness.Server, clients: int,
                 load: tuple[str, ...]) -> float | None:
    """None for io_uring, because valgrind does not run it properly."""
    if server.name == peers.IO_URING:
        return None
    counts = MESSAGES_OF_PYTHON if peers.is_python(server) else MESSAGES
    with tempfile.TemporaryDirectory() as directory:
        return tracing.instructions_for_each(programs, server, pathlib.Path(directory), clients,
                                             counts, load)[0]


def count(programs: harness.Programs, server: harness.Server) -> dict[str, float]:
    """What could be counted, by the names in COUNTS."""
    is_datagram = server.layer == peers.DATAGRAM
    clients, load = (DATAGRAMS_UNDER_WAY, DATAGRAMS) if is_datagram else (CLIENTS, ())
    found = {}
    each = instructions(programs, server, clients, load)
    if each is not None:
        found[INSTRUCTIONS] = each
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        found[CALLS] = sum(tracing.calls_for_each(programs, server, scratch, clients, MESSAGES,
                                                  load).values())
        if not is_datagram:
            calls = tracing.calls_for_each(programs, server, scratch, 1, CONNECTIONS, CHURN)
            found[CONNECTION_CALLS] = sum(n for name, n in calls.items() if name not in WAITS)
    return found

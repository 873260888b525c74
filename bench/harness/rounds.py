# SPDX-License-Identifier: MIT
"""What the scenarios of bench/run share: servers, cores, rounds, and the ratios of rounds."""

import contextlib
import os
import pathlib
import statistics
import sys
from dataclasses import dataclass, field

import harness

WINDOW_SECONDS = 1.0
WARM_UP_SECONDS = 0.25


class Progress:
    """One line on standard error; on a terminal it is overwritten."""

    def __init__(self):
        self.terminal = sys.stderr.isatty()

    def show(self, text: str) -> None:
        sys.stderr.write(f"\r\033[K{text}" if self.terminal else f"{text}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        if self.terminal:
            sys.stderr.write("\r\033[K")


@dataclass(frozen=True)
class Request:
    """What the command line asks for, and on which cores."""

    programs: harness.Programs
    server_core: int | None
    load_core: int | None
    progress: Progress
    clients: int
    seconds: int
    sizes: tuple[int, ...]
    backends: tuple[str, ...]
    styles: tuple[str, ...]
    with_peers: bool
    is_quick: bool = False
    parts: tuple[str, ...] = ()
    json: pathlib.Path | None = None

    @property
    def rounds(self) -> int:
        return max(1, round(self.seconds / WINDOW_SECONDS))

    def servers(self, styles: tuple[str, ...]) -> list[harness.Server]:
        """rondo's echo in these styles, unless the command line names others, and what it is
        compared with."""
        servers = self.programs.rondo(self.backends, self.styles or styles) + self.programs.raw()
        return servers + (self.programs.peers() if self.with_peers else [])

    def start(self, stack: contextlib.ExitStack, server: harness.Server) -> harness.RunningServer:
        return stack.enter_context(harness.RunningServer(server, core=self.server_core))

    def hold(self, server, size: int, load: tuple[str, ...] = (),
             clients: int | None = None) -> harness.HeldClients:
        return harness.HeldClients(self.programs, server, clients or self.clients, self.load_core,
                                   WARM_UP_SECONDS, size, load)


@dataclass
class Contender:
    """One pair of a server and its load, in one sitting or in several."""

    name: str
    clients: harness.HeldClients
    poller: str = ""  # selects the raw loop that it is compared with
    is_raw: bool = False
    sittings: list[list[dict]] = field(default_factory=lambda: [[]])

    @property
    def rounds(self) -> list[dict]:
        return [measured for sitting in self.sittings for measured in sitting]

    def median(self, key: str) -> float:
        return statistics.median(measured[key] for measured in self.rounds)

    def worst(self, key: str) -> float:
        return max(measured[key] for measured in self.rounds)

    def ratio(self, other: "Contender", key: str) -> float:
        """The mean, over the sittings, of the median ratio of a round."""
        return statistics.geometric_mean(
            statistics.median(ours[key] / theirs[key] for ours, theirs in zip(one, another))
            for one, another in zip(self.sittings, other.sittings))


def choose_cores() -> tuple[int | None, int | None]:
    """One for the servers, one for the load."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[-1], cores[0]) if len(cores) > 1 else (None, None)


def run_rounds(contenders: list, rounds: int, progress: Progress, unit: str = "messages",
               window_seconds: float = WINDOW_SECONDS) -> None:
    for number in range(1, rounds + 1):
        # The contenders begin a round in turn, so that none always follows the same one's pause.
        for offset in range(len(contenders)):
            contender = contenders[(number + offset) % len(contenders)]
            measured = contender.clients.measure(window_seconds)
            contender.sittings[-1].append(measured)
            progress.show(f"round {number}/{rounds}  {contender.name}: "
                          f"{measured['messages_per_second']:,.0f} {unit}/s")
    progress.clear()


def raw_loops(contenders: list[Contender]) -> dict[str, Contender]:
    """The raw loops by their poller."""
    return {c.poller: c for c in contenders if c.is_raw}


def shown_ratio(ours: Contender, theirs: Contender | None, key: str) -> str:
    return "-" if theirs is None else f"{ours.ratio(theirs, key):.3f}"

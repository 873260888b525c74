#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures servers beside each other, end to end.

All servers run at once, each with its clients connected, all on one core; the load generators are
on another. One pair works at a time, in short windows that go round, so that a disturbance of the
machine affects each of them alike. Ratios are computed within a round; their median is shown.
"""

import argparse
import pathlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "bench" / "harness"), str(ROOT / "tools")]

import churn  # noqa: E402
import command_line  # noqa: E402
import echo  # noqa: E402
import firehose  # noqa: E402
import harness  # noqa: E402
import loops  # noqa: E402
import proxy  # noqa: E402
import rounds  # noqa: E402
import tls  # noqa: E402

CLIENTS_MAX = 1_000_000
SECONDS_MAX = 300
SIZE_MAX = 1 << 20
SHARES_OF_DESCRIPTORS = {"firehose": 2, "proxy": 16}  # descriptors of a process for each client


@dataclass(frozen=True)
class Scenario:
    run: Callable[[rounds.Request], None]
    clients: int
    seconds: int
    minutes: int  # a whole run with these, on two cores
    sizes: tuple[int, ...] = (64,)


SCENARIOS = {
    "echo": Scenario(echo.run, 10_000, 10, 1),
    "churn": Scenario(churn.run, 50, 10, 1),
    "loops": Scenario(loops.run, 19_000, 6, 30),
    "firehose": Scenario(firehose.run, 1_000, 10, 2),
    "proxy": Scenario(proxy.run, 20, 5, 2, (64, 16 << 10, 256 << 10)),
    "tls": Scenario(tls.run, 2_000, 5, 5),
}


def make_parser() -> command_line.Options:
    number, one_of = command_line.number, command_line.one_of
    parser = command_line.Options("bench/run")
    add = parser.add_argument
    add("--scenario", type=one_of("scenario", tuple(SCENARIOS)), default="echo")
    add("--clients", type=number(1, CLIENTS_MAX))
    add("--seconds", type=number(1, SECONDS_MAX))
    add("--size", type=number(1, SIZE_MAX), action="append", default=[])
    add("--backend", type=one_of("backend", harness.BACKENDS), action="append", default=[])
    add("--style", type=one_of("style", tuple(harness.ECHO_STYLES)), action="append", default=[])
    add("--peers", action="store_true")
    add("--quick", action="store_true")
    add("--part", type=one_of("part", tuple(part.name for part in loops.PARTS)), action="append",
        default=[])
    add("--json", type=pathlib.Path)
    add("--build", type=pathlib.Path)
    return parser


def parse_arguments(words: list[str]) -> argparse.Namespace:
    parser = make_parser()
    arguments = parser.parse(words)
    scenario = SCENARIOS[arguments.scenario]
    if len(arguments.size) > 1 and len(scenario.sizes) == 1:
        parser.error("--size: more than one are for the scenario proxy")
    if arguments.scenario == "loops" and (arguments.clients or arguments.size):
        parser.error("--clients and --size: the scenario loops has its own")
    if arguments.scenario != "loops" and (arguments.quick or arguments.part or arguments.json):
        parser.error("--quick, --part and --json are for the scenario loops")
    return arguments


def plan(arguments: argparse.Namespace) -> str:
    """What is measured, and for how long if that is known."""
    scenario = SCENARIOS[arguments.scenario]
    is_default = not (arguments.clients or arguments.seconds or arguments.part)
    minutes = 2 if arguments.quick else scenario.minutes
    return f"measures {arguments.scenario}" + (f": about {minutes} min" if is_default else "")


def make_request(arguments: argparse.Namespace) -> rounds.Request:
    scenario = SCENARIOS[arguments.scenario]
    wanted = arguments.clients or scenario.clients
    share = SHARES_OF_DESCRIPTORS.get(arguments.scenario, 1)
    clients = harness.clients_that_fit(wanted * share) // share
    if clients < wanted:
        print(f"{clients} clients instead of {wanted}: the hard limit of descriptors "
              "(ulimit -Hn) allows no more")
    server_core, load_core = rounds.choose_cores()
    if server_core is None:
        print("there is only one core: servers and load share it and disturb each other")
    return rounds.Request(harness.Programs(arguments.build), server_core, load_core,
                       rounds.Progress(), clients, arguments.seconds or scenario.seconds,
                       tuple(arguments.size) or scenario.sizes, tuple(arguments.backend),
                       tuple(arguments.style), arguments.peers,
                       arguments.quick, tuple(arguments.part), arguments.json)


def compare(arguments: argparse.Namespace) -> None:
    arguments.build = harness.prepared(arguments.build, plan(arguments))
    started_at = time.monotonic()
    request = make_request(arguments)
    SCENARIOS[arguments.scenario].run(request)
    for name in request.programs.missing:
        print(f"left out: {name} (its package is not installed)")
    print(f"took {time.monotonic() - started_at:.0f} s")


def main() -> int:
    arguments = parse_arguments(sys.argv[1:])
    command_line.take_signals()
    try:
        compare(arguments)
    except harness.Failure as failure:
        print(f"bench/run: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

import churn  # noqa: E402
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
    what: str
    run: Callable[[rounds.Request], None]
    clients: int
    seconds: int
    sizes: tuple[int, ...] = (64,)


SCENARIOS = {
    "echo": Scenario("messages of many clients, beside raw loops", echo.run, 10_000, 10),
    "churn": Scenario("connect, one message, leave; beside raw loops", churn.run, 50, 10),
    "loops": Scenario("rondo beside other event loops, up to 19,000 clients", loops.run, 19_000, 6),
    "firehose": Scenario("pings, with and without a client that streams", firehose.run, 1_000, 10),
    "proxy": Scenario("examples/proxy beside haproxy", proxy.run, 20, 5, (64, 16 << 10, 256 << 10)),
    "tls": Scenario("TLS beside nginx, stunnel4, hitch and a bare loop", tls.run, 2_000, 5),
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run", description=__doc__.splitlines()[0],
        epilog="Scenarios: " + "; ".join(
            f"{name}: {each.what} ({each.clients} clients, {each.seconds} s for each"
            f"{' and size' if len(each.sizes) > 1 else ''})"
            for name, each in SCENARIOS.items()) + ".")
    parser.add_argument("--scenario", choices=SCENARIOS, default="echo",
                        help="what is measured (default echo)")
    parser.add_argument("--clients", type=int, metavar="N",
                        help="connections to each server; of a churn, those in progress at once")
    parser.add_argument("--seconds", type=int, metavar="N", help="how long each server is measured")
    parser.add_argument("--size", type=int, action="append", default=[], metavar="BYTES",
                        help="of a message; of a proxy may be repeated")
    parser.add_argument("--backend", action="append", default=[], metavar="NAME",
                        help="only this backend of rondo; may be repeated")
    parser.add_argument("--style", action="append", default=[], choices=harness.ECHO_STYLES,
                        help="how rondo's echo is written (default handler, but both for churn "
                             "and firehose); may be repeated")
    parser.add_argument("--peers", action="store_true",
                        help="libev and libevent too, of echo and churn")
    parser.add_argument("--quick", action="store_true", help="of loops: 2 rounds of a few parts")
    parser.add_argument("--part", action="append", default=[],
                        choices=[part.name for part in loops.PARTS], metavar="NAME",
                        help="of loops: only this part, of " + ", ".join(
                            f"'{part.name}'" for part in loops.PARTS) + "; may be repeated")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="of loops: write the figures to this file, too")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"),
                        help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    scenario = SCENARIOS[arguments.scenario]
    if arguments.seconds is None:
        arguments.seconds = scenario.seconds
    if arguments.clients is not None and not 1 <= arguments.clients <= CLIENTS_MAX:
        parser.error(f"--clients: from 1 to {CLIENTS_MAX}")
    if not 1 <= arguments.seconds <= SECONDS_MAX:
        parser.error(f"--seconds: from 1 to {SECONDS_MAX}")
    if not all(1 <= size <= SIZE_MAX for size in arguments.size):
        parser.error(f"--size: from 1 to {SIZE_MAX}")
    if len(arguments.size) > 1 and len(scenario.sizes) == 1:
        parser.error("--size: more than one are for a proxy")
    if arguments.scenario == "loops" and (arguments.clients or arguments.size):
        parser.error("--clients and --size: the scenario loops has its own")
    if arguments.scenario != "loops" and (arguments.quick or arguments.part or arguments.json):
        parser.error("--quick, --part and --json are for the scenario loops")
    arguments.clients = arguments.clients or scenario.clients
    arguments.size = tuple(arguments.size) or scenario.sizes
    return arguments


def make_request(arguments: argparse.Namespace) -> rounds.Request:
    share = SHARES_OF_DESCRIPTORS.get(arguments.scenario, 1)
    clients = harness.clients_that_fit(arguments.clients * share) // share
    if clients < arguments.clients:
        print(f"{clients} clients instead of {arguments.clients}: the hard limit of descriptors "
              "(ulimit -Hn) allows no more")
    server_core, load_core = rounds.choose_cores()
    if server_core is None:
        print("there is only one core: servers and load share it and disturb each other")
    return rounds.Request(harness.Programs(arguments.build), server_core, load_core,
                       rounds.Progress(), clients, arguments.seconds, arguments.size,
                       tuple(arguments.backend), tuple(arguments.style), arguments.peers,
                       arguments.quick, tuple(arguments.part), arguments.json)


def compare(arguments: argparse.Namespace) -> None:
    started_at = time.monotonic()
    request = make_request(arguments)
    SCENARIOS[arguments.scenario].run(request)
    for name in request.programs.missing:
        print(f"left out: {name} (its package is not installed)")
    print(f"took {time.monotonic() - started_at:.0f} s")


def main() -> int:
    try:
        compare(parse_arguments())
    except harness.Failure as failure:
        print(f"bench/run: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""bench/prove: compares rondo's example servers with servers that you know, on your machine."""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "bench" / "harness"), str(ROOT / "tools")]

import command_line  # noqa: E402
import harness  # noqa: E402
import machine  # noqa: E402
import measures  # noqa: E402
import packages  # noqa: E402
import plan  # noqa: E402
import report  # noqa: E402
import rivals  # noqa: E402
import rounds  # noqa: E402

ROUNDS = 3
ROUNDS_QUICK = 2
ROUNDS_MAX = 99
MINUTES_TO_PREPARE = 3  # about, on two cores
# A whole run, with the installing and building, and the writing of the report.
SECONDS_MAX = 8 * 60 - 15
QUICK_SECONDS_MAX = 2 * 60 - 10


def make_parser() -> command_line.Options:
    number, one_of = command_line.number, command_line.one_of
    parser = command_line.Options("bench/prove")
    add = parser.add_argument
    add("--quick", action="store_true")
    add("--rounds", type=number(1, ROUNDS_MAX))
    add("--only", type=one_of("part", tuple(plan.GROUPS)), action="append", default=[])
    add("--backend", type=one_of("backend", harness.BACKENDS), action="append", default=[])
    add("--output", type=pathlib.Path)
    add("--no-install", action="store_true")
    add("--build", type=pathlib.Path, default=ROOT / "build")
    add("--report", type=pathlib.Path)
    return parser


def say(text: str) -> None:
    print(text, flush=True)


def prepare(arguments: argparse.Namespace) -> None:
    """Installs and builds, and says so before."""
    if arguments.no_install:
        return
    missing = packages.missing()
    if missing:
        say(f"not installed yet: {', '.join(missing)}. tools/install prove installs their Debian "
            "packages, as root or with sudo; no service is started or stays enabled.")
    say(f"builds what is not up to date, which takes about {MINUTES_TO_PREPARE} minutes the first "
        "time")
    packages.install(ROOT)
    subprocess.run([ROOT / "bench" / "prepare", arguments.build, "prove-programs", "prove"],
                   check=True)


def contenders(arguments: argparse.Namespace) -> tuple[dict, list[str]]:
    """By group; and notes on those that are left out."""
    programs = harness.Programs(arguments.build)
    backends = arguments.backend or sorted(programs.built_backends())
    backends = programs.backends(backends)[:1 if arguments.quick else None]
    groups, notes = {}, []
    for group in arguments.only or plan.GROUPS:
        program = "cache" if group == "cache" else "http"
        theirs, missing = rivals.present(
            rivals.cache_rivals() if group == "cache" else rivals.http_rivals())
        if arguments.quick:
            theirs = [each for each in theirs if each.name in ("redis-server", "nginx")]
        else:
            notes += [f"{name}: not installed" for name in missing]
        own = rivals.ours(arguments.build / "examples", program, backends)
        if not own:
            notes.append(f"examples/{program}: not built, so its rivals are alone")
        both = theirs + own
        groups[group] = [rivals.with_tls(each) for each in both] if group == "https" else both
    return groups, list(dict.fromkeys(notes))


def collected(run: plan.Run, seconds: float) -> dict:
    groups = {group: each for group, each in run.groups.items() if each}
    products = dict.fromkeys(each.product for several in groups.values() for each in several
                             if not each.is_ours)
    return {
        "made": datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
        "machine": {**machine.facts(run.bench), "rounds": run.rounds,
                    "took": f"{seconds:.0f} s"},
        "versions": machine.versions(products, ROOT),
        "extras": {name: rivals.EXTRAS[name] for name in products},
        "servers": [{"group": group, "name": each.name, "ours": each.is_ours,
                     "command": list(each.command), "files": [list(file) for file in each.files]}
                    for group, several in groups.items() for each in several],
        "notes": run.notes,
        "rows": run.rows,
    }


def write(folder: pathlib.Path, data: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "raw.json").write_text(json.dumps(data, indent=1))
    (folder / "report.md").write_text(report.markdown(data))
    (folder / "report.html").write_text(report.page(data))
    say(f"{folder}/report.html, report.md and raw.json")


def prove(arguments: argparse.Namespace) -> None:
    if arguments.report:
        return write(arguments.report, json.loads((arguments.report / "raw.json").read_text()))
    began = time.monotonic()
    prepare(arguments)
    harness.raise_descriptor_limit()
    server_core, load_core = rounds.choose_cores()
    groups, notes = contenders(arguments)
    with machine.places() as places:
        bench = measures.Bench(server_core, load_core,
                               str((arguments.build / "bench" / "paced").resolve()), places)
        limit = QUICK_SECONDS_MAX if arguments.quick else SECONDS_MAX
        limit -= 0 if arguments.quick else time.monotonic() - began
        run = plan.Run(
            bench, groups, arguments.rounds or (ROUNDS_QUICK if arguments.quick else ROUNDS),
            arguments.quick, float("inf") if arguments.rounds else limit, measures.can_use_perf(),
            notes=notes)
        if server_core is None:
            run.note("one core only: the servers and the load share it")
        run.choose_rounds()
        say(f"measures {', '.join(run.names())}: about "
            f"{plan.shown_time(run.seconds())} minutes")
        started = time.monotonic()
        run.go()
        data = collected(run, time.monotonic() - started)
    for each in run.notes:
        say(f"left out: {each}")
    default = arguments.build / "prove" / datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    write(arguments.output or default, data)


def main() -> int:
    arguments = make_parser().parse(sys.argv[1:])
    command_line.take_signals()
    try:
        prove(arguments)
    except (harness.Failure, subprocess.CalledProcessError, OSError) as failure:
        print(f"bench/prove: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; nothing of it runs any more", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""Figures in a form that other programs read: a file of JSON with the machine, the commands, the
versions of what was compared, and rows of scenario, server, what, unit and value."""

import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

PACKAGES = ("libuv1-dev", "libevent-dev", "libev-dev", "libasio-dev", "libpoco-dev", "liburing-dev",
            "python3", "python3-uvloop", "g++", "valgrind", "strace", "libc6")


def first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.partition("\n")[0]


def machine() -> dict[str, str | int]:
    processor = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(),
                          re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor.group(1) if processor else platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": memory,
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "load_average": f"{os.getloadavg()[0]:.2f}",
        "date": time.strftime("%Y-%m-%d %H:%M:%S%z"),
    }


def versions(build: pathlib.Path) -> dict[str, str]:
    """rondo's, the compiler's, and those of the Debian packages that are installed."""
    found = {}
    rondo = re.search(r"^Version:\s*(.+)$",
                      (build / "meson-private" / "rondo.pc").read_text(), re.MULTILINE)
    found["rondo"] = rondo.group(1) if rondo else ""
    commit = first_line(["git", "rev-parse", "--short", "HEAD"])
    if commit:
        found["rondo, commit"] = commit
    found["c++"] = first_line(["c++", "--version"])
    for package in PACKAGES:
        version = first_line(["dpkg-query", "-W", "-f", "${Version}", package])
        if version:
            found[package] = version
    return found


class Record:
    def __init__(self, build: pathlib.Path):
        self.commands = {"bench": " ".join(sys.argv)}
        self.contents = {"machine": machine(), "commands": self.commands,
                         "versions": versions(build), "rows": []}

    def add(self, scenario: str, server: str, what: str, unit: str, value: float) -> None:
        self.contents["rows"].append({"scenario": scenario, "server": server, "what": what,
                                      "unit": unit, "value": value})

    def write(self, file: pathlib.Path) -> None:
        file.write_text(json.dumps(self.contents, indent=1) + "\n")

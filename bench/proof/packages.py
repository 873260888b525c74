# SPDX-License-Identifier: MIT
"""Debian's packages of the rivals, without the services that they start."""

import contextlib
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

import processes

POLICY = pathlib.Path("/usr/sbin/policy-rc.d")
SYSTEMD = pathlib.Path("/run/systemd/system")  # there if it runs
SERVICES = ("nginx", "h2o", "lighttpd", "haproxy", "redis-server", "memcached")
PROGRAMS = (*SERVICES, "wrk", "h2load", "redis-benchmark", "valgrind", "strace")
# Debian asks this script before a package starts or restarts a service; 101 is "do not".
REFUSAL = f"""\
#!/bin/sh
# Made by bench/prove while it installs, and removed afterwards.
case $1 in {"|".join(SERVICES)}) exit 101 ;; esac
exit 0
"""


def missing() -> list[str]:
    return [name for name in PROGRAMS if processes.find(name) is None]


def as_root(*words: str, text: str | None = None) -> bool:
    sudo = () if os.geteuid() == 0 else ("sudo",)
    if sudo and shutil.which("sudo") is None:
        return False
    return subprocess.run([*sudo, *words], input=text, text=True, stdout=subprocess.DEVNULL,
                          check=False).returncode == 0


@contextlib.contextmanager
def no_services(new: list[str]) -> Iterator[None]:
    """While the block runs, no package starts a service of ours; afterwards none of the new ones
    is enabled. A policy of the machine's own stays as it is."""
    made = not POLICY.exists() and as_root("tee", str(POLICY), text=REFUSAL)
    try:
        if made:
            as_root("chmod", "755", str(POLICY))
        yield
    finally:
        if made:
            as_root("rm", "-f", str(POLICY))
        services = [name for name in new if name in SERVICES and processes.find(name)]
        if services and shutil.which("systemctl"):
            now = ("--now",) if SYSTEMD.exists() else ()
            as_root("systemctl", "disable", "--quiet", *now, *services)


def install(root: pathlib.Path) -> None:
    """With tools/install, which says what it cannot install."""
    new = missing()
    if new:
        with no_services(new):
            subprocess.run([root / "tools" / "install", "prove"], check=True)

# SPDX-License-Identifier: MIT
"""Where a run takes place: the machine and the versions, and the folder that the servers share."""

import contextlib
import os
import pathlib
import platform
import pwd
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator

import harness
import loads
import measures
import processes
import rivals
import secure

DESCRIPTORS_MAX = 30_000
TOOLS = {"wrk": ("-v",), "h2load": ("--version",), "redis-benchmark": ("--version",),
         "valgrind": ("--version",), "strace": ("--version",), "c++": ("--version",),
         "openssl": ("version",)}


def read(path: str, pattern: str, default: str = "unknown") -> str:
    with contextlib.suppress(OSError):
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
        return found.group(1) if found else default
    return default


def facts(bench) -> dict[str, str]:
    """`bench` has the cores."""
    memory_kb = int(read("/proc/meminfo", r"^MemTotal:\s+(\d+)", "0"))
    return {
        "processor": read("/proc/cpuinfo", r"^model name\s*:\s*(.+)$", platform.machine()),
        "cores": f"{os.cpu_count()}; the servers' is {bench.server_core}, the load's "
                 f"{bench.load_core}",
        "memory": f"{memory_kb / 2**20:.1f} GiB",
        "kernel": platform.release(),
        "system": read("/etc/os-release", r'^PRETTY_NAME="?([^"\n]+)', platform.system()),
        "virtual": "yes" if re.search(r"^flags.*\bhypervisor\b",
                                      pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
                   else "no",
        "load average at the end": " ".join(f"{each:.2f}" for each in os.getloadavg()),
    }


def first_line(program: str, words: tuple[str, ...]) -> str | None:
    path = processes.find(program)
    if path is None:
        return None
    done = subprocess.run([path, *words], capture_output=True, text=True, check=False)
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[0] if lines else None


def versions(products: Iterable[str], root: pathlib.Path) -> dict[str, str]:
    wanted = {**{name: rivals.VERSIONS[name] for name in products}, **TOOLS}
    found = {name: first_line(name, words) for name, words in wanted.items()}
    done = subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False)
    found["rondo"] = done.stdout.strip() or read(str(root / "meson.build"), r"version: '([^']+)'")
    return {name: said for name, said in found.items() if said}


@contextlib.contextmanager
def places() -> Iterator[dict[str, str]]:
    """What the servers serve, their certificate, and wrk's script; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="rondo-prove-") as scratch, \
            secure.certificate() as files:
        folder = pathlib.Path(scratch)
        for each in (folder, pathlib.Path(files.chain).parent):
            each.chmod(0o755)  # a server that gives up root reads them
        rivals.write_root(folder / "root")
        (folder / "pipelined.lua").write_text(loads.PIPELINE_LUA % loads.PIPELINED)
        (folder / "both.pem").write_text(pathlib.Path(files.chain).read_text()
                                         + pathlib.Path(files.key).read_text())
        limit = harness.raise_descriptor_limit()
        descriptors = DESCRIPTORS_MAX if limit < 0 else min(limit, DESCRIPTORS_MAX)
        yield {"descriptors": str(descriptors),
               "clients": str(descriptors // 2 - measures.DESCRIPTORS_BESIDES // 2),
               "user": pwd.getpwuid(os.geteuid()).pw_name,
               "root": str(folder / "root"), "lua": str(folder / "pipelined.lua"),
               "chain": files.chain, "key": files.key, "both": str(folder / "both.pem")}

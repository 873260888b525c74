# SPDX-License-Identifier: MIT
"""The load generators: which command makes a load, and what its output says."""

import csv
import json
import re
from dataclasses import dataclass

import harness
import processes

KEYS = 10_000
VALUE_BYTES = 64
KEY = "key:000000000001"
PIPELINED = 16

PIPELINE_LUA = """\
init = function()
  local each = {}
  for i = 1, %d do each[i] = wrk.format(nil, wrk.path) end
  all = table.concat(each)
end
request = function() return all end
"""


@dataclass(frozen=True)
class Load:
    """`requests` is how many a tool makes that counts them; wrk has a time instead."""

    tool: str  # wrk, h2load, redis-benchmark or paced
    what: str = "hello"  # a scenario's path, or a command of the cache
    connections: int = 64
    pipelined: int = 1
    requests: int = 40_000
    seconds: int = 1
    secure: bool = False
    rate: int = 0
    survives: bool = False

    def words(self, running: processes.Running, paced: str) -> list[str]:
        return MAKERS[self.tool](self, running, paced)

    def begin(self, running: processes.Running, core: int | None, paced: str) -> processes.Tool:
        return processes.Tool(self.words(running, paced), core)

    def parse(self, said: str) -> dict:
        return PARSERS[self.tool](said, self.requests)


def shown(word: str) -> str:
    """As a shell takes it."""
    if re.fullmatch(r"[\w@%+=:,./-]+", word):
        return word
    return "$'" + "".join({"\r": "\\r", "\n": "\\n", "'": "\\'", "\\": "\\\\"}.get(c, c)
                          for c in word) + "'"


def port_of(load: Load, running: processes.Running) -> int:
    return running.tls_port if load.secure and running.contender.has_plain else running.port


def url_of(load: Load, running: processes.Running) -> str:
    scheme = "https" if load.secure else "http"
    return f"{scheme}://127.0.0.1:{port_of(load, running)}{running.contender.path_of(load.what)}"


def wrk(load: Load, running: processes.Running, _paced: str) -> list[str]:
    script = [] if load.pipelined == 1 else ["-s", running.values["lua"]]
    return ["wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds}s", *script,
            url_of(load, running)]


def h2load(load: Load, running: processes.Running, _paced: str) -> list[str]:
    return ["h2load", "--h1", "-t1", f"-c{load.connections}", "-m1", f"-n{load.requests}",
            url_of(load, running)]


def redis_benchmark(load: Load, running: processes.Running, _paced: str) -> list[str]:
    return ["redis-benchmark", "-h", "127.0.0.1", "-p", str(running.port), "-t",
            {"ping": "ping_mbulk"}.get(load.what, load.what), "-c", str(load.connections), "-P",
            str(load.pipelined), "-n", str(load.requests), "-r", str(KEYS), "-d",
            str(VALUE_BYTES), "--csv"]


def request_of(running: processes.Running, what: str) -> str:
    """What one request is, byte for byte; `what` is "set", or else a get or a path."""
    protocol, value = running.contender.protocol, "x" * VALUE_BYTES
    if protocol == "http":
        return f"GET {running.contender.path_of(what)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    if protocol == "memcached":
        return f"set {KEY} 0 0 {len(value)}\r\n{value}\r\n" if what == "set" else f"get {KEY}\r\n"
    words = ("SET", KEY, value) if what == "set" else ("GET", KEY)
    return f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)


def paced(load: Load, running: processes.Running, program: str) -> list[str]:
    length = ["--seconds", str(load.seconds)] if load.rate else ["--requests", str(load.requests)]
    return [program, "--connect", f"127.0.0.1:{running.port}", "--protocol",
            running.contender.protocol, "--request", request_of(running, load.what), "--clients",
            str(load.connections), *(["--rate", str(load.rate)] if load.rate else []), *length,
            *(["--survive"] if load.survives else [])]


def number(text: str, pattern: str) -> float | None:
    found = re.search(pattern, text, re.MULTILINE)
    return float(found.group(1)) if found else None


def parse_wrk(said: str, _requests: int) -> dict:
    requests = number(said, r"^\s*(\d+) requests in ")
    rate = number(said, r"^Requests/sec:\s+([\d.]+)")
    if not requests or rate is None:
        raise harness.Failure(f"wrk has measured nothing: {said.strip()[-200:]}")
    errors = re.search(r"errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    refused = number(said, r"Non-2xx or 3xx responses: (\d+)") or 0
    failed = int(refused) + (sum(map(int, errors.groups())) if errors else 0)
    return {"requests": int(requests), "failed": failed, "seconds": requests / rate if rate else 0}


def parse_h2load(said: str, _requests: int) -> dict:
    seconds = re.search(r"^finished in ([\d.]+)(us|ms|s|m)", said, re.MULTILINE)
    done = number(said, r"^requests: .*?(\d+) succeeded")
    total = number(said, r"^requests: (\d+) total")
    if not seconds or not done:
        raise harness.Failure(f"h2load has measured nothing: {said.strip()[-200:]}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[seconds.group(2)]
    return {"requests": int(done), "failed": int(total - done),
            "seconds": float(seconds.group(1)) * unit}


def parse_redis_benchmark(said: str, requests: int) -> dict:
    for row in csv.reader(said.splitlines()):
        if len(row) >= 2 and re.fullmatch(r"[\d.]+", row[1]) and float(row[1]) > 0:
            return {"requests": requests, "failed": 0, "seconds": requests / float(row[1])}
    raise harness.Failure(f"redis-benchmark has measured nothing: {said.strip()[-200:]}")


def parse_paced(said: str, _requests: int) -> dict:
    return json.loads(said)


MAKERS = {"wrk": wrk, "h2load": h2load, "redis-benchmark": redis_benchmark, "paced": paced}
PARSERS = {"wrk": parse_wrk, "h2load": parse_h2load, "redis-benchmark": parse_redis_benchmark,
           "paced": parse_paced}

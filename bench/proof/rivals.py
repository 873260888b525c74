# SPDX-License-Identifier: MIT
"""The servers that are compared: how each is started, and what it does that ours does not.

Every rival runs on one core with the configuration that its documentation recommends for
throughput: one worker, no access log, connections kept alive. All of it is shown in the report.
"""

import dataclasses
import pathlib

import processes
from processes import Contender

BACKLOG = 4096
HELLO = "Hello, world!\n"

NGINX = f"""\
daemon off;
worker_processes 1;
pid {{scratch}}/pid;
error_log stderr crit;
events {{ worker_connections {{descriptors}}; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=60s;
  client_body_temp_path {{scratch}}/body;
  proxy_temp_path {{scratch}}/proxy;
  fastcgi_temp_path {{scratch}}/fastcgi;
  uwsgi_temp_path {{scratch}}/uwsgi;
  scgi_temp_path {{scratch}}/scgi;
  ssl_certificate {{chain}};
  ssl_certificate_key {{key}};
  server {{
    listen 127.0.0.1:{{port}} backlog={BACKLOG};
    listen 127.0.0.1:{{tls_port}} ssl backlog={BACKLOG};
    location = /hello {{ default_type text/plain; return 200 "Hello, world!\\n"; }}
    location / {{ root {{root}}; }}
  }}
}}
"""
H2O = f"""\
user: {{user}}
num-threads: 1
max-connections: {{clients}}
tcp-fastopen: 0
http1-request-timeout: 75
hosts:
  plain:
    listen: {{ host: 127.0.0.1, port: {{port}} }}
    listen:
      host: 127.0.0.1
      port: {{tls_port}}
      ssl: {{ certificate-file: "{{chain}}", key-file: "{{key}}" }}
    paths:
      "/": {{ file.dir: "{{root}}" }}
"""
LIGHTTPD = f"""\
server.modules = ("mod_openssl")
server.bind = "127.0.0.1"
server.port = {{port}}
server.document-root = "{{root}}"
server.max-fds = {{descriptors}}
server.max-connections = {{clients}}
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 75
server.listen-backlog = {BACKLOG}
server.errorlog = "{{scratch}}/errors"
mimetype.assign = ("" => "text/plain")
$SERVER["socket"] == "127.0.0.1:{{tls_port}}" {{
  ssl.engine = "enable"
  ssl.pemfile = "{{chain}}"
  ssl.privkey = "{{key}}"
}}
"""
HAPROXY = f"""\
global
  nbthread 1
  maxconn {{clients}}
defaults
  mode http
  timeout client 75s
  timeout http-keep-alive 75s
  timeout http-request 75s
frontend hello
  bind 127.0.0.1:{{port}} backlog {BACKLOG}
  bind 127.0.0.1:{{tls_port}} ssl crt {{both}}
  http-request return status 200 content-type text/plain string "Hello, world!\\n"
"""
REDIS = ("redis-server", "--bind", "127.0.0.1", "--port", "{port}", "--save", "", "--appendonly",
         "no", "--maxclients", "{clients}", "--tcp-backlog", str(BACKLOG), "--dir",
         "{scratch}")
MEMCACHED = ("memcached", "-l", "127.0.0.1", "-p", "{port}", "-U", "0", "-t", "1", "-m", "64", "-c",
             "{clients}", "-b", str(BACKLOG), "-u", "{user}")

# What each does, and ours does not.
EXTRAS = {
    "nginx": "HTTP/2, reverse proxy and cache, load balancing, gzip, FastCGI, virtual hosts, "
             "rewriting, authentication, a new configuration without a restart, several workers",
    "h2o": "HTTP/2 and HTTP/3, reverse proxy, FastCGI, mruby handlers, gzip and brotli, virtual "
           "hosts, access control, several threads",
    "lighttpd": "HTTP/2, CGI and FastCGI, reverse proxy, compression, virtual hosts, "
                "authentication, rewriting, graceful restart",
    "haproxy": "load balancing with health checks, HTTP/2, ACLs, stick tables, rate limits, "
               "statistics, a reload that keeps connections, several threads",
    "redis-server": "persistence, replication, cluster, Lua scripts, transactions, lists, hashes, "
                    "sets and streams, ACLs, TLS, a slow log",
    "memcached": "several threads, slabs that limit fragmentation, UDP, its meta protocol, SASL, "
                 "storage on flash",
}
VERSIONS = {
    "nginx": ("-v",), "h2o": ("--version",), "lighttpd": ("-v",), "haproxy": ("-v",),
    "redis-server": ("--version",), "memcached": ("--version",),
}
# These have no handler with a fixed answer without a script: they send a file of the same content.
FROM_FILES = ("h2o", "lighttpd")
FILE_PATH = "/16k.txt"


def write_root(root: pathlib.Path) -> None:
    """What the web servers serve."""
    root.mkdir(mode=0o755)
    (root / "hello").write_text(HELLO)
    line = "All work and no play makes a server fast. 0123456789 abcdef.\n"
    (root / FILE_PATH[1:]).write_text((line * (1 + (16 << 10) // len(line)))[:16 << 10])


def http_rivals() -> list[Contender]:
    paths = (("file", FILE_PATH),)
    return [
        Contender("nginx", "nginx", ("nginx", "-c", "{scratch}/nginx.conf"),
                  (("nginx.conf", NGINX),), paths=paths),
        Contender("h2o", "h2o", ("h2o", "-c", "{scratch}/h2o.conf"), (("h2o.conf", H2O),),
                  paths=paths),
        Contender("lighttpd", "lighttpd", ("lighttpd", "-D", "-f", "{scratch}/lighttpd.conf"),
                  (("lighttpd.conf", LIGHTTPD),), paths=paths),
        Contender("haproxy", "haproxy", ("haproxy", "-db", "-q", "-f", "{scratch}/haproxy.cfg"),
                  (("haproxy.cfg", HAPROXY),), lacks=("file",)),
    ]


def cache_rivals() -> list[Contender]:
    return [
        Contender("redis-server", "redis-server", REDIS, protocol="resp"),
        Contender("memcached", "memcached", MEMCACHED, protocol="memcached"),
    ]


def ours(folder: pathlib.Path, program: str, backends: list[str]) -> list[Contender]:
    """One for each backend; none if the program is not built."""
    path = (folder / program).resolve()
    if not path.is_file():
        return []
    is_http = program == "http"
    words = ("--root", "{root}") if is_http else ()
    return [Contender(f"rondo {backend}", program,
                      (str(path), "--listen", "127.0.0.1:{port}", "--backend", backend, *words),
                      is_ours=True, protocol="http" if is_http else "resp",
                      paths=(("file", FILE_PATH),))
            for backend in backends]


def with_tls(contender: Contender) -> Contender:
    """The same server with TLS. The rivals have another port for it, ours is plain or secure."""
    if not contender.is_ours:
        return contender
    return dataclasses.replace(
        contender, has_plain=False,
        command=(*contender.command, "--tls-cert", "{chain}", "--tls-key", "{key}"))


def present(contenders: list[Contender]) -> tuple[list[Contender], list[str]]:
    """Those whose program is installed, with its path, and the names of the others."""
    found, missing = [], []
    for each in contenders:
        program = processes.find(each.command[0])
        if program is None:
            missing.append(each.name)
        else:
            found.append(dataclasses.replace(each, command=(program, *each.command[1:])))
    return found, missing

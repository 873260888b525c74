# SPDX-License-Identifier: MIT
"""What the tests of TLS share: certificates, servers of Python's ssl, programs to talk with."""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from example_programs import BUILD, PATHS, SECONDS_MAX, TESTS, running

CERTIFICATES = BUILD / "tests" / "tls" / "certificates"

has_tls = unittest.skipUnless(CERTIFICATES.exists(), "a build without rondo-tls")


def certificate(name):
    return str(CERTIFICATES / f"{name}.pem")


def key(name):
    return str(CERTIFICATES / f"{name}.key")


ROOT = certificate("root")


def secure_echo(backend, *options, cert="good", **more):
    return running(backend, "echo", "--listen", "127.0.0.1:0", "--tls-cert", certificate(cert),
                   "--tls-key", key(cert), *options, **more)


def https_server(backend, cert="good"):
    return running(backend, "https_server", certificate(cert), key(cert), folder=TESTS)


def client_context():
    return ssl.create_default_context(cafile=ROOT)


def server_context(cert="good"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(cert), key(cert))
    return context


def connect_secure(address, context=None):
    raw = socket.create_connection(address, SECONDS_MAX)
    return (context or client_context()).wrap_socket(raw, server_hostname="localhost")


@contextlib.contextmanager
def serving(talk):
    """Calls talk(socket) for one client in a thread. Gives the address, as HOST:PORT. A failure of
    talk() is one of the test, except that of a client that leaves."""
    failures = []

    def serve(listener):
        client, _ = listener.accept()
        with client:
            client.settimeout(SECONDS_MAX)
            try:
                talk(client)
            except OSError:  # also those of ssl
                pass
            except Exception as failure:
                failures.append(failure)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS_MAX)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield "127.0.0.1:{}".format(listener.getsockname()[1])
        finally:
            thread.join()
    for failure in failures:
        raise failure


def serving_securely(talk, cert="good"):
    """The same over TLS."""
    def secured(client):
        with server_context(cert).wrap_socket(client, server_side=True) as wrapped:
            talk(wrapped)
    return serving(secured)


class Dialogue:
    """A program that is read and written step by step. What it says on standard error counts, too.
    Where it says nothing in time, it ends, and what it has said is shown."""

    def __init__(self, *command, **more):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, **more)
        self.said = b""
        self.read_to = 0
        self.timer = threading.Timer(SECONDS_MAX, self.process.kill)

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        self.process.kill()
        self.process.communicate()

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def hear(self, text):
        """Everything up to and including `text`."""
        while text.encode() not in self.said[self.read_to:]:
            more = self.process.stdout.read1(1 << 16)
            if not more:
                raise AssertionError(f"expected {text!r} after {self.said.decode()}")
            self.said += more
        begin = self.read_to
        self.read_to = self.said.index(text.encode(), begin) + len(text)
        return self.said[begin:self.read_to].decode()

    def end(self):
        """What else it says, and its exit code."""
        rest = self.said[self.read_to:] + self.process.communicate(timeout=SECONDS_MAX)[0]
        return rest.decode(errors="replace"), self.process.returncode


def s_client(address, *options):
    return Dialogue("openssl", "s_client", "-connect", "{}:{}".format(*address), "-CAfile", ROOT,
                    "-verify_return_error", "-verify_hostname", "localhost", *options)


@contextlib.contextmanager
def s_server(*options, cert="good"):
    with Dialogue("openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert",
                  certificate(cert), "-cert_chain", certificate(cert), "-key", key(cert),
                  *options) as server:
        server.hear("ACCEPT ")
        yield server, server.hear("\n").strip()


NGINX_STREAMS = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr crit;
{modules}
events {{ }}
{block} {{
  {settings}
  server {{
    listen {host}:{port} {how};
    {text}
  }}
}}
"""
NGINX_OF_WEB = "access_log off; " + " ".join(
    f"{name}_temp_path {{folder}}/{name};"
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


@contextlib.contextmanager
def nginx(text, how="", block="http"):
    """Its address, as (host, port). `text` is what is in the server's braces, `how` what is behind
    its address, such as `ssl`."""
    with tempfile.TemporaryDirectory() as folder, \
            socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        settings, modules = NGINX_OF_WEB.format(folder=folder), ""
        if block == "stream":
            settings, modules = "", f"load_module {NGINX_STREAMS};"
        file, said = Path(folder, "conf"), Path(folder, "said")
        file.write_text(NGINX.format(
            folder=folder, modules=modules, block=block, settings=settings, host=host, port=port,
            how=how, text=text))
        with said.open("w") as out, subprocess.Popen(
                [shutil.which("nginx", path=PATHS), "-e", "stderr", "-c", file], stderr=out,
                # As when it replaces itself: it takes over a socket that listens already.
                env={**os.environ, "NGINX": f"{listener.fileno()};"},
                pass_fds=[listener.fileno()], start_new_session=True) as process:
            listener.close()
            try:
                yield host, port
            finally:
                if process.poll() is not None:
                    print(f"nginx has ended: {said.read_text()}", file=sys.stderr)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # its worker, too


def exchange_in_bytes(incoming, outgoing, wire, step):
    """Calls step(), a call of an object on these two BIOs, until it wants no more input. What it
    writes leaves a byte at a time."""
    while True:
        try:
            result = step()
        except ssl.SSLWantReadError:
            result = None
        for one in outgoing.read():
            wire.sendall(bytes([one]))
        if result is not None:
            return result
        data = wire.recv(1 << 16)
        if not data:
            raise AssertionError("the peer has left")
        incoming.write(data)

# SPDX-License-Identifier: MIT
"""The proxy between two programs of other projects: curl, and Python's http.server. Also as the end
of TLS, as its beginning, and as both."""

import contextlib
import hashlib
import http.server
import json
import socket
import struct
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from example_programs import (MUCH, SECONDS_MAX, ExamplesTest, connect, needs, receive_all, run,
                              running)
from tls_peers import (ROOT, certificate, connect_secure, has_tls, key, serving_securely)

LARGE = MUCH * 4
POST_SIZE = 10 << 20
CHUNK_SIZE = 50_000
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/chunked":
            return self.answer_in_chunks(MUCH)
        self.answer({"/large": LARGE, "/small": b"small\n"}[self.path])

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.answer(digest(self.rfile.read(size)).encode())

    def do_PUT(self):
        """In chunks: the size is not known before the end."""
        received = bytearray()
        while size := int(self.rfile.readline(), 16):
            received += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        self.answer(digest(received).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_in_chunks(self, body):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), CHUNK_SIZE):
            chunk = body[at:at + CHUNK_SIZE]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        """Silent."""


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections = 0
        self.broken = threading.Event()

    def process_request(self, *request):
        self.connections += 1
        super().process_request(*request)

    def handle_error(self, *_):
        self.broken.set()


@contextlib.contextmanager
def serving():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def proxy(backend, target, *options, **more):
    return running(backend, "proxy", "--listen", "127.0.0.1:0", *options, target, **more)


def end_of_tls(backend, target, cert="good"):
    return proxy(backend, target, "--tls-cert", certificate(cert), "--tls-key", key(cert))


@needs("curl")
class Proxy(ExamplesTest):
    @contextlib.contextmanager
    def between(self, backend):
        """A server, and the proxy's address before it."""
        with serving() as server, proxy(backend, "{}:{}".format(*server.server_address)) as (
                process, address):
            yield server, address
            self.assertIsNone(process.poll(), "the proxy has ended")

    def curl(self, *words, returncode=0):
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "-m", str(SECONDS_MAX), *words],
                              capture_output=True, timeout=2 * SECONDS_MAX)
        self.assertEqual(done.returncode, returncode, done.stderr.decode())
        return done.stdout

    @staticmethod
    def url(address, path):
        return "http://{}:{}{}".format(*address, path)

    def test_passes_a_large_file(self):
        for backend in self.on_every_backend():
            with self.between(backend) as (_, address):
                self.assertEqual(digest(self.curl(self.url(address, "/large"))), digest(LARGE))

    def test_keeps_one_connection_for_several_requests(self):
        for backend in self.on_every_backend():
            with self.between(backend) as (server, address):
                urls = [self.url(address, path) for path in ("/small", "/chunked", "/small")]
                received = self.curl("-w", "%{stderr}%{num_connects}", *urls)
                self.assertEqual(digest(received), digest(b"small\n" + MUCH + b"small\n"))
                self.assertEqual(server.connections, 1)

    def test_serves_several_at_once(self):
        for backend in self.on_every_backend():
            with self.between(backend) as (server, address):
                url = self.url(address, "/chunked")
                received = self.curl("--parallel", "--parallel-immediate", "--parallel-max", "8",
                                     "-w", "%{json}", *(["-o", "/dev/null", url] * 8))
                sizes = [json.loads(line)["size_download"] for line in
                         received.decode().replace("}{", "}\n{").splitlines()]
                self.assertEqual(sizes, [len(MUCH)] * 8)

    def test_passes_a_post_of_10_mib(self):
        body = MUCH + MUCH[:POST_SIZE - len(MUCH)]
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(body)
            for backend in self.on_every_backend():
                with self.between(backend) as (_, address):
                    answer = self.curl("--data-binary", f"@{file.name}", self.url(address, "/"))
                    self.assertEqual(answer.decode(), digest(body))

    def test_passes_an_upload_in_chunks(self):
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(MUCH)
            for backend in self.on_every_backend():
                with self.between(backend) as (_, address):
                    answer = self.curl("-T", file.name, "-H", "Transfer-Encoding: chunked",
                                       self.url(address, "/"))
                    self.assertEqual(answer.decode(), digest(MUCH))

    def test_passes_the_end_of_a_request_on_and_then_the_whole_answer(self):
        for backend in self.on_every_backend():
            with self.between(backend) as (_, address), connect(address) as client:
                client.sendall(b"GET /large HTTP/1.0\r\n\r\n")
                client.shutdown(socket.SHUT_WR)
                _, _, body = receive_all(client).partition(b"\r\n\r\n")
                self.assertEqual(digest(body), digest(LARGE))

    def test_tells_the_server_of_a_client_that_leaves_in_the_middle(self):
        for backend in self.on_every_backend():
            with self.between(backend) as (server, address):
                self.curl("--max-filesize", "1000", self.url(address, "/large"), returncode=63)
                self.assertTrue(server.broken.wait(SECONDS_MAX))
                self.assertEqual(self.curl(self.url(address, "/small")), b"small\n")

    def test_tells_the_server_of_a_client_that_resets(self):
        for backend in self.on_every_backend():
            with self.between(backend) as (server, address):
                with connect(address) as client:
                    client.sendall(b"GET /large HTTP/1.1\r\n\r\n")
                    self.assertEqual(client.recv(4), b"HTTP")
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                self.assertTrue(server.broken.wait(SECONDS_MAX))
                self.assertEqual(self.curl(self.url(address, "/small")), b"small\n")


@has_tls
@needs("curl")
class TwoProxiesWithTlsBetweenThem(Proxy):
    """Each test again: the clients and the server do not notice."""

    @contextlib.contextmanager
    def between(self, backend):
        with serving() as server, \
                end_of_tls(backend, "{}:{}".format(*server.server_address)) as (end, (_, port)), \
                proxy(backend, f"localhost:{port}", "--tls-roots", ROOT) as (begin, address):
            with connect(("127.0.0.1", port)) as plain:
                plain.sendall(b"GET /small HTTP/1.1\r\n\r\n")
                self.assertEqual(receive_all(plain), b"", "it is not plain between them")
            yield server, address
            self.assertEqual((end.poll(), begin.poll()), (None, None), "a proxy has ended")


@has_tls
class ProxyWithTls(ExamplesTest):
    def test_takes_a_certificate_with_its_key_alone(self):
        for given, missing in (("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")):
            done = run("", "proxy", given, ROOT, "127.0.0.1:1")
            self.assertIn(f"{given} requires {missing}", done.stderr)
        done = run("", "proxy", "--tls-cert", certificate("good"), "--tls-key", key("other"),
                   "127.0.0.1:1")
        self.assertIn("the private key does not fit the certificate", done.stderr)

    @needs("curl")
    def test_is_the_end_of_tls_for_a_plain_server(self):
        for backend in self.on_every_backend():
            with serving() as server, end_of_tls(
                    backend, "{}:{}".format(*server.server_address)) as (_, (_, port)):
                done = subprocess.run(
                    ["curl", "-sS", "--noproxy", "*", "-m", str(SECONDS_MAX), "--cacert", ROOT,
                     *(f"https://localhost:{port}/{path}" for path in ("small", "large"))],
                    capture_output=True, timeout=2 * SECONDS_MAX)
                self.assertEqual(digest(done.stdout), digest(b"small\n" + LARGE), done.stderr)
                self.assertEqual(server.connections, 1)

    def test_connects_for_a_client_whose_handshake_is_done(self):
        for backend in self.on_every_backend():
            with serving() as server, end_of_tls(
                    backend, "{}:{}".format(*server.server_address)) as (_, address):
                with connect(address) as plain:
                    plain.sendall(b"GET /small HTTP/1.0\r\n\r\n")
                    self.assertEqual(receive_all(plain), b"")
                with connect_secure(address) as client:
                    client.sendall(b"GET /small HTTP/1.0\r\n\r\n")
                    self.assertTrue(receive_all(client).endswith(b"\r\n\r\nsmall\n"))
                self.assertEqual(server.connections, 1)

    def test_tells_the_target_that_a_client_has_finished(self):
        heard = []

        def talk(client):
            heard.append(receive_all(client))
            client.sendall(b"fine")
            client.unwrap()
        for backend in self.on_every_backend():
            heard.clear()
            with serving_securely(talk) as target, \
                    proxy(backend, target, "--tls-roots", ROOT) as (_, address), \
                    connect(address) as client:
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(receive_all(client), b"fine")
            self.assertEqual(heard, [b"hello"])

    def test_tells_a_client_that_the_target_has_finished(self):
        finished = threading.Event()

        def talk(client):
            client.sendall(b"enough")
            client.unwrap()  # waits for the other end
            finished.set()
        for backend in self.on_every_backend():
            finished.clear()
            with serving_securely(talk) as target, \
                    proxy(backend, target, "--tls-roots", ROOT) as (_, address), \
                    connect(address) as client:
                self.assertEqual(receive_all(client), b"enough")
                client.shutdown(socket.SHUT_WR)
                self.assertTrue(finished.wait(SECONDS_MAX))

    def test_resets_a_client_where_the_target_leaves_without_an_end(self):
        def leave(client):
            client.recv(100)
            client.sendall(b"half")
            client.shutdown(socket.SHUT_RDWR)
        for backend in self.on_every_backend():
            with serving_securely(leave) as target, \
                    proxy(backend, target, "--tls-roots", ROOT) as (_, address), \
                    connect(address) as client:
                client.sendall(b"hello")
                with self.assertRaises(ConnectionResetError):
                    receive_all(client)

    def test_resets_and_names_a_client_whose_target_it_may_not_trust(self):
        heard = []
        for backend in self.on_every_backend():
            for cert, options, said in (
                    ("wrong_host", ("--tls-roots", ROOT), "the certificate is for "
                     "elsewhere.example, not for 127.0.0.1\n"),
                    ("good", ("--tls-target",), "which leads to no trusted root; the peer may "
                     "lack its chain\n")):
                with serving_securely(lambda client: heard.append(client.recv(100)), cert) as (
                        target), \
                        proxy(backend, target, *options, stderr=subprocess.PIPE) as (
                            process, address), connect(address) as client:
                    peer = "{}:{}".format(*client.getsockname())
                    # What the client says is not sent to such a target, also if it is early.
                    with self.assertRaises(ConnectionResetError):
                        client.sendall(b"secret")
                        client.recv(1)
                    line = process.stderr.readline()
                    self.assertTrue(line.startswith(f"{peer}: tls: the certificate "), line)
                    self.assertTrue(line.endswith(said), line)
        self.assertEqual(heard, [])


if __name__ == "__main__":
    unittest.main()

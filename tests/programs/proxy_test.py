"""The proxy between two programs of other projects: curl, and Python's http.server."""

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

from example_programs import MUCH, SECONDS_MAX, ExamplesTest, connect, needs, receive_all, running

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


@needs("curl")
class Proxy(ExamplesTest):
    @contextlib.contextmanager
    def between(self, backend):
        """A server, and the proxy's address before it."""
        with serving() as server:
            host, port = server.server_address
            with running(backend, "proxy", "--listen", "127.0.0.1:0", f"{host}:{port}") as (
                    proxy, address):
                yield server, address
                self.assertIsNone(proxy.poll(), "the proxy has ended")

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


if __name__ == "__main__":
    unittest.main()

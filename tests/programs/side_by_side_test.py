# SPDX-License-Identifier: MIT
"""The pairs of examples/side_by_side: the program on rondo and its twin with asyncio do the same,
towards the same peers, and the first is not much longer. docs/side_by_side.md shows them."""

import contextlib
import http.server
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from example_programs import (EXAMPLES, MUCH, SECONDS_MAX, Dialogue, ExamplesTest, backends,
                              connect, on, receive_all, run, running, send_all_aside,
                              unanswered_address)

TOP = Path(__file__).resolve().parent.parent.parent
SOURCES = TOP / "examples" / "side_by_side"
PAGE = TOP / "docs" / "side_by_side.md"
NAMES = ("echo", "chat", "udp_ping", "timer", "http_get", "port_scan", "child", "worker")
RATIO_MAX = 1.3
FOR_EVER = "1000000000"  # the primes below this take hours


def count_lines(source):
    """Without empty lines and comments."""
    comment = "#" if source.suffix == ".py" else "//"
    lines = (line.strip() for line in source.read_text(encoding="utf-8").splitlines())
    return sum(bool(line) and not line.startswith(comment) for line in lines)


class SideBySidePage(unittest.TestCase):
    def test_no_program_is_much_longer_than_its_twin(self):
        self.assertEqual({path.stem for path in SOURCES.glob("*.cpp")}, {*NAMES})
        self.assertEqual({path.stem for path in SOURCES.glob("*.py")}, {*NAMES})
        page = PAGE.read_text(encoding="utf-8")
        for name in NAMES:
            with self.subTest(program=name):
                here = count_lines(SOURCES / f"{name}.cpp")
                there = count_lines(SOURCES / f"{name}.py")
                self.assertLessEqual(here / there, RATIO_MAX)
                row = rf"^\|[^|]*/side_by_side/{name}\.cpp\)[^|]*/{name}\.py\) \| (.*) \|$"
                said = re.search(row, page, re.M)
                self.assertIsNotNone(said, "the page has no row for it")
                self.assertEqual(said[1], f"{here} | {there} | {here / there:.2f}")

    def test_shows_what_the_files_contain(self):
        blocks = re.findall(r"^```(?:cpp server|c\+\+|python)\n(.*?)^```$",
                            PAGE.read_text(encoding="utf-8"), re.M | re.S)
        files = {re.sub(r"^(#!|.*SPDX-License-Identifier).*\n", "", path.read_text(), flags=re.M)
                 for name in NAMES for path in SOURCES.glob(f"{name}.*")}
        self.assertEqual(len(blocks), 4)
        self.assertLessEqual({*blocks}, files)


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"you have asked for {self.path}\n".encode() * 1000
        self.send_response(404 if self.path == "/none" else 200)
        if self.path != "/until-the-end":
            self.send_header("Content-Length", str(len(body) + (self.path == "/cut-off")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def web_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "http://{}:{}".format(*server.server_address)
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def echo_of_datagrams(lost):
    """Echoes what it receives, and keeps one text for itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        echo.bind(("127.0.0.1", 0))

        def serve():
            while (received := echo.recvfrom(100))[0] != b"end":
                if received[0] != lost:
                    echo.sendto(*received)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "{}:{}".format(*echo.getsockname())
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"end", echo.getsockname())
            thread.join()


@contextlib.contextmanager
def started(backend, name, *arguments):
    """A program whose output is read line by line."""
    with subprocess.Popen([EXAMPLES / name, *arguments], env=on(backend), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


class SideBySideTest(ExamplesTest):
    def twins(self, name):
        """How to start it: on each backend, and with asyncio."""
        for backend in backends():
            with self.subTest(backend=backend):
                yield backend, f"side_by_side/{name}"
        with self.subTest(with_="asyncio"):
            yield backends()[0], sys.executable, SOURCES / f"{name}.py"

    def assert_fails(self, twin, *arguments):
        done = run(*twin, *arguments)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^\S[^\n]*\n$")  # one line, no traceback

    def end_by_ctrl_c(self, process, code):
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=SECONDS_MAX)
        # Some releases of Python 3.11 report the handlers of clients that were cancelled.
        error = "" if error.startswith("Exception in callback StreamReaderProtocol") else error
        self.assertEqual((process.returncode, error), (code, ""))
        return output

    def test_echo(self):
        for twin in self.twins("echo"):
            with running(*twin, "127.0.0.1:0", stderr=subprocess.PIPE) as (process, address):
                with connect(address) as client, connect(address) as idle:
                    sender = send_all_aside(client, MUCH)
                    self.assertEqual(receive_all(client), MUCH)
                    sender.join()
                    self.assert_fails(twin, "{}:{}".format(*address))  # the port is taken
                    self.end_by_ctrl_c(process, 0)
                    self.assertEqual(receive_all(idle), b"")

    def test_chat(self):
        for twin in self.twins("chat"):
            with running(*twin, "127.0.0.1:0", stderr=subprocess.PIPE) as (process, address):
                with connect(address) as first, connect(address) as second:
                    anna, berta = (one.makefile("rwb", buffering=0) for one in (first, second))
                    for member in anna, berta:
                        self.assertEqual(member.readline(), b"your name?\n")
                    anna.write(b"anna\n")
                    anna.write(b"is there an answer?\n")
                    self.assertEqual(anna.readline(), b"anna: is there an answer?\n")
                    berta.write(b"berta\r\nhel")
                    self.assertEqual(anna.readline(), b"berta has come\n")
                    berta.write(b"lo\r\nnot a whole line")
                    self.assertEqual(anna.readline(), b"berta: hello\n")
                    self.assertEqual(berta.readline(), b"berta: hello\n")
                    second.shutdown(socket.SHUT_WR)
                    self.assertEqual(anna.readline(), b"berta has left\n")
                    self.assertEqual(berta.readline(), b"")
                    self.end_by_ctrl_c(process, 0)
                    self.assertEqual(anna.readline(), b"")
                    anna.close()
                    berta.close()

    def test_chat_disconnects_a_client_that_does_not_read(self):
        for twin in self.twins("chat"):
            with running(*twin, "127.0.0.1:0") as (_, address):
                with socket.socket() as slow, Dialogue(connect(address)) as fast:
                    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    slow.connect(address)
                    fast.socket.sendall(b"fast\n")
                    self.assertEqual(fast.file.readline(), b"your name?\n")
                    slow.sendall(b"slow\n")
                    self.assertEqual(fast.file.readline(), b"slow has come\n")
                    line = b"x" * 900 + b"\n"
                    said = set()
                    while b"slow has left\n" not in said:
                        fast.socket.sendall(50 * line)  # fewer bytes than a client may leave unread
                        said = {fast.file.readline() for _ in range(50)}
                        self.assertLessEqual(said, {b"fast: " + line, b"slow has left\n"})

    def test_udp_ping(self):
        for twin in self.twins("udp_ping"):
            with echo_of_datagrams(lost=b"2") as address:
                done = run(*twin, address, "3")
            self.assertEqual((done.returncode, done.stderr), (1, ""))
            self.assertRegex(done.stdout,
                             r"^1: \d+\.\d{3} ms\n2: lost\n3: \d+\.\d{3} ms\n2 of 3 answered\n$")
            with unanswered_address() as address:
                self.assert_fails(twin, address)
            self.assert_fails(twin)

    def test_udp_ping_ends_at_ctrl_c(self):
        for twin in self.twins("udp_ping"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
                silent.bind(("127.0.0.1", 0))
                with started(*twin, "{}:{}".format(*silent.getsockname())) as process:
                    self.assertEqual(silent.recv(100), b"1")
                    self.end_by_ctrl_c(process, 130)

    def test_timer(self):
        for twin in self.twins("timer"):
            begin = time.monotonic()
            with started(*twin) as process:
                lines = [process.stdout.readline() for _ in range(5)]
                self.assertGreater(time.monotonic() - begin, 0.5)
                lines += self.end_by_ctrl_c(process, 0).splitlines(keepends=True)
            *ticks, summary = lines
            self.assertEqual(ticks, [f"tick {i}\n" for i in range(1, len(ticks) + 1)])
            said = re.fullmatch(r"(\d+) ticks in (\d+) ms\n", summary)
            self.assertEqual(int(said[1]), len(ticks))
            self.assertGreaterEqual(int(said[2]), 100 * len(ticks))

    def test_http_get(self):
        for twin in self.twins("http_get"):
            with web_server() as url:
                size = len("you have asked for \n") * 1000
                for path, status in (("", "200 OK"), ("/a?b", "200 OK"), ("/none", "404 Not Found"),
                                     ("/until-the-end", "200 OK")):
                    done = run(*twin, url + path)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    bytes_read = size + 1000 * len(path or "/")
                    self.assertEqual(done.stdout, f"{status}, {bytes_read} bytes\n")
                self.assert_fails(twin, url + "/cut-off")
            with unanswered_address() as address:
                self.assert_fails(twin, f"http://{address}/")
            self.assert_fails(twin, "ftp://127.0.0.1/")
            self.assert_fails(twin)

    def test_http_get_ends_at_ctrl_c(self):
        for twin in self.twins("http_get"):
            with socket.create_server(("127.0.0.1", 0)) as server:
                with started(*twin, "http://{}:{}".format(*server.getsockname())) as process:
                    client, _ = server.accept()
                    with client:
                        self.assertEqual(client.recv(4), b"GET ")
                        self.end_by_ctrl_c(process, 130)

    def test_port_scan(self):
        servers = self.enterContext(contextlib.ExitStack())
        ports = [servers.enter_context(running(*echo, "127.0.0.1:0"))[1][1]
                 for echo in self.twins("echo")]
        for twin in self.twins("port_scan"):
            for port in ports:
                first = max(1, min(port - 100, 65336))
                done = run(*twin, "127.0.0.1", str(first))
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                *said, summary = done.stdout.splitlines()
                self.assertIn(f"port {port} is open", said)
                self.assertEqual(summary, f"{len(said)} of 200 ports are open")
            self.assert_fails(twin, "a..b", "1000")
            self.assert_fails(twin)

    def test_port_scan_does_not_wait_for_ever(self):
        with socket.socket() as full, contextlib.ExitStack() as clients:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(3):  # more than have room; the next one's handshake is not answered
                client = clients.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            port = full.getsockname()[1]
            for twin in self.twins("port_scan"):
                done = run(*twin, "127.0.0.1", str(max(1, min(port - 100, 65336))))
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertNotIn(f"port {port} ", done.stdout)

    def test_child(self):
        for twin in self.twins("child"):
            for script, code, said in (
                    ("printf 'one\\n\\nthree'; exit 3", 3, "1: one\n2: \n3: three\nexit code 3\n"),
                    ("printf '\\377\\n'", 0, "1: \N{REPLACEMENT CHARACTER}\nexit code 0\n"),
                    ("echo one; kill -9 $$", 137, "1: one\nsignal 9 (Killed)\n")):
                done = run(*twin, "sh", "-c", script)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (code, said, ""))
            self.assert_fails(twin, "/no/such/program")
            self.assert_fails(twin)

    def test_child_is_killed_at_ctrl_c(self):
        for twin in self.twins("child"):
            with started(*twin, "sh", "-c", "echo one; exec sleep 1000") as process:
                self.assertEqual(process.stdout.readline(), "1: one\n")  # while it runs
                self.end_by_ctrl_c(process, 130)  # its standard error is closed, too

    def test_worker(self):
        for twin in self.twins("worker"):
            done = run(*twin, "100000")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout.replace("tick\n", ""), "9592 primes below 100000\n")
            self.assert_fails(twin)

    def test_worker_ticks_and_ends_at_ctrl_c(self):
        for twin in self.twins("worker"):
            with started(*twin, FOR_EVER) as process:
                for _ in range(3):
                    self.assertEqual(process.stdout.readline(), "tick\n")
                self.end_by_ctrl_c(process, 130)


if __name__ == "__main__":
    unittest.main()

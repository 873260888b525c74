# SPDX-License-Identifier: MIT
"""examples/http with raw sockets, Python's http.client and curl: requests, bodies, limits, the end
of the server, the live page, the log, TLS."""

import contextlib
import http.client
import json
import re
import select
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from example_programs import (MUCH, SECONDS_MAX, ExamplesTest, connect, needs, receive_all,
                              send_all_aside)
from http_peers import CLOSE, HEAD, Client, answers, ask, chunks, get, send, serving, site, statuses
from tls_peers import certificate, client_context, connect_secure, has_tls, key

HELLO = get("/hello")
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
LEAVES = signal.SIGTERM


def post(body):
    return POST + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Requests(ExamplesTest):
    def test_one_by_one_on_one_connection_of_python(self):
        for backend in self.on_every_backend():
            with serving(backend) as (_, address), contextlib.closing(
                    http.client.HTTPConnection(*address, timeout=SECONDS_MAX)) as client:
                for method, path, body, status, answer in (
                        ("GET", "/hello", None, 200, b"hello\n"),
                        ("HEAD", "/hello", None, 200, b""),
                        ("GET", "/none", None, 404, b"404 Not Found\n"),
                        ("POST", "/echo", b"x" * 100_000, 200, b"x" * 100_000),
                        ("POST", "/echo", iter([b"ab", b"c" * 50_000]), 200, b"ab" + b"c" * 50_000),
                        ("OPTIONS", "/hello", None, 204, b""),
                        ("DELETE", "/hello", None, 405, b"405 Method Not Allowed\n")):
                    client.request(method, path, body)
                    peer = client.sock.getsockname()
                    got = client.getresponse()
                    self.assertEqual((got.status, got.read()), (status, answer), (method, path))
                    if status in (204, 405):
                        self.assertEqual(got.headers["Allow"], "GET, HEAD, OPTIONS")
                    self.assertEqual(client.sock.getsockname(), peer, "it was closed")

    def test_have_a_date_and_a_length(self):
        for backend in self.on_every_backend():
            with serving(backend) as (_, address):
                head = send(address, [get("/hello", method=b"HEAD")])
                self.assertRegex(head.decode(), r"\AHTTP/1.1 200 OK\r\n"
                                 r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n"
                                 r"Content-Type: text/plain\r\nContent-Length: 6\r\n\r\n\Z")

    def test_that_are_pipelined_are_answered_in_order(self):
        with site() as root:
            Path(root, "small").write_bytes(b"small")
            Path(root, "large").write_bytes(MUCH[:300_000])
            for backend in self.on_every_backend():
                with serving(backend, root=root) as (_, address):
                    bodies, data = [], b""
                    for i in range(200):
                        for request, body in ((get("/small"), b"small"), (HELLO, b"hello\n"),
                                              (post(b"%d" % i), b"%d" % i)):
                            data += request
                            bodies.append(body)
                        if i % 20 == 0:
                            data += get("/large")
                            bodies.append(MUCH[:300_000])
                    with connect(address) as client:
                        thread = send_all_aside(client, data)
                        received = receive_all(client)
                        thread.join()
                    self.assertEqual([answer.body for answer in answers(received)], bodies)

    def test_wait_while_their_answers_are_not_read(self):
        """Far more answers than the server may queue for a client."""
        count = 3000
        with site() as root:
            Path(root, "file").write_bytes(MUCH[:20_000])
            for backend in self.on_every_backend():
                with serving(backend, root=root) as (process, address), connect(address) as client:
                    thread = send_all_aside(client, get("/file") * count)
                    received = ask(address, HELLO)  # others are served meanwhile
                    self.assertEqual(received[0].body, b"hello\n")
                    size = 0
                    while data := client.recv(1 << 16):
                        size += len(data)
                    thread.join()
                    self.assertGreater(size, count * 20_000)
                    self.assertEqual(size % count, 0)

    def test_that_are_the_last_ones_are_answered_so(self):
        for backend in self.on_every_backend():
            with serving(backend, "--requests-max", "3") as (_, address):
                found = ask(address, HELLO * 5)
                self.assertEqual([one.fields.get("connection") for one in found],
                                 [None, None, "close"])
                found = ask(address, b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
                self.assertEqual([one.fields["connection"] for one in found], ["keep-alive"] * 2)


class Bodies(ExamplesTest):
    def test_are_awaited_if_they_are_welcome(self):
        expects = b"Expect: 100-continue\r\n"
        for backend in self.on_every_backend():
            with serving(backend) as (_, address):
                for length, body in ((b"Content-Length: 5", b"hello"),
                                     (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")):
                    with Client(address) as client:
                        client.send(POST + expects + length + b"\r\n\r\n")
                        self.assertEqual(client.head(), b"HTTP/1.1 100 Continue\r\n\r\n")
                        client.send(body + HELLO)
                        self.assertEqual(client.answer().body, b"hello")
                        self.assertEqual(client.answer().body, b"hello\n")
                for path, length, status in ((b"hello", 5, 405), (b"none", 5, 404),
                                             (b"echo", 9_999_999, 413)):
                    with Client(address) as client:
                        client.send(b"POST /%s HTTP/1.1\r\nContent-Length: %d\r\n%s%s" % (
                            path, length, expects, HEAD))
                        answer = client.answer()
                        self.assertEqual((answer.status, answer.fields["connection"]),
                                         (status, "close"))
                        self.assertTrue(client.ended())

    def test_have_a_limit(self):
        for backend in self.on_every_backend():
            with serving(backend, "--body-max", "10") as (_, address):
                chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
                self.assertEqual(ask(address, post(b"x" * 10))[0].body, b"x" * 10)
                self.assertEqual(statuses(send(address, [post(b"x" * 11)])), (413,))
                self.assertEqual(statuses(send(address, [
                    chunked + b"5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n"])), (200,))
                self.assertEqual(statuses(send(address, [
                    chunked + b"5\r\n12345\r\n6\r\n678901\r\n0\r\n\r\n"])), (413,))

    @needs("curl")
    def test_of_curl_in_chunks_and_with_a_length(self):
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(MUCH[:900_000])
            for backend in self.on_every_backend():
                with serving(backend) as (_, address):
                    for fields in ("Transfer-Encoding: chunked", "X: y", "Expect:"):
                        done = subprocess.run(
                            ["curl", "-sS", "--noproxy", "*", "-m", str(SECONDS_MAX), "-T",
                             file.name, "-H", fields, "http://{}:{}/echo".format(*address)],
                            capture_output=True, timeout=2 * SECONDS_MAX)
                        self.assertTrue(done.stdout == MUCH[:900_000], done.stderr)


class Limits(ExamplesTest):
    def test_of_the_head_can_be_set(self):
        for backend in self.on_every_backend():
            with serving(backend, "--line-max", "100", "--head-max", "300",
                         "--fields-max", "4") as (_, address):
                for fields, status in ((b"X: " + b"y" * 97 + b"\r\n", 200),
                                       (b"X: " + b"y" * 98 + b"\r\n", 431),
                                       (b"X: y\r\n" * 3, 200), (b"X: y\r\n" * 4, 431),
                                       ((b"X: " + b"y" * 90 + b"\r\n") * 3, 431)):
                    self.assertEqual(statuses(send(address, [get("/hello", fields)])), (status,))
                long = b"GET /" + b"a" * 100
                self.assertEqual(statuses(send(address, [long], end=False)), (414,))

    def test_end_a_head_that_does_not_come_whole(self):
        for backend in self.on_every_backend():
            with serving(backend, "--head-timeout", "0.2") as (_, address):
                for begin, found in ((b"GET /h", (408,)), (HELLO + b"GET", (200, 408))):
                    self.assertEqual(statuses(send(address, [begin], end=False)), found)
                with connect(address) as client:  # it may not be slow, either
                    client.sendall(b"GET /hello HTTP/1.1\r\n")
                    while not select.select([client], [], [], 0.01)[0]:
                        client.sendall(b"X: y\r\n")
                    self.assertEqual(client.recv(12), b"HTTP/1.1 408")

    def test_end_a_body_that_does_not_come_whole(self):
        for backend in self.on_every_backend():
            with serving(backend, "--body-timeout", "0.2") as (_, address):
                self.assertEqual(statuses(send(address, [post(b"hello")[:-1]], end=False)), (408,))

    def test_end_a_silent_connection_without_an_answer(self):
        for backend in self.on_every_backend():
            with serving(backend, "--idle-timeout", "0.2") as (_, address):
                self.assertEqual(send(address, [], end=False), b"")
                self.assertEqual(statuses(send(address, [HELLO], end=False)), (200,))

    def test_of_connections_from_one_address(self):
        for backend in self.on_every_backend():
            with serving(backend, "--connections-per-address-max", "1") as (_, address):
                with Client(address) as client:
                    client.send(HELLO)
                    client.answer()
                    with connect(address) as other:
                        self.assertEqual(other.recv(1), b"")


class Drain(ExamplesTest):
    def ended(self, process):
        self.assertEqual(process.wait(SECONDS_MAX), 0)

    def test_completes_what_has_begun(self):
        size = len(MUCH)
        with site() as root:
            Path(root, "large").write_bytes(MUCH)
            for backend in self.on_every_backend():
                with serving(backend, root=root) as (process, address), \
                        contextlib.ExitStack() as all:
                    idle, cut, loading, listening = (
                        all.enter_context(Client(address)) for _ in range(4))
                    idle.send(HELLO)
                    idle.answer()
                    loading.send(get("/large"))
                    self.assertIn(b"Content-Length: %d\r\n" % size, loading.head())
                    listening.send(get("/events"))
                    listening.head()
                    first = listening.file.readline()
                    cut.send(HELLO + post(b"hello")[:-1])
                    cut.answer()
                    process.send_signal(LEAVES)
                    self.assertTrue(idle.ended())
                    self.assertTrue(chunks(first + listening.file.read())[0].startswith(b"data: "))
                    with self.assertRaises(ConnectionRefusedError):
                        connect(address)
                    cut.send(b"o")
                    answer = cut.answer()
                    self.assertEqual((answer.body, answer.fields["connection"]),
                                     (b"hello", "close"))
                    self.assertTrue(cut.ended())
                    self.assertTrue(loading.file.read() == MUCH)
                    all.close()  # the server waits some seconds for clients that do not close
                    self.ended(process)

    def test_under_load_loses_no_answer_that_has_begun(self):
        """Each connection ends between two answers, and not inside one."""
        for backend in self.on_every_backend():
            with serving(backend) as (process, address):
                counts, failures = [], []
                begun = threading.Barrier(9, timeout=SECONDS_MAX)

                def load():
                    try:
                        with connect(address) as client:
                            client.sendall(HELLO * 4)
                            received = client.recv(1 << 16)
                            begun.wait()
                            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                                while True:
                                    client.sendall(HELLO * 4)
                                    data = client.recv(1 << 16)
                                    if not data:
                                        break
                                    received += data
                            counts.append(len(answers(received)))
                    except Exception as failure:
                        failures.append(failure)
                threads = [threading.Thread(target=load) for _ in range(8)]
                for thread in threads:
                    thread.start()
                begun.wait()
                process.send_signal(LEAVES)
                for thread in threads:
                    thread.join()
                self.assertEqual(failures, [])
                self.assertEqual(len(counts), 8)
                self.ended(process)


class Live(ExamplesTest):
    def test_sends_an_event_each_second(self):
        for backend in self.on_every_backend():
            with serving(backend) as (_, address), Client(address) as client:
                self.assertEqual(ask(address, HELLO + get("/none"))[0].status, 200)
                client.send(get("/events"))
                head = client.head()
                self.assertIn(b"Content-Type: text/event-stream\r\n", head)
                events = []
                while len(events) < 2:
                    line = client.file.readline()
                    if line.startswith(b"data: "):
                        events.append(json.loads(line[6:]))
                self.assertEqual([(one["connections"], one["requests"], one["failed"])
                                  for one in events], [(1, 3, 1)] * 2)
                self.assertGreater(events[0]["bytes"], 100)
                self.assertAlmostEqual(events[1]["uptime"] - events[0]["uptime"], 1, delta=0.9)

    def test_goes_on_when_some_have_left(self):
        for backend in self.on_every_backend():
            with serving(backend) as (process, address), Client(address) as client:
                for _ in range(20):
                    with Client(address) as other:
                        other.send(get("/events"))
                        other.head()
                client.send(get("/events"))
                client.head()
                for line in client.file:
                    if line.startswith(b"data: ") and json.loads(line[6:])["connections"] == 1:
                        break
                self.assertEqual(ask(address, HELLO)[0].status, 200)
                self.assertIsNone(process.poll())

    def test_is_plain_for_a_client_of_http_1_0(self):
        for backend in self.on_every_backend():
            with serving(backend) as (_, address), Client(address) as client:
                client.send(b"GET /events HTTP/1.0\r\n\r\n" + HELLO)
                self.assertNotIn(b"chunked", client.head())
                self.assertTrue(client.file.readline().startswith(b"data: {"))

    def test_page_needs_nothing_of_others(self):
        for backend in self.on_every_backend():
            with serving(backend) as (_, address):
                page = ask(address, get("/live"))[0]
                self.assertEqual(page.fields["content-type"], "text/html; charset=utf-8")
                self.assertIn(b"EventSource('/events')", page.body)
                self.assertNotRegex(page.body, rb"(src|href)=|https?://|@import|url\(")


class AccessLog(ExamplesTest):
    def test_has_a_line_for_each_answer(self):
        with tempfile.TemporaryDirectory() as folder:
            for backend in self.on_every_backend():
                log = Path(folder, f"log-{backend}")
                with serving(backend, "--log", log) as (process, address):
                    send(address, [HELLO + post(b"hi") + get("/none?a=b", method=b"HEAD")])
                    send(address, [b'GET /"\r\x1b[0m HTTP/1.1\r\n\r\n'])
                    process.send_signal(LEAVES)
                    self.assertEqual(process.wait(SECONDS_MAX), 0)
                lines = [re.fullmatch(r"127.0.0.1 - - \[\d\d/\w{3}/\d{4}(?::\d\d){3} \+0000\] (.*)",
                                      line)[1] for line in log.read_text().splitlines()]
                self.assertEqual(lines, ['"GET /hello HTTP/1.1" 200 6',
                                         '"POST /echo HTTP/1.1" 200 2',
                                         '"HEAD /none?a=b HTTP/1.1" 404 0', '"" 400 16'])


@has_tls
class Tls(ExamplesTest):
    def test_serves_the_same(self):
        with site() as root:
            Path(root, "large").write_bytes(MUCH)
            for backend in self.on_every_backend():
                with serving(backend, "--tls-cert", certificate("good"), "--tls-key", key("good"),
                          root=root) as (_, address):
                    with connect_secure(address) as client:
                        client.sendall(HELLO * 2 + post(b"x" * 100_000) + get("/large")
                                       + b"GET /hello HTTP/1.1\r\n" + CLOSE)
                        found = answers(receive_all(client))
                    self.assertEqual([one.body for one in found[:3]],
                                     [b"hello\n", b"hello\n", b"x" * 100_000])
                    self.assertTrue(found[3].body == MUCH)
                    with contextlib.closing(http.client.HTTPSConnection(
                            "localhost", address[1], timeout=SECONDS_MAX,
                            context=client_context())) as client:
                        client.request("GET", "/hello")
                        self.assertEqual(client.getresponse().read(), b"hello\n")


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""The examples with coroutines, with clients and servers in Python."""

import contextlib
import http.server
import re
import signal
import subprocess
import threading
import time
import unittest

from example_programs import (MUCH, SECONDS_MAX, ExamplesTest, connect, receive_all, run, running,
                              send_all_aside, unanswered_address)


class Handler(http.server.BaseHTTPRequestHandler):
    agents = set()

    def do_GET(self):
        Handler.agents.add(self.headers["User-Agent"])
        if self.path.endswith("/slow"):
            self.server.stopping.wait(SECONDS_MAX)
        body = f"you have asked for {self.path}\n".encode() * 1000
        self.send_response(404 if self.path.endswith("/none") else 200)
        self.end_headers()
        with contextlib.suppress(OSError):  # it gave up
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def web_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.stopping = threading.Event()
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "{}:{}".format(*server.server_address)
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()


class GreeterTest(ExamplesTest):
    def test_greets_many_and_ends_at_ctrl_c(self):
        for backend in self.on_every_backend():
            with running(backend, "greeter", "127.0.0.1:0") as (process, address):
                clients = [connect(address) for _ in range(20)]
                files = [client.makefile("rw", encoding="utf-8") for client in clients]
                for number, file in enumerate(files):
                    self.assertEqual(file.readline(), "who is there?\n")
                    file.write(f"client {number}\n")
                    file.flush()
                    self.assertEqual(file.readline(), f"hello, client {number}\n")
                for client, file in zip(clients[:10], files):
                    file.close()
                    client.close()
                said = run(backend, "greeted", "{}:{}".format(*address), "anna", "berta")
                self.assertEqual((said.returncode, said.stderr), (0, ""))
                self.assertEqual(said.stdout, "who is there?\nhello, anna\nhello, berta\n")
                process.send_signal(signal.SIGINT)
                for client in clients[10:]:
                    self.assertEqual(client.recv(1), b"")
                    client.close()
                self.assertEqual(process.wait(SECONDS_MAX), 0)

    def test_client_says_why_it_failed(self):
        for backend in self.on_every_backend():
            with unanswered_address() as address:
                said = run(backend, "greeted", address)
            self.assertEqual((said.returncode, said.stdout), (1, ""))
            self.assertEqual(said.stderr, f"connect to {address}: Connection refused\n")


class ChatTest(ExamplesTest):
    def test_passes_lines_on_to_all(self):
        for backend in self.on_every_backend():
            with running(backend, "coroutine_chat", "127.0.0.1:0") as (_, address):
                clients = [connect(address) for _ in range(2)]
                anna, berta = (client.makefile("rwb", buffering=0) for client in clients)
                anna.write(b"anna\n")
                self.assertEqual(anna.read(11), b"your name: ")
                self.assertEqual(berta.read(11), b"your name: ")
                berta.write(b"berta\nhel")
                self.assertEqual(anna.readline(), b"berta has come\n")
                berta.write(b"lo\n")
                self.assertEqual(anna.readline(), b"berta: hello\n")
                self.assertEqual(berta.readline(), b"berta: hello\n")
                berta.close()
                clients[1].close()
                self.assertEqual(anna.readline(), b"berta has left\n")
                anna.close()
                clients[0].close()


class ProxyTest(ExamplesTest):
    def test_passes_much_in_both_directions(self):
        for backend in self.on_every_backend():
            with running(backend, "echo", "--style", "coroutine", "--listen",
                         "127.0.0.1:0") as (_, echo):
                target = "{}:{}".format(*echo)
                with running(backend, "coroutine_proxy", "127.0.0.1:0", target) as (_, address):
                    with connect(address) as client:
                        sender = send_all_aside(client, MUCH)
                        self.assertEqual(receive_all(client), MUCH)
                        sender.join()

    def test_ends_a_client_whose_target_does_not_answer(self):
        for backend in self.on_every_backend():
            with unanswered_address() as target:
                with running(backend, "coroutine_proxy", "127.0.0.1:0", target,
                             stderr=subprocess.DEVNULL) as (_, address):
                    # It may be reset before connect() has returned.
                    with self.assertRaises(ConnectionResetError), connect(address) as client:
                        client.recv(1)


class WorkersTest(ExamplesTest):
    def test_do_every_job_once(self):
        for backend in self.on_every_backend():
            said = run(backend, "workers")
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            jobs = re.findall(r"^worker [1-3] has done job (\d)$", said.stdout, re.M)
            self.assertEqual(sorted(jobs), list("123456789"))


class CrawlerTest(ExamplesTest):
    def test_fetches_many_addresses(self):
        for backend in self.on_every_backend():
            with web_server() as host:
                addresses = [f"http://{host}/{number}" for number in range(50)]
                said = run(backend, "crawler", "--places", "5", *addresses, f"http://{host}/none")
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            self.assertEqual(said.stdout.count(": 200, "), 50)
            self.assertEqual(said.stdout.count("/none: 404, "), 1)
        self.assertEqual(len(Handler.agents), 3)

    def test_says_what_failed_and_tries_again(self):
        for backend in self.on_every_backend():
            with web_server() as host, unanswered_address() as deserted:
                begin = time.monotonic()
                said = run(backend, "crawler", "--timeout", "0.2", "--tries", "2",
                           f"http://{host}/slow", f"http://{deserted}/", "ftp://example.org")
            self.assertEqual(said.returncode, 1)
            lines = sorted(said.stdout.splitlines())
            self.assertEqual(lines, sorted([
                f"http://{host}/slow: no answer in time",
                f"http://{deserted}/: connect to {deserted}: Connection refused",
                "ftp://example.org: not an address like http://host/path",
            ]))
            self.assertGreater(time.monotonic() - begin, 0.2)

    def test_uses_proxies_in_turn(self):
        for backend in self.on_every_backend():
            with web_server() as first, web_server() as second:
                said = run(backend, "crawler", "--proxy", first, "--proxy", second,
                           "http://example.invalid/a", "http://example.invalid/b")
            self.assertEqual(said.returncode, 0)
            self.assertEqual(said.stdout.count(": 200, "), 2)


if __name__ == "__main__":
    unittest.main()

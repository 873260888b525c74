# SPDX-License-Identifier: MIT
"""The examples against clients and servers of Python's socket and asyncio."""

import asyncio
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from example_programs import (
    EXAMPLES, MUCH, SECONDS_MAX, ExamplesTest, connect, receive_all, run, running,
    send_all_aside, unanswered_address,
)


class Examples(ExamplesTest):
    def test_echo_by_sessions_gives_everything_back(self):
        for backend in self.on_every_backend():
            with running(backend, "echo", "--style", "session", "--listen", "127.0.0.1:0") as (
                    server, address):
                with connect(address) as small, connect(address) as large:
                    small.sendall(b"hello")
                    self.assertEqual(small.recv(100), b"hello")
                    thread = send_all_aside(large, MUCH)
                    self.assertEqual(receive_all(large), MUCH)
                    thread.join()
                server.send_signal(signal.SIGTERM)
                said = server.communicate(timeout=SECONDS_MAX)[0]
                self.assertEqual(said, f"served 2 clients, {len(MUCH) + 5} bytes\n")
                self.assertEqual(server.returncode, 0)

    def test_echo_by_sessions_drops_who_is_silent(self):
        for backend in self.on_every_backend():
            with running(backend, "echo", "--style", "session", "--idle-timeout", "0.05",
                         "--listen", "127.0.0.1:0") as (_, address), connect(address) as client:
                self.assertEqual(client.recv(1), b"")

    def test_the_article_s_client_meets_a_python_server(self):
        class Server(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b"who is there?\r\n")
                self.wfile.write(b"hello, " + self.rfile.readline())

        for backend in self.on_every_backend():
            with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
                thread = threading.Thread(target=server.serve_forever)
                thread.start()
                host, port = server.server_address
                done = run(backend, "article_client", f"{host}:{port}", "Ann")
                server.shutdown()
                thread.join()
            self.assertEqual(done.stdout, "who is there?\nhello, Ann\n", done.stderr)
            self.assertEqual(done.returncode, 0)

    def test_the_article_s_server_meets_a_python_makefile(self):
        for backend in self.on_every_backend():
            with running(backend, "article_server", "127.0.0.1:0") as (_, address):
                with connect(address) as client, client.makefile("rw") as text:
                    self.assertEqual(text.readline(), "who is there?\n")
                    text.write("Zoë\nand\n")
                    text.flush()
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(text.read(), "hello, Zoë\nhello, and\n")

    def test_the_article_s_server_meets_asyncio(self):
        async def talk(address):
            reader, writer = await asyncio.open_connection(*address)
            self.assertEqual(await reader.readline(), b"who is there?\n")
            writer.write(b"Bob\n")
            self.assertEqual(await reader.readline(), b"hello, Bob\n")
            writer.close()
            await writer.wait_closed()

        for backend in self.on_every_backend():
            with running(backend, "article_server", "127.0.0.1:0") as (_, address):
                asyncio.run(asyncio.wait_for(talk(address), SECONDS_MAX))

    def test_the_article_s_client_says_why_it_cannot_connect(self):
        for backend in self.on_every_backend():
            with unanswered_address() as address:
                done = run(backend, "article_client", address)
            self.assertEqual(done.stderr, f"connect to {address}: Connection refused\n")
            self.assertEqual(done.returncode, 1)

    def test_chat_passes_lines_on(self):
        for backend in self.on_every_backend():
            with running(backend, "chat", "--listen", "127.0.0.1:0") as (server, address):
                with connect(address) as ann, connect(address) as bob:
                    anns, bobs = ann.makefile("rw"), bob.makefile("rw")
                    for text, name in ((anns, "ann"), (bobs, "bob")):
                        self.assertEqual(text.readline(), "Your nickname?\n")
                        text.write(f"{name}\n")
                        text.flush()
                        self.assertRegex(text.readline(), r"^\* here are: .*\b" + name)
                    self.assertEqual(anns.readline(), "* bob has joined\n")
                    anns.write("x" * 5000 + "\nhello\n")
                    anns.flush()
                    self.assertRegex(anns.readline(), "^! no more than 1000 bytes")
                    self.assertEqual(bobs.readline(), "ann: hello\n")
                    server.send_signal(signal.SIGTERM)
                    self.assertIn(anns.read(), ("", "* bob has left\n"))
                self.assertEqual(server.wait(SECONDS_MAX), 0)

    @unittest.skipUnless((EXAMPLES / "chat_in_a_box").exists(), "without the simulated network")
    def test_chat_holds_in_a_network_that_does_its_worst(self):
        done = subprocess.run([EXAMPLES / "chat_in_a_box", "--seeds", "200"], text=True,
                              capture_output=True, timeout=10 * SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"^200 seeds hold: [1-9]\d+ joins, [1-9]\d+ lines said, "
                         r"[1-9]\d+ lines and notices heard, [1-9]\d+ dropped for not reading, "
                         r"[1-9]\d+ partitions, [1-9]\d+ crashes\n$")

    @unittest.skipUnless((EXAMPLES / "chat_in_a_box").exists(), "without the simulated network")
    def test_a_seed_of_the_chat_is_the_same_each_time(self):
        with tempfile.TemporaryDirectory() as folder:
            traces = [Path(folder, name) for name in ("one", "other")]
            for trace in traces:
                subprocess.run([EXAMPLES / "chat_in_a_box", "--seed", "7", "--trace", trace],
                               check=True, capture_output=True, timeout=SECONDS_MAX)
            self.assertGreater(len(traces[0].read_text().splitlines()), 100)
            self.assertEqual(*(trace.read_text() for trace in traces))

    def test_the_text_client_talks_with_the_chat(self):
        words = "carl\nhello\n/quit\n"
        with tempfile.TemporaryFile("w+") as file:
            file.write(words)
            for backend in self.on_every_backend():
                with running(backend, "chat", "--listen", "127.0.0.1:0") as (_, (host, port)):
                    piped = run(backend, "text_client", f"{host}:{port}", input=words)
                    file.seek(0)
                    read = run(backend, "text_client", f"{host}:{port}", stdin=file)
                for done in (piped, read):
                    self.assertEqual(done.stdout, "Your nickname?\n* here are: carl\n", done.stderr)
                    self.assertEqual(done.returncode, 0)

    def test_the_proxy_passes_bytes_and_ends_on(self):
        for backend in self.on_every_backend():
            with running(backend, "echo", "--listen", "127.0.0.1:0") as (_, (host, port)), \
                    running(backend, "proxy", "--listen", "127.0.0.1:0", f"{host}:{port}") as (
                        _, address), connect(address) as client:
                thread = send_all_aside(client, MUCH)
                self.assertEqual(receive_all(client), MUCH)
                thread.join()

    def test_the_proxy_resets_and_names_a_client_that_it_cannot_serve(self):
        for backend in self.on_every_backend():
            with unanswered_address() as target, \
                    running(backend, "proxy", "--listen", "127.0.0.1:0", target,
                            stderr=subprocess.PIPE) as (proxy, address), \
                    socket.socket() as client:
                client.settimeout(SECONDS_MAX)
                client.bind(("127.0.0.1", 0))
                host, port = client.getsockname()
                with self.assertRaises(ConnectionResetError):  # also in the middle of connect()
                    client.connect(address)
                    client.recv(1)
                self.assertEqual(proxy.stderr.readline(),
                                 f"{host}:{port}: connect to {target}: Connection refused\n")

    def test_descriptors_lends_an_open_file(self):
        for backend in self.on_every_backend():
            with tempfile.TemporaryDirectory() as folder:
                path, lent = f"unix:{folder}/socket", Path(folder, "lent")
                lent.write_text("between the covers\n")
                with running(backend, "descriptors", "receive", path) as (server, _):
                    self.assertEqual(run(backend, "descriptors", "send", path, lent).returncode, 0)
                    self.assertRegex(server.stdout.readline(), r"^lent by process \d+:\n$")
                    self.assertEqual(server.stdout.readline(), "between the covers\n")


if __name__ == "__main__":
    unittest.main()

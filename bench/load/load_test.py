# SPDX-License-Identifier: MIT
"""bench/load: what it exchanges, and that it notices a server that answers wrong."""

import contextlib
import json
import os
import socket
import subprocess
import threading
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
LOAD = BUILD / "bench" / "load"
TLS_SERVER = BUILD / "bench" / "tls_rondo"
CERTIFICATES = BUILD / "tests" / "tls" / "certificates"
SECONDS_MAX = 60


@unittest.skipUnless(LOAD.exists(), "the benchmarks are not built")
class LoadTest(unittest.TestCase):
    def serve(self, program, *words):
        server = subprocess.Popen([BUILD / "examples" / program, "--listen", "127.0.0.1:0", *words],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        said = server.stdout.readline()
        self.assertRegex(said, r"^listening on .*:\d+\n$")
        return server, said.split()[-1]

    def run_load(self, endpoint, *words):
        return subprocess.run([LOAD, "--connect", endpoint, *words], capture_output=True,
                              text=True, timeout=SECONDS_MAX, check=False)

    def measure(self, endpoint, *words):
        done = self.run_load(endpoint, *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def assert_fails(self, endpoint, *words):
        """Returns what it says."""
        done = self.run_load(endpoint, *words)
        self.assertEqual((done.returncode, done.stdout.strip()), (1, ""))
        return done.stderr.strip()

    def assert_pinged(self, messages, wanted):
        """A client that still waits does not ping again, so on a busy machine there are fewer."""
        self.assertLessEqual(messages, wanted + 1)
        self.assertGreater(messages, wanted / 4)

    def answer_all(self, kind, answer):
        """A server for one client, or for any datagram, that replies `answer` to everything."""
        server = socket.socket(socket.AF_INET, kind)
        self.addCleanup(server.close)
        server.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            server.listen()
        server.settimeout(SECONDS_MAX)

        def serve():
            if kind == socket.SOCK_DGRAM:
                _, peer = server.recvfrom(2000)
                server.sendto(answer, peer)
                return
            client, _ = server.accept()
            with client, contextlib.suppress(ConnectionError):
                client.recv(2000)
                client.sendall(answer)
                if answer:
                    client.recv(2000)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        return "{}:{}".format(*server.getsockname())


class Load(LoadTest):
    def test_exchanges_as_many_messages_as_it_is_told(self):
        server, endpoint = self.serve("echo")
        measured = self.measure(endpoint, "--clients", "7", "--messages", "500")
        self.assertEqual((measured["messages"], measured["lost"]), (500, 0))
        server.terminate()
        # Each client is known to be accepted by a message of its own.
        self.assertIn(f"served 7 clients, {507 * 64} bytes", server.stdout.read())

    def test_churns_a_connection_for_each_message(self):
        server, endpoint = self.serve("echo", "--style", "session")
        measured = self.measure(endpoint, "--load", "churn", "--clients", "7", "--messages", "500",
                                "--size", "100")
        self.assertEqual(measured["messages"], 500)
        self.assertGreater(measured["p50_us"], 0)
        server.terminate()
        self.assertIn("served 500 clients, 50000 bytes", server.stdout.read())

    def test_pings_each_client_ten_times_a_second(self):
        _, endpoint = self.serve("echo")
        measured = self.measure(endpoint, "--load", "pings", "--clients", "40", "--messages", "80")
        self.assert_pinged(measured["messages"], 80)
        self.assertGreater(measured["seconds"], 0.19)
        self.assertEqual(measured["streamed_bytes_per_second"], 0)

    def test_streams_beside_the_pings(self):
        _, endpoint = self.serve("echo", "--style", "session")
        measured = self.measure(endpoint, "--load", "pings", "--firehose", "--clients", "40",
                                "--messages", "80")
        self.assert_pinged(measured["messages"], 80)
        self.assertGreater(measured["streamed_bytes_per_second"], 0)

    def test_exchanges_datagrams(self):
        server, endpoint = self.serve("udp_echo")
        measured = self.measure(endpoint, "--load", "datagrams", "--messages", "5000")
        self.assertEqual(measured["messages"], 5000)
        server.terminate()
        self.assertIn("received 5000 datagrams, sent 5000, dropped 0", server.stdout.read())

    def test_fails_when_the_answer_is_another(self):
        for load, kind in (("exchange", socket.SOCK_STREAM), ("churn", socket.SOCK_STREAM),
                           ("pings", socket.SOCK_STREAM), ("datagrams", socket.SOCK_DGRAM)):
            with self.subTest(load=load):
                endpoint = self.answer_all(kind, b"x" * 64)
                done = self.run_load(endpoint, "--clients", "1", "--messages", "2",
                                     "--load", load)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("the server sent back", done.stderr)

    def test_refuses_what_it_does_not_know(self):
        for words in (("--load", "nonsense"), ("--load", "datagrams", "--size", "1401"),
                      ("--clients", "0"), ("--resume",)):
            with self.subTest(words=words):
                self.assertNotEqual(self.run_load("127.0.0.1:1", *words).returncode, 0)

    def test_refuses_what_its_load_has_no_use_for(self):
        for words, said in ((("--rate", "10"), "--rate: it is of a churn"),
                            (("--firehose",), "--firehose: it is of pings"),
                            (("--load", "datagrams", "--tls"), "--tls: it is over TCP"),
                            (("--load", "pings", "--firehose", "--tls"),
                             "--firehose: it has no TLS")):
            with self.subTest(words=words):
                done = self.run_load("127.0.0.1:1", *words)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(said, done.stderr)

    def test_begins_a_churn_s_connections_at_a_rate(self):
        _, endpoint = self.serve("echo", "--style", "session")
        churn = ("--load", "churn", "--rate", "200", "--clients", "200")
        measured = self.measure(endpoint, *churn, "--messages", "60")
        self.assertEqual(measured["messages"], 60)
        self.assertGreaterEqual(measured["seconds"], 59 / 200)
        measured = self.measure(endpoint, *churn, "--seconds", "0.3", "--warm-up", "0")
        self.assertGreater(measured["messages"], 0)
        self.assertLessEqual(measured["messages"], 200 * measured["seconds"] + 1)


@unittest.skipUnless(TLS_SERVER.exists(), "a build without rondo-tls")
class LoadWithTls(LoadTest):
    def serve_securely(self):
        _, endpoint = self.serve(TLS_SERVER, CERTIFICATES / "good.pem", CERTIFICATES / "good.key")
        return endpoint

    def test_exchanges_as_many_messages_as_it_is_told(self):
        endpoint = self.serve_securely()
        for size in (64, 100_000):
            measured = self.measure(endpoint, "--tls", "--clients", "7", "--messages", "500",
                                    "--size", str(size))
            self.assertEqual((measured["messages"], measured["lost"]), (500, 0))

    def test_pings(self):
        measured = self.measure(self.serve_securely(), "--tls", "--load", "pings", "--clients",
                                "40", "--messages", "80")
        self.assert_pinged(measured["messages"], 80)

    def test_resumes_sessions_if_it_is_told_to(self):
        churn = ("--tls", "--load", "churn", "--clients", "5", "--messages", "250")
        endpoint = self.serve_securely()
        measured = self.measure(endpoint, *churn)
        self.assertEqual((measured["messages"], measured["resumed"]), (250, 0))
        measured = self.measure(endpoint, *churn, "--resume")
        self.assertEqual(measured["messages"], 250)
        # The first of each client has nothing to resume.
        self.assertGreaterEqual(measured["resumed"], 245 / 250)
        self.assertLess(measured["resumed"], 1)

    def test_begins_handshakes_at_a_rate(self):
        churn = ("--tls", "--load", "churn", "--rate", "100", "--clients", "100")
        measured = self.measure(self.serve_securely(), *churn, "--seconds", "0.4", "--warm-up", "0")
        self.assertGreater(measured["messages"], 0)
        self.assertLessEqual(measured["messages"], 100 * measured["seconds"] + 1)

    def test_chooses_the_group(self):
        endpoint = self.serve_securely()
        self.measure(endpoint, "--tls", "--group", "P-256", "--messages", "5")
        self.assertEqual(self.assert_fails(endpoint, "--tls", "--group", "P-999"),
                         "load: OpenSSL has no group P-999")

    def test_says_that_a_server_has_no_tls(self):
        _, echo = self.serve("echo")
        for load in ("exchange", "churn", "pings"):
            with self.subTest(load=load):
                words = ("--tls", "--clients", "3", "--messages", "5", "--load", load)
                self.assertEqual(self.assert_fails(echo, *words),
                                 "load: no TLS with this server: unexpected message")
                other = self.answer_all(socket.SOCK_STREAM, b"HTTP/1.1 400 what?\r\n\r\n")
                self.assertEqual(self.assert_fails(other, *words[:2], "1", *words[3:]),
                                 "load: no TLS with this server: wrong version number")

    def test_notices_a_server_that_leaves_in_the_handshake(self):
        for load in ("churn", "pings"):
            with self.subTest(load=load):
                deserter = self.answer_all(socket.SOCK_STREAM, b"")
                self.assertEqual(self.assert_fails(deserter, "--tls", "--clients", "1", "--load",
                                                   load), "load: the server closed a connection")


if __name__ == "__main__":
    unittest.main()

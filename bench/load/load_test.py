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
SECONDS_MAX = 60


@unittest.skipUnless(LOAD.exists(), "the benchmarks are not built")
class Load(unittest.TestCase):
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
                client.recv(2000)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        return "{}:{}".format(*server.getsockname())

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
                      ("--clients", "0")):
            with self.subTest(words=words):
                self.assertNotEqual(self.run_load("127.0.0.1:1", *words).returncode, 0)


if __name__ == "__main__":
    unittest.main()

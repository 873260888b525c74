# SPDX-License-Identifier: MIT
"""examples/udp_echo, driven by Python's sockets, on every backend that is built."""

import os
import re
import signal
import socket
import subprocess
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
PROGRAM = BUILD / "examples" / "udp_echo"
SECONDS_MAX = 60  # a sanitizer's build on a busy machine


def backends():
    return re.findall(r'\{"(\w+)", make_', (BUILD / "backends/built.cpp").read_text())


@unittest.skipUnless(PROGRAM.exists(), "the examples are not built")
class UdpEcho(unittest.TestCase):
    def start(self, *words):
        server = subprocess.Popen([PROGRAM, *words], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        said = server.stdout.readline()
        self.assertRegex(said, r"^listening on .*:\d+\n$")
        return server, int(said.rpartition(":")[2])

    def end(self, server, number, count):
        server.send_signal(number)
        self.assertEqual(server.stdout.read(),
                         f"received {count} datagrams, sent {count}, dropped 0\n")
        self.assertEqual(server.wait(SECONDS_MAX), 0)

    def client(self, family=socket.AF_INET):
        client = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(SECONDS_MAX)
        return client

    def exchange(self, *words):
        server, port = self.start("--listen", "127.0.0.1:0", *words)
        address = ("127.0.0.1", port)
        first, second = self.client(), self.client()
        sent = [b"hello", b"", os.urandom(65507)] + [bytes([i]) * 64 for i in range(30)]
        for data in sent:
            first.sendto(data, address)
            second.sendto(data[:100], address)
            self.assertEqual(first.recvfrom(70000), (data, address))
            self.assertEqual(second.recvfrom(70000), (data[:100], address))
        burst = [bytes([i]) * 64 for i in range(50)]
        for data in burst:
            first.sendto(data, address)
        self.assertEqual([first.recv(100) for _ in burst], burst)
        self.end(server, signal.SIGTERM, 2 * len(sent) + len(burst))

    def test_sends_back_what_it_gets(self):
        for backend in backends():
            for more in ((), ("--offload",)):
                with self.subTest(backend=backend, more=more):
                    self.exchange("--backend", backend, *more)

    def test_answers_from_the_address_that_was_asked(self):
        server, port = self.start("--listen", "0.0.0.0:0")
        client = self.client()
        client.sendto(b"x", ("127.0.0.2", port))
        self.assertEqual(client.recvfrom(10), (b"x", ("127.0.0.2", port)))
        self.end(server, signal.SIGINT, 1)

    def test_says_what_is_wrong(self):
        done = subprocess.run([PROGRAM, "--listen", "nonsense"], capture_output=True, text=True,
                              timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nonsense", done.stderr)


if __name__ == "__main__":
    unittest.main()

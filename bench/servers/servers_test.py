# SPDX-License-Identifier: MIT
"""The echo servers that rondo is compared with: each that is built sends back what it is sent."""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))

import harness  # noqa: E402
import peers  # noqa: E402

BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
SECONDS_MAX = 60
# They queue nothing, and close a connection that does not take its reply whole.
WITHOUT_BACKLOG = {peers.RAW_EPOLL, "libuv, uv_poll", "libev", "libevent, events"}
STREAMS = [layer for layer in peers.LAYERS if layer != peers.DATAGRAM]
MESSAGES = 100
MUCH = os.urandom(64 << 20)  # more than the buffers of two sockets hold
BUFFER = 64 << 10
MORE = 1 << 20
BLOCKED_SECONDS = 0.2


@unittest.skipUnless((BUILD / "bench" / "load").exists(), "the benchmarks are not built")
class Servers(unittest.TestCase):
    def setUp(self):
        self.programs = harness.Programs(BUILD)

    def servers(self, *layers):
        """Those that are there."""
        return [server for server in peers.all_peers(self.programs) if server.layer in layers]

    @contextlib.contextmanager
    def running(self, server):
        """A subtest, which is skipped if the kernel has no io_uring."""
        with self.subTest(server=server.name):
            try:
                started = harness.RunningServer(server)
            except harness.Failure as failure:
                if server.name != peers.IO_URING:
                    raise
                self.skipTest(str(failure))
            with started:
                yield started.endpoint

    def assert_echoes(self, endpoint, *words):
        """The load compares each reply with what it has sent."""
        done = subprocess.run(
            [self.programs.load, "--connect", endpoint, "--messages", str(MESSAGES), *words],
            capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        measured = json.loads(done.stdout)
        self.assertEqual((measured["messages"], measured["lost"]), (MESSAGES, 0))

    def assert_keeps_what_is_not_taken(self, endpoint):
        """The client reads nothing until the server has stopped reading, too."""
        host, port = endpoint.rsplit(":", 1)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            client.settimeout(SECONDS_MAX)
            client.connect((host, int(port)))
            client.setblocking(False)
            sent = 0
            while select.select([], [client], [], BLOCKED_SECONDS)[1]:
                sent += client.send(MUCH[sent:sent + MORE])
                self.assertLess(sent, len(MUCH) - MORE, "it reads without limit")
            total = sent + MORE
            received = bytearray()
            while len(received) < total:
                writes = [client] if sent < total else []
                readable, writable, _ = select.select([client], writes, [], SECONDS_MAX)
                self.assertTrue(readable or writable, "it sends no more")
                if writable:
                    sent += client.send(MUCH[sent:total])
                if readable:
                    data = client.recv(MORE)
                    self.assertTrue(data, "it has closed the connection")
                    received += data
            self.assertEqual(received, MUCH[:total])

    def test_send_back_what_they_are_sent(self):
        for server in self.servers(*STREAMS):
            with self.running(server) as endpoint:
                self.assert_echoes(endpoint, "--clients", "7")
                self.assert_echoes(endpoint, "--load", "churn", "--clients", "7")
                if server.name not in WITHOUT_BACKLOG:
                    self.assert_echoes(endpoint, "--clients", "7", "--size", str(1 << 20))

    def test_keep_what_a_client_does_not_take_and_read_nothing_more(self):
        for server in self.servers(*STREAMS):
            # The io_uring loop reads until all its buffers wait to be sent.
            if server.name not in {*WITHOUT_BACKLOG, peers.IO_URING}:
                with self.running(server) as endpoint:
                    self.assert_keeps_what_is_not_taken(endpoint)

    def test_send_back_datagrams(self):
        for server in self.servers(peers.DATAGRAM):
            with self.running(server) as endpoint:
                self.assert_echoes(endpoint, "--load", "datagrams", "--clients", "7")

    def test_are_told_the_size_of_their_own_buffers(self):
        for server in self.servers(*STREAMS):
            if server.name in peers.OWN_BUFFERS:
                with self.running(peers.with_buffers(server, 3)) as endpoint:
                    self.assert_echoes(endpoint, "--clients", "2")

    def test_refuse_what_they_do_not_know(self):
        raw = str(BUILD / "bench" / "raw_epoll")
        for words in (("--listen",), ("--listen", "127.0.0.1"), ("--listen", "127.0.0.1:x"),
                      ("--buffer", "0"), ("--buffer", "x"), ("--nonsense", "1")):
            with self.subTest(words=words):
                done = subprocess.run([raw, *words], capture_output=True, text=True,
                                      timeout=SECONDS_MAX, check=False)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertRegex(done.stderr, "^(usage: |not IPV4:PORT: )")


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""bench/paced: where an answer ends, and that no pause of a server is left out."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
PACED = BUILD / "bench" / "paced"
SECONDS_MAX = 60


@unittest.skipUnless(PACED.exists(), "the benchmarks are not built")
class Paced(unittest.TestCase):
    """bench/paced beside a server that is told how to behave."""

    SERVER = """
import select, socket, sys
answer = sys.argv[1].encode().decode("unicode_escape").encode()
pause_at, pause, leave_at = map(float, sys.argv[2:])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
client, _ = listener.accept()
count = 0
while client.recv(4096):
    count += 1
    if count == leave_at:
        client.close()
        client, _ = listener.accept()
        continue
    if count == pause_at:
        select.select([], [], [], pause)
    client.sendall(answer)
"""

    def run_paced(self, protocol, answer, *words, pause_at=0, pause=0, leave_at=0):
        with subprocess.Popen([sys.executable, "-c", self.SERVER, answer, str(pause_at), str(pause),
                               str(leave_at)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as server:
            try:
                port = server.stdout.readline().strip()
                return subprocess.run([PACED, "--connect", f"127.0.0.1:{port}", "--protocol",
                                       protocol, "--request", "x", "--clients", "1", *words],
                                      capture_output=True, text=True, timeout=SECONDS_MAX,
                                      check=False)
            finally:
                server.kill()

    def test_knows_where_an_answer_ends(self):
        for protocol, answer in (
                ("http", r"HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\nA: b\r\n\r\nhi"),
                ("resp", r"+OK\r\n"), ("resp", r":12\r\n"), ("resp", r"$4\r\na\r\nb\r\n"),
                ("memcached", r"STORED\r\n"), ("memcached", r"VALUE k 0 4\r\na\r\nb\r\nEND\r\n")):
            with self.subTest(answer=answer):
                done = self.run_paced(protocol, answer, "--requests", "20")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual(json.loads(done.stdout)["requests"], 20)

    def test_notices_refusals_and_nonsense(self):
        for protocol, answer, said in (
                ("http", r"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "refused"),
                ("http", r"HTTP/1.1 200 OK\r\n\r\n", "not of its protocol"),
                ("resp", r"-ERR no\r\n", "refused"), ("resp", r"$-1\r\n", "refused"),
                ("resp", r"hello\r\n", "not of its protocol"),
                ("resp", r"+OK\r\n+OK\r\n", "more than it was asked for"),
                ("memcached", r"END\r\n", "refused")):
            with self.subTest(answer=answer):
                done = self.run_paced(protocol, answer, "--requests", "3")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(said, done.stderr)

    def test_charges_a_pause_to_every_request_that_was_due_in_it(self):
        """A closed loop would see one slow request of the 100."""
        done = self.run_paced("resp", r"+OK\r\n", "--rate", "200", "--seconds", "0.5",
                              pause_at=20, pause=0.25)
        measured = json.loads(done.stdout)
        self.assertEqual(measured["requests"], 100)
        self.assertGreater(measured["latency_us"]["90"], 100_000)
        self.assertGreater(measured["longest_gap_ms"], 240)
        self.assertGreaterEqual(measured["latency_us"]["100"], measured["latency_us"]["99.99"])
        self.assertLess(measured["latency_us"]["100"], 10e6)  # no more than the test takes
        self.assertLess(measured["late_us"], 100_000)  # the load itself does not wait

    def test_counts_what_a_server_that_leaves_has_not_answered(self):
        done = self.run_paced("resp", r"+OK\r\n", "--requests", "20", "--survive", leave_at=4)
        measured = json.loads(done.stdout)
        self.assertEqual((measured["requests"], measured["failed"]), (19, 1))

    def test_ends_when_a_server_leaves_that_should_stay(self):
        done = self.run_paced("resp", r"+OK\r\n", "--requests", "20", leave_at=4)
        self.assertEqual((done.returncode, done.stderr.strip()),
                         (1, "load: the server closed a connection"))


if __name__ == "__main__":
    unittest.main()

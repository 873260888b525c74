# SPDX-License-Identifier: MIT
"""The scenario `loops` of bench/run: how it compares, and what it says of it. No server runs."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(BENCH / "harness"), str(BENCH / "scenarios")]

import harness  # noqa: E402
import loops  # noqa: E402
import peers  # noqa: E402
import record  # noqa: E402

PART = loops.PARTS[0]


def measured(name, layer, costs, style=""):
    server = harness.Server(name, (f"./{name}",), style=style, layer=layer)
    return loops.Measured(server, [{loops.CPU: cost, "messages_per_second": 1e6, "p99_us": 5.0,
                                    "idle_bytes": 100.0} for cost in costs])


ROUNDS = [
    measured("rondo a", "session", (100, 210, 300), "session"),
    measured("rondo b", "session", (300, 600, 900), "session"),
    measured("slow", "session", (150, 300, 450)),
    measured("quick", "session", (100, 200, 300)),
    measured("other", "handler", (1, 1, 1)),
]


class Loops(unittest.TestCase):
    def test_compare_with_the_best_peer_of_the_layer_in_each_round(self):
        found = loops.beside_best(ROUNDS)
        self.assertEqual([(ours.server.name, best.server.name) for ours, best, _ in found],
                         [("rondo a", "quick"), ("rondo b", "quick")])
        # The median of 1, 1.05 and 1, whatever else the rounds were.
        self.assertEqual([ratio for _, _, ratio in found], [1.0, 3.0])

    def test_show_the_worst_loss_first_and_no_wins(self):
        ours = measured("rondo c", "session", (110, 220, 330), "session")
        lines = loops.report_losses({PART: [*ROUNDS, ours]}).splitlines()[2:]
        self.assertEqual([line[:7] for line in lines], ["rondo b", "rondo c"])
        self.assertIn("3.000", lines[0])
        self.assertEqual(loops.report_losses({PART: [ROUNDS[0], ROUNDS[3]]}),
                         "no server of rondo is behind")

    def test_leave_a_layer_without_peers_alone(self):
        self.assertEqual(loops.beside_best([ROUNDS[0], ROUNDS[4]]), [])

    def test_give_buffers_only_to_servers_that_have_their_own(self):
        for peer in peers.PEERS:
            server = peers.with_buffers(harness.Server(peer.name, ("program",)), 7)
            self.assertEqual(server.command[1:],
                             ("--buffer", "7") if peer.has_own_buffers else (), peer.name)

    def test_record_what_another_program_reads(self):
        with tempfile.TemporaryDirectory() as directory:
            build = Path(directory)
            (build / "meson-private").mkdir()
            (build / "meson-private" / "rondo.pc").write_text("Name: rondo\nVersion: 1.2.3\n")
            kept = record.Record(build)
            kept.add("loops, 1 client", "quick", "CPU time of a message", "ns", 2.5)
            kept.write(build / "out.json")
            found = json.loads((build / "out.json").read_text())
        self.assertEqual(set(found), {"machine", "commands", "versions", "rows"})
        self.assertEqual(found["versions"]["rondo"], "1.2.3")
        self.assertEqual(found["rows"], [{"scenario": "loops, 1 client", "server": "quick",
                                          "what": "CPU time of a message", "unit": "ns",
                                          "value": 2.5}])


if __name__ == "__main__":
    unittest.main()

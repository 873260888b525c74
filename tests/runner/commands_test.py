# SPDX-License-Identifier: MIT
"""tests/run and the commands of bench/ where nothing is installed, and what their help says."""

import importlib
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
COMMANDS = {"tests/run": "tests/runner/start", "bench/run": "bench/scenarios/compare",
            "bench/prove": "bench/proof/prove", "bench/costs": "bench/harness/costs"}


class Commands(unittest.TestCase):
    def bare(self, command, *words, programs=("bash", "cat", "dirname", "env", "grep")):
        """Where there are only these programs, and neither Python nor apt-get."""
        with tempfile.TemporaryDirectory() as folder:
            for name in programs:
                (Path(folder) / name).symlink_to(f"/usr/bin/{name}")
            return subprocess.run([TOP / command, *words], env={"PATH": folder}, text=True,
                                  capture_output=True, check=False)

    def test_print_their_help_without_python(self):
        for command, program in COMMANDS.items():
            done = self.bare(command, "--help")
            self.assertEqual(done.stdout, (TOP / f"{program}.txt").read_text())

    def test_name_python_if_it_cannot_be_installed(self):
        for command in COMMANDS:
            done = self.bare(command, programs=("bash", "cat", "dirname", "env", "id", "grep"))
            self.assertEqual(done.returncode, 1)
            self.assertIn("required and missing: python3", done.stderr)

    def test_refuse_an_option_before_python_is_installed(self):
        for command in COMMANDS:
            done = self.bare(command, "--json=x", "--check", "--all", "--report", "x")
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, rf"^{command}: no option --\S+; see {command} --help\n$")

    def test_help_has_the_options_of_the_program_and_their_names(self):
        for command, program in COMMANDS.items():
            with self.subTest(command=command):
                text = (TOP / f"{program}.txt").read_text()
                sys.path.insert(0, str(TOP / Path(program).parent))
                parser = importlib.import_module(Path(program).name).make_parser()
                in_help = re.findall(r"^  (--\S+)", text, re.MULTILINE)
                options = [*parser._option_string_actions, "--help"]
                self.assertEqual(sorted(in_help), sorted(options))
                for action in parser._actions:
                    for name in getattr(action.type, "names", ()):
                        self.assertIn(name, text)

    def test_errors_of_options_are_one_line_with_what_is_right(self):
        for command, words, said in (
                ("bench/run", ["--scenario", "ecko"], "--scenario: no scenario ecko (did you mean "
                 "echo?); there are echo, churn, loops, firehose, proxy, tls"),
                ("bench/run", ["--clients", "0"], "--clients: '0' is not a whole number from 1 to "
                 "1000000"),
                ("bench/run", ["--quick"], "--quick, --part and --json are for the scenario loops"),
                ("bench/prove", ["--only", "htps"], "--only: no part htps (did you mean https?); "
                 "there are cache, http, https"),
                ("bench/costs", ["--backend", "io_uring"], "--backend: no backend io_uring; there "
                 "are epoll, uv, kqueue")):
            with self.subTest(words=words):
                done = subprocess.run([TOP / command, *words], text=True, capture_output=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertEqual(done.stderr, f"{command}: {said}\n")


if __name__ == "__main__":
    unittest.main()

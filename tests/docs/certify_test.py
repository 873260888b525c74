# SPDX-License-Identifier: MIT
"""The backend of docs/backends.md keeps the port's contract. certify_install_test.py runs the
commands of docs/certify.md, on an installed rondo and with all of the suite."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from backends_page import BUILD, TOP, write_files
from readme_test import WARNINGS, compiler_of_build

SECONDS_MAX = 300
# The port itself: Waiting, Registration and so on. The rest of the suite stands on these.
PORT = "Backends/" + ":Backends/".join(f"{suite}.*" for suite in (
    "Process", "Readiness", "Registration", "State", "Waiting",
))


class Certify(unittest.TestCase):
    def test_the_backend_of_the_page_passes_the_suite_of_the_port(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_files(folder)
            program = folder / "certify"
            includes = [f"-I{path}" for path in (folder, TOP / "include", BUILD / "include",
                                                 TOP / "tests")]
            libraries = ["-Wl,--whole-archive", BUILD / "tests/libconformance.a",
                         "-Wl,--no-whole-archive", BUILD / "tests/libtest-support.a",
                         f"-L{BUILD / 'core'}", "-lrondo", "-lgtest_main", "-lgtest", "-pthread"]
            self.run_all([*compiler_of_build(), "-std=c++20", *WARNINGS, "-Wconversion",
                          "-Wold-style-cast", *includes, folder / "certify.cpp", "-o", program,
                          *libraries])
            output = self.run_all([program, "--gtest_brief=1", f"--gtest_filter={PORT}"],
                                env={**os.environ, "LD_LIBRARY_PATH": str(BUILD / "core")})
            self.assertRegex(output, r"\d\d+ tests from \d+ test suites ran")

    def test_the_table_lists_what_the_simulated_network_skips(self):
        source = (TOP / "tests/support/sim_under_test.cpp").read_text(encoding="utf-8")
        page = (TOP / "docs/backend_differences.md").read_text(encoding="utf-8")
        reasons = re.findall(r'case Need::\w+:\s+return "([^"]+)";', source)
        self.assertGreater(len(reasons), 3)
        for reason in reasons:
            self.assertIn(f"| {reason} |", page)

    def test_the_fragment_of_the_page_compiles(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_files(folder)
            source = folder / "fragment.cpp"
            source.write_text('#include <rondo/rondo.h>\n#include "poll_backend.h"\n'
                              f'void use() {{\n{(folder / "fragment").read_text()}}}\n')
            self.run_all([*compiler_of_build(), "-std=c++20", *WARNINGS, "-fsyntax-only",
                          f"-I{TOP / 'include'}", f"-I{BUILD / 'include'}", source])

    def run_all(self, command, **options):
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX,
                              **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout


if __name__ == "__main__":
    unittest.main()

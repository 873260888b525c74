# SPDX-License-Identifier: MIT
"""The commands of docs/certify.md on an installed rondo: a backend written outside the tree passes
the whole conformance suite, which needs nothing of rondo's internals."""

import os
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

from backends_page import BUILD, commands, write_files

SECONDS_MAX = 1500
CASES_MIN = 500


class CertifyInstalled(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = Path(scratch.name)
        root = cls.folder / "root"
        build = shlex.quote(str(BUILD))
        cls.shell(f"meson install -C {build} --no-rebuild --quiet --destdir {root}")
        pc = next(root.rglob("rondo.pc"))
        # As installed, but for the prefix, which is below the scratch folder.
        prefix = next(line.split("=", 1)[1] for line in pc.read_text().splitlines()
                      if line.startswith("prefix="))
        moved = cls.folder / "pkgconfig"
        moved.mkdir()
        (moved / "rondo.pc").write_text(
            pc.read_text().replace(f"prefix={prefix}", f"prefix={root}{prefix}", 1))
        cls.env = {**os.environ, "PKG_CONFIG_PATH": str(moved),
                   "LD_LIBRARY_PATH": str(pc.parent.parent)}
        write_files(cls.folder)

    @classmethod
    def shell(cls, script):
        """Its output, which is also printed while it runs."""
        lines = []
        with subprocess.Popen(["sh", "-ec", script], cwd=cls.folder, text=True,
                              env=getattr(cls, "env", None), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            for line in process.stdout:
                lines.append(line)
                print(line, end="", flush=True)
            code = process.wait(SECONDS_MAX)
        if code != 0:
            raise AssertionError("".join(lines[-60:]))
        return "".join(lines)

    def assert_all_ran(self, output, least):
        count = int(re.search(r"(\d+) tests from \d+ test suites? ran", output)[1])
        self.assertGreaterEqual(count, least)
        self.assertNotIn("FAILED", output)

    def test_the_sources_are_those_of_the_list(self):
        suite = self.shell("pkg-config --variable=conformance rondo").strip()
        listed = sorted((Path(suite) / "sources.txt").read_text().split())
        self.assertEqual(listed, sorted(path.relative_to(suite).as_posix()
                                        for path in Path(suite).rglob("*.cpp")
                                        if path.parent.name != "hosted"))
        named = self.shell("pkg-config --variable=conformance_sources rondo").split()
        self.assertEqual(sorted(named), [f"{suite}/{name}" for name in listed])

    def test_the_port_is_certified_by_one_command(self):
        self.assert_all_ran(self.shell(commands("certify the port")), 100)

    def test_the_host_of_the_page_is_certified(self):
        self.assert_all_ran(self.shell(commands("certify the host")), 10)

    def test_all_is_certified(self):
        self.assert_all_ran(self.shell(commands("certify it all")), CASES_MIN)


if __name__ == "__main__":
    unittest.main()

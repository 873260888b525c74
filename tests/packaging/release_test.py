# SPDX-License-Identifier: MIT
"""tools/release: what it refuses."""

import importlib.machinery
import importlib.util
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
loader = importlib.machinery.SourceFileLoader("release", str(TOP / "tools/release"))
release = importlib.util.module_from_spec(importlib.util.spec_from_loader("release", loader))
loader.exec_module(release)


class Scratch(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.top = Path(scratch.name)


class Versions(Scratch):
    def setUp(self):
        super().setUp()
        for name in ("meson.build", *release.PLACES):
            (self.top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, self.top / name)
        self.version = release.versions(TOP)["meson.build"]
        changes = self.top / "CHANGELOG.md"
        text = changes.read_text(encoding="utf-8")
        changes.write_text(text.replace("unreleased", "2026-12-01", 1), encoding="utf-8")

    def test_agree_in_this_tree(self):
        self.assertEqual(set(release.versions(TOP).values()), {self.version})

    def test_that_agree_pass(self):
        self.assertIn("files", release.check_versions(self.top, self.version))

    def test_that_differ_are_named(self):
        path = self.top / "packaging/vcpkg/vcpkg.json"
        path.write_text(path.read_text(encoding="utf-8").replace(self.version, "7.7.7"),
                        encoding="utf-8")
        with self.assertRaisesRegex(release.Refused, r"packaging/vcpkg/vcpkg.json: 7.7.7"):
            release.check_versions(self.top, self.version)

    def test_need_the_date_of_the_release(self):
        shutil.copy(TOP / "CHANGELOG.md", self.top)
        with self.assertRaisesRegex(release.Refused, "unreleased` needs the date"):
            release.check_versions(self.top, self.version)


@unittest.skipUnless(shutil.which("abidiff"), "abidiff is not installed")
class Abi(Scratch):
    def library(self, name, source, soname="libx.so.0.1"):
        (self.top / f"{name}.cpp").write_text(source, encoding="utf-8")
        command = ["g++", "-g", "-shared", "-fPIC", f"-Wl,-soname,{soname}", f"{name}.cpp",
                   "-o", f"{name}.so"]
        subprocess.run(command, cwd=self.top, check=True)
        return self.top / f"{name}.so"

    def setUp(self):
        super().setUp()
        self.old = self.library("old", "int a() { return 1; }\nint b() { return 2; }\n")

    def test_may_grow(self):
        source = "int a() { return 1; }\nint b() { return 2; }\nint c() { return 3; }\n"
        self.assertIn("serves", release.check_abi(self.old, self.library("new", source)))

    def test_must_not_lose_a_function(self):
        with self.assertRaisesRegex(release.Refused, "another minor version"):
            release.check_abi(self.old, self.library("new", "int a() { return 1; }\n"))

    def test_of_another_soname_may_differ(self):
        new = self.library("new", "int a() { return 1; }\n", "libx.so.0.2")
        self.assertEqual(release.check_abi(self.old, new), "libx.so.0.2 replaces libx.so.0.1")


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""The Debian packages: built from this tree, clean for lintian, and unpacked elsewhere."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
DEBIAN = TOP / "packaging/debian"
NEEDED = ("dpkg-buildpackage", "dh", "lintian")
BUILD_SECONDS_MAX = 1500


def run(*command, seconds=300, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=seconds, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


class Version(unittest.TestCase):
    def test_the_version_is_that_of_the_tree(self):
        project = re.search(r"\bversion: '([^']+)'", (TOP / "meson.build").read_text())[1]
        package = re.match(r"rondo \(([^-]+)-", (DEBIAN / "changelog").read_text())[1]
        self.assertEqual(package, project)


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = [name for name in NEEDED if shutil.which(name) is None]
        if missing:
            raise unittest.SkipTest(f"without {', '.join(missing)} there are no Debian packages")
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = Path(scratch.name)
        # The tests that the packages run are those of this build, too.
        env = {**os.environ, "DEB_BUILD_OPTIONS": f"nocheck parallel={os.cpu_count()}"}
        run(DEBIAN / "build", cls.folder, env=env, seconds=BUILD_SECONDS_MAX)
        cls.root = cls.folder / "root"
        for package in cls.folder.glob("*.deb"):
            run("dpkg", "-x", package, cls.root)
        cls.lib = next(cls.root.rglob("librondo.so")).parent

    def pkg_config(self, *words):
        """What pkg-config answers where the packages are installed, moved below the root."""
        env = {**os.environ, "PKG_CONFIG_PATH": str(self.lib / "pkgconfig")}
        prefix = f"--define-variable=prefix={self.root / 'usr'}"
        return shlex.split(run("pkg-config", prefix, *words, env=env))

    def test_lintian_finds_nothing(self):
        changes = next(self.folder.glob("*.changes"))
        said = run("lintian", "--allow-root", "--display-info", "--pedantic", "--fail-on",
                   "error,warning,info,pedantic", changes)
        self.assertNotRegex(said, r"(?m)^[EWIP]: ")

    def test_a_program_runs_with_the_unpacked_libraries(self):
        for source, name in (("echo.cpp", "rondo"), ("echo_tls.cpp", "rondo-tls")):
            with self.subTest(library=name):
                program = self.folder / name
                flags = self.pkg_config("--cflags", "--libs", name)
                run("g++", "-std=c++20", "-o", program, DEBIAN / "tests" / source, *flags)
                self.assertIn(f"lib{name}.so", run("readelf", "-d", program))
                env = {**os.environ, "LD_LIBRARY_PATH": str(self.lib)}
                run(program, *self.certificate(), env=env)

    def certificate(self):
        files = [self.folder / "certificate.pem", self.folder / "key.pem"]
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=rondo", "-addext", "subjectAltName=IP:127.0.0.1",
            "-out", files[0], "-keyout", files[1])
        return files

    def test_the_symbols_files_are_those_of_the_libraries(self):
        """All but the versions, which are those that a symbol came with."""
        for file in DEBIAN.glob("*.symbols"):
            with self.subTest(file=file.name):
                package = file.stem
                library = self.lib / f"{package.rstrip('.0123456789')}.so"
                now = run(DEBIAN / "symbols", library, package, "0").splitlines()
                self.assertEqual([line.rsplit(" ", 1)[0] for line in now],
                                 [line.rsplit(" ", 1)[0] for line in file.read_text().splitlines()])

    def test_no_file_is_in_two_packages(self):
        """And dh_missing fails if one that Meson installs is in none."""
        names = {}
        for package in self.folder.glob("lib*.deb"):
            for line in run("dpkg", "-c", package).splitlines():
                path = line.split()[5]
                if not path.endswith("/"):
                    names.setdefault(path, []).append(package.name)
        self.assertEqual({path: who for path, owners in names.items() if len(owners) > 1}, {})


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""tools/install, with stand-ins for dpkg-query and apt-get: nothing is really installed."""

import subprocess
import tempfile
import unittest
from pathlib import Path

INSTALL = Path(__file__).resolve().parent.parent.parent / "tools" / "install"
PROGRAMS = ("c++", "g++", "meson", "ninja", "pkg-config", "python3", "valgrind", "strace",
            "haproxy", "socat", "nc.openbsd", "curl", "gdb", "openssl", "gnutls-cli", "sslscan",
             "nginx", "wrk", "redis-server", "redis-cli")
LIBRARIES = ("libuv1-dev", "libc-ares-dev", "libssl-dev", "libgtest-dev", "libcli11-dev",
             "libbenchmark-dev", "libnginx-mod-stream", "libhiredis-dev", "python3-h11")


class ToolsInstall(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.bin = Path(scratch.name) / "bin"
        self.bin.mkdir()
        self.calls = Path(scratch.name) / "calls"
        self.lists = Path(scratch.name) / "lists"
        self.lists.mkdir()
        (self.lists / "somewhere_Packages").touch()
        for tool in ("bash", "env", "sed"):
            (self.bin / tool).symlink_to(f"/usr/bin/{tool}")
        self.program("id", "echo 0")

    def program(self, name, body="exit 1"):
        path = self.bin / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)

    def debian(self, installed=(), known=("known-to-apt",), apt_get="exit 0"):
        shown = " ".join(f"installed={name}" for name in installed)
        self.program("dpkg-query", f"echo dpkg-query >>{self.calls}; printf '%s ' {shown}")
        self.program("apt-get", f'echo "apt-get $*" >>{self.calls}; {apt_get}')
        names = " ".join(known)
        self.program("apt-cache", f'case " {names} " in *" ${{!#}} "*) ;; *) exit 1;; esac')

    def install(self, *groups):
        environment = {"PATH": str(self.bin), "RONDO_APT_LISTS": str(self.lists)}
        return subprocess.run(
            [str(self.bin / "bash"), INSTALL, *groups],
            env=environment, capture_output=True, text=True, timeout=20,
        )

    def recorded(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def test_asks_dpkg_once_and_stops_when_all_is_there(self):
        self.debian(installed=LIBRARIES)
        for name in PROGRAMS:
            self.program(name)
        done = self.install("tests")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.recorded(), ["dpkg-query"])

    def test_updates_then_installs_only_what_is_missing(self):
        self.debian(installed=("libuv1-dev", "libc-ares-dev", "libssl-dev", "libcli11-dev"))
        for name in PROGRAMS:
            self.program(name)
        done = self.install("tests")
        self.assertEqual(done.returncode, 0, done.stderr)
        update, _, install = self.recorded()[1:]  # the second asks for the sizes
        self.assertTrue(update.endswith("update"))
        self.assertTrue(install.endswith("install -y --no-install-recommends libgtest-dev"))

    def test_says_what_it_will_install_before_it_does(self):
        sizes = "Need to get 5 MB of archives.\nAfter this operation, 9 MB will be used."
        self.debian(known=("socat",), apt_get=f'case "$*" in *print-uris*) printf "{sizes}";; '
                    '*"install -y"*) echo "really installs";; esac')
        self.program("id", "echo 1000")
        self.program("sudo", 'exec "$@"')
        said = self.install("tests").stderr.splitlines()
        before = said[: said.index("really installs")]
        self.assertIn("will install: g++ meson", "\n".join(before))
        self.assertIn("tools/install: will install for optional tests and comparisons: socat",
                      before)
        self.assertIn("tools/install: Need to get 5 MB of archives; After this operation, 9 MB "
                      "will be used", before)
        self.assertIn("with sudo", before[-1])

    def test_takes_a_program_from_anywhere_in_place_of_its_package(self):
        self.debian(installed=("libuv1-dev", "libc-ares-dev", "libssl-dev"))
        for name in ("c++", "ninja", "pkg-config"):
            self.program(name)
        self.assertEqual(self.install("build").returncode, 0)
        self.assertTrue(self.recorded()[-1].endswith(" meson"))

    def test_fails_when_what_is_required_cannot_be_installed(self):
        self.debian(apt_get='case "$*" in *install*) exit 100;; esac')
        done = self.install("build")
        self.assertNotEqual(done.returncode, 0)
        wanted = "g++ meson ninja-build pkg-config libuv1-dev libc-ares-dev libssl-dev"
        self.assertIn(f"could not install: {wanted}", done.stderr)

    def test_goes_on_without_optional_packages_and_without_an_update(self):
        self.debian(installed=LIBRARIES)
        for name in PROGRAMS:
            self.program(name)
        done = self.install("bench")
        self.assertEqual(done.returncode, 0)
        self.assertIn("this release has no libevent-dev libev-dev", done.stderr)
        self.assertEqual(self.recorded(), ["dpkg-query"])

    def test_installs_the_optional_packages_that_the_release_has(self):
        self.debian(installed=LIBRARIES, known=("libev-dev",))
        for name in PROGRAMS:
            self.program(name)
        self.assertEqual(self.install("bench").returncode, 0)
        self.assertTrue(self.recorded()[-1].endswith("--no-install-recommends libev-dev"))

    def test_tests_go_on_without_the_programs_of_others(self):
        self.debian(installed=LIBRARIES, known=("socat", "curl"))
        for name in set(PROGRAMS) - {"socat", "nc.openbsd", "curl"}:
            self.program(name)
        done = self.install("tests")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("this release has no netcat-openbsd", done.stderr)
        self.assertTrue(self.recorded()[-1].endswith("--no-install-recommends socat curl"))

    def test_names_what_is_missing_without_root_and_sudo(self):
        self.debian(installed=LIBRARIES)
        self.program("id", "echo 1000")
        done = self.install("build")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("required and missing: g++ meson ninja-build pkg-config", done.stderr)

    def test_succeeds_without_root_and_sudo_if_only_optional_packages_are_missing(self):
        self.debian(installed=LIBRARIES)
        self.program("id", "echo 1000")
        for name in PROGRAMS:
            self.program(name)
        done = self.install("bench")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("optional and missing: libevent-dev libev-dev", done.stderr)

    def test_names_what_is_missing_on_another_system(self):
        self.program("pkg-config")
        done = self.install("build")
        self.assertNotEqual(done.returncode, 0)
        wanted = "g++ meson ninja-build libuv1-dev libc-ares-dev libssl-dev"
        self.assertIn(f"required and missing: {wanted}", done.stderr)

    def test_goes_on_when_another_system_has_what_is_required(self):
        for name in PROGRAMS:
            self.program(name, "exit 0")
        done = self.install("bench")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_refuses_an_unknown_group(self):
        done = self.install("nonsense")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no group 'nonsense'", done.stderr)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""The installed CMake package, as programs outside of this tree use it."""

import itertools
import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from installed import BUILD, COMPILERS, ECHO, SECONDS_MAX, TOP, Installed, run, snippet, talk_to

# Configures only: which find_package succeeds, and what is said of the others.
QUESTIONS = """
cmake_minimum_required(VERSION 3.20)
project(questions LANGUAGES NONE)
foreach(version IN ITEMS ${versions})
  unset(rondo_DIR CACHE)
  find_package(rondo ${version} CONFIG QUIET)
  message(NOTICE "${version}: ${rondo_FOUND} of ${rondo_CONSIDERED_VERSIONS}")
endforeach()
find_package(rondo CONFIG REQUIRED COMPONENTS ${components})
foreach(property IN ITEMS TYPE IMPORTED_LOCATION INTERFACE_INCLUDE_DIRECTORIES)
  get_target_property(value rondo::rondo ${property})
  message(NOTICE "${property} ${value}")
endforeach()
message(NOTICE "backends ${rondo_BACKENDS}")
"""
PROGRAM = """
cmake_minimum_required(VERSION 3.20)
project(mine LANGUAGES CXX)
find_package(rondo 0.1 CONFIG REQUIRED COMPONENTS ${components})
add_executable(x x.cpp)
target_link_libraries(x PRIVATE ${target})
"""


@unittest.skipUnless(shutil.which("cmake"), "CMake is not installed")
class CmakePackage(Installed):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.has_tls = (cls.lib / "librondo-tls.so").exists()
        for name, text in (("questions", QUESTIONS), ("mine", PROGRAM),
                           ("page", snippet("cmake find_package"))):
            (cls.scratch / name).mkdir()
            (cls.scratch / name / "CMakeLists.txt").write_text(text)
        cls.source = cls.scratch / "mine" / "x.cpp"
        (cls.scratch / "page" / "x.cpp").write_text(ECHO)

    def setUp(self):
        self.source.write_text(ECHO)

    def configure(self, name, *options, prefix=None):
        """A new build folder, or an AssertionError with what CMake said. Without a language, CMake
        does not look in lib/x86_64-linux-gnu."""
        prefix = Path(prefix or self.prefix)
        package = prefix / self.lib.relative_to(self.prefix) / "cmake" / "rondo"
        build = self.scratch / f"build-{self.id().rpartition('.')[2]}"
        shutil.rmtree(build, ignore_errors=True)
        self.said = subprocess.run(
            ["cmake", "-G", "Ninja", "-S", self.scratch / name, "-B", build,
             f"-DCMAKE_PREFIX_PATH={package if name == 'questions' else prefix}",
             "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *options],
            capture_output=True, text=True, timeout=SECONDS_MAX)
        if self.said.returncode != 0:
            raise AssertionError(self.said.stdout + self.said.stderr)
        return build

    def answers(self, *options, **places):
        self.configure("questions", *options, **places)
        return self.said.stderr.splitlines()

    def refusal(self, *options, **places):
        """CMake's words, whose lines it breaks as it likes."""
        with self.assertRaises(AssertionError) as caught:
            self.configure("questions", *options, **places)
        return " ".join(str(caught.exception).split())

    def copy_without(self, pattern):
        """The prefix of another install, where this is missing."""
        root = self.scratch / "partly"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.root, root, symlinks=True)
        removed = list(root.rglob(pattern))
        self.assertTrue(removed)
        for path in removed:
            path.unlink()
        return root / self.prefix.relative_to(self.root)

    @staticmethod
    def compile_command(build):
        return json.loads((build / "compile_commands.json").read_text())[0]["command"]

    def build(self, name, *options):
        build = self.configure(name, *options)
        run("cmake", "--build", build)
        return build / "x"

    def test_the_program_of_the_page_is_built_and_runs(self):
        for compiler, static in itertools.product(COMPILERS, (False, True)):
            with self.subTest(compiler=compiler, static=static):
                program = self.build("page", f"-DCMAKE_CXX_COMPILER={compiler}",
                                     f"-Drondo_USE_STATIC_LIBS={'ON' if static else 'OFF'}")
                self.assertEqual("librondo" in run("readelf", "-d", program), not static)
                self.assertEqual(talk_to(program), b"hello")

    def test_a_program_with_tls_is_built_and_runs(self):
        if not self.has_tls:
            self.skipTest("this build has no TLS")
        self.source.write_text(
            "#include <rondo/tls.h>\n#include <cstdio>\n"
            'int main() { std::puts(rondo::tls::Identity::load("/no", "/no") ? "" : "error"); }\n')
        for static in ("OFF", "ON"):
            with self.subTest(static=static):
                program = self.build("mine", "-Dtarget=rondo::tls", "-Dcomponents=tls",
                                     f"-Drondo_USE_STATIC_LIBS={static}")
                self.assertEqual(run(program), "error")

    def test_a_newer_standard_stays_and_an_older_one_is_raised(self):
        for asked, used in ((17, "20"), (23, "2[3b]")):
            build = self.configure("mine", "-Dtarget=rondo::rondo", f"-DCMAKE_CXX_STANDARD={asked}")
            self.assertRegex(self.compile_command(build), rf"-std=gnu\+\+{used}\b")

    def test_a_standard_that_is_forced_gets_the_one_error(self):
        self.source.write_text("#include <rondo/coroutine.h>\n")
        command = self.compile_command(self.configure("mine", "-Dtarget=rondo::rondo"))
        done = subprocess.run(f"{command} -std=c++17", shell=True, capture_output=True, text=True)
        self.assertEqual(done.stderr.count("error: "), 1, done.stderr)
        self.assertIn("rondo needs C++20", done.stderr)

    def test_versions_are_compatible_within_a_minor_one(self):
        good = ("0", "0.1", "0.1.0", "0.1...0.2", "0.0.9...<1", "0.1...0.1.0")
        bad = ("0.0.9", "0.1.99", "0.2", "1.0", "0.2...0.3", "0.0...<0.1.0", "0.10")
        self.assertIn("version: '0.1.0'", (TOP / "meson.build").read_text())  # what these lists fit
        said = self.answers(f"-Dversions={';'.join(good + bad)}")
        for version, found in [(v, "1") for v in good] + [(v, "0") for v in bad]:
            self.assertIn(f"{version}: {found} of 0.1.0", said)

    def test_what_is_not_there_is_named(self):
        without_tls = self.copy_without("librondo-tls.*")
        self.answers(prefix=without_tls)
        self.assertRegex(self.refusal("-Dcomponents=tls", prefix=without_tls),
                         r"rondo::tls is not installed: there is no \S+/librondo-tls\.a")
        self.assertIn("rondo has no component http: the only one is tls",
                      self.refusal("-Dcomponents=http"))
        self.assertRegex(self.refusal("-Drondo_USE_STATIC_LIBS=ON",
                                      prefix=self.copy_without("librondo.a")),
                         r"rondo::rondo is not installed: there is no \S+/librondo\.a")

    def test_a_program_of_32_bits_is_refused(self):
        self.assertIn("version: 0.1.0 (64 bits)", self.refusal("-DCMAKE_SIZEOF_VOID_P=4"))

    def test_the_static_library_is_taken_where_there_is_no_other(self):
        build = self.configure("mine", "-Dtarget=rondo::rondo",
                               prefix=self.copy_without("librondo.so*"))
        self.assertIn("librondo.a", (build / "build.ninja").read_text())

    def test_it_says_what_is_below_the_static_library_and_missing(self):
        if '"uv"' not in (BUILD / "backends" / "built.cpp").read_text():
            self.skipTest("this build has no libuv backend")
        env = {**os.environ, "PKG_CONFIG_LIBDIR": str(self.scratch)}
        build = self.scratch / "build-below"
        done = subprocess.run(
            ["cmake", "-G", "Ninja", "-S", self.scratch / "mine", "-B", build,
             f"-DCMAKE_PREFIX_PATH={self.prefix}", "-Dtarget=rondo::rondo",
             "-Drondo_USE_STATIC_LIBS=ON"], capture_output=True, text=True, env=env)
        self.assertIn("the static rondo::rondo needs libuv, which pkg-config does not find",
                      " ".join(done.stderr.split()))

    def test_it_can_be_moved_and_found_through_a_link(self):
        moved = self.copy_without("librondo-tls.a")
        link = self.scratch / "partly" / "lib"
        link.symlink_to(next(moved.rglob("librondo.so")).parent)
        said = self.answers(f"-Drondo_DIR={link / 'cmake' / 'rondo'}", prefix="/nowhere")
        self.assertIn("TYPE SHARED_LIBRARY", said)
        location = next(line for line in said if line.startswith("IMPORTED_LOCATION"))
        self.assertTrue(Path(location.split()[1]).exists())
        include = next(line for line in said if line.startswith("INTERFACE_INCLUDE_DIRECTORIES"))
        self.assertEqual(Path(include.split()[1]), moved / "include")

    def test_the_backends_are_those_of_pkg_config(self):
        backends = next(line for line in self.pc.read_text().splitlines()
                        if line.startswith("backends=")).partition("=")[2].split()
        self.assertIn(f"backends {';'.join(backends)}", self.answers())


if __name__ == "__main__":
    unittest.main()

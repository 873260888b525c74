# SPDX-License-Identifier: MIT
"""rondo as a part of a project, which brings its sources with it: of CMake (CMakeLists.txt), and of
Meson (packaging/rondo.wrap)."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from installed import BUILD, ECHO, SECONDS_MAX, TOP, run, snippet, talk_to

COMPILE_SECONDS_MAX = 1500
# What a part of a project may leave in its cache, by the beginning of its name.
OF_RONDO = ("before_", "prefix_result", "rondo", "RONDO", "FIND_PACKAGE_MESSAGE", "Iconv",
            "CMAKE_HAVE_LIBC_PTHREAD", "PKG_CONFIG", "__pkg_config", "pkgcfg_lib_rondo")
PROGRAM = """
cmake_minimum_required(VERSION 3.20)
project(mine LANGUAGES CXX)
foreach(kind IN ITEMS CACHE_VARIABLES VARIABLES)
  get_cmake_property(before_${kind} ${kind})
endforeach()
add_subdirectory(${rondo} rondo)
foreach(kind IN ITEMS VARIABLES CACHE_VARIABLES)
  get_cmake_property(after ${kind})
  list(REMOVE_ITEM after ${before_${kind}})
  message(NOTICE "${kind}: ${after}")
endforeach()
add_executable(x x.cpp)
target_link_libraries(x PRIVATE rondo::rondo)
if(TARGET rondo::tls)
  target_link_libraries(x PRIVATE rondo::tls)
endif()
"""


class Part(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.build = self.scratch / "build"
        (self.scratch / "x.cpp").write_text(ECHO)
        (self.scratch / "CMakeLists.txt").write_text(PROGRAM)
        (self.scratch / "meson.build").write_text(snippet("meson subproject"))

    def configure(self, *options):
        """Unoptimized, which compiles in the shortest time. Returns the messages."""
        if not shutil.which("cmake"):
            self.skipTest("CMake is not installed")
        if shutil.which("ccache") and "CCACHE_DISABLE" not in os.environ:
            options += ("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache",)
        done = subprocess.run(
            ["cmake", "-G", "Ninja", "-S", self.scratch, "-B", self.build, f"-Drondo={TOP}",
             "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *options],
            capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return dict(line.split(": ", 1) for line in done.stderr.splitlines() if ": " in line)

    def built_echo(self):
        done = subprocess.run(["cmake", "--build", self.build, "--target", "x"], text=True,
                              capture_output=True, timeout=COMPILE_SECONDS_MAX)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr)[-4000:])
        self.assertEqual(talk_to(self.build / "x"), b"hello")
        return run("readelf", "-d", self.build / "x")

    def sources(self, build):
        """The names of what is compiled, with the folder."""
        entries = json.loads((build / "compile_commands.json").read_text())
        paths = ((Path(one["directory"]) / one["file"]).resolve() for one in entries)
        return {path.relative_to(TOP) for path in paths if path.is_relative_to(TOP)
                and path.relative_to(TOP).parts[0] in ("core", "backends", "tls")}

    def test_a_subdirectory_is_a_static_library_and_sets_nothing(self):
        said = self.configure()
        strange = [name for kind in ("VARIABLES", "CACHE_VARIABLES")
                   for name in said[kind].split(";") if not name.startswith(OF_RONDO)]
        self.assertEqual(strange, [])
        self.assertNotIn("librondo", self.built_echo())

    def test_fetched_content_can_be_a_shared_library(self):
        (self.scratch / "CMakeLists.txt").write_text(snippet("cmake FetchContent"))
        (self.scratch / "rondo").symlink_to(TOP)
        self.configure("-DBUILD_SHARED_LIBS=ON")
        self.assertIn("librondo.so.0.1", self.built_echo())

    def test_it_compiles_what_meson_compiles(self):
        self.configure()
        self.assertEqual(self.sources(self.build), self.sources(BUILD))

    def test_what_is_switched_off_is_not_compiled(self):
        self.configure("-DRONDO_UV=OFF", "-DRONDO_DNS=OFF", "-DRONDO_TLS=OFF", "-DRONDO_SIM=OFF")
        names = {path.as_posix() for path in self.sources(self.build)}
        self.assertIn("core/names/dns_none.cpp", names)
        self.assertEqual([name for name in names if name.startswith(("backends/uv", "tls"))
                          or "cares" in name or "/sim/" in name], [])

    def test_the_wrap_makes_it_a_subproject_of_meson(self):
        """From a repository that git fetches, as the wrap says; it only configures."""
        if not shutil.which("git"):
            self.skipTest("git is not installed")
        copy = self.scratch / "repository"
        shutil.copytree(TOP, copy, ignore=shutil.ignore_patterns("build*", ".git", "__pycache__"))
        git = ["git", "-C", copy, "-c", "user.name=rondo", "-c", "user.email=rondo@invalid"]
        run("git", "init", "-q", copy)
        run(*git, "add", "-A")
        run(*git, "commit", "-q", "-m", "a copy")
        wrap = (TOP / "packaging" / "rondo.wrap").read_text()
        self.assertIn("url = https://git.invalid/rondo.git\n", wrap)
        (self.scratch / "subprojects").mkdir()
        (self.scratch / "subprojects" / "rondo.wrap").write_text(
            wrap.replace("https://git.invalid/rondo.git", copy.as_uri()))
        said = run("meson", "setup", self.build, self.scratch)
        self.assertRegex(said, r"Dependency rondo from subproject rondo found: YES 0\.1\.0"
                               r"|Dependency rondo found: YES 0\.1\.0 \(overridden\)")


if __name__ == "__main__":
    unittest.main()

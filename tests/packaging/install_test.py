# SPDX-License-Identifier: MIT
"""The installed library, as a program outside of this tree finds it: by pkg-config alone."""

import functools
import itertools
import os
import re
import shlex
import shutil
import subprocess
import unittest
from pathlib import Path

from installed import BUILD, COMPILERS, PREFIX, TOP, Installed, run

PROGRAM = """
#include <rondo/rondo.h>

#include <cstdio>

int main() {
  for (const rondo::BuiltBackend& built : rondo::built_backends()) {
    rondo::Reactor reactor{built.name};
    bool posted = false;
    reactor.post([&] { posted = true; });
    if (!reactor.run() || !posted) return 1;
    std::printf("%.*s ", static_cast<int>(built.name.size()), built.name.data());
  }
  std::printf("%s\\n", rondo::library_version_string());
}
"""


class Install(Installed):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.scratch / "x.cpp").write_text(PROGRAM)

    def pkg_config(self, *words, folder=None):
        """Answers for the tree below the scratch root, and for the system's own packages."""
        prefix = f"--define-variable=prefix={self.root / PREFIX}"
        env = {**os.environ, "PKG_CONFIG_PATH": str(folder or self.pc.parent)}
        return shlex.split(run("pkg-config", prefix, *words, "rondo", env=env))

    def compile(self, name, flags, *more):
        """`g++ -std=c++20 x.cpp $(pkg-config ...)`, word for word: no other flag."""
        program = self.scratch / name
        run("g++", "-std=c++20", self.scratch / "x.cpp", "-o", program, *flags, *more)
        return program

    def backends(self):
        return self.pkg_config("--variable=backends")

    def expected(self):
        return f"{' '.join(self.backends())} {self.pkg_config('--modversion')[0]}"

    def test_a_program_links_the_shared_library(self):
        program = self.compile("shared", self.pkg_config("--cflags", "--libs"))
        self.assertIn("librondo.so", run("readelf", "-d", program))
        said = run(program, env={**os.environ, "LD_LIBRARY_PATH": str(self.lib)})
        self.assertEqual(said, self.expected())

    def test_each_header_gives_one_error_with_an_older_standard(self):
        """Its own, before one of the standard library."""
        flags = ["-std=c++17", "-fsyntax-only", *self.pkg_config("--cflags"), "-x", "c++", "-"]
        for compiler, header in itertools.product(COMPILERS, sorted(self.include.glob("*.h"))):
            with self.subTest(compiler=compiler, header=header.name):
                done = subprocess.run([compiler, *flags], input=f"#include <rondo/{header.name}>\n",
                                      capture_output=True, text=True)
                errors = re.findall(r"^.*error: (.*)$", done.stderr, re.M)
                self.assertEqual(len(errors), 1, done.stderr)
                self.assertIn("rondo needs C++20: compile with -std=c++20 or later", errors[0])

    def test_a_newer_standard_stays(self):
        """pkg-config's flags come last in most commands, and the last -std counts."""
        for name in ("rondo", "rondo-tls"):
            for pc in self.root.rglob(f"{name}.pc"):
                self.assertNotIn("-std", pc.read_text())

    def test_rondo_tls_finds_rondo_beside_it(self):
        """Below any prefix, without LD_LIBRARY_PATH."""
        tls = self.lib / "librondo-tls.so"
        if not tls.exists():
            self.skipTest("this build has no TLS")
        environment = {name: value for name, value in os.environ.items()
                       if name != "LD_LIBRARY_PATH"}
        self.assertRegex(run("ldd", tls, env=environment),
                         rf"librondo\.so\S* => {re.escape(str(self.lib))}/librondo\.so")

    def test_another_prefix_is_told_to_pkg_config_and_emptied_again(self):
        """As docs/building.md has it. The libraries come from the build under test."""
        build, opt = self.scratch / "build", self.scratch / "opt"
        run("meson", "setup", build, TOP, f"--prefix={opt}", "--libdir=lib",
            "-Dtests=disabled", "-Dbench=disabled", "-Dexamples=disabled")
        for library in [*BUILD.glob("core/librondo.*"), *BUILD.glob("tls/librondo-tls.*")]:
            if library.is_file() and not library.is_symlink():
                shutil.copy2(library, build / library.relative_to(BUILD))
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet")
        lib = opt / "lib"
        env = {**os.environ, "PKG_CONFIG_PATH": str(lib / "pkgconfig")}
        flags = shlex.split(run("pkg-config", "--cflags", "--libs", "rondo", env=env))
        self.assertEqual(run(self.compile("rpath", flags, f"-Wl,-rpath,{lib}")), self.expected())
        run("ninja", "-C", build, "uninstall")
        self.assertEqual([path for path in opt.rglob("*") if not path.is_dir()], [])

    def test_a_tree_with_a_long_path_can_be_configured(self):
        """With a blank and a letter beyond ASCII in it."""
        tree = self.scratch / "a long päth" / ("x" * 200)
        shutil.copytree(TOP, tree, ignore=shutil.ignore_patterns("build", ".git"))
        run("meson", "setup", tree / "build", tree, "-Dtests=enabled", "-Dexamples=enabled")

    def test_a_program_links_the_static_library_alone(self):
        """With --static, where there is no shared library to prefer: rondo is in the program."""
        alone = self.scratch / "alone"
        shutil.copytree(self.lib, alone, symlinks=True)
        for shared in alone.glob("librondo.so*"):
            shared.unlink()
        flags = [word.replace(str(self.lib), str(alone))
                 for word in self.pkg_config("--static", "--cflags", "--libs")]
        program = self.compile("static", flags)
        self.assertNotIn("librondo", run("readelf", "-d", program))
        self.assertEqual(run(program), self.expected())

    def test_a_program_links_everything_statically(self):
        libuv = next((name for name in ("uv", "uv_a") if self.is_static(f"lib{name}.a")), None)
        if "uv" in self.expected().split() and not libuv:
            self.skipTest("libuv's static library is not installed")
        flags = self.pkg_config("--static", "--cflags", "--libs")
        flags = [f"-l{libuv}" if word == "-luv" else word for word in flags]  # uv_a: Debian's name
        program = self.compile("all", flags, "-static")
        self.assertNotIn("NEEDED", run("readelf", "-d", program))
        self.assertEqual(run(program), self.expected())

    def test_a_program_builds_against_the_build_directory(self):
        """Without installing: meson-uninstalled/ has a file of its own for pkg-config."""
        env = {**os.environ, "PKG_CONFIG_PATH": str(BUILD / "meson-uninstalled")}
        ask = functools.partial(run, "pkg-config", env=env)
        folder = Path(*shlex.split(ask("--variable=prefix", "rondo"))).resolve()
        self.assertEqual(folder, BUILD)
        program = self.compile("uninstalled", shlex.split(ask("--cflags", "--libs", "rondo")))
        said = run(program, env={**os.environ, "LD_LIBRARY_PATH": str(BUILD / "core")})
        self.assertEqual(said, self.expected())
        self.assertEqual(ask("--variable=backends", "rondo").split(), self.backends())

    def is_static(self, name):
        return Path(run("g++", f"-print-file-name={name}")).is_absolute()

    def test_pkg_config_names_what_is_below_as_private(self):
        text = self.pc.read_text()
        backends = self.backends()
        self.assertTrue(backends)
        self.assertNotRegex(text, r"(?m)^Requires:.*libuv")
        self.assertNotRegex(text, r"(?m)^Libs:.*luv")
        if "uv" in backends:
            self.assertRegex(text, r"(?m)^Requires\.private:.*\blibuv\b")
            self.assertIn("-luv", self.pkg_config("--static", "--libs"))
        self.assertNotIn("-luv", self.pkg_config("--libs"))

    def test_the_soname_is_that_of_the_version(self):
        version = self.pkg_config("--modversion")[0].split(".")
        soname = re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", self.lib / "librondo.so"))
        self.assertEqual(soname[1], f"librondo.so.{version[0]}.{version[1]}")

    def test_only_the_public_face_is_exported(self):
        listing = run("nm", "-DC", "--defined-only", self.lib / "librondo.so").splitlines()
        names = [line.split(" ", 2)[2] for line in listing if line.count(" ") >= 2]
        strange = [name for name in names if not re.search(r"\b(rondo|std)::|^_(init|fini)$", name)]
        self.assertEqual(strange, [])

    def test_each_header_stands_alone(self):
        flags = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                 *self.pkg_config("--cflags")]
        for header in sorted(self.include.glob("*.h")):
            with self.subTest(header=header.name):
                text = f"#include <rondo/{header.name}>\n"
                run("g++", *flags, "-fsyntax-only", "-x", "c++", "-", input=text)


if __name__ == "__main__":
    unittest.main()

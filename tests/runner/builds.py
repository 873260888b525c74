# SPDX-License-Identifier: MIT
"""The builds under test: how each is configured and compiled. What a sanitizer or valgrind needs at
run time is in tests/runner/meson.build, so that `meson test` works without the runner."""

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import processes
from results import Case

TOP = Path(__file__).resolve().parent.parent.parent
BUILD_SECONDS_MAX = 2400
UNIT, CONFORMANCE, KQUEUE = "tests/unit_tests", "tests/conformance_tests", "tests/kqueue_tests"
SEEDS, SIM, INJECT = "tests/sim/seeds", "tests/sim/sim_tests", "tests/inject/inject_tests"
HAS_OPENSSL = subprocess.run(["pkg-config", "--exists", "openssl >= 3.0"]).returncode == 0
TLS = ("tests/tls/tls_tests",) if HAS_OPENSSL else ()


@dataclass(frozen=True)
class Build:
    """A directory below build/. Without `compiler`, $CXX or what Meson finds compiles it."""

    name: str
    options: tuple = ()
    compiler: str = ""
    flags: str = "-g1"  # lines and functions: a report shows no more
    targets: tuple = ()  # what is compiled; if empty, everything
    suites: tuple = ("cpp",)  # see tests/runner/meson.build
    longer: tuple = ()  # those of them that --ci leaves out
    shared: str = ""  # the name of the build whose directory it is a part of

    @property
    def folder(self):
        return TOP / "build" / (self.shared or self.name)

    def missing(self):
        """Why it cannot be built here, or an empty string."""
        command = [self.compiler, *self.flags.split(), "-x", "c++", "-", "-o", "/dev/null"]
        source = "#include <string>\nint main() { return std::string{}.empty() ? 0 : 1; }\n"
        works = not self.compiler or (shutil.which(self.compiler) and subprocess.run(
            command, input=source, text=True).returncode == 0)
        return "" if works else f"{self.compiler} is not installed, or lacks {self.flags}"

    def setup(self):
        flags = [f"-Dcpp_args={self.flags}", f"-Dcpp_link_args={self.flags}"] if self.flags else []
        return ["meson", "setup", self.folder, TOP, "--buildtype=debugoptimized", "-Dwerror=true",
                "-Dtests=enabled", "-Dexamples=enabled", "-Dbench=disabled", "-Db_pch=true",
                *self.options, *flags]


def sanitized(name, sanitizers, *options, **more):
    """With clang if it is installed: it finds more than g++ 12, which also warns about what a
    sanitizer adds, hence no -Werror. Without optimization it compiles in half the time, and the
    sanitizer sees every access."""
    compiler = "clang++-19" if shutil.which("clang++-19") else ""
    return Build(name, (f"-Db_sanitize={sanitizers}", "-Db_lundef=false", "-Dwerror=false",
                        "-Doptimization=0", *options), compiler, **more)


# Plain tests/run tests this one.
PLAIN = Build("tests", suites=("cpp", "source", "programs", "pages"))
# Without assertions; and without the library's precompiled header, so that each source has the
# headers that it needs, for clang-tidy as well.
RELEASE = Build("release", ("--buildtype=release", "-Db_ndebug=true", "-Dbench=auto",
                            "-Db_pch=false"), flags="")
# What of it is installed and measured.
INSTALLED = replace(
    RELEASE, name="installed", shared="release", suites=("install", "slow"), longer=("slow",),
    targets=("bench-programs", "core/librondo.a", *(("tls/librondo-tls.a",) * HAS_OPENSSL)))
ASAN = sanitized("asan", "address,undefined", suites=("cpp", "programs", "pages"),
                 longer=("pages", "kqueue", "parity-kqueue"))
# A simulated world, a script of parity and a fuzz target have one thread.
TSAN = sanitized("tsan", "thread", targets=(UNIT, CONFORMANCE, *TLS),
                 suites=("unit", "conformance", "tls"))
# With the assertions of libstdc++; and without DNS, which all other builds have.
CLANG_16 = Build("clang-16", ("-Ddns=disabled",), "clang++-16",
                 "-g1 -D_GLIBCXX_ASSERTIONS -D_GLIBCXX_CONCEPT_CHECKS",
                 (UNIT, CONFORMANCE, SIM, SEEDS), ("unit", "conformance", "sim"))
# The packaged GoogleTest uses libstdc++; its packaged sources are compiled with libc++.
LIBCXX = Build("clang-19-libcxx", ("-Dgtest_sources=/usr/src/googletest/googletest",),
               "clang++-19", "-g1 -stdlib=libc++")
# Without optimization, so that each branch of the source is one of the program; and without
# assertions, whose failures no test reaches.
COVERAGE = Build("coverage", ("--buildtype=debug", "-Db_ndebug=true", "-Db_coverage=true",
                              "-Dexamples=disabled"),
                 targets=(UNIT, CONFORMANCE, KQUEUE, SIM, INJECT, *TLS),
                 suites=("unit", "conformance", "kqueue", "sim", "inject", "tls"))
FUZZ = sanitized("fuzz", "address,undefined", "-Dfuzzing=true", "-Dexamples=disabled",
                 "-Doptimization=1",  # for more inputs in the time
                 targets=("tests/fuzz/fuzz_targets",), suites=("fuzz",))


def spare_the_home(environment):
    """Meson compiles with ccache where it is installed. That fails if it cannot write below the
    home, so then it is switched off."""
    home = os.path.expanduser("~")
    if "CCACHE_DIR" not in environment and not os.access(home, os.W_OK):
        environment["CCACHE_DISABLE"] = "1"


def prepare(build, jobs, progress=None):
    """Configures and compiles it. None, or a failed or skipped case that says why it could not."""
    if build.missing():
        return Case(build.name, "skipped", build.missing())
    env = {"CXX": build.compiler} if build.compiler else {}
    compile_it = ["ninja", "-C", build.folder, "-j", jobs, *build.targets]
    return configure(build, env, progress) or failure("compile", compile_it, env, progress)


def configure(build, env, progress=None):
    """Anew if the options or what Meson reads from the environment have changed."""
    stamp = build.folder / "configured-by-the-runner"
    outside = {name: os.environ.get(name) for name in ("CC", "CXX", "CXXFLAGS", "LDFLAGS")}
    wanted = repr((build.setup(), env, outside))
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    shutil.rmtree(build.folder, ignore_errors=True)
    failed = failure("configure", build.setup(), env, progress)
    if not failed:
        stamp.write_text(wanted)
    return failed


def failure(name, command, env=None, progress=None):
    """Runs the command. Returns None, or a failed case with the output."""
    done = processes.run(command, env=env, cwd=TOP, seconds=BUILD_SECONDS_MAX,
                         progress=progress)
    return Case(name, "failed", done.why, done.output, command) if done.why else None

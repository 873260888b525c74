"""The builds under test: how each is configured, compiled and run."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import processes
from gtest import Program
from results import Case

TOP = Path(__file__).resolve().parent.parent.parent
BUILD_SECONDS_MAX = 1200
GTEST_SOURCES = Path("/usr/src/googletest/googletest")
MAIN_PROGRAMS = ("tests/unit_tests", "tests/conformance_tests", "tests/kqueue_tests",
                 "tests/sim/sim_tests", "tests/sim/seeds")
NO_ASLR = ["setarch", "-R"]

# What the sanitizers are to do with a finding.
_ASAN = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
_TSAN = {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:die_after_fork=0"}


@dataclass(frozen=True)
class Build:
    """One build directory below build/. Without `compiler`, the one Meson finds (or $CXX)."""

    name: str
    options: tuple = ()
    compiler: str = ""
    flags: str = "-g1"  # lines and functions, which is all that a report shows
    env: dict = field(default_factory=dict)
    wrapper: tuple = ()
    slowness: float = 1
    python: str = ""  # which Python tests to run on it: all, programs, or none
    libcxx: bool = False
    targets: tuple = ()  # what of it is compiled; without any, all

    @property
    def folder(self):
        return TOP / "build" / self.name

    def missing(self):
        """Why it cannot be built here, or nothing."""
        if self.compiler and not shutil.which(self.compiler):
            return f"{self.compiler} is not installed, or not part of this system's release"
        if self.libcxx and not compiles(self.compiler, "-stdlib=libc++"):
            return f"{self.compiler} has no libc++ here"
        if self.libcxx and not GTEST_SOURCES.is_dir():
            return "GoogleTest's sources, to be built with libc++, are not in /usr/src/googletest"
        return ""

    def words(self):
        words = ["--buildtype=debugoptimized", "-Dwerror=true", "-Dtests=enabled"]
        words += ["-Dexamples=enabled", "-Dbench=disabled", "-Db_pch=true", *self.options]
        if self.flags:
            words += [f"-Dcpp_args={self.flags}", f"-Dcpp_link_args={self.flags}"]
        return words


def compiles(compiler, *flags):
    source = b"#include <string>\nint main() { return std::string{}.size(); }\n"
    command = [compiler, *flags, "-x", "c++", "-", "-o", "/dev/null"]
    return subprocess.run(command, input=source, capture_output=True).returncode == 0


def sanitized(name, sanitizers, env, **more):
    """clang knows more than g++ 12, which also warns about what a sanitizer adds: no -Werror."""
    compiler = "clang++-19" if shutil.which("clang++-19") else ""
    options = (f"-Db_sanitize={sanitizers}", "-Db_lundef=false", "-Dwerror=false")
    return Build(name, options, compiler, env=env, **more)


def every_build():
    """The first is what plain `tests/run` tests."""
    no_aslr = tuple(NO_ASLR) if works(*NO_ASLR, "true") else ()
    return [
        Build("tests", python="all"),
        # Without assertions, and with no header but those that each source includes.
        Build("release",
              ("--buildtype=release", "-Db_ndebug=true", "-Db_pch=false", "-Dbench=auto"),
              flags="", python="slow"),
        sanitized("asan", "address,undefined", _ASAN, slowness=3, python="programs"),
        # A world, its scripts and its fuzzers have one thread.
        sanitized("tsan", "thread", _TSAN, slowness=6, wrapper=no_aslr,
                  targets=("tests/unit_tests", "tests/conformance_tests")),
        # Also the assertions of libstdc++; and without DNS, which all the others have.
        Build("clang-16", ("-Ddns=disabled",), compiler="clang++-16", targets=MAIN_PROGRAMS,
              flags="-g1 -D_GLIBCXX_ASSERTIONS -D_GLIBCXX_CONCEPT_CHECKS"),
        Build("clang-19-libcxx", compiler="clang++-19", flags="-g1 -stdlib=libc++", libcxx=True),
    ]


def works(*command):
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def prepare(build, jobs, report):
    """Configures and compiles it. None, or the case that failed."""
    env = {"CXX": build.compiler} if build.compiler else {}
    if build.libcxx:
        failed = build_libcxx_gtest(build, report)
        if failed:
            return failed
        env["PKG_CONFIG_PATH"] = str(libcxx_gtest(build))
    setup = ["meson", "setup", build.folder, TOP, *build.words()]
    stamp = build.folder / "configured-by-the-runner"
    wanted = json.dumps([[str(word) for word in setup], env])
    if not (build.folder / "build.ninja").exists() or not stamp.exists() \
            or stamp.read_text() != wanted:
        report.progress("configuring")
        shutil.rmtree(build.folder, ignore_errors=True)
        done = processes.run(setup, env=env, cwd=TOP, seconds=BUILD_SECONDS_MAX)
        if not done.ok:
            return Case("configure", "failed", done.why(), done.output, setup)
        stamp.write_text(wanted)
    compile_it = ["ninja", "-C", build.folder, "-j", jobs, *build.targets]
    done = processes.run(
        compile_it, env=env, cwd=TOP, seconds=BUILD_SECONDS_MAX, on_line=report.progress
    )
    return None if done.ok else Case("compile", "failed", done.why(), done.output, compile_it)


def libcxx_gtest(build):
    return TOP / "build" / f"gtest-{build.compiler}-libcxx"


def build_libcxx_gtest(build, report):
    """The packaged GoogleTest speaks libstdc++; one for libc++ is made of its packaged sources."""
    folder = libcxx_gtest(build)
    if (folder / "gtest_main.pc").exists():
        return None
    report.progress("building GoogleTest with libc++")
    folder.mkdir(parents=True, exist_ok=True)
    # Archives, which a linker may be given twice.
    for source, name in (("gtest-all", "gtest"), ("gtest_main", "gtest_main")):
        compile_it = [build.compiler, *build.flags.split(), "-std=c++20", "-O1", "-c",
                      f"-I{GTEST_SOURCES}", f"-I{GTEST_SOURCES}/include",
                      GTEST_SOURCES / "src" / f"{source}.cc", "-o", folder / f"{source}.o"]
        pack = ["ar", "rcs", folder / f"lib{name}.a", folder / f"{source}.o"]
        for command in (compile_it, pack):
            done = processes.run(command)
            if not done.ok:
                return Case("GoogleTest with libc++", "failed", done.why(), done.output, command)
    version = subprocess.run(
        ["pkg-config", "--modversion", "gtest"], capture_output=True, text=True
    ).stdout.strip() or "1.12.0"
    flags = f"Cflags: -isystem {GTEST_SOURCES}/include -pthread\n"
    for name, archives in (("gtest", ["gtest"]), ("gtest_main", ["gtest_main", "gtest"])):
        libs = " ".join(str(folder / f"lib{one}.a") for one in archives)
        text = f"Name: {name}\nDescription: for libc++\nVersion: {version}\n"
        (folder / f"{name}.pc").write_text(f"{text}Libs: {libs} -pthread\n{flags}")
    return None


def read_tests(build):
    """What Meson knows as tests: GoogleTest programs, and others that end with a status. Of a build
    of a few targets, those."""
    done = subprocess.run(
        ["meson", "introspect", "--tests", build.folder], capture_output=True, text=True, cwd=TOP
    )
    if done.returncode != 0:
        print(done.stdout, done.stderr, file=sys.stderr)
        return [], []
    programs, others = [], []
    for test in json.loads(done.stdout):
        path = Path(test["cmd"][0])
        if build.targets and path.relative_to(build.folder).as_posix() not in build.targets:
            continue
        command = [relative(test["cmd"][0]), *test["cmd"][1:]]
        program = Program(
            test["name"], command, {**test["env"], **build.env}, list(build.wrapper),
            build.slowness, test["is_parallel"],
        )
        (programs if test["protocol"] == "gtest" else others).append(program)
    return programs, others


def relative(path):
    """A path as one would type it at the top of the tree."""
    path = Path(path)
    return path.relative_to(TOP).as_posix() if path.is_relative_to(TOP) else str(path)

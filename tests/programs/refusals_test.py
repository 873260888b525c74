# SPDX-License-Identifier: MIT
"""What would go wrong with coroutines, and can be seen by the compiler, does not compile. The error
says what to do."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()

HEAD = """
#include <rondo/coroutine.h>
#include <string>
using rondo::Task;
using rondo::Connection;
Task<int> number() { co_return 1; }
"""


def compiler():
    words = json.loads((BUILD / "compile_commands.json").read_text())[0]["command"].split()
    return words[1] if Path(words[0]).name == "ccache" else words[0]


def destroys_twice():
    version = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=True)
    return "clang" not in version.stdout and int(subprocess.run(
        [compiler(), "-dumpversion"], capture_output=True, text=True, check=True
    ).stdout.split(".")[0]) < 13


def errors(text):
    """What the compiler says; empty: it is satisfied."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "x.cpp"
        source.write_text(HEAD + text)
        done = subprocess.run(
            [compiler(), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
             f"-I{TOP}/include", f"-I{BUILD}/include", source],
            capture_output=True, text=True, timeout=120, check=False)
        return "" if done.returncode == 0 else done.stderr


class RefusalsTest(unittest.TestCase):
    def refuse(self, wrong, said, right):
        self.assertIn(said, errors(wrong))
        self.assertEqual(errors(right), "")

    def test_a_parameter_that_is_gone_when_the_coroutine_starts(self):
        self.refuse("Task<> f(std::string&& text) { co_await number(); (void)text; }",
                    "must not have a parameter T&&",
                    "Task<> f(std::string text) { (void)co_await number(); (void)text; }")

    def test_a_task_that_is_not_awaited(self):
        self.refuse("Task<> f() { number(); co_return; }",
                    "a Task does nothing until it is awaited",
                    "Task<> f() { (void)co_await number(); }")

    def test_an_operation_that_is_not_awaited(self):
        self.refuse("Task<> f(Connection& c) { c.writable(); co_return; }",
                    "nothing happens until it is awaited",
                    "Task<> f(Connection& c) { co_await c.writable(); }")

    def test_lent_bytes_that_would_be_kept(self):
        self.refuse("Task<> f(Connection& c) { c.write_owned(co_await c.read()); }",
                    "deleted",
                    "Task<> f(Connection& c) { c.write(co_await c.read()); }")

    def test_lent_bytes_of_several_reads_at_a_time(self):
        self.refuse("Task<> f(Connection& a, Connection& b) {"
                    "  (void)co_await when_all(a.read_exactly(1), b.read_exactly(1)); }",
                    "LentBytes",
                    "Task<> f(Connection& a, Connection& b) {"
                    "  (void)co_await when_any(a.read_exactly(1), b.read_exactly(1)); }")

    def test_lent_datagrams_and_results_of_several_at_a_time(self):
        for what, operation in (("ReceivedDatagram", "d.receive()"),
                                ("ReadResult", "c.try_read()")):
            self.refuse("Task<> f(rondo::Datagrams& d, Connection& c) {"
                        f"  (void)co_await when_all({operation}, c.flushed()); (void)d; }}",
                        what,
                        "Task<> f(rondo::Datagrams& d, Connection& c) {"
                        f"  (void)co_await when_any({operation}, c.flushed()); (void)d; }}")

    def test_an_awaiter_that_a_frame_has_no_room_for(self):
        awaiter = """
            struct alignas({}) Wide {{
              bool await_ready() const {{ return true; }}
              void await_suspend(std::coroutine_handle<>) const {{}}
              void await_resume() const {{}}
            }};
            Task<> f() {{ Wide wide; co_await wide; }}"""
        self.refuse(awaiter.format(64), "no room for an awaiter of this alignment",
                    awaiter.format(8))

    @unittest.skipUnless(destroys_twice(), "this compiler destroys it once")
    def test_a_closure_that_gcc_12_destroys_twice(self):
        self.refuse("Task<> f(std::string s) { co_await rondo::off_thread([s] {}); }",
                    "name_the_function_or_the_argument_in_a_statement_before_the_co_await",
                    "Task<> f(std::string s) { auto g = [s] {}; co_await rondo::off_thread(g); }")


if __name__ == "__main__":
    unittest.main()

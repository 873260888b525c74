# SPDX-License-Identifier: MIT
"""Rows of docs/python.md on both sides: the pairs of python_rows.md print the same."""

import asyncio
import contextlib
import io
import ipaddress
import os
import re
import selectors
import signal
import socket
import subprocess
import tempfile
import textwrap
import threading
import time
import unittest
import warnings
from pathlib import Path

from names_test import rows_of
from readme_test import BUILD, TOP, WARNINGS, compiler_of_build

PAIR = re.compile(r"^### (.+?)\n\n```python\n(.*?)^```\n```cpp\n(.*?)^```\n", re.M | re.S)
PAIRS_MIN = 40
SECONDS_MAX = 300
MODULES = {module.__name__: module for module in (
    asyncio, io, ipaddress, os, selectors, signal, socket, threading, time)}
HEAD = """
#include <rondo/coroutine.h>
#include <rondo/rondo.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;

// As Python prints its arguments.
void print_one(bool value) { std::cout << (value ? "True" : "False"); }
template <typename T>
void print_one(const T& value) { std::cout << value; }
template <typename First, typename... Rest>
void print(const First& first, const Rest&... rest) {
  print_one(first);
  ((std::cout << ' ', print_one(rest)), ...);
  std::cout << std::endl;
}

rondo::Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }
void run(rondo::Reactor& reactor) { reactor.run().value(); }

struct Reader final : rondo::Handler {  // prints what arrives, once
  Reader(rondo::Reactor& reactor, rondo::Socket& from) : socket(from) {
    watch = reactor.watch(from.fd(), rondo::Ready::read, *this).value();
  }
  void on_ready(rondo::Ready) override {
    std::array<char, 100> buffer;
    const auto size = socket.read(std::as_writable_bytes(std::span{buffer})).value();
    print(std::string_view{buffer.data(), size});
    ++calls;
    watch.cancel();
  }
  rondo::Socket& socket;
  rondo::Watch watch{};
  int calls = 0;
};

class Peer {  // a connection whose other end has sent this, and finished
 public:
  Peer(rondo::Reactor& reactor, std::string_view sent) {
    auto ends = rondo::Socket::pair(reactor.net(), rondo::SocketType::stream).value();
    if (!sent.empty()) (void)ends[1].write(bytes_of(sent));
    connection_ = rondo::adopt_connection(reactor, std::move(ends[0])).value();
  }
  rondo::Connection& operator*() const { return *connection_; }
  rondo::Connection* operator->() const { return connection_.get(); }

 private:
  std::unique_ptr<rondo::Connection> connection_;
};
"""


async def connected(sent):
    """The other side's Peer."""
    ours, theirs = socket.socketpair()
    theirs.send(sent)
    theirs.close()
    return await asyncio.open_connection(sock=ours)


def run_python(text, is_coroutine):
    names = {**MODULES, "connected": connected}
    with contextlib.redirect_stdout(io.StringIO()) as output, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the rows leave their sockets open
        if is_coroutine:
            exec("async def row():\n" + textwrap.indent(text, "    "), names)
            asyncio.run(names["row"]())
        else:
            names["loop"] = asyncio.new_event_loop()
            exec(text, names)
            names["loop"].close()
        names.clear()
    return output.getvalue()


def program_of(pairs):
    """Prints what each row prints, behind a line of its own."""
    parts, calls = [HEAD], []
    for index, (title, _, text) in enumerate(pairs):
        if "co_await" in text:
            parts.append(f"rondo::Task<> row_{index}([[maybe_unused]] rondo::Reactor& reactor) {{\n"
                         f"{text}}}\n")
            calls.append(f"  if (rondo::run(row_{index}) != 0) return 1;\n")
        else:
            parts.append(f"void row_{index}([[maybe_unused]] rondo::Reactor& reactor) {{\n"
                         f"{text}}}\n")
            calls.append(f"  {{ rondo::Reactor reactor; row_{index}(reactor); }}\n")
        calls[-1] = f'  print("=== {index}");\n' + calls[-1]
    return "".join([*parts, "int main() {\n", *calls, "}\n"])


@unittest.skipUnless(hasattr(asyncio, "TaskGroup"), "Python is older than 3.11")
class PythonRows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pairs = PAIR.findall((Path(__file__).parent / "python_rows.md").read_text("utf-8"))

    def test_the_titles_are_rows_of_the_page(self):
        cells = {row[0] for row in rows_of(TOP / "docs/python.md")}
        titles = [title for title, _, _ in self.pairs]
        self.assertEqual(set(titles) - cells, set())
        self.assertEqual(len(titles), len(set(titles)))
        self.assertGreaterEqual(len(titles), PAIRS_MIN)
        page = (TOP / "docs/python.md").read_text(encoding="utf-8")
        self.assertTrue(f"{len(titles)} of these rows" in page, f"the page counts {len(titles)}")

    def test_both_sides_print_the_same(self):
        printed = re.split(r"^=== \d+\n", self.run_rondo(), flags=re.M)[1:]
        self.assertEqual(len(printed), len(self.pairs))
        for (title, python, text), ours in zip(self.pairs, printed):
            with self.subTest(row=title):
                theirs = run_python(python, "co_await" in text)
                self.assertNotEqual(ours, "", "the row shows nothing")
                self.assertEqual(ours, theirs)

    def run_rondo(self):
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "rows.cpp"
            source.write_text(program_of(self.pairs), encoding="utf-8")
            program = source.with_suffix("")
            self.shell([*compiler_of_build(), "-std=c++20", *WARNINGS, f"-I{TOP / 'include'}",
                        f"-I{BUILD / 'include'}", source, "-o", program, f"-L{BUILD / 'core'}",
                        "-lrondo", "-pthread"])
            return self.shell([program], env={**os.environ,
                                              "LD_LIBRARY_PATH": str(BUILD / "core")})

    def shell(self, command, **options):
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX,
                              **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout


if __name__ == "__main__":
    unittest.main()

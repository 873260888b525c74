# SPDX-License-Identifier: MIT
"""Every program in README.md and docs/ compiles and does what its page says.

A block that begins with ```cpp is a whole program. It must end successfully, in bounded time; if a
block ```output follows, it prints that. ```cpp server is a program that listens at its first
argument, prints the address, and echoes; with ```cpp talk, clients have the talk of the block
```talk that follows. ```cpp uv includes <uv.h>, ```cpp glib, event and asio the headers of these
libraries, ```cpp sim uses <rondo/sim.h> for its network, ```cpp gtest leaves main() to GoogleTest.
```cpp tls includes <rondo/tls.h>: a server takes the files of a certificate and its key, too, and a
client, which would need the internet, is only compiled.
"""

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
CERTIFICATES = BUILD / "tests/tls/certificates"
SECONDS_MAX = 60  # a sanitizer's build on a busy machine
FLAGS = ["-std=c++20", "-O0", "-Wpedantic", f"-I{TOP / 'include'}", f"-I{BUILD / 'include'}"]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]
# By the word that asks for them.
PACKAGES = {"uv": "libuv", "gtest": "gtest_main", "glib": "glib-2.0", "event": "libevent"}
BLOCK = re.compile(
    r"^```(?P<words>[^\n`]*)\n(?P<text>.*?)^```\n"
    r"(?:\s*^```(?:output|talk)\n(?P<output>.*?)^```\n)?",
    re.M | re.S,
)
TEST_NAME = re.compile(r"^TEST\w*\(\s*(\w+),\s*(\w+)\)", re.M)
CITED_TEST = re.compile(r"`([A-Z]\w+\.[A-Z]\w+)`")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    words: tuple
    text: str
    output: str | None

    @property
    def name(self):
        return f"{Path(self.page).stem.lower()}_line_{self.line}"


def blocks_of(page):
    text = page.read_text(encoding="utf-8")
    for hit in BLOCK.finditer(text):
        line = text.count("\n", 0, hit.start()) + 1
        name = page.relative_to(TOP).as_posix()
        yield Block(name, line, tuple(hit["words"].split()), hit["text"], hit["output"])


def programs():
    return [block for page in PAGES for block in blocks_of(page) if block.words[:1] == ("cpp",)]


def compiler_of_build():
    """The compiler and the sanitizers of the build, which a program that links it must share."""
    database = json.loads((BUILD / "compile_commands.json").read_text())
    words = shlex.split(database[0]["command"])
    compiler = words[1] if Path(words[0]).name == "ccache" else words[0]
    wanted = ("-fsanitize", "-stdlib", "-D_GLIBCXX")
    return [compiler, *(word for word in dict.fromkeys(words) if word.startswith(wanted))]


def has_package(name):
    return subprocess.run(["pkg-config", "--exists", name]).returncode == 0


def prose_of(page):
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = Path(scratch.name)
        cls.compiler = compiler_of_build()
        built = (BUILD / "backends/built.cpp").read_text()
        cls.backends = re.findall(r'\{"(\w+)", make_', built)
        cls.has_sim = "backends/sim/" in (BUILD / "compile_commands.json").read_text()
        if "clang" not in cls.compiler[0]:
            cls.precompile("rondo.h", "coroutine.h")
        cls.env = {**os.environ, "LD_LIBRARY_PATH": f"{BUILD / 'core'}:{BUILD / 'tls'}"}

    @classmethod
    def precompile(cls, *headers):
        """g++ looks for NAME.gch beside a header that a program includes first: half the time."""
        for name in headers:
            done = cls.scratch / f"precompiled/rondo/{name}.gch"
            done.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([*cls.compiler, *FLAGS, "-w", "-x", "c++-header",
                            TOP / "include/rondo" / name, "-o", done], check=True)

    def has_coroutines_of_asio(self):
        """Asio 1.22 has none with clang and libstdc++."""
        done = subprocess.run([*self.compiler, "-std=c++20", "-x", "c++", "-fsyntax-only", "-"],
                              input="#include <asio.hpp>\nusing asio::awaitable;\n", text=True,
                              capture_output=True)
        return done.returncode == 0

    def compile(self, block):
        source = self.scratch / f"{block.name}.cpp"
        program = source.with_suffix("")
        source.write_text(block.text)
        flags = [f"-I{self.scratch / 'precompiled'}", *FLAGS]
        libraries = [f"-L{BUILD / 'core'}", "-lrondo", "-pthread"]
        if "tls" in block.words:
            libraries[:0] = [f"-L{BUILD / 'tls'}", "-lrondo-tls"]
        for word, package in PACKAGES.items():
            if word in block.words:
                answer = subprocess.run(["pkg-config", "--cflags", "--libs", package],
                                        capture_output=True, text=True, check=True)
                libraries += answer.stdout.split()
        if "asio" in block.words:
            flags.append("-Wno-mismatched-new-delete")  # g++ 12 warns in Asio 1.22
        command = [*self.compiler, *WARNINGS, *flags, source, "-o", program, *libraries]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 0, f"{block.page}:{block.line}\n{done.stderr}")
        return program

    def check(self, block):
        if "gtest" not in block.words:
            self.assertIn("int main(", block.text, "a block ```cpp is a whole program")
        if "uv" in block.words and "uv" not in self.backends:
            self.skipTest("this build has no libuv backend")
        for word, package in PACKAGES.items():
            if word in block.words and not has_package(package):
                self.skipTest(f"{package} is not installed")
        if "asio" in block.words and not self.has_coroutines_of_asio():
            self.skipTest("Asio is not installed, or has no coroutines with this compiler")
        if "sim" in block.words and not self.has_sim:
            self.skipTest("this build has no simulated network")
        if "tls" in block.words and not CERTIFICATES.exists():
            self.skipTest("this build has no TLS")
        program = self.compile(block)
        backends = [""] if {"uv", "sim", "event", "asio"} & {*block.words} else self.backends
        for backend in backends:
            env = {**self.env, "RONDO_BACKEND": backend} if backend else self.env
            with self.subTest(backend=backend or "as the program says"):
                if "tls" in block.words:
                    self.talk_over_tls(program, env, block)
                elif "talk" in block.words:
                    self.talk_as_shown(program, env, block)
                elif "server" in block.words:
                    self.talk_to(program, env)
                else:
                    self.run_to_the_end(program, env, block)

    def run_to_the_end(self, program, env, block):
        done = subprocess.run([program], env=env, capture_output=True, text=True,
                              timeout=SECONDS_MAX, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        if block.output is not None:
            self.assertEqual(done.stdout, block.output)

    def talk_to(self, program, env):
        """Two clients in turns, one of which sends more than fits into the kernel's buffers."""
        with subprocess.Popen([program, "127.0.0.1:0"], env=env, stdout=subprocess.PIPE,
                              text=True) as server, contextlib.ExitStack() as at_end:
            at_end.callback(server.kill)  # before Popen waits for it, also after a failure
            said = server.stdout.readline()
            self.assertRegex(said, r"^listening on 127\.0\.0\.1:\d+\n$")
            address = ("127.0.0.1", int(said.rpartition(":")[2]))
            with socket.create_connection(address, SECONDS_MAX) as small:
                small.sendall(b"hello")
                self.assertEqual(self.receive(small, 5), b"hello")
                self.check_large(address)
                small.sendall(b"again")
                self.assertEqual(self.receive(small, 5), b"again")
                small.shutdown(socket.SHUT_WR)
                self.assertEqual(small.recv(1), b"", "the server closes at the end of input")
            server.send_signal(signal.SIGTERM)
            self.assertIn(server.wait(SECONDS_MAX), (0, -signal.SIGTERM))

    def talk_as_shown(self, program, env, block):
        """Each line is `NAME> what it sends`, `NAME< what it receives`, or `Ctrl-C`. At the end the
        server ends successfully, or is killed if the talk has no Ctrl-C."""
        clients = {}
        with subprocess.Popen([program, "127.0.0.1:0"], env=env, stdout=subprocess.PIPE,
                              text=True) as server, contextlib.ExitStack() as at_end:
            at_end.callback(server.kill)
            port = int(server.stdout.readline().rpartition(":")[2])
            for line in block.output.splitlines():
                if line == "Ctrl-C":
                    server.send_signal(signal.SIGINT)
                    continue
                name, arrow, text = re.match(r"(\w+)([<>]) ?(.*)$", line).groups()
                if name not in clients:
                    client = at_end.enter_context(
                        socket.create_connection(("127.0.0.1", port), SECONDS_MAX))
                    clients[name] = at_end.enter_context(client.makefile("rw", newline="\n"))
                if arrow == ">":
                    print(text, file=clients[name], flush=True)
                else:
                    self.assertEqual(clients[name].readline(), text + "\n", line)
            if "Ctrl-C" in block.output:
                for name, client in clients.items():
                    self.assertEqual(client.read(), "", f"{name} receives no more")
                self.assertEqual(server.wait(SECONDS_MAX), 0)

    def talk_over_tls(self, program, env, block):
        if "server" not in block.words:
            return
        files = [CERTIFICATES / "good.pem", CERTIFICATES / "good.key"]
        with subprocess.Popen([program, "127.0.0.1:0", *files], env=env, stdout=subprocess.PIPE,
                              text=True) as server, contextlib.ExitStack() as at_end:
            at_end.callback(server.kill)
            port = int(server.stdout.readline().rpartition(":")[2])
            trust = ssl.create_default_context(cafile=CERTIFICATES / "root.pem")
            with socket.create_connection(("127.0.0.1", port), SECONDS_MAX) as plain, \
                    trust.wrap_socket(plain, server_hostname="a.example") as client:
                client.sendall(b"hello")
                self.assertEqual(self.receive(client, 5), b"hello")

    def check_large(self, address):
        data = os.urandom(1 << 20) * 4
        with socket.create_connection(address, SECONDS_MAX) as large:
            large.setblocking(False)
            sent = 0
            try:
                while sent < len(data):
                    sent += large.send(data[sent:])
            except BlockingIOError:
                pass  # as much as the server takes while its answers are not read
            large.settimeout(SECONDS_MAX)
            self.assertEqual(self.receive(large, sent), data[:sent])

    @staticmethod
    def receive(connection, size):
        data = bytearray()
        while len(data) < size:
            part = connection.recv(size - len(data))
            if not part:
                break
            data += part
        return bytes(data)

    def test_no_code_is_left_uncompiled(self):
        """```c++ is a part of a file of backends_page.py, or of a program in examples/."""
        examples = [path.read_text(encoding="utf-8") for path in TOP.glob("examples/**/*.cpp")]
        for page in PAGES:
            for block in blocks_of(page):
                with self.subTest(page=page.name, line=block.line):
                    language = (*block.words, "")[0]
                    self.assertNotIn(language, ("c", "C", "cc", "C++", "cxx"))
                    if language not in ("cpp", "c++"):
                        self.assertNotIn("#include <", block.text)
                    if language == "c++" and page.name not in ("backends.md", "certify.md"):
                        self.assertTrue(any(block.text.strip() in text for text in examples))

    def test_the_tests_that_pages_name_exist(self):
        sources = "".join(path.read_text(encoding="utf-8")
                          for path in (TOP / "tests").rglob("*.cpp"))
        known = {".".join(names) for names in TEST_NAME.findall(sources)}
        for page in PAGES:
            with self.subTest(page=page.name):
                self.assertEqual(set(CITED_TEST.findall(prose_of(page))) - known, set())


def add_test(block):
    setattr(Documents, f"test_{block.name}", lambda self: self.check(block))


for one in programs():
    add_test(one)


if __name__ == "__main__":
    unittest.main()

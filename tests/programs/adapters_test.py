# SPDX-License-Identifier: MIT
"""The adapters of examples/adapters/ against real servers: Python's http.server, redis-server and
PostgreSQL."""

import contextlib
import functools
import http.server
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from example_programs import EXAMPLES, SECONDS_MAX, ExamplesTest, on, run, unanswered_address

UNPRIVILEGED = 65534  # the account that owns nothing


def built(adapter):
    """Skips a test if the adapter's library was not there when rondo was built."""
    there = (EXAMPLES / f"adapter_{adapter}").exists()
    return unittest.skipUnless(there, f"adapter_{adapter} was not built: its library is missing")


def installed(program):
    return unittest.skipUnless(program, "its server is not installed")


@contextlib.contextmanager
def serving(command, **more):
    """A server, once it can be talked to."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **more) as server:
        try:
            if not any("ready to accept connections" in line.lower() for line in server.stdout):
                raise AssertionError(f"{command[0]} did not start")
            reader = threading.Thread(target=server.stdout.read)  # it must not wait for a reader
            reader.start()
            try:
                yield server
            finally:
                server.send_signal(signal.SIGINT)  # PostgreSQL waits for clients after SIGTERM
                reader.join()
        finally:
            server.terminate()


@contextlib.contextmanager
def web_server(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield "http://{}:{}".format(*server.server_address)
        finally:
            server.shutdown()
            thread.join()


@built("curl")
class Curl(ExamplesTest):
    def test_fetches_many_pages_at_the_same_time(self):
        with tempfile.TemporaryDirectory() as folder, web_server(folder) as site:
            pages = {f"{site}/page{size}": size for size in (0, 1, 5000, 3_000_000)}
            for page, size in pages.items():
                Path(folder, page.rpartition("/")[2]).write_bytes(b"x" * size)
            for backend in self.on_every_backend():
                done = run(backend, "adapter_curl", *pages, f"{site}/nothing", *pages)
                lines = sorted(done.stdout.splitlines())
                wanted = [f"200 {size} {page}" for page, size in pages.items()] * 2
                missing = [line for line in lines if line.startswith("404 ")]
                self.assertEqual(lines, sorted([*wanted, *missing]))
                self.assertEqual((len(missing), done.stderr, done.returncode), (1, "", 0))

    def test_reports_a_server_that_does_not_answer(self):
        for backend in self.on_every_backend():
            with unanswered_address() as address, tempfile.TemporaryDirectory() as folder:
                with web_server(folder) as site:
                    done = run(backend, "adapter_curl", f"http://{address}/", f"{site}/")
            self.assertIn(f"fetch http://{address}/: ", done.stderr)
            self.assertRegex(done.stdout, r"^200 \d+ http")
            self.assertEqual(done.returncode, 1)


@built("redis")
@installed(shutil.which("redis-server"))
class Redis(ExamplesTest):
    @contextlib.contextmanager
    def server(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/redis"
            command = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir",
                       folder]
            with serving(command) as server:
                yield server, f"unix:{path}"

    def test_sends_commands_and_prints_replies(self):
        with self.server() as (_, where):
            for backend in self.on_every_backend():
                for command, reply in (
                        ("SET name rondo", "OK\n"), ("GET name", "rondo\n"),
                        ("GET nothing", "(nil)\n"), ("RPUSH list a b", "2\n"),
                        ("LRANGE list 0 -1", "a\nb\n"), ("DEL list", "1\n")):
                    done = run(backend, "adapter_redis", where, *command.split())
                    self.assertEqual((done.stdout, done.stderr), (reply, ""))

    def test_prints_messages_until_the_server_ends(self):
        for backend in self.on_every_backend():
            with self.server() as (server, where):
                command = [EXAMPLES / "adapter_redis", where, "SUBSCRIBE", "news"]
                with subprocess.Popen(command, env=on(backend), stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True) as client:
                    self.assertEqual([client.stdout.readline() for _ in range(3)],
                                     ["subscribe\n", "news\n", "1\n"])
                    run(backend, "adapter_redis", where, "PUBLISH", "news", "hello")
                    self.assertEqual([client.stdout.readline() for _ in range(3)],
                                     ["message\n", "news\n", "hello\n"])
                    server.terminate()
                    self.assertEqual(client.communicate(timeout=SECONDS_MAX),
                                     ("", "redis: Server closed the connection\n"))

    def test_reports_a_server_that_does_not_answer(self):
        for backend in self.on_every_backend():
            with unanswered_address() as address:
                done = run(backend, "adapter_redis", address, "PING")
            self.assertIn("Connection refused", done.stderr)
            self.assertEqual(done.returncode, 1)


def postgres_programs():
    """The folder with the newest initdb and postgres, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = shutil.which("initdb") or (found and found[-1])
    return path and Path(path).parent


@built("postgres")
@installed(postgres_programs())
class Postgres(ExamplesTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        programs = postgres_programs()
        data = f"{folder.name}/data"
        try:
            user = cls.user_for(folder.name)
            subprocess.run([programs / "initdb", "--no-sync", "-A", "trust", "-U", "rondo", data],
                           check=True, capture_output=True, cwd=folder.name, text=True, **user)
        except (KeyError, PermissionError) as error:
            raise unittest.SkipTest(f"PostgreSQL refuses to run as root: {error}") from None
        except subprocess.CalledProcessError as error:
            raise unittest.SkipTest(f"PostgreSQL cannot run here: {error.stderr}") from None
        command = [programs / "postgres", "-D", data, "-k", folder.name, "-h", "", "-F"]
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        stack.enter_context(serving(command, cwd=folder.name, **user))
        cls.options = f"host='{folder.name}' user=rondo dbname=postgres"

    @staticmethod
    def user_for(folder):
        """The words for subprocess that make a program another user if this one is root."""
        if os.getuid() != 0:
            return {}
        other = pwd.getpwuid(UNPRIVILEGED)
        os.chown(folder, other.pw_uid, other.pw_gid)
        return {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}

    def test_prints_the_rows_of_a_query(self):
        for backend in self.on_every_backend():
            done = run(backend, "adapter_postgres", self.options,
                       "SELECT n, n * n FROM generate_series(1, 20000) AS n")
            rows = "".join(f"{n}|{n * n}\n" for n in range(1, 20001))
            self.assertEqual((done.stdout, done.stderr), (rows + "done\n", ""))

    def test_prints_notifications(self):
        for backend in self.on_every_backend():
            command = [EXAMPLES / "adapter_postgres", self.options, "LISTEN news", "2"]
            with subprocess.Popen(command, env=on(backend), stdout=subprocess.PIPE,
                                  text=True) as client:
                self.assertEqual(client.stdout.readline(), "done\n")
                for word in ("one", "two"):
                    run(backend, "adapter_postgres", self.options, f"NOTIFY news, '{word}'")
                self.assertEqual(client.communicate(timeout=SECONDS_MAX)[0],
                                 "news: one\nnews: two\n")
                self.assertEqual(client.returncode, 0)

    def test_reports_what_the_database_refuses(self):
        for backend in self.on_every_backend():
            done = run(backend, "adapter_postgres", self.options, "SELECT nothing")
            self.assertIn('column "nothing" does not exist', done.stderr)
            self.assertEqual(done.returncode, 1)
            done = run(backend, "adapter_postgres", "host=/nowhere", "SELECT 1")
            self.assertIn("No such file or directory", done.stderr)
            self.assertEqual(done.returncode, 1)

# SPDX-License-Identifier: MIT
"""examples/cache beside redis-server 7: the same requests, good and bad, in any cuts, and the same
bytes for an answer; and redis-cli, redis-benchmark and hiredis, which are used with either."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from cache_requests import ANSWERS, DIFFERENCES, SAME, array, random_request
from example_programs import (EXAMPLES, SECONDS_MAX, Dialogue, ExamplesTest, needs, receive_all,
                              run, running, send_all_aside)

SEED = int(os.environ.get("RONDO_SEED") or random.randrange(1 << 32))
RANDOM_SCRIPTS = 60


@contextlib.contextmanager
def cache(backend, *words):
    """The path of the socket of a cache."""
    with tempfile.TemporaryDirectory() as folder:
        where = f"unix:{folder}/cache"
        with running(backend, "cache", "--listen", where, *words) as (process, _):
            yield where.removeprefix("unix:")
            if process.poll() is not None:
                raise AssertionError("the cache has ended")


@contextlib.contextmanager
def redis():
    """The same of redis-server."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/redis"
        command = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                   "--appendonly", "no", "--databases", "1", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                if not any("ready to accept connections" in line for line in server.stdout):
                    raise AssertionError("redis-server did not start")
                yield path
            finally:
                server.terminate()
                server.stdout.read()


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(SECONDS_MAX)
    client.connect(path)
    return client


def answer(path, pieces):
    """What is answered to the pieces, until the server closes, which it does after an error."""
    received = bytearray()
    with connect(path) as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):  # redis-server has not read all
            while data := client.recv(1 << 16):
                received += data
    return bytes(received)


def cut(data, sizes):
    """Pieces of these sizes, again and again."""
    pieces, at = [], 0
    while at < len(data):
        for size in sizes:
            pieces.append(data[at:at + size])
            at += size
    return [piece for piece in pieces if piece]


def cuts_of(data, chooser):
    """Not many pieces: for each, redis-server may send a reply of its own, 280 of which
    fill the socket until they are read; and at the end of the input it drops what is left."""
    yield [data]
    size_max = max(30, len(data) // 8)
    yield cut(data, [chooser.randrange(1, size_max) for _ in range(5)])
    if len(data) < 300:
        yield cut(data, [1])


class Client(Dialogue):
    """Sends requests, and reads each reply."""

    def __init__(self, path):
        super().__init__(connect(path))

    def __call__(self, *words):
        self.socket.sendall(array(*words))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        kind, text = line[:1], line[1:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(text))]
        if kind == b"$":
            return self.file.read(int(text) + 2)[:-2] if text != b"-1" else None
        return int(text) if kind == b":" else line[:-2].decode()


class Answers(ExamplesTest):
    def test_are_those_that_are_known(self):
        for backend in self.on_every_backend():
            with cache(backend) as path:
                for request, wanted in {**ANSWERS, **DIFFERENCES}.items():
                    for pieces in cuts_of(request, random.Random(SEED)):
                        answer(path, [b"FLUSHALL\r\n"])
                        self.assertEqual(answer(path, pieces), wanted, (request, SEED))

    @needs("redis-server")
    def test_are_those_of_redis(self):
        chooser = random.Random(SEED)
        with redis() as theirs:
            for backend in self.on_every_backend():
                with cache(backend) as path:
                    for request in (*ANSWERS, *SAME):
                        for pieces in cuts_of(request, chooser):
                            self.compare(path, theirs, pieces)

    @needs("redis-server")
    def test_differ_from_those_of_redis_where_it_is_said(self):
        with redis() as theirs:
            for request, ours in DIFFERENCES.items():
                answer(theirs, [b"FLUSHALL\r\n"])
                self.assertNotEqual(answer(theirs, [request]), ours, request)

    @needs("redis-server")
    def test_to_random_commands_are_those_of_redis(self):
        chooser = random.Random(SEED)
        with redis() as theirs:
            for backend in self.on_every_backend():
                with cache(backend) as path:
                    for _ in range(RANDOM_SCRIPTS):
                        script = b"".join(random_request(chooser) for _ in range(40))
                        self.compare(path, theirs, next(cuts_of(script, chooser)))
                        self.compare(path, theirs, cut(script, [chooser.randrange(1, 90)]))

    def compare(self, path, theirs, pieces):
        for server in (path, theirs):
            answer(server, [b"FLUSHALL\r\n"])
        self.assertEqual(answer(path, pieces), answer(theirs, pieces),
                         (b"".join(pieces), [len(piece) for piece in pieces], SEED))

    def test_to_many_requests_come_in_their_order(self):
        for backend in self.on_every_backend():
            with cache(backend) as path:
                count = 100_000
                wanted = b"".join(b":%d\r\n" % number for number in range(1, count + 1))
                with connect(path) as client:
                    sender = send_all_aside(client, array("INCR", "x") * count)
                    self.assertEqual(receive_all(client), wanted)
                    sender.join()

    def test_of_many_mebibytes_arrive(self):
        value = os.urandom(1 << 20) * 40
        for backend in self.on_every_backend():
            with cache(backend) as path, Client(path) as client:
                self.assertEqual(client("SET", "x", value), "+OK")
                self.assertEqual(client("GET", "x"), value)
                self.assertEqual(client("MGET", "x", "y", "x"), [value, None, value])
                self.assertEqual(client("APPEND", "x", "end"), len(value) + 3)


def until(holds):
    end = time.monotonic() + SECONDS_MAX
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("it does not come")


class Keys(ExamplesTest):
    def test_end_after_their_time(self):
        for backend in self.on_every_backend():
            with cache(backend) as path, Client(path) as client:
                client("SET", "swept", "1", "PX", "1")
                before = time.monotonic()
                client("SET", "x", "1", "PX", "50")
                self.assertIn(client("PTTL", "x"), range(51))
                until(lambda: client("EXISTS", "x") == 0)
                self.assertGreaterEqual(time.monotonic() - before, 0.04)
                self.assertEqual(client("TTL", "x"), -2)
                until(lambda: client("DBSIZE") == 0)
                self.assertIn(b"expired_keys:2\r\n", client("INFO", "stats"))

    def test_that_stay_are_all_seen_by_a_scan(self):
        for backend in self.on_every_backend():
            with cache(backend) as path, Client(path) as client:
                staying = {b"key:%d" % number for number in range(500)}
                for key in staying:
                    client("SET", key, "1")
                self.assertEqual(set(client("KEYS", "key:*")), staying)
                seen, cursor, added = [], b"", 0
                while cursor != b"0":
                    cursor, keys = client("SCAN", cursor or "0", "COUNT", "7", "MATCH", "key:*")
                    seen += keys
                    client("SET", f"other:{added}", "1")
                    added += 1
                self.assertEqual(set(seen), staying)
                self.assertLess(added, 500)

    def test_are_evicted_at_the_limit(self):
        for backend in self.on_every_backend():
            with cache(backend, "--maxmemory", "1mb") as path, Client(path) as client:
                for number in range(3000):
                    self.assertEqual(client("SET", number, "x" * 1000), "+OK")
                self.assertEqual(client("EXISTS", 2999), 1)
                self.assertIn(client("DBSIZE"), range(850, 1050))
                self.assertIn(b"maxmemory:1048576\r\n", client("INFO", "memory"))
                self.assertEqual(client("CONFIG", "GET", "maxmemory"), [b"maxmemory", b"1048576"])

    def test_are_refused_where_the_limit_is_too_small(self):
        for backend in self.on_every_backend():
            with cache(backend, "--maxmemory", "1") as path, Client(path) as client:
                self.assertEqual(
                    client("SET", "x", "1"),
                    "-OOM command not allowed when used memory > 'maxmemory'.")
                self.assertEqual(client("DEL", "x"), 0)


class Subscribers(ExamplesTest):
    def test_get_what_is_published(self):
        for backend in self.on_every_backend():
            with cache(backend) as path, Client(path) as client, Client(path) as other:
                self.assertEqual(client("SUBSCRIBE", "news"), [b"subscribe", b"news", 1])
                self.assertEqual(client("PSUBSCRIBE", "n*"), [b"psubscribe", b"n*", 2])
                self.assertEqual(other("PUBLISH", "news", "hello"), 2)
                self.assertEqual(client.reply(), [b"message", b"news", b"hello"])
                self.assertEqual(client.reply(), [b"pmessage", b"n*", b"news", b"hello"])
                self.assertEqual(client("UNSUBSCRIBE"), [b"unsubscribe", b"news", 1])
                self.assertEqual(other("PUBLISH", "news", "hello"), 1)
                self.assertEqual(client.reply()[:2], [b"pmessage", b"n*"])
                client.socket.shutdown(socket.SHUT_RDWR)
                until(lambda: other("PUBLISH", "news", "hello") == 0)

    def test_that_do_not_read_are_ended(self):
        for backend in self.on_every_backend():
            with cache(backend) as path, Client(path) as client, Client(path) as other:
                client("SUBSCRIBE", "news")
                message = "x" * (1 << 20)
                count = next(number for number in range(100)
                             if other("PUBLISH", "news", message) == 0)
                self.assertIn(count, range(32, 40))


class SlowClients(ExamplesTest):
    @staticmethod
    def commands(client):
        name = b"total_commands_processed:"
        return next(int(line.removeprefix(name)) for line in client("INFO", "stats").splitlines()
                    if line.startswith(name))

    def test_are_served_as_fast_as_they_read(self):
        value = b"x" * 10_000
        count = 10_000
        for backend in self.on_every_backend():
            with cache(backend) as path, connect(path) as client, Client(path) as other:
                other("SET", "x", value)
                sender = send_all_aside(client, b"INCR y\r\n" + b"GET x\r\n" * count + b"QUIT\r\n")
                until(lambda: other("EXISTS", "y") == 1)
                self.assertLess(self.commands(other), count // 2)
                received = receive_all(client)
                sender.join()
                self.assertEqual(
                    received, b":1\r\n" + (b"$10000\r\n" + value + b"\r\n") * count + b"+OK\r\n")


class Programs(ExamplesTest):
    @needs("redis-cli")
    def test_redis_cli(self):
        for backend in self.on_every_backend():
            with cache(backend) as path:
                for words, wanted in (("SET x 1", "OK"), ("INCR x", "2"), ("GET y", ""),
                                      ("MGET x y", "2\n"), ("FOO", "ERR unknown command 'FOO', "
                                                            "with args beginning with: \n")):
                    done = subprocess.run(["redis-cli", "-s", path, *words.split()], text=True,
                                          capture_output=True, timeout=SECONDS_MAX)
                    self.assertEqual((done.stdout, done.stderr), (wanted + "\n", ""))
                done = subprocess.run(["redis-cli", "-s", path, "--scan"], text=True,
                                      capture_output=True, timeout=SECONDS_MAX)
                self.assertEqual(done.stdout, "x\n")

    @needs("redis-benchmark")
    def test_redis_benchmark(self):
        for backend in self.on_every_backend():
            with cache(backend) as path:
                for pipelined in ("1", "16"):
                    done = subprocess.run(
                        ["redis-benchmark", "-s", path, "-q", "-n", "2000", "-P", pipelined, "-r",
                         "100", "-t", "ping,set,get,incr,mset"],
                        text=True, capture_output=True, timeout=SECONDS_MAX)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertNotIn("rror", done.stdout)
                    self.assertEqual(done.stdout.count("requests per second"), 6)

    @unittest.skipUnless((EXAMPLES / "adapter_redis").exists(), "hiredis was not there")
    def test_hiredis(self):
        for backend in self.on_every_backend():
            with cache(backend) as path:
                for words, wanted in (("SET name rondo", "OK\n"), ("GET name", "rondo\n"),
                                      ("GET nothing", "(nil)\n"), ("STRLEN name", "5\n"),
                                      ("MGET name nothing", "rondo\n(nil)\n")):
                    done = run(backend, "adapter_redis", f"unix:{path}", *words.split())
                    self.assertEqual((done.stdout, done.stderr), (wanted, ""))


class TheProgram(ExamplesTest):
    def test_ends_when_its_clients_have_their_answers(self):
        for backend in self.on_every_backend():
            with running(backend, "cache", "--listen", "127.0.0.1:0") as (process, address):
                with socket.create_connection(address, SECONDS_MAX) as client:
                    client.sendall(b"PING\r\n")
                    self.assertEqual(client.recv(10), b"+PONG\r\n")
                    process.send_signal(signal.SIGTERM)
                    self.assertEqual(receive_all(client), b"")
                self.assertEqual(process.wait(SECONDS_MAX), 0)

    def test_says_what_is_wrong(self):
        for backend in self.on_every_backend():
            self.assertIn("nonsense", run(backend, "cache", "--listen", "nonsense").stderr)
            self.assertIn("maxmemory", run(backend, "cache", "--maxmemory", "much").stderr)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""The examples against programs of other projects: socat and netcat."""

import contextlib
import os
import pty
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

from example_programs import (
    BUILD, EXAMPLES, MUCH, SECONDS_MAX, ExamplesTest, has_ipv6, needs, on, run, running,
)

NETCAT = "nc.openbsd"
PATIENT = f"-t{SECONDS_MAX}"  # socat: how long the other direction may go on after one has ended
WORDS = b"carl\nhello\n/quit\n"  # sent to the chat, which is empty
WORDS_ANSWERED = b"Your nickname?\n* here are: carl\n"


def has_terminals():
    try:
        for fd in pty.openpty():
            os.close(fd)
    except OSError:
        return False
    return True


def talk(*command, said=b"", **more):
    """The output of a program whose input is `said`."""
    done = subprocess.run(command, input=said, capture_output=True, timeout=SECONDS_MAX, **more)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))}: {done.stderr.decode()}")
    return done.stdout


@contextlib.contextmanager
def socat_listening(address, answer):
    """socat as a server for one client, and the address that it chose."""
    command = ["socat", "-d", "-d", PATIENT, address, answer]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stderr:
                if said := re.search(r"listening on (?:AF=\d+ |UNIX )?(\S+)", line):
                    break
            else:
                raise AssertionError("socat does not listen")
            yield said[1].strip('"')
        finally:
            server.kill()


class Folder(ExamplesTest):
    """With a place for files that are sockets."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


@needs("socat")
class Socat(Folder):
    def check_echo(self, listen, address, style="session"):
        """`address`: how socat calls where `echo` listens."""
        for backend in self.on_every_backend():
            with running(backend, "echo", "--style", style, "--listen", listen) as (_, where):
                port = where[1] if isinstance(where, tuple) else ""
                self.assertEqual(talk("socat", PATIENT, "-", f"{address}{port}", said=MUCH), MUCH)

    def test_echoes_over_tcp4(self):
        self.check_echo("127.0.0.1:0", "TCP4:127.0.0.1:")
        self.check_echo("127.0.0.1:0", "TCP4:127.0.0.1:", style="handler")

    @unittest.skipUnless(has_ipv6(), "this machine has no IPv6")
    def test_echoes_over_tcp6(self):
        self.check_echo("[::1]:0", "TCP6:[::1]:")

    def test_echoes_over_a_unix_socket(self):
        path = self.folder / "socket"
        self.check_echo(f"unix:{path}", f"UNIX-CONNECT:{path}")

    def test_echoes_over_an_abstract_socket(self):
        name = self.folder.name  # a name that no other program uses
        self.check_echo(f"unix:@{name}", f"ABSTRACT-CONNECT:{name}")

    def test_exchanges_datagrams(self):
        path, own = self.folder / "socket", self.folder / "own"
        for listen, address in (
            ("127.0.0.1:0", "UDP4:127.0.0.1:"),
            (f"unix:{path}", f"UNIX-SENDTO:{path},bind={own}"),
        ):
            for backend in self.on_every_backend():
                for file in (path, own):
                    file.unlink(missing_ok=True)
                with running(backend, "udp_echo", "--listen", listen) as (_, where):
                    port = where[1] if isinstance(where, tuple) else ""
                    self.exchange_datagrams(f"{address}{port}")

    def exchange_datagrams(self, address):
        with subprocess.Popen(["socat", "-", address], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, bufsize=0) as client:
            try:
                for said in (b"hello", bytes(1000), b"x"):
                    client.stdin.write(said)
                    self.assertEqual(client.stdout.read(len(said)), said)
            finally:
                client.kill()

    def test_exchanges_messages_of_a_seqpacket_socket(self):
        path = self.folder / "socket"
        for backend in self.on_every_backend():
            path.unlink(missing_ok=True)
            with running(backend, "seqpacket_echo", f"unix:{path}", folder=BUILD / "tests") as (
                    server, _):
                self.exchange_datagrams(f"UNIX-CONNECT:{path},type=5")
                self.assertEqual(server.wait(SECONDS_MAX), 0)
                self.assertEqual(server.stdout.read(), "5 1000 1 and the end\n")

    def test_serves_the_text_client(self):
        words = "one\ntwo\n"
        path, name = self.folder / "socket", self.folder.name
        for listen, where in (
            ("TCP4-LISTEN:0,bind=127.0.0.1", "{}"),
            (f"UNIX-LISTEN:{path},unlink-early", f"unix:{path}"),
            (f"ABSTRACT-LISTEN:{name}", f"unix:@{name}"),
        ):
            for backend in self.on_every_backend():
                with socat_listening(listen, "PIPE") as address:
                    done = run(backend, "text_client", where.format(address), input=words)
                self.assertEqual((done.stdout, done.returncode), (words, 0), done.stderr)

    def test_is_before_the_text_client_in_a_pipe(self):
        words = self.folder / "words"
        words.write_bytes(WORDS)
        for backend in self.on_every_backend():
            with running(backend, "chat", "--listen", "127.0.0.1:0") as (_, (host, port)), \
                    subprocess.Popen(["socat", "-u", f"OPEN:{words}", "-"],
                                     stdout=subprocess.PIPE) as left:
                done = run(backend, "text_client", f"{host}:{port}", stdin=left.stdout)
                self.assertEqual(done.stdout.encode(), WORDS_ANSWERED, done.stderr)

    def test_is_the_text_client_s_keyboard_and_screen(self):
        """Which are a pair of sockets, and a terminal where the machine has any."""
        for how in ("", ",pty,raw,echo=0") if has_terminals() else ("",):
            for backend in self.on_every_backend():
                with running(backend, "chat", "--listen", "127.0.0.1:0") as (_, (host, port)):
                    client = f"EXEC:'text_client {host}:{port}'{how}"
                    # socat would split the path of the program at a blank.
                    env = {**on(backend), "PATH": f"{EXAMPLES}:{os.environ['PATH']}"}
                    said = talk("socat", PATIENT, "-", client, said=WORDS, env=env)
                    self.assertEqual(said, WORDS_ANSWERED, how)


@needs(NETCAT)
class Netcat(Folder):
    def test_gets_everything_back_that_it_sent_before_its_end(self):
        path = self.folder / "socket"
        for listen in ("127.0.0.1:0", f"unix:{path}"):
            for style in ("session", "handler"):
                for backend in self.on_every_backend():
                    path.unlink(missing_ok=True)
                    with running(backend, "echo", "--style", style, "--listen", listen) as (
                            _, where):
                        target = map(str, where) if isinstance(where, tuple) else ("-U", where)
                        self.assertEqual(talk(NETCAT, "-N", *target, said=MUCH), MUCH)

    def test_ends_through_the_proxy(self):
        for backend in self.on_every_backend():
            with running(backend, "article_server", "127.0.0.1:0") as (_, (host, port)), \
                    running(backend, "proxy", "--listen", "127.0.0.1:0", f"{host}:{port}") as (
                        _, address):
                said = talk(NETCAT, "-N", *map(str, address), said="Zoë\r\nand".encode())
                self.assertEqual(said.decode(), "who is there?\nhello, Zoë\nhello, and\n")

    def test_chats(self):
        for backend in self.on_every_backend():
            with running(backend, "chat", "--listen", "127.0.0.1:0") as (_, address):
                said = talk(NETCAT, "-N", *map(str, address), said=WORDS)
                self.assertEqual(said, WORDS_ANSWERED)

    def test_serves_the_text_client(self):
        path = self.folder / "socket"
        for backend in self.on_every_backend():
            path.unlink(missing_ok=True)
            with subprocess.Popen([NETCAT, "-v", "-N", "-lU", path], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) as server:
                try:
                    self.assertIn("Listening on", server.stderr.readline() +
                                  server.stderr.readline())
                    server.stdin.write("who is there?\n")
                    server.stdin.flush()
                    with subprocess.Popen([EXAMPLES / "text_client", f"unix:{path}"],
                                          env=on(backend), stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, text=True) as client:
                        try:
                            client.stdin.write("Ann\n")
                            client.stdin.close()
                            self.assertEqual(server.stdout.readline(), "Ann\n")
                            server.stdin.close()  # not before: the client would end at once
                            self.assertEqual(client.stdout.read(), "who is there?\n")
                            self.assertEqual(client.wait(SECONDS_MAX), 0)
                        finally:
                            client.kill()  # it would wait for the server
                finally:
                    server.kill()


if __name__ == "__main__":
    unittest.main()

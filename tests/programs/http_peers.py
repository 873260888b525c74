# SPDX-License-Identifier: MIT
"""What the tests of examples/http share: the server, a client that sends bytes as they are, and
what it understands of the answers."""

import contextlib
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from example_programs import SECONDS_MAX, Dialogue, connect, receive_all, running

HEAD = b"Host: a\r\n\r\n"
CLOSE = b"Host: a\r\nConnection: close\r\n\r\n"


def get(path, fields=b"", method=b"GET"):
    return method + b" " + path.encode() + b" HTTP/1.1\r\n" + fields + HEAD


@contextlib.contextmanager
def site():
    """A folder to serve, with another one around it."""
    with tempfile.TemporaryDirectory() as around:
        root = Path(around, "root")
        root.mkdir()
        yield root


def serving(backend, *options, root=None, **more):
    if root is not None:
        options = ("--root", root, *options)
    return running(backend, "http", "--listen", "127.0.0.1:0", *options, **more)


@dataclass
class Answer:
    status: int
    fields: dict = field(default_factory=dict)
    body: bytes = b""


def chunks(data):
    """The text of a chunked body, and what is behind it."""
    text = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        size = int(size, 16)
        text += data[:size]
        if data[size:size + 2] != b"\r\n":
            raise AssertionError(f"a chunk ends with {data[size:size + 2]!r}")
        data = data[size + 2:]
        if size == 0:
            return text, data


def answers(data, *methods):
    """All answers in `data`, but those of status 100. `methods` are those of the requests, if they
    are not all GET."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        if version != "HTTP/1.1":
            raise AssertionError(f"an answer begins with {first!r}")
        fields = {}
        for line in lines:
            name, _, value = line.partition(": ")
            fields[name.lower()] = value
        answer = Answer(int(status), fields)
        if answer.status == 100:
            continue
        is_head = len(methods) > len(found) and methods[len(found)] == "HEAD"
        if "transfer-encoding" in fields:
            answer.body, data = chunks(data)
        elif not is_head and answer.status not in (204, 304):
            size = int(fields["content-length"])
            answer.body, data = data[:size], data[size:]
            if len(answer.body) != size:
                raise AssertionError(f"a body of {size} bytes ends after {len(answer.body)}")
        found.append(answer)
    return found


def send(address, pieces, end=True):
    """Everything that is answered to these pieces, which leave apart, and to the end behind them. A
    server may close before it has read all."""
    with connect(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                client.sendall(piece)
            if end:
                client.shutdown(socket.SHUT_WR)
        return receive_all(client)


def ask(address, data, *methods):
    return answers(send(address, [data]), *methods)


def statuses(data):
    return tuple(answer.status for answer in answers(data))


class Client(Dialogue):
    def __init__(self, address):
        super().__init__(connect(address))

    def send(self, data):
        self.socket.sendall(data)

    def head(self):
        """The status line and the fields, as they are."""
        lines = b""
        while not lines.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            if not line:
                raise AssertionError(f"the connection ended after {lines!r}")
            lines += line
        return lines

    def answer(self):
        head = self.head()
        found = answers(head, "HEAD")[0]
        found.body = self.file.read(int(found.fields.get("content-length", 0)))
        return found

    def ended(self):
        return self.file.read(1) == b""

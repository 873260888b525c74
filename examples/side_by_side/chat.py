#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A chat of lines: chat.py [HOST:PORT]. The first line of a client is its name. What it writes then
# goes to all. A client that does not read is disconnected, once 64 KiB wait for it.
import asyncio
import sys
from functools import partial
from urllib.parse import urlsplit

LINE_MAX = 1000
UNSENT_MAX = 64 << 10


def say(members, line):
    for member in members:
        if not member.is_closing():
            member.write(line + b"\n")
        if member.transport.get_write_buffer_size() > UNSENT_MAX:
            member.transport.abort()


async def chat(members, reader, writer):
    try:
        writer.write(b"your name?\n")
        name = (await reader.readuntil(b"\n")).rstrip(b"\r\n")
        if not name:
            return
        say(members, name + b" has come")
        members.add(writer)
        try:
            while True:
                line = await reader.readuntil(b"\n")
                say(members, name + b": " + line.rstrip(b"\r\n"))
        finally:
            members.remove(writer)
            say(members, name + b" has left")
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main(where):
    address = urlsplit(f"//{where}")
    server = await asyncio.start_server(
        partial(chat, set()), address.hostname, address.port, limit=LINE_MAX)
    print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8888"))
    except OSError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Fetches a page and prints its status and size: http_get.py http://HOST[:PORT][/PATH]
import asyncio
import email
import sys
from urllib.parse import urlsplit

BODY_MAX = 16 << 20


async def fetch(text):
    url = urlsplit(text)
    if url.scheme != "http" or not url.hostname:
        raise ValueError(f"{text} is not like http://host:port/path")
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {url.netloc}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, _, fields = head.partition("\r\n")
        version, _, status = status_line.partition(" ")
        if not version.startswith("HTTP/"):
            raise ValueError("not an answer of HTTP")
        length = email.message_from_string(fields)["content-length"]

        size = 0
        while length is None or size < int(length):
            data = await reader.read(65536)
            if not data and length is not None:
                raise ValueError("the answer is cut off")
            if not data:
                break
            size += len(data)
            if size > BODY_MAX:
                raise ValueError("larger than 16 MiB")
        print(f"{status}, {size} bytes")
    finally:
        writer.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: http_get.py http://HOST[:PORT][/PATH]")
    try:
        asyncio.run(asyncio.wait_for(fetch(sys.argv[1]), 30))
    except asyncio.TimeoutError:
        sys.exit("no answer in 30 s")
    except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Measures round trips to a UDP echo server: udp_ping.py HOST:PORT [COUNT]
import asyncio
import sys
import time
from urllib.parse import urlsplit


class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.received = asyncio.Queue()

    def datagram_received(self, data, _):
        self.received.put_nowait(data)

    def error_received(self, error):
        self.received.put_nowait(error)


async def answer(client, text):
    while (received := await client.received.get()) != text:  # others are late answers
        if isinstance(received, OSError):
            raise received


async def ping(target, count):
    address = urlsplit(f"//{target}")
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
        Client, remote_addr=(address.hostname, address.port))
    answered = 0
    for number in range(1, count + 1):
        text = str(number).encode()
        begin = time.perf_counter()
        transport.sendto(text)
        try:
            await asyncio.wait_for(answer(client, text), 1)
            print(f"{number}: {(time.perf_counter() - begin) * 1000:.3f} ms")
            answered += 1
        except asyncio.TimeoutError:
            print(f"{number}: lost")
    print(f"{answered} of {count} answered")
    return 0 if answered == count else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: udp_ping.py HOST:PORT [COUNT]")
    try:
        sys.exit(asyncio.run(ping(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5)))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

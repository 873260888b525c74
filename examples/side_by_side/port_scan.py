#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Tells which of 200 ports of a host are open: port_scan.py HOST FIRST
import asyncio
import sys

PORT_COUNT = 200
ATTEMPTS_MAX = 50  # at a time


async def is_open(host, port, places):
    async with places:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1)
        except OSError:
            return False
        writer.close()
        return True


async def scan(host, first):
    addresses = await asyncio.get_running_loop().getaddrinfo(host, None)
    host = addresses[0][4][0]
    places = asyncio.Semaphore(ATTEMPTS_MAX)
    ports = range(first, first + PORT_COUNT)
    results = await asyncio.gather(*(is_open(host, port, places) for port in ports))
    for port, result in zip(ports, results):
        if result:
            print(f"port {port} is open")
    print(f"{sum(results)} of {PORT_COUNT} ports are open")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: port_scan.py HOST FIRST")
    try:
        asyncio.run(scan(sys.argv[1], int(sys.argv[2])))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Counts the primes below LIMIT on another thread, while the loop ticks: worker.py LIMIT
import asyncio
import sys
import threading


def count_primes(limit, stopped):
    count = 0
    for number in range(2, limit):
        if stopped.is_set():
            break
        if all(number % i for i in range(2, int(number**0.5) + 1)):
            count += 1
    return count


async def tick():
    while True:
        await asyncio.sleep(0.05)
        print("tick", flush=True)


async def main(limit):
    stopped = threading.Event()
    ticking = asyncio.create_task(tick())
    try:
        count = await asyncio.to_thread(count_primes, limit, stopped)
    finally:
        stopped.set()
        ticking.cancel()
    print(f"{count} primes below {limit}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: worker.py LIMIT")
    try:
        asyncio.run(main(int(sys.argv[1])))
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

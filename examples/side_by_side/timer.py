#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Ticks ten times a second until Ctrl-C, and then says how often it has ticked.
import asyncio
import time


async def main():
    begin = time.monotonic()
    ticks = 0
    try:
        while True:
            await asyncio.sleep(begin + (ticks + 1) * 0.1 - time.monotonic())
            ticks += 1
            print(f"tick {ticks}", flush=True)
    finally:
        print(f"{ticks} ticks in {(time.monotonic() - begin) * 1000:.0f} ms")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass

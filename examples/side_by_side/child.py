#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Runs a program, numbers the lines of its output, and says how it ended, with its exit status:
# child.py PROGRAM [ARGUMENT]...
import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE


async def main(command):
    child = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE)
    try:
        number = 0
        async for line in child.stdout:
            number += 1
            text = line.decode(errors="replace").rstrip("\r\n")
            print(f"{number}: {text}", flush=True)
        code = await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
    if code < 0:
        print(f"signal {-code} ({signal.strsignal(-code)})")
        return 128 - code
    print(f"exit code {code}")
    return code


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: child.py PROGRAM [ARGUMENT]...")
    try:
        sys.exit(asyncio.run(main(sys.argv[1:])))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

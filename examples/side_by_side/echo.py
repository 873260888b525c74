#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Sends back what each client sends, until Ctrl-C: echo.py [HOST:PORT]
import asyncio
import sys
from urllib.parse import urlsplit


async def echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(where):
    address = urlsplit(f"//{where}")
    server = await asyncio.start_server(echo, address.hostname, address.port)
    print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8888"))
    except OSError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass

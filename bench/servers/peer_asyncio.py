#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An echo server on Python's asyncio, with a Protocol, or on uvloop, which replaces its loop."""

import argparse
import asyncio
import resource

BACKLOG = 4096


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


class EchoDatagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        self.transport.sendto(data, sender)


async def serve(host, port, udp):
    loop = asyncio.get_running_loop()
    if udp:
        transport, _ = await loop.create_datagram_endpoint(EchoDatagrams, (host, port))
        address = transport.get_extra_info("sockname")
    else:
        server = await loop.create_server(Echo, host, port, backlog=BACKLOG)
        address = server.sockets[0].getsockname()
    print("listening on {}:{}".format(*address), flush=True)
    await loop.create_future()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8888", metavar="HOST:PORT")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--udp", action="store_true")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host, port = options.listen.rsplit(":", 1)
    if options.uvloop:
        import uvloop
        uvloop.install()
    asyncio.run(serve(host, int(port), options.udp))


if __name__ == "__main__":
    main()

"""A region of the reaction benchmark: one process that answers every HTTP request with 200, until it is killed."""

import argparse
import asyncio
import socket
from typing import cast

END = b"\r\n\r\n"
BODY = b"ok\n"
KEPT = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n" + BODY
LAST = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\n" + BODY
BACKLOG = 128


class Answers(asyncio.Protocol):
    """One connection. It is kept as RFC 9112, section 9.3 has it."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete; none has a body."""
        *requests, self._received = (self._received + data).split(END)
        for request in requests:
            self._answer(request.lower())

    def _answer(self, request: bytes) -> None:
        if self._transport is None:
            return
        kept = b" http/1.1" in request and b"connection: close" not in request
        self._transport.write(KEPT if kept else LAST)
        if not kept:
            self._transport.close()


async def serve(address: str, port: int) -> None:
    """Answer at one address for ever."""
    listener = socket.create_server((address, port), backlog=BACKLOG)  # a killed predecessor's connections do no harm
    server = await asyncio.get_running_loop().create_server(Answers, sock=listener)
    await server.serve_forever()


def main() -> None:
    """Run as a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    asyncio.run(serve(given.address, given.port))


if __name__ == "__main__":
    main()

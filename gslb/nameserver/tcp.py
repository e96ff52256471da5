"""Answering over TCP (RFC 7766): several queries per connection, in order; everything bounded in number and time."""

import asyncio
import contextlib
import os
import socket
from collections import Counter

from gslb.nameserver.responder import Responder
from gslb.nameserver.tally import Tally
from gslb.nameserver.wire import HEADER_SIZE

IDLE = 10.0
"""seconds a client has for each message, in and out"""

MAX_CONNECTIONS = 256
MAX_PER_CLIENT = 32
BACKLOG = 128
_LENGTH_SIZE = 2


def open_tcp(family: socket.AddressFamily, host: str, port: int, *, reuse_port: bool) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: it cannot be bound.
    """
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=reuse_port)
    except OSError as error:  # its text has the address, which our messages tell already
        raise OSError(error.errno, os.strerror(error.errno or 0)) from None


class TcpListener:
    """Answers connections of any number of listening sockets."""

    def __init__(self, responder: Responder, idle: float = IDLE) -> None:
        self.tally = Tally("tcp")
        self._responder, self._idle = responder, idle
        self._clients: Counter[str] = Counter()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends, idles, lies about a length, or does not read what it asked for."""
        client: str = (writer.get_extra_info("peername") or ("",))[0]
        if self._clients.total() >= MAX_CONNECTIONS or self._clients[client] >= MAX_PER_CLIENT:
            writer.transport.abort()
            return
        self._clients[client] += 1
        try:
            with contextlib.suppress(OSError, EOFError):
                while await self._exchange(client, reader, writer):
                    pass
            with contextlib.suppress(OSError):
                await self._finish(writer)
        finally:
            writer.transport.abort()
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    async def _exchange(self, client: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        async with asyncio.timeout(self._idle):
            size = int.from_bytes(await reader.readexactly(_LENGTH_SIZE))
            if size < HEADER_SIZE:
                return False
            reply = self._responder.tcp(await reader.readexactly(size), client, self.tally)
        if reply is None:
            return False
        writer.write(len(reply).to_bytes(_LENGTH_SIZE) + reply)
        async with asyncio.timeout(self._idle):
            await writer.drain()
        return True

    async def _finish(self, writer: asyncio.StreamWriter) -> None:
        """Let what is written go out, to a client that only closed its own direction, say."""
        writer.close()
        async with asyncio.timeout(self._idle):
            await writer.wait_closed()

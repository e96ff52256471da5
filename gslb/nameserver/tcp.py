"""Answering over TCP (RFC 7766): several queries per connection, in order; everything bounded in number and time."""

import asyncio
import contextlib
import os
import socket
from collections import Counter

from gslb.nameserver.responder import Responder
from gslb.nameserver.tally import Tally
from gslb.nameserver.transfer.outgoing import Outgoing, Transfers
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
        self.transfers = Transfers(lambda: responder.ready.table)
        self._responder, self._idle = responder, idle
        self._clients: Counter[str] = Counter()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends, idles, lies about a length, or does not read what it asked for."""
        client: str = (writer.get_extra_info("peername") or ("",))[0]
        if self._clients.total() >= MAX_CONNECTIONS or self._clients[client] >= MAX_PER_CLIENT:
            writer.transport.abort()
            return
        self._clients[client] += 1
        sending = Sending(writer, self._idle)
        try:
            with contextlib.suppress(OSError, EOFError):
                while await self._exchange(client, reader, writer, sending):
                    pass
            with contextlib.suppress(OSError):
                await sending.finish()
                await self._finish(writer)
        finally:
            sending.cancel()
            writer.transport.abort()
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    async def _exchange(
        self, client: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sending: "Sending"
    ) -> bool:
        async with asyncio.timeout(self._idle):
            size = int.from_bytes(await reader.readexactly(_LENGTH_SIZE))
            if size < HEADER_SIZE:
                return False
            packet = await reader.readexactly(size)
        transfer = self.transfers.responses(packet, client)
        if transfer is not None:
            sending.start(transfer, self.tally)
            return True
        reply = self._responder.tcp(packet, client, self.tally)
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


class Sending:
    """Transfers on their way out on one connection, while it goes on to be read."""

    def __init__(self, writer: asyncio.StreamWriter, idle: float) -> None:
        self._writer, self._idle = writer, idle
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, transfer: Outgoing, tally: Tally) -> None:
        """Send ``transfer``, a message whenever there is room for it."""
        task = asyncio.create_task(self._send(transfer, tally))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait until all are sent."""
        await asyncio.gather(*self._tasks)

    def cancel(self) -> None:
        """Send no more of any."""
        for task in self._tasks:
            task.cancel()

    async def _send(self, transfer: Outgoing, tally: Tally) -> None:
        first = True
        try:
            for message in transfer:
                if first:
                    tally.responses[message[3] & 0xF] += 1
                    first = False
                self._writer.write(len(message).to_bytes(_LENGTH_SIZE) + message)
                async with asyncio.timeout(self._idle):
                    await self._writer.drain()
                await asyncio.sleep(0)  # others are to be answered too while the client takes all as it comes
        except OSError:
            self._writer.transport.abort()
        finally:
            transfer.close()

"""Real sockets to probe: one that answers by a script, one that refuses, one that drops every packet."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

from probes.base import Target

HOST = "127.0.0.1"
DEADLINE = 10.0
BRIEF = 0.05
"""seconds that a test waits for something that will not come"""

Script = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Takes the head of the request."""


def target(port: int) -> Target:
    return Target(ip_address(HOST), port, f"{HOST}:{port}")


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Target]:
    """Runs ``script`` for each connection; on leaving, every client must have gone."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await script(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, HOST, 0)
    async with server:
        yield target(server.sockets[0].getsockname()[1])
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*tasks)


def saying(*parts: bytes) -> Script:
    """Sends ``parts`` and closes."""

    async def script(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return script


def stalling(*parts: bytes) -> Script:
    """Sends ``parts`` and then nothing, until the client goes."""

    async def script(_: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(*parts)(b"", reader, writer)
        await reader.read()

    return script


def resetting(*parts: bytes) -> Script:
    """Sends ``parts`` and resets the connection once they are on their way."""

    async def script(_: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(*parts)(b"", reader, writer)
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return script


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode("ascii") + body


@contextmanager
def refusing() -> Iterator[Target]:
    """A port that nobody else can take and where nobody listens."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield target(taken.getsockname()[1])


@contextmanager
def silent() -> Iterator[Target]:
    """A port whose queue of connections is full, so that Linux drops every further SYN."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HOST, 0), backlog=0))
        address = listener.getsockname()
        with suppress(TimeoutError):
            for _ in range(8):
                stack.enter_context(socket.create_connection(address, timeout=BRIEF))
        yield target(address[1])


def open_files() -> int:
    """Descriptors that this process holds."""
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))

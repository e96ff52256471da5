"""Real sockets around a real gateway: upstreams that say just what a test wants, a client that sees every byte."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address

from gslb.gateway.run import run_gateway
from gslb.model.address import Address
from gslb.model.gateway import Gateway
from gslb.model.names import RegionName

LOOPBACK = ip_address("127.0.0.1")
ANY_PORT = Address(LOOPBACK, 0)
DEADLINE = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as it came over the wire."""

    raw: bytes

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1])

    @property
    def head(self) -> list[str]:
        return self.raw.partition(b"\r\n\r\n")[0].decode("iso-8859-1").split("\r\n")

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    def values(self, name: str) -> list[str]:
        pairs = (line.partition(": ") for line in self.head[1:])
        return [value for key, _, value in pairs if key.lower() == name.lower()]


async def talk(address: Address, *parts: bytes) -> Reply:
    """Send ``parts`` over one connection and read to its end. A reset counts as an end."""
    reader, writer = await asyncio.open_connection(str(address.host), address.port)
    raw = b""
    try:
        async with asyncio.timeout(DEADLINE):
            for part in parts:
                writer.write(part)
                await writer.drain()
            while chunk := await reader.read(65536):
                raw += chunk
    except ConnectionError:
        pass
    finally:
        writer.close()
    return Reply(raw)


def get(target: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request that closes its connection."""
    lines = (f"{method} {target} HTTP/{version}", "Host: api.example.com", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode("iso-8859-1")


class Upstream:
    """A server that gives every request the same answer, or leaves each connection to a script.

    The gateway's checks, which connect and say nothing, are among ``broken``.
    """

    def __init__(self, answer: bytes | Script) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self.address = ANY_PORT
        self.requests: list[Reply] = []
        self.broken: list[str] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, str(self.address.host), self.address.port)
        self.address = Address(LOOPBACK, self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server:
            self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._answer, bytes):
                self.requests.append(Reply(await read_message(reader)))
                writer.write(self._answer)
                await writer.drain()
            else:
                await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.broken.append(repr(error))
        finally:
            writer.close()


@asynccontextmanager
async def upstream(answer: bytes | Script = OK) -> AsyncIterator[Upstream]:
    """Run an upstream."""
    running = Upstream(answer)
    await running.start()
    try:
        yield running
    finally:
        running.stop()


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """Read one message, its body as sent on the wire."""
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += await reader.readuntil(b"\r\n")
        return head + body
    length = lowered.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def refusing() -> Iterator[Address]:
    """An address that refuses connections for as long as the block lasts."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield Address(LOOPBACK, sock.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that runs."""

    addresses: tuple[Address, ...]
    stop: asyncio.Event
    task: asyncio.Task[int]

    @property
    def address(self) -> Address:
        return self.addresses[0]

    async def ask(self, *parts: bytes) -> Reply:
        return await talk(self.address, *parts)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(str(self.address.host), self.address.port)

    async def stopped_listening(self) -> bool:
        try:
            _, writer = await self.connect()
        except ConnectionRefusedError:
            return True
        writer.close()
        return False


@asynccontextmanager
async def gateway(*upstreams: Address, **changes: object) -> AsyncIterator[Running]:
    """Run a gateway in front of ``upstreams``; ``changes`` are settings other than the default."""
    settings = replace(Gateway(RegionName("istanbul"), (ANY_PORT,), upstreams), **changes)  # type: ignore[arg-type]
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        run_gateway(settings, version="1.2.3", config_version="c7", ready=ready.set_result, stop=stop)
    )
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield Running(ready.result(), stop, task)
    finally:
        stop.set()
        await task

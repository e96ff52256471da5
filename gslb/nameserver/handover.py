"""How a worker gives its place to another process of its name. ``succession`` is the other side.

    successor                               this process
    is ready to answer
    TakeOver              ->                takes no orders any more, leaves control
                          <-  Handover      with its lock, sockets, and snapshot, if the successor has another one
    binds what is missing
    answers               ->  Leave         answers what it has read of the sockets that are kept, and reads no more
                          <-  Left
    is named in the lock  ->  Taken         answers what waits in the others, ends its connections, and leaves
    takes orders          <-  (end)

Sockets and lock are the same open files in both, so nothing that waits in them is lost, and the lock is never free.
Until Taken this process is who the name means: if the successor ends before that, or is too slow, which ends it,
this one goes on as if nothing had been. From then on it is the successor.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable
from typing import NamedTuple, Protocol, Self, TypeVar

import structlog

from gslb.model.names import ServiceName
from gslb.nameserver.peer import Peer, send_descriptors
from gslb.nameserver.protocol import Handover, Leave, Left, ProtocolError, Taken, TakeOver, frame, read_order
from gslb.nameserver.snapshot import Snapshot, Version, encode

log = structlog.get_logger(__name__)

PREPARING = 30.0
"""seconds the successor has to bind what is missing, to compile what is new, and to begin to answer"""

NAMING = 5.0
"""seconds it has to take the name once everything else is done"""

ENDING = 1.0
"""seconds for one that has given up to end by itself"""

_Message = TypeVar("_Message")


class Estate(NamedTuple):
    """What is handed over.

    Attributes:
        lock: descriptor of the lock.
        sockets: that are answered, UDP and TCP.
        snapshot: in force.
        saved: whether it is on disk.
        lowered: services whose TTL is lowered.
        shared: those of ``sockets`` that others have for good.
    """

    lock: int
    sockets: tuple[socket.socket, ...]
    snapshot: Snapshot | None
    saved: bool
    lowered: tuple[ServiceName, ...]
    shared: frozenset[socket.socket] = frozenset()


class Predecessor(Protocol):
    """What answers, and can stop."""

    def freeze(self) -> contextlib.AbstractAsyncContextManager[Estate]:
        """Take no orders meanwhile, and say what there is to hand over."""
        ...

    async def rest(self, kept: frozenset[int]) -> None:
        """Read nothing any more from the sockets of these numbers, and answer what was read."""
        ...

    def go_on(self) -> None:
        """Read them again: there is no successor."""
        ...

    async def leave(self, kept: frozenset[int]) -> None:
        """Answer what waits in the other sockets, and give no answers any more. From now on this process is nobody."""
        ...


async def hand_over(
    predecessor: Predecessor, order: TakeOver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Give the place to the successor that has connected and sent ``order``; whether it has taken it.

    Raises:
        PermissionError: that is another user's process.
    """
    sock = socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))
    with sock, Peer(sock) as successor:
        async with predecessor.freeze() as estate:
            log.info("place is handed over", successor=successor.pid)
            try:
                kept = await _give(predecessor, estate, order, sock, reader, writer)
            except (OSError, EOFError, TimeoutError, ProtocolError) as error:
                gone = isinstance(error, EOFError | ConnectionError)
                if not (gone and await asyncio.to_thread(successor.has_ended, ENDING)):
                    # It may just have become slow: but two must not be one, so this decides who it is.
                    await asyncio.to_thread(successor.kill)
                predecessor.go_on()
                log.error("successor has failed, going on", successor=successor.pid, reason=_reason(error))  # noqa: TRY400  no trace needed
                return False
            await predecessor.leave(kept)
            log.info("place was handed over", successor=successor.pid)
            return True


async def _give(
    predecessor: Predecessor,
    estate: Estate,
    order: TakeOver,
    sock: socket.socket,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> frozenset[int]:
    await _flushed(writer)
    with await asyncio.to_thread(_news, estate.snapshot, order) as news:
        places = tuple((int(it.type), *it.getsockname()[:2]) for it in estate.sockets)
        shared = tuple(number for number, sock in enumerate(estate.sockets) if sock in estate.shared)
        message = Handover(places, news.descriptor is not None, estate.saved, estate.lowered, shared)
        descriptors = [estate.lock, *(it.fileno() for it in estate.sockets)]
        if news.descriptor is not None:
            descriptors.append(news.descriptor)
        await asyncio.to_thread(send_descriptors, sock, frame(message), descriptors, NAMING)
    leave = await _expect(Leave, reader, PREPARING)
    kept = frozenset(leave.kept)
    await predecessor.rest(kept)
    writer.write(frame(Left()))
    await _expect(Taken, reader, NAMING)
    return kept


async def _expect(kind: type[_Message], reader: asyncio.StreamReader, within: float) -> _Message:
    async with asyncio.timeout(within):
        message = await read_order(reader)
    if not isinstance(message, kind):
        raise ProtocolError(f"{type(message).__name__} instead of {kind.__name__}")
    return message


async def _flushed(writer: asyncio.StreamWriter) -> None:
    """What was written before has gone out, so that it does not come after what is sent past it."""
    writer.transport.set_write_buffer_limits(high=0)
    async with asyncio.timeout(NAMING):
        await writer.drain()


class _News:
    """A file in memory with what the successor does not have yet, if there is any."""

    def __init__(self, content: Iterable[bytes] | None) -> None:
        self.descriptor = None if content is None else os.memfd_create("gslb-snapshot")
        if self.descriptor is not None and content is not None:
            with os.fdopen(os.dup(self.descriptor), "wb") as file:
                file.writelines(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)


def _news(snapshot: Snapshot | None, order: TakeOver) -> _News:
    known = None if order.generation is None else Version(order.publisher, order.generation)
    return _News(None if snapshot is None or snapshot.version == known else encode(snapshot))


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__

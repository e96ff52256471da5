"""The messages between control process and nameserver, between that and its successor, and their frames.

All of it goes over a Unix stream socket. A frame is a 4-byte big-endian length and that many bytes of JSON, tagged with
its ``type``. The nameserver listens and says Hello first. Either side closes the connection on a frame that is too
long or cannot be read.

A Full goes in many frames, so that neither side is held up by one of them: the snapshot without services, tagged
``whole``, then arrays of services, and an empty one at the end.
"""

import asyncio
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from itertools import count
from typing import Annotated, TypeVar

import msgspec

from gslb.errors import SnapshotError
from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.nameserver.polite import politely
from gslb.nameserver.snapshot import Change, Full, Snapshot, portions

MAX_FRAME = 64 * 2**20
"""bytes in the largest frame a nameserver reads, and in the largest snapshot: some 500,000 records"""

MAX_REPORT = 4 * 2**20
"""bytes in the largest frame a control process reads"""

STATS_INTERVAL = 1.0
"""seconds between two Stats"""

MAX_LOWERED = 1000
"""services whose TTL can be lowered at the same time"""

COUNTS_INTERVAL = 10.0
"""seconds between two Counts"""

MAX_COUNTS = 1000
"""services in one report of Counts"""

MAX_FIRST = 1000
"""first answers in one report"""

LENGTH = struct.Struct(">I")
"""how long a frame is, before it"""

_END = b"[]"
_T = TypeVar("_T")


class ProtocolError(Exception):
    """The other side sent a frame that is too long or cannot be read."""


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """First on each connection: who listens, and what it answers from.

    Said again when somebody has made it read its snapshot from disk anew.

    Attributes:
        pid: of the nameserver.
        version: of its code.
        generation: of its snapshot; None if it has none yet.
        publisher: of its snapshot.
        serials: of its zones, by origin.
    """

    pid: int
    version: str
    generation: int | None
    publisher: str = ""
    serials: Mapping[str, int] = {}  # msgspec copies it


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """From now on answers come from ``generation``."""

    generation: int


class Saved(msgspec.Struct, frozen=True, tag="saved"):
    """This version is on disk, and survives the machine's loss of power: a restart begins from there.

    Said right after Hello where anything is on disk, and whenever a newer one is. Of a burst of changes only the
    newest may be saved; while the disk is full none is.
    """

    generation: int
    publisher: str = ""


class FirstAnswer(msgspec.Struct, frozen=True, array_like=True):
    """The first answer of a service since its steering has changed.

    Attributes:
        service: which.
        generation: of the snapshot in which this nameserver saw the change.
        at: when it was given, in seconds of CLOCK_MONOTONIC, which all processes of a machine share.
    """

    service: ServiceName
    generation: int
    at: float


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """First answers by steerings that have changed while the nameserver ran, soon after they were given.

    What it starts from is no change. ``first`` has at most ``MAX_FIRST`` of them; more go into further reports. They
    wait while nobody is connected.
    """

    first: tuple[FirstAnswer, ...]


class Gap(msgspec.Struct, frozen=True, tag="gap"):
    """The Change was not based on what I have: send a Full."""


class TcpStats(msgspec.Struct, frozen=True):
    """What has become of TCP connections.

    Attributes:
        open: at present.
        accepted: so far.
        refused: how often the kernel had one and could not hand it over, for want of descriptors, say.
        closed_for_room: for somebody else to come in.
        closed_for_idling: that sent no whole message in time, or did not read.
    """

    open: int = 0
    accepted: int = 0
    refused: int = 0
    closed_for_room: int = 0
    closed_for_idling: int = 0


class Latency(msgspec.Struct, frozen=True):
    """How long queries over UDP took from when they were read until they were answered.

    What they spent in the buffer of the socket before that is not in it; ``Stats.overflowed`` says if it was too much.

    Attributes:
        counts: of queries, by the bits in the number of nanoseconds: at ``n`` those of less than ``2**n``.
        seconds: sum of all.
    """

    counts: tuple[int, ...] = ()
    seconds: float = 0.0


_SHORTEST, _LONGEST = 12, 27
"""bits in the bounds of the first and the last bucket, 4 µs and 134 ms"""


def buckets(latency: Latency) -> Iterator[tuple[str, int]]:
    """Bounds in seconds, and how many queries took no longer, as Prometheus has them."""
    for bits in range(_SHORTEST, _LONGEST + 1):
        yield str(2**bits / 1e9), sum(latency.counts[: bits + 1])
    yield "+Inf", sum(latency.counts)


class Stats(msgspec.Struct, frozen=True, tag="stats"):
    """What the nameserver did since it started.

    Attributes:
        queries: packets with a query, by transport: ``udp``, ``tcp``.
        responses: by rcode mnemonic; those never seen are left out.
        dropped: packets not worth a response: too short, or responses themselves.
        save_failed: the newest snapshot could not be written.
        limited: responses that the rate limit has held back, or had replaced by shorter ones.
        unlogged: queries that should have been written to the query log and were not.
        tcp: connections.
        transfers: zone transfers, by how they ended.
        latency: of answers over UDP.
        overflowed: packets that came while the buffer of their UDP socket was full, so that they are lost.
    """

    queries: dict[str, int]
    responses: dict[str, int]
    dropped: int
    save_failed: bool
    limited: int = 0
    unlogged: int = 0
    tcp: TcpStats = TcpStats()
    transfers: dict[str, int] = {}  # msgspec copies it
    latency: Latency = Latency()
    overflowed: int = 0


class Counts(msgspec.Struct, frozen=True, tag="counts"):
    """How many answers of services went to which region since the nameserver started, or first knew of the service.

    The empty region stands for answers without any address. All services first, then those with news.
    """

    services: dict[ServiceName, dict[str, int]]


class Lower(msgspec.Struct, frozen=True, tag="lower"):
    """From now on positive answers of ``services``, and of no others, have the TTL of their negative ones.

    Nothing is confirmed, and nothing goes to disk. It holds whatever snapshots come, until the next Lower, or until
    ``control.FORGET`` seconds after the end of the connection that it came from.
    """

    services: Annotated[tuple[ServiceName, ...], msgspec.Meta(max_length=MAX_LOWERED)]


class Whole(msgspec.Struct, frozen=True, tag="whole"):
    """Begins a Full, with the ``snapshot`` but for its services, which follow."""

    snapshot: Snapshot


class Parcel(msgspec.Struct, frozen=True):
    """A Full as it has come.

    Attributes:
        snapshot: without services.
        portions: the services as arrays in JSON.
    """

    snapshot: Snapshot
    portions: tuple[bytes, ...]


class TakeOver(msgspec.Struct, frozen=True, tag="take-over"):
    """From a process that is to take the nameserver's place, and could answer from this version now; see ``handover``.

    Attributes:
        publisher: of the snapshot that it has compiled.
        generation: likewise; None if it has none.
    """

    publisher: str = ""
    generation: int | None = None


class Handover(msgspec.Struct, frozen=True, tag="handover"):
    """Here is what I have. Descriptors come with it: the lock, the ``sockets``, and the snapshot, if there is one.

    Attributes:
        sockets: type (SOCK_DGRAM, SOCK_STREAM), address and port of each.
        snapshot: whether that in force is another one than the successor has; it is a file then, in memory.
        saved: whether that in force is on disk.
        lowered: services whose positive answers have the TTL of negative ones.
        shared: numbers of those of ``sockets`` that others have for good, who had bound them for us.
    """

    sockets: tuple[tuple[int, str, int], ...]
    snapshot: bool
    saved: bool
    lowered: tuple[ServiceName, ...] = ()
    shared: tuple[int, ...] = ()


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """I answer now. Read nothing any more from the sockets of these numbers."""

    kept: tuple[int, ...]


class Left(msgspec.Struct, frozen=True, tag="left"):
    """What I have read is answered, and I read nothing any more from what you have kept."""


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """I am you now. End what you still do; I wait for the end of this connection."""


Order = Full | Change | Lower | TakeOver | Leave | Taken
"""From the control process, or from a successor: the latter three."""

Received = Parcel | Change | Lower | TakeOver | Leave | Taken
"""An Order as it has come."""

Report = Hello | Ack | Saved | Answered | Gap | Stats | Counts | Handover | Left
"""From the nameserver. To a successor: Hello, Handover, Left."""

_Message = Whole | Change | Lower | TakeOver | Leave | Taken
_orders: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(_Message)
_services: msgspec.json.Decoder[tuple[Steering, ...]] = msgspec.json.Decoder(tuple[Steering, ...])
_reports: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


class Opener:
    """Takes services out of parcels. Portions that have come before need not be read again: mostly all have."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Steering, ...]] = {}

    def open(self, parcel: Parcel) -> Snapshot:
        """The snapshot. Not for several threads at the same time.

        Raises:
            SnapshotError: it cannot be read.
        """
        known, self._known = self._known, {}
        services: list[Steering] = []
        for portion in politely(parcel.portions):
            digest = blake2b(portion, digest_size=16).digest()
            read = known.get(digest)
            if read is None:
                read = _read_services(portion)
            self._known[digest] = read
            services += read
        return replace(parcel.snapshot, services=tuple(services))


def _read_services(portion: bytes) -> tuple[Steering, ...]:
    try:
        return _services.decode(portion)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"not a snapshot: {error}") from error


def decode_report(body: bytes) -> Report:
    """The report in the body of a frame.

    Raises:
        ProtocolError: it cannot be read.
    """
    try:
        return _reports.decode(body)
    except msgspec.DecodeError as error:
        raise ProtocolError(str(error)) from error


def frame(message: Order | Report) -> bytes:
    """``message`` ready to be sent."""
    return b"".join(frames(message))


def frames(message: Order | Report) -> Iterator[bytes]:
    """``message`` ready to be sent bit by bit."""
    if isinstance(message, Full):
        snapshot = message.snapshot
        yield _framed(msgspec.json.encode(Whole(replace(snapshot, services=()))))
        yield from map(_framed, portions(snapshot.services))
        yield _framed(_END)
    else:
        yield _framed(msgspec.json.encode(message))


def _framed(body: bytes) -> bytes:
    return LENGTH.pack(len(body)) + body


async def read_order(reader: asyncio.StreamReader) -> Received:
    """The next message from the control process.

    Raises:
        ProtocolError: a frame is too long or cannot be read.
        EOFError: the other side closed.
    """
    order = await _read(reader, MAX_FRAME, _orders)
    if not isinstance(order, Whole):
        return order
    found, room = list[bytes](), MAX_FRAME
    for _ in politely(count()):
        portion = await _frame(reader, room)
        if portion == _END:
            break
        found.append(portion)
        room -= len(portion)
    return Parcel(order.snapshot, tuple(found))


async def read_report(reader: asyncio.StreamReader) -> Report:
    """The next message from the nameserver; raises as ``read_order`` does."""
    return await _read(reader, MAX_REPORT, _reports)


async def _read(reader: asyncio.StreamReader, limit: int, decoder: msgspec.json.Decoder[_T]) -> _T:
    body = await _frame(reader, limit)
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise ProtocolError(str(error)) from error


async def _frame(reader: asyncio.StreamReader, limit: int) -> bytes:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > limit:
        raise ProtocolError(f"a frame of {length} bytes; at most {limit} are taken")
    return await reader.readexactly(length)

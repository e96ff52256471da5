"""Answering over UDP: blocking loops, one thread per address, apart from asyncio.

There are two: one takes packets in batches, and one, for where that cannot be done, by one and one; both answer alike.
A socket that is bound to the wildcard address answers from the address that was asked; the others need not look.
"""

import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from itertools import repeat
from time import perf_counter_ns
from typing import Any

import structlog

from gslb.nameserver.batch import MAX_PACKET, UNSENT, Batch, pin
from gslb.nameserver.parts import Parts, whole
from gslb.nameserver.ready import LESSONS, Known, Ready
from gslb.nameserver.reclaim import Reader
from gslb.nameserver.responder import Responder
from gslb.nameserver.tally import Tally
from gslb.supervisor.promptness import be_prompt

log = structlog.get_logger(__name__)

RECEIVE_BUFFER = 4 * 2**20
"""bytes the kernel is asked to hold for each socket"""

WAIT = 0.25
"""seconds after which a reader to whom nobody talks looks whether it is to stop: its socket may be in use by other
processes, so that it cannot be woken by shutting that down"""

_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_STAMPS = (29, 35, 37, 40)
"""SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING, SO_RXQ_OVFL"""
_MEMORY = struct.Struct("=9I")
"""what sock_diag(7) shows as well: last, how many packets were dropped"""
_TIMEVAL = struct.Struct("@ll")
_IP_PKTINFO = 8
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT = 10, 23, 5
_DESTINATIONS = {(socket.IPPROTO_IP, _IP_PKTINFO), (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)}
_LINK_LOCAL = b"\xfe\x80"
_INFO4 = struct.Struct("=I4s4s")
_INFO6 = struct.Struct("=16sI")
_INFO_ROOM = socket.CMSG_SPACE(_INFO6.size)


def open_udp(family: socket.AddressFamily, host: str, port: int, *, reuse_port: bool) -> socket.socket:
    """A bound socket.

    Raises:
        OSError: it cannot be bound.
    """
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _prepare(sock, wildcard=ip_address(host).is_unspecified)  # first: packets may come as soon as it is bound
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def take_udp(sock: socket.socket) -> None:
    """Make a bound socket ready. Other processes may have it too: what is set here is set for all of them."""
    _prepare(sock, wildcard=_is_wildcard(sock))


def _prepare(sock: socket.socket, *, wildcard: bool) -> None:
    sock.setblocking(True)
    _enlarge(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(0, int(WAIT * 1e6)))
    _stay_whole(sock)
    for option in _STAMPS:  # whoever has bound it may have wanted them; but with each packet comes one thing at most
        sock.setsockopt(socket.SOL_SOCKET, option, 0)
    if wildcard:
        _ask_for_destination(sock)


def _enlarge(sock: socket.socket) -> None:
    """As large a buffer as is wanted, or as the kernel gives; never a smaller one than others have got for it."""
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= RECEIVE_BUFFER:
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


class UdpListener:
    """A thread that answers what comes in at ``sock``. ``died`` is called if it ends without having been stopped.

    Args:
        sock: as ``open_udp`` or ``take_udp`` leave it; it stays open.
        responder: of whose ready replies ``batched`` says what is wanted (``gslb.nameserver.batch.pin``).
        died: see above.
        batched: take packets in batches.
    """

    def __init__(self, sock: socket.socket, responder: Responder, died: Callable[[], None], *, batched: bool) -> None:
        self.tally = Tally("udp")
        self._sock, self._responder, self._died = sock, responder, died
        self._address = str(sock.getsockname())
        self._serve = _serve_batches if batched else _serve_each
        self._reader = responder.reclaimer.reader()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="udp", daemon=True)

    @property
    def overflowed(self) -> int:
        """Packets that came while the buffer of the socket was full; 0 where the kernel does not say."""
        with suppress(OSError, struct.error):
            drops: int = _MEMORY.unpack(self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size))[-1]
            return drops
        return 0

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def halt(self) -> None:
        """Have it stop once what was read is answered, within ``WAIT``. Returns at once."""
        self._stopping.set()

    def stop(self) -> None:
        """Stop answering, and wait until the thread has ended."""
        self.halt()
        self._thread.join()

    def _run(self) -> None:
        be_prompt()
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # none is to interrupt the sending of a batch
        try:
            self._serve(self._sock, self._responder, self.tally, self._reader, self._stopping)
        finally:
            if not self._stopping.is_set():
                log.error("udp listener died", address=self._address)
                self._died()


_UNKNOWN: Iterator[Iterator[None]] = repeat(repeat(None))


def _serve_batches(
    sock: socket.socket, responder: Responder, tally: Tally, reader: Reader, stopping: threading.Event
) -> None:
    """The hot path: nothing here is done for each packet but by iterators that run in C."""
    batch = Batch(sock, destination=_is_wildcard(sock))
    receive, send, keys, took, now = batch.receive, batch.send, batch.keys, tally.took, perf_counter_ns
    join = b"".join
    while not stopping.is_set():
        count = receive()
        if not count:
            continue
        began = now()
        reader.begun += 1
        ready = responder.ready
        if ready.observed:
            _answer_each(batch, count, ready, responder, tally)
        else:
            records: list[Any] = list(map(next, map(ready.replies.turns.get, keys[:count], _UNKNOWN)))
            try:
                joined = join(records)
            except TypeError:  # not all of them are bytes
                _complete(batch, records, ready, responder, tally)
            else:
                tally.ready += count
                send(joined)
        took(now() - began, count)
        reader.ended += 1
        del ready  # which may be the last that knows of an old one while nobody asks


def _complete(batch: Batch, records: list[Any], ready: Ready, responder: Responder, tally: Tally) -> None:
    """Send ``records``, with those that are missing."""
    built: list[Parts] = []  # what is sent has to stay in memory until then
    unsent: list[int] = []
    ready.lessons = LESSONS
    keys, hosts, known = batch.keys, batch.hosts(len(records)), responder.known
    for index, record in enumerate(records):
        if type(record) is bytes:
            continue
        made: Known | None = None
        if record is not None:
            address, cookie, turns = record
            if address == hosts[index]:
                made = next(turns), cookie
        if made is None:
            made = known(ready, keys[index], hosts.__getitem__, index)
        if made is not None:
            given, tail = made
            if tail is not None:
                batch.echo(index, given, tail)
            records[index] = given
            continue
        response = responder.build(ready, batch.packet(index), batch.source(index), tally)
        if response is None:
            unsent.append(index)
            records[index] = UNSENT
            continue
        parts = whole(response)
        built.append(parts)
        records[index] = pin(parts)
    tally.ready += len(records) - len(built) - len(unsent)
    batch.send(b"".join(records), unsent)


def _answer_each(batch: Batch, count: int, ready: Ready, responder: Responder, tally: Tally) -> None:
    """Answer a batch one by one, as is needed where each response is looked at."""
    responses = [responder.answer(batch.packet(index), batch.source(index), tally, ready) for index in range(count)]
    parts = [None if response is None else whole(response) for response in responses]
    unsent = [index for index, made in enumerate(parts) if made is None]
    batch.send(b"".join(UNSENT if made is None else pin(made) for made in parts), unsent)


def _serve_each(
    sock: socket.socket, responder: Responder, tally: Tally, reader: Reader, stopping: threading.Event
) -> None:
    """What needs nothing but sockets: one packet after the other."""
    room = _INFO_ROOM if _is_wildcard(sock) else 0
    took, now = tally.took, perf_counter_ns
    while not stopping.is_set():
        try:
            packet, asked, _, client = sock.recvmsg(MAX_PACKET, room)
        except BlockingIOError:
            continue
        began = now()
        reader.begun += 1
        made = responder.answer(packet, client[0], tally)
        if made is not None:
            with suppress(OSError):  # the client cannot be reached: port 0, no route, a full queue
                sock.sendmsg([made], [_source(*info) for info in asked if info[:2] in _DESTINATIONS], 0, client)
        took(now() - began, 1)
        reader.ended += 1


def _stay_whole(sock: socket.socket) -> None:
    """Do not believe in a path that takes small packets only: forged news of one would have answers go in fragments.

    Fragments can be exchanged on the way (ip(7), IP_MTU_DISCOVER; RFC 9715, section 3.1).
    """
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)


def _is_wildcard(sock: socket.socket) -> bool:
    return ip_address(sock.getsockname()[0]).is_unspecified


def _ask_for_destination(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _source(level: int, type_: int, info: bytes) -> tuple[int, int, bytes]:
    """Turns where a packet was sent to into where its answer leaves from (ip(7), RFC 3542 section 6)."""
    if level == socket.IPPROTO_IP:
        _, local, _ = _INFO4.unpack(info)
        return level, type_, _INFO4.pack(0, local, bytes(4))
    address, interface = _INFO6.unpack(info)
    return level, type_, _INFO6.pack(address, interface if address.startswith(_LINK_LOCAL) else 0)

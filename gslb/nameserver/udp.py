"""Answering over UDP: plain blocking loops, one thread per address, apart from asyncio.

A socket that is bound to the wildcard address answers from the address that was asked; the others need not look.
"""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

import structlog

from gslb.nameserver.responder import Responder
from gslb.nameserver.tally import Tally

log = structlog.get_logger(__name__)

MAX_QUERY = 4096
"""bytes of a packet that are read; what is longer is cut off and so malformed"""

RECEIVE_BUFFER = 4 * 2**20
"""bytes the kernel is asked to hold for each socket"""

SHARED_WAIT = 0.25
"""seconds after which the reader of a shared socket looks whether it is to stop"""

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
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        _stay_whole(sock)
        sock.bind((host, port))
        if _is_wildcard(sock):
            _ask_for_destination(sock)
    except OSError:
        sock.close()
        raise
    return sock


def take_udp(sock: socket.socket) -> None:
    """Make a bound socket ready that other processes have too: what is set here is set for all of them."""
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(0, int(SHARED_WAIT * 1e6)))
    _stay_whole(sock)
    if _is_wildcard(sock):
        _ask_for_destination(sock)


class UdpListener:
    """A thread that answers what comes in at ``sock``. ``died`` is called if it ends without having been stopped.

    A ``shared`` socket, see ``take_udp``, stays as it is when the thread stops.
    """

    def __init__(
        self, sock: socket.socket, responder: Responder, died: Callable[[], None], *, shared: bool = False
    ) -> None:
        self.tally = Tally("udp")
        self._sock, self._responder, self._died, self._shared = sock, responder, died, shared
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="udp", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering, and wait until the thread has ended."""
        self._stopping.set()
        if not self._shared:
            with suppress(OSError):  # wakes the blocked reader, although the socket is not connected
                self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _run(self) -> None:
        serve = _serve_exactly if self._shared or _is_wildcard(self._sock) else _serve
        try:
            serve(self._sock, self._responder, self.tally, self._stopping)
        finally:
            if not self._stopping.is_set():
                log.error("udp listener died", address=str(self._sock.getsockname()))
                self._died()


def _serve(sock: socket.socket, responder: Responder, tally: Tally, stopping: threading.Event) -> None:
    """The hot path. An empty packet, which is never answered, is also how a stop shows."""
    receive, send, respond = sock.recvfrom, sock.sendto, responder.udp
    while True:
        packet, client = receive(MAX_QUERY)
        ready = responder.ready
        try:
            reply = packet[:2] + next(ready.replies[packet[2:]])
        except KeyError:
            if not client and stopping.is_set():  # from nobody, since the socket is shut down
                return
            made = respond(packet, client[0], tally)
        else:
            tally.ready += 1
            made = responder.observe(packet, reply, client[0], tally) if ready.observed else reply
        if made is None:
            continue
        try:  # noqa: SIM105  a context manager costs a tenth of the query here
            send(made, client)
        except OSError:  # the client cannot be reached: port 0, no route, a full queue
            pass


def _serve_exactly(sock: socket.socket, responder: Responder, tally: Tally, stopping: threading.Event) -> None:
    """The same, answering from the address that was asked, as is due behind a wildcard.

    A socket that others read too cannot be shut down: what wakes the reader then is time.
    """
    while not stopping.is_set():
        try:
            packet, asked, _, client = sock.recvmsg(MAX_QUERY, _INFO_ROOM)
        except BlockingIOError:
            continue
        ready = responder.ready
        turns = ready.replies.get(packet[2:])
        if turns is not None:
            tally.ready += 1
            reply = packet[:2] + next(turns)
            made = responder.observe(packet, reply, client[0], tally) if ready.observed else reply
        else:
            made = responder.udp(packet, client[0], tally) if client else None
        if made is not None:
            with suppress(OSError):
                sock.sendmsg([made], [_source(*info) for info in asked if info[:2] in _DESTINATIONS], 0, client)


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

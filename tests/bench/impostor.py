"""A nameserver that answers as a test wants it to, rightly or not, and remembers what it was asked."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address

Reply = Callable[[bytes], bytes | tuple[bytes, ...]]
"""Makes the reply to a packet, or so many of them."""

HEADER = 12
BUFFER = 8 << 20
SO_RCVBUFFORCE = 33
"""asm-generic/socket.h"""
_POLL = 0.05


class Impostor:
    """Listens at ``port`` of 127.0.0.1. ``asked`` are the packets that came, with the address each is from."""

    def __init__(self, reply: Reply) -> None:
        self.asked: list[tuple[bytes, str]] = []
        self._reply = reply
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(_POLL)
        self.port: int = self._socket.getsockname()[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                packet, source = self._socket.recvfrom(4096)
                self.asked.append((packet, source[0]))
                made = self._reply(packet)
                for reply in (made,) if isinstance(made, bytes) else made:
                    self._socket.sendto(reply, source)


@contextlib.contextmanager
def impostor(reply: Reply) -> Iterator[Impostor]:
    made = Impostor(reply)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def question_end(packet: bytes) -> int:
    at = HEADER
    while packet[at]:
        at += packet[at] + 1
    return at + 5


def option(packet: bytes, code: int) -> bytes:
    """The data of an EDNS option of a query; empty where there is none."""
    at = question_end(packet) + 11
    while at < len(packet):
        found, size = struct.unpack_from(">HH", packet, at)
        if found == code:
            return packet[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def respond(
    packet: bytes,
    address: str = "",
    *,
    rcode: int = 0,
    flags: int = 0x8400,
    options: bytes = b"",
    edns: bool = True,
    type_: int = 1,
) -> bytes:
    """A response with at most one record that answers."""
    counts = struct.pack(">HHHHH", flags | rcode & 15, 1, bool(address), 0, edns)
    record = b""
    if address:
        rdata = ip_address(address).packed
        record = b"\xc0\x0c" + struct.pack(">HHIH", type_, 1, 30, len(rdata)) + rdata
    opt = b"\0" + struct.pack(">HHBBHH", 41, 1232, rcode >> 4, 0, 0, len(options)) + options if edns else b""
    return packet[:2] + counts + packet[HEADER : question_end(packet)] + record + opt


def with_option(code: int, data: bytes) -> bytes:
    return struct.pack(">HH", code, len(data)) + data

"""A zone to be transferred, keys, and messages over TCP as they come."""

import base64
import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dns.message

from gslb.nameserver.snapshot import Record, Snapshot, Zone
from gslb.nameserver.transfer.access import ALGORITHMS, Transfer, TsigKey, make_key
from tests.nameserver.support import INNER, OTHER, SERVICES, STATIC, Server

COM, SUB, NET = "example.com.", "sub.example.com.", "example.net."
SERIAL = 2_026_113_001
SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
KEYS = {algorithm: TsigKey(f"{algorithm[5:]}.", algorithm, SECRET) for algorithm in ALGORITHMS}
KEY, *_ = KEYS.values()
OPEN = Transfer(allow=("127.0.0.0/8", "192.0.2.0/24"))
BULK = tuple(Record(f"host-{i}.example.net.", 60, "A", f"198.51.100.{i % 256}") for i in range(6000))
ZONES = (
    Zone(COM, STATIC, Transfer(keys=tuple(KEYS.values()))),
    Zone(NET, (*OTHER, *BULK), replace(OPEN, keys=(KEY,))),
    Zone(SUB, INNER, OPEN),
    Zone("example.org.", tuple(replace(r, name=r.name.replace("net", "org")) for r in OTHER)),
)
SNAPSHOT = Snapshot(7, ZONES, SERVICES, serials={COM: SERIAL, NET: SERIAL})


def signed(name: str, type_: str = "SOA", key: TsigKey = KEY, **options: Any) -> dns.message.Message:
    query = dns.message.make_query(name, type_, **options)
    query.use_tsig(make_key(key))
    return query


@contextlib.contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection((server.host, server.port), 10) as sock:
        yield sock


def put(sock: socket.socket, packet: bytes) -> None:
    sock.sendall(struct.pack(">H", len(packet)) + packet)


def take(sock: socket.socket) -> bytes:
    """The next message."""
    return _exactly(sock, int.from_bytes(_exactly(sock, 2)))


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, "closed"
        data += piece
    return data


def exchanged(server: Server, packet: bytes, *, tcp: bool) -> bytes:
    """The raw answer to a raw packet."""
    if tcp:
        with connected(server) as sock:
            put(sock, packet)
            return take(sock)
    answer = server.exchange(packet)
    assert answer is not None
    return answer

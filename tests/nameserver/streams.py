"""Speaking DNS over TCP by hand: whole and in pieces, politely and not."""

import contextlib
import socket
import struct
from collections.abc import Iterator

import dns.message

from tests.nameserver.support import Server

LENGTH = struct.Struct(">H")


def framed(name: str, type_: str = "A", id_: int = 1) -> bytes:
    packet = dns.message.make_query(name, type_, id=id_).to_wire()
    return LENGTH.pack(len(packet)) + packet


def read_exactly(sock: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = sock.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)


def read_packet(sock: socket.socket) -> bytes:
    (size,) = LENGTH.unpack(read_exactly(sock, LENGTH.size))
    return read_exactly(sock, size)


def read_message(sock: socket.socket) -> dns.message.Message:
    return dns.message.from_wire(read_packet(sock))


def asked(sock: socket.socket, id_: int = 1) -> dns.message.Message:
    sock.sendall(framed("www.example.com.", id_=id_))
    return read_message(sock)


def ending(sock: socket.socket) -> str:
    """How the connection ends, whatever comes before."""
    try:
        while sock.recv(2**16):
            pass
    except ConnectionResetError:
        return "RST"
    return "FIN"


def is_open(sock: socket.socket) -> bool:
    """Whether nothing has come, no end either."""
    sock.setblocking(False)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        sock.settimeout(5)
    return False


@contextlib.contextmanager
def connected(server: Server, source: str = "127.0.0.1", *, small: bool = False) -> Iterator[socket.socket]:
    """A connection from ``source``, with small buffers on this side if asked for."""
    with socket.socket() as sock:
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(5)
        sock.bind((source, 0))
        sock.connect((server.host, server.port))
        yield sock

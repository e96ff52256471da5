"""RFC 7766."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from random import Random

import dns.message
import pytest

from gslb.nameserver.responder import Responder
from gslb.nameserver.table import compile_table
from gslb.nameserver.tcp import MAX_PER_CLIENT, TcpListener, open_tcp
from tests.nameserver.support import SNAPSHOT, Server
from tests.waiting import eventually


def framed(name: str, type_: str = "A", id_: int = 1) -> bytes:
    packet = dns.message.make_query(name, type_, id=id_).to_wire()
    return struct.pack(">H", len(packet)) + packet


def read_message(sock: socket.socket) -> dns.message.Message:
    with sock.makefile("rb", buffering=0) as file:
        head = file.read(2)
        body = b""
        size = int.from_bytes(head or b"")
        while len(body) < size:
            body += file.read(size - len(body)) or b""
    return dns.message.from_wire(body)


def is_closed(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


@contextlib.contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection((server.host, server.port), 5) as sock:
        yield sock


def test_pipelined_queries_are_all_answered(server: Server) -> None:
    with connected(server) as sock:
        sock.sendall(b"".join(framed("api.example.com.", id_=i) for i in range(50)))
        assert {read_message(sock).id for _ in range(50)} == set(range(50))


def test_a_query_may_come_in_pieces_and_its_sender_may_close_its_side(server: Server) -> None:
    message = framed("www.example.com.")
    with connected(server) as sock:
        for byte in message:
            sock.sendall(bytes([byte]))
        sock.shutdown(socket.SHUT_WR)
        assert len(read_message(sock).answer) == 1
        assert is_closed(sock)


@pytest.mark.parametrize("sent", [b"\x00\x00", b"\x00\x05hello", b"\x00\x0c" + b"\x00\x01\x80" + bytes(9)])
def test_a_length_below_a_header_or_a_response_closes(server: Server, sent: bytes) -> None:
    with connected(server) as sock:
        sock.sendall(sent)
        assert is_closed(sock)


def test_a_length_that_promises_too_much_ends_with_the_connection(server: Server) -> None:
    with connected(server) as sock:
        sock.sendall(b"\xff\xff" + framed("www.example.com.")[2:])
        sock.shutdown(socket.SHUT_WR)
        assert is_closed(sock)


def test_one_client_has_a_bounded_number_of_connections(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(server)) for _ in range(MAX_PER_CLIENT)]
        for sock in held:
            sock.sendall(framed("www.example.com."))
            read_message(sock)
        assert is_closed(stack.enter_context(connected(server)))
        held[0].close()
        eventually(lambda: can_ask(server))


def can_ask(server: Server) -> bool:
    with connected(server) as sock, contextlib.suppress(OSError):
        sock.sendall(framed("www.example.com."))
        return bool(sock.recv(1))
    return False


@contextlib.asynccontextmanager
async def impatient() -> AsyncIterator[tuple[str, int]]:
    responder = Responder()
    responder.adopt(compile_table(SNAPSHOT, None, Random(1)))
    sock = open_tcp(socket.AF_INET, "127.0.0.1", 0, reuse_port=False)
    async with await asyncio.start_server(TcpListener(responder, idle=0.1).handle, sock=sock) as server:
        yield server.sockets[0].getsockname()


@pytest.mark.parametrize("sent", [b"", b"\x00", b"\x00\x20\x00"])
async def test_an_idle_connection_is_closed(sent: bytes) -> None:
    async with impatient() as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(sent)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_does_not_read_is_dropped() -> None:
    async with impatient() as address:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, address)
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                await send_for_ever(sock)


async def send_for_ever(sock: socket.socket) -> None:
    queries = framed("big.example.com.", "TXT") * 100
    while True:
        await asyncio.get_running_loop().sock_sendall(sock, queries)

"""Servers that misbehave to order, octet by octet: each connection is served by a thread of its own."""

import select
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from threading import Thread

from probes.base import Target
from tests.probes.servers import DEADLINE, HOST

NAME = "gslb.test"
DRIP = 0.01
"""seconds between two octets of a server that is slow on purpose"""

Script = Callable[[socket.socket], object]
"""Takes a connection; it is closed at the end. An OSError, as from a client that has gone, ends it too."""


@contextmanager
def listening(script: Script, context: ssl.SSLContext | None = None, host: str = HOST) -> Iterator[Target]:
    """Runs ``script`` for each connection, over TLS if there is a context; on leaving, every client must have gone."""
    threads: list[Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(DEADLINE)
            if context is None:
                script(connection)
            else:
                with context.wrap_socket(connection, server_side=True) as secure:
                    script(secure)

    def accept() -> None:
        with suppress(OSError):
            while True:
                thread = Thread(target=serve, args=(listener.accept()[0],))
                thread.start()
                threads.append(thread)

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=64) as listener:
        acceptor = Thread(target=accept)
        acceptor.start()
        try:
            port = listener.getsockname()[1]
            yield Target(ip_address(host), port, f"{NAME}:{port}")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join(2 * DEADLINE)
    assert not any(thread.is_alive() for thread in threads), "a client has not gone"


def head_of(connection: socket.socket) -> bytes:
    """The head of the next request; empty where the client has gone. What has a body needs ``octets_of`` for it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octet = connection.recv(1)
        if not octet:
            return b""
        head += octet
    return head


def octets_of(connection: socket.socket, number: int) -> bytes:
    octets = b""
    while len(octets) < number and (more := connection.recv(number - len(octets))):
        octets += more
    return octets


def gone(connection: socket.socket) -> None:
    """Wait until the client has gone."""
    with suppress(OSError):
        while connection.recv(65536):
            pass


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def nothing(_: socket.socket) -> None:
    """Closes at once."""


def heard(*parts: bytes, then: Script = nothing) -> Script:
    """Takes the head of a request, sends ``parts``, and goes on."""

    def script(connection: socket.socket) -> None:
        head_of(connection)
        for part in parts:
            connection.sendall(part)
        then(connection)

    return script


def speaks(*parts: bytes, then: Script = nothing) -> Script:
    """Sends ``parts`` without waiting for anything, and goes on."""

    def script(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
        then(connection)

    return script


def first(number: int, then: Script) -> Script:
    """Takes so many octets, whatever they are."""

    def script(connection: socket.socket) -> None:
        octets_of(connection, number)
        then(connection)

    return script


def endless(part: bytes) -> Script:
    """Sends ``part`` again and again, as fast as the client takes it, until that has gone."""

    def script(connection: socket.socket) -> None:
        while True:
            connection.sendall(part)

    return script


def dripping(text: bytes) -> Script:
    """Sends octet by octet, slowly, again and again, until the client has gone."""

    def script(connection: socket.socket) -> None:
        while True:
            for octet in text:
                if select.select([connection], [], [], DRIP)[0]:
                    gone(connection)
                    return
                connection.send(bytes([octet]))

    return script

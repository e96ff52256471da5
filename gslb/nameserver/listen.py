"""Binding all that the nameserver listens on, before any of it is served."""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from gslb.errors import ListenError
from gslb.model.address import Address
from gslb.nameserver.tcp import open_tcp
from gslb.nameserver.udp import open_udp, take_udp

KEY = "nameserver.listen"
MAX_SOCKET_PATH = 107
"""bytes in the path of a Unix socket (unix(7))"""


@dataclass(frozen=True, slots=True)
class Sockets:
    """Bound sockets, UDP and TCP in the order of the addresses. Other processes have those of ``shared`` too."""

    udp: tuple[socket.socket, ...]
    tcp: tuple[socket.socket, ...]
    control: socket.socket
    shared: frozenset[socket.socket] = frozenset()


@contextlib.contextmanager
def listening(
    addresses: tuple[Address, ...], control: Path, *, reuse_port: bool, passed: tuple[int, ...] = ()
) -> Iterator[Sockets]:
    """Bind everything; close it, and unlink the Unix socket, on leaving.

    Args:
        addresses: what to listen on, over UDP and TCP.
        control: the Unix socket.
        reuse_port: share the addresses with others that bind them so too.
        passed: descriptors of sockets that are bound already, each to one of ``addresses``; others may have them too.

    Raises:
        ListenError: something cannot be bound; then nothing is.
    """
    with contextlib.ExitStack() as stack:
        given = {_place(sock): stack.enter_context(sock) for sock in map(_taken, passed)}
        udp: list[socket.socket] = []
        tcp: list[socket.socket] = []
        for address in addresses:
            for opened, open_, kind in ((udp, open_udp, socket.SOCK_DGRAM), (tcp, open_tcp, socket.SOCK_STREAM)):
                sock = given.get((kind, address))
                if sock is None:
                    try:
                        sock = open_(family_of(address), str(address.host), address.port, reuse_port=reuse_port)
                    except OSError as error:
                        raise _cannot(str(address), error) from error
                    stack.enter_context(sock)
                opened.append(sock)
        unix = stack.enter_context(_open_control(control))
        stack.callback(control.unlink, missing_ok=True)
        yield Sockets(tuple(udp), tuple(tcp), unix, frozenset(given.values()))


def _taken(descriptor: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        raise _cannot(f"passed socket {descriptor}", error) from error
    if sock.type == socket.SOCK_DGRAM:
        take_udp(sock)
    return sock


def _place(sock: socket.socket) -> tuple[int, Address]:
    host, port = sock.getsockname()[:2]
    return sock.type, Address(ip_address(host), port)


def family_of(address: Address) -> socket.AddressFamily:
    """The family of the socket that ``address`` is bound with."""
    return socket.AF_INET6 if isinstance(address.host, IPv6Address) else socket.AF_INET


def _cannot(address: str, error: OSError) -> ListenError:
    remedy = "free the address, or name another one in listen"
    return ListenError(address, KEY, error.strerror or str(error), remedy)


def _open_control(path: Path) -> socket.socket:
    """A Unix socket for this user only. A stale one of a dead process is taken away, a live one is an error."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        reason = f"a Unix socket's path has at most {MAX_SOCKET_PATH} bytes"
        raise ListenError(str(path), KEY, reason, "keep the state in a folder with a shorter path")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(path)
        os.fchmod(sock.fileno(), 0o600)  # before bind, so that it is never open to others
        sock.bind(os.fspath(path))
        sock.listen()
    except OSError as error:
        sock.close()
        raise _cannot(str(path), error) from error
    except ListenError:
        sock.close()
        raise
    return sock


def _clear(path: Path) -> None:
    if _answers(path):
        raise ListenError(str(path), KEY, "another nameserver listens there", "stop it, or use another state folder")
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
        return True

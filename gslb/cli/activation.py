"""Sockets that a service manager has bound for us (sd_listen_fds(3)).

They stay open while the daemon is away, so that a restart loses no query, and need no rights to bind.
"""

import os
import socket
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from gslb.errors import ListenError
from gslb.model.address import Address

FIRST = 3
"""the descriptor of the first one (SD_LISTEN_FDS_START)"""

KEY = "nameserver.listen"
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_NAMES = {socket.SOCK_DGRAM: "UDP", socket.SOCK_STREAM: "TCP"}


@dataclass(frozen=True, slots=True)
class Passed:
    """A bound socket that was passed to us.

    Attributes:
        descriptor: its number, here and in every process that it is passed on to.
        inode: tells it from one that is passed under this number after a restart.
        kind: datagrams or a stream.
        address: what it is bound to.
    """

    descriptor: int
    inode: int
    kind: socket.SocketKind
    address: Address

    @property
    def argument(self) -> str:
        """How a worker is told of it."""
        return f"--passed={self.descriptor}:{self.inode}"


def passed_sockets(listen: Sequence[Address], environment: MutableMapping[str, str]) -> tuple[Passed, ...]:
    """The sockets that were passed to this process. The variables that say so are removed: they are not for others.

    Raises:
        ListenError: one is of no use for any address of ``listen``.
    """
    pid, count, names = (environment.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    environment.pop("LISTEN_PIDFDID", None)
    if pid != str(os.getpid()) or not count.isdigit():
        return ()
    known = names.split(":")
    found: list[Passed] = []
    for index in range(int(count)):
        name = f"{FIRST + index} ({known[index]})" if index < len(known) and known[index] else str(FIRST + index)
        passed = _examine(FIRST + index, f"passed socket {name}", listen)
        if any((other.kind, other.address) == (passed.kind, passed.address) for other in found):
            raise _useless(f"passed socket {name}", "is the second one of its address", "pass one for each address")
        os.set_inheritable(passed.descriptor, True)
        found.append(passed)
    return tuple(found)


def missing(listen: Sequence[Address], passed: Sequence[Passed]) -> Iterator[tuple[Address, socket.SocketKind]]:
    """What nobody has bound for us."""
    given = {(each.address, each.kind) for each in passed}
    yield from ((a, kind) for a in listen for kind in _NAMES if (a, kind) not in given)


def _examine(descriptor: int, name: str, listen: Sequence[Address]) -> Passed:
    try:
        sock = socket.socket(fileno=os.dup(descriptor))
    except OSError as error:
        raise _useless(name, f"is no socket: {error.strerror}", "pass sockets only") from None
    with sock:
        kind, address = _address(sock, name)
        if address not in listen:
            remedy = f"add it to {KEY}, or remove it from the unit (ListenDatagram=, ListenStream=)"
            raise _useless(name, f"is {_NAMES[kind]} {address}, which {KEY} does not name", remedy)
        if kind == socket.SOCK_STREAM and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise _useless(name, "is a connection", "pass listening sockets: Accept=no in the unit")
        if _is_dual(sock):
            remedy = "write BindIPv6Only=ipv6-only in the unit, and pass 0.0.0.0 as a socket of its own"
            raise _useless(name, f"takes IPv4 too, beside {address}", remedy)
        return Passed(descriptor, os.fstat(descriptor).st_ino, kind, address)


def _address(sock: socket.socket, name: str) -> tuple[socket.SocketKind, Address]:
    if sock.family not in _FAMILIES or sock.type not in _NAMES:
        raise _useless(name, "is no UDP or TCP socket", "pass those of ListenDatagram= and ListenStream= only")
    host, port = sock.getsockname()[:2]
    return socket.SocketKind(sock.type), Address(ip_address(host), port)


def _is_dual(sock: socket.socket) -> bool:
    if sock.family != socket.AF_INET6 or not ip_address(sock.getsockname()[0]).is_unspecified:
        return False
    return not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def _useless(name: str, reason: str, remedy: str) -> ListenError:
    return ListenError(name, KEY, reason, remedy)

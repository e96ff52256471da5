"""Binding all that the nameserver listens on, before any of it is served."""

import contextlib
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
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
    """Bound sockets, UDP and TCP in the order of the addresses. Other processes have those of ``shared`` for good."""

    udp: tuple[socket.socket, ...]
    tcp: tuple[socket.socket, ...]
    control: "ControlSocket"
    shared: frozenset[socket.socket] = frozenset()

    @property
    def all(self) -> tuple[socket.socket, ...]:
        """Those that queries come in at."""
        return (*self.udp, *self.tcp)


@dataclass(slots=True)
class ControlSocket:
    """The Unix socket, in a place of its own until ``show`` puts it where it is looked for."""

    sock: socket.socket
    path: Path
    place: Path
    inode: int
    _left: bool = False

    def show(self) -> None:
        """Take the place of whatever socket is there."""
        self.place.replace(self.path)

    def leave(self) -> None:
        """Its place is another process's from now on. Numbers of inodes are used again, and so do not tell for ever."""
        self._left = True

    def unlink(self) -> None:
        """Take it away, unless that of another process has taken its place."""
        if self._left:
            return
        for path in (self.place, self.path):
            with contextlib.suppress(FileNotFoundError):
                if path.lstat().st_ino == self.inode:
                    path.unlink()


@contextlib.contextmanager
def listening(
    addresses: tuple[Address, ...],
    control: Path,
    *,
    reuse_port: bool,
    passed: tuple[int, ...] = (),
    inherited: tuple[socket.socket, ...] | None = None,
    shared: frozenset[socket.socket] = frozenset(),
) -> Iterator[Sockets]:
    """Bind everything; close it, and unlink the Unix socket, on leaving.

    Args:
        addresses: what to listen on, over UDP and TCP.
        control: the Unix socket.
        reuse_port: share the addresses with others that bind them so too.
        passed: descriptors of sockets that are bound already, each to one of ``addresses``; others may have them too.
        inherited: sockets of a predecessor, some of which may be bound to some of ``addresses``; None: there is none,
            and nobody may listen at ``control``. With one, the new socket is not shown there yet.
        shared: those of ``inherited`` that others have for good, as they have those that were passed.

    Raises:
        ListenError: something cannot be bound; then nothing is.
    """
    with contextlib.ExitStack() as stack:
        given = {place_of(sock): stack.enter_context(sock) for sock in map(_taken, passed)}
        foreign = shared | frozenset(given.values())
        given = {place_of(sock): sock for sock in inherited or ()} | given
        missing = [place for place in _places(addresses) if place not in given]
        with _sharing(inherited or (), missing, foreign, then=reuse_port):
            ports = {(kind, address.port) for kind, address in given}
            for kind, address in missing:
                beside = reuse_port or (kind, address.port) in ports
                given[kind, address] = stack.enter_context(_bind(kind, address, reuse_port=beside))
            udp, tcp = (tuple(given[kind, a] for a in addresses) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
            for sock in (*udp, *tcp):
                stack.enter_context(sock)
            share((sock for sock in (*udp, *tcp) if sock not in foreign), reuse_port=reuse_port)
            for sock in udp:
                take_udp(sock)
            unix = _open_control(control, follows=inherited is not None)
            stack.enter_context(unix.sock)
            stack.callback(unix.unlink)
        yield Sockets(udp, tcp, unix, foreign.intersection((*udp, *tcp)))


def share(sockets: Iterable[socket.socket], *, reuse_port: bool) -> None:
    """Let others that do so too bind the addresses of ``sockets``, or not."""
    for sock in sockets:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse_port)


def place_of(sock: socket.socket) -> tuple[int, Address]:
    """What a socket is: its type, and what it is bound to."""
    host, port = sock.getsockname()[:2]
    return sock.type, Address(ip_address(host), port)


def _places(addresses: Iterable[Address]) -> Iterator[tuple[int, Address]]:
    for address in addresses:
        yield socket.SOCK_DGRAM, address
        yield socket.SOCK_STREAM, address


@contextlib.contextmanager
def _sharing(
    inherited: Sequence[socket.socket],
    missing: Sequence[tuple[int, Address]],
    foreign: frozenset[socket.socket],
    *,
    then: bool,
) -> Iterator[None]:
    """Let a wildcard be bound beside addresses that are left, and the other way round.

    That takes SO_REUSEPORT of both; it can be set, and taken back, while a socket is in use. ``foreign`` ones, and all
    where something fails meanwhile, have afterwards what they had before.
    """
    wanted = {(kind, address.port) for kind, address in missing}
    before = [(sock, sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)) for sock in inherited]
    for sock, _ in before:
        kind, address = place_of(sock)
        if then or (kind, address.port) in wanted:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    failed = True
    try:
        yield
        failed = False
    finally:
        for sock, value in before:
            if failed or sock in foreign:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, value)


def _bind(kind: int, address: Address, *, reuse_port: bool) -> socket.socket:
    open_ = open_udp if kind == socket.SOCK_DGRAM else open_tcp
    try:
        return open_(family_of(address), str(address.host), address.port, reuse_port=reuse_port)
    except OSError as error:
        raise _cannot(str(address), error) from error


def _taken(descriptor: int) -> socket.socket:
    try:
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise _cannot(f"passed socket {descriptor}", error) from error


def family_of(address: Address) -> socket.AddressFamily:
    """The family of the socket that ``address`` is bound with."""
    return socket.AF_INET6 if isinstance(address.host, IPv6Address) else socket.AF_INET


def _cannot(address: str, error: OSError) -> ListenError:
    remedy = "free the address, or name another one in listen"
    return ListenError(address, KEY, error.strerror or str(error), remedy)


def _open_control(path: Path, *, follows: bool) -> ControlSocket:
    """A Unix socket for this user only. A stale one of a dead process is taken away, a live one is an error.

    One that ``follows`` another keeps aside for now. Nobody else does at the same time: it shares the lock of the name.
    """
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        reason = f"a Unix socket's path has at most {MAX_SOCKET_PATH} bytes"
        raise ListenError(str(path), KEY, reason, "keep the state in a folder with a shorter path")
    place = path.with_suffix(".new") if follows else path
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not follows:
            _refuse_live(path)
        place.unlink(missing_ok=True)
        os.fchmod(sock.fileno(), 0o600)  # before bind, so that it is never open to others
        sock.bind(os.fspath(place))
        sock.listen()
        return ControlSocket(sock, path, place, place.lstat().st_ino)
    except OSError as error:
        sock.close()
        raise _cannot(str(path), error) from error
    except ListenError:
        sock.close()
        raise


def _refuse_live(path: Path) -> None:
    if _answers(path):
        raise ListenError(str(path), KEY, "another nameserver listens there", "stop it, or use another state folder")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
        return True

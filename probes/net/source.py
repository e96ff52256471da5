"""Where a vantage point's sockets come from: the machine as it is, a source address, or a network namespace."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IP,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SocketKind,
    SocketType,
)

from gslb.model.address import IP

NAMESPACES = Path("/run/netns")
"""Where ``ip netns`` keeps the names (ip-netns(8))."""
_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC
_CLONE_NEWNET = 0x40000000
_OWN = Path("/proc/thread-self/ns/net")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Source:
    """Makes sockets. Without anything set: as the routing table says.

    Attributes:
        v4: source address of IPv4 sockets.
        v6: source address of IPv6 sockets.
        namespace: name of a network namespace, as ``ip netns`` knows it.
    """

    v4: IPv4Address | None = None
    v6: IPv6Address | None = None
    namespace: str | None = None

    def address(self, towards: IP) -> IP | None:
        """The source address of sockets towards an address of the same family; None where the kernel picks one."""
        return self.v4 if towards.version == 4 else self.v6  # noqa: PLR2004  the IP version

    def socket(self, towards: IP, kind: SocketKind, protocol: int = 0) -> SocketType:
        """A non-blocking socket to reach ``towards`` from here.

        Raises:
            OSError: no descriptor left, the source address is not of this machine, or there is no such namespace.
        """
        family = AF_INET if towards.version == 4 else AF_INET6  # noqa: PLR2004  the IP version
        if self.namespace is None:
            made = SocketType(family, kind | _FLAGS, protocol)
        else:
            with self.entered():
                made = SocketType(family, kind | _FLAGS, protocol)
        address = self.address(towards)
        if address is not None:
            self._bind(made, address)
        return made

    def entered(self) -> AbstractContextManager[None]:
        """This thread in the namespace, where there is one; what is made meanwhile stays there.

        Raises:
            OSError: on entering; there is no such namespace, or no right to enter it.
        """
        return nullcontext() if self.namespace is None else _inside(NAMESPACES / self.namespace)

    @staticmethod
    def _bind(made: SocketType, address: IP) -> None:
        try:
            if made.type == SOCK_STREAM:
                # The port is chosen at connect, so that one source address has all ports for each destination.
                made.setsockopt(IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            made.bind((str(address), 0))
        except OSError as error:
            made.close()
            raise OSError(error.errno, f"source address {address}: {error.strerror}") from None


DIRECT = Source()

_IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h; Python 3.12 has a name for it"""


@contextmanager
def _inside(namespace: Path) -> Iterator[None]:
    """This thread in another network namespace (setns(2)); sockets made meanwhile stay there for good."""
    own = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        other = _opened(namespace)
        try:
            _enter(other, namespace)
            try:
                yield
            finally:
                _enter(own, _OWN)
        finally:
            os.close(other)
    finally:
        os.close(own)


def _opened(namespace: Path) -> int:
    try:
        return os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(error.errno, f"network namespace {namespace.name}: {error.strerror}") from None


def _enter(descriptor: int, namespace: Path) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        if number == errno.EINVAL:
            # What ``ip netns`` leaves behind when the machine has restarted: a plain file of that name.
            raise OSError(errno.ENOENT, f"network namespace {namespace.name}: no such namespace")
        raise OSError(number, f"network namespace {namespace.name}: {os.strerror(number)}")

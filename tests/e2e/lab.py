"""A network to break: hosts in namespaces of their own around one router, and origins that count who asks them.

Needs root. Host number N has 198.18.N.2 on its uplink, and answers for all of 10.N.0.0/16.
"""

import contextlib
import select
import socket
import subprocess
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from probes.net.source import Source
from tests.probes.namespaces import Namespace, namespace

PORT = 8080
BACKLOG = 4096
ANY = IPv4Address("0.0.0.0")

_HOST = (
    "-n {host} link set lo up",
    "-n {host} link add up0 type veth peer name down{number} netns {router}",
    "-n {host} address add 198.18.{number}.2/24 dev up0",
    "-n {host} link set up0 up",
    "-n {host} route add local 10.{number}.0.0/16 dev lo",
    "-n {router} address add 198.18.{number}.1/24 dev down{number}",
    "-n {router} link set down{number} up",
    "-n {router} route add 10.{number}.0.0/16 via 198.18.{number}.2",
    "-n {host} route add default via 198.18.{number}.1",
)


@dataclass(frozen=True, slots=True)
class Host:
    """One host; ``number`` says which addresses it has."""

    number: int
    namespace: Namespace
    router: Namespace

    def socket(self, kind: socket.SocketKind) -> socket.socket:
        """A non-blocking IPv4 socket in here."""
        return socket.socket(fileno=Source(namespace=self.namespace.name).socket(ANY, kind).detach())

    def endpoints(self, count: int) -> list[str]:
        """So many places at which it answers."""
        return [f"10.{self.number}.{n // 250}.{n % 250 + 1}:{PORT}" for n in range(count)]

    @contextlib.contextmanager
    def link_down(self) -> Iterator[None]:
        """Its uplink is down, and the default route with it: what is sent fails at once."""
        _run(self.namespace, "ip", "link", "set", "up0", "down")
        try:
            yield
        finally:
            _run(self.namespace, "ip", "link", "set", "up0", "up")
            _run(self.namespace, "ip", "route", "add", "default", "via", f"198.18.{self.number}.1")

    @contextlib.contextmanager
    def dropped(self) -> Iterator[None]:
        """Nothing that comes in over its uplink is seen, without a word."""
        with _rule(self.namespace, "input", 'iifname "up0" drop'):
            yield

    @contextlib.contextmanager
    def stranded(self) -> Iterator[None]:
        """Its router tells it of everything that it cannot be reached."""
        rule = f'iifname "down{self.number}" reject with icmp type net-unreachable'
        with _rule(self.router, "forward", rule):
            yield

    @contextlib.contextmanager
    def cut_off_from(self, *addresses: str) -> Iterator[None]:
        """What it sends to these addresses is lost."""
        listed = ", ".join(addresses)
        with _rule(self.router, "forward", f'iifname "down{self.number}" ip daddr {{ {listed} }} drop'):
            yield


Cut = Callable[[Host], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def _rule(where: Namespace, hook: str, rule: str) -> Iterator[None]:
    table = f"cut{time.monotonic_ns()}"
    chain = f"add chain inet {table} cut {{ type filter hook {hook} priority 0 ; }}"
    _run(where, "nft", f"add table inet {table} ; {chain} ; add rule inet {table} cut {rule}")
    try:
        yield
    finally:
        _run(where, "nft", f"delete table inet {table}")


@contextlib.contextmanager
def lab(count: int) -> Iterator[list[Host]]:
    """So many hosts around one router. Skips the test where there cannot be any."""
    with contextlib.ExitStack() as stack:
        router = stack.enter_context(namespace())
        router.write("ipv4/ip_forward", "1")
        router.write("ipv4/icmp_ratemask", "0")  # whose bits are the types that are limited
        hosts = []
        for number in range(1, count + 1):
            host = stack.enter_context(namespace())
            for line in _HOST:
                _ip(line.format(host=host.name, router=router.name, number=number))
            hosts.append(Host(number, host, router))
        router.run("nft", "list", "ruleset")  # or skip
        yield hosts


def _run(where: Namespace, *command: str) -> None:
    """Unlike ``Namespace.run``, no reason to skip the test: all that it needs was there at its beginning."""
    subprocess.run(["ip", "netns", "exec", where.name, *command], check=True)


def _ip(arguments: str) -> None:
    done = subprocess.run(["ip", *arguments.split()], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no virtual network: ip {arguments}: {done.stderr.strip()}")


class Origin:
    """Accepts connections, and says when they came.

    Attributes:
        arrivals: monotonic seconds, in order.

    Args:
        port: to listen on.
        hosts: on all addresses of these; without any, of this machine.
    """

    def __init__(self, port: int, *hosts: Host) -> None:
        self.arrivals: list[float] = []
        self._port, self._hosts = port, hosts
        self.open()

    def open(self) -> None:
        """Listen."""
        self._listeners = {made.fileno(): made for made in self._sockets()}
        for listener in self._listeners.values():
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setblocking(False)
            listener.bind((str(ANY), self._port))
            listener.listen(BACKLOG)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Refuse connections."""
        self._stop.set()
        self._thread.join()
        for listener in self._listeners.values():
            listener.close()

    def count(self, since: float, until: float) -> int:
        """How many came in a time span."""
        return bisect_left(self.arrivals, until) - bisect_left(self.arrivals, since)

    def counts(self, since: float, until: float, width: float) -> list[int]:
        """How many came in each of the whole spans of ``width`` seconds between two moments."""
        return [self.count(since + n * width, since + (n + 1) * width) for n in range(int((until - since) / width))]

    def _sockets(self) -> list[socket.socket]:
        return [host.socket(socket.SOCK_STREAM) for host in self._hosts] or [socket.socket()]

    def _serve(self) -> None:
        poll = select.poll()
        for number in self._listeners:
            poll.register(number, select.POLLIN)
        while not self._stop.is_set():
            for number, _ in poll.poll(50):
                self._accept(self._listeners[number])

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(BACKLOG):
                listener.accept()[0].close()
                self.arrivals.append(time.monotonic())


@contextlib.contextmanager
def origin(*hosts: Host, port: int = PORT) -> Iterator[Origin]:
    """One that listens while the context lasts."""
    made = Origin(port, *hosts)
    try:
        yield made
    finally:
        made.close()

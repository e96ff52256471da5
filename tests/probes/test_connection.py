"""Connections: what is written arrives, what arrives is read, however much and in whatever order."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from threading import Event

import pytest
from structlog.testing import capture_logs

from gslb.model.observation import Cause
from probes.http import Http, Https
from probes.net import connection as module
from probes.net.connection import CHUNK, BrokenError, Connection
from probes.net.reactor import ENDED, READABLE, WRITABLE, Reactor
from probes.net.source import DIRECT
from tests.probes.attempts import attempt, networking
from tests.probes.certificates import Authority
from tests.probes.listening import endless, gone, head_of, listening, octets_of, reset, speaks
from tests.probes.servers import DEADLINE, HOST, open_files, refusing
from tests.waiting import until

MUCH = 8 * 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Recorder:
    """A user that remembers, and does what it is told to."""

    def __init__(
        self, on_connected: Callable[[], object] = lambda: None, on_received: Callable[[], object] = lambda: None
    ) -> None:
        self.on_connected, self.on_received = on_connected, on_received
        self.calls: list[str] = []
        self.octets = 0
        self.error: Exception | None = None

    def connected(self) -> None:
        self.calls.append("connected")
        self.on_connected()

    def received(self, data: bytes) -> None:
        assert data
        self.octets += len(data)
        self.on_received()

    def lost(self, error: Exception | None) -> None:
        self.calls.append("lost")
        self.error = error


@asynccontextmanager
async def connected(user: Recorder) -> AsyncIterator[tuple[Connection, socket.socket]]:
    """A connection and its other side, which does nothing by itself."""
    with socket.create_server((HOST, 0)) as listener, networking() as network:
        connection = network.connect(ip_address(HOST), listener.getsockname()[1], user)
        other, _ = listener.accept()
        with other:
            other.setblocking(False)
            await until(lambda: user.calls)
            yield connection, other
            connection.abort()


def drained(sock: socket.socket) -> int:
    """How many octets were there to be read."""
    number = 0
    with suppress(BlockingIOError):
        while octets := sock.recv(CHUNK):
            number += len(octets)
    return number


async def test_an_edge_that_says_both_readable_and_writable_serves_both() -> None:
    """Each is told once: the rest of a request would never be sent, or the beginning of an answer never be read."""
    user = Recorder()
    async with connected(user) as (connection, other):
        connection.write(b"x" * MUCH)
        assert connection._unsent
        await asyncio.sleep(0)
        taken = [drained(other), drained(other)]
        other.send(b"x")
        await until(lambda: user.octets == 1)

        def all_taken() -> bool:
            taken.append(drained(other))
            return sum(taken) == MUCH

        await until(all_taken)
        assert not connection._unsent


async def test_one_connection_is_read_in_turns_and_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 1024)
    monkeypatch.setattr(module, "READS", 2)
    order: list[str] = []
    user = Recorder(on_received=lambda: order.append("read"))
    async with connected(user) as (connection, other):
        connection._reactor.at(0.0, lambda: order.append("timer"))
        other.send(b"x" * 10 * 1024)
        await until(lambda: user.octets == 10 * 1024)
        other.send(b"x" * 10 * 1024)
        other.close()
        await until(lambda: "lost" in user.calls)
    assert (user.octets, user.error, order.count("read")) == (20 * 1024, None, 20)
    assert order.index("timer") <= 2


async def test_a_connection_that_is_aborted_between_two_turns_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 1024)
    monkeypatch.setattr(module, "READS", 2)
    called: list[int] = []
    user = Recorder(on_received=lambda: connection._reactor.at(0.0, connection.abort))
    async with connected(user) as (connection, other):
        other.send(b"x" * 10 * 1024)
        await until(lambda: not connection.open)
        connection._reactor.at(0.0, lambda: called.append(1))
        await until(lambda: called)
    assert user.octets == 2 * 1024


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_a_body_of_the_largest_size_reaches_a_slow_reader(secure: bool, authority: Authority) -> None:  # noqa: FBT001
    bodies: list[bytes] = []
    body = "".join(f"{number:8}" for number in range(8192))

    def script(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head_of(connection)
        bodies.append(b"".join(octets_of(connection, 64) for _ in range(1024)))
        connection.sendall(OK)

    with listening(script, authority.server() if secure else None) as target:
        options = {"method": "POST", "body": body}
        probe = Https.model_validate(options | {"tls": authority.trust}) if secure else Http.model_validate(options)
        seen = await attempt(probe, target)
    assert seen.ok, seen
    assert bodies == [body.encode()]


async def test_much_that_comes_at_once_is_read_to_the_end() -> None:
    with listening(speaks(b"x" * MUCH)) as target, networking() as network:
        user = Recorder()
        network.connect(target.ip, target.port, user)
        await until(lambda: user.calls == ["connected", "lost"])
    assert (user.octets, user.error) == (MUCH, None)


async def test_a_flood_starves_neither_timers_nor_other_connections() -> None:
    called: list[int] = []
    with listening(endless(b"x" * 65536)) as target, networking() as network:
        floods = [Recorder() for _ in range(3)]
        connections = [network.connect(target.ip, target.port, user) for user in floods]
        await until(lambda: all(user.octets > MUCH for user in floods))
        network.reactor.at(0.0, lambda: called.append(1))
        await until(lambda: called)
        for connection in connections:
            connection.abort()
        assert not network.reactor._handlers


async def test_aborting_at_any_time_is_the_last_that_the_user_hears() -> None:
    with listening(speaks(b"x" * 4096, then=gone)) as target, networking() as network:
        on_connected = Recorder(lambda: connections[0].abort())  # noqa: PLW0108  not there yet
        on_received = Recorder(on_received=lambda: connections[1].abort())  # noqa: PLW0108  likewise
        at_once = Recorder()
        connections = [network.connect(target.ip, target.port, user) for user in (on_connected, on_received, at_once)]
        connections[2].abort()
        await until(lambda: not network.reactor._handlers)
        for connection in connections:
            connection.abort()
            connection.write(b"into the void")
            assert not connection.open
    assert (on_connected.calls, on_connected.octets) == (["connected"], 0)
    assert (on_received.calls, on_received.octets > 0) == (["connected"], True)
    assert (at_once.calls, at_once.octets) == ([], 0)


async def test_events_that_tell_nothing_change_nothing() -> None:
    with listening(speaks(b"x", then=gone)) as target, networking() as network:
        user = Recorder()
        connection = network.connect(target.ip, target.port, user)
        for events in (0, ENDED, READABLE):
            connection.ready(events & ~WRITABLE)
        assert user.calls == []
        await until(lambda: user.octets)
        connection.ready(READABLE | WRITABLE)
        connection.abort()
    assert (user.calls, user.octets) == (["connected"], 1)


async def test_what_the_kernel_does_not_take_at_all_is_kept() -> None:
    read_on = Event()

    def script(connection: socket.socket) -> None:
        read_on.wait(DEADLINE)
        taken.append(len(octets_of(connection, MUCH)))

    taken: list[int] = []
    with listening(script) as target, networking() as network:
        user = Recorder(lambda: connection.write(b"x" * MUCH))
        connection = network.connect(target.ip, target.port, user)
        await until(lambda: user.calls)
        connection.ready(WRITABLE)
        connection.ready(WRITABLE)
        read_on.set()
        await until(lambda: "lost" in user.calls)
    assert taken == [MUCH]


async def test_a_write_that_fails_is_told_as_an_event_and_after_what_has_come_in() -> None:
    sent = Event()
    connections: list[Connection] = []

    def script(connection: socket.socket) -> None:
        connection.sendall(b"bye")
        reset(connection)
        sent.set()

    def write_too_late() -> None:
        sent.wait(DEADLINE)
        connections[0].write(b"x")
        connections[0].write(b"y")
        assert user.calls == ["connected"]

    with listening(script) as target, networking() as network:
        user = Recorder(write_too_late)
        connections.append(network.connect(target.ip, target.port, user))
        await until(lambda: "lost" in user.calls)
        assert not network.reactor._handlers
    assert user.octets == 3
    assert isinstance(user.error, OSError)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_a_user_that_raises_loses_its_connection_and_nothing_else(secure: bool, authority: Authority) -> None:  # noqa: FBT001
    def boom() -> None:
        raise RuntimeError("boom")

    context = ssl.create_default_context()
    authority.ca.configure_trust(context)
    with listening(speaks(b"x", then=gone), authority.server() if secure else None) as target, networking() as network:
        for user in (Recorder(boom), Recorder(on_received=boom)):
            with capture_logs() as logs:
                if secure:
                    network.secure(target.ip, target.port, user, context, "gslb.test")
                else:
                    network.connect(target.ip, target.port, user)
                await until(lambda user=user: user.error)  # type: ignore[misc]
            assert isinstance(user.error, BrokenError)
            assert str(user.error) == "probe raised RuntimeError('boom')"
            assert [entry["event"] for entry in logs] == ["probe raised"]
        assert not network.reactor._handlers


async def test_a_user_that_raises_even_when_told_is_left_alone() -> None:
    class Broken(Recorder):
        def lost(self, error: Exception | None) -> None:
            super().lost(error)
            raise RuntimeError("again")

    with refusing() as target, networking() as network, capture_logs() as logs:
        user = Broken()
        network.connect(target.ip, target.port, user)
        await until(lambda: user.calls)
        assert not network.reactor._handlers
    assert [entry["event"] for entry in logs] == ["probe raised"]


async def test_a_connection_that_cannot_be_tried_leaves_nothing_open() -> None:
    reactor = Reactor()
    before = open_files()
    for _ in range(3):
        with pytest.raises(OSError, match="Network is unreachable"):
            Connection(reactor, DIRECT, ip_address("224.0.0.1"), 9, Recorder())
    assert open_files() == before
    assert not reactor._handlers
    reactor.close()


async def test_writing_before_the_tls_handshake_is_over_is_told_as_an_error() -> None:
    with listening(gone) as target, networking() as network:
        user = Recorder()
        connection = network.secure(target.ip, target.port, user, ssl.create_default_context(), "gslb.test")
        connection.write(b"far too early")
        await until(lambda: connection.connect_time is not None)
        connection.write(b"too early")
        assert not user.calls
        await until(lambda: user.calls)
        connection.write(b"too late")
    assert user.calls == ["lost"]
    assert isinstance(user.error, ssl.SSLError)


async def test_tls_data_that_comes_with_the_end_of_the_handshake_is_read(authority: Authority) -> None:
    context = ssl.create_default_context()
    authority.ca.configure_trust(context)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with (
            listening(speaks(b"x" * 100_000), authority.server(version=version)) as target,
            networking() as network,
        ):
            user = Recorder()
            connection = network.secure(target.ip, target.port, user, context, "gslb.test.")
            assert (connection.certificate, connection.session, connection.resumed, connection.protocol) == (
                (None, None, False, None)
            )
            await until(lambda user=user: "lost" in user.calls)  # type: ignore[misc]
        assert (user.octets, user.error) == (100_000, None)


async def test_the_server_is_told_why_its_certificate_is_refused(authority: Authority) -> None:
    reasons: list[str] = []

    def script(connection: socket.socket) -> None:
        try:
            authority.server().wrap_socket(connection, server_side=True).recv(1)
        except ssl.SSLError as error:
            reasons.append(error.reason)

    with listening(script) as target:
        seen = await attempt(Https(), target)
    assert seen.cause is Cause.CERTIFICATE
    assert reasons == ["TLSV1_ALERT_UNKNOWN_CA"]


async def test_a_server_that_ends_tls_in_order_has_ended_the_connection(authority: Authority) -> None:
    context = ssl.create_default_context()
    authority.ca.configure_trust(context)

    def script(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        connection.sendall(b"bye")
        connection.unwrap()

    with listening(script, authority.server()) as target, networking() as network:
        user = Recorder()
        network.secure(target.ip, target.port, user, context, "gslb.test")
        await until(lambda: "lost" in user.calls)
    assert (user.octets, user.error) == (3, None)


async def test_broken_tls_after_the_handshake_is_an_error_and_after_an_abort_it_is_none(authority: Authority) -> None:
    context = ssl.create_default_context()
    authority.ca.configure_trust(context)

    def script(connection: socket.socket) -> None:
        secure = authority.server().wrap_socket(connection, server_side=True)
        secure.sendall(b"x")
        plain = socket.socket(fileno=secure.detach())
        plain.sendall(b"no TLS at all")
        gone(plain)
        plain.close()

    with listening(script) as target, networking() as network:
        hears = Recorder()
        network.secure(target.ip, target.port, hears, context, "gslb.test")
        await until(lambda: "lost" in hears.calls)
        assert isinstance(hears.error, ssl.SSLError)
        leaves = Recorder(on_received=lambda: connection.abort())  # noqa: PLW0108  not there yet
        connection = network.secure(target.ip, target.port, leaves, context, "gslb.test")
        await until(lambda: not connection.open)
    assert leaves.calls == ["connected"]

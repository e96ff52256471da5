"""icmp: up when the address answers an echo request."""

import asyncio
import contextlib
import ctypes
import errno
import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest
from pydantic import ValidationError

from gslb.model.observation import Cause, Observation, Timing
from probes.base import Target
from probes.icmp import MAX_SIZE, Icmp, _open
from probes.net.network import Network
from probes.net.source import DIRECT, Source
from tests.probes.attempts import attempt, attempt_of, networking
from tests.probes.namespaces import BLACKHOLE, PROHIBITED, ROUTER, UNREACHABLE, Namespace, host_behind_router, namespace
from tests.probes.servers import BRIEF, DEADLINE, open_files

LOOPBACK = ("127.0.0.1", "::1")
ALLOW, REFUSE = "0 2147483647", "1 0"
EVERYBODY = "ipv4/ping_group_range"
NET_RAW, SYS_ADMIN = 13, 21
_CAPABILITIES_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


def at(ip: object, port: int = 9) -> Target:
    return Target(ip_address(str(ip)), port, f"host:{port}")


def obstacle(source: Source = DIRECT) -> str | None:
    """Why no echo request can be sent from ``source``; None if nothing is in the way."""
    try:
        _open(source, ip_address(LOOPBACK[0])).close()
    except OSError as error:
        return error.strerror
    return None


@pytest.fixture
def may_ping() -> None:
    if why := obstacle():
        pytest.skip(why)
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return
    pytest.skip("there is no IPv6 on loopback")


@contextlib.contextmanager
def without(capability: int) -> Iterator[None]:
    """This thread without one of root's capabilities (capabilities(7))."""
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0), (ctypes.c_uint32 * 6)()
    assert _libc.capget(header, data) == 0
    former = data[0]
    data[0] = former & ~(1 << capability)
    assert _libc.capset(header, data) == 0
    try:
        yield
    finally:
        data[0] = former
        assert _libc.capset(header, data) == 0


@pytest.fixture(scope="module")
def behind_router() -> Iterator[Namespace]:
    with host_behind_router() as made:
        yield made


@pytest.fixture(params=[socket.SOCK_DGRAM, socket.SOCK_RAW], ids=["datagram", "raw"])
def host(request: pytest.FixtureRequest, behind_router: Namespace) -> Iterator[Namespace]:
    """A host behind a router, which grants one kind of socket only."""
    with _granting(request.param, behind_router):
        yield behind_router


@contextlib.contextmanager
def _granting(kind: socket.SocketKind, made: Namespace) -> Iterator[None]:
    made.write(EVERYBODY, ALLOW if kind is socket.SOCK_DGRAM else REFUSE)
    with without(NET_RAW) if kind is socket.SOCK_DGRAM else contextlib.nullcontext():
        yield


async def ping(inside: Namespace, ip: object, timeout: float = DEADLINE, size: int = 32) -> Observation:  # noqa: ASYNC109  the probe's
    with networking() as network:
        there = Network(network.reactor, Source(namespace=inside.name))
        return await attempt(Icmp(size=size), at(ip), timeout, there)


@pytest.mark.usefixtures("may_ping")
@pytest.mark.parametrize("size", [0, 1, 32, MAX_SIZE])
@pytest.mark.parametrize("ip", LOOPBACK)
async def test_an_address_that_answers_is_up(ip: str, size: int) -> None:
    seen = await attempt(Icmp(size=size), at(ip), DEADLINE)
    assert (seen.ok, seen.cause) == (True, None)
    assert 0 < seen.latency < DEADLINE
    assert seen.timing == Timing(first_byte=seen.latency)


@pytest.mark.usefixtures("may_ping")
async def test_the_port_does_not_matter() -> None:
    assert (await attempt(Icmp(), at("127.0.0.1", 1), DEADLINE)).ok
    assert (await attempt(Icmp(), at("127.0.0.1", 65535), DEADLINE)).ok


@pytest.mark.usefixtures("may_ping")
async def test_attempts_at_the_same_time_get_a_reply_each_and_leave_nothing_behind() -> None:
    with networking() as network:
        before = open_files()
        session = Icmp().session(at("127.0.0.1"), network)
        seen = await asyncio.gather(*(attempt_of(session, network, DEADLINE) for _ in range(20)))
        session.close()
        assert all(one.ok for one in seen)
        assert open_files() == before


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1, "32"])
def test_a_size_out_of_bounds_is_refused(size: object) -> None:
    with pytest.raises(ValidationError):
        Icmp.model_validate({"size": size})


@pytest.mark.parametrize("ip", ROUTER)
async def test_either_kind_of_socket_gets_the_reply(host: Namespace, ip: object) -> None:
    assert (await ping(host, ip)).ok


@pytest.mark.parametrize("ip", ROUTER)
async def test_the_source_address_of_a_vantage_point_is_used(host: Namespace, ip: object) -> None:
    own = {4: "198.18.0.2", 6: "2001:db8::2"}[ip_address(str(ip)).version]
    with networking() as network:
        source = Source(namespace=host.name, **{f"v{ip_address(own).version}": ip_address(own)})  # type: ignore[arg-type]
        seen = await attempt(Icmp(), at(ip), DEADLINE, Network(network.reactor, source))
    assert seen.ok


@pytest.mark.parametrize("ip", BLACKHOLE)
async def test_an_address_that_stays_silent_is_a_time_out(host: Namespace, ip: object) -> None:
    before = open_files()
    seen = await ping(host, ip, BRIEF)
    assert (seen.ok, seen.cause, seen.detail) == (False, Cause.TIMEOUT, "no reply in time")
    assert BRIEF * 0.9 <= seen.latency < DEADLINE
    assert open_files() == before


@pytest.mark.parametrize("ip", [*UNREACHABLE, PROHIBITED[1]])
async def test_an_error_of_a_router_is_told_with_its_address(host: Namespace, ip: object) -> None:
    before = open_files()
    seen = await ping(host, ip)
    assert (seen.ok, seen.cause) == (False, Cause.UNREACHABLE)
    assert seen.detail.endswith(f", says {ROUTER[ip_address(str(ip)).version == 6]}")
    assert open_files() == before


async def test_an_address_without_a_route_cannot_be_tried() -> None:
    with namespace() as lonely:
        lonely.write(EVERYBODY, ALLOW)
        before = open_files()
        seen = await ping(lonely, "192.0.2.1")
        assert (seen.ok, seen.cause) == (False, Cause.UNREACHABLE)
        assert open_files() == before


@pytest.mark.parametrize("ip", LOOPBACK)
async def test_a_prober_that_may_not_ping_says_what_it_lacks(ip: str) -> None:
    with namespace() as strict, without(NET_RAW):
        strict.write(EVERYBODY, REFUSE)
        source, group = Source(namespace=strict.name), os.getegid()
        seen = await ping(strict, ip)
        assert (seen.ok, seen.cause) == (False, Cause.LOCAL)
        assert f"group {group} is not in the sysctl net.ipv4.ping_group_range" in seen.detail
        assert "CAP_NET_RAW" in seen.detail
        assert obstacle(source) == seen.detail
        strict.write(EVERYBODY, f"{group} {group}")
        assert obstacle(source) is None


def test_a_namespace_that_must_not_be_entered_is_not_taken_for_a_lack_of_sockets() -> None:
    with namespace() as closed, without(SYS_ADMIN):
        why = obstacle(Source(namespace=closed.name))
    assert why is not None
    assert os.strerror(errno.EPERM) in why
    assert "ping_group_range" not in why


# What follows takes the kernel's place: a namespace whose kernel does not answer echo requests, so that a test can.

Reply = Callable[[bytes, bytes], list[bytes]]
"""Takes the ICMP message of a request, and the whole packet; returns ICMP messages."""
V4, V6 = (ip_address(ip) for ip in LOOPBACK)


class Echo:
    """Answers the requests to one address of a namespace by a script."""

    def __init__(self, inside: Namespace, ip: str, reply: Reply) -> None:
        self.ip, self.reply, self.requests = ip_address(ip), reply, 0
        protocol = socket.IPPROTO_ICMP if self.ip == V4 else socket.IPPROTO_ICMPV6
        self.socket = Source(namespace=inside.name).socket(self.ip, socket.SOCK_RAW, protocol)
        self.socket.bind((ip, 0))

    def answer(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self.socket.recv(4096)
                message = packet[20:] if self.ip == V4 else packet
                if message[0] == (8 if self.ip == V4 else 128):
                    self.requests += 1
                    self.send(message, packet if self.ip == V4 else _in_ipv6(message))

    def send(self, message: bytes, packet: bytes) -> None:
        for reply in self.reply(message, packet):
            self.socket.sendto(reply if self.ip == V6 else _summed(reply), (str(self.ip), 0))


def _in_ipv6(message: bytes) -> bytes:
    return struct.pack("!IHBB16s16s", 6 << 28, len(message), socket.IPPROTO_ICMPV6, 64, V6.packed, V6.packed) + message


def _summed(message: bytes) -> bytes:
    bare = message[:2] + b"\0\0" + message[4:]
    total = sum(struct.unpack(f"!{len(bare) // 2}H", bare))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return bare[:2] + struct.pack("!H", total ^ 0xFFFF) + bare[4:]


@contextlib.contextmanager
def quiet(ip: str, kind: socket.SocketKind, reply: Reply) -> Iterator[tuple[Network, Echo]]:
    """A namespace that grants one kind of socket, and where ``reply`` answers at ``ip``."""
    with namespace() as made, networking() as network:
        up(made)
        echo = Echo(made, ip, reply)
        with contextlib.closing(echo.socket), _granting(kind, made):
            loop = asyncio.get_running_loop()
            loop.add_reader(echo.socket.fileno(), echo.answer)
            yield Network(network.reactor, Source(namespace=made.name)), echo
            loop.remove_reader(echo.socket.fileno())


def up(made: Namespace) -> None:
    made.run("ip", "link", "set", "lo", "up")
    made.write("ipv4/icmp_echo_ignore_all", "1")
    made.write("ipv6/icmp/echo_ignore_all", "1")


def answered(message: bytes) -> bytes:
    return bytes([0 if message[0] == 8 else 129]) + message[1:]


either_address = pytest.mark.parametrize("ip", LOOPBACK)
either_kind = pytest.mark.parametrize(
    "kind", [pytest.param(socket.SOCK_DGRAM, id="datagram"), pytest.param(socket.SOCK_RAW, id="raw")]
)


@either_kind
@either_address
async def test_replies_to_others_and_forged_ones_are_ignored(ip: str, kind: socket.SocketKind) -> None:
    def confuse(message: bytes, _: bytes) -> list[bytes]:
        other_sequence = message[:6] + bytes([message[6] ^ 1]) + message[7:]
        other_identifier = message[:4] + bytes([message[4] ^ 1]) + message[5:]
        other_payload = message[:-2] + bytes([message[-2] ^ 1]) + message[-1:]
        return [answered(one) for one in (other_sequence, other_identifier, other_payload, message[:8])]

    with quiet(ip, kind, confuse) as (network, echo):
        session = Icmp().session(at(ip), network)
        seen = await attempt_of(session, network, 10 * BRIEF)
        assert (seen.ok, seen.cause) == (False, Cause.TIMEOUT)
        echo.reply = lambda message, packet: [*confuse(message, packet), answered(message)]
        assert (await attempt_of(session, network, DEADLINE)).ok
        assert echo.requests == 2


def unreachable(packet: bytes) -> bytes:
    """Code 1: no such host, or administratively prohibited."""
    return bytes([3 if packet[0] >> 4 == 4 else 1, 1, 0, 0]) + bytes(4) + packet[:64]


def too_big(packet: bytes) -> bytes:
    if packet[0] >> 4 == 4:
        return bytes([3, 4, 0, 0]) + struct.pack("!HH", 0, 1300) + packet[:64]
    return bytes([2, 0, 0, 0]) + struct.pack("!I", 1300) + packet[:64]


def _of_another(packet: bytes) -> bytes:
    """The same request, were it another program's."""
    at = 26 if packet[0] >> 4 == 4 else 46
    return packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :]


@either_kind
@either_address
async def test_an_error_about_the_request_ends_the_attempt(ip: str, kind: socket.SocketKind) -> None:
    with quiet(ip, kind, lambda _, packet: [unreachable(packet)]) as (network, _):
        seen = await attempt(Icmp(), at(ip), DEADLINE, network)
    assert (seen.ok, seen.cause) == (False, Cause.UNREACHABLE)
    assert seen.detail.endswith(f", says {ip}")


@either_kind
@either_address
async def test_an_error_about_a_request_of_others_is_none_of_ours(ip: str, kind: socket.SocketKind) -> None:
    def script(message: bytes, packet: bytes) -> list[bytes]:
        return [unreachable(_of_another(packet)), answered(message)]

    with quiet(ip, kind, script) as (network, _):
        assert (await attempt(Icmp(), at(ip), DEADLINE, network)).ok


@either_kind
@either_address
async def test_a_request_that_was_too_big_for_the_path_goes_out_once_more(ip: str, kind: socket.SocketKind) -> None:
    with quiet(ip, kind, lambda _, packet: [too_big(packet)]) as (network, echo):
        session = Icmp(size=MAX_SIZE).session(at(ip), network)
        seen = await attempt_of(session, network, DEADLINE)
        assert (seen.ok, seen.cause) == (False, Cause.UNREACHABLE)
        assert seen.detail == f"{os.strerror(errno.EMSGSIZE)}, says {ip}"
        assert echo.requests == 2
        echo.reply = lambda message, packet: [answered(message) if echo.requests == 4 else too_big(packet)]
        assert (await attempt_of(session, network, DEADLINE)).ok


@either_kind
async def test_spurious_events_change_nothing(kind: socket.SocketKind) -> None:
    outcome: asyncio.Future[Observation] = asyncio.get_running_loop().create_future()
    with quiet("127.0.0.1", kind, lambda message, _: [answered(message)]) as (network, _):
        under_way = Icmp().session(at("127.0.0.1"), network).start(DEADLINE, outcome.set_result)
        under_way.ready(select.EPOLLERR)
        under_way.ready(select.EPOLLIN)
        async with asyncio.timeout(DEADLINE):
            assert (await outcome).ok

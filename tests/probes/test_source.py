"""Where probes come from: a source address, a network namespace, or as the routing table says."""

import os
import socket
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest

from gslb.model.observation import Cause, Observation
from probes.base import Probe, Target
from probes.http import Http
from probes.net import source as module
from probes.net.network import Network
from probes.net.source import DIRECT, Source
from probes.tcp import Tcp
from probes.tls import Tls
from tests.probes.attempts import attempt, networking
from tests.probes.listening import heard, listening
from tests.probes.namespaces import namespace
from tests.probes.servers import HOST, open_files

OWN = Path("/proc/thread-self/ns/net")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def own_namespace() -> Path:
    return OWN.readlink()


async def probe(source: Source, kind: Probe, target: Target) -> Observation:
    with networking() as plain:
        seen = await attempt(kind, target, network=Network(plain.reactor, source))
        assert not plain.reactor._handlers
        return seen


async def peers(source: Source, host: str = HOST) -> list[Any]:
    """The addresses that a server sees."""
    seen: list[Any] = []

    def script(connection: socket.socket) -> None:
        seen.append(connection.getpeername()[0])
        heard(OK)(connection)

    with listening(script, host=host) as target:
        assert (await probe(source, Http(), target)).ok
    return seen


async def test_the_server_sees_the_source_address() -> None:
    assert await peers(DIRECT) == [HOST]
    assert await peers(Source(v4=IPv4Address("127.0.0.2"))) == ["127.0.0.2"]


async def test_the_server_sees_the_source_address_over_ipv6() -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("no IPv6 on this machine")
    assert await peers(DIRECT, "::1") == ["::1"]
    assert await peers(Source(v6=IPv6Address("::1")), "::1") == ["::1"]
    assert await peers(Source(v4=IPv4Address("127.0.0.2")), "::1") == ["::1"]


def test_each_family_has_its_own_source_address() -> None:
    source = Source(IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1"))
    assert source.address(ip_address("203.0.113.1")) == IPv4Address("192.0.2.1")
    assert source.address(ip_address("2001:db8::2")) == IPv6Address("2001:db8::1")
    assert DIRECT.address(ip_address("2001:db8::2")) is None


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_sockets_do_not_block_and_are_not_inherited(kind: socket.SocketKind) -> None:
    with closing(Source(v4=IPv4Address("127.0.0.2")).socket(ip_address(HOST), kind)) as made:
        assert made.gettimeout() == 0.0
        assert not os.get_inheritable(made.fileno())
        assert made.getsockname()[0] == "127.0.0.2"


@pytest.mark.parametrize("kind", [Tcp(), Http(), Tls()], ids=["tcp", "http", "tls"])
async def test_an_address_of_another_machine_is_the_probers_own_trouble(kind: Probe) -> None:
    before = open_files()
    target = Target(ip_address(HOST), 9, "gslb.test:9")
    seen = await probe(Source(v4=IPv4Address("203.0.113.7")), kind, target)
    assert (seen.cause, seen.detail) == (Cause.LOCAL, "source address 203.0.113.7: Cannot assign requested address")
    assert open_files() <= before


async def test_a_namespace_that_does_not_exist_is_the_probers_own_trouble() -> None:
    before, own = open_files(), own_namespace()
    target = Target(ip_address(HOST), 9, "gslb.test:9")
    seen = await probe(Source(namespace="gslb-nowhere"), Tcp(), target)
    assert (seen.cause, seen.detail) == (Cause.LOCAL, "network namespace gslb-nowhere: No such file or directory")
    assert (open_files() <= before, own_namespace()) == (True, own)


async def test_a_leftover_file_is_no_namespace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As ``ip netns`` leaves them behind where a machine is restarted without clearing /run."""
    monkeypatch.setattr(module, "NAMESPACES", tmp_path)
    (tmp_path / "leftover").touch()
    before, own = open_files(), own_namespace()
    seen = await probe(Source(namespace="leftover"), Tcp(), Target(ip_address(HOST), 9, "gslb.test:9"))
    assert seen.cause is Cause.LOCAL
    assert seen.detail.startswith("network namespace leftover: ")
    assert (open_files() <= before, own_namespace()) == (True, own)


async def test_whoever_may_not_enter_a_namespace_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A namespace of another kind cannot be entered as one of networks, whoever tries."""
    monkeypatch.setattr(module, "NAMESPACES", tmp_path)
    (tmp_path / "other").symlink_to("/proc/self/ns/uts")
    own = own_namespace()
    seen = await probe(Source(namespace="other"), Tcp(), Target(ip_address(HOST), 9, "gslb.test:9"))
    assert seen.cause is Cause.LOCAL
    assert own_namespace() == own


async def test_a_probe_from_a_namespace_reaches_what_is_in_it_and_nothing_else() -> None:
    before, own = open_files(), own_namespace()
    with namespace() as made, listening(heard(OK)) as outside:
        made.run("ip", "link", "set", "lo", "up")
        source = Source(namespace=made.name)
        with closing(source.socket(ip_address(HOST), socket.SOCK_STREAM)) as listener:
            listener.bind((HOST, 0))
            listener.listen()
            inside = replace(outside, port=listener.getsockname()[1])
            assert (await probe(source, Tcp(), inside)).ok
            assert (await probe(DIRECT, Tcp(), inside)).cause is Cause.REFUSED
            assert (await probe(source, Tcp(), outside)).cause is Cause.REFUSED
            assert (await probe(replace(source, v4=IPv4Address("127.0.0.2")), Tcp(), inside)).ok
            foreign = await probe(replace(source, v4=IPv4Address("203.0.113.7")), Tcp(), inside)
            assert foreign.cause is Cause.LOCAL
        assert (await probe(DIRECT, Http(), outside)).ok
    assert own_namespace() == own
    assert open_files() <= before


def test_this_thread_is_back_where_it_was_even_if_no_socket_can_be_made() -> None:
    before, own = open_files(), own_namespace()
    with namespace() as made, pytest.raises(OSError, match="not supported"):
        Source(namespace=made.name).socket(ip_address(HOST), socket.SOCK_SEQPACKET)
    assert own_namespace() == own
    assert open_files() <= before

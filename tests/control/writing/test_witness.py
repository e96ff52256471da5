"""Servers of a zone are asked over the network whether they answer by what was written."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import NamedTuple

import dns.message
import dns.rcode
import pytest

from gslb.control.writing import witness
from gslb.control.writing.witness import DnsWitness, Expected
from gslb.model.address import IP, Address
from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, marker_name
from gslb.model.steering import RecordType
from tests.control.writing.authorities import Authority, Zone, serving

NAME, ANY = ServiceName("api.example.com."), ServiceName("*.example.com.")
HERE, THERE = "127.0.0.21", "127.0.0.22"
PLACES: dict[str, IP] = {"ns1.example.com.": ip_address(HERE), "ns2.example.com.": ip_address(THERE)}
NS1, NS2 = PLACES
A, AAAA, CNAME = RecordType.A, RecordType.AAAA, RecordType.CNAME


async def known(name: str) -> IP | None:
    return PLACES.get(f"{name}.")


def zone(generation: int, *values: str, service: ServiceName = NAME, asked: str = "", owner: str = "us") -> Zone:
    """A marker, and addresses; of a wildcard at the name that is asked for."""
    marker = Marker(service, owner, 1, generation).record(300).values
    found = {(marker_name(service), "TXT"): marker}
    v4, v6 = [v for v in values if ":" not in v], [v for v in values if ":" in v]
    return found | {(asked or service, "A"): v4, (asked or service, "AAAA"): v6}


def expected(generation: int | None, *values: str, service: ServiceName = NAME) -> Expected:
    v4, v6 = (frozenset(v for v in values if (":" in v) is wanted) for wanted in (False, True))
    return Expected(service, "us", generation, {A: v4, AAAA: v6})


class Seen(NamedTuple):
    """A sighting, by the names of servers."""

    behind: dict[str, frozenset[ServiceName]]
    silent: dict[str, str]


async def look_at(looker: DnsWitness, port: int, asked: Mapping[str, Sequence[Expected]]) -> Seen:
    found = await looker.look({Address(name.removesuffix("."), port): wanted for name, wanted in asked.items()})
    behind = {f"{server.host}.": names for server, names in found.behind.items()}
    return Seen(behind, {f"{server.host}.": why for server, why in found.silent.items()})


async def look(authorities: dict[str, Authority], *wanted: Expected) -> Seen:
    async with serving(authorities) as port:
        return await look_at(DnsWitness(known), port, {NS1: wanted, NS2: wanted})


@pytest.mark.parametrize(
    ("held", "behind"),
    [
        (zone(7, "192.0.2.1"), False),
        (zone(8, "192.0.2.1"), False),
        (zone(7, "192.0.2.1", "2001:db8::1"), False),
        (zone(7), False),
        (zone(6, "192.0.2.1"), True),
        (zone(7, "192.0.2.9"), True),
        (zone(7, "192.0.2.1", "192.0.2.9"), True),
        (zone(7, "2001:db8::9"), True),
        (zone(7, "192.0.2.1", owner="them"), True),
        ({(NAME, "A"): ["192.0.2.1"]}, True),
        ({}, True),
    ],
)
async def test_a_server_has_a_change_with_its_marker_and_no_value_beyond_it(held: Zone, *, behind: bool) -> None:
    good = Authority(zone(7, "192.0.2.1"))
    seen = await look(
        {HERE: good, THERE: Authority(held)}, expected(7, "192.0.2.1", "2001:db8:0::1".replace(":0:", ":"))
    )
    assert seen.behind == ({NS2: frozenset([NAME])} if behind else {})
    assert seen.silent == {}


@pytest.mark.parametrize(("held", "behind"), [({}, False), (zone(7), True), (zone(7, owner="them"), False)])
async def test_what_is_removed_has_no_marker_of_ours(held: Zone, *, behind: bool) -> None:
    seen = await look({HERE: Authority({}), THERE: Authority(held)}, Expected(NAME, "us", None, {}))
    assert bool(seen.behind) is behind


async def test_a_wildcard_is_asked_by_one_of_its_names() -> None:
    served = Authority(zone(7, "192.0.2.9", service=ANY, asked="gslb-witness.example.com."))
    seen = await look({HERE: served, THERE: served}, expected(7, "192.0.2.1", service=ANY))
    assert seen.behind == {NS1: frozenset([ANY]), NS2: frozenset([ANY])}
    assert ("_gslbany.example.com.", "TXT", "udp") in served.questions


async def test_a_name_that_is_answered_may_be_written_in_either_case() -> None:
    marker = Marker(NAME, "us", 1, 7).record(300).values
    served = Authority({(marker_name(NAME), "TXT"): marker, (NAME, "CNAME"): ["LB.Example.NET."]})
    wanted = Expected(NAME, "us", 7, witness.allowed_values([(CNAME, "lb.example.net.")], [CNAME]))
    assert (await look({HERE: served, THERE: served}, wanted)).behind == {}


async def test_what_is_truncated_is_asked_for_over_tcp() -> None:
    served = Authority(zone(7, "192.0.2.1"), truncates=True)
    seen = await look({HERE: served, THERE: Authority(zone(7))}, expected(7, "192.0.2.1"))
    assert (seen.behind, seen.silent) == ({}, {})
    assert {transport for _, _, transport in served.questions} == {"udp", "tcp"}


@pytest.mark.parametrize(
    ("authority", "why"),
    [
        (Authority({}, rcode=dns.rcode.REFUSED), "REFUSED"),
        (Authority({}, rcode=dns.rcode.SERVFAIL), "SERVFAIL"),
        (Authority(zone(7), flags=0), "no authority"),
        (Authority({}, mute=True), "no answer"),
        (Authority({}, garbles=True), "no answer from 127.0.0.22: "),
        (None, "no answer"),
    ],
)
async def test_servers_that_do_not_answer_are_told_of_and_keep_nobody_waiting(
    authority: Authority | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "PATIENCE", 1.0)
    began = time.monotonic()
    many = [expected(7, "192.0.2.1")] + [expected(7, service=ServiceName(f"s{i}.example.com.")) for i in range(100)]
    served = {HERE: Authority(zone(7, "192.0.2.1"))} | ({THERE: authority} if authority else {})
    seen = await look(served, *many)
    assert NS1 not in seen.silent
    assert seen.behind[NS1] == {each.service for each in many[1:]}
    assert why in seen.silent[NS2]
    assert time.monotonic() - began < 6


class Lossy(Authority):
    """Loses the first so many questions for markers of one service."""

    def __init__(self, held: Zone, service: ServiceName, lost: int) -> None:
        super().__init__(held)
        self._name, self._left = marker_name(service), lost

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        if self._left and dns.message.from_wire(wire).question[0].name.to_text() == self._name:
            self._left -= 1
            return None
        return super().answer(wire, transport)


@pytest.mark.parametrize(("lost", "silent"), [(1, False), (100, True)])
async def test_what_is_lost_on_the_way_hides_nothing_of_what_else_is_answered(
    lost: int, monkeypatch: pytest.MonkeyPatch, *, silent: bool
) -> None:
    monkeypatch.setattr(witness, "PATIENCE", 1.0)
    services = [ServiceName(f"s{number}.example.com.") for number in range(20)]
    held = {key: values for it in services for key, values in zone(6, "192.0.2.1", service=it).items()}
    seen = await look(
        {HERE: Lossy(held, services[3], lost), THERE: Authority(held)}, *(expected(7, service=it) for it in services)
    )
    assert seen.behind == {NS1: frozenset(services) - ({services[3]} if silent else set()), NS2: frozenset(services)}
    assert seen.silent.keys() == ({NS1} if silent else set())


async def test_a_server_whose_name_is_not_resolved_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "PATIENCE", 0.1)

    async def slow(name: str) -> IP | None:
        if name == NS1.rstrip("."):
            await asyncio.sleep(60)
        return None

    seen = await look_at(DnsWitness(slow), 53, {NS1: [expected(7)], NS2: [expected(7)]})
    assert seen.silent == {NS1: "its name is not resolved in time", NS2: "its name has no address"}


async def test_addresses_are_looked_up_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def counting(name: str) -> IP | None:
        asked.append(name)
        return ip_address(HERE)

    served = Authority(zone(7))
    async with serving({HERE: served}) as port:
        looker = DnsWitness(counting)
        for _ in range(3):
            await look_at(looker, port, {NS1: [expected(7)]})
        assert asked == ["ns1.example.com"]
        monkeypatch.setattr(witness, "KEPT", 0.0)
        await look_at(looker, port, {NS1: [expected(7)]})
        assert asked == ["ns1.example.com"] * 2


async def test_the_systems_resolver_finds_servers() -> None:
    served = Authority(zone(7))
    async with serving({"127.0.0.1": served}) as port:
        seen = await look_at(DnsWitness(), port, {"localhost.": [expected(7)]})
    assert (seen.behind, seen.silent) == ({}, {})


async def test_servers_can_be_told_by_their_addresses() -> None:
    served = Authority(zone(6))
    async with serving({HERE: served}) as port:
        server = Address(ip_address(HERE), port)
        assert (await DnsWitness(known).look({server: [expected(7)]})).behind == {server: frozenset([NAME])}

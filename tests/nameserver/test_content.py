"""What a transfer contains: a zone's static records, and of services what can be said without steering."""

import time
from dataclasses import replace
from random import Random

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import dns.zonefile
import pytest
from hypothesis import given

from gslb.model.area import parse_area
from gslb.model.names import ServiceName
from gslb.model.steering import RecordType, Rule, Steering
from gslb.nameserver.content import RecordSet, content, service_sets
from gslb.nameserver.rrset import wire_name
from gslb.nameserver.snapshot import Record, Snapshot, Zone
from gslb.nameserver.table import compile_table
from gslb.nameserver.transfer.stream import zone_sets
from tests.nameserver.clients import steerings
from tests.nameserver.support import SNAPSHOT, STATIC, ZONES, group, parted, service

BOTH = (RecordType.A, RecordType.AAAA)
TURKEY = parse_area("TR")


def sent(snapshot: Snapshot, origin: str) -> list[RecordSet]:
    """What a transfer sends, in presentation form."""
    table = compile_table(snapshot, None, Random(1))
    return [
        RecordSet(
            dns.name.from_wire(name, 0)[0].to_text(),
            dns.rdatatype.to_text(dns.rdatatype.RdataType(rrset.type)),
            int.from_bytes(rrset.bodies[0][4:8]),
            tuple(sorted(_text(rrset.type, body[10:]) for body in rrset.bodies)),
        )
        for name, rrset in zone_sets(table, table.zones[wire_name(origin)])
    ]


def _text(type_: int, rdata: bytes) -> str:
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType(type_), rdata, 0, len(rdata)).to_text()


def of(steering: Steering) -> dict[str, tuple[str, ...]]:
    """Addresses by type."""
    return {each.type: each.rdatas for each in service_sets(steering)}


@pytest.mark.parametrize("origin", [zone.origin for zone in ZONES])
@pytest.mark.parametrize("serials", [{}, {zone.origin: 2026113001 for zone in ZONES}])
def test_a_transfer_sends_the_content_from_soa_to_soa(origin: str, serials: dict[str, int]) -> None:
    snapshot = replace(SNAPSHOT, serials=serials)
    found, wanted = sent(snapshot, origin), content(snapshot, origin)
    assert found[0] == found[-1] == wanted[0]
    assert sorted(found[:-1]) == sorted(wanted)


@given(steerings())
def test_that_holds_whatever_a_service_is(steering: Steering) -> None:
    snapshot = Snapshot(1, ZONES, (steering,))
    assert sorted(sent(snapshot, "example.com.")[:-1]) == sorted(content(snapshot, "example.com."))


def test_a_service_takes_the_place_of_static_addresses_only() -> None:
    at = [each for each in content(SNAPSHOT, "example.com.") if each.name == "api.example.com."]
    assert at == [
        RecordSet("api.example.com.", "A", 30, ("203.0.113.1", "203.0.113.2")),
        RecordSet("api.example.com.", "TXT", 300, ('"beside the service"',)),
    ]


def test_a_service_without_addresses_takes_those_beside_it_away() -> None:
    snapshot = Snapshot(1, ZONES, (service("api.example.com."), service("alias.example.com.")))
    types = {(each.name, each.type) for each in content(snapshot, "example.com.")}
    assert ("api.example.com.", "A") not in types
    assert ("alias.example.com.", "CNAME") not in types


def test_the_rule_for_everybody_counts_with_all_its_groups_whatever_they_weigh() -> None:
    rules = (
        Rule(TURKEY, (group("a", "203.0.113.1"),)),
        Rule(None, (group("b", "203.0.113.3", "203.0.113.2", weight=255), group("c", "203.0.113.2", "2001:db8::1"))),
        Rule(None, (group("d", "203.0.113.9"),)),
    )
    assert of(parted("x.example.com.", *rules)) == {"A": ("203.0.113.2", "203.0.113.3"), "AAAA": ("2001:db8::1",)}


def test_a_type_that_a_service_does_not_have_is_left_out_and_so_is_one_that_is_withheld_from_all() -> None:
    rule = Rule(None, (group("b", "203.0.113.2", "2001:db8::1"),))
    assert of(parted("x.example.com.", rule, types=(RecordType.A,))) == {"A": ("203.0.113.2",)}
    assert of(parted("x.example.com.", Rule(None, rule.groups, withheld=255))) == {
        "A": ("203.0.113.2",),
        "AAAA": ("2001:db8::1",),
    }
    assert of(parted("x.example.com.", Rule(None, rule.groups, withheld=256))) == {}


def test_a_service_is_in_the_closest_zone() -> None:
    snapshot = Snapshot(1, ZONES, (service("x.sub.example.com.", (1, ["203.0.113.1"])),))
    assert not [each for each in content(snapshot, "example.com.") if "x.sub" in each.name]
    assert [each for each in content(snapshot, "sub.example.com.") if each.name == "x.sub.example.com."]


def test_sets_are_in_canonical_order_with_one_ttl_and_each_record_once() -> None:
    records = (
        *STATIC[:3],
        Record("z.example.com.", 300, "A", "192.0.2.2"),
        Record("z.example.com.", 60, "A", "192.0.2.1"),
        Record("z.example.com.", 60, "A", "192.0.2.2"),
        Record("a.z.example.com.", 60, "TYPE1", "192.0.2.3"),
        Record("b.example.com.", 60, "A", "192.0.2.1"),
    )
    found = content(Snapshot(1, (Zone("example.com.", records),), ()), "example.com.")
    assert [each.name.removesuffix("example.com.") for each in found] == ["", "", "b.", "ns1.", "z.", "a.z."]
    assert found[0].type == "SOA"
    assert RecordSet("z.example.com.", "A", 60, ("192.0.2.1", "192.0.2.2")) in found
    assert found[-1].type == "A"


def test_there_is_no_content_of_a_zone_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        content(SNAPSHOT, "example.org.")


def test_ten_thousand_services_are_told_within_a_second() -> None:
    services = tuple(service(f"s{i}.example.com.", (1, [f"203.0.113.{i % 256}"])) for i in range(10_000))
    snapshot, began = Snapshot(1, ZONES, services), time.monotonic()
    assert len(content(snapshot, "example.com.")) > 10_000
    assert time.monotonic() - began < 5  # a slow machine; it takes a fraction of a second
    assert ServiceName("s1.example.com.") in {each.name for each in content(snapshot, "example.com.")}

"""The comparison of nameservers: what is asked, and of which zone."""

from pathlib import Path
from random import Random

import dns.zone
import pytest

from gslb.nameserver.settings import DEFAULTS
from tests.bench.dns.mixes import MIXES, NXDOMAIN, Query, mixed_case, write_queries
from tests.bench.dns.servers.all import REFERENCE, SERVERS
from tests.bench.dns.servers.gslb import snapshot
from tests.bench.dns.subnets import COUNT, UNTOLD, answer, subnets
from tests.bench.dns.zone import ELSEWHERE, GEO, HOSTS, SERVICE, ZONE, master_file

LONGEST = 63
"""Letters in a name that ``loadgen.c`` reads."""


def test_a_query_is_a_line() -> None:
    assert Query("a.test").line() == "a.test A NOERROR - -"
    query = Query("a.test", "AAAA", NXDOMAIN, ("::1", "::2"), "10.0.0.0/24")
    assert query.line() == "a.test AAAA NXDOMAIN ::1,::2 10.0.0.0/24"


def test_queries_are_written_line_by_line(tmp_path: Path) -> None:
    write_queries(tmp_path / "queries", [Query("a.test"), Query("b.test", rcode=NXDOMAIN)])
    assert (tmp_path / "queries").read_text() == "a.test A NOERROR - -\nb.test A NXDOMAIN - -\n"


@pytest.mark.parametrize("name", MIXES)
def test_a_mix_is_the_same_for_the_same_seed_and_says_what_is_right(name: str) -> None:
    queries = MIXES[name].queries(Random(1))
    assert queries == MIXES[name].queries(Random(1))
    assert all(len(query.name) <= LONGEST and query.name.lower().endswith(f".{ZONE}") for query in queries)
    assert all((query.rcode == NXDOMAIN) == (not query.addresses) for query in queries)


def test_what_exists_in_a_mix_is_in_the_zone_and_nothing_else() -> None:
    zone = dns.zone.from_text(master_file(), relativize=False)
    services = {SERVICE, GEO}
    for query in (query for mix in MIXES.values() for query in mix.queries(Random(2)) if query.name not in services):
        found = zone.get_rdataset(f"{query.name}.", query.type)
        values = () if found is None else tuple(rdata.to_text() for rdata in found)
        assert query.addresses == values


def test_gslb_has_the_same_static_records_as_the_others() -> None:
    zone = dns.zone.from_text(master_file(), relativize=False)
    others = {(name.to_text(), rdata.to_text()) for name, _, rdata in zone.iterate_rdatas()}
    (ours,) = snapshot(DEFAULTS).zones
    assert {(record.name, record.rdata) for record in ours.records} == others


def test_letter_case_is_by_chance_and_the_name_stays() -> None:
    made = {mixed_case(HOSTS[0].name, Random(seed)) for seed in range(50)}
    assert len(made) > 1
    assert {name.lower() for name in made} == {HOSTS[0].name}


def test_every_subnet_is_another_and_is_told_what_its_country_is() -> None:
    places = subnets()
    assert len(places) == COUNT
    assert subnets() == places
    assert {answer(country) for country in places.values()} == {
        ELSEWHERE,
        *(answer(c) for c in ("TR", "DE", "US", "BR")),
    }
    assert answer(UNTOLD) == ELSEWHERE


def test_servers_are_asked_what_there_is() -> None:
    assert len({server.name for server in SERVERS}) == len(SERVERS)
    assert all(server.mixes <= set(MIXES) for server in SERVERS)
    assert set(MIXES) == next(server.mixes for server in SERVERS if server.name == REFERENCE)

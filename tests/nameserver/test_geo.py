"""A real process with real databases: who is answered what, from where, and after a database has changed."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import dns.edns
import dns.message
import pytest

from gslb.cli.run import commands
from gslb.config.load import load
from gslb.model.area import UNKNOWN, Area, parse_area
from gslb.model.steering import NoAnswer, Pick, Rule
from gslb.nameserver import disk, process
from gslb.nameserver.ready import MAX_CLIENTS
from gslb.nameserver.responder import Responder
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.subnet import who_of
from gslb.nameserver.tailored import compile_steering
from tests.geo.databases import ANKARA, CITY, FRANKFURT, ISTANBUL, asn_database, city, city_database
from tests.nameserver.support import SERVICES, ZONES, Server, group, parted, rcode, running, soa_ttl, started, values
from tests.waiting import eventually, until


def only(area: str | Area | None, value: str) -> Rule:
    match = parse_area(area) if isinstance(area, str) else area
    return Rule(match, (group("r", value),))


GEO = parted(
    "geo.example.com.",
    only("198.51.100.128/25", "203.0.113.1"),
    only("AS3320", "203.0.113.2"),
    only("TR-34", "203.0.113.3"),
    only("TR", "203.0.113.4"),
    only("continent:NA", "203.0.113.5"),
    only(UNKNOWN, "203.0.113.6"),
    only(None, "203.0.113.7"),
)
NEAR = parted(
    "near.example.com.",
    Rule(
        None,
        tuple(
            group(name, value, place=place)
            for name, value, place in (
                ("istanbul", "203.0.113.1", ISTANBUL),
                ("ankara", "203.0.113.2", ANKARA),
                ("frankfurt", "203.0.113.3", FRANKFURT),
            )
        ),
        Pick.NEAREST,
    ),
)
STICKY = parted(
    "sticky.example.com.", Rule(None, (group("one", "203.0.113.1"), group("two", "203.0.113.2")), Pick.STICKY)
)
HOME = parted(
    "home.example.com.",
    only("127.0.0.9/32", "203.0.113.9"),
    only("::1/128", "203.0.113.10"),
    Rule(parse_area("127.0.0.16/28"), (), no_answer=NoAnswer.NODATA),
    Rule(parse_area("127.0.0.32/28"), ()),
    only(None, "203.0.113.11"),
)
SNAPSHOT = Snapshot(7, ZONES, (*SERVICES, GEO, NEAR, STICKY, HOME))


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("databases")
    return f"--geo={city_database(folder / 'city.mmdb')}", f"--geo={asn_database(folder / 'asn.mmdb')}"


@pytest.fixture(scope="module")
def located(databases: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A process that knows where clients are."""
    with running(tmp_path_factory.mktemp("located"), *databases, snapshot=SNAPSHOT) as server:
        yield server


def ask(server: Server, name: str, subnet: str, *, tcp: bool = False) -> tuple[list[str], int]:
    """Addresses, and the scope they came with."""
    address, _, length = subnet.partition("/")
    options: list[dns.edns.Option] = [dns.edns.ECSOption(address, int(length))]
    response = server.send(dns.message.make_query(name, "A", use_edns=0, options=options), tcp=tcp)
    (option,) = response.options
    assert isinstance(option, dns.edns.ECSOption)
    assert (option.address, option.srclen) == (address, int(length))
    return values(response), option.scopelen


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize(
    ("subnet", "value", "scope"),
    [
        ("198.51.100.128/25", "203.0.113.1", 25),
        ("198.51.100.200/32", "203.0.113.1", 25),
        ("198.51.100.0/24", "203.0.113.3", 25),
        ("192.0.2.0/24", "203.0.113.2", 24),
        ("203.0.113.0/28", "203.0.113.4", 25),
        ("100.64.0.0/24", "203.0.113.5", 24),
        ("2001:db8:1::/48", "203.0.113.3", 48),
        ("2001:db8:1:77::/64", "203.0.113.3", 48),
        ("::ffff:198.51.100.0/121", "203.0.113.3", 121),
        ("0.0.0.0/0", "203.0.113.6", 0),
        ("::/0", "203.0.113.6", 0),
    ],
)
def test_a_client_is_answered_by_the_first_rule_it_is_in(
    located: Server, subnet: str, value: str, scope: int, *, tcp: bool
) -> None:
    for _ in range(3):
        assert ask(located, "geo.example.com.", subnet, tcp=tcp) == ([value], scope)


def test_a_client_that_no_database_knows_is_of_unknown_location(located: Server) -> None:
    found, scope = ask(located, "geo.example.com.", "9.9.9.0/24")
    assert found == ["203.0.113.6"]
    assert 0 < scope <= 24


@pytest.mark.parametrize(
    ("subnet", "value", "scope"),
    [
        ("198.51.100.0/24", "203.0.113.1", 24),
        ("203.0.113.0/25", "203.0.113.2", 25),
        ("192.0.2.0/24", "203.0.113.3", 24),
        ("2001:db8:1::/48", "203.0.113.1", 48),
    ],
)
def test_the_nearest_region_answers(located: Server, subnet: str, value: str, scope: int) -> None:
    for _ in range(3):
        assert ask(located, "near.example.com.", subnet) == ([value], scope)


def test_a_network_is_always_given_the_same_region_and_others_another(located: Server) -> None:
    networks = [f"198.51.{i}.0/24" for i in range(20)]
    found = [ask(located, "sticky.example.com.", network) for network in networks]
    assert found == [ask(located, "sticky.example.com.", network) for network in networks]
    assert {tuple(addresses) for addresses, _ in found} == {("203.0.113.1",), ("203.0.113.2",)}
    assert {scope for _, scope in found} == {24}
    assert ask(located, "sticky.example.com.", "2001:db8::/56")[1] == 56


def test_services_for_everybody_have_scope_0(located: Server) -> None:
    assert ask(located, "api.example.com.", "198.51.100.0/24")[1] == 0
    assert ask(located, "www.example.com.", "198.51.100.0/24")[1] == 0


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_without_a_subnet_the_sender_is_the_client(located: Server, *, tcp: bool) -> None:
    query = dns.message.make_query("home.example.com.", "A")
    for _ in range(4):
        assert values(located.send(query, tcp=tcp, source="127.0.0.9")) == ["203.0.113.9"]
        assert values(located.send(query, tcp=tcp, source="127.0.0.10")) == ["203.0.113.11"]
        nodata = located.send(query, tcp=tcp, source="127.0.0.17")
        assert (rcode(nodata), soa_ttl(nodata), nodata.options) == ("NOERROR", 5, ())
        assert rcode(located.send(query, tcp=tcp, source="127.0.0.33")) == "SERVFAIL"


@pytest.mark.parametrize(("listen", "host"), [("::1", "::1"), ("::", "::1"), ("0.0.0.0", "127.0.0.1")])
def test_the_sender_counts_at_every_kind_of_address(tmp_path: Path, listen: str, host: str) -> None:
    with running(tmp_path, listen=listen, host=host, snapshot=SNAPSHOT) as server:
        query = dns.message.make_query("home.example.com.", "A")
        expected = "203.0.113.10" if ":" in host else "203.0.113.9"
        source = "::1" if ":" in host else "127.0.0.9"
        for tcp in (False, True, False, False):
            assert values(server.send(query, tcp=tcp, source=source)) == [expected]


def test_dig_is_told_the_scope(located: Server) -> None:
    command = ["dig", "+subnet=198.51.100.0/24", "@127.0.0.1", "-p", str(located.port), "geo.example.com."]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "CLIENT-SUBNET: 198.51.100.0/24/25" in done.stdout
    assert "203.0.113.3" in done.stdout


def test_a_new_database_is_taken_into_use_and_ready_answers_with_it(tmp_path: Path) -> None:
    path = city_database(tmp_path / "city.mmdb")
    with running(tmp_path, f"--geo={path}", snapshot=SNAPSHOT) as server:
        for _ in range(4):
            assert ask(server, "geo.example.com.", "198.51.100.0/24") == (["203.0.113.3"], 25)
        moved = {**CITY, "198.51.100.0/24": city("NA", "US")}
        city_database(tmp_path / "new.mmdb", moved).rename(path)
        eventually(lambda: ask(server, "geo.example.com.", "198.51.100.0/24") == (["203.0.113.5"], 25))
        path.write_bytes(b"nonsense")
        eventually(lambda: "geo database not used" in server.log)
        assert ask(server, "geo.example.com.", "198.51.100.0/24") == (["203.0.113.5"], 25)


def test_a_database_that_is_missing_at_the_start_holds_up_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path, f"--geo={tmp_path / 'city.mmdb'}")
    disk.write(server.snapshot, SNAPSHOT)
    with started(server):
        assert ask(server, "geo.example.com.", "198.51.100.0/24")[0] == ["203.0.113.6"]
        city_database(tmp_path / "new.mmdb").rename(tmp_path / "city.mmdb")
        eventually(lambda: ask(server, "geo.example.com.", "198.51.100.0/24")[0] == ["203.0.113.3"])


async def test_a_refresh_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "REFRESH", 0.001)
    responder, told = Responder(), iter([False])
    before = responder.ready

    def refresh() -> bool:
        if next(told, None) is None:
            return True
        raise MemoryError

    task = asyncio.create_task(process._relocate(responder, refresh))
    await until(lambda: responder.ready is not before)
    task.cancel()


CONFIG = """
[geo]
databases = ["city.mmdb"]
[zones."example.com"]
nameservers = { "ns1.example.com." = ["127.0.0.1"] }
[regions.istanbul]
endpoints = ["127.0.1.1:8080"]
[services."api.example.com"]
regions = ["istanbul"]
probes  = []
"""


def test_every_worker_is_started_with_the_databases_of_the_configuration(tmp_path: Path) -> None:
    path = city_database(tmp_path / "city.mmdb")
    file = tmp_path / "gslb.toml"
    file.write_text(CONFIG)
    lines = commands(load(file))
    assert all(f"--geo={path}" in lines[name] for name in ("nameserver-0", "nameserver-1"))
    assert not any("--geo" in word for word in lines["control"])


def test_the_number_of_clients_that_are_remembered_is_bounded() -> None:
    ready = Responder().ready
    tailored = compile_steering(GEO, Random(1))[1]
    for number in range(2 * MAX_CLIENTS):
        for _ in range(2):
            ready.place(tailored, who_of(number.to_bytes(4)))
    kept = ready._places
    assert len(kept.young) <= MAX_CLIENTS
    assert len(kept.old) <= MAX_CLIENTS
    assert len(kept.young) + len(kept.old) > MAX_CLIENTS / 4

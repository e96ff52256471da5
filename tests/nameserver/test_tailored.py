"""Each client gets the answers, in the shares, that the model says; and the stated scope holds."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from ipaddress import ip_address, ip_network
from random import Random

import dns.edns
import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.errors import SnapshotError
from gslb.model.address import IPNetwork
from gslb.model.area import parse_area
from gslb.model.distribution import _picked, distribution
from gslb.model.location import NOWHERE, Client, Location
from gslb.model.pick import sticky_order, sticky_prefix
from gslb.model.steering import NoAnswer, Pick, RecordType, Rule, Steering, rule_for
from gslb.nameserver.responder import Responder
from gslb.nameserver.served import Served
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.steered import MAX_KEPT, compile_rule
from gslb.nameserver.table import compile_table
from gslb.nameserver.tailored import Tailored, compile_steering
from gslb.nameserver.tally import Tally, responses
from gslb.nameserver.wire import Rcode
from tests.nameserver.clients import ANKARA, FRANKFURT, ISTANBUL, Atlas, clients, locations, networks, steerings
from tests.nameserver.support import ZONES, group, parted, rcode, soa_ttl, values

NAME = "geo.example.com."
KINDS = st.sampled_from([RecordType.A, RecordType.AAAA])


def responding(steering: Steering, atlas: Atlas | None = None) -> Responder:
    responder = Responder(atlas)
    responder.adopt(compile_table(Snapshot(1, ZONES, (steering,)), None, Random(1)))
    return responder


def query(kind: RecordType, network: IPNetwork | None = None) -> bytes:
    options: list[dns.edns.Option] = []
    if network:
        options = [dns.edns.ECSOption(str(network.network_address), network.prefixlen)]
    return dns.message.make_query(NAME, kind.value, use_edns=0, options=options, id=7).to_wire()


def udp(responder: Responder, packet: bytes, source: str, tally: Tally) -> bytes:
    reply = responder.answer(packet, source, tally)
    assert reply is not None
    return reply


def scope_of(response: dns.message.Message) -> int | None:
    return next((option.scopelen for option in response.options if isinstance(option, dns.edns.ECSOption)), None)


def ask(responder: Responder, packet: bytes, source: str, *, transport: str) -> dns.message.Message:
    tally = Tally(transport)
    reply = responder.tcp(packet, source, tally) if transport == "tcp" else udp(responder, packet, source, tally)
    assert reply is not None
    response = dns.message.from_wire(reply)
    assert tally.ready + sum(tally.responses) == 1
    return response


def atlas_of(client: Client) -> Atlas:
    return Atlas({ip_network(client.network.network_address): client.location})


@settings(max_examples=60)
@given(steerings(), KINDS, clients(), st.sampled_from(["udp", "tcp"]), st.sampled_from(["subnet", "address"]))
def test_a_cycle_of_answers_has_exactly_the_odds_of_the_model(
    steering: Steering, kind: RecordType, client: Client, transport: str, known_by: str
) -> None:
    told = known_by == "subnet"
    if not told:
        client = Client(ip_network(client.network.network_address), client.location)
    responder = responding(steering, atlas_of(client))
    packet = query(kind, client.network if told else None)
    source = "192.0.2.250" if told else str(client.network.network_address)
    rule = rule_for(steering, client)
    for _ in range(3):  # the first is not kept, the second prepares what the later ones are
        ask(responder, packet, source, transport=transport)
    weight = sum(g.weight for g in _picked(steering, rule, kind, client)) or 1
    cycle = 24 * weight  # up to 3 addresses in turn, and a quarter withheld
    found: Counter[str] = Counter()
    for _ in range(cycle):
        response = ask(responder, packet, source, transport=transport)
        given_ = values(response, kind.value)
        found.update(given_)
        if not given_:
            assert rcode(response) == ("SERVFAIL" if rule.no_answer is NoAnswer.SERVFAIL else "NOERROR")
            assert soa_ttl(response) == (None if rule.no_answer is NoAnswer.SERVFAIL else 5)
    odds = distribution(steering, kind, client)
    assert {value: Fraction(count, cycle) for value, count in found.items()} == {v: o for v, o in odds.items() if o}


@given(steerings(), KINDS, st.dictionaries(networks(), locations, max_size=5), networks(), st.data())
def test_an_answer_holds_for_all_within_its_scope(
    steering: Steering, kind: RecordType, known: dict[IPNetwork, Location], network: IPNetwork, data: st.DataObject
) -> None:
    atlas = Atlas(known)
    tailored = compile_steering(steering, Random(1))[{RecordType.A: 1, RecordType.AAAA: 28}[kind]]

    def place(number: int) -> tuple[object, int]:
        client = type(network)((number, network.max_prefixlen))
        located = atlas.locate(client.network_address)
        found = tailored.place(Client(client, located.location), located.prefix)
        return found[:2], found.scope

    address = int(network[data.draw(st.integers(0, network.num_addresses - 1))])
    what, scope = place(address)
    beyond = network.max_prefixlen - scope
    for _ in range(5):
        other = address >> beyond << beyond | data.draw(st.integers(0, 2**beyond - 1))
        assert place(other)[0] == what


def tailor(*rules: Rule, answers: int = 8) -> Tailored:
    return compile_steering(parted(NAME, *rules, answers=answers, types=(RecordType.A,)), Random(1))[1]


ONE, TWO = group("one", "203.0.113.1", place=ISTANBUL), group("two", "203.0.113.2", place=ANKARA)


@pytest.mark.parametrize(
    ("rules", "client", "prefix", "scope"),
    [
        ([Rule(None, (ONE, TWO))], "198.51.100.7/32", 24, 0),
        ([Rule(None, (ONE, TWO)), Rule(parse_area("TR"), (ONE,))], "198.51.100.7/32", 24, 0),
        ([Rule(None, (ONE,), Pick.NEAREST)], "198.51.100.7/32", 24, 0),
        ([Rule(None, (ONE,), Pick.STICKY)], "198.51.100.7/32", 24, 0),
        ([Rule(None, (ONE, TWO), Pick.NEAREST)], "198.51.100.7/32", 22, 22),
        ([Rule(None, (ONE, TWO), Pick.STICKY)], "198.51.100.7/32", 22, 24),
        ([Rule(None, (ONE, TWO), Pick.STICKY)], "2001:db8::7/128", 40, 56),
        ([Rule(None, (group("many", "203.0.113.1", "203.0.113.2"),), Pick.STICKY)], "198.51.100.7/32", 9, 24),
        ([Rule(parse_area("TR"), (ONE,)), Rule(None, (TWO,))], "198.51.100.0/24", 20, 20),
        ([Rule(parse_area("TR"), (ONE,)), Rule(None, (TWO,))], "198.51.96.0/20", 26, 26),
        ([Rule(parse_area("198.51.100.0/28"), (ONE,)), Rule(None, (TWO,))], "198.51.100.0/24", 20, 28),
        ([Rule(parse_area("198.51.100.0/28"), (ONE,)), Rule(None, (TWO,))], "198.51.101.0/24", 20, 24),
        ([Rule(parse_area("198.51.100.0/28"), (ONE,)), Rule(None, (TWO,))], "2001:db8::/32", 20, 1),
        ([Rule(parse_area("198.51.100.0/28"), (ONE, TWO), Pick.NEAREST), Rule(None, (TWO,))], "9.0.0.0/8", 20, 1),
    ],
)
def test_the_scope_is_as_long_as_it_must_be(rules: list[Rule], client: str, prefix: int, scope: int) -> None:
    place = tailor(*rules).place(Client(ip_network(client), Location("AS", "TR", (), None, ISTANBUL)), prefix)
    assert place.scope == scope


def test_a_client_that_does_not_want_to_be_told_apart_is_like_all_that_are_unknown() -> None:
    rules = [Rule(parse_area("TR"), (ONE,)), Rule(parse_area("AS1"), (ONE,)), Rule(None, (ONE, TWO), Pick.STICKY)]
    for rule in (Rule(None, (ONE, TWO), Pick.NEAREST), rules[-1]):
        responder = responding(parted(NAME, *rules[:-1], rule), Atlas({ip_network("0.0.0.0/0"): Location("AS", "TR")}))
        found: Counter[str] = Counter()
        for _ in range(40):
            response = ask(responder, query(RecordType.A, ip_network("0.0.0.0/0")), "198.51.100.7", transport="udp")
            assert scope_of(response) == 0
            found.update(values(response))
        assert found.keys() == {"203.0.113.1", "203.0.113.2"}


@given(clients())
def test_sticky_gives_the_addresses_in_the_order_of_the_client(client: Client) -> None:
    many = group("many", *[f"203.0.113.{i}" for i in range(5)])
    responder = responding(parted(NAME, Rule(None, (many,), Pick.STICKY), answers=3))
    order = sticky_order(parted(NAME).name, many.targets, sticky_prefix(client.network))
    for _ in range(4):
        response = ask(responder, query(RecordType.A, client.network), "192.0.2.1", transport="udp")
        assert values(response) == [target.value for target in order[:3]]


def test_of_networks_that_are_told_and_addresses_that_send_the_told_ones_count() -> None:
    steering = parted(NAME, Rule(parse_area("198.51.100.0/24"), (ONE,)), Rule(None, (TWO,)))
    responder = responding(steering)
    plain, told = query(RecordType.A), query(RecordType.A, ip_network("198.51.100.0/24"))
    for _ in range(4):
        assert values(ask(responder, plain, "198.51.100.7", transport="udp")) == ["203.0.113.1"]
        assert values(ask(responder, plain, "::ffff:198.51.100.7", transport="udp")) == ["203.0.113.1"]
        assert values(ask(responder, plain, "192.0.2.7", transport="udp")) == ["203.0.113.2"]
        assert values(ask(responder, told, "192.0.2.7", transport="udp")) == ["203.0.113.1"]


@pytest.fixture
def mapped() -> bytes:
    """A query for 198.51.100.0/24, told as IPv6."""
    return query(RecordType.A, ip_network("::ffff:198.51.100.0/120"))


def test_a_mapped_network_is_answered_as_one_of_ipv4(mapped: bytes) -> None:
    steering = parted(NAME, Rule(parse_area("198.51.96.0/20"), (ONE,)), Rule(None, (TWO,)))
    response = ask(responding(steering), mapped, "192.0.2.7", transport="udp")
    assert values(response) == ["203.0.113.1"]
    assert scope_of(response) == 96 + 20


def test_without_databases_everybody_is_unknown() -> None:
    rules = Rule(parse_area("TR"), (ONE,)), Rule(None, (TWO,))
    response = ask(responding(parted(NAME, *rules)), query(RecordType.A), "198.51.100.7", transport="udp")
    assert values(response) == ["203.0.113.2"]


def test_nobody_is_located_for_services_that_do_not_need_it() -> None:
    atlas = Atlas({})
    rules = Rule(parse_area("198.51.100.0/24"), (ONE,)), Rule(None, (ONE, TWO), Pick.STICKY)
    responder = responding(parted(NAME, *rules), atlas)
    for network in (None, ip_network("198.51.100.0/24")):
        for _ in range(3):
            ask(responder, query(RecordType.A, network), "192.0.2.7", transport="udp")
    assert atlas.asked == 0


def test_a_client_that_comes_again_is_not_located_again() -> None:
    atlas = Atlas({ip_network("198.51.100.0/24"): Location("AS", "TR", (), None, ISTANBUL)})
    responder = responding(parted(NAME, Rule(None, (ONE, TWO), Pick.NEAREST)), atlas)
    for transport in ("udp", "tcp", "udp", "tcp"):
        for _ in range(3):
            assert values(ask(responder, query(RecordType.A), "198.51.100.7", transport=transport)) == ["203.0.113.1"]
    assert atlas.asked == 2


def test_clients_who_moved_are_answered_anew_once_databases_are() -> None:
    atlas = Atlas({ip_network("198.51.100.0/24"): Location("AS", "TR", (), None, ISTANBUL)})
    responder = responding(parted(NAME, Rule(None, (ONE, TWO), Pick.NEAREST)), atlas)
    packets = query(RecordType.A), query(RecordType.A, ip_network("198.51.100.0/24"))
    for place, expected in ((ISTANBUL, "203.0.113.1"), (ANKARA, "203.0.113.2")):
        atlas.known = {ip_network("198.51.100.0/24"): Location("AS", "TR", (), None, place)}
        responder.relocate()
        for packet in (*packets, *packets, *packets):
            assert values(ask(responder, packet, "198.51.100.7", transport="udp")) == [expected]


def far_apart(count: int) -> Iterator[tuple[float, float]]:
    return ((index - 60.0, 3.0 * index % 180) for index in range(count))


def test_turns_of_groups_that_are_equally_near_are_shared_by_their_clients_and_bounded() -> None:
    places = [*far_apart(MAX_KEPT + 20)]
    groups = [group(f"r{i}{twin}", f"192.0.2.{i % 250}", place=p) for i, p in enumerate(places) for twin in "ab"]
    rule = Rule(None, tuple(groups), Pick.NEAREST)
    steered = compile_rule(parted(NAME, rule), rule, RecordType.A, Random(1), Served())
    one = steered.choose(Client(ip_network("192.0.2.1/32"), Location(coordinates=places[0])))
    assert one == ((0, 1), ())
    assert steered.turns(one) is steered.turns(one)
    for place in places:
        steered.turns(steered.choose(Client(ip_network("192.0.2.1/32"), Location(coordinates=place))))
        assert len(steered._kept) <= MAX_KEPT
    assert steered.turns(steered.choose(Client(ip_network("192.0.2.1/32"), NOWHERE))) is steered.turns(steered.everyone)


@pytest.mark.parametrize("withheld", [-1, 257])
def test_a_share_that_cannot_be_is_refused(withheld: int) -> None:
    with pytest.raises(SnapshotError, match=r"withheld is within 0\.\.256"):
        tailor(Rule(None, (ONE,), withheld=withheld))


def test_what_cannot_be_steered_is_refused() -> None:
    with pytest.raises(SnapshotError, match="CNAME cannot be steered"):
        compile_steering(parted(NAME, Rule(None, ()), types=(RecordType.CNAME,)), Random(1))
    with pytest.raises(SnapshotError, match="needs a rule"):
        compile_steering(parted(NAME), Random(1))
    with pytest.raises(SnapshotError, match="needs a rule"):
        compile_steering(parted(NAME, Rule(None, ()), answers=0), Random(1))


def test_some_of_256_clients_are_not_answered_spread_evenly() -> None:
    responder = responding(parted(NAME, Rule(None, (ONE,), withheld=64)))
    packet = query(RecordType.A)
    tally = Tally("udp")
    told = [udp(responder, packet, "198.51.100.7", tally)[3] & 0xF for _ in range(404)]
    assert all(told[i : i + 4].count(Rcode.SERVFAIL) == 1 for i in range(4, 400, 4))
    assert responder.ready.replies.turns
    assert responses([tally], responder.counters) == {"SERVFAIL": told.count(2), "NOERROR": told.count(0)}


def test_floods_of_subnets_and_of_sources_keep_nothing_and_evict_nothing() -> None:
    rule = Rule(None, (ONE, TWO, group("three", "203.0.113.3", place=FRANKFURT)), Pick.STICKY)
    responder = responding(parted(NAME, rule))
    regular = query(RecordType.A, ip_network("198.51.100.0/24"))
    for _ in range(3):
        ask(responder, regular, "192.0.2.1", transport="udp")
    assert list(responder.ready.replies.turns) == [bytes(2) + regular[2:]]
    tally = Tally("udp")
    for number in range(3000):
        packet = query(RecordType.A)[:-2] + b"\x00\x0b\x00\x08\x00\x07\x00\x01\x18\x00" + (number << 4).to_bytes(3)
        responder.answer(packet, "192.0.2.1", tally)
        responder.answer(query(RecordType.AAAA), str(ip_address(number << 12)), tally)
    kept = responder.ready.replies.turns
    assert {bytes(2) + it[2:] for it in (regular, query(RecordType.AAAA))} <= kept.keys()
    assert len(kept) < 6  # maybe some whose hash is like another's
    assert len(responder.ready._places.young) < 10  # one for each choice, and maybe one whose hash is like another's

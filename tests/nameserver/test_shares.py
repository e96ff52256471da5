"""Many queries: shares are as weights say, whoever asks, and what is kept ready is nobody else's answer."""

from collections import Counter
from math import sqrt
from random import Random

import dns.edns
import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.address import client_network
from gslb.model.area import parse_area
from gslb.model.distribution import distribution
from gslb.model.location import Client
from gslb.model.steering import Pick, RecordType, Rule, Steering
from gslb.nameserver.responder import Responder
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.table import compile_table
from gslb.nameserver.tally import Tally
from tests.nameserver.support import CLIENT, ZONES, group, parted, service, values

NAME = "api.example.com."
QUERIES = 100_000
WEIGHTED = service(NAME, (5, ["203.0.113.1"]), (3, ["203.0.113.2"]), (1, ["203.0.113.3"]), (1, ["203.0.113.4"]))
GROUPS = (group("istanbul", "203.0.113.1", weight=3), group("ankara", "203.0.113.2", weight=2))
TOLD_APART = parted(
    NAME,
    Rule(parse_area("198.51.100.0/25"), (group("izmir", "203.0.113.3"),)),
    Rule(parse_area("198.51.0.0/16"), GROUPS, pick=Pick.STICKY),
    Rule(parse_area("2001:db8:5::/48"), (group("bursa", "203.0.113.5"),)),
    Rule(None, GROUPS),
    types=(RecordType.A,),
)


def responder_for(*steerings: Steering) -> Responder:
    made = Responder()
    made.adopt(compile_table(Snapshot(1, ZONES, steerings), None, Random(1)))
    return made


def ask(responder: Responder, packet: bytes, source: str = CLIENT) -> bytes:
    """As a listener does."""
    response = responder.answer(packet, source, Tally("udp"))
    assert response is not None
    return response


def address(response: bytes) -> str:
    """The last record's, where the response has no EDNS."""
    return ".".join(map(str, response[-4:]))


def is_as_expected(found: Counter[str], steering: Steering) -> bool:
    """Each within 4 standard deviations of what the model says."""
    odds = distribution(steering, RecordType.A)
    total = found.total()
    return found.keys() <= odds.keys() and all(
        abs(found[value] - share * total) <= 4 * sqrt(total * share * (1 - share)) for value, share in odds.items()
    )


def test_a_hundred_thousand_queries_of_one_client_are_shared_as_weights_say() -> None:
    responder, packet = responder_for(WEIGHTED), dns.message.make_query(NAME, "A").to_wire()
    assert is_as_expected(Counter(address(ask(responder, packet)) for _ in range(QUERIES)), WEIGHTED)


def test_a_hundred_thousand_queries_of_many_clients_are_shared_as_weights_say() -> None:
    """Each with its own address, letter case and mind about recursion."""
    responder, random = responder_for(WEIGHTED), Random(2)
    packet = bytearray(dns.message.make_query(NAME, "A").to_wire())
    found: Counter[str] = Counter()
    for _ in range(QUERIES):
        for at in (13, 14, 15, 17, 18, 19):
            packet[at] = packet[at] & 0xDF | random.choice((0, 0x20))
        packet[2] = random.choice((0, 1))
        source = f"198.51.{random.randrange(256)}.{random.randrange(256)}"
        found[address(ask(responder, bytes(packet), source))] += 1
    assert is_as_expected(found, WEIGHTED)


@pytest.mark.parametrize("weights", [(1, 1, 1), (5, 3, 2), (1, 9, 90)])
def test_when_a_region_leaves_only_the_clients_move_that_it_had(weights: tuple[int, int, int]) -> None:
    names = ("istanbul", "ankara", "izmir")
    groups = tuple(
        group(name, f"203.0.113.{n}", weight=w) for n, (name, w) in enumerate(zip(names, weights, strict=True))
    )
    before = responder_for(parted(NAME, Rule(None, groups, pick=Pick.STICKY), types=(RecordType.A,)))
    after = responder_for(parted(NAME, Rule(None, groups[1:], pick=Pick.STICKY), types=(RecordType.A,)))
    packet = dns.message.make_query(NAME, "A").to_wire()
    clients = [f"{first}.{second}.7.1" for first in range(1, 101) for second in range(100)]
    was = {client: address(ask(before, packet, client)) for client in clients}
    is_ = {client: address(ask(after, packet, client)) for client in clients}
    moved = sum(was[client] != is_[client] for client in clients)
    assert moved == sum(value == "203.0.113.0" for value in was.values())
    share = weights[0] / sum(weights)
    assert abs(moved - share * len(clients)) <= 4 * sqrt(len(clients) * share * (1 - share))


NETWORKS = (
    "198.51.100.0/24", "198.51.100.0/25", "198.51.100.128/25", "198.51.7.0/24", "198.51.7.9/32", "192.0.2.0/24",
    "0.0.0.0/0", "2001:db8:5::/48", "2001:db8:5:1::/64", "2001:db8:6::/48",
)  # fmt: skip


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    name = "".join(draw(st.sampled_from([letter, letter.upper()])) for letter in "api") + ".example.com."
    query = dns.message.make_query(name, "A", id=draw(st.integers(0, 65535)))
    query.flags = draw(st.sampled_from([0, dns.flags.RD, dns.flags.CD]))
    if draw(st.booleans()):
        network = client_network(draw(st.sampled_from(NETWORKS)))
        subnet = dns.edns.ECSOption(str(network.network_address), network.prefixlen)
        options: list[dns.edns.Option] = [subnet] if draw(st.booleans()) else []
        query.use_edns(0, draw(st.sampled_from([0, dns.flags.DO])), draw(st.sampled_from([512, 1232])), options=options)
    return query.to_wire()


SOURCES = ("198.51.100.7", "198.51.100.200", "198.51.9.9", "192.0.2.1", "2001:db8:5::7", "2001:db8:7::7")
_asked = st.lists(st.tuples(packets(), st.sampled_from(SOURCES)), min_size=1, max_size=12)


@given(_asked, st.integers(0, 2**32))
def test_what_is_kept_ready_never_crosses_letter_case_flags_subnet_or_client(
    asked: list[tuple[bytes, str]], seed: int
) -> None:
    """Whatever others have asked before, each is answered as if it was alone."""
    responder, random = responder_for(TOLD_APART), Random(seed)
    order = [each for each in asked for _ in range(4)]
    random.shuffle(order)
    for packet, source in order:
        query, response = dns.message.from_wire(packet), dns.message.from_wire(ask(responder, packet, source))
        assert response.id == query.id
        assert response.question[0].name.labels == query.question[0].name.labels
        assert response.flags & dns.flags.RD == query.flags & dns.flags.RD
        assert (response.edns, response.ednsflags) == (query.edns, query.ednsflags)
        subnets = [option for option in query.options if isinstance(option, dns.edns.ECSOption)]
        told = [option for option in response.options if isinstance(option, dns.edns.ECSOption)]
        assert [(o.address, o.srclen) for o in told] == [(o.address, o.srclen) for o in subnets]
        who = f"{subnets[0].address}/{subnets[0].srclen}" if subnets else source
        client = Client(client_network(who))
        assert set(values(response)) <= distribution(TOLD_APART, RecordType.A, client).keys()

"""At every level that responses come from they are byte for byte those of the general path, and are counted alike."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from random import Random
from types import SimpleNamespace

import pytest
from msgspec import structs

from gslb.model.location import Location
from gslb.nameserver import features
from gslb.nameserver.below import MAX_LENGTHS, Below
from gslb.nameserver.clients import packed
from gslb.nameserver.cookies import Cookies
from gslb.nameserver.ready import BUDGET, MAX_BELOW, MAX_CLIENTS, MAX_PAYLOADS, MAX_PLACES, Ready
from gslb.nameserver.replies import MOST
from gslb.nameserver.settings import DEFAULTS
from gslb.nameserver.shape import Shape
from gslb.nameserver.snapshot import Record, Zone
from gslb.nameserver.table import compile_table
from gslb.nameserver.template import Template
from tests.nameserver.clients import ANKARA, ISTANBUL, Atlas
from tests.nameserver.levels import (
    AAAA,
    ANY,
    CLIENT_COOKIE,
    CNAME,
    COOKIE,
    CROWD,
    DNAME,
    DO,
    DS,
    ECS,
    EXPIRE,
    LEVEL_SERVICES,
    LONG,
    MX,
    NS,
    NSID,
    RD,
    SECRET,
    SETTINGS,
    SOA,
    TELLER,
    TXT,
    UNKNOWN,
    A,
    Level,
    Levels,
    name,
    opt,
    option,
    query,
    spelled,
    subnet,
)
from tests.nameserver.support import CLIENT, service
from tests.nameserver.test_geo import NEAR

BUILT, TEMPLATE, READY = Level.BUILT, Level.TEMPLATE, Level.READY
NOW = 1_800_000_000.0
HOME, AWAY, ELSEWHERE = "198.51.100.7", "2001:db8::7", "203.0.113.200"
SOURCES = (HOME, "198.51.100.8", AWAY, ELSEWHERE, CLIENT, TELLER, "::ffff:198.51.100.9")
ADDRESS_RECORD = b"\0" + bytes.fromhex("0001000100000e10000400000000")


@pytest.fixture(autouse=True)
def _one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cookies are those of one moment."""
    monkeypatch.setattr(features, "time", SimpleNamespace(time=lambda: NOW))


@pytest.fixture
def levels() -> Levels:
    places = {"198.51.100.0/24": ISTANBUL, "2001:db8::/32": ANKARA}
    known = {ip_network(network): Location("AS", "TR", (), None, place) for network, place in places.items()}
    return Levels(*LEVEL_SERVICES, NEAR, places=Atlas(known))


Alike = Callable[[int], bytes]
"""One of many packets that are alike."""


def spellings(asked: str, type_: int = A, *records: bytes) -> Alike:
    """The number is taken as letter case."""
    return lambda number: query(spelled(name(asked), number), type_, *records)


def subnets(asked: str, base: bytes = b"\xc6\x33\x64", type_: int = A) -> Alike:
    """Networks beside ``base``, and at times letter case."""

    def made(number: int) -> bytes:
        octets = base[:-1] + bytes([(base[-1] + number // 2) % 256])
        return query(spelled(name(asked), number % 2), type_, opt(subnet(octets)))

    return made


def cookies(asked: str, server: bytes = b"", type_: int = A) -> Alike:
    return lambda number: query(asked, type_, opt(option(COOKIE, number.to_bytes(8) + server)))


def below(parent: str, type_: int = A, *records: bytes, depth: int = 1) -> Alike:
    """Names that differ in length and letter case."""
    return lambda number: query(
        b"".join(name("N" * (1 + number % 9) + f"{number:x}")[:-1] for _ in range(depth)) + name(parent),
        type_,
        *records,
    )


ALIKE: dict[str, tuple[Alike, Level, Level]] = {
    # what is asked, the level of what was not asked before, and the level of what was
    "static": (spellings("www.example.com."), TEMPLATE, READY),
    "static with EDNS": (spellings("www.example.com.", AAAA, opt(flags=DO)), TEMPLATE, READY),
    "static with NSID": (spellings("www.example.com.", A, opt(option(NSID))), TEMPLATE, READY),
    "SOA with EXPIRE": (spellings("example.com.", SOA, opt(option(EXPIRE))), TEMPLATE, READY),
    "several options": (spellings("www.example.com.", A, opt(option(UNKNOWN, b"x") + option(NSID))), TEMPLATE, READY),
    "an alias": (spellings("alias.example.com."), TEMPLATE, READY),
    "an alias to a service": (spellings("to-api.example.com."), TEMPLATE, READY),
    "upper case in the zone": (spellings("upper.example.com."), TEMPLATE, READY),
    "NODATA": (spellings("www.example.com.", TXT), TEMPLATE, READY),
    "an empty non-terminal": (spellings("b.c.example.com."), TEMPLATE, READY),
    "type ANY": (spellings("www.example.com.", ANY), TEMPLATE, READY),
    "additional data": (spellings("mail.example.com.", MX), TEMPLATE, READY),
    "a record beside the question": (spellings("www.example.com.", A, ADDRESS_RECORD), TEMPLATE, READY),
    "a record before EDNS": (spellings("www.example.com.", A, ADDRESS_RECORD, opt()), TEMPLATE, READY),
    "a subnet behind a record": (
        spellings("www.example.com.", A, ADDRESS_RECORD, opt(subnet(b"\xc6\x33\x64"))),
        TEMPLATE,
        READY,
    ),
    "the whole of a long text": (spellings("wide.example.com.", TXT, opt()), TEMPLATE, READY),
    "a long text that is cut": (spellings("wide.example.com.", TXT, opt(payload=700)), TEMPLATE, READY),
    "a long text without EDNS": (spellings("wide.example.com.", TXT), TEMPLATE, READY),
    "a long name": (spellings(f"{LONG}.example.com.", TXT), TEMPLATE, READY),
    "weights": (spellings("api.example.com."), TEMPLATE, READY),
    "windows": (spellings("pool.example.com."), TEMPLATE, READY),
    "withheld": (spellings("withheld.example.com."), TEMPLATE, READY),
    "nobody": (spellings("down.example.com."), TEMPLATE, READY),
    "nobody and an extended error": (spellings("down.example.com.", A, opt()), TEMPLATE, READY),
    "nobody is NODATA": (spellings("empty.example.com."), TEMPLATE, READY),
    "too many to choose from": (spellings("many.example.com.", A, opt()), BUILT, BUILT),
    "by the address that sends": (spellings("geo.example.com."), TEMPLATE, TEMPLATE),
    "sticky by the address": (spellings("sticky.example.com."), TEMPLATE, TEMPLATE),
    "nearest by the address": (spellings("near.example.com."), TEMPLATE, TEMPLATE),
    "by subnet": (spellings("geo.example.com.", A, opt(subnet(b"\xc6\x33\x64"))), TEMPLATE, READY),
    "nearest by subnet": (subnets("near.example.com.", b"\xc6\x33\x64\x07"), TEMPLATE, READY),
    "by subnet of IPv6": (subnets("geo.example.com.", b"\x20\x01\x0d\xb8\0\0\0"), TEMPLATE, READY),
    "by addresses in full": (subnets("geo.example.com.", b"\xc6\x33\x64\x07"), TEMPLATE, READY),
    "by no subnet": (spellings("geo.example.com.", A, opt(subnet(b""))), TEMPLATE, READY),
    "sticky by no subnet": (spellings("sticky.example.com.", A, opt(subnet(b"", family=2))), TEMPLATE, READY),
    "a subnet of no family": (spellings("geo.example.com.", A, opt(option(ECS, bytes(4)))), TEMPLATE, READY),
    "a subnet for static data": (subnets("www.example.com."), TEMPLATE, READY),
    "a subnet for a long text": (subnets("wide.example.com.", type_=TXT), TEMPLATE, READY),
    "a subnet of bits": (spellings("geo.example.com.", A, opt(subnet(b"\xc6\x33\x60", 20))), BUILT, BUILT),
    "a mapped subnet": (
        spellings("geo.example.com.", A, opt(subnet(bytes(10) + b"\xff\xff\xc6\x33\x64"))),
        BUILT,
        BUILT,
    ),
    "most of a mapped subnet": (subnets("geo.example.com.", bytes(10) + b"\xff"), TEMPLATE, READY),
    "a cookie": (cookies("www.example.com."), TEMPLATE, READY),
    "a cookie and whose of the server": (cookies("www.example.com.", bytes(16)), TEMPLATE, READY),
    "a cookie and a long one of the server": (cookies("www.example.com.", bytes(32)), TEMPLATE, READY),
    "a cookie for weights": (cookies("api.example.com."), TEMPLATE, READY),
    "a cookie by the address": (cookies("geo.example.com."), TEMPLATE, READY),
    "a cookie for a long text": (cookies("wide.example.com.", type_=TXT), TEMPLATE, READY),
    "a cookie below": (below("example.com.", A, opt(option(COOKIE, CLIENT_COOKIE))), TEMPLATE, READY),
    "a cookie and NSID": (spellings("www.example.com.", A, opt(option(COOKIE, bytes(8)) + option(NSID))), BUILT, BUILT),
    "NSID and a cookie": (spellings("www.example.com.", A, opt(option(NSID) + option(COOKIE, bytes(8)))), BUILT, BUILT),
    "a subnet and NSID": (
        spellings("www.example.com.", A, opt(subnet(b"\xc6\x33\x64") + option(NSID))),
        BUILT,
        BUILT,
    ),
    "NXDOMAIN": (below("example.com."), TEMPLATE, READY),
    "NXDOMAIN with EDNS": (below("example.com.", A, opt()), TEMPLATE, READY),
    "NXDOMAIN with a subnet": (below("example.com.", A, opt(subnet(b"\xc6\x33\x64"))), TEMPLATE, READY),
    "NXDOMAIN far below": (below("example.com.", depth=4), TEMPLATE, READY),
    "NXDOMAIN very far below": (below("example.com.", depth=5), BUILT, BUILT),
    "NXDOMAIN below a leaf": (below("www.example.com."), TEMPLATE, READY),
    "NXDOMAIN below an alias": (below("to-api.example.com."), TEMPLATE, READY),
    "NXDOMAIN in a zone within": (below("sub.example.com."), TEMPLATE, READY),
    "NXDOMAIN beside a star": (below("*.star.example.com."), TEMPLATE, READY),
    "REFUSED": (below("example.org."), TEMPLATE, READY),
    "REFUSED with EDNS": (below("example.org.", A, opt()), TEMPLATE, READY),
    "REFUSED above": (spellings("com."), TEMPLATE, READY),
    "a wildcard": (below("wild.example.com."), TEMPLATE, READY),
    "a wildcard has no data": (below("wild.example.com.", TXT), TEMPLATE, READY),
    "a wildcard far below": (below("wild.example.com.", depth=3), TEMPLATE, READY),
    "a long text of a wildcard": (below("text.example.com.", TXT, opt()), BUILT, BUILT),
    "a wildcard is an alias": (below("alias.example.com.", AAAA), BUILT, BUILT),
    "a wildcard leads to itself": (below("self.example.com."), BUILT, BUILT),
    "a wildcard has additional data": (below("mail.example.com.", MX), BUILT, BUILT),
    "a wildcard service": (below("any.example.com."), TEMPLATE, READY),
    "a wildcard service with turns": (below("pool.example.com."), TEMPLATE, READY),
    "a wildcard service by the address": (below("geo.example.com."), BUILT, BUILT),
    "a wildcard service by subnet": (below("geo.example.com.", A, opt(subnet(b"\xc6\x33\x64"))), BUILT, BUILT),
    "a wildcard service that withholds": (below("withheld.example.com."), BUILT, BUILT),
    "a wildcard service of nobody": (below("empty.example.com."), BUILT, BUILT),
    "a delegation": (below("child.example.com."), BUILT, BUILT),
    "a delegation without glue": (below("bare.example.com."), TEMPLATE, READY),
    "below what a delegation hides": (below("in.bare.example.com."), TEMPLATE, READY),
    "the delegation itself": (spellings("child.example.com."), BUILT, BUILT),
    "DS of a delegation": (spellings("child.example.com.", DS), TEMPLATE, READY),
    "below a DNAME": (below("old.example.com."), BUILT, BUILT),
    "CNAME below a DNAME": (below("old.example.com.", CNAME), BUILT, BUILT),
    "the DNAME itself": (spellings("old.example.com.", DNAME), TEMPLATE, READY),
    "a zero in a name": (spellings("by\0te.example.com."), BUILT, BUILT),
    "a zero at the end of a label": (spellings("a\0.example.com.", TXT), BUILT, BUILT),
    "a zero in a name that is not there": (below("b\0.example.com."), BUILT, BUILT),
    "an explanation": (spellings("_explain.api.example.com.", TXT), BUILT, BUILT),
    "class ANY": (lambda number: query(spelled(name("www.example.com."), number), rdclass=255), BUILT, BUILT),
    "class CHAOS": (lambda number: query(spelled(name("version.bind."), number), TXT, rdclass=3), BUILT, BUILT),
    "AXFR": (spellings("example.com.", 252), BUILT, BUILT),
    "IXFR": (spellings("example.com.", 251), BUILT, BUILT),
    "an opcode": (lambda number: query(spelled(name("www.example.com."), number), flags=0x2000), BUILT, BUILT),
    "EDNS version 1": (spellings("www.example.com.", A, opt(version=1)), BUILT, BUILT),
    "two OPT records": (spellings("www.example.com.", A, opt(), opt()), BUILT, BUILT),
    "bytes behind": (spellings("www.example.com.", A, b"x"), BUILT, BUILT),
}
"""By what it is: packets that are alike, the level of one that is new, and of one that has come again."""


@pytest.mark.parametrize("case", ALIKE)
def test_packets_that_are_alike_are_answered_as_by_the_general_path(levels: Levels, case: str) -> None:
    alike, new, again = ALIKE[case]
    for source in SOURCES[:3]:
        for _ in range(2):
            assert levels.check(alike(0), source) in {BUILT, new, again}
    for source in SOURCES:
        levels.check(alike(0), source)
    found: dict[int, Level] = {}
    for number in range(1, 12):
        found[number] = levels.check(alike(number), HOME)
    assert Counter(found.values()).most_common(1)[0][0] is new, found
    for number in range(1, 12):
        for source in (HOME, HOME, *SOURCES[1:]):
            levels.check(alike(number), source)
    assert levels.check(alike(3), HOME) is again


# Whose turn it is, and what is counted


def region_of(response: bytes | None) -> str:
    """That of the address that a response ends with; an OPT record, if any, is not looked at."""
    assert response is not None
    last = response[-1]
    return f"r{3 if last == 4 else last}" if response[7] else ""  # which is of the same region


@pytest.mark.parametrize(
    "asked",
    [
        "api.example.com.",
        "pool.example.com.",
        "*.pool.example.com.",
        "withheld.example.com.",
        "*.withheld.example.com.",
        "down.example.com.",
        "geo.example.com.",
        "*.geo.example.com.",
        "half.example.com.",
        "sticky.example.com.",
    ],
)
def test_each_level_says_each_answer_in_its_turn_and_counts_it(levels: Levels, asked: str) -> None:
    """Regions and rcodes are exactly what was said."""
    said: Counter[str] = Counter()
    rcodes: Counter[int] = Counter()
    seen: dict[Level, set[bytes]] = {level: set() for level in Level}
    for source in (HOME, AWAY, ELSEWHERE):
        for number in range(120):
            wire = name(asked.replace("*", f"x{number % 40}")) if "*" in asked else spelled(name(asked), number % 40)
            for _ in range(3):
                response, level = levels.ask(query(wire), source)
                assert response is not None
                said[region_of(response)] += 1
                rcodes[response[3] & 15] += 1
                seen[level].add(response[-4:] if response[7] else b"")
    regions = levels.regions(name(asked))
    assert sum(regions.values()) == said.total()
    if asked != "api.example.com." and "pool" not in asked:
        assert regions == said
    assert Counter({int(_RCODES[text]): count for text, count in levels.rcodes.items()}) == rcodes
    if seen[READY]:
        assert seen[READY] == seen[TEMPLATE]
        assert seen[BUILT] <= seen[READY]


_RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5, "YXDOMAIN": 6}
_RCODES |= {"NOTAUTH": 9, "BADVERS": 0}


def test_weights_are_kept_to_at_each_level(levels: Levels) -> None:
    anew = spellings("api.example.com.")
    packets: dict[Level, Alike] = {TEMPLATE: anew, READY: lambda _: anew(0)}
    for _ in range(4):
        levels.ask(query("api.example.com."))
    for expected, packet in packets.items():
        said: Counter[int] = Counter()
        for number in range(1, 501):
            response, level = levels.ask(packet(number))
            assert response is not None
            assert level is expected
            said[response[-1]] += 1
        assert said == {1: 300, 2: 200}


def test_a_mixture_of_packets_is_answered_and_counted_as_by_the_general_path(levels: Levels) -> None:
    """Of every kind, in any order, from several clients, each of them some times."""
    random = Random(1)
    makers = [alike for alike, _, _ in ALIKE.values()]
    recent: list[bytes] = []
    rcodes: Counter[int] = Counter()
    for _ in range(12_000):
        if len(recent) < 20 or random.random() < 0.4:
            recent.append(_touched(random, random.choice(makers)(random.choice((0, 1, 2, random.getrandbits(20))))))
            del recent[:-60]
        packet, source = random.choice(recent), random.choice(SOURCES)
        response, level = levels.ask(packet, source)
        assert any(response == levels.built(packet, source) for _ in range(300)), (level, packet, source, response)
        if response is not None:
            rcodes[response[3] & 15] += 1
    counted: Counter[int] = Counter()
    for text, count in levels.rcodes.items():
        counted[_RCODES[text]] += count
    assert counted == rcodes


def _touched(random: Random, packet: bytes) -> bytes:
    """Seldom as it was."""
    made = bytearray(packet)
    match random.randrange(8):
        case 0:
            made[random.randrange(len(made))] = random.choice((0, 1, 0x40, 0xC0, 0xFF))
        case 1:
            made[2:4] = random.choice((0, RD, 0x0110, 0x0200, 0x8000, 0x2800)).to_bytes(2)
        case 2:
            del made[random.randrange(len(made)) :]
        case 3:
            made += random.randbytes(random.randrange(1, 4))
        case 4:
            made[5] = random.randrange(3)
    return bytes(made)


# Cookies, sizes and names that are not what they seem


def test_a_ready_cookie_is_only_for_whom_it_is(levels: Levels) -> None:
    packet = query("www.example.com.", A, opt(option(COOKIE, CLIENT_COOKIE)))
    for _ in range(4):
        levels.check(packet, HOME)
    assert levels.check(packet, HOME) is READY
    for source in (ELSEWHERE, HOME, AWAY, HOME):
        response, level = levels.ask(packet, source)
        assert response is not None
        assert (level is READY) == (source == HOME)
        assert Cookies(bytes.fromhex(SECRET)).is_good(response[-24:], packed(source), NOW)


def test_a_good_cookie_comes_back_as_it_is_and_an_old_one_anew(levels: Levels, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = Cookies(bytes.fromhex(SECRET)).renew(CLIENT_COOKIE, packed(HOME), NOW)
    packet = query("www.example.com.", A, opt(option(COOKIE, cookie)))
    for _ in range(4):
        levels.check(packet, HOME)
    response, level = levels.ask(packet, HOME)
    assert (level, response and response[-24:]) == (READY, cookie)
    monkeypatch.setattr(features, "time", SimpleNamespace(time=lambda: NOW + 2000))
    levels.responder.age(0.0)
    response, _ = levels.ask(packet, HOME)
    assert response is not None
    assert response[-24:] != cookie
    assert Cookies(bytes.fromhex(SECRET)).is_good(response[-24:], packed(HOME), NOW + 2000)


def test_a_name_that_makes_the_response_too_long_has_it_cut(levels: Levels) -> None:
    """As long as a name can be, under a wildcard whose text leaves room for some of them."""
    parent = name("tight.text.example.com.")
    found = set()
    for length in [*range(1, 64), *range(100, 231)]:
        labels = b"".join(bytes([len(part)]) + part for part in _parts(length))
        if len(labels) + len(parent) > 255:
            continue
        for _ in range(2):
            levels.check(query(labels + parent, TXT))
            response, level = levels.ask(query(labels + parent, TXT))
            assert response is not None
            assert len(response) <= 512
            found.add((level is BUILT, bool(response[2] & 2)))
    assert found == {(True, True), (True, False), (False, False)}


def _parts(length: int) -> Iterator[bytes]:
    while length:
        part = min(length, 63)
        yield b"n" * part
        length -= part


def test_each_size_of_responses_that_a_client_takes_is_kept_to(levels: Levels) -> None:
    for asked in ("wide.example.com.", "many.example.com.", "big.example.com.", f"{LONG}.example.com."):
        for size in [0, 511, 512, 513, *range(820, 900, 7), 1231, 1232, 1233, 4096, 65535]:
            for _ in range(4):
                levels.check(query(asked, TXT, opt(payload=size)))
                levels.check(query(spelled(name(asked), 5), TXT, opt(payload=size)))


def test_a_zero_in_a_label_is_no_end_of_a_name(levels: Levels) -> None:
    """RFC 2181, section 11. Each is cut where another name would end, below which nothing exists."""
    for number in range(3):
        levels.check(query(f"missing{number}.example.com."))
        levels.check(query(f"missing{number}.", NS))
        levels.check(query(f"missing{number}.wild.example.com."))
    for label in ("a\0", "\0", "\0\0", "a\0b", "a\0\7example\3com\0"):
        for parent in ("example.com.", "wild.example.com.", "www.example.com.", "org.", ""):
            for _ in range(4):
                assert levels.check(query(name(label)[:-1] + name(parent), NS)) is BUILT
                assert levels.check(query(name(label)[:-1] + name(parent))) is BUILT


def test_the_root_can_be_a_zone() -> None:
    root = Zone(".", (Record(".", 60, "SOA", "a. b. 1 2 3 4 5"), Record("com.", 60, "TXT", '"com"')))
    levels = Levels(zones=(root,))
    for asked in (".", "com.", "\0.", "a\0.", "x.com.", "y.", "z.y.", "x.y.z."):
        for number in range(3):
            for type_ in (A, SOA, TXT):
                levels.check(query(spelled(name(asked), number), type_))
                levels.check(query(spelled(name(f"{'n' * number}.{asked}"), number), type_))


# Floods


REGULAR: tuple[Alike, ...] = (
    *(ALIKE[about][0] for about in ("static", "weights", "NXDOMAIN", "REFUSED", "a wildcard", "a cookie")),
    spellings("geo.example.com.", A, opt(subnet(b"\xc6\x33\x64"))),
    spellings("sticky.example.com.", A, opt(subnet(b"\xc6\x33\x64"))),
    spellings(CROWD, A, opt(subnet(b"\xc6\x33\x64"))),
    spellings("wide.example.com.", TXT, opt()),
)


def settle(levels: Levels) -> None:
    """Have all of ``REGULAR`` ready, and templates for what is like them."""
    for alike in REGULAR:
        for _ in range(50):  # five, but for two hashes that share a place
            if levels.ask(alike(1), HOME)[1] is READY:
                break
        assert levels.ask(alike(1), HOME)[1] is READY
        assert levels.ask(alike(2), HOME)[1] is TEMPLATE


def assert_bounded(ready: Ready) -> None:
    """However much was asked."""
    replies, shapes = ready.replies, ready._shapes
    held = {**replies._held, **replies._theirs}
    assert len(replies.turns) + sum(template.cost for template in held) <= MOST
    assert len(replies._personal) <= len(replies.turns)
    for part in (shapes.young, shapes.old):
        assert len(part) <= BUDGET // 2
        for shape in part.values():
            assert len(shape.templates) <= MAX_PLACES
            assert len(shape.by_payload or ()) <= MAX_PAYLOADS
    for recent, most in ((ready._below, MAX_BELOW), (ready._places, MAX_CLIENTS), (ready._cookies, MAX_CLIENTS)):
        assert len(recent.young) <= most
        assert len(recent.old) <= most
    for below in (*ready._below.young.values(), *ready._below.old.values()):
        assert len(below._templates) <= MAX_LENGTHS


FLOODS: dict[str, tuple[int, Alike]] = {
    # fewer of those that are built each
    "unknown names": (100_000, lambda number: query(f"{number:x}.example.com.")),
    "names elsewhere": (100_000, lambda number: query(f"{number:x}.example.org.")),
    "letter cases": (100_000, lambda number: query(spelled(name("there.wild.example.com."), number))),
    "cookies": (100_000, lambda number: query("www.example.com.", A, opt(option(COOKIE, number.to_bytes(8))))),
    "subnets": (100_000, lambda number: query("geo.example.com.", A, opt(subnet(number.to_bytes(3))))),
    "addresses in full": (100_000, lambda number: query("sticky.example.com.", A, opt(subnet(number.to_bytes(4))))),
    "subnets that differ": (20_000, lambda number: query(CROWD, A, opt(subnet(number.to_bytes(3))))),
    "sizes": (40_000, lambda number: query("wide.example.com.", TXT, opt(payload=number + 1300))),
    "options": (40_000, lambda number: query("www.example.com.", A, opt(option(UNKNOWN, number.to_bytes(3))))),
    "deeper names": (40_000, lambda number: query(f"a.b.c.d.{number:x}.example.com.")),
    "types": (40_000, lambda number: query("www.example.com.", 300 + number)),
    "flags": (40_000, lambda number: query("alias.example.com.", 300 + number // 64, flags=number % 64 << 4)),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_what_does_not_come_again_neither_grows_nor_evicts_anything(levels: Levels, flood: str) -> None:
    settle(levels)
    count, packet = FLOODS[flood]
    answer, tally = levels.responder.answer, levels.tally
    for number in range(count):
        answer(packet(number), CLIENT, tally)
        if number % 5000 == 0:
            for index, alike in enumerate(REGULAR):
                assert levels.ask(alike(1), HOME)[1] is READY, index
                assert levels.ask(alike(1000 + number), HOME)[1] is TEMPLATE, index
    assert_bounded(levels.responder.ready)
    ready = levels.responder.ready
    kept_now = len(ready.replies.turns) + len(ready._shapes.young) + len(ready._shapes.old) + len(ready._below.young)
    assert kept_now < 300
    for alike in REGULAR:
        levels.check(alike(1), HOME)
        levels.check(alike(3), HOME)


TWICE: dict[str, Alike] = {
    "types": lambda number: query("www.example.com.", 300 + number),
    "types of names that are not there": lambda number: query("nowhere.example.com.", 300 + number),
    "sizes": lambda number: query("wide.example.com.", TXT, opt(payload=520 + number % 700)),
    "cookies": lambda number: query("www.example.com.", A, opt(option(COOKIE, number.to_bytes(8)))),
    "subnets": lambda number: query("sticky.example.com.", A, opt(subnet(number.to_bytes(3)))),
    "names": lambda number: query(f"{number:x}.example.com."),
}


@pytest.mark.parametrize("flood", TWICE)
def test_a_flood_of_what_comes_three_times_is_bounded_and_templates_in_use_stay(
    levels: Levels, flood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With little room, which is taken at once."""
    monkeypatch.setattr("gslb.nameserver.ready.BUDGET", 256)
    monkeypatch.setattr("gslb.nameserver.replies.MOST", 256)
    monkeypatch.setattr("gslb.nameserver.ready.MAX_BELOW", 64)
    monkeypatch.setattr("gslb.nameserver.ready.MAX_CLIENTS", 256)
    levels.responder.relocate()
    settle(levels)
    for number in range(2000):
        for _ in range(3):
            levels.ask(TWICE[flood](number), CLIENT)
        if number % 20 == 0:
            for index, alike in enumerate(REGULAR[:-1]):
                level = levels.ask(alike(1000 + number), HOME)[1]
                assert level in {TEMPLATE, READY}, (index, number)
    ready = levels.responder.ready
    assert len(ready.replies.turns) <= 256
    held = {**ready.replies._held, **ready.replies._theirs}
    assert sum(template.cost for template in held) <= 256
    for recent, most in ((ready._shapes, 256), (ready._below, 64), (ready._places, 256), (ready._cookies, 256)):
        assert len(recent.young) <= most
        assert len(recent.old) <= most
    for alike in REGULAR:
        levels.check(alike(1), HOME)
        levels.check(alike(3), HOME)


def test_one_packet_from_many_addresses_takes_no_room(levels: Levels) -> None:
    """The first of them has the place; the others are answered from the template."""
    settle(levels)
    packet = query("www.example.com.", A, opt(option(COOKIE, CLIENT_COOKIE)))
    for _ in range(4):
        levels.ask(packet, HOME)
    kept = len(levels.responder.ready.replies.turns)
    for number in range(2000):
        levels.ask(packet, f"203.0.113.{number % 250}")
    assert len(levels.responder.ready.replies.turns) == kept
    assert levels.ask(packet, HOME)[1] is READY


def test_ready_replies_make_room_at_times_and_are_back_at_once(levels: Levels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.nameserver.replies.MOST", 100)
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("gslb.nameserver.replies.time", SimpleNamespace(monotonic=lambda: clock.now))
    levels.responder.relocate()
    regular = query("www.example.com.")
    thrown_away = 0
    for number in range(3000):
        for _ in range(3):
            levels.check(query(spelled(name("ns1.example.com."), number), A))
        if levels.check(regular) is not READY:
            thrown_away += 1
            assert levels.check(regular) is not BUILT or number < 3
        clock.now += 0.01
        assert len(levels.responder.ready.replies.turns) <= 100
    assert 3 <= thrown_away <= 3000 * 0.01 / 5 + 4


# Changes


@pytest.mark.parametrize("prepared", [False, True])
def test_nothing_old_is_said_after_a_change(levels: Levels, *, prepared: bool) -> None:
    """Of what was ready before, and at any level."""
    packets = [alike(number) for alike, _, _ in ALIKE.values() for number in (0, 0, 0, 0, 1)]
    for source in (HOME, CLIENT):
        for packet in packets:
            levels.ask(packet, source)
    zone = Zone("example.com.", tuple(_changed(record) for record in levels.snapshot.zones[0].records))
    moved = tuple(
        service(str(it.name), (1, ["192.0.2.99"])) if not str(it.name).startswith("*.geo") else it
        for it in levels.snapshot.services
    )
    changed = replace(levels.snapshot, generation=8, zones=(zone, *levels.snapshot.zones[1:]), services=moved)
    levels.change(changed, prepared=prepared)
    for _ in range(4):
        for source in (HOME, CLIENT):
            for packet in packets:
                levels.check(packet, source)


def test_a_rule_that_was_empty_and_is_not_any_more_is_prepared(levels: Levels) -> None:
    """And one that is empty now, each for clients that get the same as before, and do not."""
    subnet_of = subnets("geo.example.com.")
    full = levels.snapshot
    emptied = tuple(
        structs.replace(it, rules=(structs.replace(it.rules[0], groups=()), *it.rules[1:])) if len(it.rules) > 1 else it
        for it in full.services
    )
    for generation, services in enumerate((emptied, full.services, emptied), 8):
        for source in SOURCES:
            for number in (1, 2, 3, 1, 2, 3, 1):
                levels.check(subnet_of(number), source)
                levels.check(spellings("geo.example.com.")(number), source)
        levels.change(replace(full, generation=generation, services=services), prepared=True)
    for source in SOURCES:
        for number in (1, 2, 3):
            levels.check(subnet_of(number), source)
            levels.check(spellings("geo.example.com.")(number), source)
    assert not levels.responder._reported


def test_a_table_is_taken_although_it_could_not_be_prepared(levels: Levels, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(Ready, "warm", fails)
    moved = replace(levels.snapshot, generation=8, zones=(_all_changed(levels.snapshot.zones[0]),))
    levels.change(moved, prepared=True)
    assert levels.responder.ready.table is levels.table
    levels.check(ALIKE["static"][0](1), HOME)


PREPARED = ("static", "NODATA", "an alias to a service", "weights", "windows", "withheld", "by subnet", "a cookie")


@pytest.mark.parametrize("case", PREPARED)
def test_what_was_asked_has_templates_before_a_table_is_in_use(levels: Levels, case: str) -> None:
    alike, _, _ = ALIKE[case]
    for _ in range(4):
        levels.ask(alike(1), HOME)
    services = tuple(structs.replace(it, ttl=it.ttl + 7) for it in levels.snapshot.services)
    changed = replace(levels.snapshot, generation=8, services=services)
    levels.change(replace(changed, zones=(_all_changed(levels.snapshot.zones[0]), *changed.zones[1:])), prepared=True)
    for number in (1, 2, 1):
        assert levels.check(alike(number), HOME) is not BUILT


def _all_changed(zone: Zone) -> Zone:
    return Zone(zone.origin, tuple(_changed(record) for record in zone.records))


def test_what_takes_too_long_to_prepare_is_left_for_when_it_is_asked_for(levels: Levels) -> None:
    packet = ALIKE["static"][0](1)
    for _ in range(4):
        levels.ask(packet, HOME)
    table = compile_table(replace(levels.snapshot, generation=8), None, Random(1))
    levels.responder.adopt(table, levels.responder.prepare(table, -1.0))
    assert levels.check(packet, HOME) is not BUILT  # nothing about it is different
    moved = replace(levels.snapshot, generation=9, zones=(_all_changed(levels.snapshot.zones[0]),))
    table = compile_table(moved, None, Random(1))
    levels.responder.adopt(table, levels.responder.prepare(table, -1.0))
    assert levels.ask(packet, HOME)[1] is BUILT


def test_what_was_prepared_before_something_else_changed_is_of_no_use(levels: Levels) -> None:
    responder = levels.responder
    before, table = responder.ready, compile_table(replace(levels.snapshot, generation=8), None, Random(1))
    prepared = responder.prepare(table, 1.0)
    assert prepared is not None
    assert prepared.succeeds(before)
    responder.relocate()
    responder.adopt(table, prepared)
    assert responder.ready is not prepared
    assert responder.ready.table is table
    other = structs.replace(SETTINGS, identity="another")
    assert responder.prepare(compile_table(replace(levels.snapshot, settings=other), None, Random(1)), 1.0) is None


def _changed(record: Record) -> Record:
    value = record.rdata.replace("192.0.2.", "198.18.0.") if record.type == "A" else record.rdata
    return Record(record.name, record.ttl + 1, record.type, value)


def test_nothing_of_former_settings_is_said(levels: Levels) -> None:
    packets = [alike(number) for alike, _, _ in ALIKE.values() for number in (0, 0, 0, 0, 1)]
    for settings in (DEFAULTS, structs.replace(SETTINGS, identity="another"), SETTINGS):
        levels.change(replace(levels.snapshot, settings=settings))
        for packet in packets:
            levels.check(packet, HOME)


def test_templates_before_there_is_anything_to_answer_are_of_no_use_after(levels: Levels) -> None:
    table = compile_table(levels.snapshot, None, Random(1))
    fresh = Levels()
    responder = fresh.responder
    responder._replace(Ready(None, responder.ready.features, responder._memory, responder._locate))
    for _ in range(5):
        response, _ = fresh.ask(query("www.example.com."))
        assert response is not None
        assert response[3] & 15 == 2
    fresh.responder.adopt(table)
    assert fresh.check(query("www.example.com.")) is BUILT


# What a listener may be using


class Retired:
    """Takes note of what is let go of, and of the templates in it."""

    def __init__(self) -> None:
        self.templates: set[Template] = set()

    def take(self, thing: object) -> None:
        for part in thing.items() if isinstance(thing, dict) else thing if isinstance(thing, tuple) else ():
            self.take(part)
        match thing:
            case Template():
                self.templates.add(thing)
            case Shape():
                self.take((thing.template, thing.templates, thing.by_payload))
            case Below():
                self.take(thing._templates)


def templates_of(ready: Ready) -> set[Template]:
    """All that responses may come from."""
    found = Retired()
    shapes, below = ready._shapes, ready._below
    found.take((*shapes.parts, *below.parts, ready.replies._held, ready.replies._theirs))
    return found.templates


def test_a_template_that_takes_the_place_of_another_lets_go_of_that(levels: Levels) -> None:
    """As where two threads learn the same."""
    retired = Retired()
    responder = levels.responder
    responder._memory = responder._memory._replace(retire=retired.take)
    responder.relocate()
    for asked, type_ in (("www.example.com.", A), ("geo.example.com.", A), ("wide.example.com.", TXT)):
        packet = query(asked, type_, opt())
        for _ in range(2):
            levels.ask(packet, HOME)
        before = templates_of(responder.ready)
        responder.build(responder.ready, packet, HOME, levels.tally)
        gone = before - templates_of(responder.ready)
        assert len(gone) == 1
        assert gone <= retired.templates


CHURN: dict[str, Alike] = {
    "spellings": spellings("www.example.com."),
    "types": lambda number: query("www.example.com.", 300 + number),
    "sizes": lambda number: query("wide.example.com.", TXT, opt(payload=520 + number % 700)),
    "places": lambda number: query(CROWD, A, opt(subnet(number.to_bytes(3)))),
    "lengths": lambda number: query(name("n" * (1 + number % 60))[:-1] + name("example.com.")),
    "lengths of a wildcard": lambda number: query(name("n" * (1 + number % 60))[:-1] + name("pool.example.com.")),
    "cookies": lambda number: query("www.example.com.", 300 + number, opt(option(COOKIE, number.to_bytes(8)))),
}


@pytest.mark.parametrize("churn", CHURN)
def test_no_template_is_gone_that_was_not_let_go_of(
    levels: Levels, churn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With little room, and none of the patience that there is with others."""
    for module, limit, value in (
        ("ready", "BUDGET", 16),
        ("replies", "MOST", 64),
        ("ready", "MAX_BELOW", 16),
        ("ready", "MAX_PLACES", 4),
        ("ready", "MAX_PAYLOADS", 4),
        ("below", "MAX_LENGTHS", 4),
        ("kept", "_PAUSE", -1.0),
        ("replies", "_PAUSE", -1.0),
        ("below", "_PAUSE", -1.0),
    ):
        monkeypatch.setattr(f"gslb.nameserver.{module}.{limit}", value)
    retired = Retired()
    levels.responder._memory = levels.responder._memory._replace(retire=retired.take)
    levels.responder.relocate()
    seen: set[Template] = set()
    for number in range(400):
        for _ in range(
            1 if "lengths" in churn and number > 9 else 3
        ):  # what comes again is kept in another place as well
            levels.ask(CHURN[churn](number), HOME)
        if number % 100 == 99:
            levels.responder.ready.renew()
        now = templates_of(levels.responder.ready)
        seen |= now
        retired.templates -= now  # too early: a listener may yet come to use it
        gone = seen - now - retired.templates
        assert not gone, number
    assert retired.templates or churn == "spellings"

"""What servers are asked: the mixes, and the lines that ``loadgen.c`` reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random

from tests.bench.dns.subnets import answer, subnets
from tests.bench.dns.zone import GEO, HOSTS, REGIONS, SERVICE, ZONE

NOERROR, NXDOMAIN = "NOERROR", "NXDOMAIN"
RATE = 20_000
"""Queries a second in the paced mix."""
_DRAWN = 20_000
"""Queries of a mix that are drawn anew for each round, and then asked in turn."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query, and what is a right reply to it.

    Attributes:
        name: as it is written into the packet, without the final dot.
        type: A or AAAA.
        rcode: NOERROR or NXDOMAIN.
        addresses: every answer record has to be one of these; none: there must be no answer record.
        subnet: of the client, in CIDR form; empty: none is told.
    """

    name: str
    type: str = "A"
    rcode: str = NOERROR
    addresses: tuple[str, ...] = ()
    subnet: str = ""

    def line(self) -> str:
        """As ``loadgen.c`` reads it."""
        return f"{self.name} {self.type} {self.rcode} {','.join(self.addresses) or '-'} {self.subnet or '-'}"


class Mode(StrEnum):
    """How ``loadgen.c`` asks; it says what each is."""

    CLOSED = "closed"
    FLOOD = "flood"
    COOKIES = "cookies"
    PACED = "paced"


@dataclass(frozen=True, slots=True)
class Mix:
    """What is asked, and how.

    Attributes:
        about: for those who read the table.
        queries: made from a source of chance, which differs by round.
    """

    about: str
    queries: Callable[[Random], list[Query]]
    mode: Mode = Mode.CLOSED


def _hot(_: Random) -> list[Query]:
    return [Query(SERVICE, addresses=tuple(REGIONS))]


def _existing() -> list[Query]:
    return [
        query
        for host in HOSTS
        for query in (Query(host.name, "A", NOERROR, (host.ipv4,)), Query(host.name, "AAAA", NOERROR, (host.ipv6,)))
    ]


def _mix(random: Random) -> list[Query]:
    queries = _existing() + [Query(f"nx{i}.{ZONE}", rcode=NXDOMAIN) for i in range(len(HOSTS))]
    random.shuffle(queries)
    return queries


def _case(random: Random) -> list[Query]:
    hosts = random.choices(HOSTS, k=_DRAWN)
    return [Query(mixed_case(host.name, random), addresses=(host.ipv4,)) for host in hosts]


def _nx(random: Random) -> list[Query]:
    return [Query(f"{random.getrandbits(40):010x}.{ZONE}", rcode=NXDOMAIN) for _ in range(_DRAWN)]


def _subnets(random: Random) -> list[Query]:
    queries = [Query(GEO, addresses=(answer(country),), subnet=subnet) for subnet, country in subnets().items()]
    random.shuffle(queries)
    return queries


def mixed_case(name: str, random: Random) -> str:
    """``name`` with each letter in a case of its own (draft-vixie-dnsext-dns0x20)."""
    return "".join(random.choice((letter.lower(), letter.upper())) for letter in name)


MIXES: Mapping[str, Mix] = {
    "hot": Mix("one name", _hot),
    "mix": Mix("1,000 names: A, AAAA, and as many that do not exist", _mix),
    "case": Mix("random letter case", _case),
    "nx": Mix("random names that do not exist", _nx),
    "cookies": Mix("one name, 5,000 clients with cookies", _hot, Mode.COOKIES),
    "ecs": Mix("one name, 5,000 client subnets", _subnets),
    "flood": Mix("no packet seen before, half of the names exist", lambda _: _existing(), Mode.FLOOD),
    "paced": Mix(f"as mix, at {RATE:,} queries a second", _mix, Mode.PACED),
}


def write_queries(path: Path, queries: Sequence[Query]) -> None:
    """Write ``queries`` for ``loadgen.c``."""
    path.write_text("".join(f"{query.line()}\n" for query in queries), encoding="ascii")

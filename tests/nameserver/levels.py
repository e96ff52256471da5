"""A responder that keeps answers ready beside one that builds each of them, and queries byte by byte to ask both."""

import struct
from collections.abc import Iterable
from enum import Enum
from itertools import repeat
from random import Random

from gslb.model.area import parse_area
from gslb.model.steering import NoAnswer, Pick, RecordType, Rule, Steering
from gslb.nameserver.clients import packed
from gslb.nameserver.replies import Personal
from gslb.nameserver.responder import Places, Responder
from gslb.nameserver.settings import Settings
from gslb.nameserver.snapshot import Record, Snapshot, Zone
from gslb.nameserver.table import compile_table
from gslb.nameserver.tally import Tally, responses
from tests.nameserver.support import CLIENT, SERVICES, ZONES, group, parted, service

SECRET = "000102030405060708090a0b0c0d0e0f"
SETTINGS = Settings(identity="levels", version="levels", cookie_secrets=(SECRET,), explain=("192.0.2.0/28",))
TELLER = "192.0.2.1"
"""is told explanations"""

LONG = ".".join(["x" * 63, "y" * 63, "z" * 63])
EXTRA = (
    Record("UPPER.example.com.", 300, "A", "192.0.2.6"),
    Record("by\\000te.example.com.", 300, "A", "192.0.2.7"),
    Record("\\000.example.com.", 300, "TXT", '"a zero"'),
    Record("a\\000.example.com.", 300, "TXT", '"a zero at the end"'),
    Record("bare.example.com.", 300, "NS", "ns.elsewhere.invalid."),
    Record("in.bare.example.com.", 300, "A", "192.0.2.8"),
    Record("sibling.example.com.", 300, "NS", "ns.child.example.com."),
    Record("*.text.example.com.", 300, "TXT", " ".join(f'"{"t" * 200}"' for _ in range(3))),
    Record("*.tight.text.example.com.", 300, "TXT", f'"{"t" * 250}" "{"t" * 100}"'),
    Record("*.mail.example.com.", 300, "MX", "10 www.example.com."),
    Record("mail.example.com.", 300, "MX", "10 www.example.com."),
    Record("*.self.example.com.", 300, "CNAME", "x.self.example.com."),
    Record("wide.example.com.", 300, "TXT", " ".join(f'"{"w" * 200}"' for _ in range(4))),
    Record(f"{LONG}.example.com.", 300, "TXT", f'"{"l" * 200}"'),
    Record("below.*.star.example.com.", 300, "A", "192.0.2.9"),
)
OTHERS = (
    *ZONES[1:],
    Zone("deep.er.sub.example.com.", (Record("deep.er.sub.example.com.", 30, "SOA", "a. b. 1 2 3 4 5"),)),
)
LEVEL_ZONES = (Zone("example.com.", (*ZONES[0].records, *EXTRA)), *OTHERS)

ONE, TWO, THREE = (group(f"r{number}", f"203.0.113.{number}") for number in (1, 2, 3))
HOME, AWAY = parse_area("198.51.100.0/24"), parse_area("2001:db8::/32")
BOTH = (RecordType.A, RecordType.AAAA)


def _geo(name: str) -> Steering:
    return parted(name, Rule(HOME, (ONE,)), Rule(AWAY, (TWO,)), Rule(None, (THREE,)))


def _sticky(name: str) -> Steering:
    return parted(name, Rule(None, (ONE, TWO, group("r3", "203.0.113.3", "203.0.113.4")), Pick.STICKY))


CROWD = "crowd.example.com."
"""where hardly any two networks are given the same"""

TOLD_APART = (
    _geo("geo.example.com."),
    _geo("*.geo.example.com."),
    _sticky("sticky.example.com."),
    _sticky("*.sticky.example.com."),
    parted(CROWD, Rule(None, (group("r1", *[f"203.0.113.{number}" for number in range(50, 80)]),), Pick.STICKY)),
    parted("half.example.com.", Rule(HOME, (ONE,)), Rule(None, (), no_answer=NoAnswer.NODATA)),
    parted("*.half.example.com.", Rule(HOME, (ONE,)), Rule(None, ())),
)
ALIKE = (
    parted("withheld.example.com.", Rule(None, (ONE,), withheld=64)),
    parted("*.withheld.example.com.", Rule(None, (ONE,), no_answer=NoAnswer.NODATA, withheld=128)),
    service("*.down.example.com."),
    service("*.empty.example.com.", no_answer=NoAnswer.NODATA),
    service("*.pool.example.com.", (1, ["203.0.113.21", "203.0.113.22", "203.0.113.23"]), answers=1),
)
LEVEL_SERVICES = (*SERVICES, *TOLD_APART, *ALIKE)


class Level(Enum):
    """Where a response comes from."""

    BUILT = "the general path"
    TEMPLATE = "a template"
    READY = "a ready reply"


class Levels:
    """A responder as a listener uses it, and one beside it of which nothing is used twice; of the same answers."""

    def __init__(
        self,
        *services: Steering,
        zones: tuple[Zone, ...] = LEVEL_ZONES,
        settings: Settings = SETTINGS,
        places: Places | None = None,
    ) -> None:
        self.responder, self._builder = Responder(places), Responder(places)
        self.tally = Tally("udp")
        self.change(Snapshot(7, zones, services or LEVEL_SERVICES, settings=settings))

    def change(self, snapshot: Snapshot, *, prepared: bool = False) -> None:
        """Answer from ``snapshot`` from now on. Of it there are two tables, for turns and counts move on in each.

        ``prepared``: what was asked of the former one is made ready before.
        """
        self.snapshot = snapshot
        self.table = compile_table(snapshot, None, Random(1))
        self.responder.adopt(self.table, self.responder.prepare(self.table, 60.0) if prepared else None)
        self._builder.adopt(compile_table(snapshot, None, Random(1)))

    def ask(self, packet: bytes, source: str = CLIENT) -> tuple[bytes | None, Level]:
        """The response, and where it came from."""
        turns = self.responder.ready.replies.turns.get(bytes(2) + packet[2:])
        before = self.tally.ready
        response = self.responder.answer(packet, source, self.tally)
        if self.tally.ready == before:
            return response, Level.BUILT
        personal = next(turns) if isinstance(turns, repeat) else None
        if turns is None or (isinstance(personal, Personal) and personal.address != packed(source)):
            return response, Level.TEMPLATE
        return response, Level.READY

    def built(self, packet: bytes, source: str = CLIENT) -> bytes | None:
        """What the general path says."""
        return self._builder.build(self._builder.ready, packet, source, Tally("udp"))

    def check(self, packet: bytes, source: str = CLIENT, *, most: int = 300) -> Level:
        """Ask once: what is said is what the general path says, at some turn of the first ``most``."""
        response, level = self.ask(packet, source)
        said = []
        for _ in range(most):
            said.append(self.built(packet, source))
            if response == said[-1]:
                return level
        raise AssertionError((level, packet, source, response, said[:3]))

    @property
    def rcodes(self) -> dict[str, int]:
        """Responses by rcode, as they are reported."""
        return responses([self.tally], self.responder.counters)

    def regions(self, name: bytes) -> dict[str, int]:
        """Answers of a service by region, likewise."""
        return self.table.services[name].served.counts()


A, NS, CNAME, SOA, MX, TXT, AAAA, DNAME, DS, ANY = 1, 2, 5, 6, 15, 16, 28, 39, 43, 255
RD, DO = 0x0100, 0x8000
NSID, EXPIRE, ECS, COOKIE, UNKNOWN = 3, 9, 8, 10, 65001
CLIENT_COOKIE = bytes(range(8))


def option(code: int, value: bytes = b"") -> bytes:
    return struct.pack(">HH", code, len(value)) + value


def subnet(address: bytes, bits: int | None = None, *, family: int = 0, scope: int = 0) -> bytes:
    """A client subnet option with these octets, and nothing about them checked."""
    known = family or (1 if len(address) <= 4 else 2)
    return option(ECS, struct.pack(">HBB", known, 8 * len(address) if bits is None else bits, scope) + address)


def opt(options: bytes = b"", *, payload: int = 1232, version: int = 0, flags: int = 0) -> bytes:
    return b"\0" + struct.pack(">HHBBHH", 41, payload, 0, version, flags, len(options)) + options


def name(text: str) -> bytes:
    """Wire form, with the letters as they are; ``\\0`` is an octet of a label."""
    labels = [label.encode("latin-1") for label in text.split(".") if label]
    return b"".join(len(label).to_bytes() + label for label in labels) + b"\0"


def spelled(wire: bytes, number: int) -> bytes:
    """The letters of a name in the case that the bits of ``number`` say, from its beginning on."""
    made, at = bytearray(wire), 0
    while (length := wire[at]) and number:
        for index in range(at + 1, at + 1 + length):
            if made[index : index + 1].isalpha():
                made[index] ^= 0x20 if number & 1 else 0
                number >>= 1
        at += length + 1
    return bytes(made)


def query(
    asked: str | bytes,
    type_: int = A,
    *records: bytes,
    rdclass: int = 1,
    flags: int = RD,
    id_: int = 0x1234,
    counts: Iterable[int] | None = None,
) -> bytes:
    """A query with some additional records."""
    question = (asked if isinstance(asked, bytes) else name(asked)) + struct.pack(">HH", type_, rdclass)
    numbers = (1, 0, 0, len(records)) if counts is None else tuple(counts)
    return struct.pack(">6H", id_, flags, *numbers) + question + b"".join(records)

"""Random packets over sockets, to the listener that takes batches and to the one that does not, beside a reference.

Both say the same bytes. So does the reference, which is made of dnspython, or there is a reason: the table below.
"""

import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from random import Random
from types import SimpleNamespace

import dns.edns
import dns.exception
import dns.message
import pytest
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.model.steering import NoAnswer, RecordType
from gslb.nameserver import features
from gslb.nameserver.batch import pin
from gslb.nameserver.parts import as_they_are
from gslb.nameserver.responder import Responder
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.table import compile_table
from gslb.nameserver.transfer import outgoing
from gslb.nameserver.udp import UdpListener, open_udp
from tests.nameserver.levels import (
    COOKIE,
    ECS,
    EXPIRE,
    LEVEL_ZONES,
    NSID,
    RD,
    SETTINGS,
    UNKNOWN,
    name,
    opt,
    option,
    query,
    spelled,
    subnet,
)
from tests.nameserver.packets import mutated, seeds
from tests.nameserver.reference import COOKIE_SERVER, Reference, Service, Unread
from tests.nameserver.support import service

A, AAAA = RdataType.A, RdataType.AAAA
BOTH = (RecordType.A, RecordType.AAAA)
SERVICES = (
    service("api.example.com.", (1, ["203.0.113.1"])),
    service("*.any.example.com.", (1, ["203.0.113.7"])),
    service("dual.deep.example.com.", (1, ["203.0.113.6", "2001:db8::6"]), types=BOTH),
    service("down.example.com.", types=BOTH),
    service("empty.example.com.", no_answer=NoAnswer.NODATA),
    service("example.com.", (1, ["203.0.113.3"])),
)
SAME = {
    "api.example.com.": Service({A: "203.0.113.1"}, (A,)),
    "*.any.example.com.": Service({A: "203.0.113.7"}, (A,)),
    "dual.deep.example.com.": Service({A: "203.0.113.6", AAAA: "2001:db8::6"}, (A, AAAA)),
    "down.example.com.": Service({}, (A, AAAA)),
    "empty.example.com.": Service({}, (A,), fails=False),
    "example.com.": Service({A: "203.0.113.3"}, (A,)),
}
ROUNDS = 4
"""times that each packet is sent: until it is answered by what is kept ready for it"""
MOST = 40
"""packets under way at once"""
_POINTER = 0xC0
LAST = 0xFFFF
SENTINEL = query("example.com.", RdataType.SOA, id_=LAST)
"""comes behind the others: what has not been answered by then will not be"""


# Asking both


class Paths:
    """Both listeners, with a responder each, and how to ask them."""

    def __init__(self, stack: ExitStack) -> None:
        self.died: list[str] = []
        self._clients: list[socket.socket] = []
        for batched in (True, False):
            sock = stack.enter_context(open_udp(socket.AF_INET, "127.0.0.1", 0, reuse_port=False))
            responder = Responder(pin=pin if batched else as_they_are)
            snapshot = Snapshot(7, LEVEL_ZONES, SERVICES, settings=SETTINGS)
            responder.adopt(compile_table(snapshot, None, Random(1)))
            listener = UdpListener(sock, responder, lambda which=batched: self.died.append(str(which)), batched=batched)  # type: ignore[misc]
            listener.start()
            stack.callback(listener.stop)
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
            client.settimeout(20)
            client.connect(sock.getsockname())
            self._clients.append(client)

    def ask(self, packets: Sequence[bytes]) -> list[bytes | None]:
        """What both of them say in some rounds: the same each time, which is given without its id."""
        said: list[list[bytes | None]] = []
        for _ in range(ROUNDS):
            for client in self._clients:  # all of them at once, so that batches are mixtures
                for index, packet in enumerate(packets):
                    client.send(packet if len(packet) < 2 else struct.pack(">H", index) + packet[2:])
                client.send(SENTINEL)
            said += [_received(client, len(packets)) for client in self._clients]
        first = said[0]
        for number, other in enumerate(said):
            for index, packet in enumerate(packets):
                assert other[index] == first[index], (("batched", "plain")[number % 2], number // 2, packet)
        assert not self.died
        return first


def _received(client: socket.socket, count: int) -> list[bytes | None]:
    found: list[bytes | None] = [None] * count
    while (number := int.from_bytes((response := client.recv(65535))[:2])) != LAST:
        assert found[number] is None
        found[number] = response[2:]
    return found


@contextmanager
def _paths() -> Iterator[Paths]:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for module in (features, outgoing):  # cookies and signatures are those of one moment
            patch.setattr(module, "time", SimpleNamespace(time=lambda: 1_800_000_000.0))
        yield Paths(stack)


@pytest.fixture(scope="module")
def paths() -> Iterator[Paths]:
    with _paths() as made:
        yield made


@pytest.fixture(scope="module")
def reference() -> Reference:
    zones = {zone.origin: [(it.name, it.ttl, it.type, it.rdata) for it in zone.records] for zone in LEVEL_ZONES}
    return Reference(zones, SAME, SETTINGS.identity, SETTINGS.version)


# Why the reference may say something else


@dataclass(frozen=True)
class Difference:
    """A packet of which the reference has something else to say, or which it does not read: then that is None.

    Attributes:
        packet: as sent.
        ours: what is said, with the id of the packet.
        theirs: what the reference says.
        trouble: what it says of a packet that it does not read.
    """

    packet: bytes
    ours: bytes
    theirs: bytes | None
    trouble: str = ""

    @property
    def rcode(self) -> Rcode:
        return dns.message.from_wire(self.ours, continue_on_error=True, keyring=False).rcode()

    @property
    def is_bare(self) -> bool:
        """There are no records in it but maybe an OPT record, and no flags but those that come back."""
        flags, _, *records = struct.unpack_from(">HHHHH", self.ours, 2)
        (asked,) = struct.unpack_from(">H", self.packet, 2)
        return records in ([0, 0, 0], [0, 0, 1]) and flags & 0xFFF0 == 0x8000 | asked & 0x7900

    @property
    def is_fault(self) -> bool:
        """It is told that the packet is malformed, or, where that comes first, of a kind that is not known."""
        expected = Rcode.NOTIMP if self.packet[2] & 0x78 else Rcode.FORMERR
        return self.is_bare and self.rcode == expected

    @property
    def options(self) -> list[tuple[int, bytes]]:
        """Those of the query, as far as they can be read."""
        found, at = [], self.packet.find(b"\0\0\x29", _name_end(self.packet) + 5) + 11
        while 11 <= at <= len(self.packet) - 4:
            code, length = struct.unpack_from(">HH", self.packet, at)
            found.append((code, self.packet[at + 4 : at + 4 + length]))
            at += 4 + length
        return found

    @property
    def subnets(self) -> list[bytes]:
        return [data for code, data in self.options if code == ECS]


@dataclass(frozen=True)
class Reason:
    """Why a difference is right, and the RFC that says so."""

    about: str
    rfc: str
    holds: Callable[[Difference], bool]


def _malformed(it: Difference) -> bool:
    return it.theirs is None and it.is_fault


def _no_family(it: Difference) -> bool:
    return it.trouble == "unsupported family" and not it.is_fault and bytes(4) in it.subnets


def _other_version(it: Difference) -> bool:
    return it.theirs is None and it.rcode == Rcode.BADVERS


def _two_subnets(it: Difference) -> bool:
    return it.is_fault and len(it.subnets) > 1


def _scope(it: Difference) -> bool:
    return it.is_fault and any(len(data) > 3 and data[3] for data in it.subnets)


def _pointer(it: Difference) -> bool:
    at = _name_end(it.packet)
    return it.is_fault and at < len(it.packet) and it.packet[at] >= _POINTER


def _questions(it: Difference) -> bool:
    return it.is_fault and struct.unpack_from(">H", it.packet, 4)[0] > 1


def _signed(it: Difference) -> bool:
    return it.rcode in {Rcode.NOTAUTH, Rcode.FORMERR} and bytes.fromhex("00fa00ff") in it.packet


def _other_records(it: Difference) -> bool:
    records = sum(struct.unpack_from(">HHH", it.packet, 6))
    return it.theirs is None and not it.is_fault and (records > 1 or b"\0\0\x29" not in it.packet)


def _two_cookies(it: Difference) -> bool:
    return it.theirs is None and not it.is_fault and [code for code, _ in it.options].count(COOKIE) > 1


TABLE = (
    Reason("what dnspython does not read is malformed", "RFC 1035, section 4.1", _malformed),
    Reason("no family is right where no address is told", "RFC 7871, section 7.1.2", _no_family),
    Reason("options of another version are not read", "RFC 6891, section 6.1.3", _other_version),
    Reason("two subnets are malformed", "RFC 7871, section 7.1", _two_subnets),
    Reason("a scope in a query is malformed", "RFC 7871, section 7.2.1", _scope),
    Reason("of several cookies the first counts", "RFC 7873, section 5.2", _two_cookies),
    Reason("a question has no pointer", "RFC 1035, section 4.1.4: there is no prior name", _pointer),
    Reason("there is one question", "RFC 9619, section 4", _questions),
    Reason("who signs is answered only with a key", "RFC 8945, section 5.2.1", _signed),
    Reason("rdata of records in a query is not read", "RFC 8906, section 3", _other_records),
)
"""Every one of them is needed for some packet."""


def _name_end(packet: bytes) -> int:
    """Where the name of the question has its last octet, or a pointer."""
    at = 12
    while at < len(packet) and 0 < packet[at] < _POINTER:
        at += packet[at] + 1
    return at


def differences(packets: Sequence[bytes], said: Sequence[bytes | None], reference: Reference) -> Iterator[Difference]:
    """Those packets of which the reference does not say the same bytes."""
    for packet, body in zip(packets, said, strict=True):
        try:
            theirs = reference.respond(packet)
        except Unread as error:
            assert body is not None, packet
            yield Difference(packet, packet[:2] + body, None, str(error.__cause__))
            continue
        if body is None or theirs is None:
            assert body is theirs is None, packet
            continue
        ours = packet[:2] + body
        if ours != _with_cookie(theirs, ours):
            yield Difference(packet, ours, theirs)


def _with_cookie(theirs: bytes, ours: bytes) -> bytes:
    """The reference's response with the server's cookie of ours, where both have room for one."""
    at = theirs.rfind(COOKIE_SERVER)
    if len(theirs) != len(ours) or theirs[at - 12 : at - 8] != b"\0\x0a\0\x18":
        return theirs
    return theirs[:at] + ours[at : at + len(COOKIE_SERVER)] + theirs[at + len(COOKIE_SERVER) :]


def explain(packets: Sequence[bytes], paths: Paths, reference: Reference) -> Counter[str]:
    """Ask all of them; how often each reason was needed."""
    needed: Counter[str] = Counter()
    for start in range(0, len(packets), MOST):
        part = packets[start : start + MOST]
        for difference in differences(part, paths.ask(part), reference):
            reason = next((reason for reason in TABLE if reason.holds(difference)), None)
            assert reason is not None, difference
            needed[reason.about] += 1
    return needed


# Packets


SERVED = sorted({it.name for zone in LEVEL_ZONES for it in zone.records} | {str(it.name) for it in SERVICES})
NAMES = [
    dns.name.from_text(text).to_digestable() for text in (*SERVED, ".", "com.", "www.example.org.", "version.bind.")
]
LABELS = (b"a", b"a\0", b"\0", b"*", b"_explain", b"WWW", b"ns", b"x" * 63, b"x" * 30, b"deep", b"\x07example")
TYPES = (1, 1, 1, 28, 16, 2, 6, 5, 15, 39, 43, 255, 252, 251, 41, 250, 65280)
RECORD = b"\0" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes(4)


@st.composite
def names(draw: st.DrawFn) -> bytes:
    labels = draw(st.lists(st.sampled_from(LABELS), max_size=5))
    wire = b"".join(len(label).to_bytes() + label for label in labels) + draw(st.sampled_from(NAMES))
    return spelled(wire, draw(st.integers(0, 2**16 - 1) | st.just(0)))


@st.composite
def subnets(draw: st.DrawFn) -> bytes:
    """Of either family or none, with every length, some of them malformed."""
    family, bits = draw(st.sampled_from([(1, 32), (1, 32), (2, 128), (2, 128), (0, 0), (3, 8)]))
    source = draw(st.integers(0, bits) | st.sampled_from([0, 8, 24]))
    size = (source + 7) // 8
    known = draw(
        st.sampled_from([b"\xc6\x33\x64\x07", b"\x20\x01\x0d\xb8", bytes(10) + b"\xff\xff\xc6\x33\x64", bytes(16)])
    )
    address = bytearray(known.ljust(16, b"\0")[:size])
    if address and draw(st.integers(0, 9)):
        address[-1] &= 0xFF << -source % 8 & 0xFF
    address += draw(st.sampled_from([b""] * 9 + [b"\0"]))
    return (
        subnet(bytes(address), source, family=family, scope=draw(st.sampled_from([0] * 9 + [8])))
        if family
        else (option(ECS, struct.pack(">HBB", 0, source, 0) + address))
    )


def cookies() -> st.SearchStrategy[bytes]:
    sizes = st.sampled_from([8] * 5 + [16, 24, 24, 24, 40, 0, 7, *range(9, 16), 41])
    return sizes.map(lambda size: option(COOKIE, bytes(range(1, 1 + size))))


def options() -> st.SearchStrategy[bytes]:
    asked = st.sampled_from([option(code) for code in (NSID, EXPIRE, 11, 12)])
    other = st.binary(max_size=9).map(lambda data: option(UNKNOWN, data))
    return st.lists(subnets() | cookies() | asked | other, max_size=3).map(b"".join)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    sizes = st.sampled_from([0, 512, 600, 860, 900, 1232, 1232, 1232, 4096, 65535])
    made = opt(
        draw(options()),
        payload=draw(sizes),
        version=draw(st.sampled_from([0] * 9 + [1, 255])),
        flags=draw(st.sampled_from([0, 0, 0x8000, 0x7FFF])),
    )
    return draw(st.sampled_from([made] * 12 + [RECORD, b"\1x" + made, made[:-1], made + b"x"]))


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    count = draw(st.sampled_from([0, 1, 1, 1, 1, 2]))
    found = [draw(records()) for _ in range(count)]
    section = draw(st.sampled_from([2] * 20 + [0, 1]))
    counts = [1, 0, 0, 0]
    counts[1 + section] = count
    flags = draw(st.sampled_from([RD] * 6 + [0, 0, 0x0110, 0x07F0, 0x2000, 0x2900, 0x0800, 0x7800, 0x8000]))
    rdclass = draw(st.sampled_from([1] * 12 + [255, 3, 254, 0]))
    return query(draw(names()), draw(st.sampled_from(TYPES)), *found, rdclass=rdclass, flags=flags, counts=counts)


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Queries with every mixture of options, some of them with octets changed, and mere octets."""
    made = bytearray(draw(queries() | queries() | queries() | st.binary(max_size=60)))
    match draw(st.integers(0, 11)):
        case 0 if made:
            for _ in range(draw(st.integers(1, 3))):
                made[draw(st.integers(0, len(made) - 1))] = draw(st.integers(0, 255))
        case 1:
            del made[draw(st.integers(0, len(made))) :]
        case 2:
            made += draw(st.binary(min_size=1, max_size=4))
        case 3 if len(made) > 5:
            made[4:6] = draw(st.integers(0, 2)).to_bytes(2)
    return bytes(made)


# What holds


@settings(max_examples=150)
@given(burst=st.lists(packets(), min_size=1, max_size=16))
def test_both_listeners_say_what_the_reference_says(paths: Paths, reference: Reference, burst: list[bytes]) -> None:
    explain(burst, paths, reference)


SUBNET = subnet(b"\xc6\x33\x64")
EACH = (b"", SUBNET, option(COOKIE, bytes(8)), option(NSID))
LISTED = (
    *(query(wire, type_) for wire in NAMES for type_ in (1, 28, 16, 2, 6, 255)),
    *(
        query(wire, 1, opt(options))
        for wire in NAMES
        for options in (b"", SUBNET, option(COOKIE, bytes(8)), option(NSID))
    ),
    *(query(b"\1x" + wire, type_, opt(payload=4096)) for wire in NAMES for type_ in (1, 16)),
    *(query(b"\1x\1y" + wire) for wire in NAMES),
    query("www.example.com.", 1, opt(option(ECS, bytes(4)))),
    query("www.example.com.", 1, opt(SUBNET + SUBNET)),
    query("www.example.com.", 1, opt(subnet(b"\xc6\x33\x64", scope=24))),
    query("www.example.com.", 1, opt(b"\0\x0a", version=1)),
    query("www.example.com.", 1, opt(option(COOKIE, bytes(9)))),
    query("www.example.com.", 1, opt(option(COOKIE, bytes(8)) + option(COOKIE, bytes(9)))),
    query(b"\3www\xc0\x04", 1),
    query(b"\3www\xc0\x0c", 1),
    query("www.example.com.", 1, name("www.example.com.") + struct.pack(">HH", 1, 1), counts=(2, 0, 0, 0)),
    query("www.example.com.", 1, RECORD[:-4] + bytes(3), opt()),
    query("www.example.com.", 1, RECORD[:9] + b"\0\3abc", opt()),
    query(b"", counts=(0, 0, 0, 1)) + opt(option(COOKIE, bytes(8))),
    query(b"", counts=(0, 0, 0, 0))[:12],
    query(b"", counts=(0, 0, 0, 1))[:12] + opt(option(COOKIE, bytes(8))),
    query(b"", counts=(0, 0, 0, 1))[:12] + opt(version=1),
)


def test_every_reason_is_needed(paths: Paths, reference: Reference) -> None:
    """Of packets that are listed and that chance makes of others: a reason that is never one is out of date."""
    known = seeds()
    needed = explain([*LISTED, *known], paths, reference)
    needed += explain(list(islice(mutated(Random(7), [*known, *LISTED]), 4000)), paths, reference)
    assert set(needed) == {reason.about for reason in TABLE}


def test_responses_can_be_read(paths: Paths) -> None:
    """By dnspython, but for a client subnet of no family."""
    asked = [packet for packet in (*LISTED, *seeds()) if bytes.fromhex("0008000400000000") not in packet]
    for start in range(0, len(asked), MOST):
        part = asked[start : start + MOST]
        for packet, body in zip(part, paths.ask(part), strict=True):
            if body is not None and not packet[2] & 0x78:
                read = dns.message.from_wire(packet[:2] + body, keyring=False)
                assert read.id == int.from_bytes(packet[:2])

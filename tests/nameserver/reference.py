"""A slow nameserver of zones and services with one answer each, made of dnspython and of what RFCs say.

It shares nothing with gslb: packets are read and records written by dnspython, and zones are those of dnspython.
Whoever reads this should find the RFCs again; no answer is kept, and nothing is done for speed.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rcode import Rcode
from dns.rdatatype import RdataType

PLAIN, MOST = 512, 1232
"""bytes of a response over UDP: without EDNS (RFC 1035, section 4.2.1), and at most"""
CHAIN = 16
"""aliases that are followed"""
ADDRESSES = (RdataType.A, RdataType.AAAA)
HELPED = (RdataType.NS, RdataType.MX)
"""types of these zones that addresses help with (RFC 1034, section 4.3.2)"""
COOKIE_SERVER = bytes(16)
"""in place of a server's cookie, which takes a secret and a clock: what can be told is its size (RFC 9018)"""

_EXPIRE = dns.edns.OptionType(9)

RRsets = list[dns.rrset.RRset]


@dataclass(frozen=True)
class Service:
    """What is said at one name: one address per type, or why there is none."""

    addresses: Mapping[RdataType, str]
    types: tuple[RdataType, ...]
    fails: bool = True
    ttl: int = 30
    negative_ttl: int = 5


@dataclass
class Said:
    """What is said, before it is written. ``helpful`` may be left out, from its end."""

    rcode: Rcode
    authoritative: bool = False
    answer: RRsets = field(default_factory=list)
    authority: RRsets = field(default_factory=list)
    additional: RRsets = field(default_factory=list)
    helpful: RRsets = field(default_factory=list)
    error: tuple[int, str] | None = None


class Unread(Exception):  # noqa: N818  it is no error of ours
    """dnspython does not read the packet."""


class Reference:
    """Answers packets as a nameserver would.

    Args:
        zones: records as text, by origin.
        services: by name.
        identity: what NSID and the CHAOS class tell.
        version: likewise.
    """

    def __init__(
        self,
        zones: Mapping[str, Iterable[tuple[str, int, str, str]]],
        services: Mapping[str, Service],
        identity: str,
        version: str,
    ) -> None:
        self._services = {dns.name.from_text(name): service for name, service in services.items()}
        self._zones = {dns.name.from_text(origin): _zone(origin, records) for origin, records in zones.items()}
        for name in self._services:
            zone = self._zone_for(name, RdataType.A)
            assert zone is not None
            zone.find_node(name, create=True)
        self._existing = {
            origin: {above for known in zone for above in _above(known)} for origin, zone in self._zones.items()
        }
        self._identity = identity
        self._about = {"version.bind.": version, "version.server.": version}
        self._about |= {"id.server.": identity, "hostname.bind.": identity}

    def respond(self, packet: bytes) -> bytes | None:
        """The response to a packet; None if it gets none.

        Raises:
            Unread: that cannot be told.
        """
        if len(packet) < 12 or packet[2] & 0x80:
            return None
        query = read(packet)
        said = self._said(query, opcode=packet[2] >> 3 & 0xF)
        response = dns.message.make_response(query, our_payload=MOST)
        response.set_opcode(dns.opcode.Opcode(packet[2] >> 3 & 0xF))
        if said.authoritative and query.question[0].rdclass == dns.rdataclass.IN:
            response.flags |= dns.flags.AA
        response.set_rcode(said.rcode)
        if query.edns >= 0:
            flags = response.ednsflags & 0xFF000000 | query.ednsflags & dns.flags.DO
            options = list(self._options(query.options if query.edns == 0 else (), said))
            response.use_edns(0, flags, MOST, options=options)
        limit = PLAIN if query.edns < 0 else min(max(query.payload, PLAIN), MOST)
        return _written(response, said, limit)

    def _said(self, query: dns.message.Message, opcode: int) -> Said:
        if opcode:
            return Said(Rcode.NOTIMP, error=(21, ""))
        if query.edns > 0:
            return Said(Rcode.BADVERS)
        if not query.question:
            asks = any(option.otype == dns.edns.OptionType.COOKIE for option in query.options)
            return Said(Rcode.NOERROR if asks else Rcode.FORMERR)
        question = query.question[0]
        if question.rdtype == RdataType.IXFR:
            known = question.rdclass == dns.rdataclass.IN and question.name in self._zones
            return Said(Rcode.REFUSED, error=(18, "")) if known else Said(Rcode.NOTAUTH)
        if question.rdclass == dns.rdataclass.CHAOS:
            return self._about_itself(question)
        if question.rdclass not in {dns.rdataclass.IN, dns.rdataclass.ANY}:
            return Said(Rcode.REFUSED)
        if question.rdtype == RdataType.AXFR:
            return Said(Rcode.REFUSED, error=(18, ""))
        return self._looked_up(question.name.canonicalize(), question.rdtype)

    def _about_itself(self, question: dns.rrset.RRset) -> Said:
        """RFC 4892."""
        text = self._about.get(str(question.name.canonicalize()))
        if text is None or question.rdtype not in {RdataType.TXT, RdataType.ANY}:
            return Said(Rcode.REFUSED)
        name = question.name.canonicalize()
        return Said(Rcode.NOERROR, answer=[dns.rrset.from_text(name, 0, "CH", "TXT", f'"{text}"')])

    def _options(self, known: Sequence[dns.edns.Option], said: Said) -> Iterator[dns.edns.Option]:
        asked = {option.otype for option in known}
        if dns.edns.OptionType.NSID in asked:
            yield dns.edns.GenericOption(dns.edns.OptionType.NSID, self._identity.encode())
        if said.error is not None:
            code, text = said.error
            yield dns.edns.EDEOption(dns.edns.EDECode(code), text or None)
        for option in known:
            if isinstance(option, dns.edns.ECSOption):
                yield dns.edns.ECSOption(option.address, option.srclen, 0)
        for option in known:
            if isinstance(option, dns.edns.CookieOption):
                yield dns.edns.CookieOption(option.client, COOKIE_SERVER)
                break
        soa = [rrset for rrset in said.answer if rrset.rdtype == RdataType.SOA]
        if _EXPIRE in asked and soa:  # RFC 7314
            yield dns.edns.GenericOption(_EXPIRE, struct.pack(">I", soa[0][0].expire))

    def _zone_for(self, name: dns.name.Name, rdtype: RdataType) -> dns.zone.Zone | None:
        """The closest one; DS is the parent's (RFC 4035, section 3.1.4.1)."""
        found = [self._zones[above] for above in _above(name) if above in self._zones]
        if rdtype == RdataType.DS and len(found) > 1 and found[0].origin == name and self._is_cut(found[1], name):
            return found[1]
        return found[0] if found else None

    def _looked_up(self, name: dns.name.Name, rdtype: RdataType) -> Said:
        """RFC 1034, section 4.3.2; RFC 2308; RFC 4592; RFC 6672."""
        answer: RRsets = []
        left: set[dns.name.Name] = set()
        while len(left) < CHAIN and name not in left and (zone := self._zone_for(name, rdtype)):
            left.add(name)
            stop = self._stop(zone, name, rdtype)
            if stop is not None and stop != name and self._redirects(zone, stop):
                target = self._redirected(zone, stop, name, answer)
                if target is None:
                    return Said(Rcode.YXDOMAIN, True, answer)
                if rdtype == RdataType.CNAME:
                    return Said(Rcode.NOERROR, True, answer)
                name = target
                continue
            if stop is not None and not self._redirects(zone, stop):
                return self._referral(zone, stop, answer)
            node, source = self._node(zone, name)
            if node is None:
                return Said(Rcode.NXDOMAIN, True, answer, [self._soa(zone)])
            service = self._services.get(source)
            alias = None if service else node.get_rdataset(dns.rdataclass.IN, RdataType.CNAME)
            if alias and rdtype not in {RdataType.CNAME, RdataType.ANY}:
                answer.append(_rrset(name, alias))
                name = alias[0].target.canonicalize()
                continue
            return self._at(zone, node, service, name, rdtype, answer)
        if not left:
            return Said(Rcode.REFUSED, error=(20, ""))
        return Said(Rcode.NOERROR, True, _once(answer))

    def _at(
        self,
        zone: dns.zone.Zone,
        node: dns.node.Node,
        service: Service | None,
        name: dns.name.Name,
        rdtype: RdataType,
        answer: RRsets,
    ) -> Said:
        if service and rdtype in service.types:
            negative = [self._soa(zone, service.negative_ttl)]
            if rdtype in service.addresses:
                found = dns.rrset.from_text(name, service.ttl, "IN", rdtype, service.addresses[rdtype])
                return Said(Rcode.NOERROR, True, [*answer, found])
            error = (0, "no endpoint is in service")
            if service.fails:
                return Said(Rcode.SERVFAIL, error=error)
            return Said(Rcode.NOERROR, True, answer, negative, error=error)
        has = {it.rdtype: it for it in node if not (service and it.rdtype in {*ADDRESSES, RdataType.CNAME})}
        if rdtype == RdataType.ANY and (has or service):  # RFC 8482
            other = has.get(RdataType.CNAME) or has.get(RdataType.HINFO)
            made = _rrset(name, other) if other else dns.rrset.from_text(name, 3600, "IN", "HINFO", '"RFC8482" ""')
            return Said(Rcode.NOERROR, True, [*answer, made])
        if rdtype in has:
            helpful = list(self._helpful(zone, name, has[rdtype]))
            return Said(Rcode.NOERROR, True, [*answer, _rrset(name, has[rdtype])], helpful=helpful)
        return Said(Rcode.NOERROR, True, answer, [self._soa(zone, service.negative_ttl if service else None)])

    def _stop(self, zone: dns.zone.Zone, name: dns.name.Name, rdtype: RdataType) -> dns.name.Name | None:
        """The highest name on the way down at which the zone ends, or that redirects what is below."""
        assert zone.origin is not None
        for step in reversed(list(_above(name))):
            if not step.is_subdomain(zone.origin) or zone.get_node(step) is None or step.labels[0] == b"*":
                continue
            if self._is_cut(zone, step) and not (rdtype == RdataType.DS and step == name):
                return step
            if self._redirects(zone, step) and step != name:
                return step
        return None

    def _is_cut(self, zone: dns.zone.Zone, name: dns.name.Name) -> bool:
        return name != zone.origin and zone.get_rdataset(name, RdataType.NS) is not None

    def _redirects(self, zone: dns.zone.Zone, name: dns.name.Name) -> bool:
        return zone.get_rdataset(name, RdataType.DNAME) is not None

    def _redirected(
        self, zone: dns.zone.Zone, owner: dns.name.Name, name: dns.name.Name, answer: RRsets
    ) -> dns.name.Name | None:
        dname = zone.find_rdataset(owner, RdataType.DNAME)
        answer.append(_rrset(owner, dname))
        try:
            target = name.relativize(owner).derelativize(dname[0].target.canonicalize())
        except dns.name.NameTooLong:
            return None
        answer.append(dns.rrset.from_text(name, dname.ttl, "IN", "CNAME", target.to_text()))
        return target

    def _node(self, zone: dns.zone.Zone, name: dns.name.Name) -> tuple[dns.node.Node | None, dns.name.Name]:
        """The one of the name itself, or a wildcard's, and where it is (RFC 4592)."""
        assert zone.origin is not None
        existing = self._existing[zone.origin]
        if name not in existing:
            name = dns.name.from_text("*", next(above for above in _above(name) if above in existing))
            if name not in existing:
                return None, name
        return zone.get_node(name) or dns.zone.Zone(name).find_node(name, create=True), name

    def _referral(self, zone: dns.zone.Zone, cut: dns.name.Name, answer: RRsets) -> Said:
        servers = zone.find_rdataset(cut, RdataType.NS)
        glue: tuple[RRsets, RRsets] = ([], [])
        for server in servers:
            target = server.target.canonicalize()
            found = (
                [zone.get_rdataset(target, rdtype) for rdtype in ADDRESSES] if target.is_subdomain(zone.origin) else []
            )
            glue[target.is_subdomain(cut)].extend(_rrset(target, it) for it in found if it)
        return Said(Rcode.NOERROR, bool(answer), answer, [_rrset(cut, servers)], glue[True], glue[False])

    def _helpful(
        self, zone: dns.zone.Zone, name: dns.name.Name, rdataset: dns.rdataset.Rdataset
    ) -> Iterator[dns.rrset.RRset]:
        for rdata in rdataset if rdataset.rdtype in HELPED else ():
            target = (rdata.exchange if rdataset.rdtype == RdataType.MX else rdata.target).canonicalize()
            if target.is_subdomain(zone.origin) and self._stop(zone, target, RdataType.A) is None:
                node, _ = self._node(zone, target)
                found = [node.get_rdataset(dns.rdataclass.IN, rdtype) for rdtype in ADDRESSES] if node else []
                yield from (_rrset(target, it) for it in found if it)

    def _soa(self, zone: dns.zone.Zone, most: int | None = None) -> dns.rrset.RRset:
        """For a negative answer (RFC 2308, section 3)."""
        assert zone.origin is not None
        soa = _rrset(zone.origin, zone.find_rdataset(zone.origin, RdataType.SOA))
        ttl = min(soa.ttl, soa[0].minimum)
        soa.ttl = ttl if most is None else min(ttl, most)
        return soa


def read(packet: bytes) -> dns.message.Message:
    """A packet as dnspython reads it, as a plain query whatever its opcode: it has other sections for updates.

    Raises:
        Unread: it does not.
    """
    try:
        return dns.message.from_wire(packet[:2] + bytes([packet[2] & ~0x78]) + packet[3:], keyring=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise Unread from error


def _zone(origin: str, records: Iterable[tuple[str, int, str, str]]) -> dns.zone.Zone:
    zone = dns.zone.Zone(dns.name.from_text(origin), relativize=False)
    for name, ttl, type_, text in records:
        rdata = dns.rdata.from_text("IN", type_, text, relativize=False)
        zone.find_rdataset(dns.name.from_text(name).canonicalize(), type_, create=True).add(rdata, ttl)
    return zone


def _above(name: dns.name.Name) -> Iterator[dns.name.Name]:
    """It, its parent, and so on."""
    while True:
        yield name
        if name == dns.name.root:
            return
        name = name.parent()


def _rrset(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    made = dns.rrset.RRset(name, rdataset.rdclass, rdataset.rdtype)
    for rdata in rdataset:
        made.add(rdata, rdataset.ttl)
    return made


def _once(rrsets: RRsets) -> RRsets:
    """RFC 2181, section 5."""
    return list({(it.name, it.rdtype): it for it in reversed(rrsets)}.values())[::-1]


def _written(response: dns.message.Message, said: Said, limit: int) -> bytes:
    """The message. dnspython compresses names in rdata as well, and so is only asked for single records."""
    opt = response.opt.to_rdataset() if response.opt else None
    tail = BytesIO()
    if opt is not None:
        opt.to_wire(dns.name.root, tail)
    room = limit - len(tail.getvalue())
    file, table = BytesIO(bytes(12)), dict[dns.name.Name, int]()
    file.seek(12)
    for question in response.question:
        question.name.to_wire(file, table)
        file.write(struct.pack(">HH", question.rdtype, question.rdclass))
    after, counts = file.tell(), [0, 0, 0]
    for index, section in enumerate((said.answer, said.authority, said.additional)):
        counts[index] += sum([_write(file, table, rrset) for rrset in section])
    flags = response.flags
    if file.tell() > room:
        file.seek(after)
        file.truncate()
        flags, counts = flags | dns.flags.TC, [0, 0, 0]
    else:
        for rrset in said.helpful:
            before, number = file.tell(), _write(file, table, rrset)
            if file.tell() > room:
                file.seek(before)
                file.truncate()
                break
            counts[2] += number
    counts[2] += 0 if opt is None else 1
    head = struct.pack(">HHHHHH", response.id, flags, len(response.question), *counts)
    return head + file.getvalue()[12:] + tail.getvalue()


def _write(file: BytesIO, table: dict[dns.name.Name, int], rrset: dns.rrset.RRset) -> int:
    for rdata in rrset:
        rrset.name.to_wire(file, table)
        data = rdata.to_wire()
        assert data is not None
        file.write(struct.pack(">HHIH", rrset.rdtype, rrset.rdclass, rrset.ttl, len(data)) + data)
    return len(rrset)

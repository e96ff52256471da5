"""What a question is answered with (RFC 1034, section 4.3.2; RFC 2308, 4592, 6672). Pure, but for whose turn it is."""

import struct
from dataclasses import dataclass, replace

from gslb.model.steering import NoAnswer
from gslb.nameserver.edns import ExtendedError, InfoCode
from gslb.nameserver.rrset import ANY, CNAME, DNAME, HINFO, Owned, RRset, make_rrset
from gslb.nameserver.table import Table
from gslb.nameserver.tailored import Tailored
from gslb.nameserver.wire import MAX_NAME, Rcode, Reply
from gslb.nameserver.zone import CompiledZone, Cut, Node

MAX_CHAIN = 16
"""CNAMEs followed for one question"""

_ANY = make_rrset(HINFO, 3600, [b"\x07RFC8482\x00"])

_ELSEWHERE = ExtendedError(InfoCode.NOT_AUTHORITATIVE)

_Chain = dict[bytes, tuple[Owned, ...]]
"""The names that were left behind, in order, and the records that led away from each."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, which a service still has something to say to, or nothing.

    Attributes:
        reply: what is said; of a service, the CNAMEs that led to it.
        tailored: what the service says to whom; None where no service is asked.
        owner: its name.
        negative: the SOA, with its owner, for clients that the service has no address for.
        lasting: the queried name itself exists, so its answer is worth being kept ready.
    """

    reply: Reply
    tailored: Tailored | None = None
    owner: bytes = b""
    negative: tuple[Owned, ...] = ()
    lasting: bool = False

    def is_as_good_as(self, other: "Answer") -> bool:
        """Whether whoever is answered by this is answered as by ``other``, of another table.

        The SOA has another serial nearly always; that matters only where some clients get it.
        """
        if self.tailored is not other.tailored:
            return False
        if self.tailored is None or self.tailored.may_be_negative:
            return self == other
        return replace(self, negative=()) == replace(other, negative=())

    def saying(self, choice: RRset | None, no_answer: NoAnswer, error: ExtendedError | None) -> Reply:
        """The reply with the service's RRset in it; without one, what ``no_answer`` says. ``error`` goes with it."""
        reply = self.reply
        if choice:
            return Reply(reply.rcode, reply.authoritative, (*reply.answer, (self.owner, choice)), error=error)
        if no_answer is NoAnswer.SERVFAIL:
            return Reply(Rcode.SERVFAIL, error=error)
        return Reply(reply.rcode, reply.authoritative, reply.answer, self.negative, error=error)


def lookup(table: Table, name: bytes, type_: int) -> Answer:
    """Answer the question for ``name``, in wire form and lower case.

    CNAMEs are followed within our zones, until they loop or ``MAX_CHAIN`` of them have been.
    """
    chain: _Chain = {}
    lasting = True
    while len(chain) < MAX_CHAIN and name not in chain and (zone := table.zone_for(name, type_)):
        node, owner, exact = zone.find(name, type_)
        lasting = lasting and exact
        if node is None:
            return Answer(Reply(Rcode.NXDOMAIN, True, _flat(chain), ((zone.origin, zone.negative(zone.soa_ttl)),)))
        if node.cut and not exact:
            return _referral(node.cut, chain)
        if node.redirect and not exact:
            step, target = _redirect(name, owner, node.rrsets[DNAME], node.redirect)
            if target is None or type_ == CNAME:  # the CNAME that follows is what was asked for
                rcode = Rcode.YXDOMAIN if target is None else Rcode.NOERROR
                return Answer(Reply(rcode, True, (*_flat(chain), *step)))
        elif node.alias and type_ not in (CNAME, ANY):
            step, target = ((name, node.rrsets[CNAME]),), node.alias
        else:
            return _at(node, name, type_, zone, _flat(chain), lasting=lasting)
        chain[name] = step
        name = target
    if not chain:
        return Answer(Reply(Rcode.REFUSED, error=_ELSEWHERE))
    return Answer(Reply(Rcode.NOERROR, True, _flat(chain)), lasting=lasting)


def _flat(chain: _Chain) -> tuple[Owned, ...]:
    return tuple(dict.fromkeys(owned for step in chain.values() for owned in step))


def _redirect(name: bytes, owner: bytes, dname: RRset, target: bytes) -> tuple[tuple[Owned, ...], bytes | None]:
    """The DNAME, the CNAME that follows from it, and its target: None if that is too long (RFC 6672, section 3.2)."""
    new = name.removesuffix(owner) + target
    if len(new) > MAX_NAME:
        return ((owner, dname),), None
    (ttl,) = struct.unpack_from(">I", dname.bodies[0], 4)
    return ((owner, dname), (name, make_rrset(CNAME, ttl, [new]))), new


def _at(node: Node, name: bytes, type_: int, zone: CompiledZone, chain: tuple[Owned, ...], *, lasting: bool) -> Answer:
    """The answer of the node that the name ended at."""
    if type_ in node.steered:
        negative = ((zone.origin, zone.negative(node.negative_ttl)),)
        return Answer(Reply(Rcode.NOERROR, True, chain), node.steered[type_], name, negative, lasting)
    rrset = _any(node) if type_ == ANY else node.rrsets.get(type_)
    if rrset:
        helpful = node.additional.get(type_, ())
        return Answer(Reply(Rcode.NOERROR, True, (*chain, (name, rrset)), optional=helpful), lasting=lasting)
    negative = ((zone.origin, zone.negative(node.negative_ttl)),)
    return Answer(Reply(Rcode.NOERROR, True, chain, negative), lasting=lasting)


def _referral(cut: Cut, chain: _Chain) -> Answer:
    """Point to the child zone; authoritative only for CNAMEs of ours that led there (RFC 1035, section 4.1.1)."""
    return Answer(Reply(Rcode.NOERROR, bool(chain), _flat(chain), (cut.servers,), cut.glue, cut.others))


def _any(node: Node) -> RRset | None:
    """One RRset for all: a CNAME, else a HINFO that says why (RFC 8482, section 4.2); None if there is nothing."""
    if not node.rrsets and not node.steered:
        return None
    return node.rrsets.get(CNAME) or node.rrsets.get(HINFO) or _ANY

"""Why the nameserver may differ from NSD and Knot: the one table of reasons, at the end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dns.rcode
import dns.rdatatype

from tests.nameserver.differential.observed import Observed
from tests.nameserver.differential.questions import AA, ANY, OPCODE, QR, RD, TC, Question

NSD, KNOT = "NSD", "Knot"

FIELDS = ("flags", "rcode", "question", "answer", "authority", "additional", "edns")
"""what is compared"""

_NOERROR, _FORMERR, _NOTIMP = dns.rcode.NOERROR, dns.rcode.FORMERR, dns.rcode.NOTIMP
_REFUSED, _BADVERS = dns.rcode.REFUSED, dns.rcode.BADVERS
_NS, _CNAME, _SOA, _HINFO = dns.rdatatype.NS, dns.rdatatype.CNAME, dns.rdatatype.SOA, dns.rdatatype.HINFO
_BINDINGS = (dns.rdatatype.SVCB, dns.rdatatype.HTTPS)
_SIGNATURES = (dns.rdatatype.RRSIG, dns.rdatatype.NSEC)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which our response is not like that of ``server``; no response at all is None."""

    question: Question
    field: str
    server: str
    ours: Observed | None
    theirs: Observed | None

    def __str__(self) -> str:
        ours, theirs = (getattr(side, self.field, None) for side in (self.ours, self.theirs))
        return f"{self.question.about}: {self.field}: ours {ours}, of {self.server} {theirs}"


def differences(
    question: Question, ours: Observed | None, nsd: Observed | None, knot: Observed | None
) -> Iterator[Difference]:
    """Each field in which ours is not like one of the others. Where these agree, there are two to be explained."""
    for server, theirs in ((NSD, nsd), (KNOT, knot)):
        for field in FIELDS:
            if getattr(ours, field, None) != getattr(theirs, field, None):
                yield Difference(question, field, server, ours, theirs)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a difference is right.

    Attributes:
        name: what it is about.
        rfc: what allows ours.
        servers: whom it speaks of; both only where it is no habit of one of them.
        fields: where it shows.
        holds: whether it is the reason.
        silence: it speaks of packets that the other one does not answer at all.
    """

    name: str
    rfc: str
    servers: tuple[str, ...]
    fields: tuple[str, ...]
    holds: Callable[[Question, Observed, Observed], bool]
    silence: bool = False

    def explains(self, found: Difference) -> bool:
        if found.ours is None or found.server not in self.servers or found.field not in self.fields:
            return False
        if self.silence != (found.theirs is None):
            return False
        return self.holds(found.question, found.ours, found.theirs or found.ours)


def _is_error(_: Question, ours: Observed, __: Observed) -> bool:
    return ours.rcode in (_FORMERR, _NOTIMP)


def _tolerated(question: Question, ours: Observed, theirs: Observed) -> bool:
    return question.odd and (ours.rcode, theirs.rcode) == (_FORMERR, _NOERROR)


def _more_records(question: Question, ours: Observed, theirs: Observed) -> bool:
    return question.odd and (ours.rcode, theirs.rcode) == (_NOERROR, _FORMERR)


def _other_opcode(_: Question, ours: Observed, theirs: Observed) -> bool:
    return ours.rcode == _NOTIMP != theirs.rcode and bool(ours.flags & OPCODE)


def _plain_flags(_: Question, ours: Observed, theirs: Observed) -> bool:
    """Ours has nothing but what comes back of every query."""
    errors = (_FORMERR, _NOTIMP, _BADVERS)
    return ours.rcode in errors and ours.flags & ~(OPCODE | RD) == QR and not ours.flags & AA & theirs.flags


def _question_comes_back(_: Question, ours: Observed, theirs: Observed) -> bool:
    errors = (_FORMERR, _NOTIMP, _REFUSED)
    return ours.rcode in errors and len(ours.question) == 1 and not theirs.question


def _edns_comes_back(_: Question, ours: Observed, theirs: Observed) -> bool:
    return ours.rcode in (_FORMERR, _NOTIMP) and ours.edns is not None and theirs.edns is None


def _dnssec_ok_comes_back(_: Question, ours: Observed, theirs: Observed) -> bool:
    return ours.rcode == theirs.rcode == _BADVERS and (ours.edns, theirs.edns) == ((0, 0x8000, 1232), (0, 0, 1232))


def _transfer(question: Question, ours: Observed, theirs: Observed) -> bool:
    return question.type == dns.rdatatype.AXFR and (ours.rcode, theirs.rcode) == (_REFUSED, _NOTIMP)


def _one_of_any(question: Question, ours: Observed, theirs: Observed) -> bool:
    """Ours is some of theirs, or has the HINFO that stands for all of them; with neither additional data nor TC."""
    part = set(ours.answer) <= set(theirs.answer) or any(record[2] == _HINFO for record in ours.answer)
    return question.type == dns.rdatatype.ANY and bool(ours.answer) and part and ours.rcode == theirs.rcode


def _long_chain(_: Question, ours: Observed, theirs: Observed) -> bool:
    """One of them went on where the other had followed enough."""
    shorter, longer = sorted((set(ours.answer), set(theirs.answer)), key=len)
    followed = sum(record[2] == _CNAME for record in shorter)
    return (shorter < longer and followed >= _KNOT_CHAIN) or (shorter == longer and followed == _OUR_CHAIN)


def _said_again(_: Question, ours: Observed, theirs: Observed) -> bool:
    return set(ours.answer) == set(theirs.answer) and len(ours.answer) < len(theirs.answer)


_KNOT_CHAIN, _OUR_CHAIN = 5, 16
"""CNAMEs that are followed"""


def _uncompressed(question: Question, ours: Observed, theirs: Observed) -> bool:
    return not question.tcp and ours.flags ^ theirs.flags == TC == ours.flags & TC and ours.size > theirs.size


def _glue_is_missing(question: Question, ours: Observed, theirs: Observed) -> bool:
    return _is_referral(ours) and not question.tcp and ours.flags ^ theirs.flags == TC == ours.flags & TC


def _siblings_are_missing(question: Question, ours: Observed, theirs: Observed) -> bool:
    return _is_referral(ours) and not question.tcp and ours.flags ^ theirs.flags == TC == theirs.flags & TC


def _is_referral(response: Observed) -> bool:
    return {record[2] for record in response.authority} == {_NS}


def _with_nameservers(_: Question, ours: Observed, theirs: Observed) -> bool:
    more = set(theirs.authority) - set(ours.authority)
    return set(ours.authority) <= set(theirs.authority) and {record[2] for record in more} == {_NS}


def _with_their_addresses(question: Question, ours: Observed, theirs: Observed) -> bool:
    return _with_nameservers(question, ours, theirs) and set(ours.additional) <= set(theirs.additional)


def _service_binding(question: Question, ours: Observed, theirs: Observed) -> bool:
    return question.type in _BINDINGS and ours.answer == theirs.answer and bool(ours.additional)


def _glue_as_answer(_: Question, ours: Observed, theirs: Observed) -> bool:
    return ours.answer == theirs.answer and bool(ours.answer) and set(ours.additional) < set(theirs.additional)


def _least_ttl(_: Question, ours: Observed, theirs: Observed) -> bool:
    """Theirs are the same records, none of them with a lower TTL."""
    least = {record[:3] + record[4:]: record[3] for record in ours.answer}
    return len(ours.answer) == len(theirs.answer) and all(
        least.get(record[:3] + record[4:], record[3] + 1) <= record[3] for record in theirs.answer
    )


def _class_any(question: Question, ours: Observed, theirs: Observed) -> bool:
    return question.rdclass == ANY and ours.flags ^ theirs.flags == AA == theirs.flags & AA


def _class_any_denial(question: Question, ours: Observed, theirs: Observed) -> bool:
    return question.rdclass == ANY and {record[2] for record in ours.authority} == {_SOA} and not theirs.authority


def _unfollowed(question: Question, ours: Observed, _: Observed) -> bool:
    return question.type in _SIGNATURES and any(record[2] == _CNAME for record in ours.answer)


_EVERYBODY = (NSD, KNOT)
_SECTIONS = ("answer", "authority", "additional")
_CONTENT = (*_SECTIONS, "rcode", "flags")

TABLE = (
    Reason("every query is answered", "RFC 8906, section 3", _EVERYBODY, FIELDS, _is_error, silence=True),
    Reason("what is malformed is told so", "RFC 1035, section 4.1; RFC 6891, 6.1.2", _EVERYBODY, FIELDS, _tolerated),
    Reason("records in a query are ignored", "RFC 6891, section 6.1.1", (NSD,), FIELDS, _more_records),
    Reason("NOTIFY and UPDATE are not implemented", "RFC 1035, 4.1.1", _EVERYBODY, FIELDS, _other_opcode),
    Reason("flags of a fault are not those of the query", "RFC 6895, section 2.1", (NSD,), ("flags",), _plain_flags),
    Reason("the question comes back", "RFC 1035, section 7.3", (NSD,), ("question",), _question_comes_back),
    Reason("EDNS comes back", "RFC 6891, section 6.1.1", _EVERYBODY, ("edns",), _edns_comes_back),
    Reason("DO comes back", "RFC 3225, section 3", (NSD,), ("edns",), _dnssec_ok_comes_back),
    Reason("transfers are refused", "RFC 5936, section 4.2", _EVERYBODY, ("rcode",), _transfer),
    Reason("ANY is answered with one RRset", "RFC 8482, section 4", _EVERYBODY, (*_SECTIONS, "flags"), _one_of_any),
    Reason("chains end somewhere", "RFC 1034, section 3.6.2", _EVERYBODY, _CONTENT, _long_chain),
    Reason("loops are said once", "RFC 2181, section 5", _EVERYBODY, ("answer",), _said_again),
    Reason("glue that does not fit sets TC", "RFC 9471, section 3.1", (NSD,), ("flags",), _glue_is_missing),
    Reason("glue of siblings does not", "RFC 9471, section 3.2", (NSD,), ("flags",), _siblings_are_missing),
    Reason("names in rdata are in full", "RFC 1035, section 4.1.4", _EVERYBODY, ("flags",), _uncompressed),
    Reason("answers have no NS beside them", "RFC 1034, section 4.3.2", (NSD,), ("authority",), _with_nameservers),
    Reason("nor their addresses", "RFC 1034, section 4.3.2", (NSD,), ("additional",), _with_their_addresses),
    Reason("service bindings have addresses", "RFC 9460, section 4.1", _EVERYBODY, ("additional",), _service_binding),
    Reason("glue is for referrals", "RFC 2181, section 5.4.1", (KNOT,), ("additional",), _glue_as_answer),
    Reason("an RRset has its least TTL", "RFC 2181, section 5.2", _EVERYBODY, ("answer",), _least_ttl),
    Reason("class ANY is without authority", "RFC 1035, section 6.2", _EVERYBODY, ("flags",), _class_any),
    Reason("class ANY is denied with an SOA", "RFC 2308, section 3", (NSD,), ("authority",), _class_any_denial),
    Reason("aliases are followed for all types", "RFC 1034, section 4.3.2", (KNOT,), _CONTENT, _unfollowed),
)
"""Every one of them is needed for some question."""

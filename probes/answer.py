"""What a DNS server is asked, and what is expected of its answer."""

from dataclasses import dataclass
from typing import Annotated, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gslb.model.observation import Cause
from gslb.model.options import Options

MAX_RECORDS = 500
"""records that are parsed: the time that takes is the other probes' time"""
SHOWN = 200
"""characters of an answer that are told"""

_COUNTS, _HEADER = 4, 12
"""where the numbers of records begin and end (RFC 1035, section 4.1.1)"""
_NO_RRSET = (dns.rdatatype.NONE, dns.rdatatype.SIG, dns.rdatatype.RRSIG)
"""signatures belong to the RRsets that they sign (RFC 4035, section 2.2)"""
_MAX_PLAIN_RCODE = 15
"""larger ones need EDNS (RFC 6891, section 6.1.3)"""


def _read_name(text: str) -> str:
    try:
        return dns.name.from_text(text).to_text()
    except dns.exception.DNSException as error:
        raise ValueError(f"{text!r} is not a DNS name: {error}; write one such as www.example.com") from None


def _read_qtype(text: str) -> str:
    try:
        found = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is not a record type; write one such as A, AAAA or MX") from None
    if dns.rdatatype.is_metatype(found) or found in _NO_RRSET:
        raise ValueError(f"{text!r} stands for no RRset of its own; write a type such as A, AAAA or MX")
    return dns.rdatatype.to_text(found)


def _read_rcode(text: str) -> str:
    try:
        found = dns.rcode.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is not an rcode; write one such as NOERROR, NXDOMAIN or REFUSED") from None
    if found > _MAX_PLAIN_RCODE:
        raise ValueError(f"{text!r} never answers a query without EDNS, which this is; leave it out")
    return dns.rcode.to_text(found)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _read_record(qtype: str, text: str) -> dns.rdata.Rdata:
    try:
        return dns.rdata.from_text(dns.rdataclass.IN, qtype, text, origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError) as error:
        message = f"answers: {text!r} is no {qtype} record: {error}; write its data as in a zone file"
        raise ValueError(message) from None


Name = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_read_name)]
Qtype = Annotated[str, AfterValidator(_read_qtype)]
Rcode = Annotated[str, AfterValidator(_read_rcode)]
Rcodes = Annotated[list[Rcode], BeforeValidator(_as_list), Field(min_length=1)]


class Question(Options):
    """The options of dns that say what to ask, and when the answer passes."""

    name: Annotated[Name, Field(description="name asked for")]
    qtype: Annotated[Qtype, Field(description="type asked for, such as A, AAAA or SOA")] = "A"
    rcode: Annotated[Rcodes, Field(description="rcode that passes, or a list of them")] = ["NOERROR"]  # noqa: RUF012  pydantic copies it
    answers: Annotated[
        list[str],
        Field(max_length=100, description="records that must all be in a NOERROR answer, written as in a zone file"),
    ] = []  # noqa: RUF012  pydantic copies it
    min_answers: Annotated[
        int | None, Field(ge=0, le=100, description="least number of records in a NOERROR answer; default: 1")
    ] = None
    recursion: Annotated[bool, Field(description="whether to ask for recursion (RD)")] = False
    authoritative: Annotated[bool, Field(description="whether the answer must be authoritative (AA)")] = False

    @model_validator(mode="after")
    def _records_can_be_judged(self) -> Self:
        for text in self.answers:
            _read_record(self.qtype, text)
        demanded = [key for key in ("answers", "min_answers") if getattr(self, key)]
        if demanded and "NOERROR" not in self.rcode:
            raise ValueError(f"{demanded[0]} is demanded of NOERROR answers only; add NOERROR to rcode, or remove it")
        return self


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer amounts to; ``cause`` is None where it is as expected."""

    cause: Cause | None
    detail: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What is asked, and which answer passes."""

    name: dns.name.Name
    qtype: dns.rdatatype.RdataType
    flags: int
    rcodes: frozenset[str]
    records: tuple[dns.rdata.Rdata, ...]
    min_records: int
    authoritative: bool

    @classmethod
    def of(cls, options: Question) -> Self:
        """What some options say."""
        return cls(
            name=dns.name.from_text(options.name),
            qtype=dns.rdatatype.from_text(options.qtype),
            flags=dns.flags.RD if options.recursion else 0,
            rcodes=frozenset(options.rcode),
            records=tuple(_read_record(options.qtype, text) for text in options.answers),
            min_records=1 if options.min_answers is None else options.min_answers,
            authoritative=options.authoritative,
        )

    def query(self) -> dns.message.QueryMessage:
        """The question, with a random id."""
        return dns.message.make_query(self.name, self.qtype, flags=self.flags)

    def judge(self, query: dns.message.QueryMessage, wire: bytes) -> Verdict:
        """What an answer amounts to."""
        if sum(int.from_bytes(wire[at : at + 2]) for at in range(_COUNTS, _HEADER, 2)) > MAX_RECORDS:
            return Verdict(Cause.PROTOCOL, f"unreadable answer: more than {MAX_RECORDS} records")
        try:
            response = dns.message.from_wire(wire)
            if not isinstance(response, dns.message.QueryMessage) or not query.is_response(response):
                return Verdict(Cause.PROTOCOL, "not a response to this query")
            return self._judge(response)
        except Exception as error:  # noqa: BLE001  foreign octets in foreign code: whatever it raises, they are at fault
            return Verdict(Cause.PROTOCOL, f"unreadable answer: {_line(str(error))}")

    def _judge(self, response: dns.message.QueryMessage) -> Verdict:
        rcode = dns.rcode.to_text(response.rcode())
        if rcode not in self.rcodes:
            return Verdict(Cause.ANSWER, rcode)
        if self.authoritative and not response.flags & dns.flags.AA:
            return Verdict(Cause.ANSWER, f"{rcode}, not authoritative")
        if response.rcode() != dns.rcode.NOERROR:
            return Verdict(None, rcode)
        return self._judge_records(response.resolve_chaining().answer)

    def _judge_records(self, found: dns.rrset.RRset | None) -> Verdict:
        records = list(found or ())
        missing = next((record for record in self.records if record not in records), None)
        if missing is not None:
            return Verdict(Cause.ANSWER, f"{self._shown(records)} where {missing} is expected")
        if len(records) < self.min_records:
            return Verdict(Cause.ANSWER, f"{self._shown(records)}, at least {self.min_records} expected")
        return Verdict(None, self._shown(records))

    def _shown(self, records: list[dns.rdata.Rdata]) -> str:
        if not records:
            return f"no {dns.rdatatype.to_text(self.qtype)} record"
        return f"answer {_line(', '.join(str(record) for record in records))}"


def _line(text: str) -> str:
    """``text`` as one line of bounded length."""
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."

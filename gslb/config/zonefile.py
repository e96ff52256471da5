"""The static records of a zone: its master file (RFC 1035, section 5), completed by what the configuration says."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zone
import dns.zonefile

from gslb.config.sources import Sources
from gslb.config.zones import ZoneSection
from gslb.errors import ConfigError, Problem
from gslb.model.steering import address_type
from gslb.nameserver.snapshot import Record

SERIAL, REFRESH, RETRY, EXPIRE = 1, 3600, 600, 604800
_FAULTS = (dns.exception.DNSException, ValueError)
"""what dnspython raises: ValueError for an SOA record below the apex, for one"""
_CLASSES = {"IN", "CLASS1"}
_SINGLE = {"CNAME", "DNAME", "SOA"}
_COUNTER = re.compile(r"\$(\{[^}]*\})?")
"""where $GENERATE puts its number"""
_UNNAMED = "<file>"
_PLACE = re.compile(rf"^{_UNNAMED}:\d+: ")


@dataclass(frozen=True, slots=True)
class MasterFile:
    """What a master file says.

    Attributes:
        path: the file.
        records: all of its records, in its order.
        lines: the line of the first record of each name and type.
        generated: glob of the names, type and line of each $GENERATE.
    """

    path: str
    records: tuple[Record, ...]
    lines: Mapping[tuple[str, str], int]
    generated: tuple[tuple[str, str, int], ...] = ()

    def line(self, name: str, type_: str) -> int | None:
        """The line that gives ``name`` its (first) record of this type; None where none does."""
        if (name, type_) in self.lines:
            return self.lines[name, type_]
        return next((line for names, made, line in self.generated if made == type_ and fnmatchcase(name, names)), None)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record as it is written: owner (of a $GENERATE a glob), type, line, and of what there is one only the rdata."""

    owner: dns.name.Name
    type: str
    line: int
    rdata: tuple[str, ...]
    generated: bool = False


def read_zone_file(path: Path, origin: str, sources: Sources) -> MasterFile:
    """The master file at ``path``.

    Raises:
        ConfigError: it cannot be read, or a line of it is wrong.
    """
    try:
        text = sources.read(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            Problem(str(path), "", f"cannot be read: {reason}", "check the path and its permissions")
        ) from None
    try:
        zone = _parse(text, origin)
    except _FAULTS as error:
        message, line = _message(error), _line(text, origin, error)
        raise ConfigError(Problem(str(path), "", message, "correct this line of the master file", line)) from None
    entries = list(_entries(text, dns.name.from_text(origin)))
    _check_entries(str(path), zone.origin or dns.name.root, entries)
    records = tuple(
        Record(name.to_text().lower(), ttl, dns.rdatatype.to_text(rdata.rdtype), rdata.to_text())
        for name, ttl, rdata in zone.iterate_rdatas()
    )
    lines = {(e.owner.to_text().lower(), e.type): e.line for e in reversed(entries) if not e.generated}
    generated = tuple((e.owner.to_text().lower(), e.type, e.line) for e in entries if e.generated)
    return MasterFile(str(path), records, lines, generated)


def _check_entries(path: str, origin: dns.name.Name, entries: Iterable[_Entry]) -> None:
    """What dnspython passes over in silence: records outside of the zone, and a second one where there can be one.

    Raises:
        ConfigError: the first such record.
    """
    single: dict[tuple[dns.name.Name, str], tuple[str, ...]] = {}
    for entry in entries:
        if not entry.owner.is_subdomain(origin):
            message = f"{entry.owner} is outside of the zone {origin}"
            remedy = (
                "end the name without a dot if it is meant to be below the origin, or move the record to its own zone"
            )
            raise ConfigError(Problem(path, "", message, remedy, entry.line))
        if entry.type in _SINGLE and single.setdefault((entry.owner, entry.type), entry.rdata) != entry.rdata:
            message = f"{entry.owner} has another {entry.type} record already, and there can only be one"
            raise ConfigError(Problem(path, "", message, "remove one of them", entry.line))


def _parse(text: str, origin: str) -> dns.zone.Zone:
    return dns.zone.from_text(text, origin, relativize=False, check_origin=False, filename=_UNNAMED)


def _entries(text: str, origin: dns.name.Name) -> Iterator[_Entry]:
    """The records of a file without faults, with their lines."""
    tokens = dns.tokenizer.Tokenizer(text)
    owner = origin
    while not (token := tokens.get(want_leading=True)).is_eof():
        line = tokens.where()[1]
        if token.is_eol():
            continue
        words = tuple(_words(tokens))
        directive = token.value.upper() if token.is_identifier() else ""
        if directive == "$ORIGIN":
            origin = dns.name.from_text(words[0], origin)
        elif directive == "$GENERATE":
            names = dns.name.from_text(_COUNTER.sub("*", words[1]), origin)
            yield from _entry(names, line, words[2:], generated=True)
        elif not directive.startswith("$"):
            owner = tokens.as_name(token, origin) if directive else owner
            yield from _entry(owner, line, words)


def _words(tokens: dns.tokenizer.Tokenizer) -> Iterator[str]:
    """The rest of a line, or of several lines in parentheses."""
    while not (token := tokens.get()).is_eol_or_eof():
        yield token.value


def _entry(owner: dns.name.Name, line: int, words: tuple[str, ...], *, generated: bool = False) -> Iterator[_Entry]:
    """The entry of ``words``, TTL and class before the type left out; nothing of a blank line."""
    for index, word in enumerate(words):
        if not word[:1].isdigit() and word.upper() not in _CLASSES:
            kind = dns.rdatatype.to_text(dns.rdatatype.from_text(word))
            rdata = words[index + 1 :] if kind in _SINGLE else ()
            yield _Entry(owner, kind, line, rdata, generated)
            return


def _message(error: Exception) -> str:
    if isinstance(error, dns.zonefile.CNAMEAndOtherData):
        return "an alias (CNAME) has its name for itself, and this name has other records"
    return _PLACE.sub("", str(error)) or "is no record"


def _line(text: str, origin: str, error: Exception) -> int:
    """The first line with which the file has this fault: dnspython often names the next one, and at times none."""
    lines = text.split("\n")

    def faulty(count: int) -> bool:
        try:
            _parse("\n".join(lines[:count]) + "\n", origin)
        except _FAULTS as found:
            return _message(found) == _message(error)
        return False

    return 1 + bisect_left(range(1, len(lines)), True, key=faulty)


def complete(origin: str, section: ZoneSection, records: tuple[Record, ...]) -> tuple[Record, ...]:
    """``records`` with the SOA, NS and address records they lack, made from the ``nameservers`` of the section.

    The serial of that SOA is given where the zone is published.
    """
    names = tuple(section.nameservers)
    present = {(record.name, record.type) for record in records}
    ttl = int(section.ttl)
    made: list[Record] = []
    if (origin, "SOA") not in present and names:
        numbers = f"{SERIAL} {REFRESH} {RETRY} {EXPIRE} {int(section.negative_ttl)}"
        made.append(Record(origin, ttl, "SOA", f"{names[0]} hostmaster.{origin} {numbers}"))
    if (origin, "NS") not in present:
        made += [Record(origin, ttl, "NS", name) for name in names]
    made += [
        Record(name, ttl, kind, str(address))
        for name, addresses in section.nameservers.items()
        for address in addresses
        if (name, kind := address_type(address).value) not in present
    ]
    return (*made, *records)

"""The static records of a zone: its master file (RFC 1035, section 5), completed by what the configuration says."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zone

from gslb.config.sources import Sources
from gslb.config.zones import ZoneSection
from gslb.errors import ConfigError, Problem
from gslb.model.steering import address_type
from gslb.nameserver.snapshot import Record

SERIAL, REFRESH, RETRY, EXPIRE = 1, 3600, 600, 604800
_FAULTS = (dns.exception.DNSException, ValueError)
"""what dnspython raises: ValueError for an SOA record below the apex, for one"""
_UNNAMED = "<file>"
_PLACE = re.compile(rf"^{_UNNAMED}:\d+: ")


def read_zone_file(path: Path, origin: str, sources: Sources) -> tuple[Record, ...]:
    """All records of the master file at ``path``, in its order.

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
    for owner, line in _owners(text, dns.name.from_text(origin)):
        if not owner.is_subdomain(zone.origin or dns.name.root):
            remedy = (
                "end the name without a dot if it is meant to be below the origin, or move the record to its own zone"
            )
            raise ConfigError(Problem(str(path), "", f"{owner} is outside of the zone {origin}", remedy, line))
    return tuple(
        Record(name.to_text().lower(), ttl, dns.rdatatype.to_text(rdata.rdtype), rdata.to_text())
        for name, ttl, rdata in zone.iterate_rdatas()
    )


def _parse(text: str, origin: str) -> dns.zone.Zone:
    return dns.zone.from_text(text, origin, relativize=False, check_origin=False, filename=_UNNAMED)


def _owners(text: str, origin: dns.name.Name) -> Iterator[tuple[dns.name.Name, int]]:
    """Owner names and their lines in a file without faults: dnspython leaves out what is not in the zone, unsaid.

    Names that $GENERATE makes are not among them.
    """
    tokens = dns.tokenizer.Tokenizer(text)
    while not (token := tokens.get(want_leading=True)).is_eof():
        line = tokens.where()[1]
        if token.is_eol():
            continue
        if token.is_identifier() and token.value.upper() == "$ORIGIN":
            origin = tokens.get_name(origin)
        elif token.is_identifier() and not token.value.startswith("$"):
            yield tokens.as_name(token, origin), line
        while not token.is_eol_or_eof():
            token = tokens.get()


def _message(error: Exception) -> str:
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

"""Names and resource data: what is a valid one of its type, and the one form in which it is held."""

import re
from ipaddress import IPv4Address, IPv6Address

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

ROUTABLE = frozenset({"A", "AAAA", "CNAME", "MX", "SRV", "TXT"})
"""Types that may have a routing policy."""
SINGLE = frozenset({"CNAME", "SOA"})
"""Types of which a set has one record."""
TYPES = ROUTABLE | {"CAA", "DS", "HTTPS", "NAPTR", "NS", "PTR", "SOA", "SPF", "SSHFP", "SVCB", "TLSA"}

_NAMES = {
    "CNAME": ("target",),
    "HTTPS": ("target",),
    "MX": ("exchange",),
    "NAPTR": ("replacement",),
    "NS": ("target",),
    "PTR": ("target",),
    "SOA": ("mname", "rname"),
    "SRV": ("target",),
    "SVCB": ("target",),
}
"""Which fields of a type are names."""
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_STRING = r'(?:"(?:[^"\\]|\\.)*"|[^\s"();\\]+)'
_STRINGS = re.compile(rf"{_STRING}(?:\s+{_STRING})*")


def name_in(text: str, origin: str) -> str:
    """An absolute name in the zone ``origin``, in lower case. Raises ValueError."""
    name = text.lower()
    if not name.endswith(".") or not (name == origin or name.endswith(f".{origin}")):
        raise ValueError(text)
    try:
        dns.name.from_text(name)
    except dns.exception.DNSException as error:
        raise ValueError(text) from error
    labels = name.removesuffix(".").split(".")
    if labels[0] == "*":  # a wildcard is the leftmost label only (RFC 4592)
        labels = labels[1:]
    if not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(text)
    return name


def canonical(kind: str, text: str) -> str:
    """The form in which ``text`` is held: short addresses, names in lower case, strings quoted. Raises ValueError."""
    match kind:
        case "A":
            return str(IPv4Address(text))
        case "AAAA":
            address = IPv6Address(text)
            if address.scope_id is not None:
                raise ValueError(text)
            return str(address)
        case _:
            return _parsed(kind, text)


def _parsed(kind: str, text: str) -> str:
    if "\n" in text or (kind in {"TXT", "SPF"} and not _STRINGS.fullmatch(text)):
        raise ValueError(text)
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text, relativize=False)
    except dns.exception.DNSException as error:
        raise ValueError(text) from error
    if not all(getattr(rdata, field).is_absolute() for field in _NAMES.get(kind, ())):
        raise ValueError(text)
    held = rdata.to_text()
    return held.lower() if kind in _NAMES.keys() - {"NAPTR"} else held

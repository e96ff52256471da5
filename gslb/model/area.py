"""Areas that a region speaks for: continent, country, subdivision, network or autonomous system."""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network


class AreaKind(StrEnum):
    """What an area is. Areas of one kind are equally specific, except that networks go by prefix length."""

    CONTINENT = "continent"
    COUNTRY = "country"
    SUBDIVISION = "subdivision"
    NETWORK = "network"
    ASN = "asn"


@dataclass(frozen=True, slots=True)
class Area:
    """One area. ``code`` is in canonical form: ``EU``, ``TR``, ``TR-34``, ``192.0.2.0/24``, ``AS9121``."""

    kind: AreaKind
    code: str

    def __str__(self) -> str:
        """As it is written in TOML."""
        return f"continent:{self.code}" if self.kind is AreaKind.CONTINENT else self.code


_MAX_ASN = 2**32 - 1
_CONTINENTS = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"}
_FORMS = (
    (re.compile(r"AS(?:0|[1-9][0-9]{0,9})"), AreaKind.ASN),
    (re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}"), AreaKind.SUBDIVISION),
    (re.compile(r"[A-Z]{2}"), AreaKind.COUNTRY),
)


def parse_area(text: str) -> Area:
    """Read ISO 3166-2 (``TR-34``), ISO 3166-1 (``TR``), ``continent:EU``, a CIDR network or ``AS9121``.

    Raises:
        ValueError: ``text`` has none of these forms.
    """
    if text.startswith("continent:"):
        code = text.removeprefix("continent:")
        if code not in _CONTINENTS:
            raise ValueError(f"{text!r} names no continent; write one of {', '.join(sorted(_CONTINENTS))}")
        return Area(AreaKind.CONTINENT, code)
    if "/" in text:
        return Area(AreaKind.NETWORK, str(parse_network(text)))
    for form, kind in _FORMS:
        if form.fullmatch(text) and (kind is not AreaKind.ASN or int(text[2:]) <= _MAX_ASN):
            return Area(kind, text)
    raise ValueError(f"{text!r} is not an area; write TR-34, TR, continent:EU, 192.0.2.0/24 or AS9121")


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Read a network in CIDR form.

    Raises:
        ValueError: ``text`` is none, or has bits set beyond its prefix.
    """
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network: {error}; write one such as 192.0.2.0/24") from None


def overlap(one: Area, other: Area) -> bool:
    """Whether both areas hold a common client and neither is the more specific one, so that neither could win.

    Two networks of different length are fine (the longer prefix wins); so is a country inside a continent.
    """
    return one == other

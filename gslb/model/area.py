"""Areas that a region speaks for: continent, country, subdivision, network or autonomous system."""

import re
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from gslb.model.countries import CONTINENTS, continent_of


class AreaKind(StrEnum):
    """What an area is, the most specific kind first. Among networks the longer prefix is the more specific."""

    NETWORK = "network"
    ASN = "asn"
    SUBDIVISION = "subdivision"
    COUNTRY = "country"
    CONTINENT = "continent"
    UNKNOWN = "unknown"
    """those whose country and continent are not known"""


class Area(msgspec.Struct, frozen=True, gc=False):
    """One area. ``code`` is in canonical form: ``EU``, ``TR``, ``TR-34``, ``192.0.2.0/24``, ``AS9121``, ``unknown``."""

    kind: AreaKind
    code: str

    def __str__(self) -> str:
        """As it is written in TOML."""
        return f"continent:{self.code}" if self.kind is AreaKind.CONTINENT else self.code


_MAX_ASN = 2**32 - 1
_PLACES = (AreaKind.SUBDIVISION, AreaKind.COUNTRY, AreaKind.CONTINENT)
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
        if code not in CONTINENTS:
            raise ValueError(f"{text!r} names no continent; write one of {', '.join(sorted(CONTINENTS))}")
        return Area(AreaKind.CONTINENT, code)
    if "/" in text:
        return Area(AreaKind.NETWORK, str(parse_network(text)))
    for form, kind in _FORMS:
        if form.fullmatch(text) and (kind is not AreaKind.ASN or int(text[2:]) <= _MAX_ASN):
            if kind is not AreaKind.ASN:
                _check_country(text)
            return Area(kind, text)
    raise ValueError(f"{text!r} is not an area; write TR-34, TR, continent:EU, 192.0.2.0/24 or AS9121")


def _check_country(text: str) -> None:
    """A code of no country would be a rule, or a fence, for nobody."""
    country = text[:2]
    if continent_of(country) is None:
        meant = {"UK": "GB", "EL": "GR"}.get(country) or (f"continent:{country}" if country in CONTINENTS else "TR")
        raise ValueError(f"{text!r}: {country} is no country of ISO 3166-1; write one such as {meant}")


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Read a network in CIDR form.

    Raises:
        ValueError: ``text`` is none, or has bits set beyond its prefix.
    """
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network: {error}; write one such as 192.0.2.0/24") from None


UNKNOWN = Area(AreaKind.UNKNOWN, "unknown")
_ORDER = tuple(AreaKind)


def specificity(area: Area | None) -> tuple[int, int]:
    """Sorts areas, the most specific first and None, which is everywhere, last."""
    if area is None:
        return len(_ORDER), 0
    return _ORDER.index(area.kind), -network_of(area).prefixlen if area.kind is AreaKind.NETWORK else 0


@lru_cache(maxsize=65536)
def network_of(area: Area) -> IPv4Network | IPv6Network:
    """The addresses of an area of kind NETWORK."""
    return ip_network(area.code)


def continent_and_country(area: Area) -> tuple[str | None, str]:
    """Where a continent, country or subdivision is; the country is empty for a continent."""
    if area.kind is AreaKind.CONTINENT:
        return area.code, ""
    country = area.code.partition("-")[0]
    return continent_of(country), country


def within(inner: Area, outer: Area | None) -> bool:
    """Whether every client in ``inner`` is known to be in ``outer`` as well."""
    if outer is None or inner == outer:
        return True
    if inner.kind is outer.kind is AreaKind.NETWORK:
        return _contains(network_of(outer), network_of(inner))
    if not (inner.kind in _PLACES and outer.kind in _PLACES) or specificity(inner) >= specificity(outer):
        return False
    continent, country = continent_and_country(inner)
    return outer.code in ((country,) if outer.kind is AreaKind.COUNTRY else (continent,))


def disjoint(one: Area, other: Area) -> bool:
    """Whether no client can be in both. Of a network nobody knows here in which country it is."""
    kinds = {one.kind, other.kind}
    if within(one, other) or within(other, one):
        return False
    if kinds == {AreaKind.NETWORK}:
        return True  # prefixes are nested or apart
    if AreaKind.UNKNOWN in kinds:
        return kinds <= {AreaKind.UNKNOWN, *_PLACES}
    return kinds <= set(_PLACES) or kinds == {AreaKind.ASN}


def _contains(outer: IPv4Network | IPv6Network, inner: IPv4Network | IPv6Network) -> bool:
    return outer.version == inner.version and outer.prefixlen <= inner.prefixlen and inner.network_address in outer

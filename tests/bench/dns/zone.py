"""The zone that all servers have: a weighted service, one steered by where the client is, and a thousand hosts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ZONE = "example.com"
SERVICE = f"api.{ZONE}"
GEO = f"geo.{ZONE}"
NAMESERVER = f"ns1.{ZONE}"
SOA = f"{NAMESERVER}. hostmaster.{ZONE}. 1 3600 600 86400 60"
TTL, SERVICE_TTL = 300, 30

REGIONS: Mapping[str, int] = {"192.0.2.1": 70, "198.51.100.1": 30}
"""Weights of the service's addresses."""
PLACES: Mapping[str, tuple[str, str]] = {
    "TR": ("AS", "203.0.113.1"),
    "DE": ("EU", "203.0.113.2"),
    "US": ("NA", "203.0.113.3"),
    "BR": ("SA", "203.0.113.4"),
}
"""Countries with their continent, and what clients there are told at GEO."""
ELSEWHERE = "203.0.113.9"
"""What all others are told there."""


@dataclass(frozen=True, slots=True)
class Host:
    """A name with an address of each family."""

    name: str
    ipv4: str
    ipv6: str


HOSTS = tuple(Host(f"h{i:03d}.{ZONE}", f"192.0.2.{i % 250 + 1}", f"2001:db8::{i + 1:x}") for i in range(1000))


def static_records() -> Iterator[tuple[str, int, str, str]]:
    """Name, TTL, type and rdata of all but the services."""
    yield ZONE, 3600, "SOA", SOA
    yield ZONE, 3600, "NS", f"{NAMESERVER}."
    yield NAMESERVER, 3600, "A", "192.0.2.53"
    for host in HOSTS:
        yield host.name, TTL, "A", host.ipv4
        yield host.name, TTL, "AAAA", host.ipv6


def master_file(*more: str) -> str:
    """The static records as a master file (RFC 1035, section 5), with ``more`` lines, of which each is a record."""
    lines = [f"{name}. {ttl} {type_} {rdata}" for name, ttl, type_, rdata in static_records()]
    return "\n".join([f"$ORIGIN {ZONE}.", f"$TTL {TTL}", *lines, *more, ""])

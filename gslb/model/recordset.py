"""Record sets, as an API of a DNS provider holds them, and the marker that says whose they are."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from gslb.model.names import ServiceName

_LABEL, _WILDCARD_LABEL = "_gslb", "_gslbany"
"""begin the first labels of names that are there for a service only, or a wildcard: a marker, or what it leads to"""

_HERITAGE = "gslb"


class Key(NamedTuple):
    """What tells one record set of a zone from the others; ``identifier`` is empty where name and type do."""

    name: str
    type: str
    identifier: str = ""


class RecordSet(msgspec.Struct, frozen=True, gc=False):
    """One record set.

    Attributes:
        name: absolute, in lower case.
        type: ``A``, ``TXT`` and so on.
        values: rdata in presentation form, sorted; empty where ``routing`` has them.
        ttl: seconds; None where the provider takes that of something else.
        identifier: tells sets of one name and type apart, at providers that have such.
        routing: who gets it, in the provider's own terms and in one form only; empty: everybody.
        weights: those in ``routing``; sets of one name and type are weighed together.
        routed: characters of the values that ``routing`` has.
    """

    name: str
    type: str
    values: tuple[str, ...] = ()
    ttl: int | None = None
    identifier: str = ""
    routing: str = ""
    weights: tuple[float, ...] = ()
    routed: int = 0

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return Key(self.name, self.type, self.identifier)

    @property
    def members(self) -> dict[str, Any]:
        """What ``routing`` says, by the provider's own names: it is a JSON object wherever there is any."""
        return json.loads(self.routing) if self.routing else {}

    @property
    def characters(self) -> int:
        """Characters of all its values."""
        return self.routed + sum(map(len, self.values))


class Marker(msgspec.Struct, frozen=True, gc=False):
    """Says who publishes the record sets of a service, in a TXT record that changes with them.

    Attributes:
        service: the service.
        owner: the installation that publishes it; controllers that share a state database are one.
        fence: the number of the lease under which it was written last. Whoever changes anything replaces exactly the
            marker that it has read: so one of two who write at the same time fails.
        generation: of the steering that was written last, by which a server that has it is told from one that does not.
    """

    service: ServiceName
    owner: str
    fence: int
    generation: int = 0

    def record(self, ttl: int) -> RecordSet:
        """The record that says so, for so many seconds."""
        value = f'"heritage={_HERITAGE},owner={self.owner},fence={self.fence},generation={self.generation}"'
        return RecordSet(marker_name(self.service), "TXT", (value,), ttl)


def marker_name(service: ServiceName) -> str:
    """Where the marker of ``service`` is; below a star it would be one of a wildcard's many names."""
    return ".".join(_reserved(service))


def reserved_name(service: ServiceName, what: str) -> str:
    """A name that is there for ``service`` alone, for ``what`` of it."""
    label, parent = _reserved(service)
    return f"{label}-{what}.{parent}"


def _reserved(service: ServiceName) -> tuple[str, str]:
    """What names that are there for ``service`` begin with, and what they are below."""
    return (_WILDCARD_LABEL, service[2:]) if service.startswith("*.") else (_LABEL, service)


def read_marker(record: RecordSet) -> Marker | None:
    """The marker that ``record`` is; None if it is none of ours, or cannot be read."""
    if record.type != "TXT" or len(record.values) != 1 or record.identifier:
        return None
    label, _, parent = record.name.partition(".")
    service = {_LABEL: parent, _WILDCARD_LABEL: f"*.{parent}"}.get(label)
    fields = dict(part.partition("=")[::2] for part in record.values[0].strip('"').split(","))
    numbers = [fields.get(name, "") for name in ("fence", "generation")]
    if service is None or fields.get("heritage") != _HERITAGE or not all(map(_is_number, numbers)):
        return None
    return Marker(ServiceName(service), fields.get("owner", ""), *map(int, numbers))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20  # noqa: PLR2004  digits of what fits into 64 bits


def markers(records: Iterable[RecordSet]) -> dict[ServiceName, tuple[Marker, RecordSet]]:
    """The markers among ``records``, by service."""
    found = {}
    for record in records:
        if (marker := read_marker(record)) is not None:
            found[marker.service] = marker, record
    return found


def is_reserved_for(name: str, service: ServiceName) -> bool:
    """Whether ``name`` is there for ``service`` alone, and no marker."""
    label, parent = _reserved(service)
    return name.startswith(f"{label}-") and name.partition(".")[2] == parent


def by_key(records: Iterable[RecordSet]) -> Mapping[Key, RecordSet]:
    """``records`` by what tells them apart."""
    return {record.key: record for record in records}

"""Record sets as Route 53's API has them, and as the model has them.

``routing`` holds all members but name, type, TTL, values and identifier, so that nothing of a record set is lost,
whoever has made it. A steering is rendered without knowing ids: the zone's own is left out, and that of one of gslb's
CIDR collections is the name of its networks; which of them are at a location is told besides.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from operator import itemgetter
from typing import Any

from dns.exception import DNSException

from gslb.model.recordset import RecordSet
from providers import names
from providers.route53.networks import PREFIX, collection_name, networks_name
from providers.route53.nodes import canonical

Wire = Mapping[str, Any]
"""A record set as the SDK has it."""

_ADDRESSES = frozenset({"A", "AAAA"})
_PLAIN = frozenset({"Name", "Type", "TTL", "ResourceRecords", "SetIdentifier"})
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")
_DOT = ord(".")
_UNESCAPED = re.compile(r"[a-z0-9_.*-]+")


Blocks = Mapping[str, tuple[str, ...]]
"""Blocks of a CIDR collection by location."""


@dataclass(frozen=True, slots=True)
class CidrCollection:
    """One of gslb's own.

    Attributes:
        id: of Route 53.
        name: which says for what networks it is.
        version: counts its changes.
        blocks: that it has.
    """

    id: str
    name: str
    version: int
    blocks: Blocks

    def networks(self, zone: str) -> str:
        """What record sets of its zone, by id, call it; nothing if it has other networks than it is called after."""
        networks = networks_name(block for blocks in self.blocks.values() for block in blocks)
        return networks if self.name == collection_name(zone, networks) else ""


def read(listed: Wire, zone: str, collections: Iterable[CidrCollection] = ()) -> RecordSet:
    """A record set as it is listed.

    Args:
        listed: the record set.
        zone: id of the zone that has it.
        collections: gslb's own for that zone.
    """
    kind = listed["Type"]
    members = {name: member for name, member in listed.items() if name not in _PLAIN}
    if "AliasTarget" in members:
        members["AliasTarget"] = _read_alias(members["AliasTarget"], zone)
    if "GeoProximityLocation" in members:
        members["GeoProximityLocation"] = _read_proximity(members["GeoProximityLocation"])
    if "CidrRoutingConfig" in members:
        members["CidrRoutingConfig"] = _read_cidr(members["CidrRoutingConfig"], zone, collections)
    return RecordSet(
        read_name(listed["Name"]),
        kind,
        tuple(sorted(_read_value(record["Value"], kind) for record in listed.get("ResourceRecords", ()))),
        listed.get("TTL"),
        listed.get("SetIdentifier", ""),
        canonical(members),
        (float(members["Weight"]),) if "Weight" in members else (),
    )


def read_with_words(
    listed: Wire, zone: str, collections: Collection[CidrCollection] = ()
) -> tuple[RecordSet, Wire | None]:
    """A record set as ``read`` has it, and as it is listed, if it would be written in other words than that.

    The API compares what is to be removed with what was once written: an IPv6 address in its long form, say.
    """
    record = read(listed, zone, collections)
    ids = {networks: it.id for it in collections if (networks := it.networks(zone))}
    words = exactly(listed)
    return record, None if written(record, zone, ids) == words else words


def written(record: RecordSet, zone: str, collections: Mapping[str, str]) -> Wire:
    """A record set as it is written.

    Args:
        record: the record set.
        zone: id of the zone that is to have it.
        collections: ids of gslb's own by what record sets call them.
    """
    members = record.members
    if "AliasTarget" in members:
        alias = members["AliasTarget"]
        if not alias["HostedZoneId"]:
            members["AliasTarget"] = {**alias, "HostedZoneId": zone, "DNSName": write_name(alias["DNSName"])}
    if "CidrRoutingConfig" in members:
        cidr = members["CidrRoutingConfig"]
        collection = collections.get(cidr["CollectionId"], cidr["CollectionId"])
        members["CidrRoutingConfig"] = {"CollectionId": collection, "LocationName": cidr["LocationName"]}
    plain: dict[str, Any] = {"Name": write_name(record.name), "Type": record.type}
    if record.identifier:
        plain["SetIdentifier"] = record.identifier
    if record.ttl is not None:
        plain["TTL"] = record.ttl
    if record.values:
        plain["ResourceRecords"] = [{"Value": value} for value in record.values]
    return plain | members


def read_name(name: str) -> str:
    r"""Absolute, in lower case, and with whatever Route 53 escapes as the model has it: ``a/b.`` for ``a\057b.``."""
    lower = name.lower() if name.endswith(".") else f"{name.lower()}."
    if "\\" in lower:
        told = lower.encode().removesuffix(b".").split(b".")  # a dot within a label is escaped
        with suppress(DNSException):
            return names.text(_OCTAL.sub(lambda found: bytes([int(found[1], 8)]), label) for label in told)
    return lower


def write_name(name: str) -> str:
    """A name of the model as Route 53 lists it, but with ``*`` as it is."""
    if _UNESCAPED.fullmatch(name):
        return name
    return "".join(f"{''.join(map(_escaped, label))}." for label in names.labels(name))


def _escaped(octet: int) -> str:
    return chr(octet) if _UNESCAPED.fullmatch(chr(octet)) and octet != _DOT else f"\\{octet:03o}"


def exactly(listed: Wire) -> Wire:
    """A record set as it is listed, as ``written`` would have it if it were written so: values in order."""
    told = {**listed, "Name": write_name(read_name(listed["Name"]))}
    if "ResourceRecords" in listed:
        told["ResourceRecords"] = sorted(listed["ResourceRecords"], key=itemgetter("Value"))
    return told


def alias_target(record: RecordSet) -> str:
    """The name of the same zone that it is an alias of; empty if it is none."""
    alias = _member(record, "AliasTarget")
    return str(alias["DNSName"]) if alias is not None and not alias["HostedZoneId"] else ""


def own_networks(record: RecordSet) -> Wire | None:
    """What a record set says of one of gslb's own collections; None if of none."""
    cidr = _member(record, "CidrRoutingConfig")
    return cidr if cidr is not None and cidr["CollectionId"].startswith(PREFIX) else None


def _member(record: RecordSet, name: str) -> Wire | None:
    found: Wire | None = json.loads(record.routing).get(name) if name in record.routing else None
    return found


def _read_value(value: str, kind: str) -> str:
    """The API tells addresses as they were once written: also such as have leading zeros, which stay as they are."""
    if kind in _ADDRESSES:
        with suppress(ValueError):
            return str(ip_address(value))
    return value


def _read_alias(alias: Wire, zone: str) -> Wire:
    if alias["HostedZoneId"] != zone:
        return alias
    return {**alias, "HostedZoneId": "", "DNSName": read_name(alias["DNSName"])}


def _read_proximity(place: Wire) -> Wire:
    """No bias is the same as zero, and coordinates have one form, that of ``providers.route53.places.proximity``."""
    told = {name: member for name, member in place.items() if name != "Bias" or member}
    if "Coordinates" in told:
        told["Coordinates"] = {name: _degrees(text) for name, text in told["Coordinates"].items()}
    return told


def _degrees(text: str) -> str:
    with suppress(ValueError):
        return f"{float(text) + 0.0:.2f}"  # no negative zero; the API takes two decimals at most
    return text


def _read_cidr(cidr: Wire, zone: str, collections: Iterable[CidrCollection]) -> Wire:
    """A collection that does not have the networks that it is called after stays as it is: it is to be seen."""
    held = next((it for it in collections if it.id == cidr["CollectionId"]), None)
    if held is None or not (networks := held.networks(zone)):
        return cidr
    place = cidr["LocationName"]
    blocks = {"Blocks": list(held.blocks[place])} if place in held.blocks else {}
    return {"CollectionId": networks, "LocationName": place, **blocks}

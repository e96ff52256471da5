"""Record sets as the API has them in JSON (REST v1, ResourceRecordSet), and as gslb has them.

Nothing is lost in between but what the server makes itself (``kind``, ``signatureRrdatas``) and what says nothing
(false, null, and whatever is empty). So what was read can be named in a deletion exactly as it is there, also policies
that are never rendered here: failover with trickled traffic, health checks, load balancers. The items of a policy stay
in the order in which they are stored, since a deletion names them in that; the records of an item, and of a set, have
none.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv6Address
from typing import Any

from gslb.model.recordset import RecordSet

Json = Mapping[str, Any]

_APART = frozenset({"name", "type", "ttl", "rrdatas"})
_GENERATED = frozenset({"kind", "signatureRrdatas"})


def read(document: Json) -> RecordSet:
    """A record set from JSON.

    Raises:
        KeyError, TypeError, ValueError: it has no name, type or TTL, or is no record set at all.
    """
    kind = document["type"]
    rest = _lean({name: value for name, value in document.items() if name not in _APART}, kind)
    return RecordSet(
        name=document["name"].lower(),
        type=kind,
        values=tuple(_records(document.get("rrdatas") or (), kind)),
        ttl=int(document["ttl"]),
        routing=json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if rest else "",
        weights=_weights(rest),
        routed=_characters(rest),
    )


def write(record: RecordSet) -> dict[str, Any]:
    """``record`` in JSON, as additions and deletions name it."""
    rest = json.loads(record.routing) if record.routing else {}
    rrdatas = {"rrdatas": list(record.values)} if record.values else {}
    return {"name": record.name, "type": record.type, "ttl": record.ttl, **rrdatas, **rest}


def presented(value: str, kind: str) -> str:
    """The one form of a value: addresses of IPv6 by RFC 5952, the name of an alias in lower case."""
    match kind:
        case "AAAA":
            with suppress(ValueError):
                return str(IPv6Address(value))
            return value
        case "CNAME":
            return value.lower()
        case _:
            return value


def _records(rrdatas: Any, kind: str) -> list[str]:
    return sorted(presented(value, kind) for value in rrdatas)


def _lean(value: Any, kind: str) -> Any:
    """``value`` in one form, without what the server makes and what says nothing."""
    match value:
        case dict():
            members = {
                name: _records(member, kind) if name == "rrdatas" and member else _lean(member, kind)
                for name, member in value.items()
                if name not in _GENERATED
            }
            return {name: member for name, member in members.items() if _says_something(member)}
        case list():
            return [_lean(member, kind) for member in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _says_something(value: Any) -> bool:
    return value is not None and value is not False and value != "" and value not in ([], {})


def _characters(value: Any) -> int:
    """Of the records in items, and of the endpoints of targets."""
    match value:
        case dict():
            return sum(map(_characters, value.values()))
        case list():
            return sum(len(member) if isinstance(member, str) else _characters(member) for member in value)
        case _:
            return 0


def _weights(rest: Json) -> tuple[float, ...]:
    items = rest.get("routingPolicy", {}).get("wrr", {}).get("items", ())
    return tuple(float(item.get("weight", 0)) for item in items)

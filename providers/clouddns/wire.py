"""Record sets as the API has them in JSON (REST v1, ResourceRecordSet), and as gslb has them.

Nothing is lost in between but what the server makes itself (``kind``, ``signatureRrdatas``) and what says nothing
(false, null, and whatever is empty), also of policies that are never rendered here: failover with trickled traffic,
health checks, load balancers. Neither the records of a set, or of an item, nor the items of a policy have an order, and
weights are the same that differ by less than doubles may on their way: so they have one form here.

A deletion names a record set as it is there, in the order in which its items are listed; see ``read_with_words``.
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
_DIGITS = 10
"""of a weight that count"""


def read(document: Json) -> RecordSet:
    """A record set from JSON.

    Raises:
        KeyError, TypeError, ValueError: it has no name, type or TTL, or is no record set at all.
    """
    return _read(exactly(document))


def read_with_words(document: Json) -> tuple[RecordSet, Json | None]:
    """A record set from JSON, and that which a deletion has to name, if it would be written in other words than that.

    Raises:
        KeyError, TypeError, ValueError: see ``read``.
    """
    words = exactly(document)
    record = _read(words)
    return record, None if write(record) == words else words


def exactly(document: Json) -> Json:
    """A record set in JSON without what the server makes, and what says nothing."""
    kind = document["type"]
    members = {name: _lean(value, kind) for name, value in document.items() if name not in _APART | _GENERATED}
    rrdatas = {"rrdatas": _records(document["rrdatas"], kind)} if document.get("rrdatas") else {}
    apart = {"name": document["name"].lower(), "type": kind, "ttl": int(document["ttl"])}
    return apart | rrdatas | {name: it for name, it in members.items() if _says_something(it)}


def _read(words: Json) -> RecordSet:
    rest = {name: _unordered(value) for name, value in words.items() if name not in _APART}
    return RecordSet(
        name=words["name"],
        type=words["type"],
        values=tuple(words.get("rrdatas", ())),
        ttl=words["ttl"],
        routing=_canonical(rest) if rest else "",
        weights=_weights(rest),
        routed=_characters(rest),
    )


def write(record: RecordSet) -> dict[str, Any]:
    """``record`` in JSON, as additions and deletions name it."""
    rest = record.members
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
    """``value`` without what the server makes and what says nothing; records in one form and order."""
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


def _unordered(value: Any) -> Any:
    """``value`` with the items of policies in one order, and their weights in one form."""
    match value:
        case {"weight": float(weight), **rest}:
            return {**{name: _unordered(member) for name, member in rest.items()}, "weight": _rounded(weight)}
        case {"items": list(items), **rest}:
            told = sorted(map(_unordered, items), key=_place)
            return {**{name: _unordered(member) for name, member in rest.items()}, "items": told}
        case dict():
            return {name: _unordered(member) for name, member in value.items()}
        case list():
            return list(map(_unordered, value))
        case _:
            return value


def _place(item: Any) -> tuple[str, str]:
    """Of an item among others: by location and records, and weights last."""
    if not isinstance(item, dict):
        return _canonical(item), ""
    return _canonical({name: it for name, it in item.items() if name != "weight"}), _canonical(item)


def _rounded(weight: float) -> float:
    rounded = float(f"{weight:.{_DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


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

"""Reading JSON strictly: what is of the wrong form, or has a name that the API does not know, is refused."""

import math
from collections.abc import Collection
from typing import Any

from tests.fakes.clouddns.errors import Json, bad_json, invalid, required

INT32 = 2**31 - 1


def table(value: Any, field: str, known: Collection[str]) -> Json:
    """An object with none but ``known`` members; ``kind`` may be there always."""
    if not isinstance(value, dict):
        raise bad_json(f"Invalid value at '{field}'")
    for name in value:
        if name not in known and name != "kind":
            raise bad_json(f"Unknown name \"{name}\" at '{field}': Cannot find field.")
    return value


def array(value: Any, field: str) -> list[Any]:
    """A list; what is not there is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_json(f"Invalid value at '{field}'")
    return value


def text(source: Json, name: str, field: str) -> str:
    """A string that has to be there."""
    value = source.get(name)
    if value is None or value == "":
        raise required(f"{field}.{name}")
    if not isinstance(value, str):
        raise bad_json(f"Invalid value at '{field}.{name}'")
    return value


def option(source: Json, name: str, field: str) -> str:
    """A string that may be absent, which is then empty."""
    return text(source, name, field) if source.get(name) else ""


def flag(source: Json, name: str, field: str) -> bool:
    value = source.get(name, False)
    if not isinstance(value, bool):
        raise bad_json(f"Invalid value at '{field}.{name}' (TYPE_BOOL), {value}")
    return value


def integer(source: Json, name: str, field: str, most: int = INT32) -> int:
    """A number from 0, which may be written as a string, as google-cloud-dns does."""
    value = source.get(name)
    if value is None:
        raise required(f"{field}.{name}")
    digits = value if isinstance(value, str) else repr(value)
    if not digits.removeprefix("-").isdecimal():
        raise bad_json(f"Invalid value at '{field}.{name}' (TYPE_INT32), {value}")
    if not 0 <= int(digits) <= most:
        raise invalid(f"{field}.{name}", value)
    return int(digits)


def number(source: Json, name: str, field: str, most: float, default: float | None = None) -> float:
    """A double in 0..most."""
    value = source.get(name, default)
    if value is None:
        raise required(f"{field}.{name}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise bad_json(f"Invalid value at '{field}.{name}' (TYPE_DOUBLE), {value}")
    if not 0 <= value <= most:
        raise invalid(f"{field}.{name}", value)
    return float(value)

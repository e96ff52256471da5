"""``${NAME}`` in a string of the configuration reads the environment."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def expand(value: Any, environment: Mapping[str, str]) -> Any:
    """``value`` with every reference replaced, in tables and lists too; unknown names are left as they stand."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: environment.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {key: expand(entry, environment) for key, entry in value.items()}
    if isinstance(value, list):
        return [expand(entry, environment) for entry in value]
    return value


def unknown(value: Any, environment: Mapping[str, str], at: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    """Key path and name of every reference that the environment does not define."""
    if isinstance(value, str):
        yield from ((at, name) for name in _REFERENCE.findall(value) if name not in environment)
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from unknown(entry, environment, (*at, key))

"""Values as TOML text, for people to read."""

from typing import Any


def to_toml(value: Any) -> str:
    """``value``, plain data, on one line; None, which TOML does not have, as ``none``."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case dict():
            inside = ", ".join(f"{key} = {to_toml(entry)}" for key, entry in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            return "[" + ", ".join(to_toml(entry) for entry in value) + "]"
    return str(value)

"""Durations as people write them: ``500ms``, ``1.5s``, ``2m``, ``24h``, ``7d``, ``1h30m``."""

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|[smhd])")
_WHOLE = re.compile(rf"(?:{_PART.pattern}\s*)+")


def parse_duration(text: str) -> float:
    """Seconds in ``text``.

    Raises:
        ValueError: not a sequence of number and unit (ms, s, m, h, d).
    """
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a duration; write a number with a unit, as in 500ms, 1.5s, 2m, 24h or 7d")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """``seconds`` to the millisecond, as people write it: ``0.5`` is ``500ms``, ``5400`` is ``1h30m``."""
    millis = round(seconds * 1000)
    if millis < 0:
        return "-" + format_duration(-seconds)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    whole, rest = divmod(millis, 1000)
    if rest and not whole:
        parts.append(f"{rest}ms")
    elif rest:
        parts.append(f"{millis / 1000:g}s")
    elif whole or not parts:
        parts.append(f"{whole}s")
    return "".join(parts)

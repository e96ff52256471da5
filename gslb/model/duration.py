"""Durations as people write them: ``500ms``, ``1.5s``, ``2m``, ``24h``, ``7d``, ``1h30m``."""

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")


def parse_duration(text: str) -> float:
    """Seconds in ``text``.

    Raises:
        ValueError: not a sequence of number and unit (ms, s, m, h, d).
    """
    compact = text.strip().replace(" ", "")
    if not compact or _PART.sub("", compact):
        raise ValueError(f"{text!r} is not a duration; write a number with a unit, as in 500ms, 1.5s, 2m, 24h or 7d")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(compact))


def format_duration(seconds: float) -> str:
    """The shortest exact form of ``seconds`` down to a millisecond: ``0.5`` is ``500ms``, ``5400`` is ``1h30m``."""
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

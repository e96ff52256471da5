"""TTLs in the configuration: durations that a DNS record can carry."""

from typing import Annotated

from pydantic import AfterValidator

from gslb.model.duration import format_duration
from gslb.model.options import Duration

MAX_TTL = 7 * 86400


def _whole_seconds(seconds: float) -> float:
    if seconds != int(seconds) or seconds > MAX_TTL:
        raise ValueError(f"{format_duration(seconds)} cannot be a TTL; write whole seconds, at most 7d")
    return seconds


Ttl = Annotated[Duration, AfterValidator(_whole_seconds)]
"""Whole seconds, at most seven days."""

"""Response rate limiting: no more responses over UDP than a network may want, since its address may be forged.

The generic cell rate algorithm, in a table of fixed size: each network has the bucket that its hash says, and shares it
with others at times. Nothing can be thrown out of it, and nothing makes it grow.
"""

from array import array
from enum import Enum

from gslb.nameserver.clients import Clients, packed
from gslb.nameserver.settings import RateLimit

BUCKETS = 2**16
BURST = 1.0
"""seconds' worth of responses that a network may have at once"""

_ROUNDING = 1e-9
_IPV4_SIZE, _IPV4_PREFIX, _IPV6_PREFIX = 4, 3, 7
"""bytes of an address that tell networks apart"""


class Verdict(Enum):
    """What becomes of a response."""

    SEND = "send"
    SLIP = "slip"
    """A truncated one goes out instead: whoever has asked comes back over TCP."""
    DROP = "drop"


class Limiter:
    """Counts responses. Threads may share one: what that costs in exactness does not matter."""

    def __init__(self, limit: RateLimit) -> None:
        self._intervals = 1 / limit.others, 1 / limit.answers
        self._due = array("d", bytes(8 * BUCKETS))
        self._slip, self._slipped = limit.slip, 0
        self._exempt = Clients(limit.exempt)

    def judge(self, source: str, now: float, *, answered: bool) -> Verdict:
        """What becomes of the response to a packet from ``source``.

        Args:
            source: an address, in text form as sockets have it.
            now: monotonic seconds.
            answered: the response has records in its answer section.
        """
        bucket = hash((_network(source), answered)) % BUCKETS
        due = max(self._due[bucket], now)
        interval = self._intervals[answered]
        if due - now <= max(0.0, BURST - interval) + _ROUNDING:
            self._due[bucket] = due + interval
            return Verdict.SEND
        if source in self._exempt:
            return Verdict.SEND
        self._slipped += 1
        return Verdict.SLIP if self._slip and self._slipped % self._slip == 0 else Verdict.DROP


def _network(source: str) -> bytes:
    octets = packed(source)
    return octets[: _IPV4_PREFIX if len(octets) == _IPV4_SIZE else _IPV6_PREFIX]

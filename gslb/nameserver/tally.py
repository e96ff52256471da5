"""What the threads of the nameserver count."""

from collections.abc import Iterable, Mapping

from gslb.nameserver.protocol import Latency
from gslb.nameserver.served import Counter, count_of
from gslb.nameserver.wire import Rcode

_SECOND = 10**9


class Tally:
    """What one thread has done over one transport. Written by that thread only, so without locks.

    Attributes:
        ready: responses that were not built; which of them are not NOERROR is counted elsewhere.
        dropped: packets that got no response.
        limited: responses that the rate limit has held back, or had replaced by shorter ones.
        responses: all other responses, by rcode.
        latency: packets by the bits in the number of nanoseconds from when they were read until they were answered.
        waited: sum of those nanoseconds.
    """

    __slots__ = ("dropped", "latency", "limited", "ready", "responses", "transport", "waited")

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.ready = 0
        self.dropped = 0
        self.limited = 0
        self.responses = [0] * (max(Rcode) + 1)
        self.latency = [0] * 64
        self.waited = 0

    def took(self, nanoseconds: int, packets: int) -> None:
        """Note how long it took until so many packets were answered."""
        self.latency[nanoseconds.bit_length()] += packets
        self.waited += nanoseconds * packets


def queries(tallies: Iterable[Tally]) -> dict[str, int]:
    """Queries that were responded to, by transport."""
    total: dict[str, int] = {}
    for tally in tallies:
        total[tally.transport] = total.get(tally.transport, 0) + tally.ready + sum(tally.responses)
    return total


def responses(tallies: Iterable[Tally], counters: Mapping[Rcode, Counter]) -> dict[str, int]:
    """Responses by rcode mnemonic; those never given are left out.

    Args:
        tallies: of all threads.
        counters: of responses that were not built and are not NOERROR.
    """
    other = {rcode: count_of(counter) for rcode, counter in counters.items()}  # first: what is newer is then NOERROR
    total = [sum(column) for column in zip(*(tally.responses for tally in tallies), strict=True)]
    total[Rcode.NOERROR] += sum(tally.ready for tally in tallies) - sum(other.values())
    for rcode, count in other.items():
        total[rcode] += count
    return {rcode.name: total[rcode] for rcode in Rcode if total[rcode]}


def latency(tallies: Iterable[Tally]) -> Latency:
    """How long it took to answer."""
    listed = tuple(tallies)
    counts = [sum(column) for column in zip(*(tally.latency for tally in listed), strict=True)]
    return Latency(tuple(counts), sum(tally.waited for tally in listed) / _SECOND)

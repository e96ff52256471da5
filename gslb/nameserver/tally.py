"""What the threads of the nameserver count."""

from collections.abc import Iterable, Mapping

from gslb.nameserver.served import Counter, count_of
from gslb.nameserver.wire import Rcode


class Tally:
    """What one thread has done over one transport. Written by that thread only, so without locks.

    Attributes:
        ready: responses that were not built; which of them are not NOERROR is counted elsewhere.
        dropped: packets that got no response.
        limited: responses that the rate limit has held back, or had replaced by shorter ones.
        responses: all other responses, by rcode.
        latency: packets by the bits in the number of nanoseconds from when they were read until they were answered.
    """

    __slots__ = ("dropped", "latency", "limited", "ready", "responses", "transport")

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.ready = 0
        self.dropped = 0
        self.limited = 0
        self.responses = [0] * (max(Rcode) + 1)
        self.latency = [0] * 64


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

"""What the threads of the nameserver count."""

from collections.abc import Iterable

from gslb.nameserver.wire import Rcode


class Tally:
    """What one thread has done over one transport. Written by that thread only, so without locks.

    Attributes:
        ready: responses given from ready answers, all of them NOERROR.
        dropped: packets that got no response.
        limited: responses that the rate limit has held back, or had replaced by shorter ones.
        responses: all other responses, by rcode.
    """

    __slots__ = ("dropped", "limited", "ready", "responses", "transport")

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.ready = 0
        self.dropped = 0
        self.limited = 0
        self.responses = [0] * (max(Rcode) + 1)


def queries(tallies: Iterable[Tally]) -> dict[str, int]:
    """Queries that were responded to, by transport."""
    total: dict[str, int] = {}
    for tally in tallies:
        total[tally.transport] = total.get(tally.transport, 0) + tally.ready + sum(tally.responses)
    return total


def responses(tallies: Iterable[Tally]) -> dict[str, int]:
    """Responses by rcode mnemonic; those never given are left out."""
    total: dict[str, int] = {}
    for tally in tallies:
        for rcode in Rcode:
            count = tally.responses[rcode] + (tally.ready if rcode is Rcode.NOERROR else 0)
            if count:
                total[rcode.name] = total.get(rcode.name, 0) + count
    return total

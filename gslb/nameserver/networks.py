"""Networks of one family, and which of them a client is in: found by bisection, however many there are."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from gslb.model.address import IPNetwork

_Cover = tuple[tuple[int, int], ...]
"""Prefix length and rule of each network that some addresses are in."""


@dataclass(frozen=True, slots=True)
class Networks:
    """All addresses in runs that are in the same networks.

    Attributes:
        bits: length of an address.
        starts: first address of each run, the first one 0.
        covers: for each run the networks it is in.
    """

    bits: int
    starts: tuple[int, ...]
    covers: tuple[_Cover, ...]

    def first(self, client: IPNetwork) -> int | None:
        """The least rule of those whose network all of ``client`` is in; None if there is none."""
        cover = self.covers[self._run(int(client.network_address))]
        return min((rule for length, rule in cover if length <= client.prefixlen), default=None)

    def scope(self, client: IPNetwork) -> int:
        """Bits of the first address of ``client`` that decide which networks it is in.

        All addresses with the same bits are in the same ones: a shorter answer would hold for others too, who are in
        a network of their own (RFC 7871, section 7.2.1, on overlapping prefixes).
        """
        address = int(client.network_address)
        run = self._run(address)
        before = self._differs(address, self.starts[run] - 1) if run else 0
        behind = self._differs(address, self.starts[run + 1]) if run + 1 < len(self.starts) else 0
        return max(before, behind)

    def _run(self, address: int) -> int:
        return bisect_right(self.starts, address) - 1

    def _differs(self, one: int, other: int) -> int:
        """Bits that tell two different addresses apart."""
        return self.bits - (one ^ other).bit_length() + 1


def make_networks(bits: int, rules: Iterable[tuple[IPNetwork, int]]) -> Networks:
    """Networks of one family with the rule of each. Of one network twice, the lesser rule counts."""
    ranges = sorted((int(network[0]), network.prefixlen, int(network[-1]), rule) for network, rule in rules)
    edges = {first for first, *_ in ranges} | {last + 1 for *_, last, _ in ranges}
    starts = sorted({0} | edges - {1 << bits})
    covers = []
    open_: list[tuple[int, int, int]] = []
    waiting = iter([*ranges, None])
    coming = next(waiting)
    for start in starts:
        while open_ and open_[-1][0] < start:
            open_.pop()
        while coming and coming[0] == start:
            open_.append((coming[2], coming[1], coming[3]))
            coming = next(waiting)
        covers.append(tuple((length, rule) for _, length, rule in open_))
    return Networks(bits, tuple(starts), tuple(covers))

"""From a client to its rule: what ``gslb.model.steering.rule_for`` says, without a look at every rule."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from gslb.errors import SnapshotError
from gslb.model.address import IPNetwork
from gslb.model.area import Area, AreaKind, network_of
from gslb.model.location import Client, Location
from gslb.nameserver.networks import Networks, make_networks

_Code = tuple[AreaKind, str]


class Selector(msgspec.Struct, frozen=True, gc=False, eq=False):
    """Rules by whom they are for.

    Attributes:
        networks: rules for networks, by version of IP.
        codes: rules for places, systems and the unknown, by what their areas are called.
        last: the rule for everybody.
    """

    networks: Mapping[int, Networks]
    codes: Mapping[_Code, int]
    last: int

    @property
    def parts(self) -> bool:
        """Whether clients differ in their rules."""
        return self.last > 0

    def select(self, client: Client) -> int:
        """Index of the first rule that ``client`` is in."""
        networks = self.networks.get(client.network.version)
        found = networks.first(client.network) if networks else None
        first = self.last if found is None else found
        if self.codes:
            first = min(first, *(self.codes.get(code, first) for code in _codes(client.location)))
        return first

    def scope(self, client: IPNetwork) -> int:
        """Bits of the address that decide between rules for networks."""
        networks = self.networks.get(client.version)
        return networks.scope(client) if networks else 0


def make_selector(matches: Sequence[Area | None]) -> Selector:
    """A selector of rules in order, given whom each is for. What comes after a rule for everybody is never reached.

    Raises:
        SnapshotError: no rule is for everybody, or an area is no network although it says so.
    """
    if None not in matches:
        raise SnapshotError("no rule is for everybody")
    last = matches.index(None)
    ranges: dict[int, list[tuple[IPNetwork, int]]] = defaultdict(list)
    codes: dict[_Code, int] = {}
    for rule, area in enumerate(area for area in matches[:last] if area is not None):
        if area.kind is AreaKind.NETWORK:
            network = _network(area)
            ranges[network.version].append((network, rule))
        else:
            codes.setdefault((area.kind, area.code), rule)
    networks = {version: make_networks(found[0][0].max_prefixlen, found) for version, found in ranges.items()}
    return Selector(networks, codes, last)


def _network(area: Area) -> IPNetwork:
    try:
        return network_of(area)
    except ValueError as error:
        raise SnapshotError(f"{area.code!r} is not a network: {error}") from error


def _codes(location: Location) -> Iterator[_Code]:
    """What the areas that a client at ``location`` is in are called."""
    yield AreaKind.ASN, f"AS{location.asn}"
    for subdivision in location.subdivisions:
        yield AreaKind.SUBDIVISION, subdivision
    if location.known:
        yield AreaKind.COUNTRY, location.country
        yield AreaKind.CONTINENT, location.continent
    else:
        yield AreaKind.UNKNOWN, "unknown"

"""Strategies for services that tell clients apart, for clients, and something that knows where these are."""

from collections.abc import Mapping
from ipaddress import ip_network

from hypothesis import strategies as st

from gslb.geo.locator import Located
from gslb.model.address import IP, IPNetwork
from gslb.model.area import UNKNOWN, Area, AreaKind, parse_area
from gslb.model.location import NOWHERE, Client, Location
from gslb.model.steering import Group, NoAnswer, Pick, Rule, Steering
from gslb.nameserver.networks import make_networks
from tests.nameserver.support import group, parted

ISTANBUL, ANKARA, FRANKFURT = (41.01, 28.98), (39.93, 32.86), (50.11, 8.68)
LOCATIONS = (
    NOWHERE,
    Location("AS", "TR", ("TR-34",), 9121, ISTANBUL),
    Location("AS", "TR", ("TR-06",), 9121, ANKARA),
    Location("AS", "TR", (), None, (39.0, 35.0)),
    Location("EU", "GB", ("GB-ENG", "GB-LND"), 3320, (51.5, -0.1)),
    Location("EU", "DE", (), 3320, FRANKFURT),
    Location("EU"),
    Location(asn=9121),
)
_CODES = ("AS9121", "AS3320", "TR-34", "TR-06", "GB-LND", "GB-ENG", "TR", "GB", "DE", "continent:AS", "continent:EU")


@st.composite
def networks(draw: st.DrawFn) -> IPNetwork:
    """Networks that are often in one another, or side by side."""
    whole = ip_network(draw(st.sampled_from(["198.51.100.0/24", "2001:db8::/32", "0.0.0.0/0"])))
    extra = draw(st.integers(0, 8))
    at = draw(st.integers(0, 2**extra - 1)) << whole.max_prefixlen - whole.prefixlen - extra
    return type(whole)((int(whole.network_address) + at, whole.prefixlen + extra))


areas = st.one_of(
    st.sampled_from(_CODES).map(parse_area),
    st.just(UNKNOWN),
    networks().map(lambda network: Area(AreaKind.NETWORK, str(network))),
)
locations = st.sampled_from(LOCATIONS)


@st.composite
def clients(draw: st.DrawFn) -> Client:
    """Clients of which at least a bit of the address is known."""
    network = draw(networks())
    host = network[draw(st.integers(0, network.num_addresses - 1))]
    length = draw(st.integers(1, network.max_prefixlen))
    return Client(ip_network(host).supernet(new_prefix=length), draw(locations))


@st.composite
def groups(draw: st.DrawFn, pick: Pick) -> tuple[Group, ...]:
    """Up to three groups with some addresses of either type, weighing six at most."""
    places = draw(st.permutations([ISTANBUL, ANKARA, FRANKFURT]))
    found = []
    for index in range(draw(st.integers(0, 3))):
        values = [f"203.0.113.{10 * index + i}" for i in range(draw(st.integers(0, 3)))]
        values += [f"2001:db8:{index + 1}::{i + 1}" for i in range(draw(st.integers(0, 2)))]
        place = places[index] if pick is Pick.NEAREST else None
        found.append(group(f"r{index}", *values, weight=draw(st.integers(1, 2)), place=place))
    return tuple(found)


@st.composite
def rules(draw: st.DrawFn, match: Area | None) -> Rule:
    pick = draw(st.sampled_from(Pick))
    withheld = draw(st.sampled_from([0, 0, 64, 128, 192, 256]))
    return Rule(match, draw(groups(pick)), pick, draw(st.sampled_from(NoAnswer)), withheld)


@st.composite
def steerings(draw: st.DrawFn) -> Steering:
    """Services with rules in any order, as long as the last one is for everybody."""
    matches = [*draw(st.lists(areas, max_size=5)), None]
    return parted("geo.example.com.", *[draw(rules(match)) for match in matches], answers=draw(st.integers(1, 3)))


class Atlas:
    """Knows where the networks it is given are, the smallest first, and counts how often it is asked."""

    def __init__(self, known: Mapping[IPNetwork, Location]) -> None:
        self.known = known
        self.asked = 0

    def locate(self, address: IP) -> Located:
        self.asked += 1
        host = ip_network(address)
        fitting = [network for network in self.known if address in network]
        closest = max(fitting, key=lambda network: network.prefixlen, default=None)
        own = [(network, 0) for network in self.known if network.version == host.version]
        prefix = make_networks(host.max_prefixlen, own).scope(host)
        return Located(self.known[closest] if closest else NOWHERE, prefix)

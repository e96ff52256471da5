"""Where a client is, as far as that is known, and which areas it is in."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from gslb.model.area import Area, AreaKind, within


@dataclass(frozen=True, slots=True)
class Location:
    """What databases say of an address; empty or None where they say nothing.

    Attributes:
        continent: two letters, as GeoNames has them.
        country: ISO 3166-1.
        subdivisions: ISO 3166-2, the widest first: ``("GB-ENG", "GB-LND")``.
        asn: number of the autonomous system that announces it.
        coordinates: latitude and longitude in degrees.
    """

    continent: str = ""
    country: str = ""
    subdivisions: tuple[str, ...] = ()
    asn: int | None = None
    coordinates: tuple[float, float] | None = None

    @property
    def known(self) -> bool:
        """Whether at least the continent is known."""
        return bool(self.continent or self.country)


NOWHERE = Location()


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks.

    Attributes:
        network: its own address, or the subnet that its resolver has told of (RFC 7871).
        location: of that network.
    """

    network: IPv4Network | IPv6Network
    location: Location = NOWHERE


def is_in(client: Client, area: Area | None) -> bool:
    """Whether all of the client's network is known to be in the area; None is everywhere."""
    location = client.location
    match area:
        case None:
            return True
        case Area(AreaKind.NETWORK):
            return within(Area(AreaKind.NETWORK, str(client.network)), area)
        case Area(AreaKind.ASN, code):
            return location.asn is not None and code == f"AS{location.asn}"
        case Area(AreaKind.SUBDIVISION, code):
            return code in location.subdivisions
        case Area(AreaKind.COUNTRY, code):
            return code == location.country
        case Area(AreaKind.CONTINENT, code):
            return code == location.continent
        case _:
            return not location.known

"""gslb geo: where an address is by the databases of a configuration, and what that makes of it there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from gslb.api.views import location_view
from gslb.config.configuration import Configuration
from gslb.errors import GslbError
from gslb.geo.database import Database, open_database
from gslb.geo.locator import locate_in
from gslb.model.address import IP, IPNetwork, client_network
from gslb.model.area import Area, specificity
from gslb.model.chain import Chain
from gslb.model.location import Client, is_in
from gslb.model.topology import Service
from policies.checking import rehearse

View = dict[str, Any]

_NONE = "no databases in [geo] databases, so only networks can be told apart"


def geo_view(configuration: Configuration, text: str) -> View:
    """All there is to say of a client at ``text``, an address or a network, as plain data.

    Of a network the first address is located, as is done for the subnet of a client.

    Raises:
        GslbError: it is neither, or a database cannot be read.
    """
    network = _network(text)
    address = network.network_address
    databases = [open_database(path) for path in configuration.geo.databases]
    located = locate_in(databases, address)
    client = Client(network, located.location)
    return {
        "network": str(network),
        "address": str(address),
        "location": location_view(located.location),
        "prefix": located.prefix,
        "databases": [_database_view(database, address) for database in databases],
        "areas": list(_areas(configuration, client)),
        "services": list(_services(configuration, client)),
    }


def _network(text: str) -> IPNetwork:
    try:
        return client_network(text)
    except ValueError as error:
        raise GslbError(str(error)) from None


def _database_view(database: Database, address: IP) -> View:
    record, prefix = database.find(address)
    return {
        "path": str(database.path),
        "type": database.type,
        "built": datetime.fromtimestamp(database.built, UTC).isoformat(),
        "prefix": prefix,
        "location": location_view(locate_in([database], address).location),
        "record": _plain(record),
    }


def _plain(value: Any) -> Any:
    """``value`` with bytes, which JSON does not have, in hexadecimal digits."""
    match value:
        case dict():
            return {key: _plain(entry) for key, entry in value.items()}
        case list():
            return [_plain(entry) for entry in value]
        case bytes() | bytearray():
            return value.hex()
    return value


def _areas(configuration: Configuration, client: Client) -> Iterator[View]:
    """The areas of regions and vantage points that the client is in, the most specific first, and whose they are."""
    regions, vantages = configuration.topology.regions, configuration.vantages
    named = {area for region in regions.values() for area in region.areas}
    named |= {area for vantage in vantages.values() for area in vantage.areas}
    for area in sorted(named, key=lambda area: (specificity(area), area.code)):
        if is_in(client, area):
            yield {
                "area": str(area),
                "regions": [name for name, region in regions.items() if area in region.areas],
                "vantages": [name for name, vantage in vantages.items() if area in vantage.areas],
            }


def _services(configuration: Configuration, client: Client) -> Iterator[View]:
    """The services that do not answer all clients alike, and by which area's rule they answer this one."""
    for name, service in configuration.topology.services.items():
        matches = _matches(configuration, service)
        if len(matches) > 1:
            match = next(match for match in matches if is_in(client, match))
            yield {"name": name, "area": str(match) if match else None}


def _matches(configuration: Configuration, service: Service) -> list[Area | None]:
    """Whom the rules of a service are for, in the order in which they count."""
    regions = {member.region: configuration.topology.regions[member.region] for member in service.members}
    vantages = {name: vantage.areas for name, vantage in configuration.vantages.items()}
    chain = Chain(service, regions, vantages, configuration.geo.geography)
    found = {branch.match for branch in rehearse(chain, service.policy, regions)}
    return sorted(found, key=lambda match: (specificity(match), str(match)))


def geo_report(view: View) -> RenderableType:
    """The view for people."""
    whole = view["network"].rpartition("/")[0] == view["address"] and view["network"].endswith(("/32", "/128"))
    whom = view["address"] if whole else f"{view['network']}, by its first address"
    scope = f"addresses with the same first {view['prefix']} bits" if view["prefix"] else "addresses"
    lines: list[RenderableType] = [
        f"[bold]{escape(whom)}[/]: {escape(_place(view['location']))}",
        f"the same holds for all {scope}",
    ]
    if view["databases"]:
        lines += ["", _databases(view["databases"])]
    else:
        lines += ["", f"[yellow]{escape(_NONE)}[/]"]
    lines += ["", "[bold]areas of this configuration that it is in[/]"]
    lines += [f"  {escape(entry['area'])}: {escape(_speakers(entry))}" for entry in view["areas"]] or ["  none"]
    if view["services"]:
        lines += ["", "[bold]services that part clients, and the rule that it is answered by[/]"]
        lines += [f"  {escape(entry['name'].removesuffix('.'))}: {_rule(entry)}" for entry in view["services"]]
    return Group(*lines)


def _place(location: View) -> str:
    parts = [*reversed(location["subdivisions"]), location["country"]]
    parts += [location["continent"] and f"continent:{location['continent']}"]
    parts += [f"AS{location['asn']}" if location["asn"] is not None else None]
    parts += ["at " + ", ".join(map(str, location["coordinates"])) if location["coordinates"] else None]
    return ", ".join(part for part in parts if part) or "location unknown"


def _databases(databases: list[View]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("database", "built", "prefix", "says"):
        table.add_column(column, overflow="fold")
    for each in databases:
        name = escape(each["path"].rpartition("/")[2])
        table.add_row(name, each["built"][:10], f"/{each['prefix']}", escape(_place(each["location"])))
    return table


def _speakers(entry: View) -> str:
    words = [f"region {name}" for name in entry["regions"]]
    return ", ".join(words + [f"vantage point {name}" for name in entry["vantages"]])


def _rule(entry: View) -> str:
    return f"clients in {escape(entry['area'])}" if entry["area"] else "everybody else"

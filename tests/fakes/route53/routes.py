"""Which handler is for which request."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes.route53 import cidr_actions, geo_actions, record_actions, zone_actions
from tests.fakes.route53.call import Call, Reply
from tests.fakes.route53.errors import ApiError

Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One action. ``changes``: it needs more than a read-only role."""

    action: str
    method: str
    path: re.Pattern[str]
    handler: Handler
    changes: bool


def _route(method: str, path: str, handler: Handler, *, changes: bool = False) -> Route:
    """The action is named like its handler; ``{name}`` in a path is any text without a slash."""
    action = "".join(word.title() for word in handler.__name__.split("_"))
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", f"/2013-04-01/{path}/?")
    return Route(action, method, re.compile(pattern), handler, changes)


ROUTES = (
    _route("POST", "hostedzone", zone_actions.create_hosted_zone, changes=True),
    _route("GET", "hostedzone", zone_actions.list_hosted_zones),
    _route("GET", "hostedzonesbyname", zone_actions.list_hosted_zones_by_name),
    _route("GET", "hostedzonecount", zone_actions.get_hosted_zone_count),
    _route("GET", "hostedzone/{zone}", zone_actions.get_hosted_zone),
    _route("DELETE", "hostedzone/{zone}", zone_actions.delete_hosted_zone, changes=True),
    _route("GET", "hostedzone/{zone}/rrset", record_actions.list_resource_record_sets),
    _route("POST", "hostedzone/{zone}/rrset", record_actions.change_resource_record_sets, changes=True),
    _route("GET", "change/{change}", record_actions.get_change),
    _route("GET", "accountlimit/{kind}", zone_actions.get_account_limit),
    _route("GET", "hostedzonelimit/{zone}/{kind}", zone_actions.get_hosted_zone_limit),
    _route("GET", "geolocations", geo_actions.list_geo_locations),
    _route("GET", "geolocation", geo_actions.get_geo_location),
    _route("POST", "cidrcollection", cidr_actions.create_cidr_collection, changes=True),
    _route("GET", "cidrcollection", cidr_actions.list_cidr_collections),
    _route("POST", "cidrcollection/{collection}", cidr_actions.change_cidr_collection, changes=True),
    _route("GET", "cidrcollection/{collection}", cidr_actions.list_cidr_locations),
    _route("DELETE", "cidrcollection/{collection}", cidr_actions.delete_cidr_collection, changes=True),
    _route("GET", "cidrcollection/{collection}/cidrblocks", cidr_actions.list_cidr_blocks),
)
ACTIONS = frozenset(route.action for route in ROUTES)


def routed(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request, and what its path names.

    Raises:
        ApiError: there is none.
    """
    for route in ROUTES:
        if route.method == method and (found := route.path.fullmatch(path)):
            return route, found.groupdict()
    raise ApiError("UnknownOperationException", f"{method} {path}", 404)

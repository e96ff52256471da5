"""[regions.NAME]: gateways that fail together, whom they speak for and what they can take."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gslb.config.faults import shown
from gslb.model.options import AddressText, AreaText, IPText, Options

Weight = Annotated[int, Field(ge=0, le=255)]
Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]


class EndpointSection(Options):
    """One gateway: what is probed, and what is published where that differs."""

    probe: Annotated[AddressText, Field(description="host:port that probes connect to")]
    publish: Annotated[
        list[IPText], Field(max_length=16, description="addresses to answer with; default: the probed address")
    ] = []  # noqa: RUF012  pydantic copies it


def _bare_address(value: Any) -> Any:
    if isinstance(value, str):
        return {"probe": value}
    if isinstance(value, dict):
        return value
    raise ValueError(f'{shown(value)} is no endpoint; write "host:port", or {{ probe = "ip:port", publish = ["IP"] }}')


EndpointEntry = Annotated[EndpointSection, BeforeValidator(_bare_address)]


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class RegionSection(Options):
    """One region."""

    endpoints: Annotated[
        list[EndpointEntry],
        Field(
            min_length=1,
            max_length=1000,
            description="its gateways: host:port, or { probe, publish } where other addresses are published",
        ),
    ]
    weight: Annotated[Weight, Field(description="share of traffic, in proportion to the other regions'")] = 1
    capacity: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False, description="requests per second it can serve")
    ] = None
    min_healthy: Annotated[int, Field(ge=1, le=1000, description="endpoints it needs to be in service")] = 1
    location: Annotated[
        tuple[Latitude, Longitude] | None,
        BeforeValidator(_pair),
        Field(description="latitude and longitude in degrees"),
    ] = None
    areas: Annotated[list[AreaText], Field(description="whom it speaks for")] = []  # noqa: RUF012  pydantic copies it

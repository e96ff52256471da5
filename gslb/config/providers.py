"""[providers.NAME]: how an account at a DNS provider is used. The other keys are the options of its type."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from gslb.config.faults import shown
from gslb.model.address import Address, parse_address
from gslb.model.options import Duration, Key, Options, PositiveDuration, Share
from gslb.model.zone_guard import PlanLimits
from providers.base import Capabilities, Provider


class Drift(StrEnum):
    """What is done about records of ours that somebody has changed at the provider."""

    REPORT = "report"
    REPAIR = "repair"
    OFF = "off"
    """nobody looks"""


def _read_drift(value: object) -> object:
    choices = [choice.value for choice in Drift]
    if value not in choices:
        raise ValueError(f"{shown(value)} is no choice; write one of {', '.join(map(repr, choices))}")
    return Drift(value)


MOST_WITNESSES = 16


def _read_witness(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and 0 < len(value) <= MOST_WITNESSES and all(isinstance(text, str) for text in value):
        return tuple(map(parse_address, value))
    forms = f'true, false, or up to {MOST_WITNESSES} servers as in ["192.0.2.53:53"]'
    raise ValueError(f"{shown(value)} is no choice; write {forms}")


def _show_witness(value: bool | tuple[Address, ...]) -> bool | list[str]:  # noqa: FBT001  pydantic gives it so
    return value if isinstance(value, bool) else list(map(str, value))


class ProviderSection(Options):
    """Keys that every provider has, whatever its type. Several tables of one type are several accounts."""

    type: Annotated[Key, Field(description="kind of provider, such as route53 or clouddns")]
    rate: Annotated[
        float | None,
        Field(gt=0.0, le=10_000.0, description="requests per second, all zones together; default: as its type takes"),
    ] = None
    burst: Annotated[
        int | None, Field(ge=1, le=10_000, description="requests at once after a pause; default: as its type takes")
    ] = None
    deadline: Annotated[
        PositiveDuration, Field(le=600.0, description="longest to wait for the answer to a request")
    ] = 10.0
    witness: Annotated[
        bool | tuple[Address, ...],
        BeforeValidator(_read_witness),
        PlainSerializer(_show_witness),
        Field(description="ask every authoritative server of a zone, or these, after a change whether it answers so"),
    ] = True
    drift: Annotated[
        Drift,
        BeforeValidator(_read_drift),
        Field(description="records of ours that others have changed: report, repair, or off (nobody looks)"),
    ] = Drift.REPORT
    drift_interval: Annotated[Duration, Field(ge=60.0, description="time between two looks for such records")] = 600.0
    max_deletes: Annotated[
        Share, Field(description="share of the services in a zone that may be removed from it at a time")
    ] = PlanLimits().deletes


@dataclass(frozen=True, slots=True)
class ProviderSetup:
    """A provider with the way in which it is used.

    Attributes:
        name: of its table.
        type: as written there.
        provider: the table.
        capabilities: what it can do.
        rate: requests per second, all zones together.
        burst: requests at once after a pause.
        deadline: longest to wait for an answer, in seconds.
        witness: authoritative servers are asked after a change.
        nameservers: which; none: those that the provider names.
        drift: what is done about records that others have changed.
        drift_interval: seconds between two looks for such.
        limits: how much a plan may take away.
    """

    name: str
    type: str
    provider: Provider
    capabilities: Capabilities
    rate: float
    burst: int
    deadline: float
    witness: bool
    nameservers: tuple[Address, ...]
    drift: Drift
    drift_interval: float
    limits: PlanLimits

    def __str__(self) -> str:
        """``aws-main (route53)``."""
        return f"{self.name} ({self.type})"

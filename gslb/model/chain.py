"""What a step can look at when a configuration is checked, and how it says that it makes no sense there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gslb.model.area import Area, AreaKind
from gslb.model.branch import Step
from gslb.model.names import RegionName, VantageName
from gslb.model.topology import Region, Service


@dataclass(frozen=True, slots=True)
class Geography:
    """What databases can say of a client.

    Attributes:
        kinds: areas of these kinds can be told; networks always.
        coordinates: its place on the globe.
    """

    kinds: frozenset[AreaKind] = frozenset()
    coordinates: bool = False

    def tells(self, area: Area) -> bool:
        """Whether it can be told who is in ``area``."""
        return area.kind is AreaKind.NETWORK or area.kind in self.kinds


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a step stands.

    Attributes:
        service: whose policy it is a part of.
        regions: the service's own regions, in the order of the configuration.
        vantages: whom each vantage point speaks for.
        geography: what is known of clients.
        before: the steps before it.
        after: the steps after it.
    """

    service: Service
    regions: Mapping[RegionName, Region]
    vantages: Mapping[VantageName, tuple[Area, ...]]
    geography: Geography
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a step is pointless where it stands, or contradicts another one, and what to do about it.

    Attributes:
        message: goes on where the step is named: ``has no effect: no region has areas``.
        remedy: what to write instead.
        key: option of the step that is at fault; empty: the step as a whole.
    """

    message: str
    remedy: str
    key: str = ""


@runtime_checkable
class Checked(Protocol):
    """A step that looks where it stands. Steps need not."""

    def faults(self, chain: Chain) -> Iterator[Fault]:
        """What is wrong with this step at this place."""

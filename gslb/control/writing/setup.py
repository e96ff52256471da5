"""What a writer is told, by whom it is told, and what it tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from gslb.config.providers import Drift
from gslb.model.address import Address
from gslb.model.expressible import Feature
from gslb.model.names import ServiceName
from gslb.model.record import PublicationRecord
from gslb.model.zone_guard import PlanLimits
from providers.base import Provider


@dataclass(frozen=True, slots=True)
class WriterSetup:
    """One zone at one provider. Durations are seconds.

    Attributes:
        provider: key below ``[providers]``; zones with the same one share an account.
        zone: origin, absolute and in lower case.
        options: the provider's table.
        services: names of the zone that are published there.
        owner: this installation, as markers name it.
        fence: number of the lease that is held.
        without: features that a service can do without there.
        limits: how much may be removed at once.
        deadline: longest wait for an answer of the API.
        drift: what is done about drift.
        drift_interval: between two looks for it.
        witness: whether the zone's nameservers are asked before a change counts as published.
        nameservers: those to ask; none: those that the provider names.
        rate: requests per second, all zones of the account together; None: as its capabilities say.
        burst: of them at once; None likewise.
    """

    provider: str
    zone: str
    options: Provider
    services: frozenset[ServiceName]
    owner: str
    fence: int = 0
    without: Mapping[ServiceName, frozenset[Feature]] = field(default_factory=lambda: MappingProxyType({}))
    limits: PlanLimits = field(default_factory=PlanLimits)
    deadline: float = 10.0
    drift: Drift = Drift.REPORT
    drift_interval: float = 600.0
    witness: bool = True
    nameservers: tuple[Address, ...] = ()
    rate: float | None = None
    burst: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Which writer it is for."""
        return self.provider, self.zone

    @property
    def place(self) -> str:
        """As people and records call it: ``aws-main/example.com``."""
        return f"{self.provider}/{self.zone.rstrip('.')}"


class Tell(Protocol):
    """Whoever writers tell of what happens. Nothing of it may raise or wait."""

    def published(self, record: PublicationRecord) -> None:
        """A change is confirmed."""

    def moved(self) -> None:
        """``Writers.over`` has changed for something; told of several changes at once."""

    def trouble(
        self, provider: str, zone: str, text: str, services: tuple[ServiceName, ...] = (), *, over: bool = False
    ) -> None:
        """Something keeps ``services`` from being published, or has done so; told once for each. It is in the log.

        Args:
            provider: key below ``[providers]``.
            zone: origin.
            text: one line, which names services itself.
            services: of the zone; none: all of it.
            over: it does so no more. What has happened once, a conflict, has no end of its own.
        """

    def drift(self, provider: str, zone: str, services: tuple[ServiceName, ...]) -> None:
        """These services, and no others, are not there as they were written."""


class WriterState(StrEnum):
    """How it stands with one zone."""

    STARTING = "starting"
    """what it holds is not known yet"""
    CURRENT = "current"
    """all that was decided is confirmed"""
    WRITING = "writing"
    """something is being written, or waits for its turn"""
    CONFIRMING = "confirming"
    """something is written, and not confirmed everywhere"""
    BLOCKED = "blocked"
    """something cannot be written; the rest is"""
    FAILING = "failing"
    """the last request failed, and is tried again"""


@dataclass(frozen=True, slots=True)
class WriterPlace:
    """One zone at one provider, as status shows it.

    Attributes:
        provider: key below ``[providers]``.
        zone: origin.
        state: how it stands.
        error: why it fails, or services are blocked; empty: nothing is wrong.
        remedy: what to do about it.
        generation: the newest of which no answer of before can be given there.
        pending: services to be written yet.
        unconfirmed: services that are written, and not confirmed.
        blocked: services that cannot be written, and why.
        unsaid: services of which some answers cannot be said there, and why.
        drifted: services that somebody else has changed.
        since: seconds since the last answer of the API; None before the first.
        retry: seconds until the next attempt; None where none waits.
    """

    provider: str
    zone: str
    state: WriterState
    error: str
    remedy: str
    generation: int
    pending: int
    unconfirmed: int
    blocked: Mapping[ServiceName, str]
    unsaid: Mapping[ServiceName, str]
    drifted: tuple[ServiceName, ...]
    since: float | None
    retry: float | None

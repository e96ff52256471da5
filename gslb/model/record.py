"""What is written down: transitions with their evidence, decisions, publications, orders, and states to restart from.

Records are values for the state database, the API and the history; times are aware ``datetime`` in UTC.
"""

from dataclasses import dataclass
from datetime import datetime

from gslb.model.branch import Reason
from gslb.model.combine import Health
from gslb.model.latency import Latency
from gslb.model.names import EndpointName, RegionName, ServiceName, VantageName
from gslb.model.observation import CheckKey, HealthReport, Observation
from gslb.model.ramp import Ramp
from gslb.model.steering import Steering
from gslb.model.step import ProbeState


@dataclass(frozen=True, slots=True)
class Evidence:
    """One probe result, as kept beside the transition it led to."""

    at_utc: datetime
    key: CheckKey
    observation: Observation


@dataclass(frozen=True, slots=True)
class TransitionRecord:
    """The health of an endpoint changed in the eyes of some services.

    Attributes:
        evidence: the newest results of the checks behind it, oldest first.
        services: whose view of the endpoint changed.
    """

    at_utc: datetime
    endpoint: EndpointName
    before: Health
    after: Health
    services: tuple[ServiceName, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A service's steering changed.

    Attributes:
        trigger: one line: what set the decision off.
        generation: of the snapshot that carries it to the nameservers.
        before: the former steering; None for the first one.
        good: some fit endpoint is behind it.
    """

    at_utc: datetime
    service: ServiceName
    trigger: str
    generation: int
    before: Steering | None
    after: Steering
    reasons: tuple[Reason, ...]
    good: bool


@dataclass(frozen=True, slots=True)
class PublicationRecord:
    """A provider confirmed a generation: from ``at_utc`` on it is what is answered."""

    at_utc: datetime
    provider: str
    generation: int
    services: tuple[ServiceName, ...]
    seconds: float
    """from the decision to the confirmation"""


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An override was given, lifted or ran out, or a ramp began, was withdrawn or let begin again.

    ``action`` is ``drain``, ``undrain``, ``expired``, ``begin``, ``withdraw`` or ``resume``.
    """

    at_utc: datetime
    action: str
    target: RegionName | EndpointName
    author: str
    reason: str
    expires_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class RampRecord:
    """How far a region's share has come that grows step by step; see ``model.ramp``."""

    service: ServiceName
    region: RegionName
    plan: Ramp
    began_utc: datetime
    withdrawn_utc: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class DoubtRecord:
    """A vantage point began to doubt itself, so that its word did not count, or trusted itself again (no reason)."""

    at_utc: datetime
    vantage: VantageName
    reason: str | None


HistoryRecord = TransitionRecord | DecisionRecord | PublicationRecord | OrderRecord | DoubtRecord


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """The state of one check to restart from.

    ``state`` and ``latency`` hold monotonic times that mean nothing in another process: ``saved_utc`` and
    ``saved_at`` say when both clocks were read, so that they can be carried over.

    Attributes:
        report: the newest health document.
        level: the score as decisions see it, so that a restart moves no traffic.
    """

    key: CheckKey
    state: ProbeState
    latency: Latency | None
    report: HealthReport | None
    level: float
    saved_utc: datetime
    saved_at: float


@dataclass(frozen=True, slots=True)
class OverrideRecord:
    """An order in force, to restart from."""

    target: RegionName | EndpointName
    author: str
    reason: str
    created_utc: datetime
    expires_utc: datetime | None

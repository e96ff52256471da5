"""What is written down: transitions with their evidence, decisions, publications, orders, and states to restart from.

A fault leaves a trail: transition, decision, publication, the first answer by it, the end of exposure, and the recovery
that sums them up.

Records are values for the state database, the API and the history; times are aware ``datetime`` in UTC.
"""

from dataclasses import dataclass
from datetime import datetime

from gslb.model.branch import Reason
from gslb.model.combine import Health
from gslb.model.comeback import Comeback
from gslb.model.drain import Drain
from gslb.model.exposure import Answers
from gslb.model.latency import Latency
from gslb.model.names import EndpointName, RegionName, ServiceName, VantageName
from gslb.model.observation import CheckKey, HealthReport, Observation
from gslb.model.override import Kind
from gslb.model.ramp import Ramp
from gslb.model.steering import Steering
from gslb.model.step import Condition, ProbeState


@dataclass(frozen=True, slots=True)
class Evidence:
    """One probe result, as kept beside the transition it led to."""

    at_utc: datetime
    key: CheckKey
    observation: Observation


@dataclass(frozen=True, slots=True)
class Vote:
    """What one check said when an endpoint's health changed, and whether its vantage point's word counted."""

    key: CheckKey
    condition: Condition
    counts: bool


@dataclass(frozen=True, slots=True)
class TransitionRecord:
    """The health of an endpoint changed in the eyes of some services.

    Attributes:
        evidence: the newest results of the checks behind it, oldest first.
        services: whose view of the endpoint changed.
        votes: what its checks said then.
    """

    at_utc: datetime
    endpoint: EndpointName
    before: Health
    after: Health
    services: tuple[ServiceName, ...]
    evidence: tuple[Evidence, ...]
    votes: tuple[Vote, ...] = ()


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
    """A provider confirmed a generation of ``services``: from ``at_utc`` on it is what is answered.

    ``provider`` is ``embedded``, or one zone at an API provider: ``aws-main/example.com``. A zone there confirms each
    service by itself, with the first generation that wanted what it confirms.
    """

    at_utc: datetime
    provider: str
    generation: int
    services: tuple[ServiceName, ...]
    seconds: float
    """from the decision to the confirmation"""


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A nameserver gave the first answer by a new steering of a service."""

    at_utc: datetime
    service: ServiceName
    generation: int
    nameserver: str


@dataclass(frozen=True, slots=True)
class ExposureRecord:
    """From ``at_utc`` on no resolver can hold an answer of ``service`` with ``endpoint`` any more."""

    at_utc: datetime
    service: ServiceName
    endpoint: EndpointName


@dataclass(frozen=True, slots=True)
class RecoveryRecord:
    """A failover is over: no resolver that keeps to TTLs sends anybody to what has failed.

    Attributes:
        at_utc: when the last answer of before ran out in caches that count whole seconds.
        service: whose answers have changed.
        endpoints: those that have failed.
        fault_utc: start of the first failed attempt.
        decided_utc: when the decision was taken.
        published_utc: when all who answer had it.
        achieved: seconds from the first failed attempt to the end.
        predicted: what `gslb check` says for the service, in seconds; None where nothing is probed.
    """

    at_utc: datetime
    service: ServiceName
    endpoints: tuple[EndpointName, ...]
    fault_utc: datetime
    decided_utc: datetime
    published_utc: datetime
    achieved: float
    predicted: float | None


@dataclass(frozen=True, slots=True)
class EscalationRecord:
    """A stage of an escalation has ended.

    ``outcome`` is ``done``, ``failed``, ``timeout`` or ``refused``; ``detail`` one line of what was seen.
    """

    at_utc: datetime
    escalation: str
    stage: str
    service: ServiceName
    region: RegionName
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    """Something is wrong with a zone at an API provider, or is so no more.

    Attributes:
        provider: key below ``[providers]``.
        zone: its origin.
        services: whom it concerns; none: all of the zone. Of drift: those that are not there as they were written, and
            no others.
        text: one line.
        drift: it is drift, which is what somebody else has changed; else what keeps something from being published.
        over: it is over.
    """

    at_utc: datetime
    provider: str
    zone: str
    services: tuple[ServiceName, ...]
    text: str
    drift: bool
    over: bool

    @property
    def place(self) -> str:
        """As people and publications call it: ``aws-main/example.com``."""
        return f"{self.provider}/{self.zone.removesuffix('.')}"


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """Something was ordered, lifted, refused, ran out, or came a step further.

    Attributes:
        action: of orders ``drain``, ``out``, ``up``, ``weight``, ``ttl``, ``freeze``, ``lifted``, ``expired``,
            ``refused``, or ``withheld`` for a change that a freeze has stopped; of drains ``lowering``, ``moving``,
            ``emptying`` or ``drained``; of ramps and regions that come back ``begin``, ``withdraw``, ``resume``,
            ``waiting``, ``climbing``, ``aborted`` or ``back``.
        target: whom it is about.
        author: who ordered it, or what part of gslb it comes from.
        reason: why; of a refused order the rule, and by how much it would be broken.
        value: the weight or the TTL.
        service: name or glob of the only services that it is about; None: all.
        forced: the safety rules that it was forced past.
    """

    at_utc: datetime
    action: str
    target: str
    author: str
    reason: str
    expires_utc: datetime | None = None
    value: int | None = None
    service: str | None = None
    forced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RampRecord:
    """How far a region's share has come that grows step by step; see ``model.ramp``.

    Without ``plan`` it is followed no longer, and nothing is kept of it.
    """

    service: ServiceName
    region: RegionName
    plan: Ramp | None
    began_utc: datetime
    withdrawn_utc: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class DoubtRecord:
    """A vantage point began to doubt itself, so that its word did not count, or trusted itself again (no reason)."""

    at_utc: datetime
    vantage: VantageName
    reason: str | None


@dataclass(frozen=True, slots=True)
class ComebackRecord:
    """How far a region has come back, to restart from; see ``model.comeback``.

    ``state`` has monotonic times; None: the region is back, and nothing is kept of it.
    """

    service: ServiceName
    region: RegionName
    state: Comeback | None
    saved_utc: datetime
    saved_at: float


@dataclass(frozen=True, slots=True)
class ExposureStateRecord:
    """The ledger of one service, to restart from; see ``model.exposure``. ``answers`` has monotonic times.

    ``saved_utc`` and ``saved_at`` say when both clocks were read.
    """

    service: ServiceName
    answers: Answers
    saved_utc: datetime
    saved_at: float


@dataclass(frozen=True, slots=True)
class SerialRecord:
    """The serial of a zone, to go on from after a restart.

    Attributes:
        zone: its origin.
        serial: the newest.
        digest: of what the zone had with it, in hexadecimal; empty where that is not known.
    """

    zone: str
    serial: int
    digest: str


HistoryRecord = (
    TransitionRecord
    | DecisionRecord
    | PublicationRecord
    | AnswerRecord
    | ExposureRecord
    | RecoveryRecord
    | OrderRecord
    | DoubtRecord
    | EscalationRecord
    | ProviderRecord
)


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
    """An order in force, to restart from; see ``model.override``.

    ``drain`` has a monotonic time: ``saved_utc`` and ``saved_at`` say when both clocks were read.
    """

    kind: Kind
    target: str
    author: str
    reason: str
    created_utc: datetime
    expires_utc: datetime | None
    value: int | None
    service: str | None
    drain: Drain | None
    saved_utc: datetime
    saved_at: float

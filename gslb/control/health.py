"""What checks have shown: the newest state of each, and from them the standing of each endpoint in each service."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from statistics import median_low

from gslb.model.address import IP
from gslb.model.combine import NEVER, Health, combine, last_failure
from gslb.model.latency import Latency, observe_latency
from gslb.model.names import EndpointName, ProbeName, ServiceName, VantageName
from gslb.model.observation import CheckKey, HealthReport, Observation, ProbeResult
from gslb.model.score import score, settle
from gslb.model.steer import Standing
from gslb.model.step import Condition, ProbeState, Thresholds, step
from gslb.model.topology import Endpoint, Service

EVIDENCE = 10
"""Results kept beside each check, to be shown with a transition."""


@dataclass(slots=True)
class CheckState:
    """Everything known of one check.

    Attributes:
        state: as counted.
        vote: as believed; the two differ while silence waits to be believed.
        latency: moving averages.
        report: the newest health document.
        worth: the score that latency and report amount to for an endpoint that is up.
        level: the score as decisions see it, which noise does not move.
        heard_at: when the newest result came in that says anything, in monotonic seconds.
        recent: the newest results.
    """

    state: ProbeState = field(default_factory=ProbeState)
    vote: ProbeState = field(default_factory=ProbeState)
    latency: Latency | None = None
    report: HealthReport | None = None
    worth: float = 1.0
    level: float = 1.0
    heard_at: float = NEVER
    recent: deque[ProbeResult] = field(default_factory=lambda: deque(maxlen=EVIDENCE))

    def take(self, result: ProbeResult, thresholds: Thresholds) -> None:
        """Account for one result."""
        observation = result.observation
        self.recent.append(result)
        self.state = step(self.state, observation, result.ended, thresholds, tripped=result.tripped)
        if observation.ok:
            self.latency = observe_latency(self.latency, observation.latency, result.ended)
            self.report = observation.report
            self.worth = score(Health.UP, self.latency, self.report)
            self.level = settle(self.level, self.worth)

    @property
    def detail(self) -> str:
        """What the newest result said."""
        return _describe(self.recent[-1].observation) if self.recent else "not probed yet"


def _describe(observation: Observation) -> str:
    cause = f"{observation.cause}: " if observation.cause else ""
    return f"{cause}{observation.detail}" if observation.detail else cause.removesuffix(": ")


def checks_of(service: Service, endpoint: Endpoint, vantages: Iterable[VantageName]) -> tuple[CheckKey, ...]:
    """The checks that say how ``endpoint`` does in the eyes of ``service``."""
    return tuple(CheckKey(vantage, probe, str(endpoint.probe)) for probe in service.probes for vantage in vantages)


def standing(service: Service, checks: Mapping[CheckKey, CheckState], addresses: tuple[IP, ...]) -> Standing:
    """The standing of one endpoint from those of its checks whose votes count."""
    states = {(key.probe, key.vantage): check.vote for key, check in checks.items()}
    health = combine(states, service.require, service.quorum)
    return Standing(
        health=health,
        since=max(map(_changed, states.values()), default=None, key=lambda moment: NEVER if moment is None else moment),
        last_failure=last_failure(states, service.require, service.quorum),
        score=_score(health, checks),
        addresses=addresses,
        detail=_detail(health, checks),
    )


def _changed(state: ProbeState) -> float | None:
    """When the check last changed its verdict, or took to draining; the first verdict is no change."""
    verdict = None if state.initial else state.since
    return max((moment for moment in (verdict, state.draining_since) if moment is not None), default=None)


def _score(health: Health, checks: Mapping[CheckKey, CheckState]) -> float:
    """Of the worst probe, each judged by the median of its vantage points: a far one does not make an endpoint slow."""
    if health in (Health.DOWN, Health.UNKNOWN):
        return 0.0
    levels: dict[ProbeName, list[float]] = {}
    for key, check in checks.items():
        levels.setdefault(key.probe, []).append(check.level)
    return min(map(median_low, levels.values()), default=1.0)


def newest_report(checks: Iterable[CheckState]) -> HealthReport | None:
    """What an endpoint said of itself last, in whichever of its checks."""
    said = [(check.latency.at, check.report) for check in checks if check.report is not None and check.latency]
    return max(said, key=itemgetter(0))[1] if said else None


def _detail(health: Health, checks: Mapping[CheckKey, CheckState]) -> str:
    """The newest word of the check that explains the health best: a failing one if there is any."""
    if not checks:
        return "not probed: always up"
    if health is Health.DRAINING:
        return "its health document says draining"
    wanted = {Health.DOWN: Condition.DOWN, Health.UNKNOWN: Condition.UNKNOWN}.get(health, Condition.UP)
    key, check = next(((k, c) for k, c in checks.items() if c.vote.condition is wanted), next(iter(checks.items())))
    return f"{key.probe} {check.vote.condition}: {check.detail}"


def carry_over(state: ProbeState, shift: float) -> ProbeState:
    """``state`` with its times moved by ``shift`` seconds, to this process's monotonic clock."""

    def carried(time: float | None) -> float | None:
        return None if time is None else time + shift

    return replace(
        state,
        since=carried(state.since),
        last_failure=carried(state.last_failure),
        draining_since=carried(state.draining_since),
    )


ServiceEndpoint = tuple[ServiceName, EndpointName]

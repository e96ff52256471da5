"""What checks have shown: the newest state of each, and from them the standing of each endpoint in each service."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gslb.model.address import IP
from gslb.model.combine import NEVER, Health, combine, last_failure
from gslb.model.names import EndpointName, ServiceName, VantageName
from gslb.model.observation import CheckKey, HealthReport, Observation, ProbeResult
from gslb.model.score import Latency, observe_latency, score
from gslb.model.steer import Standing
from gslb.model.step import Condition, ProbeState, Thresholds, step
from gslb.model.topology import Endpoint, Service, Topology

EVIDENCE = 10
"""Results kept beside each check, to be shown with a transition."""


@dataclass(slots=True)
class CheckState:
    """Everything known of one check."""

    state: ProbeState = field(default_factory=ProbeState)
    latency: Latency | None = None
    report: HealthReport | None = None
    recent: deque[ProbeResult] = field(default_factory=lambda: deque(maxlen=EVIDENCE))

    def take(self, result: ProbeResult, thresholds: Thresholds) -> None:
        """Account for one result."""
        observation = result.observation
        self.recent.append(result)
        self.state = step(self.state, observation, result.ended, thresholds)
        if observation.ok:
            self.latency = observe_latency(self.latency, observation.latency, result.ended)
            self.report = observation.report

    @property
    def detail(self) -> str:
        """What the newest result said."""
        return _describe(self.recent[-1].observation) if self.recent else "not probed yet"


def _describe(observation: Observation) -> str:
    cause = f"{observation.cause}: " if observation.cause else ""
    return f"{cause}{observation.detail}" if observation.detail else cause.removesuffix(": ")


def checks_of(service: Service, endpoint: Endpoint, vantage: VantageName) -> tuple[CheckKey, ...]:
    """The checks that say how ``endpoint`` does in the eyes of ``service``."""
    return tuple(CheckKey(vantage, probe, str(endpoint.probe)) for probe in service.probes)


def endpoints_of(service: Service, topology: Topology) -> tuple[Endpoint, ...]:
    """All endpoints that a service may answer with, those of its fallback included."""
    regions = [member.region for member in service.members]
    if service.fallback is not None and service.fallback not in regions:
        regions.append(service.fallback)
    return tuple(endpoint for region in regions for endpoint in topology.regions[region].endpoints)


def standing(
    service: Service, checks: Iterable[CheckState], addresses: tuple[IP, ...], keys: Iterable[CheckKey]
) -> Standing:
    """The standing of one endpoint from the states of its checks, given in the order of ``keys``."""
    by_key = dict(zip(keys, checks, strict=True))
    states = {(key.probe, key.vantage): check.state for key, check in by_key.items()}
    health = combine(states, service.require, service.quorum)
    return Standing(
        health=health,
        since=max(map(_changed, states.values()), default=None, key=lambda moment: NEVER if moment is None else moment),
        last_failure=last_failure(states, service.require, service.quorum),
        score=min((_score(health, check) for check in by_key.values()), default=1.0),
        addresses=addresses,
        detail=_detail(health, by_key),
    )


def _changed(state: ProbeState) -> float | None:
    """When the check last changed its verdict, or took to draining; the first verdict is no change."""
    verdict = None if state.initial else state.since
    return max((moment for moment in (verdict, state.draining_since) if moment is not None), default=None)


def _score(health: Health, check: CheckState) -> float:
    return score(health, check.latency, check.report.saturation if check.report else 0.0)


def _detail(health: Health, checks: Mapping[CheckKey, CheckState]) -> str:
    """The newest word of the check that explains the health best: a failing one if there is any."""
    if not checks:
        return "not probed: always up"
    if health is Health.DRAINING:
        return "its health document says draining"
    wanted = {Health.DOWN: Condition.DOWN, Health.UNKNOWN: Condition.UNKNOWN}.get(health, Condition.UP)
    key, check = next(((k, c) for k, c in checks.items() if c.state.condition is wanted), next(iter(checks.items())))
    return f"{key.probe} {check.state.condition}: {check.detail}"


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

"""The decision: from health, scores and orders to what a name answers.

Endpoints are sorted by how fit they are, and the fittest level that has any answers:

    in service    up, its region has at least min_healthy such endpoints
    hold          up again, but not yet for `hold` since its last failure
    short         up, but its region has fewer than min_healthy
    draining      says of itself that it is draining
    unknown       not probed to a verdict yet
    (nothing)     when_all_down decides

An endpoint that was drained by hand is in none of them. Each record type is decided on its own, so that a type the
service is configured for never goes without an answer while anything can give one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from gslb.model.address import IP
from gslb.model.branch import ROOT, Branch, Candidate, Context, Reason, Verdict
from gslb.model.combine import Health
from gslb.model.names import EndpointName, RegionName
from gslb.model.override import Override
from gslb.model.steering import Group, NoAnswer, RecordType, Rule, Steering, Target, address_type
from gslb.model.topology import AllDown, Endpoint, Region, Service


class Fitness(IntEnum):
    """Levels of fitness, fittest first. The last two never answer while any other can."""

    IN_SERVICE = 0
    HOLD = 1
    SHORT = 2
    DRAINING = 3
    UNKNOWN = 4
    DOWN = 5
    DRAINED = 6


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one endpoint in the use of one service.

    Attributes:
        health: combined health.
        since: when that health was reached; None where it is as it was at the start.
        last_failure: the latest confirmed failure; None without any.
        score: 0..1.
        addresses: published addresses as they are now; empty while a host name has not been resolved.
    """

    health: Health
    since: float | None
    last_failure: float | None
    score: float
    addresses: tuple[IP, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a service answers and why.

    Only ``steering`` is compared when asking 'did it change'.

    Attributes:
        steering: the answers.
        reasons: for every endpoint and region, in the order of the configuration.
        fitness: of every endpoint.
        next_at: monotonic time at which to decide again without an event; None for never.
        good: at least one endpoint was fit; otherwise ``when_all_down`` decided.
    """

    steering: Steering
    reasons: tuple[Reason, ...]
    fitness: Mapping[EndpointName, Fitness]
    next_at: float | None
    good: bool


def steer(
    service: Service,
    regions: Mapping[RegionName, Region],
    standings: Mapping[EndpointName, Standing],
    overrides: Sequence[Override],
    last_good: Steering | None,
    now: float,
) -> Decision:
    """Decide what ``service`` answers at monotonic time ``now``.

    Args:
        service: the service.
        regions: all regions that it, or its fallback, names.
        standings: one for every endpoint of these regions.
        overrides: all orders, expired ones included.
        last_good: the newest steering of this service that some fit endpoint was behind.
        now: monotonic seconds.
    """
    view = _View(service, regions, standings, tuple(o for o in overrides if o.active(now)), now)
    fitness, reasons = view.classify()
    types = view.types(last_good)
    picks = [_pick(view, fitness, kind, last_good) for kind in types]
    groups = _merge([pick.groups for pick in picks])
    no_answer = picks[0].no_answer if picks else NoAnswer.SERVFAIL
    steering = Steering(
        service.name,
        view.ttl(),
        service.ttl_alert,
        service.answers,
        types,
        (Rule(ROOT, groups, no_answer=no_answer),),
    )
    reasons += tuple(dict.fromkeys(reason for pick in picks for reason in pick.reasons))
    return Decision(steering, reasons, fitness, view.next_at(), all(pick.good for pick in picks) and bool(picks))


@dataclass(frozen=True, slots=True)
class _Pick:
    """The outcome for one record type."""

    groups: tuple[Group, ...]
    reasons: tuple[Reason, ...]
    good: bool
    no_answer: NoAnswer = NoAnswer.SERVFAIL


@dataclass(frozen=True, slots=True)
class _View:
    """The arguments of one decision, and the questions that are asked of them more than once."""

    service: Service
    regions: Mapping[RegionName, Region]
    standings: Mapping[EndpointName, Standing]
    overrides: tuple[Override, ...]
    now: float

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Endpoints of the service's own regions."""
        return tuple(e for member in self.service.members for e in self.regions[member.region].endpoints)

    @property
    def hold(self) -> float:
        """Never shorter than the TTL: a faster failback would move clients that have not yet seen the failover."""
        return max(self.service.hold, self.service.ttl_steady)

    def drained_by(self, endpoint: Endpoint) -> Override | None:
        """The order that keeps ``endpoint`` out."""
        return next((order for order in self.overrides if order.covers(endpoint)), None)

    def types(self, last_good: Steering | None) -> tuple[RecordType, ...]:
        """Record types the service is configured for: those of its endpoints' addresses, drained ones included."""
        present = {address_type(ip) for e in self.endpoints for ip in self.standings[e.name].addresses}
        if last_good is not None and any(not e.publish for e in self.endpoints):
            present |= set(last_good.types)  # a host name that does not resolve just now still has its type
        return tuple(sorted(present))

    def classify(self) -> tuple[dict[EndpointName, Fitness], tuple[Reason, ...]]:
        """Fitness of every endpoint, and why."""
        found = {endpoint.name: self._fitness(endpoint) for endpoint in self.endpoints}
        for member in self.service.members:
            self._demote_short(self.regions[member.region], found)
        return {name: fitness for name, (fitness, _) in found.items()}, tuple(
            Reason(_STEP[fitness], name, Verdict.IN if fitness is Fitness.IN_SERVICE else Verdict.OUT, text)
            for name, (fitness, text) in found.items()
        )

    def _fitness(self, endpoint: Endpoint) -> tuple[Fitness, str]:
        standing = self.standings[endpoint.name]
        order = self.drained_by(endpoint)
        if order is not None:
            return Fitness.DRAINED, f"drained by {order.author}: {order.reason}"
        if standing.health is Health.UP and self._held(standing):
            return Fitness.HOLD, "up again, waiting out its hold"
        if standing.health is Health.UP and not standing.addresses:
            return Fitness.UNKNOWN, "its name has not been resolved to an address yet"
        return _FITNESS[standing.health], standing.detail or f"probes say {standing.health}"

    def _held(self, standing: Standing) -> bool:
        return standing.last_failure is not None and self.now < standing.last_failure + self.hold

    @staticmethod
    def _demote_short(region: Region, found: dict[EndpointName, tuple[Fitness, str]]) -> None:
        serving = [e.name for e in region.endpoints if found[e.name][0] is Fitness.IN_SERVICE]
        if len(serving) < region.min_healthy:
            text = f"{region.name} has {len(serving)} healthy endpoints, min_healthy is {region.min_healthy}"
            found.update(dict.fromkeys(serving, (Fitness.SHORT, text)))

    def ttl(self) -> int:
        """Alert for `hold` after a change of health and while an endpoint is draining, else steady."""
        restless = any(self._alert_until(s) > self.now or s.health is Health.DRAINING for s in self._own())
        return self.service.ttl_alert if restless else self.service.ttl_steady

    def _own(self) -> tuple[Standing, ...]:
        return tuple(self.standings[endpoint.name] for endpoint in self.endpoints)

    def _alert_until(self, standing: Standing) -> float:
        return -1.0 if standing.since is None else standing.since + self.hold

    def next_at(self) -> float | None:
        """The first moment at which time alone can change the decision."""
        moments = [order.expires for order in self.overrides if order.expires is not None]
        for standing in self._own():
            moments.append(self._alert_until(standing))
            if standing.health is Health.UP and standing.last_failure is not None:
                moments.append(standing.last_failure + self.hold)
        return min((moment for moment in moments if moment > self.now), default=None)


_FITNESS = {
    Health.UP: Fitness.IN_SERVICE,
    Health.DRAINING: Fitness.DRAINING,
    Health.UNKNOWN: Fitness.UNKNOWN,
    Health.DOWN: Fitness.DOWN,
}
_STEP = {
    Fitness.IN_SERVICE: "health",
    Fitness.HOLD: "hold",
    Fitness.SHORT: "min_healthy",
    Fitness.DRAINING: "health",
    Fitness.UNKNOWN: "health",
    Fitness.DOWN: "health",
    Fitness.DRAINED: "override",
}


def _pick(view: _View, fitness: Mapping[EndpointName, Fitness], kind: RecordType, last_good: Steering | None) -> _Pick:
    """Groups for one record type: from the fittest level that has any, else as ``when_all_down`` says."""
    carrying = [e.name for e in view.endpoints if _carries(view.standings[e.name], kind)]
    usable = [fitness[name] for name in carrying if fitness[name] < Fitness.DOWN]
    if usable:
        level = min(usable)
        groups, reasons = _run_policy(view, lambda e: fitness.get(e.name) is level, kind)
        return _Pick(groups, reasons, good=True)
    return _ALL_DOWN[view.service.when_all_down](view, kind, last_good)


def _carries(standing: Standing, kind: RecordType) -> bool:
    return any(address_type(ip) is kind for ip in standing.addresses)


def _run_policy(
    view: _View, wanted: Callable[[Endpoint], bool], kind: RecordType
) -> tuple[tuple[Group, ...], tuple[Reason, ...]]:
    """Run the chain over the wanted endpoints that carry ``kind``, and take the first tier that has any."""
    tier = tuple(
        candidate
        for member in view.service.members
        if (candidate := _candidate(view, view.regions[member.region], member.weight, wanted, kind)).endpoints
    )
    branches: tuple[Branch, ...] = (Branch(ROOT, (tier,)),)
    context = Context(view.service.name, tuple(member.region for member in view.service.members))
    for step in view.service.policy:
        branches = tuple(after for branch in branches for after in step(branch, context))
    branch = branches[-1]
    answering: tuple[Candidate, ...] = next((tier for tier in branch.tiers if tier), ())
    return _groups(view, answering, kind), branch.reasons


def _candidate(
    view: _View, region: Region, weight: int, wanted: Callable[[Endpoint], bool], kind: RecordType
) -> Candidate:
    members = [e.name for e in region.endpoints if wanted(e) and _carries(view.standings[e.name], kind)]
    mean = sum(view.standings[name].score for name in members) / len(members) if members else 0.0
    return Candidate(region.name, tuple(members), weight, mean)


def _groups(view: _View, tier: Sequence[Candidate], kind: RecordType) -> tuple[Group, ...]:
    """Groups of one tier. A candidate of weight 0 answers only where all have weight 0; then all count alike."""
    idle = all(candidate.weight == 0 for candidate in tier)
    return tuple(
        Group(candidate.region, candidate.weight or 1, _targets(view, candidate.endpoints, kind))
        for candidate in tier
        if candidate.weight or idle
    )


def _targets(view: _View, names: Sequence[EndpointName], kind: RecordType) -> tuple[Target, ...]:
    sharing: dict[IP, list[EndpointName]] = {}
    for name in names:
        for ip in view.standings[name].addresses:
            if address_type(ip) is kind:
                sharing.setdefault(ip, []).append(name)
    return tuple(Target(tuple(endpoints), kind, str(ip)) for ip, endpoints in sharing.items())


def _merge(per_type: Sequence[tuple[Group, ...]]) -> tuple[Group, ...]:
    """One group for each region and weight, with its targets of all types."""
    merged: dict[tuple[RegionName, int], tuple[Target, ...]] = {}
    for groups in per_type:
        for group in groups:
            key = (group.region, group.weight)
            merged[key] = merged.get(key, ()) + group.targets
    return tuple(Group(region, weight, targets) for (region, weight), targets in merged.items())


def _note(view: _View, text: str) -> tuple[Reason, ...]:
    return tuple(Reason("when_all_down", m.region, Verdict.IN, text) for m in view.service.members)


def _answer_all(view: _View, kind: RecordType, _: Steering | None) -> _Pick:
    """Everything that was not drained by hand; SERVFAIL where that is nothing."""
    groups, reasons = _run_policy(view, lambda e: view.drained_by(e) is None, kind)
    note = _note(view, f"no endpoint is fit: answering with all that are not drained ({kind})")
    return _Pick(groups, reasons + note, good=False)


def _answer_last_good(view: _View, kind: RecordType, last_good: Steering | None) -> _Pick:
    """What was answered when something was last fit, less what has been drained since; without any, all."""
    drained = {e.name for e in view.endpoints if view.drained_by(e) is not None}
    known = {e.name for e in view.endpoints}
    kept = tuple(
        Group(group.region, group.weight, targets)
        for group in (last_good.rules[-1].groups if last_good else ())
        if (targets := tuple(t for t in group.targets if t.type is kind and _alive(t, known, drained)))
    )
    if not kept:
        return _answer_all(view, kind, None)
    return _Pick(kept, _note(view, f"no endpoint is fit: answering as when one last was ({kind})"), good=False)


def _alive(target: Target, known: set[EndpointName], drained: set[EndpointName]) -> bool:
    return any(name in known and name not in drained for name in target.endpoints)


def _answer_fallback(view: _View, kind: RecordType, _: Steering | None) -> _Pick:
    """The named region, whatever its health, less what has been drained in it."""
    fallback = view.service.fallback
    region = view.regions[fallback] if fallback is not None else None
    if region is None:
        return _answer_all(view, kind, None)
    candidate = _candidate(view, region, 1, lambda e: view.drained_by(e) is None, kind)
    groups = _groups(view, (candidate,), kind) if candidate.endpoints else ()
    note = _note(view, f"no endpoint is fit: answering with the fallback {region.name} ({kind})")
    return _Pick(groups, note, good=False)


def _answer_nothing(no_answer: NoAnswer) -> Callable[[_View, RecordType, Steering | None], _Pick]:
    def answer(view: _View, _kind: RecordType, _last_good: Steering | None) -> _Pick:
        drained = all(view.drained_by(endpoint) is not None for endpoint in view.endpoints)
        given = NoAnswer.SERVFAIL if drained else no_answer  # drained by people: not a statement that nothing exists
        return _Pick((), _note(view, f"no endpoint is fit: answering {given}"), good=False, no_answer=given)

    return answer


_ALL_DOWN: Mapping[AllDown, Callable[[_View, RecordType, Steering | None], _Pick]] = {
    AllDown.ALL: _answer_all,
    AllDown.LAST_GOOD: _answer_last_good,
    AllDown.FALLBACK: _answer_fallback,
    AllDown.SERVFAIL: _answer_nothing(NoAnswer.SERVFAIL),
    AllDown.NODATA: _answer_nothing(NoAnswer.NODATA),
}

"""Regions that come back to services: how far each has come, and what has been seen of harm."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from gslb.model.branch import Grown
from gslb.model.combine import Health
from gslb.model.comeback import Comeback, Sight, Stage, Way, can_resume, come_back, let_in, next_moment, share
from gslb.model.fitness import Fitness, Standing, View, hold_of
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.override import Kind
from gslb.model.ramp import Pair, harm
from gslb.model.steering import answering
from gslb.model.topology import Region, Service

Seen = Mapping[EndpointName, tuple[Fitness, Standing]]
TEXTS = {
    Stage.WAITING: "back in service, and waiting until somebody lets it answer: gslb resume",
    Stage.CLIMBING: "coming back step by step",
}
NOT_FIT = {Fitness.DOWN, Fitness.DRAINING, Fitness.OUT}
LEAVING = {Fitness.DRAINING, Fitness.OUT}


def way_of(service: Service) -> Way | None:
    """How its regions come back; None: at once."""
    return Way(service.ramp, service.manual, hold_of(service)) if service.ramp or service.manual else None


class Comebacks:
    """The state of every region that has not come back all the way.

    Args:
        noted: told of every state that is new; None: the region is back, or not followed any longer.
    """

    def __init__(self, noted: Callable[[Pair, Comeback | None], object]) -> None:
        self._noted = noted
        self._ways: dict[ServiceName, Way] = {}
        self._members: dict[ServiceName, tuple[RegionName, ...]] = {}
        self._looked: dict[ServiceName, dict[RegionName, Comeback | None]] = {}
        self.states: dict[Pair, Comeback] = {}

    def restore(self, states: Mapping[Pair, Comeback]) -> None:
        """Go on from these, which another process has kept: when it last saw harm, its clock said."""
        self.states = {pair: replace(state, harmed=None) for pair, state in states.items()}

    def configure(self, services: Iterable[Service]) -> None:
        """Follow these; what is followed already goes on from where it is."""
        found = {service.name: service for service in services}
        self._ways = {name: way for name, service in found.items() if (way := way_of(service)) is not None}
        self._members = {name: tuple(member.region for member in found[name].members) for name in self._ways}
        self._looked.clear()
        for pair in [(name, region) for name, region in self.states if region not in self._members.get(name, ())]:
            self._set(pair, None)

    def follow(self, view: View) -> Mapping[RegionName, Grown]:
        """Look at the regions of a service that is about to be decided; returns what they have of their shares.

        What has been seen counts once it is committed.
        """
        name = view.service.name
        way = self._ways.get(name)
        if way is None:
            return {}
        fitness = {endpoint: level for endpoint, (level, _) in view.classify().items()}
        seen = {endpoint: (level, view.standings[endpoint]) for endpoint, level in fitness.items()}
        answers = _regions_answering(view)
        looked = self._looked[name] = {}
        for region in self._members[name]:
            before = self.states.get((name, region))
            sight = _sight(view, view.regions[region], seen, before, answers=region in answers)
            looked[region] = come_back(before, way, sight, view.now)
        return {region: Grown(share(s), _text(s)) for region, s in looked.items() if s and s.stage is not Stage.OUT}

    def commit(self, name: ServiceName) -> None:
        """The service was decided by what has been seen of it."""
        for region, state in self._looked.pop(name, {}).items():
            self._set((name, region), state)

    def discard(self, name: ServiceName) -> None:
        """The service was not decided."""
        self._looked.pop(name, None)

    def shares(self, name: ServiceName) -> Mapping[RegionName, Grown]:
        """What the regions of a service have of their shares, without a new look."""
        found = ((region, self.states.get((name, region))) for region in self._members.get(name, ()))
        return {region: Grown(share(s), "") for region, s in found if s is not None and s.stage is not Stage.OUT}

    def has(self, name: ServiceName) -> bool:
        """Whether regions of a service come back in a way of their own."""
        return name in self._ways

    def resumable(self, name: ServiceName) -> set[RegionName]:
        """Regions of a service that somebody can let back."""
        return {region for region in self._members.get(name, ()) if can_resume(self.states.get((name, region)))}

    def resume(self, pair: Pair, now: float) -> None:
        """Let a region come back, if that is what it waits for."""
        if pair in self.states:
            self._set(pair, let_in(self.states[pair], self._ways[pair[0]], now))

    def moments(self) -> Iterator[tuple[ServiceName, float]]:
        """When shares change by themselves, in monotonic seconds."""
        for (name, _), state in self.states.items():
            moment = next_moment(state, self._ways[name])
            if moment is not None:
                yield name, moment

    def _set(self, pair: Pair, state: Comeback | None) -> None:
        former = self.states.get(pair)
        if state is not None:
            self.states[pair] = state
        elif former is not None:
            del self.states[pair]
        if state != former:
            self._noted(pair, state)


def _regions_answering(view: View) -> Collection[RegionName]:
    given = answering(view.before) if view.before is not None else ()
    return {endpoint.region for endpoint in view.endpoints if endpoint.name in given}


def _sight(view: View, region: Region, seen: Seen, before: Comeback | None, *, answers: bool) -> Sight:
    own = {endpoint.name: seen[endpoint.name] for endpoint in region.endpoints}
    levels = {level for level, _ in own.values()}
    fit = frozenset(name for name, (level, _) in own.items() if level is Fitness.IN_SERVICE)
    if before is None and fit:
        return Sight(answers, fit)
    return Sight(
        answers,
        fit,
        gone=not fit and bool(levels & NOT_FIT) and not any(map(_unprobed, own.values())),
        ordered=Fitness.OUT in levels and levels <= {Fitness.OUT, Fitness.SHORT, Fitness.HOLD},
        leaving=frozenset(name for name, (level, _) in own.items() if level in LEAVING),
        draining=Fitness.DRAINING in levels,
        forced=_forced(view, region, fit),
        harm=_harm(own, seen, before) if before is not None and fit else None,
    )


def _unprobed(found: tuple[Fitness, Standing]) -> bool:
    level, standing = found
    return level is Fitness.UNKNOWN and standing.health is Health.UNKNOWN


def _forced(view: View, region: Region, fit: Collection[EndpointName]) -> bool:
    orders = [view.order_on(e) for e in region.endpoints if e.name in fit] if view.overrides else []
    return any(order is not None and order.kind is Kind.UP for order in orders)


def _harm(own: Seen, seen: Seen, before: Comeback) -> str | None:
    """What speaks against a region; those that were down before it began to climb do not."""
    counted = [each for name, each in own.items() if each[0] is not Fitness.DOWN or name in before.relied]
    return harm(counted, [each for name, each in seen.items() if name not in own])


def _text(state: Comeback) -> str:
    return f"did harm: {state.reason}" if state.stage is Stage.ABORTED else TEXTS[state.stage]

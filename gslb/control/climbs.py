"""Regions whose share grows step by step: how far each has come, and what has been seen of harm."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from gslb.model.branch import Grown
from gslb.model.fitness import Fitness, Standing, View
from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.ramp import Climb, Pair, Ramp, climb, harm, next_step, ramps_of, share, step_of
from gslb.model.topology import Service

Found = list[tuple[Fitness, Standing]]


class Climbs:
    """The state of every ramp.

    Args:
        noted: told of every state that is new; None: the ramp is followed no longer, or anew.
    """

    def __init__(self, noted: Callable[[Pair, Climb | None], object]) -> None:
        self._noted = noted
        self._plans: dict[ServiceName, Mapping[RegionName, Ramp]] = {}
        self._followed: dict[ServiceName, float] = {}
        self.states: dict[Pair, Climb] = {}

    def configure(self, services: Iterable[Service]) -> None:
        """Follow these; what is followed already goes on from where it is."""
        self._plans = {service.name: plans for service in services if (plans := ramps_of(service))}
        self._followed = {name: at for name, at in self._followed.items() if name in self._plans}
        wanted = {(name, region) for name, plans in self._plans.items() for region in plans}
        for pair in self.states.keys() - wanted:
            self._set(pair, None)

    def resumable(self, name: ServiceName) -> set[RegionName]:
        """Regions of a service whose ramps were withdrawn."""
        found = {region: self.states.get((name, region)) for region in self._plans.get(name, ())}
        return {region for region, state in found.items() if state is not None and state.withdrawn is not None}

    def resume(self, pair: Pair) -> None:
        """Let a ramp begin again, if it was withdrawn."""
        if pair[1] in self.resumable(pair[0]):
            self._set(pair, None)

    def follow(self, view: View) -> Mapping[RegionName, Grown]:
        """Look at the ramps of a service that is about to be decided; returns how far they are."""
        plans = self._plans.get(view.service.name)
        if plans is None:
            return {}
        self._followed[view.service.name] = view.now
        fitness = {name: level for name, (level, _) in view.classify().items()}
        return {region: self._follow(view, fitness, region, plan) for region, plan in plans.items()}

    def shares(self, name: ServiceName, now: float) -> Mapping[RegionName, Grown]:
        """How far the ramps of a service are, without a new look."""
        return {region: Grown(share(self.states.get((name, region)), now), "") for region in self._plans.get(name, {})}

    def has(self, name: ServiceName) -> bool:
        """Whether a service has any ramps."""
        return name in self._plans

    def moments(self) -> Iterator[tuple[ServiceName, float]]:
        """When shares change by themselves after the last look at them, in monotonic seconds."""
        for (name, _), state in self.states.items():
            moment = next_step(state, self._followed.get(name, state.began))
            if moment is not None:
                yield name, moment

    def _follow(self, view: View, fitness: Mapping[EndpointName, Fitness], region: RegionName, plan: Ramp) -> Grown:
        pair, now = (view.service.name, region), view.now
        own: Found = []
        others: Found = []
        for endpoint in view.endpoints:
            found = own if endpoint.region == region else others
            found.append((fitness[endpoint.name], view.standings[endpoint.name]))
        levels = {level for level, _ in own}  # in whatever order the first verdicts come in, it begins after them
        ready, harmful = Fitness.IN_SERVICE in levels and Fitness.UNKNOWN not in levels, harm(own, others)
        state = climb(self.states.get(pair), plan, ready=ready, harm=harmful, now=now)
        self._set(pair, state)
        return Grown(share(state, now), _text(state, harmful, now))

    def _set(self, pair: Pair, state: Climb | None) -> None:
        if state == self.states.get(pair):
            return
        if state is None:
            self.states.pop(pair, None)
        else:
            self.states[pair] = state
        self._noted(pair, state)


def _text(state: Climb | None, harmful: str | None, now: float) -> str:
    if state is None:
        return harmful or "it has not been in service as a whole yet"
    if state.withdrawn is not None:
        return f"withdrawn: {state.reason}"
    return f"step {step_of(state, now) + 1} of {len(state.plan.steps)}"

"""From results to decisions, event by event: nothing here waits, sleeps or writes.

A result moves one check; if that changes how an endpoint stands with a service, the service is decided again. Time
alone changes a decision only at moments that are known beforehand (its ``next_at``, a step of a ramp, the end of a
minute in which scores have moved), which ``tick`` serves.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from gslb.control.climbs import Climbs
from gslb.control.comebacks import Comebacks
from gslb.control.events import Addresses, Change, Listener, Transition
from gslb.control.freezer import Freezer, kept
from gslb.control.health import CheckState, ServiceEndpoint, standing
from gslb.control.plan import Plan, make_plan
from gslb.control.shifts import Shifts
from gslb.control.signals import Readings
from gslb.control.votes import Electorate, Votes
from gslb.model.address import IP
from gslb.model.area import Area
from gslb.model.branch import Grown, Signals
from gslb.model.combine import Health
from gslb.model.comeback import Comeback
from gslb.model.fitness import View
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName, VantageName
from gslb.model.observation import CheckKey, HealthReport, ProbeResult
from gslb.model.override import Kind, Override, about, leaving, service_order, state_order
from gslb.model.pacing import Pace
from gslb.model.ramp import Climb, Pair
from gslb.model.record import Vote
from gslb.model.safety import Outlook, outlook
from gslb.model.steer import Decision, Fitness, Standing, hold_of, steer
from gslb.model.steering import Steering, answering
from gslb.model.step import ProbeState
from gslb.model.topology import Endpoint, Service, Topology

Found = dict[tuple[object, ...], Standing]
"""Standings that services share, by what they ask and of whom."""
SHOWN = 3
"""Triggers that a decision names."""
NO_RAMPS: Mapping[RegionName, Grown] = MappingProxyType({})
NO_CLIMBS: Mapping[Pair, Climb] = MappingProxyType({})
NO_COMEBACKS: Mapping[Pair, Comeback] = MappingProxyType({})
NO_AREAS: Mapping[VantageName, tuple[Area, ...]] = MappingProxyType({})


class Engine:
    """Holds the state of all checks and the decision of every service.

    Args:
        listener: told about changes.
        addresses: of endpoints that are named by host.
        hurry: has checks attempted at once.
    """

    def __init__(self, listener: Listener, addresses: Addresses, hurry: Callable[[Iterable[CheckKey]], object]) -> None:
        self._listener, self._addresses = listener, addresses
        self._plan = Plan()
        self.votes = Votes(hurry, listener.doubted)
        self._readings, self._shifts, self._freezer = Readings(), Shifts(), Freezer()
        self.climbs, self.comebacks = Climbs(listener.climbed), Comebacks(listener.came_back)
        self._lifted: dict[ServiceName, float] = {}
        self._orders_on: dict[ServiceName, tuple[Override, ...]] = {}
        self.overrides: tuple[Override, ...] = ()
        self.decisions: dict[ServiceName, Decision] = {}
        self.standings: dict[ServiceEndpoint, Standing] = {}
        self._last_good: dict[ServiceName, Steering] = {}
        self._last: dict[ServiceName, Steering] = {}
        self._reached: dict[ServiceEndpoint, float | None] = {}
        self._waiting: set[ServiceName] = set()
        self._deferring = False
        self._noted: dict[ServiceName, list[str]] = {}
        self.revision = 0
        """Rises whenever time alone may change something at another moment than before."""
        self._now = -math.inf
        self._review_at = math.inf

    @property
    def checks(self) -> Mapping[CheckKey, CheckState]:
        """All checks and what is known of them."""
        return self.votes.checks

    @property
    def topology(self) -> Topology:
        """What is being steered."""
        return self._plan.topology

    @property
    def complete(self) -> bool:
        """Every service has been decided."""
        return self.decisions.keys() >= self.topology.services.keys()

    def restore(
        self,
        checks: Mapping[CheckKey, CheckState],
        last: Mapping[ServiceName, Steering],
        last_good: Mapping[ServiceName, Steering],
        overrides: Iterable[Override],
        climbs: Mapping[Pair, Climb] = NO_CLIMBS,
        comebacks: Mapping[Pair, Comeback] = NO_COMEBACKS,
    ) -> None:
        """Start from what was known before; to be called before ``configure``."""
        self.climbs.states = dict(climbs)
        self.comebacks.restore(comebacks)
        self.votes.checks, self.overrides = dict(checks), tuple(overrides)
        self._last, self._last_good = dict(last), dict(last_good)

    def configure(
        self,
        topology: Topology,
        paces: Mapping[ProbeName, Pace],
        vantages: Mapping[VantageName, tuple[str, ...]],
        now: float,
        areas: Mapping[VantageName, tuple[Area, ...]] = NO_AREAS,
    ) -> None:
        """Steer this from now on. Checks that stay keep their state.

        Args:
            topology: what to steer.
            paces: timing of each probe.
            vantages: vantage points, each with its reference targets.
            now: monotonic seconds.
            areas: whom vantage points speak for; one that is not named speaks for nobody.
        """
        waiting = {name: self._plan.deadline[name] for name in self._waiting}
        self._plan = make_plan(topology, paces, tuple(vantages), now, waiting)
        regions = {str(endpoint.probe): endpoint.region for endpoint in self._plan.endpoints.values()}
        self.votes.configure(Electorate(tuple(self._plan.users), paces, regions, vantages), now)
        fresh = {id(keys): keys for keys in self._plan.keys.values()}  # shared, and slow to compare
        verdicts = {which: self._verdict_at(keys) for which, keys in fresh.items()}
        self._reached = {pair: self._reached.get(pair, verdicts[id(keys)]) for pair, keys in self._plan.keys.items()}
        found: Found = {}
        self.standings = {pair: self._standing(pair, now, found) for pair in self._plan.keys}
        self._waiting &= topology.services.keys()
        for name in self.decisions.keys() - topology.services.keys():
            del self.decisions[name]
        self._lifted = {name: at for name, at in self._lifted.items() if name in topology.services}
        self._readings.configure(topology, self._plan.keys, {name: areas.get(name, ()) for name in vantages})
        self._look(now)
        self._shifts.configure(topology.services.keys())
        self._orders_on = {}
        self._sort_orders(topology.services.values())
        self.climbs.configure(topology.services.values())
        self.comebacks.configure(topology.services.values())
        with self._shifts.free():
            self._decide(topology.services.values(), "configuration", now)

    def observe(self, result: ProbeResult) -> ProbeState | None:
        """Account for a result; returns the state of its check, None if that is not known any more."""
        now = max(result.ended, self._now)  # a result may have had to wait for an older one
        check = self.checks.get(result.key)
        if check is not None:
            former, suspect = check.report, check.state.suspect
            changed = self.votes.take(result, now)
            state: ProbeState | None = check.state
            if check.state.suspect is not suspect:
                users = dict.fromkeys(service for service, _ in self._plan.users[result.key])
                self._listener.alarmed(result.key, users, suspect=not suspect)
            if check.report is not former:
                self._heard(result.key, former, check.report)
        else:
            state, changed = self.votes.take_reference(result, now)
        self._recount(changed, now)
        review = self.votes.next_review
        if review < self._review_at:
            self._review_at = review
            self.revision += 1
        if now >= self._readings.due:
            self._note(self._look(now), now)
        return state

    def defer(self) -> bool:
        """Only note from now on which services are to be decided again; whether that is new."""
        fresh, self._deferring = not self._deferring, True
        return fresh

    def catch_up(self, now: float) -> None:
        """Decide what has been deferred: once for each service, whatever number of results has touched it."""
        noted, self._noted, self._deferring = self._noted, {}, False
        by_trigger: dict[str, list[Service]] = {}
        for name, triggers in noted.items():
            if name in self.topology.services:
                by_trigger.setdefault(_together(triggers), []).append(self.topology.services[name])
        for trigger, services in by_trigger.items():
            self._decide(services, trigger, now)

    def resolved(self, host: str, now: float) -> None:
        """The address of ``host`` has changed."""
        pairs = [pair for pair in self._plan.keys if self._plan.endpoints[pair[1]].probe.host == host]
        self._refresh(pairs, now, trigger=f"{host} has a new address")

    def order(self, overrides: Iterable[Override], trigger: str, now: float) -> None:
        """These are the orders in force from now on; what people order is decided although things are frozen."""
        former, self.overrides = self.overrides, tuple(overrides)
        given, gone = set(self.overrides) - set(former), set(former) - set(self.overrides)
        renewed = {order.key for order in given}
        lifted = [order for order in gone if order.key not in renewed]
        concerned = [service for service in self.topology.services.values() if self._concerns(given | gone, service)]
        self._lifted |= {service.name: now for service in concerned if self._concerns(lifted, service)}
        self._sort_orders(concerned)
        with self._shifts.free():
            self._decide(concerned, trigger, now, ordered=True)

    def _sort_orders(self, services: Iterable[Service]) -> None:
        """Find the orders that are about each of these, which most are about none of."""
        for service in services:
            found = tuple(order for order in self.overrides if about(order, self.topology, service))
            if found:
                self._orders_on[service.name] = found
            else:
                self._orders_on.pop(service.name, None)

    def _in_force(self, name: ServiceName, now: float) -> tuple[Override, ...]:
        orders = self._orders_on.get(name)
        return tuple(order for order in orders if order.active(now)) if orders else ()

    def _concerns(self, orders: Iterable[Override], service: Service) -> bool:
        return any(about(order, self.topology, service) for order in orders)

    def foresee(self, service: Service, overrides: Iterable[Override], now: float) -> Outlook:
        """What these orders would leave the service to answer with, as things are now."""
        standings, in_force = self.standings_of(service), tuple(overrides)
        signals = self._readings.of(service.name, 1.0, self.climbs.shares(service.name, now))
        signals = replace(signals, portions=self.comebacks.shares(service.name))
        decision = self._steer(service, standings, in_force, now, signals)
        return outlook(service, self.topology.regions, standings, decision)

    def tick(self, now: float) -> float | None:
        """Decide again whatever time alone has changed; returns the next moment for that."""
        now = self._now = max(now, self._now)
        if now >= self._readings.due:
            self._note(self._look(now), now)
        due: dict[str, list[Service]] = {}
        for name, why in {name: why for name, moment, why in self._moments() if moment <= now}.items():
            due.setdefault(why, []).append(self.topology.services[name])
        for why, services in due.items():
            self._decide(services, why, now)
        moment = min((moment for _, moment, _ in self._moments() if moment > now), default=math.inf)
        return None if (moment := min(moment, self._readings.due)) == math.inf else moment

    def review(self, now: float) -> float:
        """Look again at which votes can be believed and which have expired; returns the next moment for that."""
        self._recount(self.votes.review(now), now)
        self._review_at = self.votes.next_review
        return self._review_at

    def since(self, service: ServiceName, endpoint: EndpointName) -> float | None:
        """When the endpoint's present health was reached, first verdicts included; None while nothing is known."""
        return self._reached[service, endpoint]

    def held_until(self, service: ServiceName, endpoint: EndpointName) -> float | None:
        """The end of the endpoint's hold, if it has failed before."""
        failed = self.standings[service, endpoint].last_failure
        return None if failed is None else failed + hold_of(self.topology.services[service])

    def checks_of(self, service: ServiceName, endpoint: EndpointName) -> list[CheckState]:
        """What is known of the endpoint's checks."""
        return [self.checks[key] for key in self._plan.keys[service, endpoint]]

    def latency(self, service: ServiceName, endpoint: EndpointName) -> float | None:
        """Recent latency of the slowest of the endpoint's checks, in seconds."""
        found = [check.latency for check in self.checks_of(service, endpoint)]
        return max((latency.recent for latency in found if latency), default=None)

    def resumable(self, name: ServiceName) -> set[RegionName]:
        """Regions of a service that wait for somebody to resume them, or can do without that later."""
        return self.comebacks.resumable(name) | self.climbs.resumable(name)

    def resume(self, pair: Pair, now: float) -> None:
        """Let a ramp that was withdrawn begin again, and a region come back that waits."""
        self.comebacks.resume(pair, now)
        self.climbs.resume(pair)
        self._decide([self.topology.services[pair[0]]], f"{pair[1]} may begin again", now)

    def _moments(self) -> Iterator[tuple[ServiceName, float, str]]:
        """When to decide which services again, and why where it is not plain from the decision."""
        for name in self.topology.services:
            decision = self.decisions.get(name)
            if decision is not None and decision.next_at is not None:
                yield name, decision.next_at, ""
            if name in self._waiting:
                yield name, self._plan.deadline[name], ""
        yield from ((name, moment, "scores may move more") for name, moment in self._shifts.moments())
        yield from ((name, moment, "next step of a ramp") for name, moment in self.climbs.moments())
        yield from ((name, moment, "a region comes back") for name, moment in self.comebacks.moments())

    def _verdict_at(self, keys: Iterable[CheckKey]) -> float | None:
        """When these checks reached their verdicts, as far as their states tell."""
        states = [self.checks[key].vote for key in keys]
        return max((t for s in states for t in (s.since, s.draining_since) if t is not None), default=None)

    def _standing(self, pair: ServiceEndpoint, now: float, shared: Found) -> Standing:
        """How the endpoint stands with the service; notes when its health is another than before.

        ``shared`` has what was found at this moment for services that ask the same of it.
        """
        service, endpoint = self.topology.services[pair[0]], self._plan.endpoints[pair[1]]
        keys, former = self._plan.keys[pair], self.standings.get(pair)
        if former is not None and keys and not any(map(self.votes.counts, keys)):
            return replace(former, addresses=self._published(endpoint))  # nobody's word counts: what was known stays
        same = (endpoint.name, service.probes, service.require, service.quorum, former is None)
        found = shared.get(same)
        if found is None:
            live = keys if former is None else self.votes.live(keys)
            checks = {key: self.checks[key] for key in live}
            found = shared[same] = standing(service, checks, self._published(endpoint))
        if former is None:
            return found
        if former.health is found.health:
            return replace(found, since=former.since)
        self._reached[pair] = None if found.health is Health.UNKNOWN else now
        return replace(found, since=None if former.health is Health.UNKNOWN else now)

    def _published(self, endpoint: Endpoint) -> tuple[IP, ...]:
        known = None if endpoint.publish else self._addresses.known(endpoint.probe.host)
        return endpoint.publish or ((known,) if known else ())

    def _recount(self, keys: Iterable[CheckKey], now: float) -> None:
        """The votes on these checks may have changed."""
        pairs = dict.fromkeys(pair for key in keys for pair in self._plan.users[key])
        if pairs:
            self._refresh(pairs, now)

    def _refresh(self, pairs: Iterable[ServiceEndpoint], now: float, trigger: str = "") -> None:
        """Look again at how endpoints stand; tell and decide what that changes."""
        changed: dict[tuple[EndpointName, Health, Health], list[ServiceName]] = {}
        triggers: dict[ServiceName, list[str]] = {}
        found: Found = {}
        for pair in pairs:
            service, endpoint = pair
            before = self.standings[pair]
            after = self._standing(pair, now, found)
            self.standings[pair] = after
            if before.health is not after.health:
                changed.setdefault((endpoint, before.health, after.health), []).append(service)
            if _matters(before, after):
                triggers.setdefault(service, [trigger] if trigger else [])
        for (endpoint, old, new), services in changed.items():
            for service in services:
                triggers[service].append(f"{endpoint} is {new}")
            self._listener.transition(self._transition(endpoint, old, new, tuple(services), now))
        self._note(triggers, now)

    def _look(self, now: float) -> dict[ServiceName, list[str]]:
        """Measure beside health and scores; returns the services for which that is news."""
        return self._readings.look(self.checks, self.votes.counts, self.standings, now)

    def _heard(self, key: CheckKey, former: HealthReport | None, report: HealthReport | None) -> None:
        due = self._readings.due
        self._readings.heard(key, former, report)
        if self._readings.due < due:
            self.revision += 1

    def _note(self, triggers: Mapping[ServiceName, Iterable[str]], now: float) -> None:
        """These services are to be decided again: at once, unless that is deferred."""
        alone = self.defer()
        for service, told in triggers.items():
            self._noted.setdefault(service, []).extend(told)
        if alone:
            self.catch_up(now)

    def _transition(
        self, endpoint: EndpointName, old: Health, new: Health, services: tuple[ServiceName, ...], now: float
    ) -> Transition:
        keys = self._plan.keys[services[0], endpoint]
        evidence = sorted((result for key in keys for result in self.checks[key].recent), key=lambda result: result.at)
        detail = self.standings[services[0], endpoint].detail
        states = [(key, self.checks[key].vote.condition, self.votes.counts(key)) for key in keys]
        votes = tuple(Vote(key, condition, counts) for key, condition, counts in states)
        return Transition(now, endpoint, old, new, services, tuple(evidence), detail, votes)

    def _decide(self, services: Iterable[Service], trigger: str, now: float, *, ordered: bool = False) -> None:
        # A result that had to wait for an older one ended in the past: what time has brought is not taken back.
        now = self._now = max(now, self._now)
        changes = tuple(c for service in services if (c := self._decide_one(service, trigger, now, ordered=ordered)))
        if changes:
            self._listener.changed(changes)

    def _too_early(self, name: ServiceName, standings: Iterable[Standing], decision: Decision) -> bool:
        """Whether one full round of probes comes first.

        A first decision waits for every endpoint. One after a reload waits only if it rests on nothing but endpoints
        that have not been probed yet, and nothing that answers is known to be out: then that is the better guess.
        """
        if name not in self.decisions:
            return any(standing.health is Health.UNKNOWN for standing in standings)
        if min(decision.fitness.values()) is not Fitness.UNKNOWN:
            return False
        given = answering(self.decisions[name].steering)
        return bool(given) and all(decision.fitness.get(e, Fitness.UNKNOWN) < Fitness.DOWN for e in given)

    def standings_of(self, service: Service) -> dict[EndpointName, Standing]:
        """What is known of all endpoints that the service may answer with."""
        return {
            endpoint.name: self.standings[service.name, endpoint.name]
            for endpoint in self.topology.all_endpoints_of(service)
        }

    def _calm(self, name: ServiceName) -> Signals:
        """What is measured, where nothing goes step by step."""
        return self._readings.of(name, 1.0, NO_RAMPS)

    def _signals(
        self,
        service: Service,
        standings: Mapping[EndpointName, Standing],
        in_force: tuple[Override, ...],
        now: float,
        measured: Signals,
    ) -> Signals:
        """What is ``measured``, and how far what goes step by step has come."""
        name, ramps, portions = service.name, NO_RAMPS, NO_RAMPS
        if self.climbs.has(name) or self.comebacks.has(name):
            view = View(service, self.topology.regions, standings, in_force, now, before=self._last.get(name))
            ramps, portions = self.climbs.follow(view), self.comebacks.follow(view)
        if in_force:
            portions = {**portions, **leaving(in_force, service)}
        shift = 1.0 if portions else self._shifts.left(service, now)  # what goes step by step is slow enough
        lifted = self._lifted.get(name)
        if shift == measured.shift and not ramps and not portions and lifted is None:
            return measured
        return replace(measured, shift=shift, ramps=ramps, portions=portions, lifted=lifted)

    def _steer(
        self,
        service: Service,
        standings: Mapping[EndpointName, Standing],
        in_force: tuple[Override, ...],
        now: float,
        signals: Signals,
    ) -> Decision:
        name, regions = service.name, self.topology.regions
        last_good, before = self._last_good.get(name), self._last.get(name)
        return steer(service, regions, standings, in_force, last_good, now, signals=signals, before=before)

    def _contradicts(self, service: Service, steering: Steering, in_force: tuple[Override, ...]) -> bool:
        """Whether orders say otherwise than a steering: after a restart it may be older than they are."""
        given, kept_out = answering(steering), set()
        for endpoint in self.topology.all_endpoints_of(service):
            order = state_order(in_force, endpoint, service.name)
            if order is not None and order.out:
                kept_out.add(endpoint.name)
        return bool(given & kept_out) or (not given and len(kept_out) < len(self.topology.all_endpoints_of(service)))

    def _decide_one(self, service: Service, trigger: str, now: float, *, ordered: bool) -> Change | None:
        name, before = service.name, self._last.get(service.name)
        in_force = self._in_force(name, now)
        freeze = service_order(in_force, Kind.FREEZE, name) if in_force else None
        known = self.standings_of(service)
        standings, seen, measured = self._freezer.known(name, freeze, (known, now, self._calm(name)))
        ordered = ordered or (
            name not in self.decisions and before is not None and self._contradicts(service, before, in_force)
        )
        if freeze is not None and before is not None and not ordered:
            decision = kept(self._steer(service, known, in_force, now, self._calm(name)), before, freeze)
        else:
            signals = self._signals(service, standings, in_force, seen, measured)
            decision = self._steer(service, standings, in_force, seen, signals)
            if freeze is not None:
                live = self._steer(service, known, in_force, now, self._calm(name))
                decision = kept(live, decision.steering, freeze)
        self.revision += 1
        if now < self._plan.deadline[name] and not freeze and self._too_early(name, standings.values(), decision):
            self._waiting.add(name)
            self.comebacks.discard(name)
            return None
        self._waiting.discard(name)
        self.comebacks.commit(name)
        former = self.decisions.get(name)
        self.decisions[name], self._last[name] = decision, decision.steering
        self._shifts.note(service, before, decision.steering, now)
        if decision.faults != (former.faults if former else ()):
            self._listener.failed(name, decision.faults)
        if decision.withheld != (former.withheld if former else None):
            self._listener.withheld(name, decision.withheld)
        if decision.good and decision.withheld is None:
            self._last_good[name] = decision.steering
        if former is not None and decision.steering == before:
            return None
        return Change(now, trigger or _passed(former, decision), before, decision)


def _together(triggers: list[str]) -> str:
    """What set a decision off, in one line."""
    told = list(dict.fromkeys(triggers)) or ["score"]
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def _matters(before: Standing, after: Standing) -> bool:
    """Whether a decision could differ; the time of a failure only counts once the endpoint is up again."""
    return before.health is not after.health or before.score != after.score or before.addresses != after.addresses


def _passed(former: Decision | None, decision: Decision) -> str:
    """What time alone has changed."""
    held = [e for e, fitness in former.fitness.items() if fitness is Fitness.HOLD] if former else []
    back = [endpoint for endpoint in held if decision.fitness.get(endpoint) is Fitness.IN_SERVICE]
    if back:
        return f"hold of {', '.join(back)} is over"
    return "calm since the last change" if former else "first round of probes took too long"

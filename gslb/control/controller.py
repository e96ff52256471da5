"""The controller: joins monitor, engine, orders, publisher and state, and is what the API talks to."""

import asyncio
import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import structlog

from gslb.config.configuration import Configuration
from gslb.control.alarms import Alarms
from gslb.control.asked import Asked
from gslb.control.changes import refuse_all_drained, refuse_restart
from gslb.control.chronicle import Chronicle, Sink
from gslb.control.clock import Clock
from gslb.control.departures import Departures
from gslb.control.descriptors import DEFAULT, Budget
from gslb.control.engine import Engine
from gslb.control.escalation import Escalations
from gslb.control.events import Change, Transition
from gslb.control.guard import find_target
from gslb.control.helping import Helper
from gslb.control.ledger import Ledger
from gslb.control.monitor import Monitor
from gslb.control.nameserver_metrics import NameserverCollector
from gslb.control.notify.notifier import Notifier
from gslb.control.ordering import Ordering, Request
from gslb.control.orders import Orders
from gslb.control.places import Places
from gslb.control.publishing import Generations, Publishing
from gslb.control.recoveries import Recoveries
from gslb.control.resolver import Resolver
from gslb.control.restore import followed, restored_addresses, restored_check, restored_climbs, restored_comebacks
from gslb.control.setups import check_setups
from gslb.control.vantage import Vantage
from gslb.errors import RefusedError
from gslb.model.address import IPNetwork
from gslb.model.combine import Health
from gslb.model.comeback import Comeback
from gslb.model.location import Client
from gslb.model.names import EndpointName, RegionName, ServiceName, VantageName
from gslb.model.observation import CheckKey, ProbeResult
from gslb.model.override import Kind, Override, service_order, state_order, watermark_of
from gslb.model.ramp import Climb, Pair
from gslb.model.record import CheckRecord
from gslb.model.steer import Fitness, hold_of
from gslb.model.steering import Steering, answering
from gslb.model.step import ProbeState
from gslb.store.journal import Journal
from gslb.store.journal_block import ResultEntry
from gslb.store.store import Store
from gslb.store.values import StoredState
from gslb.telemetry.metrics import Metrics
from providers.embedded import Embedded

log = structlog.get_logger(__name__)

MAX_PATIENCE = 8.0
"""Seconds that somebody who has asked for a probe is kept waiting, which is less than clients do."""
SAVE_EVERY = 10.0
"""Seconds between two savings of the state of all checks: what a crash may cost beside transitions, which are saved."""


class Controller:
    """One controller, from its stored state to the end of ``run``.

    Args:
        configuration: what to do.
        store: state and history.
        journal: raw results.
        embedded: the nameserver's provider.
        metrics: of this process.
        clock: both clocks.
        budget: of file descriptors.
        sinks: take the history as well.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        journal: Journal,
        embedded: Embedded,
        metrics: Metrics,
        clock: Clock,
        budget: Budget = DEFAULT,
        sinks: Iterable[Sink] = (),
    ) -> None:
        self.configuration = configuration
        self.clock, self.store, self.metrics, self.embedded = clock, store, metrics, embedded
        self.started_utc = clock.utc()
        self._journal = journal
        node, spool = configuration.node.name, configuration.run_folder / "notify"
        self._notifier = Notifier(configuration.notify, node, spool, metrics.registry)
        self._chronicle = Chronicle(clock, store, journal, metrics, (*sinks, self._notifier.offer))
        self.resolver = Resolver(self._resolved)
        self.monitor = Monitor(clock, self.resolver, self._deliver, metrics.lateness.observe, budget)
        self.engine = Engine(self, self.resolver, self.monitor.hurry)
        self.orders = Orders(clock, self._chronicle.order, store.save_overrides)
        self.ledger = Ledger(clock, store.save_exposures, self._exposure_ended)
        self.recoveries = Recoveries(clock, self._chronicle.recovery, self._predicted)
        self.ordering = Ordering(
            clock, self.engine, self.orders, self.ledger, self._chronicle, lambda: embedded.watermark
        )
        self.departures = Departures(clock, self.ledger, self._chronicle.order)
        helper = Helper(self.engine, self.orders, self.ordering, self._ordered)
        self._escalations = Escalations(helper, clock, self._chronicle.escalation, node)
        metrics.registry.register(NameserverCollector(embedded.links))
        self.publishing = Publishing(
            clock, embedded, self._lease, self._chronicle, metrics.registry, self._confirmed, self._answers_ended
        )
        self.publisher = self.publishing.publisher
        self.reloading = asyncio.Lock()
        self._wake = asyncio.Event()
        self._asked, self._places, self._alarms = Asked(), Places(configuration.geo.databases), Alarms()
        embedded.regressed, embedded.on_answered = self._regressed, self._first_answer
        embedded.serials.save, embedded.on_overtaken = store.save_serials, self._publish_again
        self._publishing, self._renewals = False, store.renewals
        self._revision = 0
        self._quiet: set[VantageName] = set()
        self._answered: set[ServiceName] = set()
        self._unpublished: tuple[ServiceName, ...] = ()

    def restore(self, state: StoredState) -> None:
        """Start from what was known before."""
        self.orders.restore(followed(state.overrides, self.embedded.publisher))
        self.metrics.overrides.set(len(self.orders.in_force))
        self.engine.restore(
            checks={record.key: restored_check(record, self.clock) for record in state.checks},
            last={steering.service: steering.newest for steering in state.steerings},
            last_good={steering.service: steering.good for steering in state.steerings if steering.good},
            overrides=self.orders.in_force,
            climbs=restored_climbs(state.ramps, self.clock),
            comebacks=restored_comebacks(state.comebacks, self.clock),
        )
        self.ledger.restore(state.exposures)
        self.embedded.serials.restore(state.serials)
        self.publisher.continue_from(self.ledger.newest)
        self.embedded.recall({mark for order in self.orders.in_force if (mark := watermark_of(order)) is not None})
        if not state.steerings and not state.exposures:
            # Neither state nor nameserver knows of any answer; API providers may have what nobody here remembers.
            self.embedded.on_blank = lambda: self.ledger.begin(self.publishing.is_here_only)
        newest = {steering.service: steering.newest for steering in state.steerings}
        for name in self.configuration.topology.services:
            self._assume(name, newest.get(name), but_drained=True)
        for steering in state.steerings:
            for host, address in restored_addresses(steering.newest, self.configuration.topology):
                self.resolver.restore(host, address)
        self._answered = {steering.service for steering in state.steerings}
        self.orders.save()  # with whom their watermarks are followed by, before anything is published

    async def run(self) -> None:
        """Work until cancelled; the state is saved on the way out."""
        self._apply(self.configuration)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.monitor.run())
                group.create_task(self.publishing.run())
                group.create_task(self._follow_time())
                group.create_task(self._save_often())
                group.create_task(self._notifier.run())
                group.create_task(self._escalations.run())
        finally:
            self.resolver.close()
            self.save()

    def reload(self, configuration: Configuration) -> None:
        """Go on with another configuration, or raise and go on with the present one.

        Raises:
            ConfigError: it changes what no reload can, or leaves a service with drained endpoints only.
        """
        self.check(configuration)
        self._apply(configuration)
        self._publish((), self.clock.monotonic())  # zones may have changed even if no decision has
        self.metrics.reloads.labels("done").inc()
        log.info("configuration loaded", version=configuration.version, services=len(configuration.topology.services))

    def check(self, configuration: Configuration) -> None:
        """Refuse a configuration that this daemon cannot go on with.

        Raises:
            ConfigError: it changes what no reload can, or leaves a service with drained endpoints only.
        """
        refuse_restart(self.configuration, configuration)
        refuse_all_drained(self.configuration, configuration, self.orders.in_force, self.clock.monotonic())

    def _apply(self, configuration: Configuration) -> None:
        self.configuration = configuration
        now, vantages = self.clock.monotonic(), configuration.vantages
        paces = {name: setup.pace for name, setup in configuration.probes.items()}
        references = {name: tuple(map(str, setup.references)) for name, setup in vantages.items()}
        self.publishing.configure(configuration)
        former = self.ledger.services - configuration.topology.services.keys()
        self.ledger.remove(self.publisher.next_generation(), former)  # what is published next has no answers of them
        self.ordering.guard.limits = configuration.limits
        self.ordering.drains.configure(configuration.topology)
        for name, vantage in self.engine.votes.vantages.items():
            if vantage.doubt is not None and name not in vantages:
                self._chronicle.doubt(name, None)  # with the vantage point, its doubt is over
        areas = {name: setup.areas for name, setup in vantages.items()}
        self.engine.configure(configuration.topology, paces, references, now, areas)
        setups = check_setups(configuration, self.engine.checks)
        hosts = (setup.address.host for setup in setups.values())
        self.resolver.configure(host for host in hosts if isinstance(host, str))
        self.monitor.configure(setups, {name: setup.source for name, setup in vantages.items()})
        self.departures.look(self.engine.standings, now)
        self._notifier.configure(configuration.notify)
        self._escalations.configure(configuration.escalations, configuration.topology)
        self._alarms.forget(self.engine.checks.keys())
        self._changed_in_time()

    async def _save_often(self) -> None:
        """On the loop's own clock, unlike the slow jobs: a wall clock set back must not postpone it."""
        while True:
            await asyncio.sleep(SAVE_EVERY)
            self.save()
            self.orders.save()  # the database may have been made anew meanwhile
            if self.store.renewals != self._renewals:
                self._renewals = self.store.renewals
                self.ledger.save()
                self.store.save_serials(self.embedded.serials.records)
                self._chronicle.comebacks(self.engine.comebacks.states)
                self._chronicle.ramps(self.engine.climbs.states)

    def save(self) -> None:
        """Keep the state of all checks to restart from."""
        self._save(self.engine.checks)

    def _save(self, keys: Iterable[CheckKey]) -> None:
        now, utc, checks = self.clock.monotonic(), self.clock.utc(), self.engine.checks
        states = ((key, checks[key]) for key in keys)
        self.store.save_checks(
            CheckRecord(key, check.vote, check.latency, check.report, check.level, utc, now) for key, check in states
        )

    def order(self, request: Request) -> Override:
        """Put an order into force; see Ordering.give."""
        order = self.ordering.give(request)
        self._ordered()
        return order

    def lift(self, target: str, author: str, kinds: Iterable[Kind], service: str | None = None) -> tuple[Override, ...]:
        """Lift orders; see Orders.lift."""
        lifted = self.ordering.lift(target, author, kinds, service)
        self._ordered()
        return lifted

    async def probe(self, target: str) -> list[ProbeResult]:
        """Probe a region or an endpoint at once, apart from attempts that are under way; returns what was seen.

        Raises:
            RefusedError: no such target.
        """
        known = find_target(self.engine, target)
        addresses = {str(e.probe) for e in self.configuration.topology.endpoints if known in (e.name, e.region)}
        keys = [key for key in self.engine.checks if key.target in addresses]
        paces = [self.configuration.probes[key.probe].pace for key in keys]
        self.monitor.hurry(keys)
        patience = max((pace.interval + pace.timeout for pace in paces), default=0.0)
        return await self._asked.next_results(keys, min(patience, MAX_PATIENCE))

    async def client(self, network: IPNetwork) -> Client:
        """Whoever asks from ``network``, and where that is by the databases in force."""
        return await self._places.client(network)

    def _ordered(self) -> None:
        self.metrics.overrides.set(len(self.orders.in_force))
        self._changed_in_time()

    def _assume(self, name: ServiceName, newest: Steering | None, *, but_drained: bool) -> None:
        """Any endpoint of the service may be answered just now, and with any TTL that it may have had lately.

        What was published last may not have been written down: none is, of a service that is new. Nor may an order that
        forced the TTL, which none may beyond ``hold``. What was written down is who is drained, and a watermark with
        it, so that a nameserver that does answer with them is noticed.
        """
        service, now = self.configuration.topology.services[name], self.clock.monotonic()
        active = [order for order in self.orders.in_force if order.active(now)]
        endpoints = self.configuration.topology.all_endpoints_of(service)
        done = {e.name for e in endpoints if but_drained and watermark_of(state_order(active, e, name)) is not None}
        ttl, given = math.ceil(hold_of(service)), {e.name for e in endpoints}
        if newest is not None:
            ttl, given = max(ttl, newest.ttl), given | answering(newest)
        self.ledger.assume(name, ttl, given - done)

    def _regressed(self, worker: str, generation: int) -> None:
        """A nameserver has come up with older answers than it had."""
        log.error("a nameserver has come up with older answers", nameserver=worker, generation=generation)
        for name in self.configuration.topology.services:
            decision = self.engine.decisions.get(name)
            self._assume(name, decision.steering if decision else None, but_drained=False)
        self.publishing.look_again()
        self._changed_in_time()

    def _first_answer(self, service: ServiceName, generation: int, at: float, worker: str) -> None:
        self._chronicle.answer(service, generation, at, worker)

    def _lease(self) -> int:
        return self.store.take_fence(self.clock.utc())

    def _confirmed(self, generations: Generations) -> None:
        self.recoveries.settled(generations, self.clock.monotonic())

    def _answers_ended(self, generations: Generations) -> None:
        """Nobody gives answers of before these any more."""
        if self.ledger.settle(generations, self.clock.monotonic()):
            self._changed_in_time()

    def _exposure_ended(self, service: ServiceName, endpoint: EndpointName, until: float) -> None:
        self.recoveries.ended(service, endpoint, until)  # which was over a little before that
        self._chronicle.exposure(service, endpoint, until)

    def _predicted(self, service: ServiceName) -> float | None:
        rto = self.configuration.rto.get(service)
        return rto.total if rto else None

    def _deliver(self, result: ProbeResult) -> ProbeState | None:
        observation, at_utc = result.observation, self.clock.to_utc(result.at)
        self.metrics.count(result.key, observation)
        self._journal.append(ResultEntry(at_utc, result))
        self.store.roll_up(result.key, observation, at_utc)
        self._asked.deliver(result)
        if self.engine.defer():
            asyncio.get_running_loop().call_soon(self._catch_up)
        return self.engine.observe(result)

    def _catch_up(self) -> None:
        """Decide once for all results that one turn of the event loop has brought."""
        revision = self._revision
        try:
            self.engine.catch_up(self.clock.monotonic())
        except Exception as error:  # noqa: BLE001  handed on
            self.monitor.fail(error)
        self._revision = self.engine.revision
        if self._revision != revision:
            self._changed_in_time()

    def _resolved(self, host: str) -> None:
        self.engine.resolved(host, self.clock.monotonic())
        self._changed_in_time()

    def _changed_in_time(self) -> None:
        self._wake.set()

    async def _follow_time(self) -> None:
        """Decide again when time alone changes something."""
        while True:
            self._wake.clear()
            delay = max(0.001, self.turn() - self.clock.monotonic())
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def turn(self) -> float:
        """Serve what time alone has changed; returns when to do so again, in monotonic seconds."""
        now = self.clock.monotonic()  # what ends after this is for the next turn: or it would not be named
        self._tell_alarms(now)
        moments = [self.ledger.tick(now), self.ordering.tick(now), self.departures.tick(now), self.engine.review(now)]
        self.metrics.overrides.set(len(self.orders.in_force))
        self._tell_of_quiet()
        return min(*moments, self._alarms.next_moment, self.engine.tick(now) or math.inf)

    def _tell_alarms(self, now: float) -> None:
        names = self._alarms.lowered(now)
        if names is not None and not self.embedded.lower(names):
            log.warning("too many services to lower the TTL of", services=len(names))

    def _tell_of_quiet(self) -> None:
        votes = self.engine.votes
        quiet = {name for name in votes.vantages if votes.quiet(name)}
        for name in quiet - self._quiet:
            log.warning("vantage point is not heard of", vantage=name)
        for name in self._quiet & votes.vantages.keys() - quiet:
            log.warning("vantage point is heard of again", vantage=name)
        self._quiet = quiet

    def transition(self, transition: Transition) -> None:
        """An endpoint's health changed: write it down, and save the state it leaves."""
        self._chronicle.transition(transition)
        self.recoveries.transition(transition)
        if Health.DRAINING in (transition.before, transition.after):
            self.departures.look(self.engine.standings, transition.at)
            self._changed_in_time()
        self._save({result.key for result in transition.evidence})

    def climbed(self, pair: Pair, state: Climb | None) -> None:
        """The ramp of a region has begun, was withdrawn, or is to begin anew."""
        if state is not None:
            self._chronicle.ramp(pair, state)
        self._chronicle.ramps({pair: state})

    def alarmed(self, key: CheckKey, services: Iterable[ServiceName], *, suspect: bool) -> None:
        """A check has a failure that is not confirmed, or none any more."""
        if self._alarms.note(key, services, self.clock.monotonic(), suspect=suspect):
            self._changed_in_time()  # thousands may fail at once, and are told of together

    def came_back(self, pair: Pair, state: Comeback | None) -> None:
        """A region has come a step further on its way back into a service, or all the way (None)."""
        self._chronicle.came_back(pair, state)
        self._chronicle.comebacks({pair: state})

    def withheld(self, service: ServiceName, steering: Steering | None) -> None:
        """A frozen service would be answered otherwise, or is answered as it should be again (None)."""
        self._chronicle.withheld(service, steering)

    def resume(self, service: ServiceName, region: str, author: str, reason: str) -> None:
        """Let a region that waits, or was withdrawn from a service, answer for it again: step by step, if so set.

        Raises:
            RefusedError: it does not wait, and was not withdrawn.
        """
        pair, waiting = (service, RegionName(region)), self.engine.resumable(service)
        if region not in waiting:
            remedy = f"waiting there: {', '.join(sorted(waiting)) or 'nobody'}"
            raise RefusedError("unknown", f"{region} does not wait to answer for {service.removesuffix('.')}", remedy)
        self._chronicle.resumed(pair, author, reason)
        self.engine.resume(pair, self.clock.monotonic())
        self._changed_in_time()

    def failed(self, service: ServiceName, faults: tuple[str, ...]) -> None:
        """Steps of a policy have failed, and were left out, or work again."""
        self._chronicle.faults(service, faults)

    def doubted(self, vantage: Vantage) -> None:
        """A vantage point has begun to doubt itself, or has stopped."""
        self._chronicle.doubt(vantage.name, vantage.doubt.reason if vantage.doubt else None)

    def changed(self, changes: tuple[Change, ...]) -> None:
        """Steerings changed: publish them, then log, count and record."""
        generation = self.publisher.next_generation()
        # The first decision after a restart may find things as they were: that is published, but it is no news.
        news = [change for change in changes if change.before != change.decision.steering]
        self.ledger.publish(generation, (change.decision.steering for change in changes))
        for change in news:
            steering = change.decision.steering
            self.recoveries.decided(steering.name, change.before, steering, generation, change.at)
        self._publish(tuple(change.decision.steering.name for change in news), changes[0].at)
        for change in news:
            self._chronicle.decision(change, generation)

    def _publish(self, changed: tuple[ServiceName, ...], at: float) -> None:
        self.metrics.generation.set(self.publisher.generation)
        self._unpublished = tuple(dict.fromkeys((*self._unpublished, *changed)))
        decisions = self.engine.decisions
        # What a nameserver answers from before is not taken away; a new service does not hold up the others.
        self._publishing = self._publishing or decisions.keys() >= self._awaited
        if self._publishing:
            steerings = {name: decision.steering for name, decision in decisions.items()}
            self.publishing.publish(steerings, self._unpublished, at)
            self._unpublished = ()

    @property
    def _awaited(self) -> AbstractSet[ServiceName]:
        """Services without which nothing is published."""
        services = self.engine.topology.services.keys()
        return (self._answered & services) or services

    def _publish_again(self) -> None:
        """What is answered is to have later serials."""
        self.publisher.next_generation()
        self._publish((), self.clock.monotonic())

    def refresh_gauges(self) -> None:
        """Bring the metrics of endpoints and vantage points up to date."""
        metrics = self.metrics
        for gauge in (
            metrics.in_service,
            metrics.score,
            metrics.doubt,
            metrics.silent,
            metrics.exposure,
            metrics.frozen,
        ):
            gauge.clear()
        now = self.clock.monotonic()
        for service in self.ledger.services:
            for endpoint, until in self.ledger.exposed(service).items():
                metrics.exposure.labels(service, endpoint).set(max(0.0, until - now))
        for service in self.engine.topology.services:
            if service_order(self.orders.in_force, Kind.FREEZE, service) is not None:
                metrics.frozen.labels(service).set(1)
        for service, rto in self.configuration.rto.items():
            metrics.predicted.labels(service).set(rto.total)
        for (service, endpoint), standing in self.engine.standings.items():
            decision = self.engine.decisions.get(service)
            fitness = decision.fitness.get(endpoint) if decision else None
            self.metrics.in_service.labels(service, endpoint).set(fitness is Fitness.IN_SERVICE)
            self.metrics.score.labels(service, endpoint).set(standing.score)
        votes = self.engine.votes
        for name, vantage in votes.vantages.items():
            self.metrics.doubt.labels(name).set(vantage.doubt is not None)
            self.metrics.silent.labels(name).set(votes.quiet(name))

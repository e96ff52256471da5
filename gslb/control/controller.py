"""The controller: joins monitor, engine, orders, publisher and state, and is what the API talks to."""

import asyncio
from collections.abc import Iterable

import structlog

from gslb.config.configuration import Configuration
from gslb.control.asked import Asked
from gslb.control.changes import refuse_all_drained, refuse_restart
from gslb.control.chronicle import Chronicle
from gslb.control.clock import Clock
from gslb.control.descriptors import DEFAULT, Budget
from gslb.control.engine import Engine
from gslb.control.events import Change, Transition
from gslb.control.monitor import Monitor
from gslb.control.nameserver_metrics import NameserverCollector
from gslb.control.orders import Orders, find_target
from gslb.control.places import Places
from gslb.control.publisher import Publisher
from gslb.control.resolver import Resolver
from gslb.control.restore import restored_addresses, restored_check, restored_climb
from gslb.control.setups import check_setups
from gslb.control.vantage import Vantage
from gslb.errors import RefusedError
from gslb.model.address import IPNetwork
from gslb.model.location import Client
from gslb.model.names import RegionName, ServiceName, VantageName
from gslb.model.observation import CheckKey, ProbeResult
from gslb.model.override import Override
from gslb.model.ramp import Climb, Pair
from gslb.model.record import (
    CheckRecord,
)
from gslb.model.steer import Fitness
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
    ) -> None:
        self.configuration = configuration
        self.clock, self.store, self.metrics, self.embedded = clock, store, metrics, embedded
        self.started_utc = clock.utc()
        self._journal = journal
        self._chronicle = Chronicle(clock, store, journal, metrics)
        self.resolver = Resolver(self._resolved)
        self.monitor = Monitor(clock, self.resolver, self._deliver, metrics.lateness.observe, budget)
        self.engine = Engine(self, self.resolver, self.monitor.hurry)
        self.orders = Orders(clock, self._chronicle.order, store.save_overrides)
        metrics.registry.register(NameserverCollector(embedded.links))
        self.publisher = Publisher(clock, [embedded], self._chronicle.publication)
        self.reloading = asyncio.Lock()
        self._wake = asyncio.Event()
        self._asked, self._places = Asked(), Places(configuration.geo.databases)
        self._publishing = False
        self._revision = 0
        self._quiet: set[VantageName] = set()
        self._answered: set[ServiceName] = set()
        self._unpublished: tuple[ServiceName, ...] = ()

    def restore(self, state: StoredState) -> None:
        """Start from what was known before."""
        self.orders.restore(state.overrides)
        self.metrics.overrides.set(len(self.orders.in_force))
        self.engine.restore(
            checks={record.key: restored_check(record, self.clock) for record in state.checks},
            last={steering.service: steering.newest for steering in state.steerings},
            last_good={steering.service: steering.good for steering in state.steerings if steering.good},
            overrides=self.orders.in_force,
            climbs={(record.service, record.region): restored_climb(record, self.clock) for record in state.ramps},
        )
        for steering in state.steerings:
            for host, address in restored_addresses(steering.newest, self.configuration.topology):
                self.resolver.restore(host, address)
        self._answered = {steering.service for steering in state.steerings}

    async def run(self) -> None:
        """Work until cancelled; the state is saved on the way out."""
        self._apply(self.configuration)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.monitor.run())
                group.create_task(self.publisher.run())
                group.create_task(self._follow_time())
                group.create_task(self._save_often())
        finally:
            self.resolver.close()
            self.save()

    def reload(self, configuration: Configuration) -> None:
        """Go on with another configuration, or raise and go on with the present one.

        Raises:
            ConfigError: it changes what needs a restart, or leaves a service with drained endpoints only.
        """
        refuse_restart(self.configuration, configuration)
        refuse_all_drained(self.configuration, configuration, self.orders.in_force, self.clock.monotonic())
        self._apply(configuration)
        self.publisher.next_generation()
        self._publish((), self.clock.monotonic())  # zones may have changed even if no decision has
        self.metrics.reloads.labels("done").inc()
        log.info("configuration loaded", version=configuration.version, services=len(configuration.topology.services))

    def _apply(self, configuration: Configuration) -> None:
        self.configuration = configuration
        now, vantages = self.clock.monotonic(), configuration.vantages
        paces = {name: setup.pace for name, setup in configuration.probes.items()}
        references = {name: tuple(map(str, setup.references)) for name, setup in vantages.items()}
        self.embedded.set_zones(configuration.zones)
        for name, vantage in self.engine.votes.vantages.items():
            if vantage.doubt is not None and name not in vantages:
                self._chronicle.doubt(name, None)  # with the vantage point, its doubt is over
        areas = {name: setup.areas for name, setup in vantages.items()}
        self.engine.configure(configuration.topology, paces, references, now, areas)
        setups = check_setups(configuration, self.engine.checks)
        hosts = (setup.address.host for setup in setups.values())
        self.resolver.configure(host for host in hosts if isinstance(host, str))
        self.monitor.configure(setups, {name: setup.source for name, setup in vantages.items()})
        self._changed_in_time()

    async def _save_often(self) -> None:
        """On the loop's own clock, unlike the slow jobs: a wall clock set back must not postpone it."""
        while True:
            await asyncio.sleep(SAVE_EVERY)
            self.save()
            self.orders.save()  # the database may have been made anew meanwhile

    def save(self) -> None:
        """Keep the state of all checks to restart from."""
        self._save(self.engine.checks)

    def _save(self, keys: Iterable[CheckKey]) -> None:
        now, utc, checks = self.clock.monotonic(), self.clock.utc(), self.engine.checks
        states = ((key, checks[key]) for key in keys)
        self.store.save_checks(
            CheckRecord(key, check.vote, check.latency, check.report, check.level, utc, now) for key, check in states
        )

    def drain(self, target: str, author: str, reason: str, duration: float | None, *, force: bool) -> Override:
        """Take a region or an endpoint out of all answers; see Orders.drain. ``force`` drains even the last one."""
        fit = None if force else self.engine.fit
        order = self.orders.drain(self.configuration.topology, target, author, reason, duration, fit)
        log.warning("drained", target=target, author=author, reason=reason, force=force)
        self._ordered(f"{target} drained by {author}")
        return order

    def undrain(self, target: str, author: str) -> Override:
        """Lift a drain; see Orders.undrain."""
        order = self.orders.undrain(target, author)
        log.warning("drain lifted", target=target, author=author)
        self._ordered(f"{target} undrained by {author}")
        return order

    async def probe(self, target: str) -> list[ProbeResult]:
        """Probe a region or an endpoint at once, apart from attempts that are under way; returns what was seen.

        Raises:
            RefusedError: no such target.
        """
        known = find_target(self.configuration.topology, target)
        addresses = {str(e.probe) for e in self.configuration.topology.endpoints if known in (e.name, e.region)}
        keys = [key for key in self.engine.checks if key.target in addresses]
        paces = [self.configuration.probes[key.probe].pace for key in keys]
        self.monitor.hurry(keys)
        patience = max((pace.interval + pace.timeout for pace in paces), default=0.0)
        return await self._asked.next_results(keys, min(patience, MAX_PATIENCE))

    async def client(self, network: IPNetwork) -> Client:
        """Whoever asks from ``network``, and where that is by the databases in force."""
        return await self._places.client(network)

    def _ordered(self, trigger: str) -> None:
        self.metrics.overrides.set(len(self.orders.in_force))
        self.engine.order(self.orders.in_force, trigger, self.clock.monotonic())
        self._changed_in_time()

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
            now = self.clock.monotonic()  # what ends after this is for the next turn: or it would not be named
            if expired := self.orders.expire():
                self._ordered(f"drain of {', '.join(order.target for order in expired)} expired")
            review = self.engine.review(now)
            self._tell_of_quiet()
            moment = self.engine.tick(now)
            delay = max(0.001, min(review, moment or review) - self.clock.monotonic())
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            except TimeoutError:
                pass

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
        self._save({result.key for result in transition.evidence})

    def climbed(self, pair: Pair, state: Climb | None) -> None:
        """The ramp of a region has begun, was withdrawn, or is to begin anew."""
        states = self.engine.climbs.states
        if state is None:
            self._chronicle.ramps(states)
        else:
            self._chronicle.ramp(pair, state, states)

    def resume(self, service: ServiceName, region: str, author: str, reason: str) -> None:
        """Let a region's share of a service that was withdrawn grow again, from its first step on.

        Raises:
            RefusedError: no such share was withdrawn.
        """
        states, pair = self.engine.climbs.states, (service, RegionName(region))
        withdrawn = [r for (name, r), state in states.items() if name == service and state.withdrawn is not None]
        if region not in withdrawn:
            remedy = f"withdrawn there: {', '.join(withdrawn) or 'nothing'}"
            raise RefusedError("unknown", f"{region} is not withdrawn from {service.removesuffix('.')}", remedy)
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
        self._publish(tuple(change.decision.steering.name for change in news), changes[0].at)
        for change in news:
            self._chronicle.decision(change, generation)

    def _publish(self, changed: tuple[ServiceName, ...], at: float) -> None:
        self.metrics.generation.set(self.publisher.generation)
        self._unpublished = tuple(dict.fromkeys((*self._unpublished, *changed)))
        decisions = self.engine.decisions
        # What a nameserver answers from before is not taken away; a new service does not hold up the others.
        awaited = (self._answered & self.engine.topology.services.keys()) or self.engine.topology.services.keys()
        self._publishing = self._publishing or decisions.keys() >= awaited
        if self._publishing:
            steerings = {name: decision.steering for name, decision in decisions.items()}
            self.publisher.publish(steerings, self._unpublished, at)
            self._unpublished = ()

    def refresh_gauges(self) -> None:
        """Bring the metrics of endpoints and vantage points up to date."""
        for gauge in (self.metrics.in_service, self.metrics.score, self.metrics.doubt, self.metrics.silent):
            gauge.clear()
        for (service, endpoint), standing in self.engine.standings.items():
            decision = self.engine.decisions.get(service)
            fitness = decision.fitness.get(endpoint) if decision else None
            self.metrics.in_service.labels(service, endpoint).set(fitness is Fitness.IN_SERVICE)
            self.metrics.score.labels(service, endpoint).set(standing.score)
        votes = self.engine.votes
        for name, vantage in votes.vantages.items():
            self.metrics.doubt.labels(name).set(vantage.doubt is not None)
            self.metrics.silent.labels(name).set(votes.quiet(name))

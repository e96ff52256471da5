"""An engine with its surroundings on the table: small topologies, results by hand, and what it told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from gslb.control.engine import Engine
from gslb.control.events import Change, Transition
from gslb.control.vantage import Vantage
from gslb.model.address import IP, parse_address
from gslb.model.combine import Health
from gslb.model.comeback import Comeback
from gslb.model.distribution import distribution
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName, VantageName
from gslb.model.observation import REFERENCE, Cause, CheckKey, HealthReport, Observation, ProbeResult
from gslb.model.pacing import Pace
from gslb.model.ramp import Climb
from gslb.model.steer import Fitness
from gslb.model.steering import RecordType, Steering
from gslb.model.topology import Endpoint, Member, Region, Service, Topology
from policies.weighted import Weighted

HERE = VantageName("here")
EDGE = ProbeName("edge")
API = ServiceName("api.example.com.")
SHOP = ServiceName("shop.example.com.")
ISTANBUL, ANKARA = "192.0.2.1:80", "192.0.2.2:80"
REGIONS = {"istanbul": [ISTANBUL], "ankara": [ANKARA]}
IN_ISTANBUL = [f"192.0.2.1{index}:80" for index in range(5)]
IN_ANKARA = [f"192.0.2.2{index}:80" for index in range(5)]
TEN = {"istanbul": IN_ISTANBUL, "ankara": IN_ANKARA}


def key(target: str, probe: ProbeName = EDGE, vantage: VantageName = HERE) -> CheckKey:
    return CheckKey(vantage, probe, target)


def endpoint(region: str, address: str, publish: tuple[str, ...] = ()) -> Endpoint:
    parsed = parse_address(address)
    own = () if isinstance(parsed.host, str) else (parsed.host,)
    published = tuple(ip_address(text) for text in publish) or own
    return Endpoint(EndpointName(f"{region}/{address}"), RegionName(region), parsed, published)


def service(name: ServiceName = API, regions: tuple[str, ...] = ("istanbul", "ankara"), **settings: Any) -> Service:
    defaults: dict[str, Any] = {"probes": (EDGE,), "policy": (Weighted(),)}
    return Service(name, tuple(Member(RegionName(r), 1) for r in regions), **defaults | settings)


def topology(
    *services: Service,
    regions: Mapping[str, list[str]] | None = None,
    publish: tuple[str, ...] = (),
    capacities: Mapping[str, float | None] | None = None,
) -> Topology:
    made = {
        RegionName(name): Region(
            RegionName(name),
            tuple(endpoint(name, address, publish) for address in addresses),
            capacity=(capacities or {}).get(name),
        )
        for name, addresses in (regions or REGIONS).items()
    }
    return Topology(made, {service.name: service for service in services or (service(),)})


@dataclass(slots=True)
class Told:
    """What the engine said, in order."""

    transitions: list[Transition] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    doubts: list[str | None] = field(default_factory=list)
    climbs: list[Climb | None] = field(default_factory=list)
    faults: list[tuple[str, ...]] = field(default_factory=list)
    alarms: list[tuple[CheckKey, tuple[ServiceName, ...], bool]] = field(default_factory=list)
    comebacks: list[tuple[tuple[ServiceName, RegionName], Comeback | None]] = field(default_factory=list)
    kept: list[tuple[ServiceName, Steering | None]] = field(default_factory=list)

    def transition(self, transition: Transition) -> None:
        self.transitions.append(transition)

    def changed(self, changes: tuple[Change, ...]) -> None:
        self.changes += changes

    def doubted(self, vantage: Vantage) -> None:
        self.doubts.append(vantage.doubt.reason if vantage.doubt else None)

    def alarmed(self, key: CheckKey, services: Iterable[ServiceName], *, suspect: bool) -> None:
        self.alarms.append((key, tuple(services), suspect))

    def came_back(self, pair: tuple[ServiceName, RegionName], state: Comeback | None) -> None:
        self.comebacks.append((pair, state))

    def withheld(self, service: ServiceName, steering: Steering | None) -> None:
        self.kept.append((service, steering))

    def climbed(self, pair: tuple[ServiceName, RegionName], state: Climb | None) -> None:
        self.climbs.append(state)

    def failed(self, service: ServiceName, faults: tuple[str, ...]) -> None:
        self.faults.append(faults)

    @property
    def triggers(self) -> list[str]:
        return [change.trigger for change in self.changes]


@dataclass(slots=True)
class Hosts:
    """Addresses of host names, as resolved."""

    found: dict[str, IP] = field(default_factory=dict)

    def known(self, host: IP | str) -> IP | None:
        return self.found.get(host) if isinstance(host, str) else host


class Bench:
    """An engine, and hands to feed it with."""

    def __init__(
        self,
        *services: Service,
        pace: Pace | None = None,
        vantages: Mapping[VantageName, tuple[str, ...]] | None = None,
        told: Told | None = None,
        **world: Any,
    ) -> None:
        self.vantages = vantages or {HERE: ()}
        self.told, self.hosts = told or Told(), Hosts()
        self.paces = {EDGE: pace or Pace(), ProbeName("deep"): pace or Pace()}
        self.hurried: list[CheckKey] = []
        self.engine = Engine(self.told, self.hosts, self.hurried.extend)
        self._start = topology(*services, **world)

    def start(self, now: float = 0.0) -> "Bench":
        self.configure(self._start, now)
        return self

    def configure(self, topology: Topology, now: float) -> None:
        self.engine.configure(topology, self.paces, self.vantages, now)

    def up(self, target: str, at: float, *, times: int = 1, **seen: Any) -> None:
        """``times`` successes, 0.1 s apart from ``at`` on."""
        for index in range(times):
            observation = Observation(ok=True, latency=seen.get("latency", 0.0), report=seen.get("report"))
            self._see(target, at + index * 0.1, observation, seen)

    def down(self, target: str, at: float, *, times: int = 3, **seen: Any) -> None:
        """``times`` failures, 0.1 s apart from ``at`` on: with the default, enough to go down."""
        cause = seen.get("cause", Cause.REFUSED)
        for index in range(times):
            observation = Observation(ok=False, latency=0.0, cause=cause, detail="Connection refused")
            self._see(target, at + index * 0.1, observation, seen)

    def reference(self, name: str, at: float, cause: Cause | None = None, *, times: int = 1, **seen: Any) -> None:
        """``times`` results of a reference target, 0.1 s apart from ``at`` on."""
        for index in range(times):
            observation = Observation(ok=cause is None, latency=0.0, cause=cause)
            self._see(name, at + index * 0.1, observation, seen | {"probe": REFERENCE})

    def review(self, until: float, since: float | None = None) -> None:
        """Let time pass, from ``since`` on in steps as the controller makes them."""
        moment = until if since is None else since
        while moment < until:
            moment = min(until, self.engine.review(moment))
        self.engine.review(until)

    def health(self, target: str, name: ServiceName = API) -> Health:
        return next(s.health for (of, e), s in self.engine.standings.items() if of == name and e.endswith(f"/{target}"))

    @property
    def out(self) -> set[str]:
        """Targets that have gone down, in what was told."""
        return {t.endpoint.partition("/")[2] for t in self.told.transitions if t.after is Health.DOWN}

    def _see(self, target: str, at: float, observation: Observation, seen: Mapping[str, Any]) -> None:
        of = key(target, seen.get("probe", EDGE), seen.get("vantage", HERE))
        self.engine.observe(ProbeResult(of, at, observation, tripped=seen.get("tripped", False)))

    def both_up(self, at: float = 0.0) -> "Bench":
        """Started, and one full round of probes has passed."""
        self.start(at)
        self.up(ISTANBUL, at)
        self.up(ANKARA, at)
        return self

    def answers(self, name: ServiceName = API, kind: RecordType = RecordType.A) -> dict[str, float]:
        odds = distribution(self.engine.decisions[name].steering, kind)
        return {value: float(share) for value, share in odds.items()}

    def fitness(self, target: str, name: ServiceName = API) -> Fitness:
        found = self.engine.decisions[name].fitness
        return next(fitness for endpoint, fitness in found.items() if endpoint.endswith(target))


def saturated(saturation: float) -> HealthReport:
    return HealthReport(saturation=saturation)

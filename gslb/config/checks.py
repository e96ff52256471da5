"""Faults and oddities that only show across sections."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from pydantic import TypeAdapter, ValidationError

from gslb.config.configuration import ProbeSetup, VantageSetup
from gslb.config.faults import suggest
from gslb.config.nameserver import NameserverSection
from gslb.config.providers import ProviderSetup
from gslb.config.publishing import Publishing
from gslb.config.reader import Reader
from gslb.model.branch import Step
from gslb.model.doubt import ENDPOINTS, REGIONS
from gslb.model.duration import format_duration
from gslb.model.exposure import ALLOWANCE
from gslb.model.fitness import calm_ttl
from gslb.model.gateway import Gateway
from gslb.model.names import ProbeName, RegionName, ServiceName, VantageName
from gslb.model.options import Key
from gslb.model.rto import Rto, predict_rto
from gslb.model.safety import Limits
from gslb.model.step import Evidence
from gslb.model.topology import Region, Service, Topology
from policies import BUILTIN
from probes.base import AsyncProbe, Probe
from probes.net.guard import refusal
from providers import EMBEDDED
from providers.base import Capabilities

_READERS = {"areas": "geo", "location": "nearest"}
"""Which step reads what regions state."""
_KEY: TypeAdapter[str] = TypeAdapter(Key)


def check_keys(reader: Reader, section: str, names: Iterable[str]) -> None:
    """Names below ``[section]`` have the form in which other sections can refer to them."""
    for name in names:
        try:
            _KEY.validate_python(name)
        except ValidationError:
            remedy = "use lower-case letters, digits, - and _, at most 63 of them"
            reader.fault((section, name), "cannot be a name", remedy)


def check_namespaces(
    reader: Reader, nameserver: NameserverSection | None, vantages: Mapping[VantageName, VantageSetup]
) -> None:
    """Nobody but root may enter network namespaces (setns(2))."""
    if nameserver is None or nameserver.user in (None, "root"):
        return
    for name, setup in vantages.items():
        if setup.source.namespace is not None:
            text = f"cannot be entered by {nameserver.user}, the user that nameserver.user names"
            remedy = "remove one of them; a vantage point by source address needs no rights"
            reader.fault(("vantages", name, "namespace"), text, remedy)


def check_endpoints(reader: Reader, region: Region) -> None:
    """Endpoints of a region are different, and there are enough of them."""
    names = [endpoint.name for endpoint in region.endpoints]
    for index, name in enumerate(names):
        if name in names[:index]:
            reader.fault(("regions", region.name, "endpoints", index), "is listed twice", "list each endpoint once")
    if region.min_healthy > len(names):
        reader.fault(
            ("regions", region.name, "min_healthy"),
            f"is {region.min_healthy}, but the region has {len(names)} endpoints",
            "lower it, or the region can never be in service",
        )


def check_require(reader: Reader, service: Service) -> None:
    """A service asks for no more passing probes than it has."""
    if isinstance(service.require, int) and service.require > len(service.probes):
        reader.fault(
            ("services", service.name.removesuffix("."), "require"),
            f"is {service.require}, but the service has {len(service.probes)} probes",
            "lower it, or add probes",
        )


def check_addresses(reader: Reader, topology: Topology, probes: Mapping[ProbeName, ProbeSetup]) -> None:
    """No endpoint is an address that its probes refuse: link-local, or where a cloud hands out credentials."""
    for service in topology.services.values():
        for endpoint in topology.endpoints_of(service):
            host = endpoint.probe.host
            if isinstance(host, str):
                continue
            refused = next(filter(None, (refusal(host, probes[name].allow) for name in service.probes)), None)
            if refused:
                remedy = f'set allow = ["{host}/{host.max_prefixlen}"] in the probe if it is meant'
                reader.fault(("regions", endpoint.region, "endpoints"), f"{host} is not probed: {refused}", remedy)


def _by_tcp(probe: Probe | AsyncProbe) -> bool:
    """Whether the probe connects to the endpoint by TCP; one of another distribution does unless it says otherwise."""
    return bool(getattr(probe, "by_tcp", True))


def check_tripwires(reader: Reader, probes: Mapping[ProbeName, ProbeSetup]) -> None:
    """Two signals are asked for only of what has the first of them: a connection that can close."""
    for name, setup in probes.items():
        if setup.pace.thresholds.evidence is Evidence.TWO_SIGNALS and not _by_tcp(setup.probe):
            text = f"{Evidence.TWO_SIGNALS} needs a probe over TCP: this one is never refused or reset by a connection"
            reader.fault(("probes", name, "evidence"), text, "remove evidence, or probe over TCP")


def witnesses(topology: Topology, vantages: Mapping[VantageName, VantageSetup]) -> int:
    """How many targets may make a vantage point doubt itself; 0 where silence is believed whatever others say."""
    references = max((len(vantage.references) for vantage in vantages.values()), default=0)
    probed = [service for service in topology.services.values() if service.probes]
    regions = {
        str(endpoint.probe): endpoint.region for service in probed for endpoint in topology.endpoints_of(service)
    }
    counted = len(regions) >= ENDPOINTS and len(set(regions.values())) >= REGIONS
    return references + (len(regions) if counted else 0)


def predict(
    service: Service, probes: Mapping[ProbeName, ProbeSetup], provider: Capabilities, witnesses: int
) -> Rto | None:
    """The recovery time of ``service`` with its slowest probe; None for one that is not probed."""
    predictions = [
        predict_rto(
            probes[name].pace, provider.publication, provider.propagation, calm_ttl(service), witnesses=witnesses
        )
        for name in service.probes
    ]
    return max(predictions, key=lambda rto: rto.total, default=None)


def check_rto(reader: Reader, topology: Topology, rto: Mapping[ServiceName, Rto], publishing: Publishing) -> None:
    """A stated recovery time can be met, at the slowest provider of the service as well."""
    for name, service in topology.services.items():
        if service.rto is None:
            continue
        at = ("services", name.removesuffix("."), "rto")
        if name not in rto:
            reader.fault(at, "cannot be met: the service has no probes", "give it probes, or remove rto")
        elif rto[name].total > service.rto:
            slowest = publishing.slowest(name)
            by, other = "", ""
            if slowest != EMBEDDED:
                by, other = f" at {publishing.shown(slowest)}", ", or publish at faster providers only"
            reader.fault(
                at,
                f"{format_duration(service.rto)} cannot be met{by}: {rto[name]}",
                f"state at least {format_duration(rto[name].total)}, or lower ttl.steady, interval or timeout{other}",
            )


def check_floors(reader: Reader, service: Service, publishing: Publishing) -> None:
    """No TTL is shorter than each provider takes."""
    for name in publishing.names(service.name):
        floor = publishing.capabilities(name).min_ttl
        if service.ttl_alert < floor:
            at = ("services", service.name.removesuffix("."), "ttl", "alert")
            text = f"{service.ttl_alert}s is below the floor of {publishing.shown(name)}, {floor}s"
            reader.fault(at, text, f"write at least {floor}s, or publish by another provider")


def check_auto(reader: Reader, service: Service, publishing: Publishing) -> None:
    """No TTL follows the clock where each change of it would be a write."""
    setups = publishing.setups(service.name)
    if service.ttl_auto is not None and setups:
        at = ("services", service.name.removesuffix("."), "ttl")
        text = f"is automatic, which would be a write at {setups[0]} whenever the answer may soon change"
        remedy = (
            'write ttl = { steady = "30s", alert = "5s" }, say; or publish the zone at the embedded nameserver only'
        )
        reader.fault(at, text, remedy)


def check_return(reader: Reader, service: Service) -> None:
    """A share that grows step by step, or waits, is one that the policy deals in."""
    at = ("services", service.name.removesuffix("."))
    if service.ramp and any(step.name == "nearest" for step in service.policy):
        remedy = "remove ramp, or nearest from the policy"
        reader.fault((*at, "ramp"), "has no effect beside nearest, by which the place of the client decides", remedy)
    if (service.ramp or service.manual) and len(service.members) == 1:
        key = "ramp" if service.ramp else "failback"
        remedy = "remove it, or give the service a second region"
        reader.fault((*at, key), "has no effect: the service has one region, which answers alone", remedy)


def check_safety(reader: Reader, topology: Topology, limits: Limits) -> None:
    """What rules for orders count is stated."""
    if not limits.capacity_floor:
        return
    for service in topology.services.values():
        blank = [member.region for member in service.members if topology.regions[member.region].capacity is None]
        if blank:
            name, remedy = service.name.removesuffix("."), f"state capacity in [regions.{blank[0]}], or remove it"
            reader.fault(
                ("safety", "capacity_floor"), f"cannot be kept for {name}: {blank[0]} states no capacity", remedy
            )


def hasty_gateways(
    topology: Topology,
    probes: Mapping[ProbeName, ProbeSetup],
    gateways: Mapping[RegionName, Gateway],
    publishing: Publishing,
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Gateways that stop before everybody has left who was sent there: key path, message and remedy."""
    for region, gateway in gateways.items():
        needed = max(
            (
                pace.interval
                + pace.timeout
                + publishing.delay(publishing.slowest(service.name))
                + calm_ttl(service)
                + ALLOWANCE
                for service in topology.services.values()
                if region in {member.region for member in service.members}
                for pace in (probes[name].pace for name in service.probes if name in probes)
            ),
            default=0.0,
        )
        if gateway.drain_delay < needed:
            shown = format_duration(gateway.drain_delay)
            text = f"{shown} is shorter than it takes until nobody is sent there any more, {format_duration(needed)}"
            remedy = "a restart fails requests; raise it, or drain the region first and wait: gslb drain --wait"
            yield ("gateways", region, "drain_delay"), text, remedy


def check_named_zones(
    reader: Reader, providers: Mapping[str, ProviderSetup | None], published: Mapping[str, Collection[str]]
) -> None:
    """The option ``zones`` of a provider, where its type has one, names zones that are published there.

    Args:
        reader: collects the faults.
        providers: all but the embedded nameserver, by name; None for one with faults.
        published: names of the providers of each zone, by origin; none, where that has faults.
    """
    for name, setup in providers.items():
        named = getattr(setup and setup.provider, "zones", None)
        there = [origin.removesuffix(".") for origin, names in published.items() if name in names]
        for origin in named if isinstance(named, Mapping) else ():
            key = str(origin).removesuffix(".")
            if key not in there and published.get(origin) != ():
                at, text = ("providers", name, "zones", key), "is no zone that is published at this provider"
                reader.fault(at, text, suggest(key, there) or f'add it: [zones."{key}"] with providers = ["{name}"]')


def idle_providers(publishing: Publishing) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Key path, message and remedy of providers without zones."""
    used = {name for names in publishing.zones.values() for name in names}
    for name in publishing.providers.keys() - used:
        yield ("providers", name), "no zone is published there", "name it in providers of a zone, or remove it"


def oddities(
    topology: Topology, probes: Mapping[ProbeName, ProbeSetup], vantages: Mapping[VantageName, VantageSetup]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Key path, message and remedy of what is allowed but hardly meant."""
    for vantage, setup in vantages.items():
        if len(setup.references) == 1:
            text = "only one: when it fails, this vantage point doubts itself although its network works"
            yield ("vantages", vantage, "references"), text, "add a second one that does not fail with the first"
    used = {member.region for service in topology.services.values() for member in service.members}
    used |= {service.fallback for service in topology.services.values() if service.fallback}
    for name in topology.regions.keys() - used:
        yield ("regions", name), "no service uses this region", "add it to a service, or remove it"
    asked = {probe for service in topology.services.values() for probe in service.probes}
    for probe in probes.keys() - asked:
        yield ("probes", probe), "no service uses this probe", "add it to a service, or remove it"
    for probe, probed in probes.items():
        yield from _probe_oddities(probe, probed)
    for service in topology.services.values():
        yield from _service_oddities(service)
    yield from _unread_oddities(topology)


def _probe_oddities(name: ProbeName, setup: ProbeSetup) -> Iterator[tuple[tuple[str, ...], str, str]]:
    at, pace = ("probes", name), setup.pace
    if pace.hedge is not None and pace.thresholds.fall == 1:
        yield (*at, "hedge"), "has no effect: with fall = 1 there is nothing to confirm", "remove it, or raise fall"
    elif pace.hedge is not None and pace.hedge >= pace.timeout:
        text = f"{format_duration(pace.hedge)} has no effect: an attempt ends after {format_duration(pace.timeout)}"
        yield (*at, "hedge"), text, "state less than timeout, or remove it"
    if pace.tripwire and not _by_tcp(setup.probe):
        text = "watches a TCP connection to the endpoint, which this probe does not make"
        yield (*at, "tripwire"), text, "remove it, or give it to a probe over TCP"


def _service_oddities(service: Service) -> Iterator[tuple[tuple[str, ...], str, str]]:
    at = ("services", service.name.removesuffix("."))
    if service.hold < service.ttl_steady:
        text = f"{format_duration(service.hold)} is shorter than ttl.steady, so {service.ttl_steady}s counts"
        yield (*at, "hold"), text, "a failback never comes faster than the TTL; raise hold or lower ttl.steady"
    if not service.probes:
        yield (*at, "probes"), "none, so its endpoints always count as up", "add a probe if they can fail"
    if service.demand is not None and not any(getattr(step, "needs_demand", False) for step in service.policy):
        text = "has no effect: no step of the policy reads it"
        yield (*at, "demand"), text, "add capacity to the policy, or remove it"


def _unread_oddities(topology: Topology) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Areas and locations of regions that no service with these regions reads."""
    reading = {what: _reading(topology, what) for what in _READERS}
    for service in topology.services.values():
        unread = {what: _stating(topology, service, what) - reading[what] for what in _READERS}
        kinds = [what for what, regions in unread.items() if regions]
        if kinds:
            named = [m.region for m in service.members if any(m.region in regions for regions in unread.values())]
            have = "has" if kinds == ["location"] else "have"
            text = f"{' and '.join(kinds)} of {', '.join(named)} {have} no effect: no step of the policy reads them"
            at = ("services", service.name.removesuffix("."), "policy")
            yield at, text, "nothing needs doing if this is meant"


def _stating(topology: Topology, service: Service, what: str) -> set[RegionName]:
    """Regions of ``service`` that state areas or a location."""
    return {member.region for member in service.members if getattr(topology.regions[member.region], what)}


def _reading(topology: Topology, what: str) -> set[RegionName]:
    """Regions of which some step of a policy reads that."""
    services = (each for each in topology.services.values() if any(_reads(step, what) for step in each.policy))
    return {member.region for service in services for member in service.members}


def _reads(step: Step, what: str) -> bool:
    """Whether a step may read it; of one of another distribution nobody knows."""
    return step.name == _READERS[what] or step.name not in BUILTIN

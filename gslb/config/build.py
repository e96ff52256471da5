"""From parsed sections to the model. What refers to something that does not exist is noted as a problem."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gslb.config.chains import build_chain
from gslb.config.configuration import ProbeSetup
from gslb.config.faults import suggest
from gslb.config.names import is_below
from gslb.config.plugins import load_plugin
from gslb.config.probes import ProbeSection
from gslb.config.providers import ProviderSection, ProviderSetup
from gslb.config.reader import Reader, Section
from gslb.config.regions import EndpointSection, RegionSection
from gslb.config.services import ServiceSection
from gslb.errors import PluginError
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName
from gslb.model.topology import Endpoint, Member, Region, Service
from gslb.model.zone_guard import PlanLimits
from providers import EMBEDDED
from providers.base import Capabilities, Provider


def build_region(name: RegionName, section: RegionSection) -> Region:
    """A region of the model."""
    return Region(
        name=name,
        endpoints=tuple(_endpoint(name, entry) for entry in section.endpoints),
        weight=section.weight,
        capacity=section.capacity,
        min_healthy=section.min_healthy,
        location=section.location,
        areas=tuple(section.areas),
    )


def _endpoint(region: RegionName, section: EndpointSection) -> Endpoint:
    host = section.probe.host
    publish = tuple(section.publish) or (() if isinstance(host, str) else (host,))
    return Endpoint(EndpointName(f"{region}/{section.probe}"), region, section.probe, publish)


def build_probe(reader: Reader, name: str, table: dict[str, Any]) -> ProbeSetup | None:
    """The probe with its options and its timing, or None with the problems noted."""
    section, probe = _split(reader, "probe", ProbeSection, name, table)
    return (
        ProbeSetup(probe, section.pace(), tuple(section.allow)) if section is not None and probe is not None else None
    )


def build_provider(reader: Reader, name: str, table: dict[str, Any]) -> ProviderSetup | None:
    """The provider with its options and the way in which it is used, or None with the problems noted."""
    at = ("providers", name)
    if EMBEDDED in (name, table.get("type")):
        remedy = f'remove this section; a zone names it as it is: providers = ["{EMBEDDED}"]'
        reader.fault(at, "the embedded nameserver needs no section", remedy)
        return None
    section, provider = _split(reader, "provider", ProviderSection, name, table)
    if section is None or provider is None:
        return None
    capabilities = _capabilities(reader, at, provider)
    if capabilities is None:
        return None
    rate = section.rate or capabilities.rate
    if not rate:
        reader.fault((*at, "rate"), "is missing", "add it: requests per second that this provider takes")
    return ProviderSetup(
        name=name,
        type=section.type,
        provider=provider,
        capabilities=capabilities,
        rate=rate,
        burst=section.burst or capabilities.burst or 1,
        deadline=section.deadline,
        witness=section.witness is not False,
        nameservers=() if isinstance(section.witness, bool) else section.witness,
        drift=section.drift,
        drift_interval=section.drift_interval,
        limits=PlanLimits(deletes=section.max_deletes),
    )


def _capabilities(reader: Reader, at: tuple[str, ...], provider: Provider) -> Capabilities | None:
    try:
        return provider.capabilities
    except Exception as error:  # noqa: BLE001  somebody else's provider may raise anything
        message = f"cannot say what it can do: {type(error).__name__}: {error}"
        reader.fault((*at, "type"), message, "correct or remove the distribution that provides it")
        return None


def _split(
    reader: Reader, kind: str, shared: type[Section], name: str, table: dict[str, Any]
) -> tuple[Section | None, Any]:
    """A table ``[KINDs.NAME]``: what all of the kind have, and the plug-in of its type; None for what has faults."""
    at = (f"{kind}s", name)
    own = {key: value for key, value in table.items() if key not in shared.model_fields}
    section = reader.parse(shared, {key: value for key, value in table.items() if key in shared.model_fields}, at)
    if not isinstance(table.get("type"), str):
        return section, None
    try:
        plugin = load_plugin(kind, table["type"])
    except PluginError as error:
        reader.plugin_fault(error, (*at, "type"))
        return section, None
    return section, reader.parse(plugin, own, at, shared.model_fields)


def build_service(
    reader: Reader,
    key: str,
    section: ServiceSection,
    regions: Mapping[str, Any],
    probes: Mapping[str, Any],
    zones: Sequence[str],
    vantages: int,
) -> Service | None:
    """A service of the model, or None with the problems noted.

    Args:
        reader: collects the problems.
        key: the key below ``[services]``.
        section: its table.
        regions: all region tables; those with faults of their own count as existing.
        probes: all probe tables, likewise.
        zones: origins of all zones.
        vantages: how many vantage points there are.
    """
    at, before = ("services", key), len(reader.problems)
    name = _service_name(reader, key, zones)
    fallback = section.when_all_down.fallback
    _check_names(reader, (*at, "regions"), "region", section.regions, regions)
    _check_names(reader, (*at, "probes"), "probe", section.probes, probes)
    _check_names(reader, (*at, "when_all_down", "fallback"), "region", [fallback] if fallback else [], regions)
    if section.quorum is not None and section.quorum > vantages:
        points = f"there {'is' if vantages == 1 else 'are'} {vantages} vantage point{'s'[: vantages > 1]}"
        reader.fault((*at, "quorum"), f"is {section.quorum}, but {points}", "lower it, or add [vantages] sections")
    steps = build_chain(reader, (*at, "policy"), section.policy)
    if name is None or len(reader.problems) > before:
        return None
    return Service(
        name=name,
        members=tuple(
            Member(RegionName(region), _weight(weight, regions[region])) for region, weight in section.regions.items()
        ),
        probes=tuple(ProbeName(probe) for probe in section.probes),
        policy=steps,
        require=section.require,
        quorum=section.quorum or vantages // 2 + 1,
        ttl_steady=int(section.ttl.steady),
        ttl_alert=int(section.ttl.alert),
        hold=section.hold,
        answers=section.answers,
        when_all_down=section.when_all_down.mode,
        fallback=RegionName(fallback) if fallback else None,
        max_shift=section.max_shift,
        rto=section.rto,
        demand=section.demand,
        ttl_auto=_horizon([probes[probe] for probe in section.probes]) if section.ttl.auto else None,
        ramp=section.ramp,
        manual=section.failback == "manual",
        degrade=frozenset(section.degrade),
    )


def _horizon(setups: Sequence[ProbeSetup | None]) -> float:
    """Seconds until an answer could change in calm: a regular attempt, and those that confirm it."""
    paces = [setup.pace for setup in setups if setup is not None]
    return min((pace.interval + (pace.thresholds.fall - 1) * pace.confirm for pace in paces), default=math.inf)


def _weight(own: int | None, region: Region | None) -> int:
    return own if own is not None else region.weight if region is not None else 1


def _service_name(reader: Reader, key: str, zones: Sequence[str]) -> ServiceName | None:
    name = reader.dns_name(key, ("services", key), wildcard=True)
    if name is None:
        return None
    if not any(is_below(name, origin) for origin in zones):
        reader.fault(("services", key), "is in no zone", f"add a [zones] section that holds it; {suggest(name, zones)}")
        return None
    return ServiceName(name)


def _check_names(reader: Reader, at: tuple[str | int, ...], kind: str, names: Any, defined: Mapping[str, Any]) -> None:
    for name in names:
        if name not in defined:
            remedy = f"define [{kind}s.{name}]" + (f", or: {suggest(name, defined)}" if defined else "")
            reader.fault(at, f"no {kind} {name!r}", remedy)

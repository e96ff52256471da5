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
from gslb.config.reader import Reader
from gslb.config.regions import EndpointSection, RegionSection
from gslb.config.services import ServiceSection
from gslb.errors import PluginError
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName
from gslb.model.topology import Endpoint, Member, Region, Service


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
    at = ("probes", name)
    timing_keys = set(ProbeSection.model_fields)
    options = {key: value for key, value in table.items() if key not in timing_keys}
    section = reader.parse(ProbeSection, {key: value for key, value in table.items() if key in timing_keys}, at)
    if not isinstance(table.get("type"), str):
        return None
    try:
        plugin = load_plugin("probe", table["type"])
    except PluginError as error:
        reader.plugin_fault(error, (*at, "type"))
        return None
    probe = reader.parse(plugin, options, at, timing_keys)
    return (
        ProbeSetup(probe, section.pace(), tuple(section.allow)) if section is not None and probe is not None else None
    )


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

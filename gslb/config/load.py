"""Load a configuration file: read it, check everything, and return it whole or raise with every fault found."""

import hashlib
import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from gslb.config import checks
from gslb.config.api import ApiSection
from gslb.config.build import build_probe, build_provider, build_region, build_service
from gslb.config.chains import check_chains
from gslb.config.collisions import Placed, collisions
from gslb.config.configuration import Configuration, ProbeSetup, VantageSetup
from gslb.config.delegation import delegation_warnings, undelegated
from gslb.config.environment import expand, unknown
from gslb.config.escalations import EscalationSection, check_escalations, read_escalations
from gslb.config.faults import key_path, suggest
from gslb.config.gateways import GatewaySection
from gslb.config.geo import GeoSection, read_geo
from gslb.config.keys import KeySection
from gslb.config.log import LogSection
from gslb.config.nameserver import NameserverSection, nameserver_settings
from gslb.config.node import NodeSection
from gslb.config.notify import Section as NotifySection
from gslb.config.notify import check_services, read_notify
from gslb.config.providers import ProviderSetup
from gslb.config.publishing import Publishing
from gslb.config.reader import Reader
from gslb.config.receivers import literal_secrets
from gslb.config.regions import RegionSection
from gslb.config.safety import SafetySection
from gslb.config.sayable import Sayable, Warned
from gslb.config.services import ServiceSection
from gslb.config.sources import Sources
from gslb.config.vantages import VantageSection
from gslb.config.zones import ZoneSection
from gslb.config.zoneset import read_zones
from gslb.errors import ConfigError, Problem
from gslb.model.gateway import Gateway
from gslb.model.names import ProbeName, RegionName, ServiceName, VantageName
from gslb.model.pattern import meant
from gslb.model.rto import Rto
from gslb.model.topology import Region, Service, Topology
from gslb.nameserver.settings import DEFAULTS

SINGLE: dict[str, type[BaseModel]] = {
    "node": NodeSection,
    "api": ApiSection,
    "nameserver": NameserverSection,
    "log": LogSection,
    "geo": GeoSection,
    "safety": SafetySection,
}
KEYED: dict[str, type[BaseModel]] = {
    "zones": ZoneSection,
    "keys": KeySection,
    "regions": RegionSection,
    "services": ServiceSection,
    "gateways": GatewaySection,
    "vantages": VantageSection,
    "escalations": EscalationSection,
}
SECTIONS = (*SINGLE, *KEYED, "providers", "probes", "notify")
_NO_SECRETS = 'write "${NAME}" and set NAME in the environment of gslb, or name a file where there is a key for that'
VERSION_DIGITS = 12

Section = TypeVar("Section", bound=BaseModel)
Concerned = TypeVar("Concerned", NotifySection, EscalationSection)


def load(path: Path, environment: Mapping[str, str] | None = None, sources: Sources | None = None) -> Configuration:
    """The configuration in the TOML file at ``path``.

    Args:
        path: the file; relative paths inside it are relative to its folder.
        environment: what ``${NAME}`` reads; default the process's own.
        sources: copies to read instead of the files, those of the configuration that was last accepted.

    Raises:
        ConfigError: with every problem found.
    """
    kept, sources = sources is not None, sources or Sources()
    document = _read_document(path, os.environ if environment is None else environment, sources)
    reader = Reader(str(path), document)
    for name in document:
        if name not in SECTIONS:
            reader.fault((name,), "unknown section", suggest(name, SECTIONS))
    loaded = _Loader(path, reader, sources, kept=kept).configuration()
    if reader.problems or loaded is None:
        raise ConfigError(*reader.problems)
    return loaded


def _read_document(path: Path, environment: Mapping[str, str], sources: Sources) -> dict[str, Any]:
    text = _read_text(path, sources)
    try:
        document = tomllib.loads(text)
        missing = [
            Problem(str(path), key_path(at), f"${{{name}}} is not set", f"set {name} in the environment of gslb")
            for at, name in unknown(document, environment)
        ]
        missing += [
            Problem(str(path), key_path(at), "is a secret that stands in the file itself", _NO_SECRETS)
            for at in literal_secrets(document)
        ]
        expanded: dict[str, Any] = expand(document, environment)
    except ValueError as error:  # beside TOMLDecodeError: a number of thousands of digits
        raise ConfigError(Problem(str(path), "", f"is not valid TOML: {error}", "correct this place")) from None
    except RecursionError:
        raise ConfigError(
            Problem(str(path), "", "is nested too deeply", "no key needs more than five levels")
        ) from None
    if missing:
        raise ConfigError(*missing)
    return expanded


def _read_text(path: Path, sources: Sources) -> str:
    try:
        return sources.read(path)
    except OSError as error:
        remedy = "check the path and its permissions"
        raise ConfigError(Problem(str(path), "", f"cannot be read: {error.strerror}", remedy)) from None
    except UnicodeDecodeError:
        raise ConfigError(Problem(str(path), "", "is not UTF-8 text", "save it as UTF-8")) from None


def _meant(sections: Mapping[str, Concerned], topology: Topology) -> dict[str, Concerned]:
    """``sections`` with their services as globs that stand for what is meant; see ``gslb.model.pattern``."""
    return {
        name: section.model_copy(update={"services": [meant(text, topology.services) for text in section.services]})
        for name, section in sections.items()
    }


class _Loader:
    """Parses section by section, then checks what needs several of them."""

    def __init__(self, path: Path, reader: Reader, sources: Sources, *, kept: bool) -> None:
        self.path, self.reader, self.sources, self.kept = path, reader, sources, kept

    def configuration(self) -> Configuration | None:
        """The configuration; None, or not to be used, where the reader has problems."""
        reader = self.reader
        node, api = reader.table(NodeSection, "node"), reader.table(ApiSection, "api")
        nameserver, log = reader.table(NameserverSection, "nameserver"), reader.table(LogSection, "log")
        safety = reader.table(SafetySection, "safety")
        settings = DEFAULTS
        if node is not None and nameserver is not None:
            settings = nameserver_settings(reader, nameserver, node.name, self.sources)
        geo = read_geo(reader, reader.table(GeoSection, "geo"), self.sources, kept=self.kept)
        region_sections = self.keyed(RegionSection, "regions")
        regions = {name: build_region(RegionName(name), s) for name, s in region_sections.items() if s is not None}
        probes = {name: build_probe(reader, name, table) for name, table in reader.tables("probes").items()}
        providers = self.providers()
        zones = read_zones(reader, self.path, self.sources, providers, kept=self.kept)
        checks.check_named_zones(reader, providers, zones.published)
        defined = {name: regions.get(name) for name in region_sections}
        if not reader.tables("services"):
            reader.fault(("services",), "none, so there is nothing to answer", 'add a [services."NAME"] section')
        vantages = self.vantages(node.name if node else "")
        services = self.services(defined, probes, zones.published, len(vantages))
        checks.check_namespaces(reader, nameserver, vantages)
        gateways = self.gateways(defined)
        checks.check_keys(reader, "regions", region_sections)
        checks.check_keys(reader, "probes", probes)
        checks.check_keys(reader, "vantages", reader.tables("vantages"))
        notify, escalations = read_notify(reader, kept=self.kept), read_escalations(reader, kept=self.kept)
        for name in ("notify", "escalations"):
            checks.check_keys(reader, name, reader.tables(name))
        for region in regions.values():
            checks.check_endpoints(reader, region)
        if reader.problems or node is None or api is None or nameserver is None or log is None or safety is None:
            return None
        topology = Topology({RegionName(name): region for name, region in regions.items()}, services)
        setups = {ProbeName(name): probe for name, probe in probes.items() if probe is not None}
        publishing = Publishing(
            zones.published, {n: provider for n, provider in providers.items() if provider is not None}
        )
        for name, channel in notify.items():
            check_services(reader, ("notify", name), channel.services, topology.services)
        check_escalations(reader, escalations, topology)
        notify, escalations = _meant(notify, topology), _meant(escalations, topology)
        faulty = check_chains(reader, topology, vantages, geo.geography)
        idle = self.sayable(topology, publishing, vantages, node.owner or node.name, faulty)
        checks.check_safety(reader, topology, safety.limits())
        placed = tuple(zones.placed.values())
        rto = self.cross_checks(topology, setups, placed, publishing, vantages)
        return Configuration(
            path=self.path,
            version=hashlib.sha256("".join(self.sources.texts.values()).encode()).hexdigest()[:VERSION_DIGITS],
            sources=self.sources.texts,
            node=node,
            api=api,
            nameserver=nameserver,
            settings=settings,
            log=log,
            topology=topology,
            probes=setups,
            vantages=vantages,
            geo=geo,
            zones=tuple(zone.zone for zone in placed),
            publishing=publishing,
            gateways=gateways,
            notify=notify,
            escalations=escalations,
            limits=safety.limits(),
            rto=rto,
            warnings=(
                *self.warnings(
                    *checks.oddities(topology, setups, vantages),
                    *checks.hasty_gateways(topology, setups, gateways, publishing),
                    *checks.idle_providers(publishing),
                    *idle,
                ),
                *delegation_warnings(placed, topology.services),
                *undelegated(str(self.path), placed, zones.published),
            ),
            sections=tuple(reader.parsed),
        )

    def warnings(self, *found: tuple[tuple[str, ...], str, str]) -> list[Problem]:
        """Key path, message and remedy of each as problems, in order."""
        return [Problem(str(self.path), key_path(at), message, remedy) for at, message, remedy in sorted(found)]

    def keyed(self, model: type[Section], name: str) -> dict[str, Section | None]:
        """All tables below ``[name]``; None for one with faults."""
        return {key: self.reader.parse(model, table, (name, key)) for key, table in self.reader.tables(name).items()}

    def providers(self) -> dict[str, ProviderSetup | None]:
        """All of [providers] but the embedded nameserver, by name; None for one with faults."""
        found = {name: build_provider(self.reader, name, t) for name, t in self.reader.tables("providers").items()}
        checks.check_keys(self.reader, "providers", found)
        return found

    def vantages(self, node: str) -> dict[VantageName, VantageSetup]:
        """Vantage points by name; where the file has none, this node is one."""
        found = {
            VantageName(name): VantageSetup(section.make_source(), tuple(section.references), tuple(section.areas))
            for name, section in self.keyed(VantageSection, "vantages").items()
            if section is not None
        }
        return found or {VantageName(node): VantageSetup()}

    def services(
        self,
        regions: Mapping[str, Region | None],
        probes: Mapping[str, ProbeSetup | None],
        zones: Collection[str],
        vantages: int,
    ) -> dict[ServiceName, Service]:
        """Services by name, those without faults."""
        found: dict[ServiceName, Service] = {}
        for key, section in self.keyed(ServiceSection, "services").items():
            if section is None:
                continue
            service = build_service(self.reader, key, section, regions, probes, tuple(zones), vantages)
            if service is None:
                continue
            if service.name in found:
                self.reader.fault(("services", key), "is the name of another service too", "keep one of them")
            found[service.name] = service
        return found

    def gateways(self, regions: Mapping[str, Region | None]) -> dict[RegionName, Gateway]:
        """Gateway settings by region."""
        found = {}
        for key, section in self.keyed(GatewaySection, "gateways").items():
            if key not in regions:
                self.reader.fault(("gateways", key), f"no region {key!r}", suggest(key, regions))
            elif section is not None and (region := regions[key]) is not None:
                found[region.name] = section.gateway(region.name, region.capacity)
        return found

    def sayable(
        self,
        topology: Topology,
        publishing: Publishing,
        vantages: Mapping[VantageName, VantageSetup],
        owner: str,
        faulty: Collection[ServiceName],
    ) -> list[Warned]:
        """Check that providers can say what services answer, but for ``faulty`` ones; returns idle degradations."""
        areas = {name: setup.areas for name, setup in vantages.items()}
        sayable = Sayable(self.reader, topology, publishing, areas, owner)
        return [each for name, s in topology.services.items() if name not in faulty for each in sayable.check(s)]

    def cross_checks(
        self,
        topology: Topology,
        probes: Mapping[ProbeName, ProbeSetup],
        zones: Sequence[Placed],
        publishing: Publishing,
        vantages: Mapping[VantageName, VantageSetup],
    ) -> dict[ServiceName, Rto]:
        """Check what needs the whole; the predicted recovery times are a by-product."""
        checks.check_addresses(self.reader, topology, probes)
        checks.check_tripwires(self.reader, probes)
        for service in topology.services.values():
            checks.check_require(self.reader, service)
            checks.check_return(self.reader, service)
            checks.check_floors(self.reader, service, publishing)
            checks.check_auto(self.reader, service, publishing)
        answered = topology.services.keys() - publishing.elsewhere(topology.services)
        self.reader.problems += collisions(zones, [name for name in topology.services if name in answered])
        witnesses = checks.witnesses(topology, vantages)
        predictions = (
            (name, checks.predict(service, probes, publishing.capabilities(publishing.slowest(name)), witnesses))
            for name, service in topology.services.items()
        )
        rto = {name: prediction for name, prediction in predictions if prediction is not None}
        checks.check_rto(self.reader, topology, rto, publishing)
        return rto

"""The whole configuration, checked and in terms of the model: what every command starts from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from gslb.config.api import ApiSection
from gslb.config.escalations import EscalationSection
from gslb.config.log import LogSection
from gslb.config.nameserver import NameserverSection
from gslb.config.node import NodeSection
from gslb.config.notify import Section as NotifySection
from gslb.config.providers import ProviderSetup
from gslb.config.publishing import Publishing
from gslb.errors import Problem
from gslb.model.address import Address, IPNetwork
from gslb.model.area import Area
from gslb.model.chain import Geography
from gslb.model.gateway import Gateway
from gslb.model.names import ProbeName, RegionName, ServiceName, VantageName
from gslb.model.pacing import Pace
from gslb.model.rto import Rto
from gslb.model.safety import Limits
from gslb.model.topology import Topology
from gslb.nameserver.settings import Settings
from gslb.nameserver.snapshot import Zone
from probes.base import AsyncProbe, Probe
from probes.net.source import DIRECT, Source


@dataclass(frozen=True, slots=True)
class ProbeSetup:
    """A probe with its timing."""

    probe: Probe | AsyncProbe
    pace: Pace
    allow: tuple[IPNetwork, ...] = ()
    """networks that may be probed although link-local or metadata addresses"""


@dataclass(frozen=True, slots=True)
class VantageSetup:
    """A vantage point: where its sockets come from, its reference targets, and whose latency it stands for."""

    source: Source = DIRECT
    references: tuple[Address, ...] = ()
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True)
class Geo:
    """The databases that locate clients, the first before the others, and what can be told by them."""

    databases: tuple[Path, ...] = ()
    geography: Geography = field(default_factory=Geography)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a file says, with defaults filled in.

    Attributes:
        path: the file.
        version: first digits of the SHA-256 of the file and the zone files it names.
        settings: of the embedded nameserver, which go to it with each snapshot.
        vantages: places to probe from, at least one.
        geo: what locates clients.
        zones: zones of the embedded nameserver, with their static records.
        publishing: where everything is published.
        notify: who is told of what happens, by name.
        escalations: what is done for stressed regions, by name.
        limits: what people may order.
        rto: predicted recovery time of each service that is probed.
        warnings: what is allowed but hardly meant.
        sections: key path and content of every table, defaults included.
        sources: path and text of every file it was made of.
    """

    path: Path
    version: str
    node: NodeSection
    api: ApiSection
    nameserver: NameserverSection
    settings: Settings
    log: LogSection
    topology: Topology
    probes: Mapping[ProbeName, ProbeSetup]
    vantages: Mapping[VantageName, VantageSetup]
    geo: Geo
    zones: tuple[Zone, ...]
    publishing: Publishing
    gateways: Mapping[RegionName, Gateway]
    notify: Mapping[str, NotifySection]
    escalations: Mapping[str, EscalationSection]
    limits: Limits
    rto: Mapping[ServiceName, Rto]
    warnings: tuple[Problem, ...]
    sections: tuple[tuple[str, BaseModel], ...]
    sources: Mapping[str, str]

    @property
    def providers(self) -> Mapping[str, ProviderSetup]:
        """All [providers], by name."""
        return self.publishing.providers

    @property
    def published(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the providers of each zone, by origin; ``embedded`` is the own nameserver."""
        return self.publishing.zones

    @property
    def outlets(self) -> dict[tuple[str, str], tuple[ServiceName, ...]]:
        """The services that are published at each provider in each zone; to be asked for once, and kept."""
        return self.publishing.outlets(self.topology.services)

    @property
    def elsewhere(self) -> frozenset[ServiceName]:
        """Services that the embedded nameserver does not answer for; to be asked for once, and kept."""
        return self.publishing.elsewhere(self.topology.services)

    @property
    def owner(self) -> str:
        """Who this installation is in the markers of its records at API providers."""
        return self.node.owner or self.node.name

    @property
    def database(self) -> Path:
        """The SQLite file, absolute."""
        return database_file(self.path, self.node.state)

    @property
    def run_folder(self) -> Path:
        """Beside the state: sockets, locks, snapshots, the journal and the API token."""
        return run_folder(self.database)


def database_file(config: Path, state: str) -> Path:
    """The SQLite file that ``node.state`` names in the configuration file ``config``, absolute."""
    return (config.parent / state.removeprefix("sqlite:///")).absolute()


def run_folder(database: Path) -> Path:
    """The folder that belongs to a state database: ``gslb.db`` has ``gslb.run``."""
    return database.with_suffix(".run")

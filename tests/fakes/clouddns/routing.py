"""Routing policies as values: what they hold, and how they are written in JSON. What is allowed is in ``policies``."""

from dataclasses import dataclass

from tests.fakes.clouddns.errors import Json

KIND = "dns#rRSetRoutingPolicy"


@dataclass(frozen=True, slots=True)
class Balancer:
    """An internal load balancer that is checked."""

    type: str
    address: str
    port: str
    protocol: str
    network: str
    project: str
    region: str = ""

    def to_json(self) -> Json:
        region = {"region": self.region} if self.region else {}
        return {
            "kind": f"{KIND}LoadBalancerTarget",
            "loadBalancerType": self.type,
            "ipAddress": self.address,
            "port": self.port,
            "ipProtocol": self.protocol,
            "networkUrl": self.network,
            "project": self.project,
            **region,
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """Targets that are answered while they are healthy."""

    balancers: tuple[Balancer, ...] = ()
    endpoints: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(balancer.address for balancer in self.balancers) + self.endpoints

    def to_json(self) -> Json:
        balancers = [balancer.to_json() for balancer in self.balancers]
        document: Json = {"internalLoadBalancers": balancers} if balancers else {}
        return document | ({"externalEndpoints": list(self.endpoints)} if self.endpoints else {})


@dataclass(frozen=True, slots=True)
class Data:
    """What one item of a policy answers."""

    plain: tuple[str, ...]
    checked: Checked = Checked()

    @property
    def values(self) -> tuple[str, ...]:
        return self.plain + self.checked.values

    @property
    def matched(self) -> tuple[frozenset[str], Checked]:
        """What is compared: the records of a set have no order."""
        return frozenset(self.plain), self.checked

    def to_json(self) -> Json:
        document: Json = {"rrdatas": list(self.plain)} if self.plain else {}
        return document | ({"healthCheckedTargets": self.checked.to_json()} if self.checked.values else {})


@dataclass(frozen=True, slots=True)
class Weighted:
    """Weights in 0..1000, each with its data."""

    items: tuple[tuple[float, Data], ...]

    @property
    def data(self) -> tuple[Data, ...]:
        return tuple(data for _, data in self.items)

    @property
    def matched(self) -> object:
        return [(weight, data.matched) for weight, data in self.items]

    def to_json(self) -> Json:
        kind = f"{KIND}WrrPolicyWrrPolicyItem"
        items = [{"kind": kind, "weight": weight, **data.to_json()} for weight, data in self.items]
        return {"wrr": {"kind": f"{KIND}WrrPolicy", "items": items}}


@dataclass(frozen=True, slots=True)
class Geo:
    """Regions, once each, with their data."""

    fencing: bool
    items: tuple[tuple[str, Data], ...]

    @property
    def data(self) -> tuple[Data, ...]:
        return tuple(data for _, data in self.items)

    @property
    def matched(self) -> object:
        return self.fencing, [(location, data.matched) for location, data in self.items]

    def items_json(self) -> Json:
        kind = f"{KIND}GeoPolicyGeoPolicyItem"
        items = [{"kind": kind, "location": location, **data.to_json()} for location, data in self.items]
        return {"kind": f"{KIND}GeoPolicy", "enableFencing": self.fencing, "items": items}

    def to_json(self) -> Json:
        return {"geo": self.items_json()}


@dataclass(frozen=True, slots=True)
class PrimaryBackup:
    """Primary targets, a geo policy for when all of them are unhealthy, and the share that goes there even so."""

    primary: Checked
    backup: Geo
    trickle: float

    @property
    def data(self) -> tuple[Data, ...]:
        return (Data((), self.primary), *self.backup.data)

    @property
    def matched(self) -> object:
        return self.primary, self.backup.matched, self.trickle

    def to_json(self) -> Json:
        return {
            "primaryBackup": {
                "kind": f"{KIND}PrimaryBackupPolicy",
                "primaryTargets": self.primary.to_json(),
                "backupGeoTargets": self.backup.items_json(),
                "trickleTraffic": self.trickle,
            }
        }


@dataclass(frozen=True, slots=True)
class Policy:
    """The one policy of a record set, and the health check of its external endpoints."""

    steers: Weighted | Geo | PrimaryBackup
    health_check: str = ""

    @property
    def matched(self) -> object:
        return type(self.steers), self.steers.matched, self.health_check

    def to_json(self) -> Json:
        check = {"healthCheck": self.health_check} if self.health_check else {}
        return {"kind": KIND, **self.steers.to_json(), **check}

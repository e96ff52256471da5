"""What the account holds: hosted zones, changes under way, CIDR collections."""

import random
import string
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.fakes.route53 import errors
from tests.fakes.route53.batch import Rules, drafted
from tests.fakes.route53.cidr import Collection, no_collection
from tests.fakes.route53.errors import ApiError
from tests.fakes.route53.names import canonical
from tests.fakes.route53.records import Change, RecordSet
from tests.fakes.route53.zone import Draft, Nodes, Zone

SERVERS = 4
"""Name servers of a zone."""

_ALPHABET = string.ascii_uppercase + string.digits
_NS_TTL = 172_800
_SOA_TTL = 900


@dataclass(slots=True)
class Settings:
    """How the account behaves; all may be changed while it runs.

    Attributes:
        propagation: seconds until a change is at each of the name servers, or at all of them.
        in_flight: seconds for which a zone takes no other change.
        one_value: a weighted or latency record set has one value at most, as the API reference says.
        name_servers: of zones made from now on; empty: names such as AWS gives.
        cidr_collections: that there may be.
    """

    propagation: float | Sequence[float] = 0.0
    in_flight: float = 0.0
    one_value: bool = True
    name_servers: tuple[str, ...] = ()
    cidr_collections: int = 5

    @property
    def delays(self) -> tuple[float, ...]:
        """Seconds by name server."""
        if isinstance(self.propagation, int | float):
            return (float(self.propagation),) * SERVERS
        return tuple(self.propagation)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A change that was accepted; ``at`` in seconds of the fake's clock."""

    id: str
    at: float
    comment: str = ""


@dataclass(slots=True)
class Store:
    """All of an account. Who uses it from more than one thread holds ``lock``."""

    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], float] = time.time
    zones: dict[str, Zone] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)
    health_checks: set[str] = field(default_factory=set)
    changes: dict[str, Submitted] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def zone(self, zone: str) -> Zone:
        """By id, with or without ``/hostedzone/``.

        Raises:
            ApiError: there is none.
        """
        bare = zone.rpartition("/")[2]
        if bare not in self.zones:
            raise errors.no_zone(bare)
        return self.zones[bare]

    def collection(self, collection: str) -> Collection:
        """By id.

        Raises:
            ApiError: there is none.
        """
        if collection not in self.collections:
            raise no_collection(collection)
        return self.collections[collection]

    def create_zone(
        self,
        name: str,
        reference: str,
        comment: str = "",
        vpcs: tuple[tuple[str, str], ...] = (),
        *,
        private: bool = False,
    ) -> Zone:
        """A zone with its NS and SOA.

        Raises:
            ApiError: a name that is none, a reference that was used, a private zone without a VPC.
        """
        if any(zone.reference == reference for zone in self.zones.values()):
            text = f"A hosted zone has already been created with the specified caller reference: {reference}"
            raise ApiError("HostedZoneAlreadyExists", text, 409)
        if private and not vpcs:
            raise ApiError("InvalidVPCId", "A private hosted zone needs a VPC.")
        try:
            full = canonical(name)
        except ApiError as error:
            raise ApiError("InvalidDomainName", f"{name} is not a valid domain name: {error.message}") from None
        servers = self.settings.name_servers or _name_servers(len(self.zones))
        zone = Zone(_id("Z"), full, reference, servers, comment, vpcs, private)
        draft = Draft(zone.nodes)
        draft.put(RecordSet(full, "NS", ttl=_NS_TTL, values=tuple(f"{server}." for server in servers)))
        soa = f"{servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
        draft.put(RecordSet(full, "SOA", ttl=_SOA_TTL, values=(soa,)))
        zone.commit(draft, float("-inf"))
        zone.commits.clear()
        self.zones[zone.id] = zone
        return zone

    def submit(self, zone: Zone, changes: Sequence[Change], comment: str = "") -> Submitted:
        """Apply a batch by the rules.

        Raises:
            ApiError: it is refused, and nothing was changed.
        """
        now = self.clock()
        if now < zone.busy_until:
            raise errors.prior_request()
        zone.commit(drafted(zone, changes, self._rules()), now)
        zone.busy_until = now + self.settings.in_flight
        return self.submitted(comment)

    def put(self, zone: Zone, record_sets: Iterable[RecordSet] = (), without: Iterable[RecordSet] = ()) -> None:
        """Change a zone past all rules and quotas, as one commit."""
        draft = Draft(zone.nodes)
        for record_set in without:
            draft.remove(record_set.key)
        for record_set in record_sets:
            draft.put(record_set)
        zone.commit(draft, self.clock())

    def submitted(self, comment: str = "") -> Submitted:
        """A change that is under way from now on."""
        change = Submitted(_id("C"), self.clock(), comment)
        self.changes[change.id] = change
        return change

    def in_sync(self, change: Submitted) -> bool:
        """Whether a change has come to all name servers."""
        return self.clock() >= change.at + max(self.settings.delays)

    def nodes(self, zone: Zone, server: int | None = None, at: float | None = None) -> Nodes:
        """What a zone holds.

        Args:
            zone: the zone.
            server: as this name server has it, counted from 0; None: as the API has it.
            at: seconds of the fake's clock; None: now.
        """
        if server is None and at is None:
            return zone.nodes
        moment = self.clock() if at is None else at
        return zone.before(moment if server is None else moment - self.settings.delays[server])

    def _rules(self) -> Rules:
        return Rules(
            cidr_location=lambda collection, location: location in self.collection(collection).locations(),
            zone_ids=frozenset(self.zones),
            health_checks=frozenset(self.health_checks),
            one_value=self.settings.one_value,
        )


def _id(letter: str) -> str:
    return letter + "".join(random.choices(_ALPHABET, k=20))


def _name_servers(number: int) -> tuple[str, ...]:
    return tuple(
        f"ns-{512 * place + number % 512}.awsdns-{number % 64:02d}.{top}"
        for place, top in enumerate(("com", "net", "org", "co.uk"))
    )

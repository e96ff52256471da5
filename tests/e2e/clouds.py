"""The stand-ins for Route 53 and Cloud DNS by the same words: what they hold, have held, and were asked.

Record sets are told as providers read them. Those that Cloud DNS writes itself, its SOA, are left out.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from gslb.model.expressible import Feature, Rendering
from gslb.model.location import Client
from gslb.model.recordset import RecordSet
from gslb.model.steering import Steering
from providers.base import Account, Capabilities, Provider, Throttle
from providers.clouddns import CloudDns
from providers.clouddns import wire as google
from providers.route53 import Route53
from providers.route53 import wire as amazon
from tests.fakes import clouddns, route53
from tests.fakes.clouddns.tokens import Tokens
from tests.fakes.route53.cidr import Collection
from tests.fakes.route53.writing import listed

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
"""For the environment of whoever asks the stand-in for Route 53, which takes any."""
PROJECT = "p"

MOMENT = 0.2
"""Seconds, of someone ``Brisk``."""

Records = frozenset[RecordSet]


class Moment(Enum):
    """Of a request."""

    BEFORE = auto()
    """nothing of it is done"""
    DURING = auto()
    """all of it is done, and nothing is answered"""
    AFTER = auto()
    """it is answered"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        number: counts from 0.
        action: of the API.
        at: seconds of the fake's clock.
        status: of HTTP; 0 while there is no answer.
        writes: it changes something.
        names: of record sets that it is to change.
    """

    number: int
    action: str
    at: float
    status: int
    writes: bool
    names: frozenset[str]


Hook = Callable[[Moment, Asked], bool]
"""Called in a thread; False before a request has its connection cut."""


@dataclass(frozen=True)
class Brisk:
    """A provider all of whose servers have whatever was written a moment ago, which nobody has to wait for."""

    provider: Provider

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.provider.capabilities, publication=MOMENT / 2, propagation=MOMENT / 2)

    def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
        return self.provider.render(steering, without)

    def problems(self, records: Sequence[RecordSet]) -> tuple[str, ...]:
        return self.provider.problems(records)

    def open(self, throttle: Throttle) -> Account:
        return self.provider.open(throttle)


class Cloud(Protocol):
    """One account at one provider."""

    name: str

    @property
    def url(self) -> str: ...

    @property
    def now(self) -> float:
        """Seconds of the fake's clock."""

    @property
    def table(self) -> dict[str, Any]:
        """Options of the provider's table."""

    @property
    def options(self) -> Provider: ...

    def host(self, origin: str) -> None:
        """Make a zone."""

    def fill(self, origin: str, count: int) -> None:
        """Record sets of somebody else."""

    def held(self, origin: str) -> Records:
        """What a zone holds now."""

    def states(self, origin: str) -> list[Records]:
        """What a zone held after each commit, oldest first; and, before all of them, when it was made."""

    def asked(self) -> list[Asked]:
        """All requests."""

    def hook(self, hook: Hook | None) -> None:
        """Call this at each moment of each request; None: nothing any more."""

    def odds(self, name: str, kind: str, client: Client | None = None) -> Mapping[str, Fraction]:
        """How often each value is answered."""

    def limit(self, rate: float, burst: float) -> None:
        """Refuse what goes beyond so many requests a second."""


class Aws:
    """Route 53."""

    name = "route53"

    def __init__(self, fake: route53.FakeRoute53) -> None:
        self.fake = fake
        self._zones: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self.fake.url

    @property
    def now(self) -> float:
        return self.fake.store.clock()

    @property
    def table(self) -> dict[str, Any]:
        return {"endpoint": self.url}

    @property
    def options(self) -> Route53:
        return Route53.model_validate(self.table)

    def host(self, origin: str) -> None:
        self._zones[origin] = self.fake.zone(origin)

    def fill(self, origin: str, count: int) -> None:
        self.fake.fill(self._zones[origin], count)

    def held(self, origin: str) -> Records:
        return self._told_of(origin, self.fake.record_sets(self._zones[origin]))

    def states(self, origin: str) -> list[Records]:
        return [self._told_of(origin, held) for held in self.fake.history(self._zones[origin])]

    def _told_of(self, origin: str, held: Iterable[route53.RecordSet]) -> Records:
        zone, collections = self._zones[origin], self._collections()
        return frozenset(_of_amazon(each, zone, collections) for each in held)

    def _collections(self) -> tuple[amazon.CidrCollection, ...]:
        """As they are now: none is ever changed, and those that are in use are not removed."""
        with self.fake.store.lock:
            held = tuple(self.fake.store.collections.values())
            return tuple(amazon.CidrCollection(each.id, each.name, each.version, _blocks(each)) for each in held)

    def asked(self) -> list[Asked]:
        return [self._told(entry) for entry in list(self.fake.log())]

    def hook(self, hook: Hook | None) -> None:
        if hook is None:
            self.fake.hooks.clear()
        else:
            self.fake.hooks[:] = [lambda phase, entry: hook(Moment[phase.name], self._told(entry))]

    @staticmethod
    def _told(entry: route53.Entry) -> Asked:
        writes = not entry.action.startswith(("List", "Get"))
        names = frozenset(change.record_set.name for change in entry.batch)
        return Asked(entry.number - 1, entry.action, entry.at, entry.status, writes, names)

    def odds(self, name: str, kind: str, client: Client | None = None) -> Mapping[str, Fraction]:
        return self.fake.answers(name, kind, client)

    def limit(self, rate: float, burst: float) -> None:
        self.fake.quota = route53.Quota(burst, rate, together=True)


def _blocks(collection: Collection) -> dict[str, tuple[str, ...]]:
    """By location."""
    located = [(place, str(block)) for block, place in collection.blocks.items()]
    return {place: tuple(sorted(block for at, block in located if at == place)) for place in collection.locations()}


def _of_amazon(record: route53.RecordSet, zone: str, collections: tuple[amazon.CidrCollection, ...]) -> RecordSet:
    content: Any = listed(record)
    members = {name: member for name, member in content.items() if member is not None}
    if record.values:
        members["ResourceRecords"] = [{"Value": value} for value in record.values]
    return amazon.read(members, zone, collections)


class Gcp:
    """Cloud DNS. With a ``key`` file, whoever asks has to have a token that is got with it."""

    name = "clouddns"

    def __init__(self, fake: clouddns.FakeCloudDns, key: Path | None = None) -> None:
        self.fake, self._key = fake, key
        self._zones: dict[str, str] = {}
        if key is not None:
            document = _service_account() | {"token_uri": fake.token_uri}
            key.write_text(json.dumps(document))
            fake.tokens.register(document)
            fake.tokens.required = True

    @property
    def url(self) -> str:
        return self.fake.url

    @property
    def now(self) -> float:
        return self.fake.clock()

    @property
    def table(self) -> dict[str, Any]:
        who: dict[str, Any] = {"anonymous": True} if self._key is None else {"credentials": str(self._key)}
        return {"project": PROJECT, "endpoint": self.url, **who}

    @property
    def options(self) -> CloudDns:
        return CloudDns.model_validate(self.table)

    def host(self, origin: str) -> None:
        self._zones[origin] = self.fake.create(origin.removesuffix(".").replace(".", "-"), origin).name

    def fill(self, origin: str, count: int) -> None:
        self.fake.fill(self._zones[origin], count)

    def held(self, origin: str) -> Records:
        return _told_of(self.fake.records(self._zones[origin]).values())

    def states(self, origin: str) -> list[Records]:
        return [_told_of(held.values()) for held in self.fake.history(self._zones[origin])]

    def asked(self) -> list[Asked]:
        return [self._told(logged, number) for number, logged in enumerate(list(self.fake.log))]

    def hook(self, hook: Hook | None) -> None:
        if hook is None:
            self.fake.on(None)
        else:
            self.fake.on(lambda moment, logged: hook(Moment[moment.name], self._told(logged, self._number(logged))))

    def _number(self, logged: clouddns.Logged) -> int:
        return self.fake.log.index(logged)

    @staticmethod
    def _told(logged: clouddns.Logged, number: int) -> Asked:
        writes = logged.action == "changes.create"
        body = logged.call.body if writes else {}
        names = frozenset(each["name"] for part in ("additions", "deletions") for each in body.get(part, ()))
        return Asked(number, logged.action, logged.at, logged.status or 0, writes, names)

    def odds(self, name: str, kind: str, client: Client | None = None) -> Mapping[str, Fraction]:
        return self.fake.answers(name, kind, client)

    def limit(self, rate: float, burst: float) -> None:
        self.fake.rates[:] = [clouddns.Rate(rate, burst)]


def _told_of(held: Iterable[clouddns.RecordSet]) -> Records:
    return frozenset(_of_google(each) for each in held if each.type != "SOA")


@cache
def _of_google(record: clouddns.RecordSet) -> RecordSet:
    return google.read(record.to_json())


@cache
def _service_account() -> dict[str, Any]:
    """A key file, but for where tokens are got; making a key takes a while."""
    return Tokens().service_account(PROJECT, "")


@contextmanager
def aws(*zones: str, **options: Any) -> Iterator[Aws]:
    """A Route 53 with some zones, that takes any number of requests unless it is told otherwise."""
    with route53.FakeRoute53(**{"quota": route53.UNLIMITED, **options}) as fake:
        cloud = Aws(fake)
        _host(cloud, zones)
        yield cloud


@contextmanager
def gcp(*zones: str, key: Path | None = None, **options: Any) -> Iterator[Gcp]:
    """A Cloud DNS with some zones."""
    with clouddns.FakeCloudDns(PROJECT, **options) as fake:
        cloud = Gcp(fake, key)
        _host(cloud, zones)
        yield cloud


CLOUDS: Mapping[str, Any] = {"route53": aws, "clouddns": gcp}
PROVIDERS: Mapping[str, Any] = {"route53": Route53, "clouddns": CloudDns}
"""both by type of provider"""


def _host(cloud: Cloud, zones: Iterable[str]) -> None:
    for origin in zones:
        cloud.host(origin)

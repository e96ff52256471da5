"""The port that every provider implements, and the errors that it tells apart.

ProviderError
├── ThrottledError        too many requests: the same again later
│   └── BusyError         another change of the zone is under way
├── UnavailableError      it cannot be reached, or has failed, and nothing was written
├── OutcomeUnknownError   it may have been written or not: read before anything else
├── CasConflictError      what was to be replaced is not there as it was read: read, and plan again
├── NotOwnedError         what is in the way belongs to somebody else
├── RejectedError         it will never be taken as it is
└── AuthFailedError       who asks is not known, or may not do that

A provider has two sides. ``Provider`` is its table in the configuration: pure, and usable without a network or an SDK.
``Account`` is what ``open`` makes of it: it talks to the API.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from gslb.errors import GslbError
from gslb.model.expressible import Feature, Rendering
from gslb.model.recordset import RecordSet
from gslb.model.steering import Steering
from gslb.model.zone_plan import Change


class ProviderError(GslbError):
    """A provider did not do what it was asked. ``remedy`` says what to do about it."""

    def __init__(self, message: object, remedy: str = "") -> None:
        self.message, self.remedy = str(message), remedy  # a plug-in may give what it has caught
        super().__init__(f"{message}\n    {remedy}" if remedy else self.message)


class ThrottledError(ProviderError):
    """It wants fewer requests; nothing was written."""


class BusyError(ThrottledError):
    """A change of the same zone is still being processed. That says nothing about the rate of requests."""


class UnavailableError(ProviderError):
    """It cannot be reached, or has failed; nothing was written."""


class OutcomeUnknownError(ProviderError):
    """The answer is missing, so a change may have been made or not: what is there is to be read again."""


class CasConflictError(ProviderError):
    """Somebody has been there: what was to be replaced is not as it was read. Nothing was written."""


class NotOwnedError(ProviderError):
    """Record sets of somebody else are in the way."""


class RejectedError(ProviderError):
    """The request is refused as it is: there is no such zone, say, or a quota is used up. Nothing was written."""


class AuthFailedError(ProviderError):
    """Credentials are missing, wrong, expired or not sufficient. Nothing was written."""


class Lane(IntEnum):
    """How urgent a request is, the most urgent first."""

    URGENT = 0
    """it takes something out of the answers that should not be there"""
    ROUTINE = 1
    """any other change of answers"""
    FOLLOWING = 2
    """whether what was written is settled"""
    COSMETIC = 3
    """a change of a TTL, a look for drift"""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do and how fast. Durations are seconds.

    Attributes:
        publication: longest from a decision to the provider's confirmation, when nothing is wrong.
        propagation: longest from there until all its servers answer so.
        min_ttl: lowest TTL that it takes.
        features: what it can say without any degradation, ``gap`` and ``size`` aside.
        policies: routing policies that steerings are said by, in its own terms.
        max_weight: highest weight; 0 where it has none.
        nesting: whether a routing policy can lead to another one.
        batch_size: records in a request, those that are removed included: values, and record sets without any; 0: there
            are no requests.
        batch_characters: of values in a request.
        rate: requests per second that are welcome, all zones together.
        burst: of them that are welcome at once.
    """

    publication: float
    propagation: float
    min_ttl: int = 0
    features: frozenset[Feature] = frozenset(Feature)
    policies: tuple[str, ...] = ()
    max_weight: int = 255
    nesting: bool = True
    batch_size: int = 0
    batch_characters: int = 0
    rate: float = 0.0
    burst: int = 0


@dataclass(frozen=True, slots=True)
class HostedZone:
    """A zone as an account has it.

    Attributes:
        origin: absolute, in lower case.
        id: what the provider calls it.
        private: it is answered inside certain networks only.
    """

    origin: str
    id: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """A change that was taken: ``id`` is what the provider calls it, empty where it is settled at once."""

    zone: HostedZone
    id: str


class Throttle(Protocol):
    """Lets requests through no faster than a provider takes them; see ``providers.throttle``."""

    async def take(self, lane: Lane) -> None:
        """Wait for one's turn to send a request."""

    def throttled(self) -> None:
        """The provider wants fewer."""

    def succeeded(self) -> None:
        """The provider took one."""


class Account(Protocol):
    """A provider's API, with credentials. Its methods raise ProviderError and never block the event loop.

    Each request waits for its turn first; none is sent twice by itself.
    """

    async def zones(self, lane: Lane) -> tuple[HostedZone, ...]:
        """All zones of the account, public and private."""

    async def zone(self, origin: str, lane: Lane) -> HostedZone:
        """The zone that the configuration means by ``origin``.

        Raises:
            RejectedError: there is none, or several might be meant.
        """

    async def read(self, zone: HostedZone, lane: Lane, names: Collection[str] | None = None) -> tuple[RecordSet, ...]:
        """All record sets of ``zone``, or those of ``names`` only; in the one form in which they are rendered too."""

    async def apply(self, zone: HostedZone, changes: Sequence[Change], deadline: float, lane: Lane) -> Receipt:
        """Write ``changes`` in one request: all of them, or, where anything to be removed is not exactly there, none.

        Args:
            zone: where.
            changes: no more than a request takes; see ``gslb.model.zone_plan.batches``.
            deadline: longest to wait for the answer, in seconds, once the request may be sent.
            lane: how urgent it is.

        Raises:
            CasConflictError: what was to be replaced is not there, or what was to be created is.
            OutcomeUnknownError: no answer in time.
        """

    async def settled(self, receipt: Receipt, lane: Lane) -> bool:
        """Whether all servers of the provider answer by it now.

        Raises:
            RejectedError: the provider knows of no such change, or not any more.
        """

    async def nameservers(self, zone: HostedZone, lane: Lane) -> tuple[str, ...]:
        """Absolute names of the servers that are authoritative for ``zone``; none for one that nobody here can ask."""

    async def close(self) -> None:
        """Give up what is under way."""


class Provider(Protocol):
    """A table ``[providers.NAME]``, which is a subclass of ``gslb.model.options.Options``.

    Its fields must not be called as those of ``gslb.config.providers.ProviderSection``, which all types share.
    One that is called ``zones`` has something for zones by origin, each of which is to be published there.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
        """``steering`` as record sets, without markers; pure, and the same for equal ones.

        Args:
            steering: what is to be answered.
            without: features that the service can do without.
        """

    def problems(self, records: Sequence[RecordSet]) -> tuple[str, ...]:
        """What the provider would refuse about ``records``: validation offline, as far as that can say."""

    def open(self, throttle: Throttle) -> Account:
        """Its API. This is where an SDK is imported.

        Called in a thread of its own, since both that and a search for credentials may take long.

        Raises:
            AuthFailedError: there are no credentials.
        """

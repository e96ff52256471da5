"""A provider whose calls are timed."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

from gslb.model.expressible import Feature, Rendering
from gslb.model.recordset import RecordSet
from gslb.model.steering import Steering
from gslb.model.zone_plan import Change
from providers.base import Account, Capabilities, HostedZone, Lane, Provider, Receipt, Throttle

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timed:
    """A call of the account, from its beginning to its answer, in monotonic seconds."""

    operation: str
    began: float
    ended: float


@dataclass(frozen=True)
class Watched:
    """A provider, and the calls of all accounts that it has opened."""

    provider: Provider
    calls: list[Timed] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return self.provider.capabilities

    def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
        return self.provider.render(steering, without)

    def problems(self, records: Sequence[RecordSet]) -> tuple[str, ...]:
        return self.provider.problems(records)

    def open(self, throttle: Throttle) -> Account:
        return WatchedAccount(self.provider.open(throttle), self.calls)


@dataclass(frozen=True)
class WatchedAccount:
    """See ``providers.base.Account``."""

    account: Account
    calls: list[Timed]

    async def _timed(self, operation: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        began = monotonic()
        result = await work()
        self.calls.append(Timed(operation, began, monotonic()))
        return result

    async def zones(self, lane: Lane) -> tuple[HostedZone, ...]:
        return await self._timed("zones", lambda: self.account.zones(lane))

    async def zone(self, origin: str, lane: Lane) -> HostedZone:
        return await self._timed("zone", lambda: self.account.zone(origin, lane))

    async def read(self, zone: HostedZone, lane: Lane, names: Collection[str] | None = None) -> tuple[RecordSet, ...]:
        return await self._timed("read", lambda: self.account.read(zone, lane, names))

    async def apply(self, zone: HostedZone, changes: Sequence[Change], deadline: float, lane: Lane) -> Receipt:
        return await self._timed("apply", lambda: self.account.apply(zone, changes, deadline, lane))

    async def settled(self, receipt: Receipt, lane: Lane) -> bool:
        return await self._timed("settled", lambda: self.account.settled(receipt, lane))

    async def nameservers(self, zone: HostedZone, lane: Lane) -> tuple[str, ...]:
        return await self._timed("nameservers", lambda: self.account.nameservers(zone, lane))

    async def close(self) -> None:
        await self.account.close()

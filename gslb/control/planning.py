"""What would be written at each provider for given steerings, as the writers would do it: read, draft, and no more."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from gslb.control.writing.access import bucket_of
from gslb.control.writing.draft import Draft, Trouble, capacity, draft
from gslb.control.writing.image import Image
from gslb.control.writing.opening import opened
from gslb.control.writing.setup import WriterSetup
from gslb.control.writing.standing import Standing
from gslb.model.expressible import Inexpressible
from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.model.zone_plan import Change, batches
from providers.base import Account, Lane, ProviderError

LATEST = 2**62
"""The lease to plan under: later than any, so that what another controller has written is shown as it would change."""
MOST_AT_ONCE = 16
"""Zones of one account that are read at the same time."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be written in one zone at one provider.

    Attributes:
        provider: key below ``[providers]``.
        zone: origin.
        read: record sets that it holds.
        owned: services that are marked as ours.
        changes: what would be written, by lane, the most urgent first.
        requests: that it would take.
        troubles: why nothing would be written of others.
        unsaid: what cannot be said of services; what they have of that stays.
        error: why nothing is known.
    """

    provider: str
    zone: str
    read: int = 0
    owned: int = 0
    changes: tuple[tuple[Lane, Change], ...] = ()
    requests: int = 0
    troubles: Mapping[ServiceName, Trouble] = field(default_factory=dict)
    unsaid: Mapping[ServiceName, tuple[Inexpressible, ...]] = field(default_factory=dict)
    error: ProviderError | None = None


async def plan(setups: Sequence[WriterSetup], steerings: Mapping[ServiceName, Steering]) -> list[Planned]:
    """What would be written for each of ``setups``, in their order.

    Args:
        setups: zones at providers.
        steerings: what is to be answered; services without one are left as they are.
    """
    accounts = {setup.provider: setup for setup in setups}
    found: dict[tuple[str, str], Planned] = {}
    for name, setup in accounts.items():
        zones = [each for each in setups if each.provider == name]
        found |= {(each.provider, each.zone): each for each in await _at(setup, zones, steerings)}
    return [found[setup.key] for setup in setups]


async def _at(
    account_of: WriterSetup, setups: Sequence[WriterSetup], steerings: Mapping[ServiceName, Steering]
) -> list[Planned]:
    """All zones of one account."""
    try:
        account = await opened(account_of.options, bucket_of(account_of.options, (account_of.rate, account_of.burst)))
    except ProviderError as error:
        return [Planned(setup.provider, setup.zone, error=error) for setup in setups]
    turn = asyncio.Semaphore(MOST_AT_ONCE)

    async def look(setup: WriterSetup) -> Planned:
        async with turn:
            return await _look(account, setup, steerings)

    try:
        return list(await asyncio.gather(*map(look, setups)))
    finally:
        await account.close()


async def _look(account: Account, setup: WriterSetup, steerings: Mapping[ServiceName, Steering]) -> Planned:
    try:
        zone = await account.zone(setup.zone, Lane.ROUTINE)
        read = await account.read(zone, Lane.ROUTINE)
    except ProviderError as error:
        return Planned(setup.provider, setup.zone, error=error)
    return planned(setup, Image(read, setup.services, setup.owner), steerings)


def planned(setup: WriterSetup, image: Image, steerings: Mapping[ServiceName, Steering]) -> Planned:
    """What would be written in a zone that holds ``image``."""
    standings = {name: _standing(name in setup.services, steerings.get(name)) for name in image.ours | setup.services}
    looked_at = [name for name, standing in standings.items() if standing.pending]
    found = draft(setup, image, standings, looked_at, generation=0)
    unsaid = {name: standing.unsaid for name, standing in standings.items() if standing.unsaid}
    return Planned(
        provider=setup.provider,
        zone=setup.zone,
        read=image.size,
        owned=len(image.ours),
        changes=found.changes,
        requests=_requests(setup, found),
        troubles=found.troubles,
        unsaid=unsaid,
    )


def _standing(is_configured: bool, steering: Steering | None) -> Standing:  # noqa: FBT001  the first of the two
    standing = Standing()
    if not is_configured:
        standing.remove(0.0)
    elif steering is not None:
        standing.want(steering, 0, 0.0, 0.0)
    return standing


def _requests(setup: WriterSetup, found: Draft) -> int:
    """As the writer sends them: those of one lane together."""
    lanes = (list(map(itemgetter(1), group)) for _, group in groupby(found.changes, key=itemgetter(0)))
    return sum(1 for changes in lanes for _ in batches(changes, *capacity(setup)))

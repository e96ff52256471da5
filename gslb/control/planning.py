"""What would be written at each provider for given steerings, as the writers would do it: read, draft, and no more."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from gslb.control.visiting import Visit, visiting
from gslb.control.writing.draft import Draft, Trouble, capacity, draft
from gslb.control.writing.image import Image
from gslb.control.writing.setup import WriterSetup
from gslb.control.writing.standing import Standing
from gslb.model.expressible import Inexpressible
from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.model.zone_plan import Change, batches
from providers.base import Lane, ProviderError

LATEST = 2**62
"""The lease to plan under where none is held: later than any, as that of a daemon which starts now would be."""
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
    """What would be written for each of ``setups``, in their order. No account waits for another.

    Args:
        setups: zones at providers.
        steerings: what is to be answered; services without one are left as they are.
    """
    accounts = dict.fromkeys(setup.provider for setup in setups)
    each = (_at([setup for setup in setups if setup.provider == name], steerings) for name in accounts)
    found = {(it.provider, it.zone): it for planned in await asyncio.gather(*each) for it in planned}
    return [found[setup.key] for setup in setups]


async def _at(setups: Sequence[WriterSetup], steerings: Mapping[ServiceName, Steering]) -> list[Planned]:
    """All zones of one account."""
    turn = asyncio.Semaphore(MOST_AT_ONCE)
    async with visiting(setups[0]) as visit:

        async def look(setup: WriterSetup) -> Planned:
            async with turn:
                return await _look(visit, setup, steerings)

        return list(await asyncio.gather(*map(look, setups)))


async def _look(visit: Visit, setup: WriterSetup, steerings: Mapping[ServiceName, Steering]) -> Planned:
    try:
        _, read = await visit.read(setup)
    except ProviderError as error:
        return Planned(setup.provider, setup.zone, error=error)
    return planned(setup, Image(read, setup.services, setup.owner), steerings)


def planned(
    setup: WriterSetup,
    image: Image,
    steerings: Mapping[ServiceName, Steering],
    services: Collection[ServiceName] | None = None,
) -> Planned:
    """What would be written in a zone.

    Args:
        setup: of the zone.
        image: what it holds.
        steerings: what is to be answered.
        services: those to look at; None: all that are published there, or are marked as ours.
    """
    names = image.ours | setup.services if services is None else services
    standings = {name: _standing(setup, name, steerings.get(name)) for name in sorted(names)}
    looked_at = [name for name, standing in standings.items() if standing.pending]
    found = draft(setup, image, standings, looked_at, generation=0)
    return Planned(
        provider=setup.provider,
        zone=setup.zone,
        read=image.size,
        owned=len(image.ours),
        changes=found.changes,
        requests=_requests(setup, found),
        troubles=found.troubles,
        unsaid={name: standing.unsaid for name, standing in standings.items() if standing.unsaid},
    )


def _standing(setup: WriterSetup, service: ServiceName, steering: Steering | None) -> Standing:
    standing = Standing()
    if service not in setup.services:
        standing.remove(0.0)
    elif steering is not None:
        standing.want(steering, 0, 0.0, 0.0)
    return standing


def _requests(setup: WriterSetup, found: Draft) -> int:
    """As the writer sends them: those of one lane together."""
    lanes = (list(map(itemgetter(1), group)) for _, group in groupby(found.changes, key=itemgetter(0)))
    return sum(1 for changes in lanes for _ in batches(changes, *capacity(setup)))

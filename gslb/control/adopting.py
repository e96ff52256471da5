"""Takes over record sets that are there already: they are marked as ours, and not changed otherwise."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from gslb.control.visiting import Visit, visiting
from gslb.control.writing.draft import capacity
from gslb.control.writing.image import Image
from gslb.control.writing.setup import WriterSetup
from gslb.errors import RefusedError
from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet, marker_name, read_marker
from gslb.model.zone_plan import Change, batches, plan_zone
from providers.base import CasConflictError, HostedZone, OutcomeUnknownError

OLDEST = 0
"""The lease under which is adopted: whoever publishes it after that holds a later one."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is to be marked as ours in one zone, as it was read.

    Attributes:
        setup: of the zone.
        zone: as the account has it.
        changes: markers that are written, beside what is kept.
        image: the zone once that is done.
    """

    setup: WriterSetup
    zone: HostedZone
    changes: tuple[Change, ...]
    image: Image


async def find(setups: Sequence[WriterSetup], services: Collection[ServiceName], former: str) -> list[Adoption]:
    """What is there of ``services``. Nothing is written.

    Args:
        setups: zones of one account, in which all of ``services`` are.
        services: those to adopt.
        former: whose they are: an owner, or nobody ("").

    Raises:
        RefusedError: one of them has no record sets there, or they are somebody else's, or ours already.
        ProviderError: a zone cannot be read.
    """
    async with visiting(setups[0]) as visit:
        return [
            await _find(visit, setup, sorted(setup.services.intersection(services)), former)
            for setup in setups
            if setup.services.intersection(services)
        ]


async def _find(visit: Visit, setup: WriterSetup, services: Sequence[ServiceName], former: str) -> Adoption:
    zone, read = await visit.read(setup)
    image = Image(read, services, setup.owner)
    for service in services:
        _check(service, image.of(service), setup.owner, former)
    # Of these services only: a plan for all of the zone would remove whatever else is ours.
    there, kept = tuple(image.records(services)), {service: _kept(service, image.of(service)) for service in services}
    adopted = dict.fromkeys(services, former)
    changes = plan_zone(setup.zone, there, kept, setup.owner, OLDEST, adopted=adopted).changes
    image.apply(changes)
    return Adoption(setup, zone, changes, image)


def _kept(service: ServiceName, records: Collection[RecordSet]) -> tuple[RecordSet, ...]:
    """All but the marker, and what is in its place."""
    return tuple(record for record in records if record.name != marker_name(service))


def _check(service: ServiceName, records: Collection[RecordSet], ours: str, former: str) -> None:
    shown = service.removesuffix(".")
    if not records:
        raise RefusedError("adopt", f"{shown} has no record sets there", "nothing is in its way: gslb run publishes it")
    marker = _marker(records)
    owner = marker.owner if marker is not None else ""
    if owner == former:
        return
    if owner == ours:
        raise RefusedError("adopt", f"the record sets of {shown} are ours already", "see what gslb plan says of them")
    if owner:
        text, remedy = f"marked as those of {owner}", f"name whom they are taken from: --from {owner}"
    else:
        text, remedy = f"not marked as those of {former}, or of anybody", "leave out --from"
    raise RefusedError("adopt", f"the record sets of {shown} are {text}", remedy)


def _marker(records: Collection[RecordSet]) -> Marker | None:
    return next((found for record in records if (found := read_marker(record))), None)


async def adopt(adoptions: Sequence[Adoption]) -> AsyncIterator[tuple[Adoption, tuple[Change, ...]]]:
    """Write the markers; gives what was written after each request.

    Raises:
        RefusedError: somebody has been there meanwhile; of that request nothing was written.
        ProviderError: it was not written; if it is an OutcomeUnknownError, it may have been.
    """
    async with visiting(adoptions[0].setup) as visit:
        for adoption in adoptions:
            for batch in batches(adoption.changes, *capacity(adoption.setup)):
                await _write(visit, adoption, batch)
                yield adoption, batch


async def _write(visit: Visit, adoption: Adoption, batch: tuple[Change, ...]) -> None:
    names = ", ".join(change.service.removesuffix(".") for change in batch)
    try:
        await visit.apply(adoption.setup, adoption.zone, batch)
    except CasConflictError as error:
        text = f"somebody else has marked something of {names} meanwhile: {error.message}"
        raise RefusedError("adopt", text, "nothing of that was written: look again, with the same command") from None
    except OutcomeUnknownError as error:
        remedy = "it may have been written: the same command says whether they are ours already"
        raise OutcomeUnknownError(f"{names}: {error.message}", remedy) from None

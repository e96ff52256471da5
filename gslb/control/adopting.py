"""Takes over record sets that are there already: they are marked as ours, and not changed otherwise."""

from collections.abc import Collection
from dataclasses import dataclass

from gslb.control.writing.draft import capacity
from gslb.control.writing.image import Image
from gslb.control.writing.setup import WriterSetup
from gslb.errors import RefusedError
from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, read_marker
from gslb.model.zone_plan import Change, batches, plan_zone
from providers.base import Account, HostedZone, Lane

OLDEST = 0
"""The lease under which is adopted: whoever publishes it after that holds a later one."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is to be marked as ours in one zone, as it was read.

    Attributes:
        zone: where.
        changes: markers that are written.
    """

    zone: HostedZone
    changes: tuple[Change, ...]


async def find(account: Account, setup: WriterSetup, services: Collection[ServiceName], former: str) -> Adoption:
    """What is there of ``services``.

    Args:
        account: of the provider.
        setup: of the zone.
        services: those to adopt.
        former: whose they are: an owner, or nobody ("").

    Raises:
        RefusedError: one of them has no record sets there, or they are somebody else's, or ours already.
        ProviderError: it cannot be read.
    """
    zone = await account.zone(setup.zone, Lane.ROUTINE)
    read = await account.read(zone, Lane.ROUTINE)
    image = Image(read, services, setup.owner)
    answers = {name: tuple(r for r in image.of(name) if read_marker(r) is None) for name in services}
    for name, records in answers.items():
        _check(name, records, image.of(name), former)
    plan = plan_zone(setup.zone, read, answers, setup.owner, OLDEST, adopted=dict.fromkeys(services, former))
    return Adoption(zone, plan.changes)


def _check(name: ServiceName, answers: Collection[RecordSet], records: Collection[RecordSet], former: str) -> None:
    shown = name.removesuffix(".")
    marker = next((found for record in records if (found := read_marker(record))), None)
    owner = marker.owner if marker else ""
    if not answers:
        raise RefusedError("adopt", f"{shown} has no record sets there", "nothing needs to be adopted: publish it")
    if owner != former:
        remedy = f"name whom they are taken from: --from {owner}" if owner else "leave out --from"
        whose = f"marked as {owner}'s" if owner else "marked as nobody's"
        raise RefusedError("adopt", f"the record sets of {shown} are {whose}", remedy)


async def adopt(account: Account, setup: WriterSetup, adoption: Adoption) -> None:
    """Write the markers.

    Raises:
        ProviderError: it could not be written; what is marked already stays so.
    """
    for batch in batches(adoption.changes, *capacity(setup)):
        await account.apply(adoption.zone, batch, setup.deadline, Lane.ROUTINE)

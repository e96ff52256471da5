"""What is to be written next in a zone: one request, and what stands in the way of others. No I/O.

A provider is a plug-in: what it raises while it renders or judges concerns the one service only.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from shlex import quote

from gslb.control.writing.image import Image
from gslb.control.writing.setup import WriterSetup
from gslb.control.writing.standing import LANES, Standing
from gslb.model.expressible import Rendering
from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet, marker_name
from gslb.model.urgency import urgency_of_change
from gslb.model.zone_guard import guard
from gslb.model.zone_plan import Change, Conflict, ZonePlan, batches, plan_zone
from providers.base import Lane

MOST = 2**31
"""for providers that do not say how much a request may hold"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a service cannot be written.

    Attributes:
        text: for people.
        remedy: what to do about it.
        elsewhere: it is for others to change; another decision makes no difference.
        error: what the provider's plug-in has raised.
        unmarked: it is that a marker is missing, which it may be only in what was read.
    """

    text: str
    remedy: str = ""
    elsewhere: bool = False
    error: Exception | None = None
    unmarked: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What to do about services.

    Attributes:
        as_wanted: there is nothing to write for them.
        changes: what is to be written, by lane, the most urgent first.
        troubles: why nothing is written for others.
    """

    as_wanted: tuple[ServiceName, ...]
    changes: tuple[tuple[Lane, Change], ...]
    troubles: Mapping[ServiceName, Trouble]


def draft(
    setup: WriterSetup,
    image: Image,
    standings: Mapping[ServiceName, Standing],
    services: Collection[ServiceName],
    generation: int,
    *,
    renew: bool = False,
) -> Draft:
    """What is to be written for ``services``; what cannot be said of them is noted in their standings.

    Args:
        setup: of the zone.
        image: what it holds.
        standings: of all services.
        services: those to look at, each of them with a decision, or to be removed.
        generation: what markers are to say.
        renew: those of an older lease are to be replaced, though nothing else is.
    """
    troubles: dict[ServiceName, Trouble] = {}
    desired = dict(_desired(setup, image, standings, services, troubles))
    known = [service for service in services if service not in troubles]
    read = tuple(image.records(known))
    plan = plan_zone(setup.zone, read, desired, setup.owner, setup.fence, generation, renew=renew)
    troubles |= {conflict.service: _conflict(conflict, setup) for conflict in plan.conflicts}
    changed = {change.service for change in plan.changes}
    plan = _guarded(setup, plan, len(image.ours), standings, troubles)
    good = [change for change in plan.changes if _is_good(setup, change, troubles)]
    lanes = sorted(((_lane(standings[each.service], each), each) for each in good), key=lambda pair: pair[0])
    as_wanted = tuple(service for service in known if service not in changed and service not in troubles)
    return Draft(as_wanted, tuple(lanes), troubles)


def first_batch(
    setup: WriterSetup, changes: tuple[tuple[Lane, Change], ...], standings: Mapping[ServiceName, Standing]
) -> tuple[Lane, tuple[Change, ...]]:
    """The first request: of one lane, and of services that are written together."""
    lane, first = changes[0]
    group = standings[first.service].group
    alike = takewhile(lambda pair: pair[0] is lane, changes)
    together = [change for _, change in alike if standings[change.service].group == group]
    return lane, next(batches(together, *capacity(setup)))


def _desired(
    setup: WriterSetup,
    image: Image,
    standings: Mapping[ServiceName, Standing],
    services: Collection[ServiceName],
    troubles: dict[ServiceName, Trouble],
) -> Iterator[tuple[ServiceName, tuple[RecordSet, ...]]]:
    for service in services:
        standing = standings[service]
        if standing.removing:
            continue
        try:
            rendering = _rendered(setup, standing, service)
        except Exception as error:  # noqa: BLE001  told of where the service is, once
            text = f"{setup.provider} cannot render it: {type(error).__name__}: {error}"
            troubles[service] = Trouble(text, error=error)
            continue
        standing.unsaid = rendering.faults
        unsaid = {fault.type.value for fault in rendering.faults}
        kept = tuple(record for record in image.of(service) if record.type in unsaid)
        yield service, (*rendering.records, *kept)


def _rendered(setup: WriterSetup, standing: Standing, service: ServiceName) -> Rendering:
    assert standing.wanted is not None  # noqa: S101  those without are not looked at
    steering = standing.wanted.steering
    if standing.rendered is None or standing.rendered[0] is not steering:
        without = setup.without.get(service, frozenset())
        standing.rendered = steering, setup.options.render(steering, without)
    return standing.rendered[1]


def _conflict(conflict: Conflict, setup: WriterSetup) -> Trouble:
    records = sorted({f"{record.name} {record.type}" for record in conflict.records})
    names = ", ".join(records) or f"{marker_name(conflict.service)} TXT"
    if conflict.fence:
        text = f"written under a later lease, {conflict.fence}: {names}"
        remedy = "see which other controller of this installation publishes it"
        if conflict.service in setup.services:
            remedy = f"{remedy}; if none does, run {adoption(conflict.service, setup.provider, conflict.owner)}"
        return Trouble(text, remedy, elsewhere=True)
    owner = f"belong to {conflict.owner}" if conflict.owner else "belong to nobody that is known"
    remedy = f"remove them, or run {adoption(conflict.service, setup.provider, conflict.owner)}"
    text = f"record sets in the way {owner}: {names}"
    return Trouble(text, remedy, elsewhere=True, unmarked=not conflict.owner)


def adoption(service: ServiceName, provider: str, owner: str) -> str:
    """The command that makes the record sets of a service ours that are those of ``owner``; empty: of nobody."""
    former = f" --from {quote(owner)}" if owner else ""
    return f"gslb adopt CONFIG {quote(service.removesuffix('.'))} --provider {quote(provider)}{former}"


def _guarded(
    setup: WriterSetup,
    plan: ZonePlan,
    owned: int,
    standings: Mapping[ServiceName, Standing],
    troubles: dict[ServiceName, Trouble],
) -> ZonePlan:
    answered = {change.service for change in plan.changes if _answers(standings[change.service])}
    guarded, refusals = guard(plan, answered, owned, setup.limits)
    for refusal in refusals:
        for service in refusal.services:
            troubles[service] = Trouble(f"refused ({refusal.rule}): {refusal.text}", _REMEDIES[refusal.rule.value])
    return guarded


_REMEDIES = {
    "never-empty": "this is a fault of the provider's plug-in; see what gslb explain says of the service",
    "all-zero": "this is a fault of the provider's plug-in; see what gslb explain says of the service",
    "root-ns": "no service can take the place of the zone's own record sets",
    "deletes": "look at gslb plan, and raise the limit if they are to go",
}


def _answers(standing: Standing) -> bool:
    """Whether something is to be answered for a service."""
    return standing.wanted is not None and any(rule.groups for rule in standing.wanted.steering.rules)


def _is_good(setup: WriterSetup, change: Change, troubles: dict[ServiceName, Trouble]) -> bool:
    """Whether the provider could take ``change`` by itself."""
    size, characters = capacity(setup)
    if change.size > size or change.characters > characters:
        text = f"{change.size} records with {change.characters} characters are too many for a request"
        troubles[change.service] = Trouble(text, "publish fewer groups or areas")
        return False
    try:
        refused = setup.options.problems(change.after)
    except Exception as error:  # noqa: BLE001  as above
        text = f"{setup.provider} cannot judge it: {type(error).__name__}: {error}"
        troubles[change.service] = Trouble(text, error=error)
        return False
    if refused:
        troubles[change.service] = Trouble("; ".join(refused))
    return not refused


def capacity(setup: WriterSetup) -> tuple[int, int]:
    """Record sets, and characters of values, that a request takes."""
    told = setup.options.capabilities
    return told.batch_size or MOST, told.batch_characters or MOST


def _lane(standing: Standing, change: Change) -> Lane:
    """By steerings where those are known, else by records."""
    if standing.there is not None or standing.removing:
        return standing.lane
    return LANES[urgency_of_change(change)]

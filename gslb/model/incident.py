"""Incidents: what belongs together of all that is written down.

An incident begins
    - when the health of an endpoint changes from up to anything else, or
    - when somebody orders something (not what gslb does by itself, nor what it refuses), or
    - when an order is lifted that belongs to no incident.

What comes later joins the newest incident that waits for it, however much later:
    - the return of an endpoint that is not up, and every word on an order in force,
    - confirmations and first answers of a generation that one of its decisions made,
    - the end of exposure of an endpoint that one of its decisions took out of the answers, and the recovery,
    - the end of drift, or of a trouble at an API provider, whose beginning it has.
Everything else joins the newest open incident that it shares a service or an endpoint with, or else the newest one that
is over, if the last entry of that incident is no more than ten minutes old. An order for a region, or a glob, shares
endpoints with whatever it covers. What is wrong with a zone as a whole at an API provider shares all services of the
zone. A vantage point's doubt joins where its votes are, and lost records join whatever is newest.

What would begin an incident joins an open one that way too, and makes one of several that it shares something with: so
failures of several endpoints or services are one incident if they share a service. What joins nothing is in none.

An incident is over as soon as all of its endpoints are up and none of its orders is in force, or else with its last
entry, once ten minutes have passed without another one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from gslb.model.combine import Health
from gslb.model.incident_scope import Scope, moved, scope_of
from gslb.model.names import EndpointName, ServiceName
from gslb.model.override import Kind
from gslb.model.record import (
    AnswerRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    ExposureRecord,
    HistoryRecord,
    OrderRecord,
    ProviderRecord,
    PublicationRecord,
    RecoveryRecord,
    TransitionRecord,
)

QUIET = timedelta(minutes=10)
"""An incident that nothing is added to for that long takes nothing but what it waits for."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_ORDERED = frozenset(kind.value for kind in Kind)
_ENDED = frozenset({"lifted", "expired"})
_Trouble = tuple[str, bool, str]
"""Where, whether it is drift, and of which service: empty for all of the zone, and for drift, which ends for all."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Records that should stand here could not be kept: so many."""

    at_utc: datetime
    records: int


Record = HistoryRecord | Lost


@dataclass(frozen=True, slots=True)
class Entry:
    """What has happened, with its number in the order in which it was written down."""

    sequence: int
    record: Record


@dataclass(frozen=True, slots=True)
class Incident:
    """What belongs together.

    Attributes:
        title: what it began with: ``istanbul/127.0.1.1:8080 down``.
        began_utc: start of the first failed attempt behind its first entry, or the time of that.
        ended_utc: None: still open.
        endpoints: whose health changed, or who left the answers. In the order in which they did.
        services: whose answers it was about, likewise.
        entries: in the order in which they were written down.
        recovery: the one that took longest.
    """

    title: str
    began_utc: datetime
    ended_utc: datetime | None
    endpoints: tuple[EndpointName, ...]
    services: tuple[ServiceName, ...]
    entries: tuple[Entry, ...]
    recovery: RecoveryRecord | None


def incidents(entries: Iterable[Entry], now_utc: datetime | None = None) -> tuple[Incident, ...]:
    """The incidents in ``entries``, by their beginning; see above for the rule.

    Args:
        entries: in the order in which they were written down.
        now_utc: when it is asked, to tell what is open from what is over; None: with the last entry.
    """
    active: list[_Case] = []
    settled: list[_Case] = []
    newest: datetime | None = None
    for entry in entries:
        at = entry.record.at_utc
        newest = at if newest is None else max(newest, at)
        settled += [case for case in active if case.settled(at)]
        active = [case for case in active if not case.settled(at)]
        _join(active, entry)
    cases = sorted([*settled, *active], key=lambda case: case.entries[0].sequence)
    moment = now_utc or newest
    return tuple(case.incident(moment) for case in cases if moment is not None)


def _begins(record: Record) -> bool:
    match record:
        case TransitionRecord():
            return record.before is Health.UP and record.after is not Health.UP
        case OrderRecord():
            return record.action in _ORDERED
    return False


def _is_lifted(record: Record) -> bool:
    return isinstance(record, OrderRecord) and record.action == "lifted"


def _join(active: list["_Case"], entry: Entry) -> None:
    """Put ``entry`` where it belongs: into an incident of ``active``, into a new one, or nowhere."""
    scope, begins = scope_of(entry.record), _begins(entry.record)
    waiting = [case for case in reversed(active) if case.awaits(entry.record)]
    near = [case for case in reversed(active) if case.is_near(entry.record, scope)]
    unresolved = [case for case in near if case.well_utc is None]
    joined = [*waiting[:1], *unresolved] if begins else [*waiting, *unresolved, *near][:1]
    if not joined and (begins or _is_lifted(entry.record)):
        joined = [_Case(entry.record.at_utc)]
        active += joined
    if joined:
        _united(active, joined).add(entry, scope)


def _united(active: list["_Case"], joined: list["_Case"]) -> "_Case":
    """The oldest of ``joined``, which has taken in the others."""
    first, *others = (case for case in active if case in joined)
    for other in others:
        first.take(other)
        active.remove(other)
    return first


@dataclass(slots=True, eq=False)
class _Case:
    """An incident in the making.

    Attributes:
        last: time of its newest entry.
        well_utc: since when nothing is wrong any more; None while something is.
        health: of its endpoints.
        orders: target and service of those in force.
        exposed: who has left the answers of which service, and may still be held.
        generations: that its decisions made, with the service.
        vantages: that had a vote.
        troubles: at API providers, that have begun and not ended.
    """

    last: datetime
    entries: list[Entry] = field(default_factory=list)
    scope: Scope = field(default_factory=Scope)
    well_utc: datetime | None = None
    health: dict[EndpointName, Health] = field(default_factory=dict)
    orders: set[tuple[str, str | None]] = field(default_factory=set)
    exposed: set[tuple[ServiceName, EndpointName]] = field(default_factory=set)
    generations: set[tuple[int, ServiceName]] = field(default_factory=set)
    vantages: set[str] = field(default_factory=set)
    troubles: set[_Trouble] = field(default_factory=set)

    def awaits(self, record: Record) -> bool:
        match record:
            case TransitionRecord():
                return self.health.get(record.endpoint, Health.UP) is not Health.UP
            case OrderRecord():
                return (record.target, record.service) in self.orders
            case PublicationRecord():
                return any((record.generation, service) in self.generations for service in record.services)
            case AnswerRecord():
                return (record.generation, record.service) in self.generations
            case ExposureRecord():
                return (record.service, record.endpoint) in self.exposed
            case RecoveryRecord():
                return any((record.service, endpoint) in self.exposed for endpoint in record.endpoints)
            case ProviderRecord():
                return record.over and not self.troubles.isdisjoint(_troubles(record))
        return False

    def is_near(self, record: Record, scope: Scope) -> bool:
        if record.at_utc - self.last > QUIET:
            return False
        match record:
            case DoubtRecord():
                return record.vantage in self.vantages
            case Lost():
                return True
        return self.scope.shares(scope)

    def settled(self, now_utc: datetime) -> bool:
        """Whether nothing can join it any more, but for what a generation of long ago brings."""
        return self.well_utc is not None and not self.exposed and now_utc - self.last > QUIET

    def add(self, entry: Entry, scope: Scope) -> None:
        record = entry.record
        self.entries.append(entry)
        self.last = max(self.last, record.at_utc)
        self._note(record, scope)
        if self.orders or any(health is not Health.UP for health in self.health.values()):
            self.well_utc = None
        elif self.well_utc is None:
            self.well_utc = record.at_utc

    def _note(self, record: Record, scope: Scope) -> None:
        match record:
            case TransitionRecord():
                self.scope |= scope
                self.health[record.endpoint] = record.after
                self.vantages |= {vote.key.vantage for vote in record.votes}
                self.vantages |= {evidence.key.vantage for evidence in record.evidence}
            case OrderRecord():
                self.scope |= scope
                key = (record.target, record.service)
                self.orders |= {key} if record.action in _ORDERED else set()
                self.orders -= {key} if record.action in _ENDED else set()
            case DecisionRecord():
                self.scope |= Scope(scope.services)
                self.generations.add((record.generation, record.service))
                gone, come = moved(record)
                self.exposed |= {(record.service, endpoint) for endpoint in gone}
                self.exposed -= {(record.service, endpoint) for endpoint in come}
            case ExposureRecord():
                self.exposed.discard((record.service, record.endpoint))
            case ProviderRecord():
                self.troubles -= _troubles(record)
                self.troubles |= set() if record.over else _troubles(record)

    def take(self, other: "_Case") -> None:
        """Make one of both; ``other`` is the later one."""
        self.entries = sorted([*self.entries, *other.entries], key=attrgetter("sequence"))
        self.scope |= other.scope
        self.last = max(self.last, other.last)
        self.health |= other.health
        self.orders |= other.orders
        self.exposed |= other.exposed
        self.generations |= other.generations
        self.vantages |= other.vantages
        self.troubles |= other.troubles

    def incident(self, now_utc: datetime) -> Incident:
        over = self.well_utc or (self.last if now_utc - self.last > QUIET else None)
        records = [entry.record for entry in self.entries]
        recoveries = [record for record in records if isinstance(record, RecoveryRecord)]
        return Incident(
            _title(records),
            _began(records[0]),
            over,
            tuple(dict.fromkeys(name for record in records for name in _endpoints(record))),
            tuple(dict.fromkeys(name for record in records for name in _services(record))),
            tuple(self.entries),
            max(recoveries, key=attrgetter("achieved"), default=None),
        )


def _troubles(record: ProviderRecord) -> set[_Trouble]:
    services = () if record.drift else record.services
    return {(record.place, record.drift, service) for service in services or ("",)}


def _title(records: list[Record]) -> str:
    """What the first one says, and how many more endpoints failed."""
    match records[0]:
        case TransitionRecord() as first:
            failed = {r.endpoint for r in records if isinstance(r, TransitionRecord) and _begins(r)}
            more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
            return f"{first.endpoint}{more} {first.after}"
        case OrderRecord() as first:
            return f"{first.target} {first.action} by {first.author}"
    raise AssertionError(records[0])  # nothing else begins one


def _began(record: Record) -> datetime:
    if not isinstance(record, TransitionRecord):
        return record.at_utc
    fine = {evidence.key: evidence.at_utc for evidence in record.evidence if evidence.observation.ok}
    return min((e.at_utc for e in record.evidence if e.at_utc > fine.get(e.key, _NEVER)), default=record.at_utc)


def _endpoints(record: Record) -> Iterable[EndpointName]:
    match record:
        case TransitionRecord() | ExposureRecord():
            return (record.endpoint,)
        case RecoveryRecord():
            return record.endpoints
        case DecisionRecord():
            return sorted(moved(record)[0])
    return ()


def _services(record: Record) -> Iterable[ServiceName]:
    match record:
        case TransitionRecord():
            return record.services
        case DecisionRecord() | ExposureRecord() | RecoveryRecord() | EscalationRecord():
            return (record.service,)
    return ()

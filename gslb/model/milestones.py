"""When an incident came how far: what the headline of a post-mortem says."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from gslb.model.combine import Health
from gslb.model.incident import Incident, Record
from gslb.model.record import AnswerRecord, DecisionRecord, ExposureRecord, PublicationRecord, TransitionRecord


@dataclass(frozen=True, slots=True)
class Milestones:
    """When what happened first; None where it has not, or is not known.

    Attributes:
        began_utc: start of the first failed attempt, or the first order.
        detected_utc: the first endpoint was no longer up.
        decided_utc: the first answers changed.
        published_utc: every provider that has confirmed that decision, or a later one for its service, had done so.
        answered_utc: a nameserver gave the first answer by it.
        exposed_until_utc: the last one of those that have left the answers was in no resolver's cache any more.
        ended_utc: the incident was over.
    """

    began_utc: datetime
    detected_utc: datetime | None
    decided_utc: datetime | None
    published_utc: datetime | None
    answered_utc: datetime | None
    exposed_until_utc: datetime | None
    ended_utc: datetime | None


def milestones(incident: Incident) -> Milestones:
    """When ``incident`` came how far."""
    records = [entry.record for entry in incident.entries]
    detected = (r.at_utc for r in records if isinstance(r, TransitionRecord) and r.after is not Health.UP)
    first = next((record for record in records if isinstance(record, DecisionRecord)), None)
    exposures = (record.at_utc for record in records if isinstance(record, ExposureRecord))
    return Milestones(
        incident.began_utc,
        next(detected, None),
        first.at_utc if first else None,
        max(_confirmed(records, first), default=None) if first else None,
        next(_answered(records, first), None) if first else None,
        max(exposures, default=None),
        incident.ended_utc,
    )


def _confirmed(records: list[Record], decision: DecisionRecord) -> Collection[datetime]:
    """When each provider confirmed ``decision``, or a later one for its service.

    One for another service says nothing: at an API provider a later one may be confirmed before.
    """
    first: dict[str, datetime] = {}
    publications = (record for record in records if isinstance(record, PublicationRecord))
    for record in publications:
        if decision.service in record.services and record.generation >= decision.generation:
            first.setdefault(record.provider, record.at_utc)
    return first.values()


def _answered(records: list[Record], decision: DecisionRecord) -> Iterator[datetime]:
    answers = (record for record in records if isinstance(record, AnswerRecord))
    for record in answers:
        if record.service == decision.service and record.generation >= decision.generation:
            yield record.at_utc

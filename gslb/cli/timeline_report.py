"""Renders incidents: as text for a terminal, as Markdown for a ticket, and as plain data for JSON.

Words from outside, such as what an endpoint answered, reach neither the terminal nor the ticket as they came: what is
not printable is shown by its code, and what would be markup is escaped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from gslb.cli.words import markdown, printable
from gslb.model.distribution import distribution
from gslb.model.duration import format_duration
from gslb.model.incident import Entry, Incident, Lost, Record
from gslb.model.milestones import Milestones, milestones
from gslb.model.observation import Observation
from gslb.model.record import (
    AnswerRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    Evidence,
    ExposureRecord,
    OrderRecord,
    ProviderRecord,
    PublicationRecord,
    RecoveryRecord,
    TransitionRecord,
    Vote,
)
from gslb.model.steering import Rule, Steering
from gslb.store.timeline_line import NAMES

_STYLES = {"transition": "bold red", "decision": "bold", "probe": "dim", "vote": "dim", "lost": "yellow"}
_EVIDENCE = 8
"""Most probe results that are shown of one transition, the newest ones. JSON has all."""
_NONE = "nothing in this time"


@dataclass(frozen=True, slots=True)
class Row:
    """One line about an incident."""

    at_utc: datetime
    kind: str
    text: str


def text_report(found: Iterable[Incident]) -> RenderableType:
    """For people: each incident with a headline, then line by line with the time here and that since its beginning."""
    parts = [Group(*_incident_lines(incident)) for incident in found]
    return Group(*(line for part in parts for line in (part, Text()))) if parts else Text(_NONE)


def _incident_lines(incident: Incident) -> Iterator[Text]:
    began = incident.began_utc
    yield Text(printable(incident.title), "bold")
    yield Text(f"  {_date(began)} {clock(began)}, {_duration(incident)}")
    for name, words in (("services", _services(incident)), ("endpoints", incident.endpoints)):
        if words:
            yield Text(f"  {name} {printable(', '.join(words))}")
    if incident.recovery is not None:
        yield Text(f"  recovery {_recovery(incident.recovery)}", "bold")
    for row in rows(incident):
        yield Text(
            f"  {clock(row.at_utc, began)} {offset(row.at_utc, began):>10}  {row.kind:<11} {row.text}",
            _STYLES.get(row.kind, ""),
        )


def markdown_report(found: Iterable[Incident]) -> str:
    """For a ticket: each incident with a headline, a table of its milestones, and one of its entries."""
    return "\n".join(line for incident in found for line in _markdown_lines(incident)) or _NONE


def _markdown_lines(incident: Incident) -> Iterator[str]:
    began = incident.began_utc
    yield f"## {markdown(incident.title)}"
    yield ""
    yield f"{_date(began)}, {_duration(incident)}. Times are {began.astimezone():%Z} (UTC{began.astimezone():%z})."
    for name, words in (("Services", _services(incident)), ("Endpoints", incident.endpoints)):
        if words:
            yield f"{name}: {markdown(', '.join(words))}."
    yield from ("", "| | time | after |", "| --- | --- | --- |")
    for name, moment in _summary(milestones(incident)):
        yield f"| {name} | {clock(moment, began)} | {offset(moment, began)} |" if moment else f"| {name} | - | - |"
    if incident.recovery is not None:
        yield f"| achieved vs predicted | | {_recovery(incident.recovery)} |"
    yield from ("", "| time | after | what | |", "| --- | --- | --- | --- |")
    for row in rows(incident):
        yield f"| {clock(row.at_utc, began)} | {offset(row.at_utc, began)} | {row.kind} | {markdown(row.text)} |"
    yield ""


def _summary(found: Milestones) -> tuple[tuple[str, datetime | None], ...]:
    return (
        ("began", found.began_utc),
        ("detected", found.detected_utc),
        ("decided", found.decided_utc),
        ("published", found.published_utc),
        ("first changed answer", found.answered_utc),
        ("exposure ended", found.exposed_until_utc),
        ("over", found.ended_utc),
    )


def json_view(found: Iterable[Incident]) -> list[dict[str, Any]]:
    """As plain data: everything that is known."""
    return [_view(incident) for incident in found]


def _view(incident: Incident) -> dict[str, Any]:
    plain = msgspec.to_builtins(incident)
    return {
        **{key: plain[key] for key in ("title", "began_utc", "ended_utc", "endpoints", "services", "recovery")},
        "milestones": msgspec.to_builtins(milestones(incident)),
        "entries": [_entry_view(entry) for entry in incident.entries],
    }


def _entry_view(entry: Entry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "kind": NAMES[type(entry.record)],
        "record": msgspec.to_builtins(entry.record),
    }


def rows(incident: Incident) -> list[Row]:
    """Everything about ``incident``, line by line, in the order in which it happened. Printable, without any markup."""
    found = [row for entry in incident.entries for row in _rows(entry.record)]
    found.sort(key=lambda row: row.at_utc)
    return [Row(row.at_utc, row.kind, printable(row.text)) for row in found]


def _rows(record: Record) -> Iterator[Row]:
    at = record.at_utc
    match record:
        case TransitionRecord():
            for evidence in record.evidence[-_EVIDENCE:]:
                yield Row(evidence.at_utc, "probe", _evidence(evidence))
            for vantage in dict.fromkeys(vote.key.vantage for vote in record.votes):
                yield Row(at, "vote", f"{vantage}: {_votes(v for v in record.votes if v.key.vantage == vantage)}")
            yield Row(at, "transition", f"{record.endpoint} {record.before} -> {record.after}")
        case DecisionRecord():
            yield from _decision(record)
        case _:
            yield Row(at, NAMES[type(record)], _words(record))


def _decision(record: DecisionRecord) -> Iterator[Row]:
    trouble = "" if record.good else "; no endpoint is fit"
    text = f"{_plain(record.service)} generation {record.generation}: {record.trigger}{trouble}"
    yield Row(record.at_utc, "decision", text)
    yield Row(record.at_utc, "before", _answers(record.before))
    yield Row(record.at_utc, "after", _answers(record.after))


def _words(record: Record) -> str:
    match record:
        case PublicationRecord():
            services = ", ".join(map(_plain, record.services))
            text = f"{services} generation {record.generation} by {record.provider} after {record.seconds:.3f}s"
        case AnswerRecord():
            text = f"{_plain(record.service)} generation {record.generation} first answered by {record.nameserver}"
        case ExposureRecord():
            text = f"no resolver holds an answer of {_plain(record.service)} with {record.endpoint} any more"
        case RecoveryRecord():
            text = f"{_plain(record.service)}: {_recovery(record)}"
        case EscalationRecord():
            where = f"{_plain(record.service)} {record.region}"
            text = f"{record.escalation} {record.stage} for {where} {record.outcome}: {record.detail}"
        case ProviderRecord():
            text = f"{record.place}: {record.text}"
        case OrderRecord():
            text = _order(record)
        case DoubtRecord():
            words = f"doubts itself: {record.reason}" if record.reason else "trusts itself again"
            text = f"vantage point {record.vantage} {words}"
        case Lost():
            text = f"{record.records} records are missing here"
        case _:
            raise AssertionError(record)
    return text


def _order(record: OrderRecord) -> str:
    value = f" {record.value}" if record.value is not None else ""
    service = f" for {_plain(record.service)}" if record.service else ""
    until = f", until {_date(record.expires_utc)} {clock(record.expires_utc)}" if record.expires_utc else ""
    forced = f", forced past {', '.join(record.forced)}" if record.forced else ""
    return f"{record.action}{value} {record.target}{service} by {record.author}: {record.reason}{until}{forced}"


def _evidence(evidence: Evidence) -> str:
    key = evidence.key
    return f"{key.probe} {key.target} from {key.vantage}: {_outcome(evidence.observation)}"


def _outcome(seen: Observation) -> str:
    detail = f" {seen.detail}" if seen.detail else ""
    return f"{'ok' if seen.ok else seen.cause or 'failed'}{detail}, {seen.latency * 1000:.1f} ms"


def _votes(votes: Iterable[Vote]) -> str:
    said = (f"{vote.key.probe} {vote.condition}{'' if vote.counts else ' (does not count)'}" for vote in votes)
    return ", ".join(said)


def _answers(steering: Steering | None) -> str:
    if steering is None:
        return "nothing"
    rules = "; ".join(_rule(steering, rule) for rule in steering.rules)
    return f"{rules}, TTL {steering.ttl}s"


def _rule(steering: Steering, rule: Rule) -> str:
    whom = f"{rule.match or 'others'}: " if len(steering.rules) > 1 else ""
    odds = [pair for kind in steering.types for pair in distribution(steering, kind, rule=rule).items()]
    return whom + (", ".join(f"{value} {float(share):.0%}" for value, share in odds) or rule.no_answer.upper())


def _recovery(record: RecoveryRecord) -> str:
    predicted = "no prediction" if record.predicted is None else f"predicted {_seconds(record.predicted)}"
    return f"achieved {_seconds(record.achieved)}, {predicted}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}s"


def _services(incident: Incident) -> list[str]:
    return [_plain(service) for service in incident.services]


def _plain(service: str) -> str:
    return service.removesuffix(".")


def _duration(incident: Incident) -> str:
    if incident.ended_utc is None:
        return "still open"
    return f"over after {format_duration((incident.ended_utc - incident.began_utc).total_seconds())}"


def _date(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d}"


def clock(moment: datetime, began: datetime | None = None) -> str:
    """Local time to the millisecond; with the date where that is not the one of ``began``."""
    local = moment.astimezone()
    day = "" if began is None or local.date() == began.astimezone().date() else f"{local:%Y-%m-%d} "
    return f"{day}{local:%H:%M:%S}.{local.microsecond // 1000:03d}"


def offset(moment: datetime, began: datetime) -> str:
    """Seconds from ``began`` to the millisecond: ``+0.153``."""
    return f"{(moment - began) / timedelta(seconds=1):+.3f}"

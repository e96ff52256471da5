"""What people are told of: records of the history that matter to somebody who is not looking, put into a line.

event        tells of                                                                    severity
transition   the health of an endpoint changed; not its first verdict                    warning, up: info
failover     an endpoint answers no more because it is not fit, or nothing is fit        warning, nothing fit: critical
refused      an order would have broken a safety rule                                    warning
doubt        a vantage point doubts itself, or trusts itself again                       warning, again: info
drained      no resolver can hold an answer with what was to be drained                  info
order        something was ordered or lifted, or ran out                                 info
frozen       nothing changes by itself any more, by order                                warning
comeback     a region waits for somebody to let it back, or did harm on its way          warning
recovery     a failover is over for all resolvers                                        info
escalation   a stage of an escalation has ended                                          warning, not done: critical
provider     something is wrong with a zone at an API provider, or is so no more         warning, over: info
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from gslb.model.branch import Reason, Verdict
from gslb.model.combine import Health
from gslb.model.duration import format_duration
from gslb.model.names import EndpointName, ServiceName
from gslb.model.record import (
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    Evidence,
    HistoryRecord,
    OrderRecord,
    ProviderRecord,
    RecoveryRecord,
    TransitionRecord,
)
from gslb.model.steering import answering

MOST_EVIDENCE = 20
"""Probe results that are told with a transition, the newest of them."""
MOST_NAMED = 3
"""Endpoints that the line of a failover names; further ones are counted."""


class EventName(StrEnum):
    """What an event tells of."""

    TRANSITION = "transition"
    FAILOVER = "failover"
    REFUSED = "refused"
    DOUBT = "doubt"
    DRAINED = "drained"
    ORDER = "order"
    FROZEN = "frozen"
    COMEBACK = "comeback"
    RECOVERY = "recovery"
    ESCALATION = "escalation"
    PROVIDER = "provider"


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The higher, the more it matters."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that people are told of.

    Attributes:
        name: what it tells of.
        at_utc: when it happened.
        severity: how much it matters.
        text: one line.
        services: whom it concerns, without the final dot, in orders also globs; empty where it is about none in
            particular.
        region: where, if it is about one.
        endpoint: which, if it is about one.
        details: plain data as JSON has it, of a shape for each name.
    """

    name: EventName
    at_utc: datetime
    severity: Severity
    text: str
    services: tuple[str, ...] = ()
    region: str | None = None
    endpoint: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def concerns(self, pattern: str) -> bool:
        """Whether it is about a service that ``pattern``, a name or a glob, stands for; about none: about all."""
        return not self.services or any(
            fnmatchcase(service, pattern) or (self._has_globs and fnmatchcase(pattern, service))
            for service in self.services
        )

    @property
    def _has_globs(self) -> bool:
        """Whether ``services`` are as in an order; in all others ``*.example.com`` is the name of a service."""
        return any(self.name is name for name, _, _ in _ORDERS.values())


def concerned(patterns: Iterable[str], services: Iterable[ServiceName]) -> tuple[ServiceName, ...]:
    """Those of ``services`` that one of ``patterns``, names without the final dot or globs, stands for."""
    wanted = tuple(patterns)
    return tuple(name for name in services if any(fnmatchcase(_plain(name), pattern) for pattern in wanted))


def event_of(record: HistoryRecord) -> Event | None:
    """What people are told of ``record``; None where that is nothing."""
    match record:
        case TransitionRecord():
            return _transition(record)
        case DecisionRecord():
            return _failover(record)
        case OrderRecord():
            return _order(record)
        case DoubtRecord():
            return _doubt(record)
        case EscalationRecord():
            return _escalation(record)
        case ProviderRecord():
            return _provider(record)
        case RecoveryRecord():
            return _recovery(record)
    return None


def _transition(record: TransitionRecord) -> Event | None:
    if record.before is Health.UNKNOWN:
        return None
    seen = next((e.observation.detail for e in reversed(record.evidence) if e.observation.detail), "")
    text = f"{record.endpoint} is {record.after}, was {record.before}{f': {seen}' if seen else ''}"
    return Event(
        EventName.TRANSITION,
        record.at_utc,
        Severity.INFO if record.after is Health.UP else Severity.WARNING,
        text,
        tuple(map(_plain, record.services)),
        _region(record.endpoint),
        record.endpoint,
        {
            "before": str(record.before),
            "after": str(record.after),
            "evidence": [_evidence(each) for each in record.evidence[-MOST_EVIDENCE:]],
        },
    )


def _evidence(evidence: Evidence) -> dict[str, Any]:
    key, seen = evidence.key, evidence.observation
    return {
        "at": evidence.at_utc.isoformat(),
        "vantage": key.vantage,
        "probe": key.probe,
        "target": key.target,
        "ok": seen.ok,
        "cause": None if seen.cause is None else str(seen.cause),
        "detail": seen.detail,
        "latency": seen.latency,
    }


def _failover(record: DecisionRecord) -> Event | None:
    if record.before is None:
        return None
    before, after = answering(record.before), answering(record.after)
    failed = _failed(record, before - after)
    if record.good and not failed:
        return None
    service = _plain(record.service)
    gone = f"{_named(list(failed))} out: {next(iter(failed.values()))}" if failed else record.trigger
    regions = {_region(name) for name in failed}
    return Event(
        EventName.FAILOVER,
        record.at_utc,
        Severity.WARNING if record.good else Severity.CRITICAL,
        f"{service}: {gone}" if record.good else f"{service}: nothing is fit to answer; {gone}",
        (service,),
        regions.pop() if len(regions) == 1 else None,
        next(iter(failed)) if len(failed) == 1 else None,
        {
            "trigger": record.trigger,
            "generation": record.generation,
            "good": record.good,
            "failed": dict(failed),
            "before": sorted(before),
            "after": sorted(after),
        },
    )


def _failed(record: DecisionRecord, gone: set[EndpointName]) -> dict[EndpointName, str]:
    """Those of ``gone`` that are not fit, and why.

    A policy that moves on from endpoints that are fit speaks of their regions.
    """
    moved = {reason.subject for reason in record.reasons if reason.verdict in (Verdict.OUT, Verdict.STANDBY)}
    return {
        EndpointName(reason.subject): reason.text
        for reason in record.reasons
        if reason.subject in gone and _is_unfit(reason) and _region(reason.subject) not in moved
    }


def _is_unfit(reason: Reason) -> bool:
    return reason.verdict is Verdict.OUT and reason.step in ("health", "min_healthy")


def _named(endpoints: list[EndpointName]) -> str:
    rest = len(endpoints) - MOST_NAMED
    return ", ".join(endpoints[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


_ORDERS = {
    "drained": (EventName.DRAINED, Severity.INFO, "is drained"),
    "refused": (EventName.REFUSED, Severity.WARNING, "was refused an order"),
    "withheld": (EventName.FROZEN, Severity.CRITICAL, "is frozen and would be answered otherwise"),
    "freeze": (EventName.FROZEN, Severity.WARNING, "is frozen"),
    "drain": (EventName.ORDER, Severity.INFO, "is to be drained"),
    "out": (EventName.ORDER, Severity.INFO, "is forced out"),
    "up": (EventName.ORDER, Severity.INFO, "is forced up"),
    "weight": (EventName.ORDER, Severity.INFO, "has its weight by order"),
    "ttl": (EventName.ORDER, Severity.INFO, "has its TTL by order"),
    "lifted": (EventName.ORDER, Severity.INFO, "is free of an order"),
    "expired": (EventName.ORDER, Severity.INFO, "is free of an order, whose time is over"),
    "waiting": (EventName.COMEBACK, Severity.WARNING, "waits to be let back"),
    "aborted": (EventName.COMEBACK, Severity.WARNING, "did harm on its way back"),
    "withdraw": (EventName.COMEBACK, Severity.WARNING, "has lost its growing share"),
}
"""What is told of each action of an OrderRecord. The steps in between are nobody's trouble."""


def _order(record: OrderRecord) -> Event | None:
    if record.action not in _ORDERS:
        return None
    name, severity, words = _ORDERS[record.action]
    value = "" if record.value is None else f" ({record.value})"
    is_endpoint, is_service = "/" in record.target, "/" not in record.target and "." in record.target
    return Event(
        name,
        record.at_utc,
        severity,
        f"{record.target} {words}{value}: {record.reason} ({record.author})",
        _services(record, is_service=is_service),
        None if is_service else _region(record.target),
        record.target if is_endpoint else None,
        {
            "action": record.action,
            "target": record.target,
            "author": record.author,
            "reason": record.reason,
            "expires": None if record.expires_utc is None else record.expires_utc.isoformat(),
            "value": record.value,
            "forced": list(record.forced),
        },
    )


def _services(record: OrderRecord, *, is_service: bool) -> tuple[str, ...]:
    """Those that an order is about. Names of regions have no dot, those of services have one."""
    if record.service is not None:
        return (_plain(record.service),)
    return (_plain(record.target),) if is_service else ()


def _doubt(record: DoubtRecord) -> Event:
    if record.reason is None:
        severity, text = Severity.INFO, f"vantage point {record.vantage} trusts itself again"
    else:
        severity, text = Severity.WARNING, f"vantage point {record.vantage} doubts itself: {record.reason}"
    details = {"vantage": record.vantage, "reason": record.reason}
    return Event(EventName.DOUBT, record.at_utc, severity, text, details=details)


def _escalation(record: EscalationRecord) -> Event:
    service = _plain(record.service)
    text = f"{record.region} is stressed in {service}: {record.escalation}, {record.stage}: {record.outcome}"
    return Event(
        EventName.ESCALATION,
        record.at_utc,
        Severity.WARNING if record.outcome == "done" else Severity.CRITICAL,
        f"{text}: {record.detail}" if record.detail else text,
        (service,),
        record.region,
        details={
            "escalation": record.escalation,
            "stage": record.stage,
            "outcome": record.outcome,
            "detail": record.detail,
        },
    )


def _provider(record: ProviderRecord) -> Event:
    return Event(
        EventName.PROVIDER,
        record.at_utc,
        Severity.INFO if record.over else Severity.WARNING,
        f"{record.place}: {record.text}",
        tuple(map(_plain, record.services)),
        details={
            "provider": record.provider,
            "zone": _plain(record.zone),
            "drift": record.drift,
            "over": record.over,
            "text": record.text,
        },
    )


def _recovery(record: RecoveryRecord) -> Event:
    service, took = _plain(record.service), format_duration(record.achieved)
    predicted = "" if record.predicted is None else f", predicted {format_duration(record.predicted)}"
    regions = {_region(name) for name in record.endpoints}
    return Event(
        EventName.RECOVERY,
        record.at_utc,
        Severity.INFO,
        f"{service}: nobody is sent to {_named(list(record.endpoints))} any more, {took} after the fault{predicted}",
        (service,),
        regions.pop() if len(regions) == 1 else None,
        record.endpoints[0] if len(record.endpoints) == 1 else None,
        {
            "endpoints": list(record.endpoints),
            "fault": record.fault_utc.isoformat(),
            "decided": record.decided_utc.isoformat(),
            "published": record.published_utc.isoformat(),
            "achieved": record.achieved,
            "predicted": record.predicted,
        },
    )


def _plain(service: str) -> str:
    return service.removesuffix(".")


def _region(name: str) -> str:
    return name.partition("/")[0]

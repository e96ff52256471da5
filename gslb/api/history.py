"""History over the API: each record as plain data, ``kind`` says which."""

from collections.abc import Callable, Mapping
from typing import Any

from gslb.api.views import View, answers_view, plain, seen_view, utc_view
from gslb.model.record import (
    AnswerRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    Evidence,
    ExposureRecord,
    HistoryRecord,
    OrderRecord,
    ProviderRecord,
    PublicationRecord,
    RecoveryRecord,
    TransitionRecord,
    Vote,
)


def history_view(record: HistoryRecord) -> View:
    """One line of history; ``kind`` says which."""
    return {"at": utc_view(record.at_utc), **_BODIES[type(record)](record)}


def _transition(record: TransitionRecord) -> View:
    return {
        "kind": "transition",
        "endpoint": record.endpoint,
        "before": record.before,
        "after": record.after,
        "services": [plain(name) for name in record.services],
        "evidence": [_evidence_view(evidence) for evidence in record.evidence],
        "votes": [_vote_view(vote) for vote in record.votes],
    }


def _decision(record: DecisionRecord) -> View:
    return {
        "kind": "decision",
        "service": plain(record.service),
        "trigger": record.trigger,
        "generation": record.generation,
        "good": record.good,
        "before": answers_view(record.before) if record.before else None,
        "after": answers_view(record.after),
        "ttl": record.after.ttl,
        "reasons": [f"{r.subject}: {r.text}" for r in record.reasons],
    }


def _publication(record: PublicationRecord) -> View:
    return {
        "kind": "publication",
        "provider": record.provider,
        "generation": record.generation,
        "services": [plain(name) for name in record.services],
        "seconds": round(record.seconds, 4),
    }


def _doubt(record: DoubtRecord) -> View:
    return {"kind": "doubt", "vantage": record.vantage, "reason": record.reason}


def _order(record: OrderRecord) -> View:
    return {
        "kind": "order",
        "action": record.action,
        "target": record.target,
        "author": record.author,
        "reason": record.reason,
        "expires": utc_view(record.expires_utc),
        "value": record.value,
        "service": record.service,
        "forced": list(record.forced),
    }


def _answer(record: AnswerRecord) -> View:
    return {
        "kind": "answer",
        "service": plain(record.service),
        "generation": record.generation,
        "nameserver": record.nameserver,
    }


def _exposure(record: ExposureRecord) -> View:
    return {"kind": "exposure", "service": plain(record.service), "endpoint": record.endpoint}


def _recovery(record: RecoveryRecord) -> View:
    return {
        "kind": "recovery",
        "service": plain(record.service),
        "endpoints": list(record.endpoints),
        "fault": utc_view(record.fault_utc),
        "decided": utc_view(record.decided_utc),
        "published": utc_view(record.published_utc),
        "achieved": round(record.achieved, 4),
        "predicted": None if record.predicted is None else round(record.predicted, 4),
    }


def _escalation(record: EscalationRecord) -> View:
    return {
        "kind": "escalation",
        "escalation": record.escalation,
        "stage": record.stage,
        "service": plain(record.service),
        "region": record.region,
        "outcome": record.outcome,
        "detail": record.detail,
    }


def _provider(record: ProviderRecord) -> View:
    return {
        "kind": "provider",
        "provider": record.provider,
        "zone": record.zone.removesuffix("."),
        "services": [plain(name) for name in record.services],
        "drift": record.drift,
        "over": record.over,
        "text": record.text,
    }


def _evidence_view(evidence: Evidence) -> View:
    return {"at": utc_view(evidence.at_utc), **seen_view(evidence.key, evidence.observation)}


def _vote_view(vote: Vote) -> View:
    return {
        "vantage": vote.key.vantage,
        "probe": vote.key.probe,
        "target": vote.key.target,
        "says": vote.condition,
        "counts": vote.counts,
    }


_BODIES: Mapping[type[HistoryRecord], Callable[[Any], View]] = {
    TransitionRecord: _transition,
    DecisionRecord: _decision,
    PublicationRecord: _publication,
    DoubtRecord: _doubt,
    OrderRecord: _order,
    AnswerRecord: _answer,
    ExposureRecord: _exposure,
    RecoveryRecord: _recovery,
    EscalationRecord: _escalation,
    ProviderRecord: _provider,
}

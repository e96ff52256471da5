"""Rows of the state database <-> model values: pure, no database needed.

Functions named ``*_row`` give the columns of a row by name and raise ValueError for a value that no database would take
(a time without zone, text that is not Unicode); functions named ``*_of`` read a row back.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Table

from gslb.model.branch import Reason
from gslb.model.combine import Health
from gslb.model.names import EndpointName, ServiceName
from gslb.model.observation import CheckKey
from gslb.model.record import (
    CheckRecord,
    DecisionRecord,
    Evidence,
    HistoryRecord,
    OrderRecord,
    OverrideRecord,
    PublicationRecord,
    TransitionRecord,
)
from gslb.model.score import Latency
from gslb.model.steering import Steering
from gslb.model.step import ProbeState
from gslb.store.tables import DecisionRow, OrderRow, PublicationRow, TransitionRow, table_of
from gslb.store.values import LastSteering, Rollup

Row = dict[str, Any]
Columns = Mapping[Any, Any]
T = TypeVar("T")

_SERVICES = msgspec.json.Decoder(tuple[ServiceName, ...])
_EVIDENCE = msgspec.json.Decoder(tuple[Evidence, ...])
_REASONS = msgspec.json.Decoder(tuple[Reason, ...])
_STEERING = msgspec.json.Decoder(Steering)
_STATE = msgspec.json.Decoder(ProbeState)
_LATENCY = msgspec.json.Decoder(Latency)
_ENCODER = msgspec.json.Encoder()


def history_row(identity: int, record: HistoryRecord) -> tuple[Table, Row]:
    """The table that ``record`` goes to, and its row there."""
    head = {"id": identity, "at_utc": record.at_utc}
    match record:
        case TransitionRecord():
            return table_of(TransitionRow), _checked(head | _transition_columns(record))
        case DecisionRecord():
            return table_of(DecisionRow), _checked(head | _decision_columns(record))
        case PublicationRecord():
            return table_of(PublicationRow), _checked(head | _publication_columns(record))
        case OrderRecord():
            return table_of(OrderRow), _checked(head | _order_columns(record))


def _transition_columns(record: TransitionRecord) -> Row:
    for evidence in record.evidence:
        _aware(evidence.at_utc)
    return {
        "endpoint": record.endpoint,
        "before": record.before.value,
        "after": record.after.value,
        "services": _json(record.services),
        "evidence": _json(record.evidence),
    }


def _transition_of(row: Columns) -> TransitionRecord:
    return TransitionRecord(
        at_utc=row["at_utc"],
        endpoint=EndpointName(row["endpoint"]),
        before=Health(row["before"]),
        after=Health(row["after"]),
        services=_SERVICES.decode(row["services"]),
        evidence=_EVIDENCE.decode(row["evidence"]),
    )


def _decision_columns(record: DecisionRecord) -> Row:
    return {
        "service": record.service,
        "trigger": record.trigger,
        "generation": record.generation,
        "before": None if record.before is None else _json(record.before),
        "after": _json(record.after),
        "reasons": _json(record.reasons),
        "good": record.good,
    }


def _decision_of(row: Columns) -> DecisionRecord:
    return DecisionRecord(
        at_utc=row["at_utc"],
        service=ServiceName(row["service"]),
        trigger=row["trigger"],
        generation=row["generation"],
        before=_optional(_STEERING, row["before"]),
        after=_STEERING.decode(row["after"]),
        reasons=_REASONS.decode(row["reasons"]),
        good=row["good"],
    )


def _publication_columns(record: PublicationRecord) -> Row:
    return {
        "provider": record.provider,
        "generation": record.generation,
        "services": _json(record.services),
        "seconds": record.seconds,
    }


def _publication_of(row: Columns) -> PublicationRecord:
    return PublicationRecord(
        row["at_utc"], row["provider"], row["generation"], _SERVICES.decode(row["services"]), row["seconds"]
    )


def _order_columns(record: OrderRecord) -> Row:
    return {
        "action": record.action,
        "target": record.target,
        "author": record.author,
        "reason": record.reason,
        "expires_utc": record.expires_utc,
    }


def _order_of(row: Columns) -> OrderRecord:
    return OrderRecord(row["at_utc"], row["action"], row["target"], row["author"], row["reason"], row["expires_utc"])


HISTORY: tuple[tuple[Table, Callable[[Columns], HistoryRecord]], ...] = (
    (table_of(TransitionRow), _transition_of),
    (table_of(DecisionRow), _decision_of),
    (table_of(PublicationRow), _publication_of),
    (table_of(OrderRow), _order_of),
)
"""Every table of history, and how to read its rows."""


def check_row(record: CheckRecord) -> Row:
    """Row of the table check_state."""
    return _checked(
        _key_columns(record.key)
        | {
            "state": _json(record.state),
            "latency": None if record.latency is None else _json(record.latency),
            "saved_utc": record.saved_utc,
            "saved_at": record.saved_at,
        }
    )


def check_of(row: Columns) -> CheckRecord:
    """The record in a row of check_state."""
    return CheckRecord(
        key=CheckKey(row["vantage"], row["probe"], row["target"]),
        state=_STATE.decode(row["state"]),
        latency=_optional(_LATENCY, row["latency"]),
        saved_utc=row["saved_utc"],
        saved_at=row["saved_at"],
    )


def override_row(record: OverrideRecord) -> Row:
    """Row of the table override_state."""
    return _checked(
        {
            "target": record.target,
            "author": record.author,
            "reason": record.reason,
            "created_utc": record.created_utc,
            "expires_utc": record.expires_utc,
        }
    )


def override_of(row: Columns) -> OverrideRecord:
    """The record in a row of override_state."""
    return OverrideRecord(row["target"], row["author"], row["reason"], row["created_utc"], row["expires_utc"])


def steering_row(last: LastSteering) -> Row:
    """Row of the table last_steering."""
    return _checked(
        {
            "service": last.service,
            "newest": _json(last.newest),
            "newest_utc": last.newest_utc,
            "good": None if last.good is None else _json(last.good),
            "good_utc": last.good_utc,
        }
    )


def steering_of_row(row: Columns) -> LastSteering:
    """The value in a row of last_steering."""
    return LastSteering(
        service=ServiceName(row["service"]),
        newest=_STEERING.decode(row["newest"]),
        newest_utc=row["newest_utc"],
        good=_optional(_STEERING, row["good"]),
        good_utc=row["good_utc"],
    )


def rollup_row(rollup: Rollup) -> Row:
    """Row of the table rollup."""
    return _checked(
        _key_columns(rollup.key)
        | {
            "minute_utc": rollup.minute_utc,
            "count": rollup.count,
            "failures": rollup.failures,
            "latency_sum": rollup.latency_sum,
            "latency_max": rollup.latency_max,
        }
    )


def _key_columns(key: CheckKey) -> Row:
    return {"vantage": key.vantage, "probe": key.probe, "target": key.target}


def _checked(row: Row) -> Row:
    """``row``, sure to be taken: one bad value would hold up every other row of its batch, for ever."""
    for value in row.values():
        if isinstance(value, datetime):
            _aware(value)
    _ENCODER.encode(row)
    return row


def _aware(at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")


def _json(value: object) -> str:
    return _ENCODER.encode(value).decode()


def _optional(decoder: msgspec.json.Decoder[T], text: str | None) -> T | None:
    return None if text is None else decoder.decode(text)

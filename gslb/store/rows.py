"""Rows of the state database <-> model values: pure, no database needed.

A column has the name of the field that it holds, and structured fields are JSON text; only a CheckKey is spread over
three columns, which a table can be keyed and searched by.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache
from math import isnan
from typing import Any, TypeVar, get_type_hints

import msgspec
from sqlalchemy import Table

from gslb.model.observation import CheckKey
from gslb.model.record import (
    AnswerRecord,
    CheckRecord,
    ComebackRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    ExposureRecord,
    ExposureStateRecord,
    HistoryRecord,
    OrderRecord,
    OverrideRecord,
    ProviderRecord,
    PublicationRecord,
    RampRecord,
    RecoveryRecord,
    SerialRecord,
    TransitionRecord,
)
from gslb.store import tables
from gslb.store.tables import table_of
from gslb.store.values import LastSteering, Rollup

Row = dict[str, Any]
Columns = Mapping[Any, Any]
T = TypeVar("T")

HISTORY: Mapping[type[HistoryRecord], Table] = {
    TransitionRecord: table_of(tables.TransitionRow),
    DecisionRecord: table_of(tables.DecisionRow),
    PublicationRecord: table_of(tables.PublicationRow),
    AnswerRecord: table_of(tables.AnswerRow),
    ExposureRecord: table_of(tables.ExposureRow),
    RecoveryRecord: table_of(tables.RecoveryRow),
    OrderRecord: table_of(tables.OverrideEventRow),
    DoubtRecord: table_of(tables.DoubtRow),
    EscalationRecord: table_of(tables.EscalationRow),
    ProviderRecord: table_of(tables.ProviderRow),
}
"""The table of each kind of history."""
STATES: Mapping[type[Any], Table] = {
    CheckRecord: table_of(tables.CheckRow),
    ExposureStateRecord: table_of(tables.ExposureStateRow),
    LastSteering: table_of(tables.SteeringRow),
    OverrideRecord: table_of(tables.OverrideRow),
    RampRecord: table_of(tables.RampRow),
    ComebackRecord: table_of(tables.ComebackRow),
    SerialRecord: table_of(tables.SerialRow),
    Rollup: table_of(tables.RollupRow),
}
"""The table of each kind of state, and of rollups."""

_INTEGERS = 2**63
_KEY = tuple(field.name for field in fields(CheckKey))
_ENCODER = msgspec.json.Encoder()
_STRUCTURED = (msgspec.inspect.DataclassType, msgspec.inspect.StructType, msgspec.inspect.VarTupleType)


def history_row(identity: int, record: HistoryRecord) -> tuple[Table, Row]:
    """The table that ``record`` goes to, and its row there; raises as ``row_of`` does."""
    if isinstance(record, TransitionRecord):
        for evidence in record.evidence:
            _aware(evidence.at_utc)
    return HISTORY[type(record)], {"id": identity} | row_of(record)


def row_of(value: Any) -> Row:
    """The columns of a dataclass by name.

    Raises:
        ValueError: what no database would take, and would hold up every other row of its batch: a time without zone,
            text that is not Unicode, a float that is no number, an integer of more than 64 bits.
    """
    row: Row = {}
    for field in fields(value):
        content = getattr(value, field.name)
        if isinstance(content, CheckKey):
            row |= {name: getattr(content, name) for name in _KEY}
        elif content is None or isinstance(content, str | int | float | datetime):
            row[field.name] = content
        else:
            row[field.name] = _ENCODER.encode(content).decode()
    for content in row.values():
        _check(content)
    _ENCODER.encode(row)
    return row


def _check(content: object) -> None:
    if isinstance(content, datetime):
        _aware(content)
    elif isinstance(content, float) and isnan(content):
        raise ValueError("not a number")
    elif isinstance(content, int) and not -_INTEGERS <= content < _INTEGERS:
        raise ValueError(f"{content} has more than 64 bits")


def value_of(kind: type[T], row: Columns) -> T:
    """The ``kind`` that ``row_of`` made the row of.

    Raises:
        MsgspecError: the row has another form.
    """
    found = {}
    for name, (hint, decoder) in _readers(kind).items():  # type: ignore[arg-type]  # mypy takes no type[T] for hashable
        if hint is CheckKey:
            found[name] = CheckKey(*(row[part] for part in _KEY))
        else:
            content = row[name]
            found[name] = decoder.decode(content) if decoder and content is not None else msgspec.convert(content, hint)
    return kind(**found)


@cache
def _readers(kind: type[Any]) -> dict[str, tuple[Any, msgspec.json.Decoder[Any] | None]]:
    hints = get_type_hints(kind)
    return {name: (hint, msgspec.json.Decoder(hint) if _structured(hint) else None) for name, hint in hints.items()}


def _structured(hint: Any) -> bool:
    """Whether a field of this type is JSON text in its column."""
    schema = msgspec.inspect.type_info(hint)
    kinds = schema.types if isinstance(schema, msgspec.inspect.UnionType) else (schema,)
    return any(isinstance(kind, _STRUCTURED) for kind in kinds)


def _aware(at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")

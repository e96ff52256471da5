"""The tables of the state database. How rows become model values is in :mod:`gslb.store.rows`.

Structured parts are JSON text in the form msgspec gives the model's dataclasses. The ``id`` of a history row is made by
its writer and grows from record to record in all history tables together, whatever the wall clock does: it is the order
of the history, and a row written twice after a doubtful commit stays one.
A change here needs a new revision in migrations/versions/ and HEAD in :mod:`gslb.store.migrate`.
"""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Table, Text, TypeDecorator
from sqlmodel import Field, SQLModel


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC, since SQLite forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the port
        """``value``, which is aware, in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the port
        """``value`` as an aware time in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class TransitionRow(SQLModel, table=True):
    """One ``TransitionRecord``."""

    __tablename__ = "transition"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    endpoint: str = Field(sa_type=Text)
    before: str = Field(sa_type=Text)
    after: str = Field(sa_type=Text)
    services: str = Field(sa_type=Text)
    evidence: str = Field(sa_type=Text)
    votes: str = Field(sa_type=Text)


class DecisionRow(SQLModel, table=True):
    """One ``DecisionRecord``."""

    __tablename__ = "decision"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    service: str = Field(sa_type=Text)
    trigger: str = Field(sa_type=Text)
    generation: int = Field(sa_type=BigInteger)
    before: str | None = Field(sa_type=Text)
    after: str = Field(sa_type=Text)
    reasons: str = Field(sa_type=Text)
    good: bool


class PublicationRow(SQLModel, table=True):
    """One ``PublicationRecord``."""

    __tablename__ = "publication"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    provider: str = Field(sa_type=Text)
    generation: int = Field(sa_type=BigInteger)
    services: str = Field(sa_type=Text)
    seconds: float


class AnswerRow(SQLModel, table=True):
    """One ``AnswerRecord``."""

    __tablename__ = "answer"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    service: str = Field(sa_type=Text)
    generation: int = Field(sa_type=BigInteger)
    nameserver: str = Field(sa_type=Text)


class ExposureRow(SQLModel, table=True):
    """One ``ExposureRecord``."""

    __tablename__ = "exposure"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    service: str = Field(sa_type=Text)
    endpoint: str = Field(sa_type=Text)


class RecoveryRow(SQLModel, table=True):
    """One ``RecoveryRecord``."""

    __tablename__ = "recovery"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    service: str = Field(sa_type=Text)
    endpoints: str = Field(sa_type=Text)
    fault_utc: datetime = Field(sa_type=UtcTime)
    decided_utc: datetime = Field(sa_type=UtcTime)
    published_utc: datetime = Field(sa_type=UtcTime)
    achieved: float
    predicted: float | None


class EscalationRow(SQLModel, table=True):
    """One ``EscalationRecord``."""

    __tablename__ = "escalation"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    escalation: str = Field(sa_type=Text)
    stage: str = Field(sa_type=Text)
    service: str = Field(sa_type=Text)
    region: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)


class ProviderRow(SQLModel, table=True):
    """One ``ProviderRecord``."""

    __tablename__ = "provider_event"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    provider: str = Field(sa_type=Text)
    zone: str = Field(sa_type=Text)
    services: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    drift: bool
    over: bool


class OverrideEventRow(SQLModel, table=True):
    """One ``OrderRecord``."""

    __tablename__ = "override_event"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    action: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    author: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    expires_utc: datetime | None = Field(sa_type=UtcTime)
    value: int | None = Field(sa_type=BigInteger)
    service: str | None = Field(sa_type=Text)
    forced: str = Field(sa_type=Text)


class DoubtRow(SQLModel, table=True):
    """One ``DoubtRecord``."""

    __tablename__ = "doubt"
    id: int = Field(primary_key=True, sa_type=BigInteger)
    at_utc: datetime = Field(sa_type=UtcTime, index=True)
    vantage: str = Field(sa_type=Text)
    reason: str | None = Field(sa_type=Text)


class CheckRow(SQLModel, table=True):
    """The newest ``CheckRecord`` of a check."""

    __tablename__ = "check_state"
    vantage: str = Field(primary_key=True, sa_type=Text)
    probe: str = Field(primary_key=True, sa_type=Text)
    target: str = Field(primary_key=True, sa_type=Text)
    state: str = Field(sa_type=Text)
    latency: str | None = Field(sa_type=Text)
    report: str | None = Field(sa_type=Text)
    level: float
    saved_utc: datetime = Field(sa_type=UtcTime)
    saved_at: float


class OverrideRow(SQLModel, table=True):
    """One ``OverrideRecord`` in force.

    Keyed by its place among them, which the database counts up: of two that contradict each other the newer counts.
    That only one has a key of ``Override.key`` is seen to where they are put in.
    """

    __tablename__ = "override_state"
    ordinal: int | None = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    author: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    created_utc: datetime = Field(sa_type=UtcTime)
    expires_utc: datetime | None = Field(sa_type=UtcTime)
    value: int | None = Field(sa_type=BigInteger)
    service: str | None = Field(sa_type=Text)
    drain: str | None = Field(sa_type=Text)
    saved_utc: datetime = Field(sa_type=UtcTime)
    saved_at: float


class RampRow(SQLModel, table=True):
    """The ``RampRecord`` of a region in the use of a service."""

    __tablename__ = "ramp_state"
    service: str = Field(primary_key=True, sa_type=Text)
    region: str = Field(primary_key=True, sa_type=Text)
    plan: str = Field(sa_type=Text)
    began_utc: datetime = Field(sa_type=UtcTime)
    withdrawn_utc: datetime | None = Field(sa_type=UtcTime)
    reason: str = Field(sa_type=Text)


class ComebackRow(SQLModel, table=True):
    """The ``ComebackRecord`` of a region in the use of a service."""

    __tablename__ = "comeback_state"
    service: str = Field(primary_key=True, sa_type=Text)
    region: str = Field(primary_key=True, sa_type=Text)
    state: str = Field(sa_type=Text)
    saved_utc: datetime = Field(sa_type=UtcTime)
    saved_at: float


class ExposureStateRow(SQLModel, table=True):
    """The newest ``ExposureStateRecord`` of a service."""

    __tablename__ = "exposure_state"
    service: str = Field(primary_key=True, sa_type=Text)
    answers: str = Field(sa_type=Text)
    saved_utc: datetime = Field(sa_type=UtcTime)
    saved_at: float


class SerialRow(SQLModel, table=True):
    """The newest ``SerialRecord`` of a zone."""

    __tablename__ = "zone_serial"
    zone: str = Field(primary_key=True, sa_type=Text)
    serial: int = Field(sa_type=BigInteger)
    digest: str = Field(sa_type=Text)


class LeaseRow(SQLModel, table=True):
    """The number of the lease that was taken last."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(sa_type=BigInteger)


class SteeringRow(SQLModel, table=True):
    """The ``LastSteering`` of a service."""

    __tablename__ = "last_steering"
    service: str = Field(primary_key=True, sa_type=Text)
    newest: str = Field(sa_type=Text)
    good: str | None = Field(sa_type=Text)


class RollupRow(SQLModel, table=True):
    """The ``Rollup`` of a check and minute. The key begins with the minute, so it serves time queries too."""

    __tablename__ = "rollup"
    minute_utc: datetime = Field(primary_key=True, sa_type=UtcTime)
    vantage: str = Field(primary_key=True, sa_type=Text)
    probe: str = Field(primary_key=True, sa_type=Text)
    target: str = Field(primary_key=True, sa_type=Text)
    count: int = Field(sa_type=BigInteger)
    failures: int = Field(sa_type=BigInteger)
    latency_sum: float
    latency_max: float


def table_of(row: type[SQLModel]) -> Table:
    """The Core table behind ``row``, for statements that write many rows at once."""
    return SQLModel.metadata.tables[str(row.__tablename__)]

"""First tables: history, state to restart from, rollups."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make all tables."""
    _history()
    _state()
    _rollups()


def _history() -> None:
    _history_table(
        "transition",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
    )
    _history_table(
        "decision",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("good", sa.Boolean(), nullable=False),
    )
    _history_table(
        "publication",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
    )
    _history_table(
        "override_event",
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_utc", TIME, nullable=True),
    )


def _history_table(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at_utc", TIME, nullable=False),
        *columns,
    )
    op.create_index(f"ix_{name}_at_utc", name, ["at_utc"])


def _state() -> None:
    op.create_table(
        "check_state",
        sa.Column("vantage", sa.Text(), primary_key=True),
        sa.Column("probe", sa.Text(), primary_key=True),
        sa.Column("target", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("latency", sa.Text(), nullable=True),
        sa.Column("saved_utc", TIME, nullable=False),
        sa.Column("saved_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "override_state",
        sa.Column("target", sa.Text(), primary_key=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_utc", TIME, nullable=False),
        sa.Column("expires_utc", TIME, nullable=True),
    )
    op.create_table(
        "last_steering",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("newest", sa.Text(), nullable=False),
        sa.Column("good", sa.Text(), nullable=True),
    )


def _rollups() -> None:
    op.create_table(
        "rollup",
        sa.Column("minute_utc", TIME, primary_key=True),
        sa.Column("vantage", sa.Text(), primary_key=True),
        sa.Column("probe", sa.Text(), primary_key=True),
        sa.Column("target", sa.Text(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("latency_sum", sa.Float(), nullable=False),
        sa.Column("latency_max", sa.Float(), nullable=False),
    )

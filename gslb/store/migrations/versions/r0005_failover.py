"""The trail of a failover, orders of every kind, and what exposure and comebacks start from after a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)
OLD_ORDERS = """
INSERT INTO override_state (
    kind, target, author, reason, created_utc, expires_utc, value, service, drain, saved_utc, saved_at
)
SELECT
    'drain', target, author, reason, created_utc, expires_utc, NULL, NULL, :drain, created_utc, 0.0
FROM former_override_state ORDER BY created_utc, target
"""


def upgrade() -> None:
    """Make their tables and columns; orders of before become drains that are over."""
    _history()
    _overrides()
    _state()


def _history() -> None:
    op.add_column("transition", sa.Column("votes", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("override_event", sa.Column("value", sa.BigInteger(), nullable=True))
    op.add_column("override_event", sa.Column("service", sa.Text(), nullable=True))
    op.add_column("override_event", sa.Column("forced", sa.Text(), nullable=False, server_default="[]"))
    _history_table(
        "answer",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("nameserver", sa.Text(), nullable=False),
    )
    _history_table(
        "exposure",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
    )
    _history_table(
        "recovery",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("endpoints", sa.Text(), nullable=False),
        sa.Column("fault_utc", TIME, nullable=False),
        sa.Column("decided_utc", TIME, nullable=False),
        sa.Column("published_utc", TIME, nullable=False),
        sa.Column("achieved", sa.Float(), nullable=False),
        sa.Column("predicted", sa.Float(), nullable=True),
    )
    _history_table(
        "escalation",
        sa.Column("escalation", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )


def _history_table(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at_utc", TIME, nullable=False),
        *columns,
    )
    op.create_index(f"ix_{name}_at_utc", name, ["at_utc"])


def _overrides() -> None:
    op.rename_table("override_state", "former_override_state")
    op.create_table(
        "override_state",
        sa.Column("ordinal", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_utc", TIME, nullable=False),
        sa.Column("expires_utc", TIME, nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("drain", sa.Text(), nullable=True),
        sa.Column("saved_utc", TIME, nullable=False),
        sa.Column("saved_at", sa.Float(), nullable=False),
    )
    drained = '{"phase": "drained", "since": 0.0, "ramp": 0.0}'
    op.execute(sa.text(OLD_ORDERS).bindparams(drain=drained))
    op.drop_table("former_override_state")


def _state() -> None:
    op.create_table(
        "comeback_state",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("region", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("saved_utc", TIME, nullable=False),
        sa.Column("saved_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "exposure_state",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("saved_utc", TIME, nullable=False),
        sa.Column("saved_at", sa.Float(), nullable=False),
    )

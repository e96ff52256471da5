"""History of the self-doubt of vantage points."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make its table."""
    op.create_table(
        "doubt",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vantage", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
    )
    op.create_index("ix_doubt_at_utc", "doubt", ["at_utc"])

"""What scores and signals start from after a restart: levels and health documents."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add their columns, and forget latencies, whose averages are others than before."""
    op.add_column("check_state", sa.Column("report", sa.Text(), nullable=True))
    op.add_column("check_state", sa.Column("level", sa.Float(), nullable=False, server_default="1"))
    op.execute("UPDATE check_state SET latency = NULL")

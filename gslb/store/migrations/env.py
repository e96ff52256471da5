"""What Alembic runs to migrate: on the connection, and in the transaction, that the caller has opened."""

from alembic import context
from sqlmodel import SQLModel

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
context.run_migrations()

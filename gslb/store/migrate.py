"""Brings the tables of a database to the form this version works with.

Whoever finds ``HEAD`` stored need not call ``migrate``: a start on an up-to-date database does not wait for Alembic.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0009"
"""The newest revision in migrations/versions/."""


class UnknownRevisionError(Exception):
    """The database has a revision that this version does not know, so a newer one wrote it."""


def migrate(connection: Connection) -> None:
    """Upgrade to ``HEAD`` within the transaction of ``connection``, which must hold the write lock.

    Raises:
        UnknownRevisionError: a newer version wrote the database.
    """
    from alembic import command  # noqa: PLC0415  slow to import, and rarely needed
    from alembic.script import ScriptDirectory  # noqa: PLC0415  likewise

    config = alembic_config()
    revision = stored_revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise UnknownRevisionError(revision)
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def stored_revision(connection: Connection) -> str | None:
    """The revision that ``connection``'s database has; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def alembic_config() -> "Config":
    """Alembic's configuration, without a file."""
    from alembic.config import Config  # noqa: PLC0415  slow to import, and rarely needed

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config

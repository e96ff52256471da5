"""Migrations make the tables that the code works with, whole or not at all; what cannot be used is refused."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

from gslb.errors import StateError
from gslb.model.exposure import Answers, Former
from gslb.model.names import EndpointName, ServiceName
from gslb.model.override import Kind
from gslb.model.step import Condition
from gslb.store.database import Database
from gslb.store.migrate import HEAD, alembic_config, migrate
from gslb.store.store import open_store
from tests.store import samples

OLD_CHECK = """
INSERT INTO check_state VALUES (
    'here', 'edge', '127.0.1.1:8080', '{"condition": "down", "since": 1.0}',
    '{"recent": 0.1, "usual": 0.1, "at": 7.0}', '2026-05-01 12:00:00.000000', 8.0
)
"""

INSERT_LEDGER = "INSERT INTO exposure_state VALUES (:service, :answers, '2026-05-01 12:00:00.000000', 12.0)"

AT_0004 = (
    """INSERT INTO transition VALUES (11, '2026-05-01 12:00:00.000000', 'istanbul/127.0.1.1:8080', 'up', 'down',
        '["api.example.com."]', '[]')""",
    """INSERT INTO override_event VALUES (12, '2026-05-01 12:00:01.000000', 'drain', 'istanbul', 'ayse',
        'kernel update', '2026-05-01 13:00:00.000000')""",
    """INSERT INTO publication VALUES (13, '2026-05-01 12:00:02.000000', 'embedded', 2, '["api.example.com."]',
        0.001)""",
    """INSERT INTO doubt VALUES (14, '2026-05-01 12:00:03.000000', 'istanbul-1', NULL)""",
    """INSERT INTO override_state VALUES ('istanbul', 'ayse', 'kernel update', '2026-05-01 12:00:00.000000',
        '2026-05-01 13:00:00.000000')""",
    """INSERT INTO override_state VALUES ('ankara', 'can', 'new disks', '2026-05-01 12:00:01.000000', NULL)""",
    """INSERT INTO ramp_state VALUES ('api.example.com.', 'izmir', '{"steps": [0.05, 0.25], "every": 600.0}',
        '2026-05-01 12:00:00.000000', NULL, '')""",
)


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    made = Database(file)
    yield made
    made.close()


def upgrade(connection: Connection, revision: str) -> None:
    """As an older gslb has left it."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def refused(file: Path) -> StateError:
    with pytest.raises(StateError) as caught:
        open_store(file, CollectorRegistry())
    return caught.value


def test_migrations_and_tables_agree(database: Database) -> None:
    database.prepare()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_head_constant_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


def test_a_database_of_an_older_gslb_is_brought_up_to_date(database: Database) -> None:
    with database.write() as connection:
        upgrade(connection, "0001")
        connection.execute(text("INSERT INTO last_steering VALUES ('api.example.com.', '{}', NULL)"))
    database.prepare()
    with database.read() as connection:
        assert "doubt" in inspect(connection).get_table_names()
        assert connection.execute(text("SELECT count(*) FROM last_steering")).scalar() == 1


def test_what_was_known_of_checks_outlives_a_new_form_of_latency(file: Path, database: Database) -> None:
    with database.write() as connection:
        upgrade(connection, "0002")
        connection.execute(text(OLD_CHECK))
    with closing(open_store(file, CollectorRegistry())) as store:
        (record,) = store.load_state().checks
    assert record.state.condition is Condition.DOWN
    assert (record.latency, record.report, record.level) == (None, None, 1.0)


def at_0004(database: Database) -> None:
    with database.write() as connection:
        upgrade(connection, "0004")
        for statement in AT_0004:
            connection.exec_driver_sql(statement)


async def test_history_of_before_the_trail_of_a_failover_is_kept(file: Path, database: Database) -> None:
    at_0004(database)
    with closing(open_store(file, CollectorRegistry())) as store:
        transition, order, publication, doubt = await store.history(samples.AGES_AGO)
    assert transition == replace(samples.transition(0), evidence=(), votes=())
    assert order == replace(samples.order(1), action="drain", value=None, service=None, forced=())
    assert publication == samples.publication(2)
    assert doubt == replace(samples.doubt(3), reason=None)


def test_orders_of_when_there_was_one_kind_are_drains_that_are_over(file: Path, database: Database) -> None:
    at_0004(database)
    with closing(open_store(file, CollectorRegistry())) as store:
        state = store.load_state()
        first, second = state.overrides
        store.save_overrides([first, second, samples.override(Kind.TTL)])
    assert first == samples.former_order()
    assert (second.target, second.author, second.expires_utc) == ("ankara", "can", None)
    assert (second.created_utc, second.saved_utc) == (samples.after(1), samples.after(1))
    assert state.ramps == (samples.ramp(),)
    with closing(open_store(file, CollectorRegistry())) as again:
        assert again.load_state().overrides == (first, second, samples.override(Kind.TTL))


AT_0005 = {
    "api.example.com.": """[
        {"generation": 0, "ttl": 60, "endpoints": ["x/1"], "ended": 10.5, "confirmed": false},
        {"generation": 3, "ttl": 30, "endpoints": ["a/1", "b/1"], "ended": 11.5, "confirmed": true},
        {"generation": 5, "ttl": 30, "endpoints": ["a/1", "c/1"], "ended": null, "confirmed": false},
        {"generation": 7, "ttl": 5, "endpoints": ["b/1"], "ended": null, "confirmed": false},
        {"generation": 9, "ttl": 30, "endpoints": ["c/1"], "ended": null, "confirmed": false}
    ]""",
    "twice.example.com.": """[
        {"generation": 0, "ttl": 30, "endpoints": ["a/1"], "ended": null, "confirmed": false},
        {"generation": 1, "ttl": 30, "endpoints": ["a/1"], "ended": 50.0, "confirmed": false},
        {"generation": 5, "ttl": 30, "endpoints": ["b/1"], "ended": null, "confirmed": true}
    ]""",
    "cut.example.com.": '[{"generation": 5, "ttl": 30,',
    "odd.example.com.": '[{"generation": 5}]',
    "none.example.com.": "[]",
    "new.example.com.": '[{"generation": 0, "ttl": 60, "endpoints": ["x/1"], "ended": null, "confirmed": false}]',
}


def test_ledgers_of_when_every_version_was_kept_say_the_same(file: Path, database: Database) -> None:
    with database.write() as connection:
        upgrade(connection, "0005")
        for service, answers in AT_0005.items():
            connection.execute(text(INSERT_LEDGER), {"service": service, "answers": answers})
    with closing(open_store(file, CollectorRegistry())) as store:
        found = {record.service: record for record in store.load_state().exposures}
    assert found.keys() == {"api.example.com.", "twice.example.com.", "new.example.com."}
    api, twice, new = (found[ServiceName(f"{name}.example.com.")] for name in ("api", "twice", "new"))
    a, b, c, x = map(EndpointName, ("a/1", "b/1", "c/1", "x/1"))
    former = {60: {x: Former(3, 10.5)}, 30: {a: Former(7), b: Former(5, 11.5)}, 5: {b: Former(9)}}
    assert api.answers == Answers(9, 30, frozenset({c}), 3, 3, former)
    assert (api.saved_utc, api.saved_at) == (samples.NOON, 12.0)
    assert twice.answers == Answers(5, 30, frozenset({b}), 1, 5, {30: {a: Former(1)}})
    assert new.answers == Answers(former={60: {x: Former(0)}})


def test_a_migration_that_breaks_off_leaves_nothing_behind(database: Database) -> None:
    def break_off() -> None:
        with database.write() as connection:
            migrate(connection)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    with database.read() as connection:
        assert inspect(connection).get_table_names() == []


def test_opening_an_up_to_date_database_does_not_import_alembic(file: Path, database: Database) -> None:
    database.prepare()
    script = """
import sys
from pathlib import Path
from gslb.store.database import Database
Database(Path(sys.argv[1])).prepare()
sys.exit("alembic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script, str(file)], check=False).returncode == 0


def test_a_database_written_by_a_newer_gslb_is_refused_and_left_alone(file: Path, database: Database) -> None:
    database.prepare()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    error = refused(file)
    assert error.path == str(file)
    assert "newer gslb" in error.reason
    assert error.remedy == "upgrade gslb or point node.state elsewhere"
    with database.read() as again:
        assert again.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"


def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path) -> None:
    content = b"Dear diary, " * 1000
    file.write_bytes(content)
    assert "is not a state database" in str(refused(file))
    assert file.read_bytes() == content


def test_a_damaged_database_is_refused(file: Path, database: Database) -> None:
    database.prepare()
    database.close()
    content = bytearray(file.read_bytes())
    content[100:4096] = b"\xff" * 3996
    file.write_bytes(content)
    assert "is damaged" in str(refused(file))


def test_a_missing_folder_is_refused_with_the_way_to_make_it(tmp_path: Path) -> None:
    error = refused(tmp_path / "missing" / "gslb.db")
    assert error.remedy == f"make it: mkdir -p {tmp_path}/missing"


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    """/proc takes no files, not even from root."""
    error = refused(Path("/proc/gslb.db"))
    assert error.path == "/proc/gslb.db"
    assert "writable" in error.remedy

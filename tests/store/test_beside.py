"""The state database is read beside a daemon that has it open, or not, and is left as it is."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gslb.errors import StateError
from gslb.store.beside import last_steerings
from gslb.store.store import Store, open_store
from tests.store import samples
from tests.waiting import eventually


def contents(folder: Path) -> dict[str, str]:
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_where_there_is_no_database_nothing_is_known_and_none_is_made(file: Path) -> None:
    assert last_steerings(file) == ()
    assert list(file.parent.iterdir()) == []


def test_what_was_decided_last_is_read_from_a_database_that_is_closed_and_left_as_it_is(
    file: Path, registry: CollectorRegistry
) -> None:
    store = open_store(file, registry)
    for number in (0, 1):
        store.record(samples.decision(number, number + 1))
    expected = store.load_state().steerings
    store.close()
    before = contents(file.parent)
    assert last_steerings(file) == expected != ()
    assert contents(file.parent) == before


def test_it_is_read_while_somebody_writes_it(file: Path, store: Store) -> None:
    store.record(samples.decision(0, 1))
    expected = eventually(lambda: last_steerings(file))
    assert expected == store.load_state().steerings


def test_what_cannot_be_read_any_more_is_left_out_without_a_word(
    file: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.record(samples.decision(0, 1))
    eventually(lambda: last_steerings(file))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE last_steering SET newest = '{}'")
        connection.commit()
    assert last_steerings(file) == ()
    assert capsys.readouterr() == ("", "")


def test_an_empty_database_knows_nothing(file: Path) -> None:
    file.touch()
    assert last_steerings(file) == ()


def test_a_database_of_another_version_is_not_migrated(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.commit()
    before = contents(file.parent)
    with pytest.raises(StateError, match=r"cannot be read: no such table.*\n.*version of gslb that has written it"):
        last_steerings(file)
    assert contents(file.parent) == before


def test_what_is_no_database_is_named(file: Path) -> None:
    file.write_text("no database, but long enough to be looked at as one" * 10)
    with pytest.raises(StateError, match=r"gslb\.db: cannot be read: file is not a database"):
        last_steerings(file)


def test_a_path_that_leads_nowhere_is_named(file: Path) -> None:
    with pytest.raises(StateError, match="cannot be read: File name too long"):
        last_steerings(file.with_name("x" * 300))

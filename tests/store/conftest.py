"""A state database in a real file, with short waits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gslb.store.store import Store, open_store


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gslb.store.sqlite.BUSY_TIMEOUT", 0.05)
    monkeypatch.setattr("gslb.store.writer.GATHER", 0.01)
    monkeypatch.setattr("gslb.store.writer.FIRST_RETRY", 0.02)
    monkeypatch.setattr("gslb.store.writer.LAST_RETRY", 0.05)
    monkeypatch.setattr("gslb.store.journal.FLUSH", 0.02)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gslb.db"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def store(file: Path, registry: CollectorRegistry) -> Iterator[Store]:
    opened = open_store(file, registry)
    yield opened
    opened.close()

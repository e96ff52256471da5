"""Credentials in the environment, as the SDK looks for them, and nothing else that it might find on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.route53 import UNLIMITED, Clock, FakeRoute53
from tests.providers.route53.support import known


@pytest.fixture(autouse=True)
def credentials(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that credentials may be written to."""
    return known(monkeypatch, tmp_path_factory.mktemp("aws"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> Iterator[FakeRoute53]:
    with FakeRoute53(quota=UNLIMITED, clock=clock) as running:
        yield running

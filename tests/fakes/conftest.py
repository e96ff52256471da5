"""An account with one zone."""

from collections.abc import Iterator

import pytest

from tests.fakes.account import ZONE, Account, connected
from tests.fakes.route53 import UNLIMITED, Clock, FakeRoute53


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(clock: Clock) -> Iterator[Account]:
    with FakeRoute53(quota=UNLIMITED, clock=clock) as fake:
        yield Account(fake, connected(fake), fake.zone(ZONE))

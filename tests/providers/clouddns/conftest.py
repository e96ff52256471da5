"""A fake with one zone, and an account there."""

from collections.abc import AsyncIterator, Iterator

import pytest

from providers.base import Account
from tests.fakes.clouddns import FakeCloudDns
from tests.providers.clouddns.support import ORIGIN, ZONE, Turnstile, opened, options


@pytest.fixture
def fake() -> Iterator[FakeCloudDns]:
    with FakeCloudDns() as running:
        running.create(ZONE, ORIGIN)
        yield running


@pytest.fixture
def turnstile() -> Turnstile:
    return Turnstile()


@pytest.fixture
async def account(fake: FakeCloudDns, turnstile: Turnstile) -> AsyncIterator[Account]:
    async with opened(options(fake), turnstile) as account:
        yield account

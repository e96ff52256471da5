"""Silence of Route 53 is bounded by the options too."""

import pytest

from providers.base import Lane, OutcomeUnknownError, UnavailableError
from tests.fakes.route53 import FakeRoute53, faults
from tests.providers.route53.support import DEADLINE, account, answer, change, hosted


@pytest.mark.parametrize("writes", [True, False])
async def test_silence_is_bounded_by_the_read_timeout(fake: FakeRoute53, *, writes: bool) -> None:
    zone = hosted(fake)
    fake.faults.always(faults.slow(before=60.0), None)
    async with account(fake, read_timeout="100ms") as at:
        if writes:
            with pytest.raises(OutcomeUnknownError, match="Read timeout"):
                await at.apply(zone, [change(added=[answer()])], DEADLINE, Lane.ROUTINE)
        else:
            with pytest.raises(UnavailableError, match="Read timeout"):
                await at.read(zone, Lane.ROUTINE)

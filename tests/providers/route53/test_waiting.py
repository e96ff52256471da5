"""Silence of Route 53 is bounded by the options too, and what waits for credentials has not been sent."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from providers.base import Lane, OutcomeUnknownError, UnavailableError
from tests.fakes.route53 import FakeRoute53, faults
from tests.providers.route53.support import DEADLINE, account, answer, change, hosted
from tests.waiting import until


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


async def test_what_gets_no_credentials_in_time_is_never_sent(fake: FakeRoute53, credentials: Path) -> None:
    """A program gives them, and is waited for by one request, with which all others wait."""
    zone, keys, opened = hosted(fake), credentials.with_name("keys"), list[int]()
    os.mkfifo(keys)
    credentials.with_name("config").write_text(f"[profile dns]\ncredential_process = cat {keys}\n")

    def asked() -> bool:
        with suppress(OSError):  # nobody reads yet
            opened.append(os.open(keys, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    async with account(fake, profile="dns") as at:
        first = asyncio.create_task(at.zones(Lane.ROUTINE))
        await until(asked)
        with pytest.raises(UnavailableError, match=r"not sent within 0\.1 s"):
            await at.apply(zone, [change(added=[answer()])], 0.1, Lane.URGENT)
        with os.fdopen(opened[0], "w") as answers:
            answers.write('{"Version": 1, "AccessKeyId": "AKIDPROGRAM", "SecretAccessKey": "x"}')
        assert await first == (zone,)
        await at.apply(zone, [change(added=[answer()])], DEADLINE, Lane.URGENT)
    assert [(entry.action, entry.key) for entry in fake.log()] == [
        ("ListHostedZones", "AKIDPROGRAM"),
        ("ChangeResourceRecordSets", "AKIDPROGRAM"),
    ]

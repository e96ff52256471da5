"""Whoever waits for Route 53 keeps nobody else waiting, and does not wait for ever."""

import asyncio
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from providers.base import Lane, OutcomeUnknownError, UnavailableError
from providers.route53.requests import MAX_REQUESTS
from providers.route53.threads import Threads, UnansweredError
from tests.fakes.route53 import FakeRoute53, Fault, faults
from tests.providers.route53.support import DEADLINE, account, answer, change, hosted
from tests.waiting import until

LONG = 60.0
WRITES = "ChangeResourceRecordSets"


@pytest.mark.parametrize(("fault", "written"), [(faults.slow(after=LONG), True), (faults.slow(before=LONG), False)])
async def test_after_its_deadline_nobody_knows_what_has_become_of_a_change(
    fake: FakeRoute53, fault: Fault, *, written: bool
) -> None:
    zone = hosted(fake)
    fake.faults.add(fault)
    async with account(fake, read_timeout="60s") as at:
        await at.zones(Lane.ROUTINE)  # connected
        with pytest.raises(OutcomeUnknownError, match=r"no answer within 0\.2 s; it may have been written"):
            await at.apply(zone, [change(added=[answer()])], 0.2, Lane.ROUTINE)
        assert (answer() in await at.read(zone, Lane.ROUTINE)) is written


async def test_a_server_that_hangs_keeps_neither_the_loop_nor_other_requests_waiting(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    fake.faults.always(faults.slow(before=LONG), WRITES)
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with account(fake, read_timeout="60s") as at:
        ticking = asyncio.create_task(turning())
        hanging = asyncio.create_task(at.apply(zone, [change(added=[answer()])], LONG, Lane.URGENT))
        await until(lambda: fake.count(WRITES))
        before = turns
        await until(lambda: turns > before + 10)
        assert len(await at.read(zone, Lane.ROUTINE)) == 2
        assert not hanging.done()
        ticking.cancel()
        began = time.monotonic()
        await at.close()
        with pytest.raises(OutcomeUnknownError, match="closed"):
            await hanging
        assert time.monotonic() - began < LONG / 10
        with pytest.raises(UnavailableError, match="closed"):
            await at.zones(Lane.ROUTINE)


@pytest.mark.parametrize("writes", [True, False])
async def test_silence_is_bounded_by_the_read_timeout(fake: FakeRoute53, *, writes: bool) -> None:
    zone = hosted(fake)
    fake.faults.always(faults.slow(before=LONG), None)
    async with account(fake, read_timeout="100ms") as at:
        if writes:
            with pytest.raises(OutcomeUnknownError, match="Read timeout"):
                await at.apply(zone, [change(added=[answer()])], DEADLINE, Lane.ROUTINE)
        else:
            with pytest.raises(UnavailableError, match="Read timeout"):
                await at.read(zone, Lane.ROUTINE)


async def test_a_change_that_never_left_is_known_not_to_be_written(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    fake.faults.always(faults.slow(before=LONG), "ListHostedZones")
    async with account(fake, read_timeout="60s") as at:
        hanging = [asyncio.create_task(at.zones(Lane.ROUTINE)) for _ in range(MAX_REQUESTS)]
        await until(lambda: fake.count("ListHostedZones") == MAX_REQUESTS)
        with pytest.raises(UnavailableError, match="no answer within"):
            await at.apply(zone, [change(added=[answer()])], 0.1, Lane.URGENT)
        await at.close()
        assert all(isinstance(it, UnavailableError) for it in await asyncio.gather(*hanging, return_exceptions=True))
    assert fake.count(WRITES) == 0


async def test_whoever_is_cancelled_leaves_nothing_behind(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    fake.faults.add(faults.slow(before=LONG))
    async with account(fake, read_timeout="60s") as at:
        hanging = asyncio.create_task(at.apply(zone, [change(added=[answer()])], LONG, Lane.URGENT))
        await until(lambda: fake.count(WRITES))
        hanging.cancel()
        with suppress(asyncio.CancelledError):
            await hanging
        assert hanging.cancelled()
        assert len(await at.read(zone, Lane.ROUTINE)) == 2


def test_a_process_ends_although_a_request_hangs(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    fake.faults.always(faults.slow(before=LONG), WRITES)
    program = (
        "import asyncio\n"
        "from providers.base import Lane\n"
        "from tests.providers.route53.support import *\n"
        "async def main():\n"
        f"    at = Route53(endpoint={fake.url!r}, read_timeout='60s').open(Turns())\n"
        f"    await at.apply(HostedZone({zone.origin!r}, {zone.id!r}), [change(added=[answer()])], 0.5, Lane.ROUTINE)\n"
        "asyncio.run(main())\n"
    )
    environment = {"PYTHONPATH": ":".join(sys.path), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=LONG / 3, check=False
    )
    assert "OutcomeUnknownError" in done.stderr


async def test_threads_are_no_more_than_there_are_calls_for() -> None:
    threads, gate = Threads(3, "few"), threading.Event()
    try:
        for number in range(3):
            assert await threads.run(lambda number=number: number, LONG) == number  # type: ignore[misc]
        calls = [asyncio.create_task(threads.run(gate.wait, LONG)) for _ in range(9)]
        await until(lambda: len(names()) == 3)
        gate.set()
        assert await asyncio.gather(*calls) == [True] * 9
        assert len(names()) == 3
    finally:
        threads.close()
    await until(lambda: not names())


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("few-")]


async def test_what_a_call_raises_is_raised_where_it_is_waited_for() -> None:
    def late() -> None:
        raise TimeoutError("of its own")

    threads = Threads(1, "one")
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0, LONG)
    with pytest.raises(TimeoutError, match="of its own"):
        await threads.run(late, LONG)
    assert await threads.run(lambda: 7, LONG) == 7
    threads.close()


async def test_what_a_call_that_is_given_up_does_keeps_no_other_waiting() -> None:
    threads, gate = Threads(2, "two"), threading.Event()
    for begun in (True, True, False):
        with pytest.raises(UnansweredError) as told:
            await threads.run(gate.wait, 0.05)
        assert told.value.begun is begun
    gate.set()
    assert await threads.run(lambda: 7, LONG) == 7
    threads.close()

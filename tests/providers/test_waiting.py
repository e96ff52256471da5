"""Whoever waits for a provider keeps nobody else waiting, and does not wait for ever."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from providers.base import Account, Lane, OutcomeUnknownError, UnavailableError
from providers.threads import THREADS
from tests.providers.clouds import ADDED, ADDING, CLOUDS, LONG, Cloud
from tests.providers.route53.support import Turns, known
from tests.waiting import until

BRIEF = 0.2


@pytest.fixture(params=sorted(CLOUDS))
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cloud]:
    known(monkeypatch, tmp_path)
    with CLOUDS[request.param]() as running:
        yield running


@pytest.fixture
async def account(cloud: Cloud) -> AsyncIterator[Account]:
    """One that has sent a request already: what it takes to send the first is done."""
    opened = cloud.provider.open(Turns())
    await opened.zones(Lane.ROUTINE)
    yield opened
    await opened.close()


def read(account: Account, cloud: Cloud, lane: Lane = Lane.ROUTINE) -> asyncio.Task[object]:
    return asyncio.create_task(account.read(cloud.zone, lane))


def write(account: Account, cloud: Cloud, deadline: float = LONG) -> asyncio.Task[object]:
    return asyncio.create_task(account.apply(cloud.zone, ADDING, deadline, Lane.URGENT))


@pytest.mark.parametrize("after", [False, True])
async def test_after_its_deadline_nobody_knows_what_has_become_of_a_change(
    account: Account, cloud: Cloud, *, after: bool
) -> None:
    cloud.slow(cloud.writes, LONG, after)
    with pytest.raises(OutcomeUnknownError, match=r"no answer within 0\.2 s; it may have been written"):
        await write(account, cloud, BRIEF)
    assert (ADDED in await account.read(cloud.zone, Lane.ROUTINE)) is after


async def test_a_server_that_hangs_keeps_neither_the_loop_nor_other_requests_waiting(
    account: Account, cloud: Cloud
) -> None:
    cloud.slow(cloud.writes, LONG, False)
    hanging = write(account, cloud)
    await until(lambda: cloud.count(cloud.writes))
    assert len(await account.read(cloud.zone, Lane.URGENT)) == 2
    assert not hanging.done()
    began = time.monotonic()
    await account.close()
    with pytest.raises(OutcomeUnknownError, match="closed"):
        await hanging
    assert time.monotonic() - began < LONG / 10
    with pytest.raises(UnavailableError, match="closed"):
        await account.zones(Lane.ROUTINE)


async def test_nothing_urgent_stands_behind_reads_that_hang(account: Account, cloud: Cloud) -> None:
    cloud.slow(cloud.reads, LONG, False)
    others = [lane for lane in Lane if lane is not Lane.URGENT]
    reads = [read(account, cloud, lane) for lane in others for _ in range(2 * THREADS)]
    await until(lambda: cloud.count(cloud.reads) == THREADS * len(others))
    await write(account, cloud, LONG / 10)
    assert not any(each.done() for each in reads)
    await account.close()
    assert all(isinstance(it, UnavailableError) for it in await asyncio.gather(*reads, return_exceptions=True))


async def test_a_change_that_never_left_is_known_not_to_be_written(account: Account, cloud: Cloud) -> None:
    cloud.slow(cloud.writes, LONG, False)
    hanging = [write(account, cloud) for _ in range(THREADS)]
    await until(lambda: cloud.count(cloud.writes) == THREADS)
    with pytest.raises(UnavailableError, match=r"not sent within 0\.2 s"):
        await write(account, cloud, BRIEF)
    await account.close()
    assert all(isinstance(it, OutcomeUnknownError) for it in await asyncio.gather(*hanging, return_exceptions=True))
    assert cloud.count(cloud.writes) == THREADS


def names(cloud: Cloud) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(f"{cloud.name}-")]


async def test_after_it_is_closed_nothing_more_is_sent_and_no_thread_stays(account: Account, cloud: Cloud) -> None:
    cloud.slow(cloud.reads, BRIEF, False)
    reads = [read(account, cloud) for _ in range(2 * THREADS)]
    await until(lambda: cloud.count(cloud.reads) == THREADS)
    await account.close()
    outcomes = await asyncio.gather(*reads, return_exceptions=True)
    assert [str(outcome).splitlines()[0].rpartition(": ")[2] for outcome in outcomes] == ["closed"] * len(reads)
    await until(lambda: not names(cloud))
    assert cloud.count(cloud.reads) == THREADS


async def test_whoever_is_cancelled_leaves_nothing_behind(account: Account, cloud: Cloud) -> None:
    cloud.slow(cloud.writes, LONG, False)
    hanging = write(account, cloud)
    await until(lambda: cloud.count(cloud.writes))
    hanging.cancel()
    await asyncio.wait((hanging,))
    assert hanging.cancelled()
    assert len(await account.read(cloud.zone, Lane.URGENT)) == 2


PROGRAM = """
import asyncio
from providers.base import HostedZone, Lane
from providers.{cloud.name} import *
from tests.providers.clouds import ADDING
from tests.providers.route53.support import Turns

async def main():
    account = {cloud.made}.open(Turns())
    zone = HostedZone({cloud.zone.origin!r}, {cloud.zone.id!r})
    try:
        await account.zones(Lane.ROUTINE)
        await asyncio.wait_for({request}, 1)
    finally:
        await account.close()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("request_", "raised"),
    [
        ("account.read(zone, Lane.ROUTINE)", "TimeoutError"),
        ("account.apply(zone, ADDING, 0.5, Lane.URGENT)", "OutcomeUnknownError"),
    ],
)
def test_a_process_ends_although_a_request_hangs(cloud: Cloud, request_: str, raised: str) -> None:
    for action in (cloud.reads, cloud.writes):
        cloud.slow(action, LONG, False)
    program = PROGRAM.format(cloud=cloud, request=request_)
    environment = {"PYTHONPATH": ":".join(sys.path), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=15, check=False
    )
    assert raised in done.stderr
    assert cloud.count(cloud.reads) + cloud.count(cloud.writes) == 1

"""A provider that takes few requests a second, while all zones fail over: the urgent first, none too many, all in time.

The arithmetic is that of ``tests.bench.providers.throttled``.
"""

import asyncio

import pytest

from tests.bench.providers.throttled import Load, fail_over
from tests.e2e.clouds import CREDENTIALS, Cloud, aws, gcp

SHORT, LONG = Load(zones=3, services=4, rate=4.0), Load()


@pytest.mark.parametrize("load", [SHORT, pytest.param(LONG, marks=pytest.mark.acceptance)])
async def test_who_fails_over_comes_before_new_ttls_and_nobody_starves(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with aws(*load.origins) as amazon, gcp(*load.origins) as google:
        clouds: tuple[Cloud, ...] = amazon, google
        courses = await asyncio.gather(*(fail_over(cloud, load) for cloud in clouds))
    for cloud, course in zip(clouds, courses, strict=True):
        print(f"\n{cloud.name}: {course}")
        assert course.batches == (load.zones, load.zones)  # all that changes in a lane goes together
        assert course.early <= 1  # it had its turn when they failed over
        assert course.requests <= course.most
        assert course.refused <= 2  # where this machine was so busy that two came almost at once
        pace = load.rate / (1 + course.refused)
        assert course.urgent <= (load.zones + 1) / pace + 2
        # All waits for its turn, and nothing else: some of what is asked for last is due a second after it was written.
        assert course.confirmed <= 1.2 * course.requests / pace + 5

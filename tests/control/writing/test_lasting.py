"""What fails again and again beside what works: it is waited for, told of once, and holds nothing else up."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from gslb.config.providers import Drift
from gslb.control.writing.access import MOST_OPENING, OPENS
from gslb.control.writing.backoff import LONG
from gslb.control.writing.call import Turnstile
from gslb.control.writing.setup import WriterState
from gslb.model.names import ServiceName
from providers.base import (
    Account,
    AuthFailedError,
    CasConflictError,
    Lane,
    OutcomeUnknownError,
    RejectedError,
    UnavailableError,
)
from tests.control.loops import running
from tests.control.writing.held import Cloud, HeldAccount
from tests.control.writing.meddling import failing, of
from tests.control.writing.rig import ONE, TWO, Rig, S, answer, at_work, until


async def test_a_change_of_which_nothing_is_ever_known_is_not_tried_at_full_speed_and_told_of() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:2]))
        await rig.until_over(*S[:2])
        rig.cloud.meddle = failing(OutcomeUnknownError("500"), of("apply"))
        before = len(rig.cloud.requests)
        rig.publish(*(answer(service, TWO) for service in S[:2]))
        await asyncio.sleep(600)
        assert 10 <= len(rig.cloud.requests) - before <= 150
        assert rig.told.troubles.count("500") == 1
        assert rig.told.ends == []
        rig.cloud.meddle = Cloud().meddle
        await rig.until_over(*S[:2], within=130)
        assert [text for text, _ in rig.told.ends].count("requests are answered again") == 1
        assert rig.place().state is WriterState.CURRENT


async def test_one_service_of_which_nothing_is_ever_known_does_not_hold_up_the_others() -> None:
    cloud = Cloud()
    async with at_work(*S[:16], cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:16]))
        await rig.until_over(*S[:16])
        cloud.meddle = failing(OutcomeUnknownError("500"), lambda seen: S[5] in seen.services)
        rig.publish(*(answer(service, TWO) for service in S[:16]))
        others = [service for service in S[:16] if service != S[5]]
        await rig.until_over(*others, within=60)
        await asyncio.sleep(3600)
        began = asyncio.get_running_loop().time()
        rig.publish(answer(S[0], TWO, ttl=77))
        await rig.until_over(*others, within=30)
        assert asyncio.get_running_loop().time() - began < 30
        assert rig.told.troubles[-1] == "s5.example.com: it is not known whether it is written: 500"
        assert rig.place().state is WriterState.BLOCKED
        cloud.meddle = Cloud().meddle
        await rig.until_over(*S[:16], within=70)


async def test_what_is_refused_whenever_it_is_asked_is_told_once_though_all_else_is_answered() -> None:
    cloud = Cloud(meddle=failing(RejectedError("not for you"), of("read")))
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:2]))
        await asyncio.sleep(24 * 3600)
        assert rig.told.troubles == ["not for you"]
        assert rig.told.ends == []
        assert rig.place().error == "not for you"
        cloud.meddle = Cloud().meddle
        await rig.until_over(*S[:2], within=310)
        assert rig.told.ends == [("requests are answered again", ())]
        assert rig.place().error == ""


async def test_an_account_whose_opening_hangs_is_opened_once_more_and_what_comes_late_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[tuple[float, asyncio.Future[Account]]] = []

    def opened(*_: object) -> asyncio.Future[Account]:
        loop = asyncio.get_running_loop()
        begun.append((loop.time(), loop.create_future()))
        return begun[-1][1]

    monkeypatch.setattr("gslb.control.writing.access.opened", opened)
    cloud = Cloud()
    async with at_work(S[0], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await asyncio.sleep(7200)
        assert len(begun) == MOST_OPENING
        assert all(later - earlier >= OPENS for (earlier, _), (later, _) in pairwise(begun))
        bucket = Turnstile(rig.writer().site.access.bucket)
        begun[1][1].set_result(HeldAccount(cloud, bucket))
        await rig.until_over(S[0], within=200)
        begun[0][1].set_exception(UnavailableError("gone"))
        begun[2][1].set_result(HeldAccount(cloud, bucket))
        await until(lambda: cloud.closed == 1)
        rig.publish(answer(S[0], TWO))
        await rig.until_over(S[0], within=20)
    assert cloud.closed == 2


ZONES = [f"z{number}.net." for number in range(20)]


async def test_zones_that_are_denied_from_the_beginning_do_not_hold_up_those_that_are_allowed() -> None:
    cloud = Cloud({zone: {} for zone in ZONES})
    services = [ServiceName(f"x.{zone}") for zone in ZONES]
    cloud.meddle = failing(AuthFailedError("denied"), lambda seen: seen.zone in ZONES[:15])
    rig = Rig(cloud)
    rig.configure(*(rig.setup([service], zone=zone) for service, zone in zip(services, ZONES, strict=True)))
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE) for service in services))
        await rig.until_over(*services[15:], within=60)
        for number in range(10):
            await asyncio.sleep(1800)
            rig.publish(answer(services[15], ONE, ttl=40 + number))
            await rig.until_over(services[15], within=30)
        assert rig.registry.get_sample_value("gslb_provider_breaker_open", {"provider": "cloud"}) == 0
        cloud.meddle = Cloud().meddle
        await rig.until_over(*services, within=310)


@pytest.mark.parametrize("operation", ["settled", "apply"])
async def test_a_permission_that_is_missing_for_some_zones_is_nothing_to_the_others(operation: str) -> None:
    cloud = Cloud({zone: {} for zone in ZONES})
    services = [ServiceName(f"x.{zone}") for zone in ZONES]
    rig = Rig(cloud)
    rig.configure(*(rig.setup([service], zone=zone) for service, zone in zip(services, ZONES, strict=True)))
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE) for service in services))
        await rig.until_over(*services)
        cloud.meddle = failing(
            AuthFailedError("denied"), lambda seen: seen.operation == operation and seen.zone in ZONES[:10]
        )
        rig.publish(*(answer(service, ONE, TWO) for service in services))
        await asyncio.sleep(3600)
        denied = len(cloud.asked(operation))
        for number in range(10):
            rig.publish(answer(services[10], ONE, ttl=40 + number))
            await rig.until_over(services[10], within=30)
            await asyncio.sleep(330)
        assert len(cloud.asked(operation)) - denied <= 10 * 3600 / LONG.least


async def test_where_nothing_at_all_is_allowed_zones_try_it_one_at_a_time() -> None:
    cloud = Cloud({zone: {} for zone in ZONES}, meddle=failing(AuthFailedError("expired"), of()))
    services = [ServiceName(f"x.{zone}") for zone in ZONES]
    rig = Rig(cloud)
    rig.configure(*(rig.setup([service], zone=zone) for service, zone in zip(services, ZONES, strict=True)))
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE) for service in services))
        await asyncio.sleep(3600)
        assert len(cloud.requests) <= 20 + 3600 / LONG.least
        cloud.meddle = Cloud().meddle
        await rig.until_over(*services, within=310)


@pytest.mark.parametrize("operation", ["settled", "read", "nameservers"])
@pytest.mark.parametrize("error", [AuthFailedError("not allowed"), UnavailableError("not allowed"), KeyError("x")])
async def test_where_nobody_can_see_what_came_of_a_change_that_is_told_once(operation: str, error: Exception) -> None:
    cloud = Cloud()
    # a traceback takes long to be made pretty
    async with AsyncExitStack() as stack:
        stack.enter_context(capture_logs())
        rig = await stack.enter_async_context(at_work(S[0], cloud=cloud, drift=Drift.OFF))
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        rig.writer()._follower._servers = None
        cloud.meddle = failing(error, lambda seen: seen.operation == operation and seen.lane is Lane.FOLLOWING)
        rig.publish(answer(S[0], TWO))
        await asyncio.sleep(3600)
        text = f"{operation}: unexpected KeyError: 'x'" if isinstance(error, KeyError) else "not allowed"
        assert rig.told.troubles == [text]
        assert rig.told.ends == []
        assert rig.place().error == text
        assert rig.place().state is WriterState.CONFIRMING
        cloud.meddle = Cloud().meddle
        await rig.until_over(S[0], within=310)
        assert rig.told.ends == [("requests are answered again", ())]
        assert rig.place().error == ""


async def test_a_conflict_that_lasts_is_told_once_and_another_one_once_what_was_wanted_is_there() -> None:
    cloud = Cloud()
    async with at_work(*S[:3], cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await rig.until_over(*S[:3])
        cloud.meddle = failing(CasConflictError("never so"), of("apply"))
        rig.publish(*(answer(service, TWO) for service in S[:3]))
        await asyncio.sleep(3 * 3600)
        assert sum("meanwhile" in text for text in rig.told.troubles) == 1
        cloud.meddle = Cloud().meddle
        await rig.until_over(*S[:3], within=310)
        cloud.meddle = failing(CasConflictError("not now"), of("apply", first=1))
        rig.publish(answer(S[0], ONE))
        await rig.until_over(*S[:3])
        assert sum("meanwhile" in text for text in rig.told.troubles) == 2

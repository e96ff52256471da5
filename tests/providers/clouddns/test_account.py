"""The API as an account has it: zones, pages, names, and when a change is everywhere."""

import asyncio
import math

import pytest

from gslb.model.recordset import Marker
from gslb.model.zone_plan import Change
from providers.base import Account, HostedZone, Lane, RejectedError
from providers.clouddns import calls
from providers.throttle import TokenBucket
from tests.fakes.clouddns import FakeCloudDns, Meddle
from tests.providers.clouddns.support import (
    API,
    HOSTED,
    ORIGIN,
    ZONE,
    Turnstile,
    adding,
    address,
    opened,
    options,
)
from tests.waiting import until


async def test_a_change_is_written_as_a_whole_and_read_back(account: Account, fake: FakeCloudDns) -> None:
    marker = Marker(API, "us", 1).record(300)
    receipt = await account.apply(HOSTED, adding(address(), marker), 5.0, Lane.URGENT)
    assert receipt.zone == HOSTED
    assert set(await account.read(HOSTED, Lane.ROUTINE)) >= {address(), marker}
    await account.apply(HOSTED, [Change(API, (address(), marker), (address(ttl=5),))], 5.0, Lane.ROUTINE)
    assert fake.records(ZONE)[API, "A"].ttl == 5
    assert fake.count("changes.create") == 2


async def test_a_change_is_settled_when_it_is_done(account: Account, fake: FakeCloudDns) -> None:
    fake.propagate(math.inf)
    receipt = await account.apply(HOSTED, adding(address()), 5.0, Lane.ROUTINE)
    assert not await account.settled(receipt, Lane.FOLLOWING)
    fake.settle()
    assert await account.settled(receipt, Lane.FOLLOWING)


async def test_all_pages_are_read(fake: FakeCloudDns, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAGE", 7)
    fake.fill(ZONE, 40)
    for number in range(8):
        fake.create(f"zone-{number}", f"{number}.example.net.")
    found = await account.read(HOSTED, Lane.COSMETIC)
    assert {(record.name, record.type) for record in found} == fake.records(ZONE).keys()
    assert len(found) == 42
    assert fake.count("resourceRecordSets.list") == 6
    assert len(await account.zones(Lane.COSMETIC)) == 9
    assert fake.count("managedZones.list") == 2


async def test_a_thousand_record_sets_are_asked_for_at_a_time(account: Account, fake: FakeCloudDns) -> None:
    fake.fill(ZONE, 1500)
    assert len(await account.read(HOSTED, Lane.COSMETIC)) == 1502
    assert fake.count("resourceRecordSets.list") == 2


async def test_names_are_asked_for_and_many_of_them_together(account: Account, fake: FakeCloudDns) -> None:
    fake.fill(ZONE, 30)
    found = await account.read(HOSTED, Lane.ROUTINE, ["foreign-3.example.com.", ORIGIN, "none.example.com."])
    assert {(record.name, record.type) for record in found} == {
        ("foreign-3.example.com.", "A"),
        (ORIGIN, "NS"),
        (ORIGIN, "SOA"),
    }
    assert [logged.call.query.get("name") for logged in fake.log] == [
        ORIGIN,
        "foreign-3.example.com.",
        "none.example.com.",
    ]
    names = [f"foreign-{number}.example.com." for number in range(12)]
    assert len(await account.read(HOSTED, Lane.ROUTINE, names)) == 12
    assert fake.count("resourceRecordSets.list") == 4
    assert await account.read(HOSTED, Lane.ROUTINE, []) == ()
    assert fake.count("resourceRecordSets.list") == 4


async def test_zones_are_told_apart_by_name_and_by_who_can_ask(fake: FakeCloudDns) -> None:
    fake.create("inside", ORIGIN, public=False)
    fake.create("other", "example.net.", public=False)
    inside = HostedZone(ORIGIN, "inside", private=True)
    async with opened(options(fake)) as account:
        assert set(await account.zones(Lane.COSMETIC)) == {HOSTED, inside, HostedZone("example.net.", "other", True)}
        assert await account.zone(ORIGIN, Lane.ROUTINE) == HOSTED
        with pytest.raises(RejectedError, match=r"no public zone for example\.net\.(.|\n)*private = true"):
            await account.zone("example.net.", Lane.ROUTINE)
        with pytest.raises(RejectedError, match=r"no public zone for example\.org\.(.|\n)*managed-zones create"):
            await account.zone("example.org.", Lane.ROUTINE)
    async with opened(options(fake, private=True)) as account:
        assert await account.zone(ORIGIN, Lane.ROUTINE) == inside
    async with opened(options(fake, zones={ORIGIN: "inside"})) as account:
        with pytest.raises(RejectedError, match=r"zone inside for example\.com\. is private(.|\n)*private = true"):
            await account.zone(ORIGIN, Lane.ROUTINE)


async def test_of_several_zones_for_one_origin_one_has_to_be_named(fake: FakeCloudDns) -> None:
    fake.create("second", ORIGIN)
    fake.create("other", "example.net.")
    async with opened(options(fake)) as account:
        with pytest.raises(RejectedError, match=r"example-com, second(.|\n)*zones = \{ \"example\.com\" = "):
            await account.zone(ORIGIN, Lane.ROUTINE)
    async with opened(options(fake, zones={"Example.com": "second"})) as account:
        assert await account.zone(ORIGIN, Lane.ROUTINE) == HostedZone(ORIGIN, "second")
    async with opened(options(fake, zones={ORIGIN: "other"})) as account:
        with pytest.raises(RejectedError, match=r"other is for example\.net\., not example\.com\."):
            await account.zone(ORIGIN, Lane.ROUTINE)
    async with opened(options(fake, zones={ORIGIN: "gone"})) as account:
        with pytest.raises(RejectedError, match="'gone' does not exist"):
            await account.zone(ORIGIN, Lane.ROUTINE)


async def test_servers_are_named_for_public_zones_only(account: Account, fake: FakeCloudDns) -> None:
    assert await account.nameservers(HOSTED, Lane.FOLLOWING) == fake.zone(ZONE).servers
    fake.create("inside", ORIGIN, public=False)
    assert await account.nameservers(HostedZone(ORIGIN, "inside", private=True), Lane.FOLLOWING) == ()


async def test_each_request_waits_for_its_turn_and_tells_how_it_went(
    account: Account, fake: FakeCloudDns, turnstile: Turnstile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PAGE", 2)
    fake.fill(ZONE, 3)
    await account.read(HOSTED, Lane.COSMETIC)
    receipt = await account.apply(HOSTED, adding(address()), 5.0, Lane.URGENT)
    await account.settled(receipt, Lane.FOLLOWING)
    await account.zone(ORIGIN, Lane.ROUTINE)
    await account.nameservers(HOSTED, Lane.ROUTINE)
    assert turnstile.taken == [*[Lane.COSMETIC] * 3, Lane.URGENT, Lane.FOLLOWING, Lane.ROUTINE, Lane.ROUTINE]
    assert turnstile.outcomes == ["succeeded"] * len(fake.log) == ["succeeded"] * 7


async def test_a_token_bucket_lets_it_through(fake: FakeCloudDns) -> None:
    async with opened(options(fake), TokenBucket(1000.0, 1)) as account:
        assert len(await asyncio.gather(*(account.zone(ORIGIN, Lane.ROUTINE) for _ in range(5)))) == 5


async def test_the_event_loop_goes_on_while_there_is_no_answer(account: Account, fake: FakeCloudDns) -> None:
    """The server waits for the loop, so that nothing is left to luck."""
    going = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        asyncio.run_coroutine_threadsafe(going.wait(), loop).result(10)

    fake.faults.add("*", Meddle(wait), times=None)
    for request in (
        account.read(HOSTED, Lane.ROUTINE),
        account.apply(HOSTED, adding(address()), 10.0, Lane.ROUTINE),
    ):
        going.clear()
        task = asyncio.create_task(request)
        await until(fake.log.__len__)
        assert not task.done()
        going.set()
        await task
        fake.log.clear()

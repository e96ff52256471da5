"""What ends an answer goes first, what can wait is written together, and nothing urgent waits behind it."""

import asyncio

import pytest

from gslb.control.writing.call import Call, DroppedError, Turnstile
from gslb.model.recordset import RecordSet
from providers.base import Capabilities, Lane
from providers.throttle import TokenBucket
from tests.control.loops import running
from tests.control.writing.held import ZONE, Cloud, Held
from tests.control.writing.rig import ONE, TWO, Rig, S, answer, at_work, quiet, until

SLOW = Capabilities(1.0, 1.0, batch_size=1000, batch_characters=32_000, rate=1.0, burst=1)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_urgent_changes_are_written_before_others_each_lane_by_itself() -> None:
    async with at_work(*S[:6]) as rig:
        rig.publish(*(answer(service, ONE, TWO) for service in S[:6]))
        await rig.until_over(*S[:6])
        rig.cloud.latency = 1.0
        await asyncio.sleep(5)
        before = len(rig.cloud.asked("apply"))
        rig.publish(answer(S[0], ONE, TWO, ttl=5), answer(S[1], ONE, TWO, ttl=5))
        await asyncio.sleep(0.9)  # almost long enough
        rig.publish(answer(S[2], ONE, TWO, "192.0.2.9"), answer(S[4], ONE), answer(S[5], ONE))
        await rig.until_over(*S[:6])
        assert [(seen.lane, seen.services) for seen in rig.cloud.asked("apply")[before:]] == [
            (Lane.URGENT, (S[4], S[5])),
            (Lane.ROUTINE, (S[2],)),
            (Lane.COSMETIC, (S[0], S[1])),
        ]


async def test_changes_of_ttls_wait_for_one_another() -> None:
    async with at_work(*S[:5]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:5]))
        await rig.until_over(*S[:5])
        before, began = len(rig.cloud.asked("apply")), now()
        for service in S[:5]:
            rig.publish(answer(service, ONE, ttl=5))
            await asyncio.sleep(0.15)
        await rig.until_over(*S[:5])
        (written,) = rig.cloud.asked("apply")[before:]
        assert written.services == tuple(S[:5])
        assert 0.99 <= written.at - began < 1.1


async def test_an_urgent_decision_does_not_wait_behind_a_change_that_waits_for_its_turn() -> None:
    cloud = Cloud()
    async with at_work(*S[:2], cloud=cloud, options=Held(cloud, SLOW), rate=0.1, burst=1, witness=False) as rig:
        rig.publish(answer(S[0], ONE, TWO), answer(S[1], ONE, TWO))
        await rig.until_over(*S[:2])
        await quiet(rig)
        rig.publish(answer(S[0], ONE, TWO, ttl=5))  # takes the next turn
        await until(lambda: len(cloud.asked("apply")) == 2)
        rig.publish(answer(S[0], ONE, TWO, ttl=6))  # waits
        await asyncio.sleep(3)
        assert rig.writer().site.access.bucket.waiting == 2  # and a question what came of the one before
        rig.publish(answer(S[1], ONE))
        await until(lambda: len(cloud.asked("apply")) == 4)
        assert [seen.lane for seen in cloud.asked("apply")[2:]] == [Lane.URGENT, Lane.COSMETIC]
        await rig.until_over(*S[:2])


async def test_nor_behind_one_that_does_not_even_wait_yet() -> None:
    cloud = Cloud(prepares=0.5)
    async with at_work(*S[:2], cloud=cloud, options=Held(cloud, SLOW), rate=0.1, burst=1, witness=False) as rig:
        rig.publish(answer(S[0], ONE, TWO), answer(S[1], ONE, TWO))
        await rig.until_over(*S[:2])
        await quiet(rig)
        rig.publish(answer(S[0], ONE, TWO, ttl=5))  # takes the next turn
        await until(lambda: len(cloud.asked("apply")) == 2)
        rig.publish(answer(S[0], ONE, TWO, ttl=6))
        await asyncio.sleep(1.2)  # of which it has waited 1 s for others of its kind
        assert rig.writer().site.access.bucket.waiting == 1  # whoever asks what came of the one before
        rig.publish(answer(S[1], ONE))
        await until(lambda: len(cloud.asked("apply")) == 4)
        assert [seen.lane for seen in cloud.asked("apply")[2:]] == [Lane.URGENT, Lane.COSMETIC]
        await rig.until_over(*S[:2])


async def test_what_is_given_up_in_the_moment_of_its_turn_sends_nothing() -> None:
    """Or it would be written, and nobody would know."""
    bucket, sent = TokenBucket(1.0, 1), []
    await bucket.take(Lane.URGENT)
    turnstile, call = Turnstile(bucket), Call(10.0, Lane.COSMETIC, lambda: None, reads=False)

    async def work() -> None:
        await turnstile.take(Lane.COSMETIC)
        sent.append("a request")
        await asyncio.sleep(1.0)

    asyncio.get_running_loop().call_later(1.0 + 5e-10, call.drop)  # in one go with the turn
    with pytest.raises(DroppedError):
        await call.run(work, set())
    assert now() == pytest.approx(1.0)
    assert sent == []


async def test_a_change_that_is_on_its_way_is_not_given_up() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(answer(S[0], ONE, TWO), answer(S[1], ONE, TWO))
        await rig.until_over(*S[:2])
        rig.cloud.latency = 4.0
        rig.publish(answer(S[0], ONE, TWO, ttl=5))
        await until(lambda: len(rig.cloud.asked("apply")) == 2)
        rig.publish(answer(S[1], ONE))
        await rig.until_over(*S[:2])
        first, second = rig.cloud.asked("apply")[1:]
        assert second.at - first.at >= 3.99
        assert len(rig.cloud.asked("read")) == 4  # the zone once, and what was written thrice
        assert rig.told.troubles == []


async def test_a_look_for_drift_is_given_up_for_a_decision_and_made_afterwards() -> None:
    async with at_work(*S[:2], drift_interval=100.0) as rig:
        rig.publish(answer(S[0], ONE, TWO), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        rig.cloud.latency = 30.0
        await until(lambda: rig.cloud.requests[-1].lane is Lane.COSMETIC)
        began = now()
        rig.cloud.latency = 0.0
        rig.publish(answer(S[0], ONE))
        await rig.until_over(*S[:2])
        assert now() - began < 2
        await until(
            lambda: len([seen for seen in rig.cloud.asked("read") if seen.lane is Lane.COSMETIC]) == 2, within=2
        )


async def test_an_urgent_decision_makes_the_first_look_at_a_zone_urgent() -> None:
    """Turns come every ten seconds, and other zones of the account wait for theirs."""
    cloud = Cloud({zone: {} for zone in (ZONE, *(f"z{number}.example.com." for number in range(20)))})
    async with at_work(S[0], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE, TWO))
        await rig.until_over(S[0])
    rig = Rig(cloud)
    pace = {"rate": 0.1, "burst": 1, "options": Held(cloud)}
    zones = [zone for zone in cloud.zones if zone != ZONE]
    rig.configure(rig.setup(S[:1], **pace), *(rig.setup([], zone=zone, **pace) for zone in zones))
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE, TWO))
        await asyncio.sleep(1)
        rig.publish(answer(S[0], ONE))
        await until(lambda: cloud.answers(S[0]) == {ONE}, within=35)


async def test_what_waits_in_one_zone_does_not_keep_urgent_changes_of_another_waiting() -> None:
    cloud = Cloud({ZONE: {}, "other.example.": {}})
    rig = Rig(cloud)
    there = [type(S[0])(f"t{number}.other.example.") for number in range(2)]
    options = Held(cloud, SLOW)
    rig.configure(
        rig.setup(S[:1], options=options, witness=False),
        rig.setup(there, zone="other.example.", options=options, witness=False),
    )
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE, TWO), *(answer(service, ONE, TWO) for service in there))
        await rig.until_over(S[0], *there)
        await quiet(rig)
        for number in range(5):  # many changes of one zone that are followed
            rig.publish(answer(there[0], ONE, TWO, ttl=5 + number), answer(there[1], ONE, TWO, ttl=5 + number))
            await asyncio.sleep(1.2)
        began = now()
        rig.publish(answer(S[0], ONE))
        await until(lambda: cloud.answers(S[0]) == {ONE})
        assert now() - began <= 2.5


@pytest.mark.parametrize("urgent", [False, True])
async def test_a_look_comes_to_its_end_however_often_something_is_decided(*, urgent: bool) -> None:
    cloud = Cloud(latency=0.1, page=1)
    held = [RecordSet(f"h{number}.{ZONE}", "A", ("198.51.100.9",), 60) for number in range(100)]
    cloud.meddle_with(added=held)
    async with at_work(*S[:2], cloud=cloud, drift_interval=60.0, rate=5, burst=5, witness=False) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:2]))
        await rig.until_over(*S[:2])
        theirs = [record for record in cloud.held() if record.name == S[1]]
        cloud.meddle_with(theirs)
        for number in range(200):
            rig.publish(
                answer(S[0], f"192.0.2.{number}" if urgent else ONE, ttl=30 + number % 2, answers=1 + number % 2)
            )
            await asyncio.sleep(3)
        assert rig.told.drifts == [(S[1],)]

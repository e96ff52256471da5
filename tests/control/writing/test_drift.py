"""What somebody else has changed of ours is told of, and undone where that is wanted."""

import asyncio
from collections.abc import Collection
from itertools import pairwise

import pytest

from gslb.config.providers import Drift
from gslb.model.recordset import RecordSet, markers
from providers.base import HostedZone, Lane
from tests.control.writing.held import Cloud, HeldAccount, Moment
from tests.control.writing.meddling import doing
from tests.control.writing.rig import ONE, THREE, TWO, Rig, S, answer, at_work, until


def spoil(rig: Rig, *services: str) -> list[RecordSet]:
    """Somebody changes the addresses of services by hand; returns what was there."""
    theirs = [record for record in rig.cloud.held() if record.type == "A" and record.name in services]
    by_hand = [
        RecordSet(record.name, "A", ("198.51.100.66",), record.ttl, record.identifier, record.routing, record.weights)
        for record in theirs
    ]
    rig.cloud.meddle_with(theirs, by_hand)
    return theirs


async def begun(rig: Rig) -> None:
    rig.publish(*(answer(service, ONE) for service in S[:3]))
    await rig.until_over(*S[:3])


async def test_drift_is_told_of_once_and_left_alone() -> None:
    async with at_work(drift_interval=60.0) as rig:
        await begun(rig)
        spoil(rig, S[1])
        await asyncio.sleep(1000)
        assert rig.told.drifts == [(S[1],)]
        assert rig.metric("drift") == 1
        assert rig.place().drifted == (S[1],)
        assert rig.cloud.answers(S[1]) == {"198.51.100.66"}
        generation = rig.publish(answer(S[1], ONE))
        assert rig.over(*S[:3]) == [generation, 1, generation]


async def test_the_next_decision_is_written_over_it() -> None:
    async with at_work(drift_interval=60.0) as rig:
        await begun(rig)
        spoil(rig, S[1])
        await until(lambda: rig.told.drifts)
        rig.publish(answer(S[1], TWO))
        await rig.until_over(*S[:3])
        assert rig.cloud.answers(S[1]) == {TWO}
        assert rig.told.drifts == [(S[1],), ()]
        assert rig.metric("drift") == 0
        assert rig.told.troubles == []


async def test_so_it_is_when_nobody_has_seen_the_drift_yet() -> None:
    async with at_work(drift=Drift.OFF) as rig:
        await begun(rig)
        spoil(rig, S[1])
        await asyncio.sleep(1000)
        assert rig.told.drifts == []
        rig.publish(answer(S[1], TWO))
        await rig.until_over(*S[:3])
        assert rig.cloud.answers(S[1]) == {TWO}
        assert rig.metric("conflicts_total") == 1


async def test_other_services_that_have_drifted_are_left_alone_when_one_is_written() -> None:
    async with at_work(drift_interval=60.0) as rig:
        await begun(rig)
        spoil(rig, S[1], S[2])
        await until(lambda: rig.told.drifts)
        rig.publish(answer(S[1], TWO))
        await rig.until_over(*S[:2])
        await asyncio.sleep(500)
        assert rig.cloud.answers(S[2]) == {"198.51.100.66"}
        assert rig.told.drifts == [(S[1], S[2]), (S[2],)]


async def test_drift_is_repaired_where_that_is_wanted() -> None:
    async with at_work(drift_interval=60.0, drift=Drift.REPAIR) as rig:
        await begun(rig)
        before = spoil(rig, S[1])
        await until(lambda: set(before) <= rig.cloud.held(), within=70)
        await rig.until_over(*S[:3])
        assert rig.told.drifts == [(S[1],), ()]


async def test_what_is_put_right_by_hand_is_over_again_once_all_servers_have_it() -> None:
    async with at_work(drift_interval=60.0) as rig:
        await begun(rig)
        before = spoil(rig, S[1])
        await until(lambda: rig.told.drifts)
        spoiled = [record for record in rig.cloud.held() if record.name == S[1]]
        rig.cloud.meddle_with(spoiled, before)
        generation = rig.publish(answer(S[1], ONE))
        assert rig.over(S[1]) == [1]
        await rig.until_over(S[1], within=70 + 40)  # and nobody knows since when it is there
        assert rig.over(S[1]) == [generation]
        assert rig.told.drifts == [(S[1],), ()]


@pytest.mark.parametrize("drift", [Drift.REPORT, Drift.REPAIR])
async def test_a_service_whose_marker_is_gone_is_not_touched(drift: Drift) -> None:
    async with at_work(drift_interval=60.0, drift=drift) as rig:
        await begun(rig)
        marker = markers(rig.cloud.held())[S[1]][1]
        rig.cloud.meddle_with([marker])
        await until(lambda: rig.told.drifts)
        rig.publish(answer(S[1], TWO))
        await asyncio.sleep(500)
        assert rig.cloud.answers(S[1]) == {ONE}
        assert rig.told.troubles == [
            "s1.example.com: record sets in the way belong to nobody that is known: s1.example.com. A"
        ]


@pytest.mark.parametrize("reads", [1, 2])
async def test_a_marker_that_was_missing_in_what_was_read_holds_up_nothing_for_long(
    reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_work() as rig:
        rig.publish(*(answer(service, ONE, TWO) for service in S[:3]))
        await rig.until_over(*S[:3])
        read, seen = HeldAccount.read, len(rig.cloud.asked("read"))

        async def torn(
            self: HeldAccount, zone: HostedZone, lane: Lane, names: Collection[str] | None = None
        ) -> tuple[RecordSet, ...]:
            found = await read(self, zone, lane, names)
            is_torn = len(rig.cloud.asked("read")) <= seen + reads
            return tuple(record for record in found if record.type != "TXT") if is_torn else found

        monkeypatch.setattr(HeldAccount, "read", torn)
        await until(lambda: rig.told.drifts)
        rig.publish(answer(S[0], TWO))
        await until(lambda: rig.cloud.answers(S[0]) == {TWO}, within=10)
        assert rig.told.troubles == []


async def test_what_was_removed_and_is_there_again_is_removed_again() -> None:
    async with at_work(drift_interval=60.0) as rig:
        await begun(rig)
        before = [record for record in rig.cloud.held() if record.name.endswith(S[2])]
        rig.cloud.lags = dict.fromkeys(rig.cloud.lags, 1e6)
        rig.configure(rig.setup(S[:2], drift_interval=60.0))
        await until(lambda: not rig.cloud.answers(S[2]))
        rig.cloud.meddle_with(added=[record for record in before if record.key not in rig.cloud.zones["example.com."]])
        assert rig.cloud.answers(S[2])
        await until(lambda: not rig.cloud.answers(S[2]), within=70)


async def test_nothing_is_asked_for_where_nobody_looks() -> None:
    cloud = Cloud()
    async with at_work(cloud=cloud, drift=Drift.OFF) as rig:
        await begun(rig)
        before = len(cloud.requests)
        await asyncio.sleep(10_000)
        assert len(cloud.requests) == before


async def test_looks_are_spread() -> None:
    async with at_work(drift_interval=100.0) as rig:
        await begun(rig)
        before = len(rig.cloud.requests)
        await asyncio.sleep(10_000)
        looks = [seen.at for seen in rig.cloud.requests[before:]]
        waits = {round(later - earlier) for earlier, later in pairwise(looks)}
        assert min(waits) >= 90
        assert max(waits) <= 110
        assert len(waits) > 5


async def test_drift_during_a_configuration_that_repairs_from_now_on_is_repaired() -> None:
    async with at_work(drift_interval=60.0) as rig:
        await begun(rig)
        before = spoil(rig, S[2])
        await until(lambda: rig.told.drifts)
        rig.configure(rig.setup(drift_interval=60.0, drift=Drift.REPAIR))
        await until(lambda: set(before) <= rig.cloud.held(), within=80)
        assert THREE not in rig.cloud.answers(S[2])


async def test_whoever_undoes_each_repair_is_told_of_once_and_not_fought_with() -> None:
    cloud = Cloud()
    async with at_work(cloud=cloud, drift_interval=60.0, drift=Drift.REPAIR) as rig:
        await begun(rig)
        cloud.meddle = doing(lambda: spoil(rig, S[1]), lambda seen: S[1] in seen.services, Moment.LEAVING)
        spoil(rig, S[1])
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(3 * 3600)
        assert 10 <= len(cloud.asked("apply")) <= 3 * 3600 / 100
        text = "s1.example.com: changed by somebody else whenever it is repaired"
        assert rig.told.troubles.count(text) == 1
        assert len(rig.told.troubles) <= 2
        assert rig.told.drifts[-1] == (S[1],)
        assert len(rig.told.drifts) <= 3
        rig.publish(answer(S[1], TWO))
        await until(lambda: cloud.asked("apply")[-1].at >= began + 3 * 3600, within=3)
        cloud.meddle = Cloud().meddle
        await rig.until_over(*S[:3], within=400)
        assert cloud.answers(S[1]) == {TWO}
        await until(lambda: rig.told.ends and rig.told.drifts[-1] == (), within=4000)
        assert rig.told.ends == [("s1.example.com: published again", (S[1],))]

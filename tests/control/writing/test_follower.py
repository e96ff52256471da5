"""A change is confirmed once it is settled, read back, and answered by every server of the zone that answers at all."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest

from gslb.control.writing.setup import WriterState
from gslb.control.writing.witness import Expected, Sighting
from gslb.model.address import Address
from gslb.model.recordset import RecordSet
from providers.base import Capabilities, Lane, OutcomeUnknownError, RejectedError, UnavailableError
from tests.control.loops import running
from tests.control.writing.held import ZONE, Cloud, Held, HeldWitness, Moment, Seen
from tests.control.writing.meddling import doing, failing, hanging, of
from tests.control.writing.rig import ONE, THREE, TWO, Rig, S, answer, at_work, until

LAGS = ("ns1.example.net.", "ns2.example.net.")


def now() -> float:
    return asyncio.get_running_loop().time()


def lagging(first: float, second: float = 0.0, settles: float = 0.0) -> Cloud:
    return Cloud(settles=settles, lags=dict(zip(LAGS, (first, second), strict=True)))


async def test_whether_it_is_settled_is_asked_seldomer_and_seldomer_in_a_lane_of_its_own() -> None:
    async with at_work(S[0], cloud=Cloud(settles=60.0)) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        polls = rig.cloud.asked("settled")
        assert {seen.lane for seen in polls} == {Lane.FOLLOWING}
        waits = [later.at - earlier.at for earlier, later in pairwise(polls)]
        assert polls[0].at == pytest.approx(0.5, abs=0.01)
        assert waits[0] == pytest.approx(0.5, abs=0.01)
        assert all(before <= after + 1e-6 for before, after in pairwise(waits))
        assert waits[-1] == pytest.approx(5.0, abs=0.01)
        assert len(polls) < 20
        assert 60 <= now() < 67
        (record,) = rig.told.records
        assert 60 <= record.seconds < 66


async def test_a_newer_decision_is_written_while_an_older_one_is_not_settled_and_includes_it() -> None:
    async with at_work(*S[:2], cloud=Cloud(settles=60.0)) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await asyncio.sleep(20)
        rig.publish(answer(S[0], TWO))
        await until(lambda: len(rig.cloud.asked("apply")) == 2, within=1)
        assert rig.place().state is WriterState.CONFIRMING
        await until(lambda: rig.over(S[1]) == [2])
        assert now() < 70
        assert rig.over(S[0]) == [0]
        await rig.until_over(*S[:2])
        assert 80 <= now() < 90
        assert [(record.generation, record.services) for record in rig.told.records] == [(1, (S[1],)), (2, (S[0],))]


async def test_servers_that_answer_what_is_older_are_asked_again_and_hold_up_their_services_only() -> None:
    async with at_work(*S[:2], cloud=lagging(30.0)) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await asyncio.sleep(25)
        assert rig.over(*S[:2]) == [0, 0]
        assert rig.place().unconfirmed == 2
        await rig.until_over(*S[:2])
        assert 30 <= now() < 42
        assert rig.cloud.looks < 12
        began = now()
        rig.cloud.lags = dict.fromkeys(LAGS, 0.0)
        rig.publish(answer(S[0], TWO))
        await rig.until_over(*S[:2])
        assert now() - began < 2


async def test_a_server_that_never_has_it_is_told_of_and_asked_seldom() -> None:
    async with at_work(S[0], cloud=lagging(10_000.0)) as rig:
        rig.publish(answer(S[0], ONE))
        await asyncio.sleep(3600)
        assert rig.over(S[0]) == [0]
        assert rig.told.troubles == ["s0.example.com: older answers after 120 s at ns1.example.net:53"]
        assert rig.cloud.looks < 20 + 60
        assert rig.told.concerned == [(S[0],)]
        assert rig.told.ends == []
        rig.cloud.lags = dict.fromkeys(LAGS, 0.0)
        await rig.until_over(S[0], within=70)
        assert rig.told.ends == [("s0.example.com: answered everywhere as written", (S[0],))]


async def test_servers_that_do_not_answer_hold_nothing_up_but_are_counted() -> None:
    cloud = lagging(0.0)
    cloud.silent = {LAGS[0]}
    async with at_work(S[0], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        assert now() < 2
        assert rig.metric("silent_nameservers_total") == 1
        cloud.silent = set(LAGS)
        rig.publish(answer(S[0], TWO))
        await rig.until_over(S[0])
        assert rig.metric("silent_nameservers_total") == 3


@pytest.mark.parametrize("silent", [True, False])
async def test_what_may_have_been_written_just_now_waits_for_the_time_that_the_provider_takes(*, silent: bool) -> None:
    cloud = lagging(0.0)
    async with at_work(S[0], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE, TWO))
        await rig.until_over(S[0])
        cloud.lags = dict.fromkeys(LAGS, 39.0 if silent else 0.0)  # servers elsewhere may be later than those asked
        cloud.silent = set(LAGS) if silent else set()
        cloud.meddle = failing(OutcomeUnknownError("no answer"), of("apply", first=1), Moment.LEAVING)
        began, witnessed = now(), rig.metric("witnessed_seconds_count")
        rig.publish(answer(S[0], TWO))
        await rig.until_over(S[0])
        assert now() - began >= 40
        assert rig.metric("witnessed_seconds_count") - witnessed == (0 if silent else 1)


async def test_a_change_of_which_neither_the_provider_nor_any_server_says_that_it_is_there_waits_as_long() -> None:
    cloud = lagging(0.0, settles=1e6)
    cloud.silent = set(LAGS)
    told = Capabilities(900.0, 10.0, batch_size=1000, batch_characters=32_000, rate=100.0, burst=100)
    async with at_work(S[0], cloud=cloud, options=Held(cloud, told)) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        assert 910 <= now() < 920
        cloud.silent = {LAGS[0]}
        rig.publish(answer(S[0], TWO))
        began = now()
        await rig.until_over(S[0])
        assert now() - began < 620
    async with at_work(S[0], cloud=cloud, options=Held(cloud, told)) as rig:
        rig.publish(answer(S[0], TWO))
        began = now()
        await rig.until_over(S[0])
        assert now() - began >= 910


async def test_a_server_with_the_marker_but_other_values_does_not_have_it() -> None:
    async with at_work(S[0], cloud=Cloud()) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        rig.cloud.lags[LAGS[0]] = 1e6
        stale = RecordSet(S[0], "A", (THREE,), 30, "r0", "* weight 1", (1.0,))
        marked = [record for record in rig.cloud.held() if record.type == "TXT" and record.name != S[0]]
        rig.cloud.states[ZONE][0] = (-1.0, frozenset([stale, *marked]))
        rig.publish(answer(S[0], TWO))
        await asyncio.sleep(300)
        assert rig.over(S[0]) == [1]


@pytest.mark.parametrize("private", [True, False])
async def test_where_nobody_is_asked_settled_and_read_back_is_enough(*, private: bool) -> None:
    cloud = lagging(10_000.0)
    cloud.private = private
    async with at_work(S[0], cloud=cloud, witness=private) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        assert now() < 2
        assert cloud.looks == 0
        assert not cloud.asked("nameservers")
        assert rig.metric("witnessed_seconds_count") == 0


async def test_what_is_not_there_as_written_when_it_is_read_back_is_told_of_and_is_not_confirmed() -> None:
    cloud = Cloud()

    def spoil() -> None:
        theirs = [record for record in cloud.held() if record.name == S[0] and record.type == "A"]
        if theirs:
            wrong = RecordSet(S[0], "A", (THREE,), 30, "r0", "* weight 1", (1.0,))
            cloud.meddle_with(theirs, [wrong])

    async with at_work(*S[:2], cloud=cloud) as rig:
        cloud.meddle = doing(spoil, of("settled", first=1))
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(S[1])
        await until(lambda: rig.told.drifts)
        assert rig.told.drifts == [(S[0],)]
        assert rig.metric("conflicts_total") == 1
        await asyncio.sleep(100)
        assert rig.over(S[0]) == [0]


async def test_what_is_being_written_anew_is_no_difference() -> None:
    cloud = Cloud()

    async def slow(seen: Seen, moment: Moment) -> None:
        if seen.operation == "apply" and moment is Moment.LEAVING and len(cloud.asked("apply")) == 2:
            await asyncio.sleep(5)

    async with at_work(S[0], cloud=cloud) as rig:
        cloud.meddle = slow
        rig.publish(answer(S[0], ONE))
        await asyncio.sleep(0.45)
        rig.publish(answer(S[0], TWO))  # it is there when the first one is read back, but nobody knows yet
        await rig.until_over(S[0])
        assert len(cloud.asked("read")) == 3
        assert rig.told.troubles == []


async def test_what_is_there_after_all_is_confirmed() -> None:
    """A read that was answered by a replica of before, say."""
    cloud = Cloud()
    kept: dict[str, object] = {}

    async def flicker(seen: Seen, moment: Moment) -> None:
        if seen.operation == "read" and seen.lane is Lane.FOLLOWING and not kept.get("over"):
            if moment is Moment.ARRIVING:
                kept["zone"] = cloud.zones[ZONE]
                cloud.zones[ZONE] = {}
            else:
                cloud.zones[ZONE] = kept["zone"]  # type: ignore[assignment]
                kept["over"] = True

    cloud.meddle = flicker
    async with at_work(S[0], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        assert kept["over"]
        assert len(cloud.asked("apply")) == 1
        assert rig.told.drifts == []
        assert [record.services for record in rig.told.records] == [(S[0],)]


async def test_what_never_settles_is_looked_at_in_another_way_after_ten_minutes() -> None:
    async with at_work(S[0], cloud=Cloud(settles=1e9)) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        assert 600 <= now() < 610
        assert rig.told.troubles == ["s0.example.com: not settled within 600 s"]
        assert rig.told.ends == [("s0.example.com: answered everywhere as written", (S[0],))]


async def test_without_a_witness_it_is_asked_for_seldom_then() -> None:
    async with at_work(S[0], cloud=Cloud(settles=2000.0), witness=False) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        assert 2000 <= now() < 2065
        assert len(rig.cloud.asked("settled")) < 160
        assert rig.told.troubles == ["s0.example.com: not settled within 600 s"]
        assert rig.told.ends == [("s0.example.com: answered everywhere as written", (S[0],))]


async def test_what_took_long_is_over_with_what_is_written_after_it() -> None:
    async with at_work(*S[:2], cloud=lagging(10_000.0)) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await until(lambda: rig.told.troubles)
        rig.cloud.lags = dict.fromkeys(LAGS, 0.0)
        rig.publish(answer(S[0], TWO))
        await until(lambda: rig.told.ends)
        assert rig.told.ends == [("s0.example.com: answered everywhere as written", (S[0],))]
        await rig.until_over(*S[:2], within=70)
        assert rig.told.ends[1:] == [("s1.example.com: answered everywhere as written", (S[1],))]
        rig.publish(answer(S[0], ONE))
        await rig.until_over(*S[:2])
        assert len(rig.told.ends) == 2


async def test_what_is_there_and_not_everywhere_is_not_confirmed_by_being_wanted_again() -> None:
    async with at_work(S[0], cloud=lagging(50.0)) as rig:
        rig.publish(answer(S[0], ONE))
        await until(lambda: rig.place().unconfirmed)
        rig.cloud.meddle = failing(UnavailableError("502"), of("apply"))
        rig.publish(answer(S[0], TWO))
        await asyncio.sleep(5)
        rig.publish(answer(S[0], ONE))
        await asyncio.sleep(5)
        assert rig.over(S[0]) == [0]
        await rig.until_over(S[0], within=60)


async def test_a_receipt_that_the_provider_does_not_know_any_more_is_no_obstacle() -> None:
    cloud = Cloud(meddle=failing(RejectedError("no such change"), of("settled")))
    async with at_work(S[0], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0], within=400)


@pytest.mark.parametrize("operation", ["settled", "read", "nameservers"])
async def test_looking_goes_on_after_failures_and_writing_does_all_the_while(operation: str) -> None:
    cloud = Cloud()
    async with at_work(*S[:2], cloud=cloud) as rig:
        await until(lambda: cloud.asked("read"))
        cloud.meddle = failing(UnavailableError("502"), of(operation, first=4))
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0], within=30)


async def test_looking_goes_on_after_an_account_was_left_alone() -> None:
    cloud = Cloud(settles=10.0)
    async with at_work(*S[:3], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await until(lambda: cloud.asked("settled"))
        cloud.meddle = failing(UnavailableError("503"), of())
        rig.publish(answer(S[1], ONE))
        await asyncio.sleep(300)
        assert not rig.writer().site.access.breaker.closed
        cloud.meddle = Cloud().meddle
        await rig.until_over(*S[:2], within=150)


async def test_a_question_that_waits_for_its_turn_is_given_up_when_the_account_is_left_alone() -> None:
    cloud = Cloud()
    async with at_work(*S[:2], cloud=cloud, rate=0.05, burst=3, witness=False) as rig:
        rig.publish(answer(S[0], ONE))
        await until(lambda: cloud.asked("apply"))
        await asyncio.sleep(1)  # one is asked now
        rig.publish(answer(S[1], ONE))
        await asyncio.sleep(1)
        bucket, breaker = rig.writer().site.access.bucket, rig.writer().site.access.breaker
        await until(lambda: bucket.waiting == 2)
        for _ in range(5):
            rig.writer().site.access._judge(UnavailableError("503"))
        await asyncio.sleep(0.01)
        assert (breaker.closed, bucket.waiting) == (False, 0)
        await rig.until_over(*S[:2], within=400)


async def test_one_that_hangs_while_it_is_looked_at_does_not_keep_changes_from_being_written() -> None:
    cloud = Cloud()
    async with at_work(*S[:2], cloud=cloud) as rig:
        cloud.meddle = hanging(of("settled"))
        for number in range(20):
            rig.publish(answer(S[0], f"192.0.2.{number}"))
            await until(lambda number=number: cloud.answers(S[0]) == {f"192.0.2.{number}"}, within=2)  # type: ignore[misc]
            await asyncio.sleep(1)
        cloud.meddle = Cloud().meddle
        await rig.until_over(S[0], within=120)


async def test_few_names_are_read_back_by_name_and_many_by_reading_all() -> None:
    others = {record.key: record for record in (RecordSet(f"o{i}.{ZONE}", "A", (ONE,), 60) for i in range(1000))}
    async with at_work(*S[:50], cloud=Cloud({ZONE: others})) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:50]))
        await rig.until_over(*S[:50])
        reads = len(rig.cloud.asked("read"))
        assert reads == 10 + 11
        rig.publish(answer(S[0], TWO))
        await rig.until_over(*S[:50])
        assert len(rig.cloud.asked("read")) == reads + 2


async def test_a_service_is_over_when_the_last_of_its_providers_has_it() -> None:
    slow, quick = Cloud(settles=60.0), Cloud()
    rig = Rig(quick)
    rig.configure(
        rig.setup(S[:2], provider="quick"),
        rig.setup(S[:1], provider="slow", options=Held(slow), witness=False),
    )
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await until(lambda: rig.over(S[1]) == [1])
        assert now() < 2
        assert rig.over(*S[:3]) == [0, 1, None]
        await rig.until_over(S[0])
        assert now() > 60
        assert {record.provider for record in rig.told.records} == {"quick/example.com", "slow/example.com"}


async def test_a_removal_is_over_when_no_server_has_the_marker_any_more() -> None:
    cloud = lagging(0.0)
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        cloud.lags[LAGS[0]] = 50.0
        await asyncio.sleep(100)
        began = now()
        rig.configure(rig.setup(S[:1]))
        await asyncio.sleep(40)
        assert not cloud.answers(S[1])
        assert rig.over(S[1]) == [1]
        await until(lambda: rig.over(S[1]) == [None])
        assert 50 <= now() - began < 65


async def test_the_names_of_servers_are_asked_for_once_an_hour() -> None:
    async with at_work(S[0]) as rig:
        for number in range(8):
            rig.publish(answer(S[0], f"192.0.2.{number}"))
            await rig.until_over(S[0])
            await asyncio.sleep(900)
        assert len(rig.cloud.asked("nameservers")) == 2


async def test_a_witness_that_breaks_is_no_reason_to_stop() -> None:
    cloud = Cloud()

    class Broken(HeldWitness):
        times = 0

        async def look(self, asked: Mapping[Address, Sequence[Expected]]) -> Sighting:
            self.times += 1
            if self.times < 3:
                raise ZeroDivisionError
            return await super().look(asked)

    async with at_work(S[0], cloud=cloud, servers=Broken(cloud)) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0], within=700)

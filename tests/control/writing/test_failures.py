"""Whatever the API does, what was decided is there in the end, nobody is hammered, and people are told once."""

import asyncio
from contextlib import suppress
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from gslb.config.providers import Drift
from gslb.control.writing.backoff import LONG
from gslb.control.writing.setup import WriterState
from gslb.control.writing.suspicion import SELDOM
from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet, markers
from providers.base import (
    AuthFailedError,
    CasConflictError,
    Lane,
    NotOwnedError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from tests.control.loops import running
from tests.control.writing.held import FOREIGN, ZONE, Cloud, Held, Moment, Seen
from tests.control.writing.meddling import doing, failing, hanging, of
from tests.control.writing.rig import ONE, THREE, TWO, Rig, S, answer, at_work, quiet, until


def now() -> float:
    return asyncio.get_running_loop().time()


async def settled(rig: Rig, count: int = 3) -> None:
    """Everything of ``count`` services is published with ONE."""
    rig.publish(*(answer(service, ONE) for service in S[:count]))
    await rig.until_over(*S[:count])


async def test_who_has_been_there_meanwhile_is_seen_and_told_of_and_the_decision_is_written() -> None:
    async with at_work(*S[:3]) as rig:
        await settled(rig)
        held = {record.key: record for record in rig.cloud.held()}
        theirs = [record for record in held.values() if record.name in {S[0], f"_gslb.{S[0]}"}]
        newer = Marker(S[0], "us", 1, 77).record(300)
        rig.cloud.meddle_with(theirs, [RecordSet(S[0], "A", (THREE,), 30, "r0", "* weight 1", (1.0,)), newer])
        rig.publish(answer(S[0], TWO), answer(S[1], TWO))
        await rig.until_over(*S[:2])
        assert rig.cloud.answers(S[0]) == {TWO}
        assert [text.partition(":")[0] for text in rig.told.troubles] == ["s0.example.com, s1.example.com"]
        assert rig.told.concerned == [tuple(S[:2])]
        assert rig.told.ends == []
        assert rig.metric("conflicts_total") == 1
        operations = [seen.operation for seen in rig.cloud.asked("apply", "read")]
        assert operations == ["read", "apply", "read", "apply", "read", "apply", "read"]


async def test_what_somebody_else_has_marked_is_left_and_told_of_once_until_it_is_gone() -> None:
    theirs = [RecordSet(S[0], "A", ("198.51.100.9",), 60), Marker(S[0], "them", 9).record(300)]
    cloud = Cloud()
    cloud.meddle_with(added=theirs)
    async with at_work(*S[:3], cloud=cloud, drift_interval=100.0) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await rig.until_over(*S[1:3])
        for number in range(30):
            rig.publish(answer(S[0], f"192.0.2.{number}"))
            await asyncio.sleep(20)
        assert set(theirs) <= cloud.held()
        assert rig.over(S[0]) == [0]
        assert rig.told.troubles == ["s0.example.com: record sets in the way belong to them: s0.example.com. A"]
        assert 5 <= len(cloud.asked("read")) <= 9  # it is looked at now and then
        assert rig.place().error == rig.told.troubles[0]
        assert rig.place().state is WriterState.BLOCKED
        cloud.meddle_with(removed=theirs)
        await rig.until_over(S[0], within=250)
        assert cloud.answers(S[0]) == {"192.0.2.29"}


@pytest.mark.parametrize("drift", [Drift.OFF, Drift.REPORT])
async def test_it_is_looked_at_again_whether_or_not_somebody_looks_for_drift(drift: Drift) -> None:
    theirs = [RecordSet(S[0], "A", ("198.51.100.9",), 60)]
    cloud = Cloud()
    cloud.meddle_with(added=theirs)
    async with at_work(*S[:2], cloud=cloud, drift=drift) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(S[1])
        cloud.meddle_with(removed=theirs)
        await rig.until_over(S[0], within=SELDOM + 10)


@pytest.mark.parametrize("services", [S[:2], S[:3]], ids=["as they were", "with another one"])
async def test_a_reload_has_it_looked_at_again_at_once(services: list[ServiceName]) -> None:
    theirs = [RecordSet(S[0], "A", ("198.51.100.9",), 60)]
    cloud = Cloud()
    cloud.meddle_with(added=theirs)
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(S[1])
        rig.configure(rig.setup(services))
        await quiet(rig)
        assert cloud.answers(S[0]) == {"198.51.100.9"}
        cloud.meddle_with(removed=theirs)
        rig.configure(rig.setup(services))
        await rig.until_over(S[0], within=10)
    assert sum("in the way" in text for text in rig.told.troubles) == 1


async def test_a_reload_asks_for_nothing_where_nothing_of_others_is_in_the_way() -> None:
    async with at_work(*S[:2]) as rig:
        await settled(rig, 2)
        before = len(rig.cloud.requests)
        rig.configure(rig.setup(S[:2]))
        await quiet(rig)
        assert len(rig.cloud.requests) == before


CONFLICTS = {
    "": "remove them, or run gslb adopt CONFIG s0.example.com --provider cloud",
    "them": "remove them, or run gslb adopt CONFIG s0.example.com --provider cloud --from them",
    "the others": "remove them, or run gslb adopt CONFIG s0.example.com --provider cloud --from 'the others'",
    "us": "see which other controller of this installation publishes it; if none does, run "
    "gslb adopt CONFIG s0.example.com --provider cloud --from us",
}


@pytest.mark.parametrize(("owner", "remedy"), CONFLICTS.items())
async def test_a_conflict_names_the_command_that_ends_it(owner: str, remedy: str) -> None:
    theirs = [RecordSet(S[0], "A", ("198.51.100.9",), 60)]
    theirs += [Marker(S[0], owner, 9).record(300)] if owner else []
    cloud = Cloud()
    cloud.meddle_with(added=theirs)
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(S[1])
        assert rig.place().remedy == remedy


async def test_a_marker_alone_is_in_the_way_as_well() -> None:
    cloud = Cloud()
    cloud.meddle_with(added=[Marker(S[0], "them", 9).record(300)])
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(S[1])
        assert rig.told.troubles == ["s0.example.com: record sets in the way belong to them: _gslb.s0.example.com. TXT"]


async def test_who_is_configured_no_more_cannot_be_taken_back() -> None:
    cloud = Cloud()
    cloud.meddle_with(added=[RecordSet(S[0], "A", ("198.51.100.9",), 60), Marker(S[0], "us", 9).record(300)])
    async with at_work(*S[1:3], cloud=cloud) as rig:
        rig.publish(answer(S[1], ONE), answer(S[2], ONE))
        await rig.until_over(*S[1:3])
        assert rig.place().remedy == "see which other controller of this installation publishes it"


async def test_whoever_holds_a_later_lease_is_not_written_over() -> None:
    async with at_work(*S[:2]) as rig:
        await settled(rig, 2)
        theirs = [record for record in rig.cloud.held() if record.name in {S[0], f"_gslb.{S[0]}"}]
        later = [
            RecordSet(S[0], "A", (THREE,), 30, "r0", "* weight 1", (1.0,)),
            Marker(S[0], "us", 2, 77).record(300),
        ]
        rig.cloud.meddle_with(theirs, later)
        rig.publish(answer(S[0], TWO), answer(S[1], TWO))
        await rig.until_over(S[1])
        await asyncio.sleep(1000)
        assert set(later) <= rig.cloud.held()
        assert rig.over(S[0]) == [1]
        assert sum("later lease" in text for text in rig.told.troubles) == 1
        rig.configure(rig.setup(S[:2], fence=3))
        await rig.until_over(*S[:2], within=60)
        assert markers(rig.cloud.held())[S[0]][0].fence == 3


@pytest.mark.parametrize("moment", Moment)
async def test_where_the_outcome_is_not_known_the_zone_is_read_before_anything_is_written(moment: Moment) -> None:
    async with at_work(*S[:3]) as rig:
        await settled(rig)
        before = len(rig.cloud.requests)
        rig.cloud.meddle = failing(OutcomeUnknownError("time out"), of("apply", first=1), moment)
        generation = rig.publish(answer(S[0], TWO))
        await rig.until_over(*S[:3])
        assert rig.cloud.answers(S[0]) == {TWO}
        operations = [seen.operation for seen in rig.cloud.requests[before:]]
        assert operations[:2] == ["apply", "read"]
        assert operations.count("apply") == (2 if moment is Moment.ARRIVING else 1)
        assert rig.told.records[-1].generation == generation
        assert rig.told.records[-1].services == (S[0],)


async def test_what_is_over_does_not_move_while_the_outcome_is_not_known() -> None:
    async with at_work(*S[:2]) as rig:
        await settled(rig, 2)
        rig.cloud.meddle = failing(OutcomeUnknownError("time out"), of("apply", "read"))
        rig.publish(answer(S[0], TWO))
        await asyncio.sleep(100)
        generation = rig.publish(answer(S[0], ONE))  # as it was; but it may have been written
        assert rig.over(*S[:2]) == [1, generation]


def attempts(cloud: Cloud, *operations: str) -> list[float]:
    return [seen.at for seen in cloud.asked(*operations)]


@pytest.mark.parametrize("error", [ThrottledError("slow down"), UnavailableError("502")])
async def test_who_is_away_is_tried_again_after_waits_that_grow(error: ProviderError) -> None:
    async with at_work(*S[:2]) as rig:
        await settled(rig, 2)
        before = len(rig.cloud.asked("apply"))
        rig.cloud.meddle = failing(error, of("apply"))
        rig.publish(answer(S[0], TWO))
        await asyncio.sleep(3600)
        tries = attempts(rig.cloud, "apply")[before:]
        assert 60 <= len(tries) <= 220  # every 30 s on average
        assert max(later - earlier for earlier, later in pairwise(tries)) <= 70
        assert rig.place().state is WriterState.FAILING
        assert rig.place().retry is not None
        assert rig.over(*S[:2]) == [1, 2]
        assert len(rig.told.troubles) == 1
        rate = rig.registry.get_sample_value("gslb_provider_rate", {"provider": "cloud"})
        assert rate == (5 if isinstance(error, ThrottledError) else 100)
        rig.cloud.meddle = Cloud().meddle
        await rig.until_over(*S[:2], within=70)
        assert rig.told.ends == [("requests are answered again", ())]
        assert len(rig.told.troubles) == 1
        assert rig.place().error == ""


async def test_a_single_failure_is_for_the_log_only() -> None:
    async with at_work(*S[:2]) as rig:
        rig.cloud.meddle = failing(UnavailableError("502"), of("zone", first=2))
        with capture_logs() as logs:
            await settled(rig, 2)
        assert rig.told.troubles == []
        assert rig.told.ends == []
        assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["request failed"]


async def test_an_urgent_decision_does_not_wait_but_does_not_hammer_either() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(answer(S[0], ONE, TWO, THREE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        rig.cloud.meddle = failing(ThrottledError("slow down"), of("apply"))
        rig.publish(answer(S[1], ONE, TWO))
        await asyncio.sleep(600)  # waits are long by now
        tries = len(rig.cloud.asked("apply"))
        began = now()
        for number in range(200):
            rig.publish(answer(S[0], f"192.0.2.{number % 100}"))
            await asyncio.sleep(0.05)
        later = attempts(rig.cloud, "apply")[tries:]
        assert later[0] <= began + 1
        assert 8 <= len(later) <= 12  # one a second in ten seconds
        before = len(rig.cloud.asked("apply"))
        await asyncio.sleep(60)
        assert len(rig.cloud.asked("apply")) - before <= 6  # and no more when nothing new is decided


async def test_a_decision_that_is_not_urgent_waits() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        rig.cloud.meddle = failing(ThrottledError("slow down"), of("apply"))
        rig.publish(answer(S[0], ONE, TWO))
        await asyncio.sleep(600)
        await until(lambda: (rig.place().retry or 0) > 20)
        before = len(rig.cloud.asked("apply"))
        rig.publish(answer(S[0], ONE, TWO, THREE))
        await asyncio.sleep(15)
        assert len(rig.cloud.asked("apply")) == before


REMEDY = "grant route53:ListHostedZones"


@pytest.mark.parametrize("error", [AuthFailedError("access denied", REMEDY), RejectedError("no such zone", REMEDY)])
async def test_what_takes_somebody_to_do_something_waits_long_and_is_told_with_its_remedy_once(
    error: ProviderError,
) -> None:
    cloud = Cloud(meddle=failing(error, of("zone")))
    with capture_logs() as logs:
        async with at_work(*S[:2], cloud=cloud) as rig:
            rig.publish(answer(S[0], ONE), answer(S[1], ONE))
            await asyncio.sleep(3600)
            assert 10 <= len(cloud.requests) <= 60
            assert min(later - earlier for earlier, later in pairwise(attempts(cloud))) >= LONG.least
            assert rig.told.troubles == [error.message]
            assert rig.place().remedy == REMEDY
            told = [line for line in logs if line.get("remedy") == REMEDY]
            assert len(told) == 1
            cloud.meddle = Cloud().meddle
            await rig.until_over(*S[:2], within=310)


async def test_an_account_that_cannot_be_opened_is_tried_again_while_others_work() -> None:
    cloud, other = Cloud(problem=AuthFailedError("no credentials", "set AWS_PROFILE")), Cloud()
    rig = Rig(cloud)
    rig.configure(
        rig.setup(S[:2]),
        rig.setup(S[:2], provider="other", options=Held(other)),
        rig.setup(S[2:4], zone="s2.example.com."),
    )
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await until(lambda: other.answers(S[0]))
        await asyncio.sleep(1000)
        assert rig.over(S[0]) == [0]
        assert rig.place().error == "no credentials"
        cloud.problem = None
        await rig.until_over(*S[:2], within=310)


@pytest.mark.parametrize("error", [RejectedError("quota"), NotOwnedError("theirs"), CasConflictError("differs")])
async def test_of_a_batch_that_is_refused_only_the_service_at_fault_waits(error: ProviderError) -> None:
    bad = S[11]
    cloud = Cloud(meddle=failing(error, lambda seen: bad in seen.services))
    async with at_work(*S[:16], cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:16]))
        good = [service for service in S[:16] if service != bad]
        await rig.until_over(*good, within=60)
        batches = cloud.asked("apply")
        # 16, 8 8, 4 4, 2 2, 1 1. The first conflict may be bad luck, and the last ones are tried again soon.
        assert len(batches) <= (9 if isinstance(error, RejectedError) else 9 + 3)
        assert rig.over(bad) == [0]
        assert rig.place().state is WriterState.BLOCKED
        for number in range(100):  # for as long as it is tried again and again
            rig.publish(*(answer(service, f"192.0.2.{number}") for service in good))
            await asyncio.sleep(10)
        await rig.until_over(*good, within=60)
        assert any(seen.services == (bad,) for seen in cloud.asked("apply")[len(batches) :])
        assert not any(bad in seen.services and len(seen.services) > 1 for seen in cloud.asked("apply")[len(batches) :])
        cloud.meddle = Cloud().meddle
        await rig.until_over(bad, within=310)
        assert cloud.answers(bad) == {ONE}


async def test_the_only_service_of_a_request_that_is_refused_is_not_tried_beside_others() -> None:
    cloud = Cloud(meddle=failing(RejectedError("quota"), lambda seen: S[0] in seen.services))
    async with at_work(*S[:3], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await until(lambda: rig.told.troubles)
        await until(lambda: (blocked := rig.writer().site.standings[S[0]].blocked) and blocked.until - now() < 0.5)
        cloud.latency = 2.0
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        rig.publish(answer(S[0], TWO))
        await rig.until_over(*S[1:3])
        assert {seen.services for seen in cloud.asked("apply")} == {(S[0],), (S[1], S[2])}


async def test_one_that_is_refused_is_tried_again_when_it_is_decided_anew() -> None:
    cloud = Cloud(meddle=failing(RejectedError("quota", "ask for more"), lambda seen: S[0] in seen.services))
    async with at_work(S[0], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await until(lambda: rig.told.troubles)
        assert rig.told.troubles == ["s0.example.com: refused: quota"]
        assert rig.place().remedy == "ask for more"
        began = now()
        for number in range(100):
            rig.publish(answer(S[0], f"192.0.2.{number}"))
            await asyncio.sleep(0.1)
        tries = [at for at in attempts(cloud, "apply") if at > began]
        assert 8 <= len(tries) <= 11
        assert len(rig.told.troubles) == 1
        assert rig.told.concerned == [(S[0],)]


async def test_one_that_is_refused_is_no_trouble_any_more_once_what_is_there_is_wanted_again() -> None:
    async with at_work(S[0], drift=Drift.OFF) as rig:
        await settled(rig, 1)
        rig.cloud.meddle = failing(RejectedError("quota"), of("apply"))
        rig.publish(answer(S[0], TWO))
        await until(lambda: rig.told.troubles)
        with capture_logs() as logs:
            rig.publish(answer(S[0], ONE))
        assert rig.told.ends == [("s0.example.com: published again", (S[0],))]
        assert rig.place().state is WriterState.CURRENT
        assert [line["event"] for line in logs] == ["s0.example.com: published again"]


async def test_one_that_is_removed_is_no_trouble_any_more() -> None:
    theirs = [RecordSet(S[0], "A", ("198.51.100.9",), 60)]
    cloud = Cloud()
    cloud.meddle_with(added=theirs)
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await until(lambda: rig.told.troubles)
        rig.configure(rig.setup(S[1:2]))
        await until(lambda: rig.told.ends)
        assert rig.told.ends == [("s0.example.com: removed", (S[0],))]
        assert set(theirs) <= cloud.held()


async def test_what_was_told_is_over_with_the_configuration_and_told_anew_where_it_lasts() -> None:
    cloud = Cloud(meddle=failing(AuthFailedError("access denied"), of("apply")))
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await until(lambda: rig.told.troubles)
        rig.configure(rig.setup(S[:2], rate=3.0))
        assert rig.told.ends == [("configured otherwise", ())]
        await until(lambda: len(rig.told.troubles) == 2)
        assert rig.told.troubles == ["access denied"] * 2


async def test_so_are_troubles_of_services_and_drift() -> None:
    async with at_work(*S[:3], drift_interval=60.0) as rig:
        await settled(rig)
        theirs = [record for record in rig.cloud.held() if record.name == S[0] and record.type == "A"]
        rig.cloud.meddle_with(theirs)
        await until(lambda: rig.told.drifts)
        rig.cloud.meddle = failing(RejectedError("quota"), of("apply"))
        rig.publish(answer(S[1], TWO), answer(S[2], TWO))
        await until(lambda: len(rig.told.troubles) == 2)
        rig.configure()
        assert rig.told.ends == [("s1.example.com, s2.example.com: configured otherwise", tuple(S[1:3]))]
        assert rig.told.drifts == [(S[0],), ()]
        rig.configure(rig.setup(S[:3]))
        rig.configure()
        assert len(rig.told.ends) == 1
        assert len(rig.told.drifts) == 2


async def test_an_account_that_hangs_holds_up_nobody_else_and_is_not_asked_more_and_more() -> None:
    stuck, other = Cloud(meddle=hanging(of())), Cloud()
    rig = Rig(stuck)
    zones = [f"z{number}.example.com." for number in range(20)]
    stuck.zones |= {zone: {} for zone in zones}
    rig.configure(
        *(rig.setup([f"a.{zone}"], zone=zone) for zone in zones),  # type: ignore[list-item]
        rig.setup(S[:2], provider="other", options=Held(other), witness=False),
    )
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await until(lambda: all(rig.writers._writers["other", ZONE].over(service) == 1 for service in S[:2]), within=5)
        await asyncio.sleep(3600)
        # Twenty at first, as nothing is known; then one at a time, each after a longer wait.
        assert len(stuck.requests) <= 20 + 150


async def test_a_change_that_is_not_answered_is_given_up_at_its_deadline_and_looked_for() -> None:
    async with at_work(*S[:2], deadline=3.0) as rig:
        await settled(rig, 2)
        rig.cloud.meddle = hanging(of("apply", first=1), Moment.LEAVING)
        began = now()
        rig.publish(answer(S[0], TWO))
        await rig.until_over(*S[:2])
        assert now() - began < 3.0 + 1.0 + 1.0 + 1.0 + 40.0  # for nobody knows when it was written
        assert len(rig.cloud.asked("apply")) == 2  # the first of all among them
        assert rig.metric("errors_total", error="OutcomeUnknown") == 1


async def test_a_bug_of_the_plug_in_is_logged_with_its_traceback_once_and_the_writer_goes_on() -> None:
    async with at_work(*S[:2]) as rig:
        await settled(rig, 2)
        rig.cloud.meddle = failing(ZeroDivisionError("oops"), of("apply", first=6))
        with capture_logs() as logs:
            rig.publish(answer(S[0], TWO))
            await rig.until_over(*S[:2])
        assert sum("exc_info" in line and line["log_level"] == "error" for line in logs) == 1
        assert rig.cloud.answers(S[0]) == {TWO}
        assert rig.metric("errors_total", error="OutcomeUnknown") == 6


async def test_nonsense_of_the_plug_in_does_not_end_the_writer() -> None:
    cloud = Cloud()
    rig = Rig(cloud)
    rig.configure(rig.setup(S[:1]))
    account = rig.writer().site.access
    async with running(rig.writers.run()):
        await until(lambda: account._account is not None and cloud.asked("read"))
        real = account._account

        class Odd:
            def __getattr__(self, name: str) -> object:
                if name == "read":
                    return self.read
                return getattr(real, name)

            async def read(self, *_: object) -> object:
                return (None, 5)

        account._account = Odd()  # type: ignore[assignment]
        rig.writer().site.image = None
        rig.publish(answer(S[0], ONE))
        await asyncio.sleep(100)
        assert rig.place().state is WriterState.FAILING
        account._account = real
        await rig.until_over(S[0], within=70)
    assert set(FOREIGN) <= cloud.held()


async def test_calls_that_cannot_be_ended_do_not_become_more_and_more() -> None:
    held_up = asyncio.Event()

    async def stubborn(seen: Seen, moment: Moment) -> None:
        while not held_up.is_set():
            with suppress(asyncio.CancelledError):
                await held_up.wait()

    cloud = Cloud(meddle=stubborn)
    async with at_work(*S[:1], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE))
        await asyncio.sleep(7200)
        assert len(cloud.requests) == 8
        assert "calls hang" in rig.place().error
        held_up.set()
        await rig.until_over(S[0], within=70)


async def test_after_a_failure_the_account_tells_that_it_works_by_what_it_refuses_too() -> None:
    cloud = Cloud(meddle=failing(UnavailableError("502"), of("zone", first=8)))
    async with at_work(*S[:2], cloud=cloud) as rig:
        await until(lambda: not rig.writer().site.access.breaker.closed)
        assert rig.registry.get_sample_value("gslb_provider_breaker_open", {"provider": "cloud"}) == 1
        await settled(rig, 2)
        assert rig.registry.get_sample_value("gslb_provider_breaker_open", {"provider": "cloud"}) == 0
        cloud.meddle = doing(lambda: None, of())
        assert rig.writer().site.access.breaker.failures == 0
        assert cloud.asked("apply")[0].lane is Lane.ROUTINE


async def test_a_zone_that_another_one_has_taken_the_place_of_is_found_again() -> None:
    async with at_work(*S[:2]) as rig:
        await settled(rig, 2)
        cloud, successor = rig.cloud, "example.com. (2)"

        async def move(seen: Seen, moment: Moment) -> None:
            if seen.zone == ZONE and seen.operation == "apply":
                raise RejectedError("no such zone")

        cloud.zones[successor], cloud.states[successor] = {record.key: record for record in FOREIGN}, []
        cloud.means[ZONE] = successor
        cloud.meddle = move
        rig.configure(rig.setup(S[:2], witness=False))
        rig.publish(answer(S[0], TWO))
        await rig.until_over(*S[:2], within=60)
        assert cloud.answers(S[0], successor) == {TWO}
        assert cloud.answers(S[1], successor) == {ONE}
        assert set(FOREIGN) <= cloud.held(successor)

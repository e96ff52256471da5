"""Reloads leave alone what is the same, and what one account does is nothing to another."""

import asyncio

from msgspec.structs import replace
from structlog.testing import capture_logs

from gslb.control.writing.setup import WriterState
from gslb.model.expressible import Feature
from gslb.model.names import ServiceName
from gslb.model.recordset import markers
from gslb.model.steering import Pick
from providers.base import AuthFailedError, UnavailableError
from tests.control.loops import running
from tests.control.writing.held import ZONE, Cloud, Held
from tests.control.writing.meddling import failing, of
from tests.control.writing.rig import ONE, TWO, Rig, S, answer, at_work, until


def now() -> float:
    return asyncio.get_running_loop().time()


def zones(count: int) -> list[str]:
    return [f"z{number}.example." for number in range(count)]


def within(zone: str, count: int) -> list[ServiceName]:
    return [ServiceName(f"s{number}.{zone}") for number in range(count)]


async def test_a_reload_with_the_same_configuration_asks_for_nothing() -> None:
    async with at_work() as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await rig.until_over(*S[:3])
        before, task = len(rig.cloud.requests), rig.writers._tasks["cloud", ZONE]
        rig.configure(rig.setup())
        assert rig.over(*S[:3]) == [1] * 3
        await asyncio.sleep(100)
        assert len(rig.cloud.requests) == before
        assert rig.writers._tasks["cloud", ZONE] is task


async def test_services_that_come_are_written_and_those_that_stay_are_over_as_before() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await rig.until_over(*S[:2])
        rig.configure(rig.setup(S[:3]))
        assert rig.over(*S[:3]) == [1, 1, 0]
        await rig.until_over(*S[:3])
        assert [seen.services for seen in rig.cloud.asked("apply")] == [tuple(S[:2]), (S[2],)]


async def test_a_zone_that_is_left_out_is_left_as_it_is_there() -> None:
    cloud = Cloud({ZONE: {}, "other.example.": {}})
    rig = Rig(cloud)
    other = within("other.example.", 1)
    both = [rig.setup(S[:1]), rig.setup(other, zone="other.example.")]
    rig.configure(*both)
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE), answer(other[0], ONE))
        await rig.until_over(S[0], *other)
        held = cloud.held("other.example.")
        rig.configure(both[0])
        assert rig.over(*other) == [None]
        assert [place.zone for place in rig.writers.places()] == [ZONE]
        await asyncio.sleep(1000)
        assert cloud.held("other.example.") == held
        assert (
            rig.registry.get_sample_value("gslb_provider_pending", {"provider": "cloud", "zone": "other.example."})
            is None
        )
        assert cloud.closed == 0  # the account is in use yet
        rig.configure()
        await until(lambda: cloud.closed == 1)
        assert rig.registry.get_sample_value("gslb_provider_breaker_open", {"provider": "cloud"}) is None
        rig.configure(*both)
        rig.publish(answer(S[0], TWO))
        await rig.until_over(S[0], *other)
        assert cloud.opened == 2


async def test_what_a_service_can_do_without_may_change() -> None:
    cloud = Cloud()
    options = Held(cloud, lacks=frozenset({Feature.STICKY}))
    plain = answer(S[0], ONE, TWO)
    (only,) = plain.rules
    async with at_work(S[0], cloud=cloud, options=options) as rig:
        rig.publish(replace(plain, rules=(replace(only, pick=Pick.STICKY),)))
        await until(lambda: rig.told.troubles)
        rig.configure(rig.setup(S[:1], options=options, without={S[0]: frozenset({Feature.STICKY})}))
        await rig.until_over(S[0])
        assert cloud.answers(S[0]) == {ONE, TWO}


async def test_a_reload_while_a_zone_is_read_has_it_read_once_more() -> None:
    cloud = Cloud(latency=4.0)
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await until(lambda: cloud.asked("read"))
        assert rig.place().state is WriterState.WRITING
        rig.configure(rig.setup(S[:3]))
        await rig.until_over(*S[:3])
        assert [seen.services for seen in cloud.asked("apply")] == [tuple(S[:3])]


async def test_another_table_of_a_provider_opens_it_anew_and_its_zones_begin_anew() -> None:
    old, new = Cloud(), Cloud()
    async with at_work(S[0], cloud=old) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        rig.configure(rig.setup(S[:1], options=Held(new), witness=False))
        assert rig.over(S[0]) == [0]
        await rig.until_over(S[0])
        assert (old.closed, new.opened, new.answers(S[0])) == (1, 1, {ONE})


async def test_another_pace_does_so_too() -> None:
    async with at_work(S[0]) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        rig.configure(rig.setup(S[:1], rate=3.0, burst=2))
        await rig.until_over(S[0])
        assert rig.writer().site.access.bucket.rate == 3.0
        assert (rig.cloud.opened, rig.cloud.closed, len(rig.cloud.asked("apply"))) == (2, 1, 1)


async def test_another_owner_finds_the_records_of_the_former_one_in_the_way() -> None:
    async with at_work(S[0]) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        rig.configure(rig.setup(S[:1], owner="others"))
        await until(lambda: rig.told.troubles)
        assert "belong to us" in rig.told.troubles[0]
        assert markers(rig.cloud.held())[S[0]][0].owner == "us"


async def test_what_is_configured_before_it_runs_and_what_comes_later_work_alike() -> None:
    cloud = Cloud({zone: {} for zone in zones(2)})
    rig = Rig(cloud)
    first, second = zones(2)
    a, b = within(first, 2), within(second, 2)
    rig.configure(rig.setup(a, zone=first))
    rig.publish(*(answer(service, ONE) for service in (*a, *b)))
    async with running(rig.writers.run()):
        await rig.until_over(*a)
        rig.configure(rig.setup(a, zone=first), rig.setup(b, zone=second))
        await rig.until_over(*a, *b)
        assert cloud.opened == 1


async def test_zones_of_an_account_that_is_away_try_it_one_at_a_time_and_all_go_on_when_it_is_back() -> None:
    names = zones(200)
    cloud = Cloud({zone: {} for zone in names}, meddle=failing(UnavailableError("503"), of()))
    rig = Rig(cloud)
    services = {zone: within(zone, 1) for zone in names}
    rig.configure(*(rig.setup(services[zone], zone=zone) for zone in names))
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE) for each in services.values() for service in each))
        await asyncio.sleep(1800)
        assert len(cloud.requests) <= 100 + 5 + 1800 / 15  # those of the first moment, then one every half minute
        assert all(place.state is WriterState.FAILING for place in rig.writers.places())
        cloud.meddle = Cloud().meddle
        await until(lambda: rig.writer(names[0]).site.access.breaker.closed, within=61)
        every = [service for each in services.values() for service in each]
        await rig.until_over(*every, within=20)  # none waits for what it would have waited for


async def test_an_urgent_decision_finds_out_that_an_account_is_back_for_all_its_zones() -> None:
    names = zones(20)
    cloud = Cloud({zone: {} for zone in names})
    rig = Rig(cloud)
    services = [within(zone, 1)[0] for zone in names]
    rig.configure(*(rig.setup([service], zone=zone) for zone, service in zip(names, services, strict=True)))
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE) for service in services))
        await rig.until_over(*services)
        cloud.meddle = failing(UnavailableError("503"), of())
        rig.publish(*(answer(service, ONE, TWO) for service in services))
        breaker = rig.writer(names[0]).site.access.breaker
        await asyncio.sleep(600)
        await until(lambda: breaker.until is not None and breaker.until - now() > 30)
        cloud.meddle = Cloud().meddle
        rig.publish(answer(services[7], TWO))
        await rig.until_over(*services, within=10)


async def test_moves_are_told_once_for_many() -> None:
    names = zones(50)
    cloud = Cloud({zone: {} for zone in names})
    rig = Rig(cloud)
    services = [service for zone in names for service in within(zone, 3)]
    rig.configure(*(rig.setup(within(zone, 3), zone=zone) for zone in names))
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE) for service in services))
        await rig.until_over(*services)
        before = rig.told.moves
        rig.publish()
        assert rig.told.moves == before  # not while it is published
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert rig.told.moves == before + 1


async def test_a_service_that_moves_to_another_provider_is_not_over_before_the_former_one_has_removed_it() -> None:
    old, new = Cloud(), Cloud(settles=30.0)
    rig = Rig(old)

    def setups(there: list[ServiceName]) -> list[object]:
        return [
            rig.setup([s for s in S[:2] if s not in there], provider="old", options=Held(old), witness=False),
            rig.setup(there, provider="new", options=Held(new), witness=False),
        ]

    rig.configure(*setups([]))  # type: ignore[arg-type]
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        old.settles = 100.0
        rig.configure(*setups([S[0]]))  # type: ignore[arg-type]
        rig.publish(answer(S[0], TWO))
        await until(lambda: new.answers(S[0]))
        await asyncio.sleep(60)
        assert rig.over(*S[:2]) == [1, 2]
        await rig.until_over(S[0])
        assert not old.answers(S[0])


NESTED = ServiceName(f"api.eu.{ZONE}")
EU = f"eu.{ZONE}"


async def moved_into_a_zone_of_its_own(rig: Rig) -> None:
    """A service is published in the outer zone, and then configured in one of its own."""
    rig.publish(answer(NESTED, ONE), *(answer(service, ONE) for service in S[:2]))
    await rig.until_over(NESTED, *S[:2])
    rig.configure(rig.setup(S[:2], witness=False), rig.setup([NESTED], zone=EU, witness=False))
    rig.publish(answer(NESTED, ONE))


async def test_a_service_that_gets_a_zone_of_its_own_is_removed_from_the_outer_one_once_the_new_one_has_it() -> None:
    cloud = Cloud({ZONE: {}, EU: {}}, settles=30.0)
    async with at_work(NESTED, *S[:2], cloud=cloud, witness=False) as rig:
        await moved_into_a_zone_of_its_own(rig)
        await until(lambda: cloud.answers(NESTED, EU))
        await asyncio.sleep(25)
        assert cloud.answers(NESTED) == {ONE}
        await until(lambda: not cloud.answers(NESTED), within=40)
        await rig.until_over(NESTED, *S[:2])
        assert NESTED not in markers(cloud.held())


async def test_where_the_new_zone_cannot_be_written_the_service_stays_in_the_outer_one() -> None:
    async with at_work(NESTED, *S[:2], witness=False) as rig:
        await moved_into_a_zone_of_its_own(rig)
        await asyncio.sleep(3600)
        assert rig.cloud.answers(NESTED) == {ONE}
        assert rig.over(NESTED) == [0]
        rig.configure(rig.setup(S[:2], witness=False))
        await until(lambda: not rig.cloud.answers(NESTED), within=60)  # it is to be nowhere


async def test_a_service_that_is_published_elsewhere_all_along_is_removed_at_once() -> None:
    first, second = Cloud(), Cloud()
    rig = Rig(first)
    one, two = (rig.setup(S[:2], provider=name, options=Held(at)) for name, at in (("one", first), ("two", second)))
    rig.configure(one, two)
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE) for service in S[:2]))
        await rig.until_over(*S[:2])
        second.meddle = failing(UnavailableError("503"), of("apply"))
        rig.publish(answer(S[0], TWO))
        rig.configure(rig.setup(S[1:2], provider="one", options=one.options), two)
        await until(lambda: not first.answers(S[0]), within=60)


async def test_a_writer_that_ends_is_logged_told_of_and_begun_anew() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:2]))
        await rig.until_over(*S[:2])
        real, faults = rig.writer()._pause, 4

        def pause() -> float:
            nonlocal faults
            faults -= 1
            if faults >= 0:
                raise ZeroDivisionError("oops")
            return real()

        rig.writer()._pause = pause  # type: ignore[method-assign]
        with capture_logs() as logs:
            rig.publish(answer(S[0], TWO))
            await until(lambda: rig.told.troubles)
            assert rig.place().error == "unexpected ZeroDivisionError: oops"
            for number in range(2, 6):
                rig.publish(answer(S[0], f"192.0.2.{number}"))
                await asyncio.sleep(120)
            await rig.until_over(*S[:2])
        assert rig.cloud.answers(S[0]) == {"192.0.2.5"}
        ends = [line for line in logs if line["event"] == "a writer has ended and is begun anew"]
        assert len(ends) == 4
        assert all("exc_info" in line for line in ends)
        assert rig.told.troubles == ["unexpected ZeroDivisionError: oops"]
        await until(lambda: rig.told.ends, within=700)
        assert rig.place().error == ""


async def test_an_error_whose_message_is_no_text_is_told_as_text() -> None:
    async with at_work(S[0]) as rig:
        rig.cloud.meddle = failing(AuthFailedError(ValueError("expired")), of("zone", first=1))
        rig.writer().site.hosted = None
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0], within=400)
        assert rig.told.troubles == ["expired"]


async def test_what_was_not_written_where_a_zone_is_taken_off_is_not_over_until_it_is_published_there_again() -> None:
    old, new = Cloud(), Cloud()
    rig = Rig(old)
    setups = [rig.setup(S[:2], provider=name, options=Held(at)) for name, at in (("old", old), ("new", new))]
    rig.configure(*setups)
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE, TWO), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        old.meddle = failing(UnavailableError("503"), of("apply"))
        rig.publish(answer(S[0], TWO))
        await asyncio.sleep(30)
        with capture_logs() as logs:
            rig.configure(setups[1])
        assert [(log["provider"], log["services"]) for log in logs if "go on being answered" in log["event"]] == [
            ("old", "s0.example.com, s1.example.com")
        ]
        await asyncio.sleep(3600)
        rig.publish()
        assert rig.over(*S[:2]) == [1, 3]
        assert old.answers(S[0]) == {ONE, TWO}
        rig.configure()
        assert rig.over(*S[:2]) == [1, None]
        old.meddle = Cloud().meddle
        rig.configure(*setups)
        await rig.until_over(*S[:2])


async def test_what_was_written_where_a_zone_is_taken_off_is_over_once_the_provider_has_had_its_time() -> None:
    old, new = Cloud(settles=35.0), Cloud()
    rig = Rig(old)
    setups = [
        rig.setup(S[:1], provider=name, options=Held(at), witness=False) for name, at in (("old", old), ("new", new))
    ]
    rig.configure(*setups)
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        rig.publish(answer(S[0], TWO))
        await until(lambda: old.answers(S[0]) == new.answers(S[0]) == {TWO})
        await asyncio.sleep(5)
        rig.configure(setups[1])
        began, moves = now(), rig.told.moves
        await asyncio.sleep(0.1)
        assert rig.over(S[0]) == [1]
        moves = rig.told.moves
        await rig.until_over(S[0])
        assert 39 <= now() - began < 41
        assert rig.told.moves > moves


async def test_a_zone_that_could_never_be_read_keeps_nobody_waiting_when_it_is_taken_off() -> None:
    old, new = Cloud({}), Cloud()
    rig = Rig(old)
    setups = [
        rig.setup(S[:1], provider=name, options=Held(at), witness=False) for name, at in (("old", old), ("new", new))
    ]
    rig.configure(*setups)
    async with running(rig.writers.run()):
        rig.publish(answer(S[0], ONE))
        await until(lambda: new.answers(S[0]))
        assert rig.over(S[0]) == [0]
        rig.configure(setups[1])
        await rig.until_over(S[0], within=60)


async def test_another_owner_is_warned_of_with_what_to_do_about_it() -> None:
    async with at_work(S[0]) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        with capture_logs() as logs:
            rig.configure(rig.setup(S[:1], owner="others"))
        (log,) = (log for log in logs if "another owner" in log["event"])
        assert "gslb adopt CONFIG s0.example.com --provider cloud --from us" in log["remedy"]

"""What is decided is written, once, with its marker, and nothing else is touched."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from gslb.control.writing.setup import WriterState
from gslb.model.area import parse_area
from gslb.model.expressible import Feature, Rendering
from gslb.model.recordset import Marker, RecordSet, markers
from gslb.model.steering import NoAnswer, Pick, RecordType, Rule, Steering
from gslb.model.zone_guard import PlanLimits
from providers.base import Capabilities, Lane, ThrottledError
from tests.control.loops import running
from tests.control.writing.held import FOREIGN, ZONE, Cloud, Held, Moment, Seen
from tests.control.writing.meddling import doing, failing, of
from tests.control.writing.rig import ONE, THREE, TWO, Rig, S, answer, at_work, both, quiet, until, weighted
from tests.nameserver.support import group, parted


def own(service: str) -> RecordSet:
    """As somebody else would have it."""
    return RecordSet(service, "A", ("198.51.100.77",), 60)


async def test_what_is_published_is_written_with_its_marker_in_one_request_and_confirmed() -> None:
    async with at_work(*S[:2]) as rig:
        generation = rig.publish(answer(S[0], ONE, TWO), answer(S[1], THREE))
        assert rig.over(*S[:3]) == [0, 0, None]
        await rig.until_over(*S[:2])
        assert (rig.cloud.answers(S[0]), rig.cloud.answers(S[1])) == ({ONE, TWO}, {THREE})
        assert set(FOREIGN) <= rig.cloud.held()
        marked = {service: marker for service, (marker, _) in markers(rig.cloud.held()).items()}
        assert marked == {service: Marker(service, "us", 1, generation) for service in S[:2]}
        assert [seen.services for seen in rig.cloud.asked("apply")] == [tuple(S[:2])]
        (record,) = rig.told.records
        assert (record.provider, record.generation, record.services) == ("cloud/example.com", generation, tuple(S[:2]))
        assert 0.5 <= record.seconds < 1
        assert rig.told.moves >= 1
        place = rig.place()
        assert (place.state, place.generation, place.error) == (WriterState.CURRENT, generation, "")
        assert rig.metric("writes_total") == 1
        assert rig.metric("requests_total", operation="apply") == 1
        assert rig.metric("settled_seconds_count") == rig.metric("witnessed_seconds_count") == 2


async def test_no_change_of_steering_is_no_request_and_is_over_at_once() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], TWO))
        await rig.until_over(*S[:2])
        before = list(rig.cloud.requests)
        for _ in range(10):
            generation = rig.publish(answer(S[0], ONE), answer(S[1], TWO))
            assert rig.over(*S[:2]) == [generation] * 2
        await asyncio.sleep(60)
        assert rig.cloud.requests == before
        assert len(rig.told.records) == 1


async def test_a_change_of_one_service_moves_the_others_on_at_once() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], TWO))
        await rig.until_over(*S[:2])
        rig.publish(answer(S[0], THREE))
        assert rig.over(*S[:2]) == [1, 2]
        await rig.until_over(S[0])
        assert [record.services for record in rig.told.records] == [tuple(S[:2]), (S[0],)]


async def test_a_following_change_costs_one_request_beside_those_that_look_what_came_of_it() -> None:
    async with at_work(*S[:3]) as rig:
        rig.publish(*(answer(service, ONE, TWO) for service in S[:3]))
        await rig.until_over(*S[:3])
        before = len(rig.cloud.requests)
        rig.publish(answer(S[0], ONE))
        await rig.until_over(*S[:3])
        assert [seen.operation for seen in rig.cloud.requests[before:]] == ["apply", "settled", "read"]


async def test_of_what_is_as_decided_already_only_the_markers_are_written_after_a_restart_and_once() -> None:
    cloud = Cloud()
    async with at_work(cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await rig.until_over(*S[:3])
    answers = {record for record in cloud.held() if record.type != "TXT"}
    async with at_work(cloud=cloud, fence=2, drift_interval=60.0) as rig:
        rig.generation = 500
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        assert rig.over(*S[:3]) == [0] * 3
        await rig.until_over(*S[:3])
        await asyncio.sleep(200)
        assert {record for record in cloud.held() if record.type != "TXT"} == answers
        assert {marker.fence for marker, _ in markers(cloud.held()).values()} == {2}
        assert [(seen.lane, len(seen.services)) for seen in cloud.asked("apply")[1:]] == [(Lane.ROUTINE, 3)]
        assert (rig.told.records, rig.told.drifts, rig.metric("witnessed_seconds_count")) == (
            [],
            [],
            0,
        )  # it is no news


async def test_what_is_found_and_nobody_can_be_asked_about_counts_once_the_provider_has_had_its_time() -> None:
    cloud = Cloud()
    async with at_work(cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await rig.until_over(*S[:3])
    async with at_work(cloud=cloud, witness=False) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        began = asyncio.get_running_loop().time()
        await rig.until_over(*S[:3])
        assert asyncio.get_running_loop().time() - began == pytest.approx(40, abs=0.5)


async def test_services_without_a_decision_are_left_alone() -> None:
    cloud = Cloud()
    async with at_work(cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await rig.until_over(*S[:3])
    held = {record for record in cloud.held() if record.name.endswith(S[2])}
    async with at_work(cloud=cloud) as rig:
        rig.publish(answer(S[0], TWO), answer(S[1], TWO))
        await rig.until_over(*S[:2])
        await quiet(rig)
        assert held <= cloud.held()
        assert rig.over(S[2]) == [0]


async def test_services_that_are_configured_no_more_are_removed_by_their_marker() -> None:
    async with at_work(*S[:4]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:4]))
        await rig.until_over(*S[:4])
        rig.cloud.meddle_with(added=[own(S[5])])
        rig.configure(rig.setup(S[:2]))
        assert rig.over(S[2], S[3]) == [1, 1]  # who is removed is answered until then
        await until(lambda: rig.over(S[2], S[3]) == [None, None])
        assert markers(rig.cloud.held()).keys() == set(S[:2])
        assert not rig.cloud.answers(S[2])
        assert {*FOREIGN, own(S[5])} <= rig.cloud.held()
        assert rig.over(*S[:2]) == [1, 1]


async def test_services_that_a_former_process_has_left_are_removed_but_not_before_something_is_published() -> None:
    cloud = Cloud()
    async with at_work(*S[:3], cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:3]))
        await rig.until_over(*S[:3])
    async with at_work(*S[:2], cloud=cloud) as rig:
        await asyncio.sleep(100)
        assert S[2] in markers(cloud.held())
        rig.publish(*(answer(service, ONE) for service in S[:2]))
        await until(lambda: S[2] not in markers(cloud.held()))
        await rig.until_over(*S[:2])


async def test_too_many_removals_are_refused_and_told_of_once() -> None:
    async with at_work(*S[:10]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:10]))
        await rig.until_over(*S[:10])
        held = rig.cloud.held()
        rig.configure(rig.setup(S[:5]))
        rig.publish(*(answer(service, TWO) for service in S[:5]))
        await rig.until_over(*S[:5])
        await asyncio.sleep(2000)
        assert {record for record in held if record.name.endswith(tuple(S[5:10]))} <= rig.cloud.held()
        refused = [text for text in rig.told.troubles if "would be removed" in text]
        assert len(refused) == 5  # each service once
        assert rig.over(S[7]) == [1]
        assert rig.place().state is WriterState.BLOCKED
        assert rig.metric("blocked") == 5
        rig.configure(rig.setup(S[:5], limits=PlanLimits(deletes=1.0)))
        await until(lambda: markers(rig.cloud.held()).keys() == set(S[:5]))


async def test_a_service_that_is_configured_again_is_not_removed() -> None:
    async with at_work(*S[:4]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:4]))
        await rig.until_over(*S[:4])
        rig.configure(rig.setup(S[:2]))
        rig.configure(rig.setup(S[:4]))
        rig.publish(*(answer(service, ONE) for service in S[:4]))
        await rig.until_over(*S[:4])
        await quiet(rig)
        assert len(rig.cloud.asked("apply")) == 1


async def test_one_that_was_removed_comes_back() -> None:
    async with at_work(*S[:4]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:4]))
        await rig.until_over(*S[:4])
        rig.configure(rig.setup(S[:3]))
        await until(lambda: rig.over(S[3]) == [None])
        rig.configure(rig.setup(S[:4]))
        assert rig.over(S[3]) == [0]
        rig.publish(answer(S[3], TWO))
        await rig.until_over(S[3])
        assert rig.cloud.answers(S[3]) == {TWO}


async def test_one_to_be_removed_that_somebody_else_has_removed_meanwhile_is_over() -> None:
    """A former process, say, whose request has done its work late."""
    async with at_work(*S[:2]) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:2]))
        await rig.until_over(*S[:2])
        own = [record for record in rig.cloud.held() - set(FOREIGN) if record.name.endswith(S[1])]
        assert len(own) == 2
        rig.cloud.meddle = doing(lambda: rig.cloud.meddle_with(removed=own), of("apply", first=1))
        rig.configure(rig.setup(S[:1]))
        await until(lambda: rig.over(S[1]) == [None])
        assert rig.metric("conflicts_total") == 1
        assert (rig.place().state, rig.place().pending) == (WriterState.CURRENT, 0)


async def test_of_a_thousand_decisions_during_a_request_the_newest_is_written() -> None:
    async with at_work(S[0], cloud=Cloud(latency=2.0)) as rig:
        rig.publish(answer(S[0], ONE))
        await until(lambda: rig.cloud.asked("apply"))
        for number in range(1000):
            rig.publish(weighted(S[0], a=1 + number % 255))
        await rig.until_over(S[0])
        assert len(rig.cloud.asked("apply")) == 2
        assert {record.weights for record in rig.cloud.held() if record.type == "A" and record.name == S[0]} == {
            (1.0 + 999 % 255,)
        }


async def test_a_decision_that_is_taken_back_before_it_is_written_costs_nothing() -> None:
    async with at_work(S[0], cloud=Cloud(latency=2.0)) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        rig.publish(answer(S[0], TWO))
        assert rig.over(S[0]) == [1]
        generation = rig.publish(answer(S[0], ONE))
        assert rig.over(S[0]) == [generation]
        await quiet(rig)
        assert len(rig.cloud.asked("apply")) == 1
        assert [record.generation for record in rig.told.records] == [1, generation]


async def test_one_that_is_taken_back_while_it_is_written_is_not_over_before_it_is_undone() -> None:
    async with at_work(S[0], cloud=Cloud(latency=2.0)) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        rig.publish(answer(S[0], TWO))
        await until(lambda: len(rig.cloud.asked("apply")) == 2)
        rig.publish(answer(S[0], ONE))
        assert rig.over(S[0]) == [1]
        await rig.until_over(S[0])
        assert len(rig.cloud.asked("apply")) == 3
        assert rig.cloud.answers(S[0]) == {ONE}


async def test_one_that_is_taken_back_while_it_is_refused_is_over() -> None:
    cloud = Cloud(latency=2.0)
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        cloud.meddle = failing(ThrottledError("slow down"), of("apply"))
        rig.publish(answer(S[0], TWO))
        await until(lambda: len(cloud.asked("apply")) == 2)
        generation = rig.publish(answer(S[0], ONE))
        moves = rig.told.moves
        assert rig.over(*S[:2]) == [1, generation]
        await asyncio.sleep(2)
        assert rig.over(*S[:2]) == [generation] * 2
        assert rig.told.moves > moves


async def test_one_that_is_configured_no_more_while_it_is_written_is_removed_then() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        rig.cloud.latency = 2.0
        rig.publish(answer(S[1], TWO))
        await until(lambda: len(rig.cloud.asked("apply")) == 2)
        rig.configure(rig.setup(S[:1]))
        await until(lambda: rig.over(S[1]) == [None])
        assert markers(rig.cloud.held()).keys() == {S[0]}
        assert rig.told.troubles == []


async def test_one_that_is_configured_again_while_it_is_removed_is_written_then() -> None:
    async with at_work(*S[:2]) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        rig.cloud.latency = 2.0
        rig.configure(rig.setup(S[:1]))
        await until(lambda: len(rig.cloud.asked("apply")) == 2)
        rig.configure(rig.setup(S[:2]))
        await rig.until_over(*S[:2])
        assert rig.cloud.answers(S[1]) == {ONE}


async def test_what_differs_for_us_but_not_for_the_provider_is_not_written() -> None:
    async with at_work(S[0]) as rig:
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        former = answer(S[0], ONE)
        later = Steering(former.name, former.ttl, 1, former.answers, former.types, former.rules)
        generation = rig.publish(later)
        await rig.until_over(S[0])
        await quiet(rig)
        assert len(rig.cloud.asked("apply")) == 1
        assert [record.generation for record in rig.told.records] == [1, generation]


async def test_what_cannot_be_said_stays_as_it_is_and_the_rest_goes_on() -> None:
    cloud = Cloud()
    v6 = "2001:db8::1"
    async with at_work(*S[:2], options=Held(cloud, lacks=frozenset({Feature.STICKY})), cloud=cloud) as rig:
        rig.publish(both(S[0], ONE, TWO, v6), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        fixed = both(S[0], ONE, v6, "2001:db8::2")
        (rule,) = fixed.rules
        sticky = Steering(S[0], 30, 5, 8, fixed.types, (type(rule)(None, rule.groups, Pick.STICKY),))
        rig.publish(sticky, answer(S[1], TWO))
        await rig.until_over(S[1])
        await quiet(rig)
        assert cloud.answers(S[0]) == {ONE, v6}  # A is a plain pick now, AAAA cannot be said
        assert rig.over(S[0]) == [1]
        assert [text for text in rig.told.troubles if "cannot be said" in text] == [
            "s0.example.com: cannot be said there: the sticky pick for everybody else"
        ]
        assert rig.metric("unsaid") == 1
        assert rig.place().unsaid.keys() == {S[0]}
        rig.publish(both(S[0], ONE, v6))
        await rig.until_over(S[0])
        assert rig.metric("unsaid") == 0
        assert rig.told.ends == [("s0.example.com: can be said there", (S[0],))]


async def test_what_cannot_be_said_is_not_over_though_nothing_is_to_be_written() -> None:
    cloud = Cloud()
    async with at_work(S[0], options=Held(cloud, lacks=frozenset({Feature.STICKY})), cloud=cloud) as rig:
        plain = answer(S[0], ONE, TWO)
        rig.publish(plain)
        await rig.until_over(S[0])
        (rule,) = plain.rules
        rig.publish(Steering(S[0], 30, 5, 8, plain.types, (Rule(None, rule.groups, Pick.STICKY),)))
        await until(lambda: rig.told.troubles)
        rig.publish()
        await asyncio.sleep(100)
        assert rig.over(S[0]) == [1]
        assert len(rig.told.records) == len(cloud.asked("apply")) == 1
        rig.publish(plain)
        await rig.until_over(S[0])
        assert len(cloud.asked("apply")) == 1


async def test_a_service_that_agrees_is_published_without_it() -> None:
    cloud = Cloud()
    without = {S[0]: frozenset({Feature.STICKY})}
    async with at_work(
        S[0], options=Held(cloud, lacks=frozenset({Feature.STICKY})), cloud=cloud, without=without
    ) as rig:
        plain = answer(S[0], ONE, TWO)
        (rule,) = plain.rules
        rig.publish(Steering(S[0], 30, 5, 8, plain.types, (type(rule)(None, rule.groups, Pick.STICKY),)))
        await rig.until_over(S[0])
        assert cloud.answers(S[0]) == {ONE, TWO}


class Faulty(Held):
    """Breaks, or refuses, what has a certain address."""

    def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
        if any(target.value == THREE for rule in steering.rules for group in rule.groups for target in group.targets):
            raise ZeroDivisionError("a bug")
        return super().render(steering, without)


async def test_what_the_provider_refuses_to_judge_or_render_does_not_keep_others_back() -> None:
    cloud = Cloud()

    def refuses(records: Sequence[RecordSet]) -> tuple[str, ...]:
        values = {value for record in records for value in record.values}
        if "192.0.2.66" in values:
            raise ZeroDivisionError("another bug")
        return ("no address like that",) if TWO in values else ()

    options = Faulty(cloud, refuses=refuses)
    async with at_work(*S[:4], options=options, cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], TWO), answer(S[2], THREE), answer(S[3], "192.0.2.66"))
        await rig.until_over(S[0])
        await asyncio.sleep(1000)
        assert rig.over(*S[1:4]) == [0, 0, 0]
        assert cloud.asked("apply")[0].services == (S[0],)
        assert sorted(rig.told.troubles) == [
            "s1.example.com: no address like that",
            "s2.example.com: cloud cannot render it: ZeroDivisionError: a bug",
            "s3.example.com: cloud cannot judge it: ZeroDivisionError: another bug",
        ]
        rig.publish(*(answer(service, ONE) for service in S[1:4]))
        await rig.until_over(*S[:4], within=5)
        assert rig.told.ends == [(f"{service.rstrip('.')}: published again", (service,)) for service in S[1:4]]
        assert rig.place().state is WriterState.CURRENT


async def test_one_that_is_too_large_for_a_request_does_not_keep_others_back() -> None:
    cloud = Cloud()
    small = Capabilities(1.0, 1.0, batch_size=10, batch_characters=1000, rate=10.0, burst=10)
    async with at_work(*S[:8], options=Held(cloud, small), cloud=cloud) as rig:
        many = answer(S[7], *(f"192.0.2.{number}" for number in range(1, 12)))
        rig.publish(many, *(answer(service, ONE) for service in S[:7]))
        await rig.until_over(*S[:7])
        assert rig.over(S[7]) == [0]
        assert [len(seen.services) for seen in cloud.asked("apply")] == [5, 2]
        assert "too many for a request" in rig.told.troubles[0]


async def test_a_service_may_come_to_have_no_answer_only_if_that_is_decided() -> None:
    cloud = Cloud()

    class Forgetful(Held):
        def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
            return Rendering(()) if steering.ttl == 5 else super().render(steering, without)

    async with at_work(*S[:2], options=Forgetful(cloud), cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        rig.publish(answer(S[0], ONE, ttl=5), answer(S[1], no_answer=NoAnswer.NODATA))
        await rig.until_over(S[1])
        assert cloud.answers(S[1]) == set()
        assert S[1] in markers(cloud.held())  # so that no wildcard answers for it
        assert cloud.answers(S[0]) == {ONE}
        await until(lambda: rig.told.troubles)
        assert "never-empty" in rig.told.troubles[0]
        assert cloud.answers(S[0]) == {ONE}


async def test_a_zone_of_a_thousand_record_sets_is_read_whole_once_and_ten_are_ours() -> None:
    others = {record.key: record for record in (own(f"other{number}.{ZONE}") for number in range(1000))}
    cloud = Cloud({ZONE: {record.key: record for record in FOREIGN} | others})
    async with at_work(*S[:10], cloud=cloud) as rig:
        rig.publish(*(answer(service, ONE) for service in S[:10]))
        await rig.until_over(*S[:10])
        rig.publish(*(answer(service, TWO) for service in S[:10]))
        await rig.until_over(*S[:10])
        assert [len(seen.services) for seen in cloud.asked("apply")] == [10, 10]
        assert {record for record in cloud.held() if record.key in others} == set(others.values())
        image = rig.writer().site.image
        assert image is not None
        assert len(list(image.records(S))) == 20
        assert image.size == len(FOREIGN) + 1000 + 20


async def test_rules_under_reserved_names_come_and_go_with_their_service() -> None:
    async with at_work(S[0]) as rig:
        rule = Rule(parse_area("TR"), (group("tr", TWO),))
        rig.publish(parted(S[0], rule, Rule(None, (group("r", ONE),)), types=(RecordType.A,)))
        await rig.until_over(S[0])
        assert rig.cloud.answers(S[0]) == {ONE, TWO}
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        assert rig.cloud.answers(S[0]) == {ONE}
        assert len(rig.cloud.held()) == len(FOREIGN) + 2


async def test_cancelled_it_ends_within_a_second_and_closes_its_accounts() -> None:
    cloud = Cloud(latency=3600.0)
    rig = Rig(cloud)
    rig.configure(rig.setup())
    rig.publish(answer(S[0], ONE))
    async with running(rig.writers.run()) as task:
        await until(lambda: cloud.requests)
        began = asyncio.get_running_loop().time()
        task.cancel()
        await asyncio.wait({task})
        assert asyncio.get_running_loop().time() - began < 1
    assert (cloud.opened, cloud.closed) == (1, 1)


async def test_so_it_does_when_the_account_does_not_care() -> None:
    async def stubborn(_seen: Seen, _moment: Moment) -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(50)
                return

    cloud = Cloud(meddle=stubborn)
    rig = Rig(cloud)
    rig.configure(rig.setup())
    async with running(rig.writers.run()) as task:
        await until(lambda: cloud.requests)
        began = asyncio.get_running_loop().time()
        task.cancel()
        await asyncio.wait({task})
        assert asyncio.get_running_loop().time() - began < 1
    assert cloud.closed == 1
    await asyncio.sleep(100)  # for it to come to its end


async def test_lanes_are_told_to_the_account() -> None:
    async with at_work(S[0]) as rig:
        rig.publish(answer(S[0], ONE, TWO))
        await rig.until_over(S[0])
        rig.publish(answer(S[0], ONE))
        await rig.until_over(S[0])
        assert [seen.lane for seen in rig.cloud.asked("apply")] == [Lane.ROUTINE, Lane.URGENT]

"""A plan is what the writers do, reads and no more, and what one account does is nothing to another."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.control import visiting
from gslb.control.planning import LATEST, Planned, plan
from gslb.control.writing.setup import WriterPlace, WriterSetup, WriterState
from gslb.control.writing.site import READ_LIMIT
from gslb.model.area import parse_area
from gslb.model.expressible import Feature, Rendering
from gslb.model.names import ServiceName
from gslb.model.recordset import Key, Marker, RecordSet, by_key, marker_name, read_marker
from gslb.model.steering import Pick, Rule, Steering
from gslb.model.zone_guard import PlanLimits
from providers.base import Capabilities, Lane, ThrottledError, UnavailableError
from tests.control.loops import running
from tests.control.writing.held import FOREIGN, ZONE, Cloud, Held
from tests.control.writing.meddling import failing, hanging, of
from tests.control.writing.rig import ONE, THREE, TWO, Rig, S, answer, until
from tests.nameserver.support import group, parted

Records = frozenset[RecordSet]


def named(*steerings: Steering) -> dict[ServiceName, Steering]:
    return {steering.name: steering for steering in steerings}


def setup_of(cloud: Cloud, *services: ServiceName, **more: object) -> WriterSetup:
    return Rig(cloud).setup(services or S[:3], **{"fence": LATEST} | more)


def cloud_of(*records: RecordSet) -> Cloud:
    return Cloud({ZONE: dict(by_key((*FOREIGN, *records)))})


def unmarked(records: Records) -> Records:
    """All but the numbers of markers."""
    return frozenset(
        record if (marker := read_marker(record)) is None else Marker(marker.service, marker.owner, 0).record(300)
        for record in records
    )


def after(held: Mapping[Key, RecordSet], planned: Planned) -> Records:
    """What a zone holds once all that is planned is written; what is to be removed is there."""
    left = dict(held)
    for _, change in planned.changes:
        for record in change.removed:
            assert left.pop(record.key) == record
        left |= by_key(change.added)
    return frozenset(left.values())


async def written(cloud: Cloud, setup: WriterSetup, steerings: Mapping[ServiceName, Steering]) -> WriterPlace:
    """Have writers do what they can; how it stands then."""
    rig = Rig(cloud)
    rig.configure(setup)
    async with running(rig.writers.run()):
        rig.writers.publish(1, steerings, 0.0)
        await until(lambda: rig.place().state in {WriterState.CURRENT, WriterState.BLOCKED, WriterState.CONFIRMING})
        await asyncio.sleep(10)
        return rig.place()


values = st.lists(st.sampled_from([ONE, TWO, THREE]), min_size=1, max_size=3, unique=True)
rules = st.builds(lambda each: Rule(None, tuple(group(f"r{n}", value) for n, value in enumerate(each))), values)
turkish = st.builds(lambda each: Rule(parse_area("TR"), (group("tr", *each),)), values)
empty = st.just(Rule(None, ()))
sticky = st.builds(
    lambda each: Rule(None, tuple(group(f"r{n}", value) for n, value in enumerate(each)), Pick.STICKY), values
)
forms = st.one_of(
    rules.map(lambda it: (it,)), st.tuples(turkish, rules), empty.map(lambda it: (it,)), sticky.map(lambda it: (it,))
)
SERVICES = [*S[:4], ServiceName(f"*.{ZONE}")]
decisions = st.dictionaries(st.sampled_from(SERVICES), forms, max_size=5).map(
    lambda drawn: {name: parted(name, *those) for name, those in drawn.items()}
)
strange = st.sampled_from(
    [
        *(RecordSet(name, "A", ("198.51.100.9",), 60) for name in SERVICES),
        *(Marker(name, owner, 5).record(300) for name in SERVICES for owner in ("them", "us")),
        *(RecordSet(marker_name(name), "TXT", ('"of somebody else"',), 300) for name in SERVICES),
    ]
)


@settings(max_examples=60)
@given(
    first=decisions,
    then=decisions,
    services=st.sets(st.sampled_from(SERVICES)),
    others=st.lists(strange, max_size=3, unique_by=lambda record: record.key),
    fence=st.sampled_from([1, 9]),
    deletes=st.sampled_from([0.0, 1.0]),
    size=st.sampled_from([6, 1000]),
)
async def test_a_plan_is_what_writers_do(
    first: dict[ServiceName, Steering],
    then: dict[ServiceName, Steering],
    services: set[ServiceName],
    others: list[RecordSet],
    fence: int,
    deletes: float,
    size: int,
) -> None:
    """Whatever was there before, of ours and of others, and in as many requests; then there is nothing left to do."""
    cloud = cloud_of()
    told = Capabilities(30.0, 10.0, batch_size=size, batch_characters=32_000, rate=100.0, burst=100)
    options = Held(cloud, told, frozenset({Feature.STICKY}))
    await written(cloud, setup_of(cloud, *first, options=options, fence=1), first)
    for record in others:
        cloud.zones[ZONE][record.key] = record
    setup = setup_of(cloud, *services, options=options, fence=fence, limits=PlanLimits(deletes, 1))
    before, requests = dict(cloud.zones[ZONE]), len(cloud.requests)
    (planned,) = await plan([setup], then)
    assert planned.error is None
    assert cloud.zones[ZONE] == before
    assert {seen.operation for seen in cloud.requests[requests:]} == {"zone", "read"}

    applied = cloud.asked("apply")
    place = await written(cloud, setup, then)
    assert unmarked(cloud.held()) == unmarked(after(before, planned))
    assert place.blocked == {name: trouble.text for name, trouble in planned.troubles.items()}
    assert place.unsaid.keys() == planned.unsaid.keys()
    since = cloud.asked("apply")[len(applied) :]
    assert sum(not all(change.renews for change in seen.changes) for seen in since) == planned.requests

    (again,) = await plan([setup], then)
    assert again.changes == ()
    assert again.troubles.keys() == planned.troubles.keys()
    assert again.unsaid == planned.unsaid


async def test_services_without_a_decision_are_not_planned_for_and_those_configured_no_more_are_removed() -> None:
    cloud = cloud_of()
    await written(cloud, setup_of(cloud, *S[:3], fence=1), named(*(answer(service, ONE) for service in S[:3])))
    (planned,) = await plan([setup_of(cloud, *S[:2])], named(answer(S[0], TWO)))
    assert [(change.service, bool(change.added)) for _, change in planned.changes] == [(S[0], True), (S[2], False)]
    assert (planned.read, planned.owned) == (len(cloud.held()), 3)


async def test_the_most_urgent_comes_first() -> None:
    cloud = cloud_of()
    setup = setup_of(cloud, *S[:3], fence=1)
    await written(cloud, setup, named(*(answer(service, ONE) for service in S[:3])))
    wanted = named(answer(S[0], ONE, ttl=5), answer(S[1], ONE, TWO), answer(S[2], TWO))
    (planned,) = await plan([setup], wanted)
    assert [(lane, change.service) for lane, change in planned.changes] == [
        (Lane.URGENT, S[2]),
        (Lane.ROUTINE, S[1]),
        (Lane.COSMETIC, S[0]),
    ]
    assert planned.requests == 3


async def test_markers_of_an_older_lease_are_no_change_that_is_shown() -> None:
    cloud = cloud_of()
    await written(cloud, setup_of(cloud, S[0], fence=1), named(answer(S[0], ONE)))
    (planned,) = await plan([setup_of(cloud, S[0])], named(answer(S[0], ONE)))
    assert (planned.changes, planned.requests, planned.troubles) == ((), 0, {})


async def test_a_lease_that_is_older_than_what_was_written_is_in_the_way() -> None:
    cloud = cloud_of()
    await written(cloud, setup_of(cloud, S[0], fence=7), named(answer(S[0], ONE)))
    wanted = named(answer(S[0], TWO))
    (older,) = await plan([setup_of(cloud, S[0], fence=6)], wanted)
    (latest,) = await plan([setup_of(cloud, S[0])], wanted)
    assert (older.changes, "later lease, 7" in older.troubles[S[0]].text) == ((), True)
    assert (len(latest.changes), latest.troubles) == (1, {})


async def test_several_zones_and_accounts_come_in_the_order_in_which_they_are_asked_for() -> None:
    near, far = Cloud({ZONE: {}, "example.net.": {}}), Cloud()
    net = ServiceName("www.example.net.")
    setups = [
        setup_of(far, S[0], provider="far"),
        setup_of(near, net, provider="near", zone="example.net."),
        setup_of(near, S[0], provider="near"),
    ]
    found = await plan(setups, named(answer(S[0], ONE), answer(net, TWO)))
    assert [(each.provider, each.zone) for each in found] == [setup.key for setup in setups]
    assert [[change.service for _, change in each.changes] for each in found] == [[S[0]], [net], [S[0]]]
    assert (near.opened, near.closed, far.opened, far.closed) == (1, 1, 1, 1)


async def test_an_account_that_fails_is_nothing_to_others_and_is_not_asked_for_all_of_its_zones() -> None:
    names = [f"z{number}.example." for number in range(100)]
    away, near = Cloud({name: {} for name in names}), Cloud()
    away.meddle = failing(UnavailableError("refused"), of())
    setups = [setup_of(away, S[0], provider="away", zone=name) for name in names]
    *failed, good = await plan([*setups, setup_of(near, S[0], provider="near")], named(answer(S[0], ONE)))
    assert [str(each.error) for each in failed] == ["refused"] * 100
    assert (good.error, len(good.changes)) == (None, 1)
    assert len(away.requests) <= 16


async def test_a_zone_that_fails_is_nothing_to_others_of_an_account_that_answers() -> None:
    names = [f"z{number}.example." for number in range(40)]
    cloud = Cloud({name: {} for name in names})
    cloud.meddle = failing(UnavailableError("502"), of("read", number=[1]))
    found = await plan([setup_of(cloud, S[0], zone=name) for name in names], {})
    assert [str(each.error) for each in found if each.error] == ["502"]


async def test_what_hangs_is_given_up() -> None:
    cloud = Cloud()
    cloud.meddle = hanging(of("read"))
    began = asyncio.get_running_loop().time()
    (planned,) = await plan([setup_of(cloud)], {})
    assert isinstance(planned.error, UnavailableError)
    assert str(planned.error) == f"read: it has not come to its end within {READ_LIMIT:g} s"
    assert asyncio.get_running_loop().time() - began < READ_LIMIT + 1
    assert cloud.closed == 1


async def test_whatever_a_plug_in_raises_is_an_error_of_its_zone() -> None:
    cloud, unopened = Cloud(), Cloud()
    cloud.meddle = failing(KeyError("ttl"), of("read"))
    unopened.problem = ZeroDivisionError("division by zero")
    found = await plan([setup_of(cloud), setup_of(unopened, provider="other")], {})
    assert [str(each.error) for each in found] == [
        "read: unexpected KeyError: 'ttl'",
        "zone: unexpected ZeroDivisionError: division by zero",
    ]


@pytest.mark.parametrize("times", [1, 4])
async def test_one_request_too_many_is_asked_for_again(times: int) -> None:
    cloud = Cloud()
    cloud.meddle = failing(ThrottledError("slow down"), of("read", first=times))
    (planned,) = await plan([setup_of(cloud)], named(answer(S[0], ONE)))
    assert (planned.error, len(planned.changes)) == (None, 1)
    assert len(cloud.asked("read")) == times + 1


async def test_but_not_for_ever() -> None:
    cloud = Cloud()
    cloud.meddle = failing(ThrottledError("slow down"), of("read"))
    (planned,) = await plan([setup_of(cloud)], {})
    assert str(planned.error) == "slow down"
    assert len(cloud.asked("read")) == len(visiting.PAUSES) + 1


async def test_requests_are_paced() -> None:
    names = [f"z{number}.example." for number in range(20)]
    cloud = Cloud({name: {} for name in names})
    await plan([setup_of(cloud, S[0], zone=name, rate=2.0, burst=1) for name in names], {})
    assert cloud.requests[-1].at - cloud.requests[0].at == pytest.approx(39 / 2, abs=0.1)


async def test_an_account_that_does_not_close_holds_nobody_up() -> None:
    cloud = Cloud()

    async def forever(_self: object) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.control.writing.held.HeldAccount.close", forever)
        (planned,) = await plan([setup_of(cloud)], {})
    assert planned.error is None
    assert asyncio.get_running_loop().time() < 1


async def test_a_plug_in_that_cannot_render_a_service_concerns_that_one_only() -> None:
    cloud = Cloud()
    options = Held(cloud)

    class Broken(Held):
        def render(self, steering: Steering, without: frozenset[Feature] = frozenset()) -> Rendering:
            if steering.name == S[0]:
                raise LookupError("no such region")
            return options.render(steering, without)

    setup = setup_of(cloud, *S[:2], options=Broken(cloud))
    (planned,) = await plan([setup], named(answer(S[0], ONE), answer(S[1], ONE)))
    assert [change.service for _, change in planned.changes] == [S[1]]
    assert planned.troubles[S[0]].text == "cloud cannot render it: LookupError: no such region"

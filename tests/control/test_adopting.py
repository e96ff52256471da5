"""Nothing but markers is written, what is somebody else's stays so, and whoever writes the zone takes it over."""

import asyncio
from collections.abc import Sequence

import pytest

from gslb.control.adopting import OLDEST, Adoption, adopt, find
from gslb.control.writing.setup import WriterSetup, WriterState
from gslb.control.writing.suspicion import SELDOM
from gslb.errors import RefusedError
from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet, by_key, marker_name, markers, reserved_name
from providers.base import Capabilities, CasConflictError, Lane, OutcomeUnknownError, UnavailableError
from tests.control.writing.held import FOREIGN, ZONE, Cloud, Held, Moment
from tests.control.writing.meddling import failing, of
from tests.control.writing.rig import ONE, TWO, Rig, S, answer, at_work, until

STAR = ServiceName(f"*.{ZONE}")


def address(service: str, value: str = "198.51.100.9") -> RecordSet:
    return RecordSet(service, "A", (value,), 60)


def marker(service: ServiceName, owner: str, fence: int = 9) -> RecordSet:
    return Marker(service, owner, fence).record(300)


def cloud_of(*records: RecordSet) -> Cloud:
    return Cloud({ZONE: dict(by_key((*FOREIGN, *records)))})


def setup_of(cloud: Cloud, *services: ServiceName, **more: object) -> WriterSetup:
    return Rig(cloud).setup(services or (*S[:4], STAR), **more)


async def adopted(
    adoptions: Sequence[Adoption], done: list[tuple[ServiceName, ...]] | None = None
) -> list[tuple[ServiceName, ...]]:
    """Adopt; the services of each request, which are in ``done`` also where a later one fails."""
    done = [] if done is None else done
    async for _, changes in adopt(adoptions):
        done.append(tuple(change.service for change in changes))
    return done


async def taken(
    cloud: Cloud, *services: ServiceName, former: str = "", **more: object
) -> list[tuple[ServiceName, ...]]:
    return await adopted(await find([setup_of(cloud, **more)], services, former))


async def refused(cloud: Cloud, *services: ServiceName, former: str = "") -> str:
    """Why they cannot be adopted; nothing was written."""
    before = cloud.held()
    with pytest.raises(RefusedError) as raised:
        await taken(cloud, *services, former=former)
    assert cloud.held() == before
    assert cloud.asked("apply") == []
    return str(raised.value)


async def test_markers_are_written_and_nothing_else() -> None:
    there = (address(S[0]), RecordSet(S[0], "AAAA", ("2001:db8::9",), 60), address(STAR), address(S[3]))
    cloud = cloud_of(*there)
    assert await taken(cloud, S[0], STAR) == [(STAR, S[0])]
    ours = {marker(S[0], "us", OLDEST), marker(STAR, "us", OLDEST)}
    assert cloud.held() == {*FOREIGN, *there, *ours}
    assert (cloud.opened, cloud.closed) == (2, 2)


async def test_what_is_found_is_told_before_anything_is_written() -> None:
    cloud = cloud_of(address(S[0]), address(S[1]))
    before = cloud.held()
    (adoption,) = await find([setup_of(cloud)], [S[0]], "")
    assert cloud.held() == before
    (change,) = adoption.changes
    assert (change.service, change.kept, change.removed) == (S[0], (address(S[0]),), ())
    assert adoption.image.ours == {S[0]}
    assert set(adoption.image.of(S[0])) == {address(S[0]), marker(S[0], "us", OLDEST)}


async def test_what_leads_on_at_reserved_names_is_kept_as_well() -> None:
    there = (address(S[0]), address(reserved_name(S[0], "tr")), marker(S[0], "them"))
    cloud = cloud_of(*there)
    assert await taken(cloud, S[0], former="them") == [(S[0],)]
    assert cloud.held() == {*FOREIGN, *there[:2], marker(S[0], "us", OLDEST)}


async def test_others_of_ours_stay_as_they_are() -> None:
    """Those that were adopted just now, and not written since, have no lease that would protect them."""
    cloud = cloud_of(address(S[0]), address(S[1]), address(S[2]), marker(S[2], "us"))
    await taken(cloud, S[0])
    await taken(cloud, S[1])
    assert {address(service) for service in S[:3]} <= cloud.held()
    assert {name: found.fence for name, (found, _) in markers(cloud.held()).items()} == {S[0]: 0, S[1]: 0, S[2]: 9}


async def test_what_stands_in_the_place_of_the_marker_makes_room() -> None:
    strange = RecordSet(marker_name(S[0]), "TXT", ('"v=1"', '"v=2"'), 60)
    cloud = cloud_of(address(S[0]), strange)
    await taken(cloud, S[0])
    assert cloud.held() == {*FOREIGN, address(S[0]), marker(S[0], "us", OLDEST)}


async def test_a_marker_alone_is_taken_over_too() -> None:
    cloud = cloud_of(marker(S[0], "them"))
    await taken(cloud, S[0], former="them")
    assert cloud.held() == {*FOREIGN, marker(S[0], "us", OLDEST)}


async def test_where_nothing_is_there_nothing_needs_to_be_adopted() -> None:
    assert "s1.example.com has no record sets there" in await refused(cloud_of(address(S[0])), S[0], S[1])


@pytest.mark.parametrize("former", ["", "us", "the others"])
async def test_what_is_marked_by_others_is_theirs_unless_it_is_taken_from_just_them(former: str) -> None:
    cloud = cloud_of(address(S[0]), marker(S[0], "them"))
    assert await refused(cloud, S[0], former=former) == (
        "the record sets of s0.example.com are marked as those of them\n    name whom they are taken from: --from them"
    )
    await taken(cloud, S[0], former="them")
    assert markers(cloud.held())[S[0]][0].owner == "us"


async def test_what_nobody_has_marked_is_taken_from_nobody() -> None:
    text = await refused(cloud_of(address(S[0])), S[0], former="them")
    assert (
        text == "the record sets of s0.example.com are not marked as those of them, or of anybody\n    leave out --from"
    )


@pytest.mark.parametrize("former", ["", "them"])
async def test_what_is_ours_already_is_not_adopted_again(former: str) -> None:
    cloud = cloud_of(address(S[0]), marker(S[0], "us"))
    assert "s0.example.com are ours already" in await refused(cloud, S[0], former=former)


async def test_all_are_refused_where_one_is() -> None:
    await refused(cloud_of(address(S[0]), address(S[1]), marker(S[1], "them")), S[0], S[1])


async def test_what_was_written_under_a_later_lease_can_be_taken_back() -> None:
    cloud = cloud_of(address(S[0]), marker(S[0], "us", 2**40))
    await taken(cloud, S[0], former="us")
    assert cloud.held() == {*FOREIGN, address(S[0]), marker(S[0], "us", OLDEST)}


async def test_several_zones_are_read_before_any_is_written() -> None:
    net, other = ServiceName("www.example.net."), ServiceName("www.example.org.")
    cloud = Cloud({ZONE: {}, "example.net.": {}, "example.org.": {}})
    for name, zone in ((S[0], ZONE), (net, "example.net."), (other, "example.org.")):
        cloud.meddle_with(added=[address(name)], zone=zone)
    setups = [
        setup_of(cloud, S[0]),
        setup_of(cloud, net, zone="example.net."),
        setup_of(cloud, other, zone="example.org."),
    ]
    adoptions = await find(setups, [S[0], net], "")
    assert [seen.zone for seen in cloud.asked("read")] == [ZONE, "example.net."]
    assert cloud.asked("apply") == []
    assert await adopted(adoptions) == [(S[0],), (net,)]
    assert markers(cloud.held("example.net.")).keys() == {net}
    assert cloud.held("example.org.") == {address(other)}


async def test_many_are_adopted_in_as_many_requests_as_it_takes() -> None:
    cloud = cloud_of(*(address(service) for service in S[:5]))
    told = Capabilities(30.0, 10.0, batch_size=2, batch_characters=32_000, rate=100.0, burst=100)
    setup = setup_of(cloud, *S[:5], options=Held(cloud, told))
    assert await adopted(await find([setup], S[:5], "")) == [(S[0], S[1]), (S[2], S[3]), (S[4],)]


async def test_who_has_been_there_meanwhile_is_not_written_over() -> None:
    cloud = cloud_of(address(S[0]))
    adoptions = await find([setup_of(cloud)], [S[0]], "")
    cloud.meddle_with(added=[marker(S[0], "them")])
    before = cloud.held()
    with pytest.raises(RefusedError) as raised:
        await adopted(adoptions)
    assert str(raised.value).splitlines() == [
        "somebody else has marked something of s0.example.com meanwhile: _gslb.s0.example.com. TXT is there",
        "    nothing of that was written: look again, with the same command",
    ]
    assert cloud.held() == before


async def test_a_marker_that_has_changed_since_is_not_taken_from_whose_it_was() -> None:
    cloud = cloud_of(address(S[0]), marker(S[0], "them"))
    adoptions = await find([setup_of(cloud)], [S[0]], "them")
    cloud.meddle_with(removed=[marker(S[0], "them")], added=[marker(S[0], "them", 10)])
    with pytest.raises(RefusedError, match=r"meanwhile: _gslb\.s0\.example\.com\. TXT is not there so"):
        await adopted(adoptions)


async def test_what_was_adopted_before_a_request_failed_is_told() -> None:
    cloud = cloud_of(address(S[0]), address(S[1]))
    told = Capabilities(30.0, 10.0, batch_size=1, batch_characters=32_000, rate=100.0, burst=100)
    adoptions = await find([setup_of(cloud, *S[:2], options=Held(cloud, told))], S[:2], "")
    cloud.meddle = failing(CasConflictError("not so"), of("apply", number=[2]))
    done: list[tuple[ServiceName, ...]] = []
    with pytest.raises(RefusedError, match=r"s1\.example\.com meanwhile: not so"):
        await adopted(adoptions, done)
    assert done == [(S[0],)]
    assert cloud.closed == 2


@pytest.mark.parametrize("moment", Moment)
async def test_where_the_outcome_is_not_known_that_is_said_and_the_same_again_is_safe(moment: Moment) -> None:
    cloud = cloud_of(address(S[0]))
    adoptions = await find([setup_of(cloud)], [S[0]], "")
    cloud.meddle = failing(OutcomeUnknownError("time out"), of("apply", first=1), moment)
    with pytest.raises(OutcomeUnknownError, match=r"s0\.example\.com: time out\n.*the same command says"):
        await adopted(adoptions)
    if moment is Moment.ARRIVING:
        await taken(cloud, S[0])
    else:
        with pytest.raises(RefusedError, match="ours already"):
            await taken(cloud, S[0])


async def test_a_bug_while_it_writes_is_an_outcome_that_is_not_known() -> None:
    cloud = cloud_of(address(S[0]))
    cloud.meddle = failing(KeyError("id"), of("apply"))
    with pytest.raises(OutcomeUnknownError, match="apply: unexpected KeyError: 'id'"):
        await taken(cloud, S[0])


async def test_a_zone_that_cannot_be_read_is_an_error() -> None:
    cloud = cloud_of(address(S[0]))
    cloud.meddle = failing(UnavailableError("502"), of("read"))
    with pytest.raises(UnavailableError, match="502"):
        await taken(cloud, S[0])


@pytest.mark.parametrize("owner", ["", "them", "us"])
async def test_a_running_writer_takes_it_over_within_the_time_that_is_told(owner: str) -> None:
    """A conflict first, of whatever kind; then it is adopted, and what was decided meanwhile is written."""
    cloud = cloud_of(address(S[0]), *([marker(S[0], owner)] if owner else []))
    async with at_work(*S[:2], cloud=cloud, drift_interval=86_400.0) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(S[1])
        assert rig.place().state is WriterState.BLOCKED
        await asyncio.sleep(SELDOM * 10.5)
        rig.publish(answer(S[0], TWO))
        assert cloud.answers(S[0]) == {"198.51.100.9"}
        await taken(cloud, S[0], former=owner)
        await rig.until_over(*S[:2], within=SELDOM + 30)
        assert cloud.answers(S[0]) == {TWO}
        assert markers(cloud.held())[S[0]][0] == Marker(S[0], "us", 1, rig.generation)
        assert rig.place().state is WriterState.CURRENT


async def test_a_reload_has_it_taken_over_at_once() -> None:
    cloud = cloud_of(address(S[0]))
    async with at_work(*S[:2], cloud=cloud) as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(S[1])
        await taken(cloud, S[0])
        rig.configure(rig.setup(S[:2]))
        await rig.until_over(*S[:2], within=30)
        assert cloud.answers(S[0]) == {ONE}


async def test_whoever_it_was_taken_from_leaves_it_alone() -> None:
    cloud = cloud_of()
    async with at_work(*S[:2], cloud=cloud, owner="them") as rig:
        rig.publish(answer(S[0], ONE), answer(S[1], ONE))
        await rig.until_over(*S[:2])
        await taken(cloud, S[0], former="them")
        rig.publish(answer(S[0], TWO), answer(S[1], TWO))
        await rig.until_over(S[1])
        await until(lambda: rig.place().blocked)
        await asyncio.sleep(SELDOM * 3)
        assert cloud.answers(S[0]) == {ONE}
        assert rig.place().remedy.endswith("--provider cloud --from us")


async def test_it_is_not_urgent() -> None:
    cloud = cloud_of(address(S[0]))
    await taken(cloud, S[0])
    assert {seen.lane for seen in cloud.requests} == {Lane.ROUTINE}

"""CIDR collections are there before they are needed, are as they are called, and do not pile up."""

import pytest
from msgspec.structs import replace

from gslb.model.names import ServiceName
from gslb.model.recordset import RecordSet
from providers.base import CasConflictError, HostedZone, Lane, OutcomeUnknownError, RejectedError
from tests.fakes.account import connected
from tests.fakes.route53 import FakeRoute53, Fault, faults, records
from tests.fakes.route53.errors import access_denied
from tests.providers.route53.support import DEADLINE, ORIGIN, SERVICE, account, change, hosted, publish
from tests.providers.route53.test_render import ANKARA, ISTANBUL, SYDNEY, everybody, rendered, steering

CREATE, CHANGE = "CreateCidrCollection", "ChangeCidrCollection"
OTHER = ServiceName(f"www.{ORIGIN}")


def for_networks(*networks: str, service: ServiceName = SERVICE, ankara: bool = True) -> tuple[RecordSet, ...]:
    """Record sets of a service with a rule for each network."""
    rules = [(network, [ANKARA if ankara else SYDNEY]) for network in networks]
    return rendered(replace(steering(*rules, everybody(ISTANBUL)), name=service))


def collections(fake: FakeRoute53, zone: HostedZone) -> dict[str, set[str]]:
    """Blocks of gslb's own, by what record sets call them."""
    prefix = f"gslb-{zone.id}-"
    return {
        f"gslb-{it.name.removeprefix(prefix)}": {str(block) for block in it.blocks}
        for it in fake.store.collections.values()
        if it.name.startswith(prefix)
    }


async def test_a_change_of_answers_asks_nothing_about_collections_that_were_read(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    async with account(fake) as at:
        await publish(at, zone, {SERVICE: for_networks("192.0.2.0/24")})
        assert [it.action for it in fake.log()][1:] == [
            "ListCidrCollections",
            CREATE,
            CHANGE,
            "ChangeResourceRecordSets",
        ]
        before = fake.count()
        assert await publish(at, zone, {SERVICE: for_networks("192.0.2.0/24", ankara=False)})
        assert [it.action for it in fake.log()][before:] == [
            *("ListResourceRecordSets", "ListCidrCollections", "ListCidrBlocks", "ChangeResourceRecordSets")
        ]


async def test_services_of_a_zone_share_what_is_for_the_same_networks(fake: FakeRoute53) -> None:
    zone, another = hosted(fake), hosted(fake, "example.net.")
    networks = ["192.0.2.0/24", "192.0.0.0/16", "2001:db8:1::/48"]
    desired = {SERVICE: for_networks(*networks), OTHER: for_networks(*networks, service=OTHER)}
    foreign = {ServiceName("api.example.net."): for_networks(*networks, service=ServiceName("api.example.net."))}
    async with account(fake) as at:
        await publish(at, zone, desired)
        await publish(at, another, foreign)
        assert set(await at.read(zone, Lane.ROUTINE)) >= {*desired[SERVICE], *desired[OTHER]}
    assert list(collections(fake, zone).values()) == [set(networks)]
    assert list(collections(fake, another).values()) == [set(networks)]


async def test_other_networks_have_another_collection_and_old_ones_go_with_the_next(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    both = [{"192.0.2.0/24"}, {"198.51.100.0/24"}, {"203.0.113.0/24"}]
    async with account(fake) as at:
        for networks in both:
            await publish(at, zone, {SERVICE: for_networks(*networks)})
        assert list(collections(fake, zone).values()) == both[1:]
        await publish(
            at, zone, {SERVICE: for_networks("192.0.2.0/24"), OTHER: for_networks("203.0.113.0/24", service=OTHER)}
        )
        assert list(collections(fake, zone).values()) == [both[2], both[0]]


async def test_what_another_service_needs_stays(fake: FakeRoute53) -> None:
    zone, other = hosted(fake), for_networks("192.0.2.0/24", service=OTHER)
    async with account(fake) as at:
        for network in ("198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8"):
            await publish(at, zone, {OTHER: other, SERVICE: for_networks(network)})
        assert set(other) <= set(await at.read(zone, Lane.ROUTINE))
    assert list(collections(fake, zone).values()) == [{"192.0.2.0/24"}, {"203.0.113.0/24"}, {"10.0.0.0/8"}]


async def test_a_service_that_goes_needs_nothing_new(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    async with account(fake) as at:
        await publish(at, zone, {SERVICE: for_networks("192.0.2.0/24")})
        await publish(at, zone, {})
        assert len(fake.record_sets(zone.id)) == 2
    assert fake.count(CREATE) == 1


async def test_collections_of_others_are_left_alone(fake: FakeRoute53) -> None:
    zone, client = hosted(fake), connected(fake)
    for number, name in enumerate(["offices", "gslb-other-123456789012"]):
        made = client.create_cidr_collection(Name=name, CallerReference=str(number))["Collection"]["Id"]
        put = {"Action": "PUT", "LocationName": "a", "CidrList": ["192.0.2.0/24"]}
        client.change_cidr_collection(Id=made, Changes=[put])
    before = [dict(it.blocks) for it in fake.store.collections.values()]
    async with account(fake) as at:
        for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
            await publish(at, zone, {SERVICE: for_networks(network)})
    assert [dict(it.blocks) for it in list(fake.store.collections.values())[:2]] == before


async def test_record_sets_of_others_by_network_take_no_permission_for_collections(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    theirs = records.RecordSet(f"theirs.{ORIGIN}", "A", "a", records.Cidr("somebodys", "*"), 60, ("192.0.2.9",))
    fake.put(zone.id, theirs)
    fake.faults.always(faults.refused(access_denied("ListCidrCollections")), "ListCidrCollections")
    async with account(fake) as at:
        assert f"theirs.{ORIGIN}" in {record.name for record in await at.read(zone, Lane.ROUTINE)}
        assert await publish(at, zone, {SERVICE: rendered(steering(everybody(ISTANBUL)))})


async def test_blocks_that_somebody_has_changed_are_seen_and_put_right(fake: FakeRoute53) -> None:
    zone, wanted = hosted(fake), for_networks("192.0.2.0/24", "198.51.100.0/24")
    async with account(fake) as at:
        await publish(at, zone, {SERVICE: wanted})
        (collection,) = fake.store.collections.values()
        (gone, _), moved = list(collection.blocks.items()), "203.0.113.0/24"
        moving = [
            {"Action": "DELETE_IF_EXISTS", "LocationName": gone[1], "CidrList": [str(gone[0])]},
            {"Action": "PUT", "LocationName": "elsewhere", "CidrList": [str(gone[0]), moved]},
        ]
        connected(fake).change_cidr_collection(Id=collection.id, Changes=moving)
        assert not set(wanted) <= set(await at.read(zone, Lane.COSMETIC))
        assert await publish(at, zone, {SERVICE: wanted})
        assert set(wanted) <= set(await at.read(zone, Lane.COSMETIC))
        assert await publish(at, zone, {SERVICE: wanted}) == ()
    assert list(collections(fake, zone).values()) == [{"192.0.2.0/24", "198.51.100.0/24"}]


async def test_a_collection_that_has_gone_is_a_conflict_and_then_made_again(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    async with account(fake) as at:
        await publish(at, zone, {SERVICE: for_networks("192.0.2.0/24")})
        await at.read(zone, Lane.ROUTINE)
        fake.store.collections.clear()
        wanted = for_networks("192.0.2.0/24", service=OTHER)
        with pytest.raises(CasConflictError, match="NoSuchCidrCollection"):
            await at.apply(zone, [change(added=wanted)], DEADLINE, Lane.ROUTINE)
        await at.apply(zone, [change(added=wanted)], DEADLINE, Lane.ROUTINE)
        with pytest.raises(CasConflictError, match="is not there any more"):
            await at.apply(zone, [change(removed=for_networks("203.0.113.0/24"))], DEADLINE, Lane.ROUTINE)


async def test_another_writer_that_changes_a_collection_first_is_a_conflict(fake: FakeRoute53) -> None:
    zone = hosted(fake)

    def write() -> None:
        (collection,) = fake.store.collections.values()
        put = {"Action": "PUT", "LocationName": "a", "CidrList": ["203.0.113.0/24"]}
        connected(fake).change_cidr_collection(Id=collection.id, Changes=[put])

    fake.faults.add(faults.interfered(write), CHANGE)
    async with account(fake) as at:
        with pytest.raises(CasConflictError, match="CidrCollectionVersionMismatch"):
            await publish(at, zone, {SERVICE: for_networks("192.0.2.0/24")})
        assert len(fake.record_sets(zone.id)) == 2
        await publish(at, zone, {SERVICE: for_networks("192.0.2.0/24")})
    assert list(collections(fake, zone).values()) == [{"192.0.2.0/24"}]


@pytest.mark.parametrize("action", [CREATE, CHANGE])
@pytest.mark.parametrize("fault", [faults.lost(), faults.dropped()], ids=["lost", "dropped"])
async def test_what_has_become_of_a_collection_is_read_again(fake: FakeRoute53, action: str, fault: Fault) -> None:
    zone = hosted(fake)
    fake.faults.add(fault, action)
    async with account(fake) as at:
        with pytest.raises(OutcomeUnknownError, match=action):
            await publish(at, zone, {SERVICE: for_networks("192.0.2.0/24")})
        await publish(at, zone, {SERVICE: for_networks("192.0.2.0/24")})
    assert list(collections(fake, zone).values()) == [{"192.0.2.0/24"}]


async def test_where_there_may_be_no_more_collections_that_is_told_with_what_to_do(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    several = {
        (name := ServiceName(f"{label}.{ORIGIN}")): for_networks(f"10.{number}.0.0/16", service=name)
        for number, label in enumerate("abcdef")
    }
    async with account(fake) as at:
        with pytest.raises(RejectedError, match="LimitsExceeded") as told:
            await publish(at, zone, several)
    assert "rules for the same networks" in told.value.remedy
    assert "CIDR collections per account" in told.value.remedy


async def test_many_collections_and_blocks_are_read_over_several_pages(fake: FakeRoute53) -> None:
    zone, client = hosted(fake), connected(fake)
    fake.settings.cidr_collections = 200
    wanted = for_networks(*(f"10.{number}.0.0/16" for number in range(99)))
    for number in range(120):
        client.create_cidr_collection(Name=f"theirs-{number}", CallerReference=str(number))
    async with account(fake) as at:
        await publish(at, zone, {SERVICE: wanted})
        (own,) = [it for it in fake.store.collections.values() if it.name.startswith("gslb-")]
        more = [f"172.16.{number}.0/24" for number in range(60)]
        put = {"Action": "PUT", "LocationName": "elsewhere", "CidrList": more}
        client.change_cidr_collection(Id=own.id, Changes=[put])
        await publish(at, zone, {SERVICE: wanted})
        assert set(wanted) <= set(await at.read(zone, Lane.ROUTINE))
    assert len(own.blocks) == 99

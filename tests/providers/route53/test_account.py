"""Zones are found, read and changed, with no more requests than that takes."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet, reserved_name
from gslb.model.zone_plan import Change
from providers.base import Account, AuthFailedError, CasConflictError, HostedZone, Lane, Provider, RejectedError
from providers.route53 import Route53
from providers.route53.limits import POLICIES
from tests.fakes.route53 import UNLIMITED, Access, Clock, FakeRoute53
from tests.providers.route53.support import DEADLINE, ORIGIN, SERVICE, Turns, account, answer, change, hosted, publish

ROLE = "arn:aws:iam::123456789012:role/dns"


def actions(fake: FakeRoute53) -> list[str]:
    return [entry.action for entry in fake.log()]


def test_the_sdk_is_not_imported_before_an_account_is_opened() -> None:
    program = (
        "import sys\n"
        "from providers.route53 import Route53\n"
        "provider, sdk = Route53(), {'boto3', 'botocore', 'urllib3'}\n"
        "assert not sdk & sys.modules.keys()\n"
        "provider.open(None)\n"
        "assert sdk < sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def opened(provider: Provider) -> Account:
    """Of the types that the port has."""
    return provider.open(Turns())


async def test_it_is_a_provider_with_an_account() -> None:
    await opened(Route53()).close()
    capabilities = Route53().capabilities
    assert set(capabilities.policies) <= {"simple", *POLICIES.values()}
    assert (capabilities.batch_size, capabilities.batch_characters) == (1000, 32_000)


@pytest.mark.parametrize(
    "table",
    [
        {"endpoint": "https://user:phrase@dns.example"},
        {"zones": {"a..example.com": "Z1"}},
        {"zones": {"example.com": "Z1", "Example.com.": "Z2"}},
    ],
)
def test_a_table_that_makes_no_sense_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(table))):
        Route53.model_validate(table)


async def test_all_zones_are_listed_over_several_pages(fake: FakeRoute53) -> None:
    made = {hosted(fake, f"z{number}.example.") for number in range(150)} | {hosted(fake, private=True)}
    turns = Turns()
    async with account(fake, turns) as at:
        assert set(await at.zones(Lane.ROUTINE)) == made
    assert actions(fake) == ["ListHostedZones"] * 2
    assert turns.taken == [Lane.ROUTINE] * 2
    assert (turns.welcome, turns.refused) == (2, 0)


async def test_a_zone_is_found_by_its_name_and_not_by_that_of_its_neighbours(fake: FakeRoute53) -> None:
    wanted = hosted(fake)
    hosted(fake, "a.example.com.")
    hosted(fake, "example.net.")
    async with account(fake) as at:
        assert await at.zone(ORIGIN, Lane.ROUTINE) == wanted
    assert actions(fake) == ["ListHostedZonesByName"]


async def test_a_zone_that_is_not_there_is_told_with_what_to_do(fake: FakeRoute53) -> None:
    hosted(fake, "zz.com.")
    async with account(fake) as at:
        with pytest.raises(RejectedError, match=r"no public zone for example\.com\.") as told:
            await at.zone(ORIGIN, Lane.ROUTINE)
    assert "profile and role" in told.value.remedy


@pytest.mark.parametrize("private", [False, True])
async def test_a_private_zone_is_meant_if_the_table_says_so(fake: FakeRoute53, private: bool) -> None:  # noqa: FBT001
    zones = {False: hosted(fake), True: hosted(fake, private=True)}
    async with account(fake, private=private) as at:
        found = await at.zone(ORIGIN, Lane.ROUTINE)
        assert found == zones[private]
        assert len(await at.nameservers(found, Lane.COSMETIC)) == (0 if private else 4)
    async with account(fake, private=private, zones={"example.com": zones[not private].id}) as at:
        with pytest.raises(RejectedError, match="write private = "):
            await at.zone(ORIGIN, Lane.ROUTINE)


async def test_of_several_zones_of_a_name_one_must_be_named(fake: FakeRoute53) -> None:
    several = [hosted(fake) for _ in range(101)]
    async with account(fake) as at:
        with pytest.raises(RejectedError) as told:
            await at.zone(ORIGIN, Lane.ROUTINE)
    assert all(zone.id in told.value.message for zone in several)
    assert 'zones = { "example.com" = "Z' in told.value.remedy
    async with account(fake, zones={"Example.COM": several[1].id}) as at:
        assert await at.zone(ORIGIN, Lane.ROUTINE) == several[1]


async def test_an_id_of_another_zone_is_an_error(fake: FakeRoute53) -> None:
    other = hosted(fake, "example.net.")
    async with account(fake, zones={"example.com": other.id}) as at:
        with pytest.raises(RejectedError, match=rf"{other.id} is for example\.net\., not example\.com\.") as told:
            await at.zone(ORIGIN, Lane.ROUTINE)
        assert "the id for example.com" in told.value.remedy
    async with account(fake, zones={"example.com": "Z404"}) as at:
        with pytest.raises(RejectedError, match=r"GetHostedZone of example\.com\.: NoSuchHostedZone") as told:
            await at.zone(ORIGIN, Lane.ROUTINE)
        assert "check zones" in told.value.remedy


async def test_a_zone_of_many_record_sets_is_read_page_by_page(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    weights = [
        RecordSet(SERVICE, "A", ("192.0.2.1",), 30, f"r{n}", f'{{"Weight":{n}}}', (float(n),)) for n in range(100)
    ]
    async with account(fake) as at:
        await at.apply(zone, [change(added=weights)], DEADLINE, Lane.ROUTINE)
        fake.fill(zone.id, 700, "aaa")
        fake.fill(zone.id, 49, "api")
        held = await at.read(zone, Lane.COSMETIC)
    assert len(held) == len(set(held)) == 2 + 100 + 749
    assert set(weights) <= set(held)
    assert actions(fake).count("ListResourceRecordSets") == 3


async def test_single_names_are_read_without_the_rest(fake: FakeRoute53) -> None:
    zone, reserved = hosted(fake), reserved_name(SERVICE, "istanbul")
    many = [RecordSet(reserved, "A", (f"192.0.2.{n}",), 30, f"r{n}", '{"Weight":1}', (1.0,)) for n in range(40)]
    own = [answer(), answer("api", "2001:db8::1", kind="AAAA"), answer("*"), *many]
    async with account(fake) as at:
        await at.apply(zone, [change(added=[*own, answer("api2"), answer("aaa")])], DEADLINE, Lane.ROUTINE)
        names = [SERVICE, reserved, f"*.{ORIGIN}", f"missing.{ORIGIN}"]
        assert set(await at.read(zone, Lane.COSMETIC, names)) == set(own)
        assert await at.read(zone, Lane.COSMETIC, []) == ()
    assert actions(fake).count("ListResourceRecordSets") == 5  # one name has two pages


async def test_the_name_servers_are_told_as_absolute_names(fake: FakeRoute53) -> None:
    fake.settings.name_servers = ("NS1.example.net", "ns2.example.net")
    zone = hosted(fake)
    async with account(fake) as at:
        assert await at.nameservers(zone, Lane.COSMETIC) == ("ns1.example.net.", "ns2.example.net.")


async def test_a_change_is_settled_once_all_servers_have_it(fake: FakeRoute53, clock: Clock) -> None:
    fake.settings.propagation = [1, 2, 3, 30]
    zone, turns = hosted(fake), Turns()
    async with account(fake, turns) as at:
        receipt = await at.apply(zone, [change(added=[answer()])], DEADLINE, Lane.URGENT)
        assert receipt.zone == zone
        assert not await at.settled(receipt, Lane.FOLLOWING)
        clock.advance(31)
        assert await at.settled(receipt, Lane.FOLLOWING)
    assert turns.taken == [Lane.URGENT, Lane.FOLLOWING, Lane.FOLLOWING]


async def test_all_changes_are_one_request_that_says_whose_they_are(fake: FakeRoute53) -> None:
    zone = hosted(fake)
    desired = {ServiceName(f"s{n}.{ORIGIN}"): [answer(f"s{n}")] for n in range(50)}
    async with account(fake) as at:
        written = await publish(at, zone, desired)
    assert len(written) == 50
    assert fake.count("ChangeResourceRecordSets") == 1
    assert [it.comment for it in fake.store.changes.values()] == ["gslb us: 50 services"]


async def test_targets_come_before_their_aliases_and_go_after_them(fake: FakeRoute53) -> None:
    def chain(kind: str) -> list[RecordSet]:
        """Names such that neither order by name is right."""
        leads = {"b": "d", "d": "a", "a": "c"}
        to = '{{"AliasTarget":{{"DNSName":"{}.example.com.","EvaluateTargetHealth":false,"HostedZoneId":""}}}}'
        aliases = [RecordSet(f"{one}.{ORIGIN}", kind, routing=to.format(other)) for one, other in leads.items()]
        return [*aliases, answer("c", kind=kind) if kind == "A" else answer("c", "2001:db8::1", kind=kind)]

    zone, both = hosted(fake), [*chain("A"), *chain("AAAA")]
    async with account(fake) as at:
        await at.apply(zone, [change(added=both)], DEADLINE, Lane.ROUTINE)
        await at.apply(zone, [change(removed=both, added=both)], DEADLINE, Lane.ROUTINE)
        await at.apply(zone, [change(removed=both)], DEADLINE, Lane.ROUTINE)
    gone = [it.record_set.name.partition(".")[0] for it in fake.log("ChangeResourceRecordSets")[-1].batch]
    assert gone.index("b") < gone.index("d") < gone.index("a") < gone.index("c")


CONFLICTING = [
    change(removed=[answer("api", "192.0.2.66"), Marker(SERVICE, "us", 1, 1).record(300)]),  # not there with this value
    change(removed=[answer("gone")]),
    change(added=[answer()]),  # there already
    change(added=[RecordSet(SERVICE, "A", ("192.0.2.9",), 30, "a", '{"Weight":1}', (1.0,))]),  # beside a simple one
    change(added=[answer("api", "edge.example.net.", kind="CNAME")]),
]


@pytest.mark.parametrize("conflict", CONFLICTING, ids=map(str, range(5)))
async def test_what_somebody_else_has_changed_is_a_conflict_and_nothing_is_written(
    fake: FakeRoute53, conflict: Change
) -> None:
    zone = hosted(fake)
    async with account(fake) as at:
        await publish(at, zone, {SERVICE: [answer()]})
        before = fake.record_sets(zone.id)
        also = Change(ServiceName(f"other.{ORIGIN}"), (), (answer("other"),))
        with pytest.raises(CasConflictError, match=r"ChangeResourceRecordSets of example\.com\.: InvalidChangeBatch"):
            await at.apply(zone, [also, conflict], DEADLINE, Lane.ROUTINE)
    assert fake.record_sets(zone.id) == before


@pytest.mark.parametrize(
    "wrong",
    [answer("api", "not-an-address"), RecordSet("www.example.net.", "A", ("192.0.2.1",), 30), answer(ttl=2**31)],
)
async def test_what_is_never_taken_is_rejected(fake: FakeRoute53, wrong: RecordSet) -> None:
    zone = hosted(fake)
    async with account(fake) as at:
        with pytest.raises(RejectedError, match=r"example\.com\.: Invalid"):
            await at.apply(zone, [change(added=[wrong])], DEADLINE, Lane.ROUTINE)
        assert len(await at.read(zone, Lane.ROUTINE)) == 2


async def test_a_zone_that_has_gone_is_told_with_what_to_do(fake: FakeRoute53) -> None:
    async with account(fake) as at:
        with pytest.raises(RejectedError, match="NoSuchHostedZone") as told:
            await at.read(HostedZone(ORIGIN, "Z404"), Lane.ROUTINE)
    assert "check zones in [providers.NAME]" in told.value.remedy


async def test_a_role_is_assumed_with_its_external_id() -> None:
    access = Access({"AKIDTEST": "secret"}, roles={ROLE: "x-1"})
    with FakeRoute53(quota=UNLIMITED, access=access) as fake:
        zone = hosted(fake)
        async with account(fake, role=ROLE, external_id="x-1") as at:
            assert await at.zone(ORIGIN, Lane.ROUTINE) == zone
            await at.apply(zone, [change(added=[answer()])], DEADLINE, Lane.ROUTINE)
        keys = {entry.key for entry in fake.log()}
        assert len(keys) == 1
        assert keys.pop().startswith("ASIA")


@pytest.mark.parametrize("external_id", ["", "x-2"])
async def test_a_role_that_may_not_be_assumed_is_told(external_id: str) -> None:
    with FakeRoute53(access=Access({"AKIDTEST": "secret"}, roles={ROLE: "x-1"})) as fake:
        async with account(fake, role=ROLE, external_id=external_id) as at:
            with pytest.raises(AuthFailedError, match="AssumeRole: AccessDenied") as told:
                await at.zones(Lane.ROUTINE)
        assert "trust policy" in told.value.remedy
        assert fake.log() == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"zones": {"example.com": "/hostedzone/Z1"}}, "is no id of a hosted zone"),
        ({"external_id": "x"}, "external_id is for a role"),
        ({"role": "dns"}, "role"),
        ({"endpoint": "example.com"}, "endpoint"),
        ({"endpoint": "http://[127.0.0.1"}, "endpoint"),
        ({"region": "Frankfurt"}, "region"),
        ({"read_timeout": "2m"}, "read_timeout"),
        ({"access_key": "AKID"}, "access_key"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Route53.model_validate(options)

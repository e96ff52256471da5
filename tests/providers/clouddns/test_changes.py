"""Plans of whole zones at Cloud DNS: any state becomes any other, and then there is nothing to write."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gslb.model.expressible import DEGRADABLE
from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet
from gslb.model.steering import Steering
from gslb.model.zone_plan import Change, batches, plan_zone
from providers.base import Account, CasConflictError, Lane
from tests.fakes.clouddns import FakeCloudDns
from tests.providers.clouddns.steerings import anything, located, weighted
from tests.providers.clouddns.support import API, HOSTED, ORIGIN, ZONE, Turnstile, address, options, publish

NAMES = [API, ServiceName("*.example.com."), ServiceName("deep.api.example.com.")]

zones = st.dictionaries(st.sampled_from(NAMES), st.one_of(weighted(), located(), anything()))
Desired = dict[ServiceName, Sequence[RecordSet]]


class Bench:
    """A zone in which there are record sets of others too."""

    def __init__(self, runner: asyncio.Runner, fake: FakeCloudDns) -> None:
        self.fake, self.provider, self.run = fake, options(fake), runner.run
        self.account: Account = self.provider.open(Turnstile())
        self.foreign = fake.records(ZONE)
        self.fence = 0

    def desired(self, steerings: Mapping[ServiceName, Steering]) -> Desired:
        return {
            name: self.provider.render(replace(steering, name=name), DEGRADABLE).records
            for name, steering in steerings.items()
        }

    def publish(self, desired: Desired) -> int:
        self.fence += 1
        return self.run(publish(self.account, desired, self.fence))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with FakeCloudDns() as fake, asyncio.Runner() as runner:
        fake.create(ZONE, ORIGIN)
        fake.fill(ZONE, 5)
        bench = Bench(runner, fake)
        yield bench
        runner.run(bench.account.close())


@given(zones, zones)
def test_any_state_becomes_any_other_in_one_change_and_others_keep_theirs(
    bench: Bench, first: Mapping[ServiceName, Steering], then: Mapping[ServiceName, Steering]
) -> None:
    for steerings in (first, then):
        desired = bench.desired(steerings)
        before = bench.fake.count("changes.create")
        assert bench.publish(desired) <= 1
        assert bench.publish(desired) == 0
        assert bench.fake.count("changes.create") - before <= 1
        read = bench.run(bench.account.read(HOSTED, Lane.ROUTINE))
        wanted = {record for records in desired.values() for record in records}
        assert {record for record in read if record.type in {"A", "AAAA", "CNAME"} and record.name in NAMES} == wanted
        held = bench.fake.records(ZONE)
        assert {key: held[key] for key in bench.foreign if key[1] != "SOA"} == {
            key: record for key, record in bench.foreign.items() if key[1] != "SOA"
        }


@settings(max_examples=20)
@given(zones)
def test_names_that_are_read_by_themselves_are_read_as_in_the_whole(
    bench: Bench, steerings: Mapping[ServiceName, Steering]
) -> None:
    bench.publish(bench.desired(steerings))
    everything = bench.run(bench.account.read(HOSTED, Lane.ROUTINE))
    some = bench.run(bench.account.read(HOSTED, Lane.ROUTINE, NAMES))
    assert set(some) == {record for record in everything if record.name in NAMES}


async def test_of_two_who_write_at_a_time_one_has_a_conflict(account: Account, fake: FakeCloudDns) -> None:
    read = await account.read(HOSTED, Lane.ROUTINE)
    plans = [plan_zone(ORIGIN, read, {API: [address(API, value)]}, "us", 1) for value in ("192.0.2.1", "192.0.2.2")]
    outcomes = await asyncio.gather(
        *(account.apply(HOSTED, plan.changes, 5.0, Lane.URGENT) for plan in plans), return_exceptions=True
    )
    assert sorted(isinstance(outcome, CasConflictError) for outcome in outcomes) == [False, True]


async def test_the_largest_requests_are_taken(account: Account, fake: FakeCloudDns) -> None:
    """As many record sets as a request may have, and as many characters as one may have, of policies too."""
    capabilities = options(fake).capabilities
    items = [f'{{"location":"{place}","rrdatas":["192.0.2.1","192.0.2.2"]}}' for place in ("us-east4", "us-east5")]
    routing = f'{{"routingPolicy":{{"geo":{{"items":[{",".join(items)}]}}}}}}'
    changes = []
    for number in range(1200):
        name = ServiceName(f"{number}.example.com.")
        records = (RecordSet(name, "A", (), 30, routing=routing, routed=36), Marker(name, "us", 1).record(300))
        changes.append(Change(name, (), records))
    for batch in batches(changes, capabilities.batch_size, capabilities.batch_characters):
        await account.apply(HOSTED, batch, 10.0, Lane.ROUTINE)
    read = await account.read(HOSTED, Lane.ROUTINE)
    assert {record for change in changes for record in change.added} <= set(read)
    assert fake.count("changes.create") == 3

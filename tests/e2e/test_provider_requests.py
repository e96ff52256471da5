"""What is asked of providers over HTTP: nothing that need not be."""

from collections.abc import AsyncIterator, Iterator

import pytest

from gslb.control.planning import plan
from gslb.model.names import ServiceName
from providers.base import Lane
from tests.control.loops import running
from tests.control.writing.rig import Rig, answer
from tests.e2e.clouds import CLOUDS, CREDENTIALS, Cloud
from tests.e2e.scenarios import FAST, ZONE

OURS = [ServiceName(f"s{number}.{ZONE}") for number in range(10)]
FOREIGN = 1000
ONE, TWO = "203.0.113.1", "203.0.113.2"


@pytest.fixture(params=["route53", "clouddns"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """One with a zone that has a thousand record sets of others."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with CLOUDS[request.param](ZONE) as cloud:
        cloud.fill(ZONE, FOREIGN)
        yield cloud


@pytest.fixture
async def rig(cloud: Cloud) -> AsyncIterator[Rig]:
    """Writers that have published ten services."""
    rig = Rig()
    rig.configure(rig.setup(OURS, options=cloud.options, witness=False, **FAST))
    async with running(rig.writers.run()):
        rig.publish(*(answer(service, ONE, TWO) for service in OURS))
        await rig.until_over(*OURS, within=30)
        yield rig


async def test_a_decision_that_is_published_again_is_no_request_and_one_change_writes_once(
    cloud: Cloud, rig: Rig
) -> None:
    confirmed = len(cloud.asked())
    for _ in range(10):
        rig.publish(*(answer(service, ONE, TWO) for service in OURS))
        assert rig.over(*OURS) == [rig.generation] * len(OURS)
    assert len(cloud.asked()) == confirmed
    rig.publish(answer(OURS[3], ONE))
    await rig.until_over(*OURS, within=30)
    write, *others = cloud.asked()[confirmed:]
    assert write.names == {OURS[3], f"_gslb.{OURS[3]}"}
    assert not any(request.writes for request in others)
    assert len(others) == 3  # whether it is settled, and both names, to read them back


async def test_among_a_thousand_record_sets_of_others_a_plan_is_about_our_ten_and_is_one_request(
    cloud: Cloud, rig: Rig
) -> None:
    before = cloud.held(ZONE)
    foreign = {record for record in before if "foreign" in record.name}
    assert len(foreign) == FOREIGN
    setup = rig.setup(OURS, options=cloud.options, witness=False, **FAST)
    (unchanged,) = await plan([setup], {service: answer(service, ONE, TWO) for service in OURS})
    assert (unchanged.owned, unchanged.changes, unchanged.requests) == (10, (), 0)
    assert unchanged.read > FOREIGN
    failed_over = {service: answer(service, TWO) for service in OURS}
    (planned,) = await plan([setup], failed_over)
    assert {lane for lane, _ in planned.changes} == {Lane.URGENT}
    assert sorted(change.service for _, change in planned.changes) == OURS
    touched = {record for _, change in planned.changes for record in (*change.removed, *change.added)}
    assert {record.name for record in touched} == {*OURS, *(f"_gslb.{service}" for service in OURS)}
    assert (planned.requests, planned.troubles) == (1, {})

    asked = len(cloud.asked())
    rig.publish(*failed_over.values())
    await rig.until_over(*OURS, within=30)
    (write,) = (request for request in cloud.asked()[asked:] if request.writes)
    assert write.names == {record.name for record in touched}
    assert foreign <= cloud.held(ZONE)

"""What clients are answered by Route 53 is what the steering says, whatever was there before."""

import asyncio
from collections import Counter
from fractions import Fraction

from hypothesis import assume, given, settings

from gslb.model.distribution import distribution
from gslb.model.location import Client
from gslb.model.pick import nearest
from gslb.model.recordset import read_marker
from gslb.model.steering import Pick, RecordType, Steering, groups_for, rule_for
from providers.base import Account, HostedZone, Lane
from providers.route53 import Route53
from tests.fakes.route53 import UNLIMITED, FakeRoute53
from tests.providers.route53.steerings import CLIENTS, has_places, steerings
from tests.providers.route53.support import SERVICE, Turns, hosted, publish


def agrees(fake: FakeRoute53, steering: Steering) -> None:
    """Ask both oracles about every client."""
    for kind in steering.types:
        found = {client: fake.answers(steering.name, kind, client) for client in CLIENTS}
        exact = {client: distribution(steering, kind, client) for client in CLIENTS}
        assert all(exact.values())
        if found != exact:  # too much for a request: some of a group, each as often as the others
            assert found == {client: parted(steering, kind, client) for client in CLIENTS}, kind


def parted(steering: Steering, kind: RecordType, client: Client) -> dict[str, Fraction]:
    """The odds where the targets of a group are parted into as few answers as they fit into."""
    rule = rule_for(steering, client)
    groups = groups_for(rule, kind)
    if rule.pick is Pick.NEAREST:
        groups = nearest(groups, client.location.coordinates)
    total = sum(group.weight for group in groups)
    odds: dict[str, Fraction] = {}
    for group in groups:
        parts = -(-len(group.targets) // steering.answers)
        for target in group.targets:
            odds[target.value] = odds.get(target.value, Fraction(0)) + Fraction(group.weight, total * parts)
    return odds


async def holds(at: Account, zone: HostedZone, steering: Steering) -> None:
    """Write it, read it back, and find nothing more to write."""
    rendering = Route53().render(steering)
    assert all(fault.text.endswith("so that all are replaced in one request") for fault in rendering.faults)
    assume(not rendering.faults)
    assert Route53().problems(rendering.records) == ()
    await publish(at, zone, {SERVICE: rendering.records})
    held = await at.read(zone, Lane.COSMETIC)
    own = {record for record in held if record.name != zone.origin and read_marker(record) is None}
    assert own == set(rendering.records)
    assert await publish(at, zone, {SERVICE: rendering.records}, fence=2) == ()


def test_any_steering_is_answered_as_it_says_after_any_other() -> None:
    tally: Counter[bool] = Counter()
    with FakeRoute53(quota=UNLIMITED) as fake, asyncio.Runner() as runner:
        zone = hosted(fake)
        at = Route53(endpoint=fake.url).open(Turns())

        @settings(max_examples=120)
        @given(steerings())
        def check(steering: Steering) -> None:
            runner.run(holds(at, zone, steering))
            agrees(fake, steering)
            tally[has_places(steering)] += 1

        check()
        runner.run(at.close())
    assert tally.total() >= 100
    assert tally[True] >= 0.3 * tally.total()

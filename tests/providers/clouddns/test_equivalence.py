"""What clients are answered by the record sets of a steering is what the steering says."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.model.distribution import distribution
from gslb.model.expressible import Feature
from gslb.model.names import RegionName
from gslb.model.recordset import RecordSet
from gslb.model.steering import Group, RecordType, Rule, Steering, Target
from tests.fakes.clouddns import FakeCloudDns
from tests.providers.clouddns.steerings import CLIENTS, A, is_tied, located, weighted
from tests.providers.clouddns.support import API, ORIGIN, ZONE, Turnstile, options, publish

AGREED = frozenset({Feature.NEAREST, Feature.PLACES})


class Bench:
    """One zone that is made to say one steering after the other."""

    def __init__(self, runner: asyncio.Runner, fake: FakeCloudDns) -> None:
        self.fake, self.provider = fake, options(fake)
        self.account = self.provider.open(Turnstile())
        self.seen = Counter[str]()
        self._run = runner.run

    def say(self, steering: Steering) -> dict[str, RecordSet]:
        """The record sets that say it, by type."""
        rendering = self.provider.render(steering, AGREED)
        assert rendering.faults == ()
        assert self.provider.problems(rendering.records) == ()
        self._run(publish(self.account, {API: rendering.records}))
        assert self._run(publish(self.account, {API: rendering.records})) == 0
        for record in rendering.records:
            self.seen["wrr" if record.weights else "geo" if record.routing else "plain"] += 1
        return {record.type: record for record in rendering.records}

    def close(self) -> None:
        self._run(self.account.close())


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with FakeCloudDns() as fake, asyncio.Runner() as runner:
        fake.create(ZONE, ORIGIN)
        bench = Bench(runner, fake)
        yield bench
        bench.close()
        share = bench.seen["geo"] / bench.seen.total()
        assert share >= 0.3, bench.seen
        assert bench.seen["wrr"], bench.seen


def agree(bench: Bench, steering: Steering, kind: RecordType, tolerance: Fraction) -> None:
    for client in CLIENTS.values():
        if not is_tied(steering, kind, client):
            answered, meant = bench.fake.answers(API, kind.value, client), distribution(steering, kind, client)
            assert answered.keys() == meant.keys()
            assert all(abs(share - meant[value]) <= tolerance for value, share in answered.items())


@settings(max_examples=120)
@given(st.one_of(weighted(), located(), located()))
def test_the_odds_of_each_answer_are_those_of_the_steering(bench: Bench, steering: Steering) -> None:
    """Exactly, where weights are whole numbers, and to the precision of doubles where there are no such."""
    said = bench.say(steering)
    for kind in steering.types:
        whole = kind not in said or all(map(float.is_integer, said[kind].weights))
        agree(bench, steering, kind, Fraction(0) if whole else Fraction(1, 10**9))


def test_odds_that_take_fractions_are_right_as_well(bench: Bench) -> None:
    counts = {"istanbul": (251, 8), "ankara": (241, 7), "frankfurt": (239, 5)}
    groups, number = [], 0
    for name, (weight, count) in counts.items():
        values = [f"192.0.2.{number + each}" for each in range(count)]
        number += count
        groups.append(Group(RegionName(name), weight, tuple(Target((), A, value) for value in values)))
    steering = Steering(API, 30, 5, 3, (A,), (Rule(None, tuple(groups)),))
    said = bench.say(steering)
    assert not all(map(float.is_integer, said["A"].weights))
    agree(bench, steering, A, Fraction(1, 10**9))

"""What ends an answer is urgent, what changes a TTL only is not, and nothing that ends one is taken for less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gslb.model.area import parse_area
from gslb.model.location import Client
from gslb.model.names import EndpointName, ServiceName
from gslb.model.recordset import Marker, RecordSet
from gslb.model.steering import Pick, RecordType, Rule, Steering, Target, rule_for
from gslb.model.urgency import Urgency, urgency, urgency_of_change
from gslb.model.zone_plan import Change
from tests.nameserver.clients import clients, steerings
from tests.nameserver.support import group, parted, service

NAME = ServiceName("api.example.com.")
ONE, TWO = "192.0.2.1", "192.0.2.2"
BOTH = service(NAME, (1, [ONE]), (1, [TWO]))


def rule(match: str, *values: str) -> Rule:
    return Rule(parse_area(match) if match else None, (group("r", *values),))


def geo(*rules: Rule) -> Steering:
    return parted(NAME, *rules)


def answers(steering: Steering, client: Client) -> set[tuple[RecordType, str]]:
    groups = rule_for(steering, client).groups
    return {(target.type, target.value) for each in groups for target in each.targets}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BOTH, Urgency.COSMETIC),
        (replace(BOTH, ttl=5, negative_ttl=1), Urgency.COSMETIC),
        (service(NAME, (1, [ONE])), Urgency.URGENT),
        (service(NAME), Urgency.URGENT),
        (service(NAME, (1, [ONE]), (1, ["192.0.2.3"])), Urgency.URGENT),
        (service(NAME, (1, [ONE]), (9, [TWO])), Urgency.ROUTINE),
        (service(NAME, (1, [ONE]), (1, [TWO, "192.0.2.3"])), Urgency.ROUTINE),
        (service(NAME, (1, [ONE]), (1, [TWO]), answers=1), Urgency.ROUTINE),
        (replace(BOTH, rules=(replace(BOTH.rules[0], pick=Pick.STICKY),)), Urgency.ROUTINE),
        (replace(BOTH, rules=(replace(BOTH.rules[0], withheld=64),)), Urgency.ROUTINE),
        (replace(service(NAME, (1, [ONE])), ttl=5), Urgency.URGENT),
    ],
)
def test_what_is_answered_to_everybody(after: Steering, expected: Urgency) -> None:
    assert urgency(BOTH, after) is expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # an address that remains for some has gone for others
        (geo(rule("TR", ONE), rule("", TWO)), geo(rule("TR", TWO), rule("", TWO)), Urgency.URGENT),
        (geo(rule("TR", ONE), rule("", TWO)), geo(rule("TR", ONE, TWO), rule("", TWO)), Urgency.ROUTINE),
        # rules that come and go
        (geo(rule("", ONE)), geo(rule("TR", ONE), rule("", ONE)), Urgency.ROUTINE),
        (geo(rule("", ONE)), geo(rule("TR", TWO), rule("", ONE)), Urgency.URGENT),
        (geo(rule("TR", ONE), rule("", TWO)), geo(rule("", ONE, TWO)), Urgency.ROUTINE),
        (geo(rule("TR", ONE), rule("", TWO)), geo(rule("", TWO)), Urgency.URGENT),
        # London is in England
        (
            geo(rule("GB-ENG", ONE), rule("", TWO)),
            geo(rule("GB-LND", TWO), rule("GB-ENG", ONE), rule("", TWO)),
            Urgency.URGENT,
        ),
        # TR and DE have no client in common, and all of Istanbul is answered by the rule for it
        (geo(rule("TR", ONE), rule("", TWO)), geo(rule("TR", ONE), rule("DE", TWO), rule("", TWO)), Urgency.ROUTINE),
        (
            geo(rule("TR-34", ONE), rule("TR", TWO), rule("", TWO)),
            geo(rule("TR-34", ONE), rule("continent:AS", TWO), rule("", TWO)),
            Urgency.ROUTINE,
        ),
    ],
)
def test_what_is_answered_to_some(before: Steering, after: Steering, expected: Urgency) -> None:
    assert urgency(before, after) is expected


def test_an_endpoint_that_shares_its_address_is_missed_too() -> None:
    def shared(*names: str) -> Steering:
        target = Target(tuple(EndpointName(name) for name in names), RecordType.A, ONE)
        (only,) = service(NAME, (1, [ONE])).rules
        return replace(BOTH, rules=(replace(only, groups=(replace(only.groups[0], targets=(target,)),)),))

    assert urgency(shared("a", "b"), shared("a")) is Urgency.URGENT
    assert urgency(shared("a"), shared("a", "b")) is Urgency.ROUTINE


@given(steerings(), steerings(), clients())
def test_whatever_is_taken_from_a_client_is_urgent(before: Steering, after: Steering, client: Client) -> None:
    if answers(before, client) - answers(after, client):
        assert urgency(before, after) is Urgency.URGENT


def test_it_is_urgent_that_somebody_answers_again_where_nobody_does() -> None:
    assert urgency(service(NAME), BOTH) is Urgency.URGENT
    assert urgency(service(NAME), service(NAME)) is Urgency.COSMETIC
    nobody = Rule(parse_area("TR"), ())
    assert urgency(geo(nobody, rule("", ONE)), geo(rule("TR", TWO), rule("", ONE))) is Urgency.URGENT


@given(steerings(), steerings(), clients())
def test_whoever_is_given_something_anew_need_not_wait(before: Steering, after: Steering, client: Client) -> None:
    if answers(after, client) and not answers(before, client):
        assert urgency(before, after) is Urgency.URGENT


@given(steerings(), st.integers(0, 300))
def test_a_ttl_is_cosmetic(steering: Steering, ttl: int) -> None:
    assert urgency(steering, replace(steering, ttl=ttl)) is Urgency.COSMETIC


MARKER = Marker(NAME, "us", 1).record(300)


def record(*values: str, ttl: int = 30, routing: str = "", identifier: str = "") -> RecordSet:
    return RecordSet(NAME, "A", values, ttl, identifier, routing)


@pytest.mark.parametrize(
    ("removed", "added", "kept", "expected"),
    [
        ([], [record(ONE)], [], Urgency.ROUTINE),
        ([record(ONE)], [record(ONE, ttl=5)], [], Urgency.COSMETIC),
        ([record(ONE, TWO)], [record(ONE)], [], Urgency.URGENT),
        ([record(ONE)], [record(ONE, TWO)], [], Urgency.ROUTINE),
        ([record(ONE)], [], [], Urgency.URGENT),
        ([record(ONE, identifier="a")], [], [record(ONE, identifier="b")], Urgency.ROUTINE),
        ([record(routing="wrr 1 192.0.2.1")], [record(routing="wrr 2 192.0.2.1")], [], Urgency.URGENT),
        ([record(routing="wrr 1", ttl=60)], [record(routing="wrr 1")], [], Urgency.COSMETIC),
    ],
)
def test_by_records_alone(
    removed: list[RecordSet], added: list[RecordSet], kept: list[RecordSet], expected: Urgency
) -> None:
    newer = Marker(NAME, "us", 1, 7).record(300)
    assert urgency_of_change(Change(NAME, (*removed, MARKER), (*added, newer), tuple(kept))) is expected

"""A plan leads to what was decided, touches nothing of others, and is nothing where all is as it should be."""

from collections.abc import Sequence
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet, is_reserved_for, marker_name, markers, read_marker, reserved_name
from gslb.model.zone_plan import Change, batches, plan_zone

ZONE = "example.com."
NAMES = [ServiceName(f"{label}.example.com.") for label in ("api", "www", "*", "*.deep", "deep")]


def answer(service: ServiceName, *values: str, ttl: int = 30) -> RecordSet:
    return RecordSet(service, "A", values or ("192.0.2.1",), ttl)


def weighted(name: str, identifier: str, weight: int) -> RecordSet:
    return RecordSet(name, "A", (f"192.0.2.{weight}",), 30, identifier, f"weight {weight}", (float(weight),))


FOREIGN = (
    RecordSet(ZONE, "SOA", ("ns1. hostmaster. 1 2 3 4 5",), 900),
    RecordSet(ZONE, "NS", ("ns1.example.net.",), 900),
    RecordSet("mail.example.com.", "A", ("198.51.100.1",), 300),
    RecordSet("api.example.com.", "TXT", ('"v=spf1 -all"',), 300),
    RecordSet("_gslb.mail.example.com.", "TXT", ('"heritage=external-dns,owner=x"',), 300),
    RecordSet("_gslb-x.mail.example.com.", "A", ("198.51.100.2",), 300),
    RecordSet("_acme-challenge.api.example.com.", "TXT", ('"token"',), 60),
)

record_sets = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 3)), max_size=3, unique_by=lambda drawn: drawn[0]
)
desired_zones = st.dictionaries(st.sampled_from(NAMES), record_sets).map(
    lambda drawn: {
        service: tuple(weighted(service, identifier, weight) for identifier, weight in sets)
        + tuple(weighted(reserved_name(service, "1"), identifier, weight) for identifier, weight in sets[1:])
        for service, sets in drawn.items()
    }
)


def applied(read: Sequence[RecordSet], changes: Sequence[Change]) -> list[RecordSet]:
    """As a provider does that compares and sets."""
    held = {record.key: record for record in read}
    for change in changes:
        for record in change.removed:
            assert held.pop(record.key) == record
        for record in change.added:
            assert held.setdefault(record.key, record) is record
    return list(held.values())


@given(desired_zones, desired_zones)
def test_any_state_becomes_any_other_and_then_there_is_nothing_to_do(
    first: dict[ServiceName, tuple[RecordSet, ...]], then: dict[ServiceName, tuple[RecordSet, ...]]
) -> None:
    held: list[RecordSet] = list(FOREIGN)
    for fence, wanted in enumerate((first, then), 1):
        plan = plan_zone(ZONE, held, wanted, "us", fence)
        assert plan.conflicts == ()
        held = applied(held, plan.changes)
        assert set(FOREIGN) <= set(held)
        ours = {service: found for service, (found, _) in markers(held).items()}
        assert ours.keys() == wanted.keys()
        expected = {record for records in wanted.values() for record in records}
        own = {record for record in held if record not in FOREIGN and read_marker(record) is None}
        assert own == expected
        assert plan_zone(ZONE, held, wanted, "us", fence + 1).changes == ()


@given(desired_zones, desired_zones)
def test_whoever_writes_by_a_plan_that_is_out_of_date_fails(
    first: dict[ServiceName, tuple[RecordSet, ...]], then: dict[ServiceName, tuple[RecordSet, ...]]
) -> None:
    """The marker has been replaced, if nothing else has."""
    read = list(FOREIGN)
    mine, theirs = plan_zone(ZONE, read, first, "us", 1), plan_zone(ZONE, read, then, "us", 2)
    both = {it.service for it in mine.changes} & {it.service for it in theirs.changes}
    held = applied(read, theirs.changes)
    for change in mine.changes:
        if change.service in both:
            with pytest.raises((AssertionError, KeyError)):
                applied(held, [change])


def test_only_what_differs_is_written_and_the_marker_with_it() -> None:
    service = NAMES[0]
    old = [weighted(service, "a", 1), weighted(service, "b", 2)]
    marker = Marker(service, "us", 4).record(300)
    new = [weighted(service, "a", 1), weighted(service, "b", 3)]
    (change,) = plan_zone(ZONE, [*FOREIGN, *old, marker], {service: new}, "us", 5).changes
    assert set(change.removed) == {old[1], marker}
    assert set(change.added) == {new[1], Marker(service, "us", 5).record(300)}


def test_a_marker_of_the_same_lease_is_compared_as_well() -> None:
    service = NAMES[0]
    marker = Marker(service, "us", 4).record(300)
    (change,) = plan_zone(ZONE, [answer(service), marker], {service: [answer(service, "192.0.2.9")]}, "us", 4).changes
    assert marker in change.removed
    assert marker in change.added


def test_what_nobody_has_marked_is_in_the_way_until_it_is_adopted() -> None:
    service, there = NAMES[0], answer(NAMES[0], "198.51.100.9")
    plan = plan_zone(ZONE, [*FOREIGN, there], {service: [answer(service)]}, "us", 1)
    assert plan.changes == ()
    assert [(it.service, it.records, it.owner) for it in plan.conflicts] == [(service, (there,), "")]
    adopting = plan_zone(ZONE, [*FOREIGN, there], {service: [answer(service)]}, "us", 1, adopted={service: ""})
    assert adopting.conflicts == ()
    assert there in adopting.changes[0].removed


@pytest.mark.parametrize("adopted", [None, "", "us", "somebody"])
def test_what_others_have_marked_is_theirs_unless_it_is_taken_from_just_them(adopted: str | None) -> None:
    service = NAMES[0]
    read = [answer(service), Marker(service, "them", 1).record(300)]
    wanted = {service: [answer(service, "192.0.2.2")]}
    plan = plan_zone(ZONE, read, wanted, "us", 1, adopted={} if adopted is None else {service: adopted})
    assert plan.changes == ()
    assert plan.conflicts[0].owner == "them"
    assert plan_zone(ZONE, read, {}, "us", 1).changes == ()
    (change,) = plan_zone(ZONE, read, wanted, "us", 1, adopted={service: "them"}).changes
    assert set(change.removed) == set(read)


@pytest.mark.parametrize("kind", ["TXT", "CNAME"])
def test_what_is_in_the_place_of_a_marker_and_is_none_is_in_the_way(kind: str) -> None:
    service = NAMES[0]
    there = RecordSet(marker_name(service), kind, ('"of somebody else"',), 300)
    wanted = {service: [answer(service)]}
    plan = plan_zone(ZONE, [*FOREIGN, there], wanted, "us", 1)
    assert plan.changes == ()
    assert [(it.service, it.records, it.owner) for it in plan.conflicts] == [(service, (there,), "")]
    (change,) = plan_zone(ZONE, [there], wanted, "us", 1, adopted={service: ""}).changes
    assert set(applied([there], [change])) == {answer(service), Marker(service, "us", 1).record(300)}


def test_what_is_adopted_from_ourselves_is_marked_anew_though_it_is_as_it_should_be() -> None:
    service = NAMES[0]
    read = [answer(service), Marker(service, "us", 7).record(300)]
    (change,) = plan_zone(ZONE, read, {service: [answer(service)]}, "us", 0, adopted={service: "us"}).changes
    assert (change.removed, change.added) == ((read[1],), (Marker(service, "us", 0).record(300),))
    assert change.kept == (read[0],)


def test_what_is_as_it_should_be_but_marked_by_others_is_in_the_way_too() -> None:
    service = NAMES[0]
    read = [answer(service), Marker(service, "them", 1).record(300)]
    assert plan_zone(ZONE, read, {service: [answer(service)]}, "us", 1).conflicts[0].owner == "them"


def test_who_has_an_older_lease_writes_nothing_over_a_newer_one() -> None:
    service = NAMES[0]
    read = [answer(service), Marker(service, "us", 7).record(300)]
    wanted = {service: [answer(service, "192.0.2.2")]}
    plan = plan_zone(ZONE, read, wanted, "us", 6)
    assert plan.changes == ()
    assert (plan.conflicts[0].owner, plan.conflicts[0].fence) == ("us", 7)
    assert plan_zone(ZONE, read, {service: [answer(service)]}, "us", 6).conflicts == ()
    for fence in (7, 8):
        (change,) = plan_zone(ZONE, read, wanted, "us", fence).changes
        assert Marker(service, "us", fence).record(300) in change.added
    assert plan_zone(ZONE, read, wanted, "us", 6, adopted={service: "us"}).conflicts == ()


def test_a_later_lease_takes_the_place_of_an_older_one_where_it_is_to_and_only_once() -> None:
    service, old = NAMES[0], Marker(NAMES[0], "us", 1, 5).record(300)
    read, wanted = [*FOREIGN, answer(service), old], {service: [answer(service)]}
    assert plan_zone(ZONE, read, wanted, "us", 2, 9).changes == ()
    (change,) = plan_zone(ZONE, read, wanted, "us", 2, 9, renew=True).changes
    assert (change.removed, change.added) == ((old,), (Marker(service, "us", 2, 9).record(300),))
    assert (change.kept, change.renews) == ((answer(service),), True)
    renewed = applied(read, [change])
    assert plan_zone(ZONE, renewed, wanted, "us", 2, 10, renew=True).changes == ()
    assert plan_zone(ZONE, renewed, wanted, "us", 1, 10, renew=True).changes == ()
    with pytest.raises((AssertionError, KeyError)):
        applied(renewed, plan_zone(ZONE, read, {}, "us", 1).changes)
    assert not any(it.renews for it in plan_zone(ZONE, read, {service: []}, "us", 2, renew=True).changes)
    assert not any(it.renews for it in plan_zone(ZONE, read, {}, "us", 2, renew=True).changes)


def test_a_service_without_any_answer_keeps_its_name() -> None:
    service = NAMES[0]
    read = [answer(service), Marker(service, "us", 1).record(300)]
    (change,) = plan_zone(ZONE, read, {service: []}, "us", 1, generation=5).changes
    assert change.added == (Marker(service, "us", 1, 5).record(300),)
    assert plan_zone(ZONE, applied(read, [change]), {service: []}, "us", 1, generation=6).changes == ()


def test_new_answers_come_first_and_what_goes_goes_last() -> None:
    new, changed, gone = NAMES[0], NAMES[1], NAMES[4]
    read = [record for it in (changed, gone) for record in (answer(it), Marker(it, "us", 1).record(300))]
    wanted = {new: [answer(new)], changed: [answer(changed, "192.0.2.2")]}
    plan = plan_zone(ZONE, read, wanted, "us", 2)
    assert [change.service for change in plan.changes] == [new, changed, gone]


def test_markers_are_read_back_and_nothing_else_is_one() -> None:
    for service in NAMES:
        marker = Marker(service, "us", 7, 2**63)
        assert read_marker(marker.record(60)) == marker
    assert all(read_marker(record) is None for record in FOREIGN)
    for garbled in (
        "fence=\u0661,generation=1",
        "fence=-1,generation=1",
        f"fence=1,generation={'9' * 4301}",
        "fence=1",
    ):
        value = f'"heritage=gslb,owner=us,{garbled}"'
        assert read_marker(RecordSet(marker_name(NAMES[0]), "TXT", (value,), 60)) is None
    assert len({marker_name(service) for service in NAMES}) == len(NAMES)
    for one, other in permutations(NAMES, 2):
        assert not is_reserved_for(marker_name(one), other)
        assert not is_reserved_for(marker_name(one), one)


sized = st.lists(st.integers(1, 9), max_size=30)


@given(sized, st.integers(18, 40))
def test_requests_are_few_and_none_is_too_large(sizes: list[int], most: int) -> None:
    changes = [Change(NAMES[0], (), tuple(answer(NAMES[0], str(i)) for i in range(size))) for size in sizes]
    found = list(batches(changes, most, 10_000))
    assert [change for batch in found for change in batch] == changes
    assert all(sum(change.size for change in batch) <= most for batch in found)
    for one, following in pairwise(found):
        assert sum(change.size for change in one) + following[0].size > most


def test_what_no_request_can_hold_is_an_error() -> None:
    change = Change(NAMES[0], (), (answer(NAMES[0], "x" * 100),))
    with pytest.raises(ValueError, match=r"api\.example\.com\."):
        list(batches([change], 10, 50))
    with pytest.raises(ValueError, match="1 records"):
        list(batches([change], 0, 500))


def test_values_inside_a_routing_count_as_well() -> None:
    routed = RecordSet(NAMES[0], "A", (), 30, routing='{"items":["192.0.2.1","192.0.2.2"]}', routed=18)
    change = Change(NAMES[0], (routed,), (answer(NAMES[0], "192.0.2.1"),))
    assert change.characters == 27
    assert len(list(batches([change, change], 10, 54))) == 1
    assert len(list(batches([change, change], 10, 53))) == 2


def test_values_count_in_a_request_and_an_alias_counts_as_one() -> None:
    alias = RecordSet(NAMES[0], "AAAA", routing="alias")
    change = Change(NAMES[0], (answer(NAMES[0], "1", "2", "3"), alias), (answer(NAMES[0], "4"),))
    assert change.size == 5

"""What would be an outage by mistake is not written, and the rest is."""

from gslb.model.names import ServiceName
from gslb.model.recordset import Marker, RecordSet
from gslb.model.zone_guard import PlanLimits, PlanRule, guard
from gslb.model.zone_plan import ZonePlan, plan_zone
from tests.model.test_zone_plan import ZONE, answer, weighted

LIMITS = PlanLimits(deletes=0.3, few=3)


def named(number: int) -> ServiceName:
    return ServiceName(f"s{number}.example.com.")


def plan_of(count: int, *wanted: RecordSet) -> ZonePlan:
    """Of ``count`` services that are there, only ``wanted`` are to be."""
    read = [record for i in range(count) for record in (answer(named(i)), Marker(named(i), "us", 1).record(300))]
    desired: dict[ServiceName, list[RecordSet]] = {}
    for record in wanted:
        desired.setdefault(ServiceName(record.name), []).append(record)
    return plan_zone(ZONE, read, desired, "us", 2)


def kept(count: int, gone: int) -> ZonePlan:
    return plan_of(count, *(answer(named(i)) for i in range(gone, count)))


def test_few_services_may_go_and_so_may_a_share_of_many() -> None:
    for count, gone in ((3, 3), (10, 3), (100, 30)):
        plan, refusals = guard(kept(count, gone), (), count, LIMITS)
        assert (len(plan.changes), refusals) == (gone, ())


def test_more_than_that_may_not_go() -> None:
    for count, gone in ((4, 4), (10, 4), (100, 31)):
        plan, (refusal,) = guard(kept(count, gone), (), count, LIMITS)
        assert plan.changes == ()
        assert (refusal.rule, len(refusal.services)) == (PlanRule.DELETES, gone)
        assert f"{gone} of {count}" in refusal.text


def test_updates_are_written_although_deletions_are_not() -> None:
    changed = [answer(named(i), "192.0.2.77") for i in range(5, 10)]
    plan, (refusal,) = guard(plan_of(10, *changed), (), 10, LIMITS)
    assert refusal.rule is PlanRule.DELETES
    assert {change.service for change in plan.changes} == {named(i) for i in range(5, 10)}


def test_a_service_that_is_configured_is_never_left_without_an_answer() -> None:
    plan, (refusal,) = guard(kept(5, 1), {named(0)}, 5, LIMITS)
    assert (plan.changes, refusal.rule, refusal.services) == ((), PlanRule.NEVER_EMPTY, (named(0),))


def test_weights_are_not_all_zero() -> None:
    zero = [weighted(named(0), "a", 0), weighted(named(0), "b", 0)]
    plan, (refusal,) = guard(plan_of(1, *zero), {named(0)}, 1, LIMITS)
    assert (plan.changes, refusal.rule) == ((), PlanRule.ALL_ZERO)
    plan, refusals = guard(plan_of(1, zero[0], weighted(named(0), "b", 1)), {named(0)}, 1, LIMITS)
    assert (len(plan.changes), refusals) == (1, ())


def test_what_stays_as_it_is_counts_as_well() -> None:
    """One of two sets goes, or gets no weight, and the other one is not written at all."""
    one, other = weighted(named(0), "a", 1), weighted(named(0), "b", 2)
    read = [one, other, Marker(named(0), "us", 1).record(300)]
    for left in ([other], [weighted(named(0), "a", 0), other]):
        planned = plan_zone(ZONE, read, {named(0): left}, "us", 2)
        plan, refusals = guard(planned, {named(0)}, 1, LIMITS)
        assert (plan, refusals) == (planned, ())
        assert other in plan.changes[0].kept


def test_the_name_servers_of_the_zone_are_not_touched() -> None:
    apex = ServiceName(ZONE)
    for kind in ("NS", "SOA"):
        plan = plan_zone(ZONE, [], {apex: [RecordSet(ZONE, kind, ("ns1.example.net.",), 60)]}, "us", 1)
        left, (refusal,) = guard(plan, {apex}, 0, LIMITS)
        assert (left.changes, refusal.rule) == ((), PlanRule.ROOT_NS)

"""Incidents: which entries belong together, when it began and ended, and how far it came when."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.combine import Health
from gslb.model.incident import Entry, Incident, Lost, Record, incidents
from gslb.model.milestones import Milestones, milestones
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName, VantageName
from gslb.model.observation import Cause, CheckKey, Observation
from gslb.model.record import (
    AnswerRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    Evidence,
    ExposureRecord,
    OrderRecord,
    ProviderRecord,
    PublicationRecord,
    RecoveryRecord,
    TransitionRecord,
    Vote,
)
from gslb.model.steering import Group, RecordType, Rule, Steering, Target
from gslb.model.step import Condition

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
API, WWW = ServiceName("api.example.com."), ServiceName("www.example.com.")
IST1, IST2, ANK1 = (
    EndpointName(name) for name in ("istanbul/192.0.2.1:80", "istanbul/[2001:db8::2]:80", "ankara/x:80")
)
UP, DOWN, DRAINING, UNKNOWN = Health.UP, Health.DOWN, Health.DRAINING, Health.UNKNOWN
HERE = VantageName("here")
OK, FAILED = Observation(ok=True, latency=0.1), Observation(ok=False, latency=0.1, cause=Cause.TIMEOUT)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def change(
    seconds: float, endpoint: EndpointName, after: Health, *services: ServiceName, before: Health | None = None
) -> TransitionRecord:
    key = CheckKey(HERE, ProbeName("edge"), endpoint.partition("/")[2])
    vote = Vote(key, Condition.DOWN, counts=True)
    was = before or (DOWN if after is UP else UP)
    return TransitionRecord(at(seconds), endpoint, was, after, services or (API,), (), (vote,))


def steering(service: ServiceName, *endpoints: EndpointName, weight: int = 1, ttl: int = 30) -> Steering:
    targets = [Target((name,), RecordType.A, name) for name in endpoints]
    groups = tuple(Group(RegionName(str(t.value)), weight, (t,)) for t in targets)
    return Steering(service, ttl, 5, 1, (RecordType.A,), (Rule(None, groups),))


def decision(
    seconds: float, generation: int, before: Steering | None, after: Steering, service: ServiceName = API
) -> DecisionRecord:
    return DecisionRecord(at(seconds), service, "because", generation, before, after, (), good=True)


def leaves(seconds: float, generation: int, endpoint: EndpointName, service: ServiceName = API) -> DecisionRecord:
    """The endpoint goes out of the answers, another one stays."""
    stays = EndpointName("izmir/y:80")
    return decision(seconds, generation, steering(service, endpoint, stays), steering(service, stays), service)


def comes(seconds: float, generation: int, endpoint: EndpointName, service: ServiceName = API) -> DecisionRecord:
    left = leaves(seconds, generation, endpoint, service)
    assert left.before is not None
    return replace(left, before=left.after, after=left.before)


def published(seconds: float, generation: int, *services: ServiceName, provider: str = "embedded") -> PublicationRecord:
    return PublicationRecord(at(seconds), provider, generation, services or (API,), 0.01)


def answer(seconds: float, generation: int, service: ServiceName = API) -> AnswerRecord:
    return AnswerRecord(at(seconds), service, generation, "nameserver-0")


def exposure(seconds: float, endpoint: EndpointName, service: ServiceName = API) -> ExposureRecord:
    return ExposureRecord(at(seconds), service, endpoint)


def recovery(seconds: float, endpoint: EndpointName, service: ServiceName = API) -> RecoveryRecord:
    return RecoveryRecord(at(seconds), service, (endpoint,), NOON, at(1), at(2), seconds, 99.0)


def order(seconds: float, action: str, target: str, service: str | None = None) -> OrderRecord:
    return OrderRecord(at(seconds), action, target, "ayse", "work", service=service)


def doubt(seconds: float, vantage: VantageName = HERE) -> DoubtRecord:
    return DoubtRecord(at(seconds), vantage, "all silent")


def escalation(seconds: float, service: ServiceName = API) -> EscalationRecord:
    return EscalationRecord(at(seconds), "page", "call", service, RegionName("istanbul"), "done", "")


def trouble(
    seconds: float, *services: ServiceName, over: bool = False, drift: bool = False, zone: str = "example.com."
) -> ProviderRecord:
    return ProviderRecord(at(seconds), "aws-main", zone, services, "access denied", drift=drift, over=over)


def numbered(records: Iterable[Record]) -> list[Entry]:
    return [Entry(number, record) for number, record in enumerate(records)]


Story = list[tuple[Record, int | None]]

STORIES: dict[str, Story] = {
    "a failover from the failure to the end of exposure, and back": [
        (change(0, IST1, DOWN), 0),
        (leaves(0.1, 5, IST1), 0),
        (published(0.2, 5), 0),
        (answer(0.3, 5), 0),
        (escalation(1), 0),
        (exposure(6, IST1), 0),
        (recovery(5, IST1), 0),
        (change(60, IST1, UP), 0),
        (comes(120, 6, IST1), 0),
        (published(121, 6), 0),
    ],
    "first verdicts begin nothing": [
        (change(0, IST1, UP, before=UNKNOWN), None),
        (change(0, ANK1, DOWN, before=UNKNOWN), None),
        (decision(1, 1, None, steering(API, IST1)), None),
        (published(1, 1), None),
        (change(30, ANK1, UP), None),
    ],
    "draining of itself is away from up": [(change(0, IST1, DRAINING), 0), (change(1, IST1, DOWN, before=DRAINING), 0)],
    "what gslb does by itself or refuses begins nothing": [
        (order(0, "refused", "istanbul"), None),
        (order(0, "climbing", "istanbul"), None),
        (order(0, "expired", "istanbul"), None),
        (doubt(1), None),
        (Lost(at(2), 3), None),
        (exposure(3, IST1), None),
    ],
    "failures of one service are one incident": [
        (change(0, IST1, DOWN, API), 0),
        (change(1, ANK1, DOWN, API, WWW), 0),
        (change(2, IST2, DOWN, WWW), 0),
    ],
    "failures of two services that share nothing are two incidents": [
        (change(0, IST1, DOWN, API), 0),
        (change(1, IST2, DOWN, WWW), 1),
        (leaves(2, 5, IST1, API), 0),
        (leaves(2, 5, IST2, WWW), 1),
        (answer(3, 5, WWW), 1),
        (answer(3, 5, API), 0),
        (published(3, 5, WWW), 1),
        (published(3, 6, API), 0),
    ],
    "what shares something with two open incidents makes them one": [
        (change(0, IST1, DOWN, API), 0),
        (change(1, IST2, DOWN, WWW), 0),
        (leaves(2, 5, IST2, WWW), 0),
        (change(3, ANK1, DOWN, API, WWW), 0),
        (exposure(5000, IST2, WWW), 0),
    ],
    "a failure after all was well again is another incident": [
        (change(0, IST1, DOWN), 0),
        (change(10, IST1, UP), 0),
        (comes(11, 6, IST1), 0),
        (change(20, IST1, DOWN), 1),
        (change(30, IST1, UP), 1),
        (comes(31, 7, IST1), 1),
    ],
    "a drain, with the phases that come late, until it is lifted": [
        (order(0, "drain", "istanbul"), 0),
        (order(0, "lowering", "istanbul"), 0),
        (decision(1, 5, steering(API, IST1, ANK1), steering(API, IST1, ANK1, ttl=5)), 0),
        (published(2, 5), 0),
        (order(3600, "emptying", "istanbul"), 0),
        (leaves(3600, 6, IST1), 0),
        (exposure(3700, IST1), 0),
        (order(3700, "drained", "istanbul"), 0),
        (order(9000, "lifted", "istanbul"), 0),
        (comes(9001, 7, IST1), 0),
    ],
    "an order for a region is about its endpoints, also those in brackets": [
        (order(0, "out", "istanbul"), 0),
        (change(1, IST2, DOWN, WWW), 0),
        (order(2, "up", "istanbul/[[]*"), 0),
        (order(2, "up", IST2), 0),
        (change(3, ANK1, DOWN, API), 1),
    ],
    "an order for a service is about what happens to it": [
        (order(0, "ttl", "www.example.com"), 0),
        (decision(1, 5, steering(WWW, IST1), steering(WWW, IST1, ttl=5), WWW), 0),
        (order(2, "freeze", "a*.example.com"), 1),
        (change(3, ANK1, DOWN, API), 1),
        (order(4, "weight", "izmir", service="www.example.com"), 0),
    ],
    "a changed weight is about the region": [
        (order(0, "weight", "istanbul"), 0),
        (decision(1, 5, steering(API, IST1), steering(API, IST1, weight=9)), 0),
        (decision(2, 5, steering(WWW, ANK1), steering(WWW, ANK1, weight=9), WWW), None),
    ],
    "what only shares a service does not join after ten minutes of quiet, what was waited for does": [
        (change(0, IST1, DOWN, API), 0),
        (leaves(1, 5, IST1), 0),
        (escalation(602), None),
        (change(700, ANK1, DOWN, API), 1),
        (exposure(1000, IST1), 0),
        (answer(2000, 5), 0),
        (published(3000, 5), 0),
        (change(9000, IST1, UP), 0),
    ],
    "recovery joins whoever waits for it": [
        (change(0, IST1, DOWN, API), 0),
        (leaves(1, 5, IST1), 0),
        (recovery(5000, IST1), 0),
        (exposure(5001, IST1), 0),
    ],
    "who is back in the answers is not waited for": [
        (change(0, IST1, DOWN, API), 0),
        (leaves(1, 5, IST1), 0),
        (comes(2, 6, IST1), 0),
        (exposure(5000, IST1), None),
    ],
    "doubts join where the vantage point has voted, lost records whatever is newest": [
        (change(0, IST1, DOWN), 0),
        (doubt(1), 0),
        (doubt(1, VantageName("there")), None),
        (Lost(at(2), 3), 0),
        (Lost(at(2000), 3), None),
    ],
    "what is wrong at a provider begins nothing": [
        (trouble(0), None),
        (trouble(1, API), None),
        (trouble(2, API, drift=True), None),
        (change(3, IST1, DOWN, API), 0),
    ],
    "a trouble of services joins where these are, and one of a zone where any of its services is": [
        (change(0, IST1, DOWN, API), 0),
        (trouble(1, API), 0),
        (trouble(2, WWW), None),
        (trouble(3), 0),
        (trouble(4, zone="example.org."), None),
        (trouble(5, API, WWW, drift=True), 0),
        (trouble(6, WWW, drift=True), None),
    ],
    "drift that ends without having begun in an incident belongs to none": [
        (change(0, IST1, DOWN, API), 0),
        (trouble(1, drift=True, over=True), None),
    ],
    "a trouble of a zone is about the service at its apex": [
        (change(0, IST1, DOWN, ServiceName("example.com.")), 0),
        (trouble(1), 0),
    ],
    "a trouble with all that became of it makes no two incidents one": [
        (change(0, IST1, DOWN, API), 0),
        (change(1, IST2, DOWN, WWW), 1),
        (trouble(2), 1),
        (escalation(3, API), 0),
    ],
    "the end of a trouble joins its beginning, however late": [
        (change(0, IST1, DOWN, API), 0),
        (trouble(1), 0),
        (trouble(2, API), 0),
        (trouble(3, API, drift=True), 0),
        (trouble(5000, WWW, over=True), None),
        (trouble(5001, over=True, zone="example.org."), None),
        (trouble(6000, over=True), 0),
        (trouble(7000, API, over=True), 0),
        (trouble(8000, over=True, drift=True), 0),
        (trouble(9000, over=True), None),
        (trouble(9001, API, over=True), None),
        (trouble(9002, over=True, drift=True), None),
    ],
    "what is wrong later is no word on a trouble of before": [
        (change(0, IST1, DOWN, API), 0),
        (trouble(1, API), 0),
        (trouble(5000, API), None),
    ],
    "two incidents that become one wait for the troubles of both": [
        (change(0, IST1, DOWN, API), 0),
        (change(1, IST2, DOWN, WWW), 0),
        (trouble(2, WWW), 0),
        (change(3, ANK1, DOWN, API, WWW), 0),
        (trouble(5000, WWW, over=True), 0),
    ],
    "an order that ends with what it was about belongs to that": [
        (change(0, IST1, DRAINING), 0),
        (order(0, "lowering", IST1), 0),
        (change(4000, IST1, UP, before=DRAINING), 0),
        (order(4001, "lifted", IST1), 0),
    ],
    "a lifted order of which nothing is known begins one": [
        (order(0, "lifted", "istanbul"), 0),
        (change(1, IST1, UP), 0),
    ],
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_falls_into_its_incidents(name: str) -> None:
    entries = numbered(record for record, _ in STORIES[name])
    count = len({number for _, number in STORIES[name]} - {None})
    found = incidents(entries)
    expected = [
        tuple(e for e, (_, n) in zip(entries, STORIES[name], strict=True) if n == each) for each in range(count)
    ]
    assert [incident.entries for incident in found] == expected


everything = [record for story in STORIES.values() for record, _ in story]


@given(picks=st.lists(st.tuples(st.sampled_from(everything), st.floats(0, 3000)), max_size=30))
def test_every_entry_is_in_at_most_one_incident_and_order_is_kept(picks: list[tuple[Record, float]]) -> None:
    entries = numbered(replace(record, at_utc=at(seconds)) for record, seconds in picks)
    found = incidents(entries, at(3000))
    for incident in found:
        numbers = [entry.sequence for entry in incident.entries]
        assert numbers == sorted(set(numbers))
        assert set(incident.entries) <= set(entries)
    assert len({e.sequence for incident in found for e in incident.entries}) == sum(len(i.entries) for i in found)
    assert [i.entries[0].sequence for i in found] == sorted(i.entries[0].sequence for i in found)
    began = {e.sequence for e in entries if isinstance(e.record, TransitionRecord) and e.record.before is UP}
    assert began & {e.sequence for e in entries if getattr(e.record, "after", UP) is not UP} <= {
        e.sequence for incident in found for e in incident.entries
    }


def told(*records: Record, now: float | None = None) -> Incident:
    (incident,) = incidents(numbered(records), None if now is None else at(now))
    return incident


def test_without_entries_there_are_none() -> None:
    assert incidents([]) == ()


def test_it_is_over_when_all_endpoints_are_up_and_no_order_is_in_force() -> None:
    failed, ordered = change(0, IST1, DOWN), order(1, "out", "istanbul")
    assert told(failed, ordered).ended_utc is None
    assert told(failed, ordered, change(2, IST1, UP)).ended_utc is None
    assert told(failed, ordered, order(3, "lifted", "istanbul"), change(4, IST1, UP)).ended_utc == at(4)
    assert told(failed, ordered, change(2, IST1, UP), order(3, "expired", "istanbul")).ended_utc == at(3)
    assert told(failed, change(2, IST1, UP), exposure(9, IST1), now=9999).ended_utc == at(2)


def test_it_is_over_with_its_last_entry_after_ten_minutes_of_quiet() -> None:
    assert told(change(0, IST1, DOWN), escalation(50), now=650).ended_utc is None
    assert told(change(0, IST1, DOWN), escalation(50), now=651).ended_utc == at(50)


def test_it_knows_whom_it_was_about_and_the_longest_recovery() -> None:
    found = told(
        change(0, IST1, DOWN, API),
        change(0, ANK1, DOWN, API, WWW),
        leaves(1, 5, IST1),
        leaves(1, 5, IST2, WWW),
        recovery(5, IST1),
        recovery(8, ANK1),
        recovery(6, ANK1, WWW),
        exposure(9, IST1),
    )
    assert found.endpoints == (IST1, ANK1, IST2)
    assert found.services == (API, WWW)
    assert found.recovery == recovery(8, ANK1)


@pytest.mark.parametrize(
    ("records", "title"),
    [
        ([change(0, IST1, DOWN)], f"{IST1} down"),
        ([change(0, IST1, DOWN), change(1, ANK1, DOWN), change(2, ANK1, UP)], f"{IST1} and 1 more down"),
        ([order(0, "drain", "istanbul"), change(1, IST1, DOWN)], "istanbul drain by ayse"),
    ],
)
def test_its_title_says_what_it_began_with(records: list[Record], title: str) -> None:
    assert told(*records).title == title


def test_it_began_with_the_first_failed_attempt_after_the_last_that_passed() -> None:
    def seen(seconds: float, observation: Observation, probe: str = "edge") -> Evidence:
        return Evidence(at(seconds), CheckKey(HERE, ProbeName(probe), "x"), observation)

    evidence = (seen(-9, FAILED), seen(-8, OK), seen(-3, FAILED, "other"), seen(-2, FAILED), seen(-1, FAILED))
    assert told(replace(change(0, IST1, DOWN), evidence=evidence)).began_utc == at(-3)
    assert told(replace(change(0, IST1, DOWN), evidence=evidence[:2])).began_utc == at(0)
    assert told(order(4, "out", "istanbul")).began_utc == at(4)


def test_milestones_of_a_failover() -> None:
    found = told(
        change(0, IST1, DOWN),
        leaves(1, 5, IST1),
        published(1.5, 4),
        published(2, 5),
        published(3, 6),
        answer(2.5, 4),
        published(4, 7, provider="route53"),
        answer(5, 6),
        answer(6, 7),
        exposure(7, IST1),
        exposure(8, IST1),
        change(9, IST1, UP),
    )
    assert milestones(found) == Milestones(at(0), at(0), at(1), at(4), at(5), at(8), at(9))


def test_each_zone_at_an_api_provider_confirms_by_itself_and_each_service_too() -> None:
    main, spare = "aws-main/example.com", "aws-spare/example.com"
    records: list[Record] = [
        change(0, IST1, DOWN, API, WWW),
        leaves(1, 5, IST1),
        leaves(1, 6, IST1, WWW),
        published(1.1, 5),
        published(1.1, 6, WWW),
        published(20, 6, WWW, provider=main),
        published(30, 5, provider=spare),
        published(40, 5, provider=main),
        published(50, 9, provider=spare),
    ]
    assert milestones(told(*records)).published_utc == at(40)
    assert milestones(told(*records[:6])).published_utc == at(1.1)


def test_milestones_that_were_not_reached() -> None:
    assert milestones(told(order(0, "freeze", "x"))) == Milestones(at(0), None, None, None, None, None, None)
    assert milestones(told(change(0, IST1, DOWN), leaves(1, 5, IST1))) == Milestones(
        at(0), at(0), at(1), None, None, None, None
    )

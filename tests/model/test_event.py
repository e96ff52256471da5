"""Which records people are told of, and in which words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gslb.model.branch import Reason, Verdict
from gslb.model.combine import Health
from gslb.model.event import MOST_EVIDENCE, Event, EventName, Severity, concerned, event_of
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName, VantageName
from gslb.model.observation import Cause, CheckKey, Observation
from gslb.model.record import (
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
)
from gslb.model.steering import Group, RecordType, Rule, Steering, Target

AT = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
API = ServiceName("api.example.com.")
IST, ANK = EndpointName("istanbul/127.0.1.1:8080"), EndpointName("ankara/127.0.2.1:8080")
IST2 = EndpointName("istanbul/127.0.1.2:8080")


def told(record: Any) -> Event:
    event = event_of(record)
    assert event is not None
    return event


def steering(*endpoints: EndpointName) -> Steering:
    groups = tuple(
        Group(RegionName(name.partition("/")[0]), 1, (Target((name,), RecordType.A, "192.0.2.1"),))
        for name in endpoints
    )
    return Steering(API, 30, 5, 1, (RecordType.A,), (Rule(None, groups),))


def decision(
    before: tuple[EndpointName, ...] | None, after: tuple[EndpointName, ...], *reasons: Reason, good: bool = True
) -> DecisionRecord:
    former = None if before is None else steering(*before)
    return DecisionRecord(AT, API, "istanbul down", 7, former, steering(*after), reasons, good)


def out(endpoint: EndpointName, step: str = "health", text: str = "HTTP 503") -> Reason:
    return Reason(step, endpoint, Verdict.OUT, text)


def seen(status: int, detail: str) -> Evidence:
    key = CheckKey(VantageName("here"), ProbeName("edge"), "127.0.1.1:8080")
    return Evidence(AT, key, Observation(status < 300, 0.25, None if status < 300 else Cause.STATUS, detail))


def transition(before: Health, after: Health, *evidence: Evidence) -> TransitionRecord:
    return TransitionRecord(AT, IST, before, after, (API,), evidence)


def order(action: str, target: str = "istanbul", **more: Any) -> OrderRecord:
    return OrderRecord(AT, action, target, "ada", "kernel update", **more)


def test_a_transition_tells_what_was_seen_last() -> None:
    event = told(transition(Health.UP, Health.DOWN, seen(200, "HTTP 200"), seen(503, "HTTP 503")))
    assert event == Event(
        EventName.TRANSITION,
        AT,
        Severity.WARNING,
        f"{IST} is down, was up: HTTP 503",
        ("api.example.com",),
        "istanbul",
        IST,
        event.details,
    )
    assert event.details["before"] == "up"
    assert event.details["evidence"][-1] == {
        "at": AT.isoformat(),
        "vantage": "here",
        "probe": "edge",
        "target": "127.0.1.1:8080",
        "ok": False,
        "cause": "status",
        "detail": "HTTP 503",
        "latency": 0.25,
    }


def test_a_first_verdict_is_no_news() -> None:
    assert event_of(transition(Health.UNKNOWN, Health.UP)) is None
    assert event_of(transition(Health.UNKNOWN, Health.DOWN)) is None


def test_to_come_up_again_is_good_news() -> None:
    event = told(transition(Health.DOWN, Health.UP, seen(200, "")))
    assert (event.severity, event.text) == (Severity.INFO, f"{IST} is up, was down")


def test_evidence_is_bounded_and_the_newest_is_told() -> None:
    evidence = [seen(503, str(number)) for number in range(100)]
    details = told(transition(Health.UP, Health.DOWN, *evidence)).details
    assert [each["detail"] for each in details["evidence"]] == [str(n) for n in range(100 - MOST_EVIDENCE, 100)]


def test_a_failover_names_who_has_failed_and_why() -> None:
    event = told(decision((IST, ANK), (ANK,), out(IST)))
    assert (event.name, event.severity) == (EventName.FAILOVER, Severity.WARNING)
    assert event.text == f"api.example.com: {IST} out: HTTP 503"
    assert (event.services, event.region, event.endpoint) == (("api.example.com",), "istanbul", IST)
    assert event.details["failed"] == {IST: "HTTP 503"}
    assert (event.details["before"], event.details["after"]) == (sorted((IST, ANK)), [ANK])


def test_a_failover_of_several_endpoints_is_about_their_region() -> None:
    event = told(decision((IST, IST2, ANK), (ANK,), out(IST), out(IST2, "min_healthy")))
    assert (event.region, event.endpoint) == ("istanbul", None)
    assert f"{IST}, {IST2} out" in event.text


def test_a_failover_of_many_endpoints_fits_into_a_line() -> None:
    many = tuple(EndpointName(f"r{number}/127.0.0.1:{number}") for number in range(1, 9))
    event = told(decision((*many, ANK), (ANK,), *map(out, many)))
    assert "and 5 more out" in event.text
    assert (event.region, event.endpoint) == (None, None)
    assert len(event.details["failed"]) == 8


@pytest.mark.parametrize("step", ["override", "hold"])
def test_who_leaves_for_another_cause_has_not_failed(step: str) -> None:
    assert event_of(decision((IST, ANK), (ANK,), out(IST, step))) is None


def test_a_policy_that_moves_on_from_what_is_fit_is_no_failover() -> None:
    standby = Reason("policy", RegionName("ankara"), Verdict.STANDBY, "behind istanbul")
    assert event_of(decision((ANK,), (IST,), out(ANK, text="HTTP 200"), standby)) is None


def test_who_is_not_fit_but_never_answered_has_not_failed_over() -> None:
    assert event_of(decision((ANK,), (IST,), out(IST2))) is None


def test_a_first_decision_is_no_failover() -> None:
    assert event_of(decision(None, (ANK,), out(IST), good=False)) is None


def test_that_nothing_is_fit_is_critical() -> None:
    event = told(decision((ANK,), (ANK, IST), good=False))
    assert (event.severity, event.details["good"]) == (Severity.CRITICAL, False)
    assert event.text == "api.example.com: nothing is fit to answer; istanbul down"


@pytest.mark.parametrize(
    ("action", "name", "severity", "words"),
    [
        ("drained", EventName.DRAINED, Severity.INFO, "istanbul is drained: kernel update (ada)"),
        ("refused", EventName.REFUSED, Severity.WARNING, "istanbul was refused an order: kernel update (ada)"),
        ("freeze", EventName.FROZEN, Severity.WARNING, "istanbul is frozen: kernel update (ada)"),
        ("drain", EventName.ORDER, Severity.INFO, "istanbul is to be drained: kernel update (ada)"),
        (
            "expired",
            EventName.ORDER,
            Severity.INFO,
            "istanbul is free of an order, whose time is over: kernel update (ada)",
        ),
        ("lifted", EventName.ORDER, Severity.INFO, "istanbul is free of an order: kernel update (ada)"),
        ("aborted", EventName.COMEBACK, Severity.WARNING, "istanbul did harm on its way back: kernel update (ada)"),
        ("waiting", EventName.COMEBACK, Severity.WARNING, "istanbul waits to be let back: kernel update (ada)"),
    ],
)
def test_orders_are_told_by_what_they_do(action: str, name: EventName, severity: Severity, words: str) -> None:
    event = told(order(action))
    assert (event.name, event.severity, event.text, event.region) == (name, severity, words, "istanbul")


@pytest.mark.parametrize("action", ["lowering", "moving", "emptying", "begin", "resume", "climbing", "back"])
def test_steps_in_between_are_not_told(action: str) -> None:
    assert event_of(order(action)) is None


def test_an_order_is_about_an_endpoint_a_region_or_a_service() -> None:
    endpoint = told(order("out", IST))
    assert (endpoint.endpoint, endpoint.region, endpoint.services) == (IST, "istanbul", ())
    service = told(order("ttl", "api.example.com", value=5))
    assert (service.endpoint, service.region, service.services) == (None, None, ("api.example.com",))
    assert "(5)" in service.text
    region = told(order("weight", "istanbul", value=0, service="*.example.com"))
    assert (region.endpoint, region.region, region.services) == (None, "istanbul", ("*.example.com",))


def test_details_of_an_order_say_until_when_and_past_which_rules() -> None:
    until = AT + timedelta(hours=2)
    details = told(order("drain", expires_utc=until, forced=("last-region",))).details
    assert (details["expires"], details["forced"], details["author"]) == (until.isoformat(), ["last-region"], "ada")
    assert told(order("drain")).details["expires"] is None


def test_doubt_and_its_end_are_told() -> None:
    begins = told(DoubtRecord(AT, VantageName("uplink-a"), "no reference answers"))
    ends = told(DoubtRecord(AT, VantageName("uplink-a"), None))
    assert (begins.severity, begins.text) == (
        Severity.WARNING,
        "vantage point uplink-a doubts itself: no reference answers",
    )
    assert (ends.severity, ends.text) == (Severity.INFO, "vantage point uplink-a trusts itself again")


@pytest.mark.parametrize(
    ("outcome", "severity"),
    [("done", "warning"), ("failed", "critical"), ("timeout", "critical"), ("refused", "critical")],
)
def test_an_escalation_that_does_not_work_is_critical(outcome: str, severity: str) -> None:
    record = EscalationRecord(AT, "overload", "auto-scale", API, RegionName("istanbul"), outcome, "two more")
    event = told(record)
    assert (event.severity, event.region, event.services) == (severity, "istanbul", ("api.example.com",))
    assert event.text.endswith(f"auto-scale: {outcome}: two more")
    assert told(replace(record, detail="")).text.endswith(f"auto-scale: {outcome}")


def test_what_is_wrong_at_a_provider_is_a_warning_until_it_is_over() -> None:
    record = ProviderRecord(
        AT, "aws-main", "example.com.", (API,), "api.example.com: refused: quota", drift=False, over=False
    )
    begins = told(record)
    assert begins == Event(
        EventName.PROVIDER,
        AT,
        Severity.WARNING,
        "aws-main/example.com: api.example.com: refused: quota",
        ("api.example.com",),
        details={
            "provider": "aws-main",
            "zone": "example.com",
            "drift": False,
            "over": False,
            "text": "api.example.com: refused: quota",
        },
    )
    ends = told(replace(record, over=True, text="api.example.com: published again"))
    assert (ends.severity, ends.details["over"]) == (Severity.INFO, True)
    assert ends.text == "aws-main/example.com: api.example.com: published again"


def test_drift_and_its_end_are_told_likewise() -> None:
    record = ProviderRecord(
        AT, "aws-main", "example.com.", (API,), "changed by somebody else: x", drift=True, over=False
    )
    begins, ends = told(record), told(replace(record, services=(), over=True))
    assert [event.severity for event in (begins, ends)] == [Severity.WARNING, Severity.INFO]
    assert begins.details["drift"]
    assert begins.concerns("api.example.com")
    assert not begins.concerns("www.example.com")


def test_what_is_wrong_with_a_whole_zone_is_told_whoever_asks() -> None:
    record = ProviderRecord(AT, "aws-main", "example.com.", (), "access denied", drift=False, over=False)
    assert told(record).concerns("www.example.org")


def test_a_recovery_tells_how_long_it_took() -> None:
    later = AT + timedelta(seconds=34.5)
    record = RecoveryRecord(later, API, (IST,), AT, AT, AT, 34.5, 45.0)
    event = told(record)
    assert event.text == f"api.example.com: nobody is sent to {IST} any more, 34.5s after the fault, predicted 45s"
    assert (event.severity, event.region, event.endpoint) == (Severity.INFO, "istanbul", IST)
    several = told(replace(record, endpoints=(IST, ANK), predicted=None))
    assert (several.region, several.endpoint) == (None, None)
    assert "predicted" not in several.text


def test_publications_and_the_end_of_exposures_are_not_told() -> None:
    assert event_of(PublicationRecord(AT, "embedded", 7, (API,), 0.001)) is None
    assert event_of(ExposureRecord(AT, API, IST)) is None


@pytest.mark.parametrize(
    ("services", "pattern", "expected"),
    [
        ((), "www.example.com", "yes"),
        (("api.example.com",), "api.example.com", "yes"),
        (("api.example.com",), "*.example.com", "yes"),
        (("api.example.com",), "www.example.com", "no"),
        (("*.example.com",), "www.example.com", "yes"),
        (("*.example.com",), "www.example.org", "no"),
    ],
)
def test_an_event_concerns_the_services_it_is_about(services: tuple[str, ...], pattern: str, expected: str) -> None:
    event = Event(EventName.ORDER, AT, Severity.INFO, "", services)
    assert event.concerns(pattern) is (expected == "yes")


def test_the_name_of_a_wildcard_service_is_no_glob_in_an_event_that_is_about_no_order() -> None:
    event = Event(EventName.FAILOVER, AT, Severity.WARNING, "", ("*.example.com",))
    assert event.concerns("*.example.com")
    assert event.concerns("[*].example.com")
    assert not event.concerns("www.example.com")


def test_patterns_stand_for_services_without_their_final_dot() -> None:
    names = [API, ServiceName("www.example.org.")]
    assert concerned(["*.example.com"], names) == (API,)
    assert concerned(["api.example.com.", "nothing"], names) == ()
    assert concerned(["*"], names) == tuple(names)


def test_severities_have_an_order() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == ["info", "warning", "critical"]

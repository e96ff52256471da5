"""Values to store: single ones for reading in tests, and strategies for every kind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from gslb.model.area import UNKNOWN, parse_area
from gslb.model.branch import Reason, Verdict
from gslb.model.combine import Health
from gslb.model.comeback import Comeback, Stage
from gslb.model.drain import Drain, Phase
from gslb.model.exposure import NOTHING, Answers, Former
from gslb.model.latency import Latency
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName, VantageName
from gslb.model.observation import Cause, CheckKey, HealthReport, Observation, ProbeResult, ServingState, Timing
from gslb.model.override import Kind
from gslb.model.ramp import Ramp
from gslb.model.record import (
    AnswerRecord,
    CheckRecord,
    ComebackRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    Evidence,
    ExposureRecord,
    ExposureStateRecord,
    HistoryRecord,
    OrderRecord,
    OverrideRecord,
    ProviderRecord,
    PublicationRecord,
    RampRecord,
    RecoveryRecord,
    SerialRecord,
    TransitionRecord,
    Vote,
)
from gslb.model.steering import Group, NoAnswer, Pick, RecordType, Rule, Steering, Target
from gslb.model.step import Condition, ProbeState

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
AGES_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SERVICE = ServiceName("api.example.com.")
ISTANBUL = EndpointName("istanbul/127.0.1.1:8080")
KEY = CheckKey(VantageName("istanbul-1"), ProbeName("edge"), "127.0.1.1:8080")
FAILED = Observation(ok=False, latency=0.5, cause=Cause.TIMEOUT, detail="no answer within 500 ms")
FINE = Observation(ok=True, latency=0.002, report=HealthReport(ServingState.OK, 0.25))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def publication(number: int) -> PublicationRecord:
    """The ``number``-th of a row of records that tell their own order."""
    return PublicationRecord(after(number), "embedded", number, (SERVICE,), 0.001)


def steering(weight: int = 1) -> Steering:
    target = Target((ISTANBUL,), RecordType.A, "127.0.1.1")
    rule = Rule(None, (Group(RegionName("istanbul"), weight, (target,)),))
    return Steering(SERVICE, 30, 5, 1, (RecordType.A,), (rule,))


def decision(seconds: float, weight: int, *, good: bool = True) -> DecisionRecord:
    reason = Reason("health", ISTANBUL, Verdict.IN, "up since noon")
    return DecisionRecord(after(seconds), SERVICE, "first round", 7, None, steering(weight), (reason,), good)


def transition(seconds: float) -> TransitionRecord:
    evidence = Evidence(after(seconds - 1), KEY, FAILED)
    vote = Vote(KEY, Condition.DOWN, counts=True)
    return TransitionRecord(after(seconds), ISTANBUL, Health.UP, Health.DOWN, (SERVICE,), (evidence,), (vote,))


def order(seconds: float) -> OrderRecord:
    return OrderRecord(
        after(seconds), "weight", "istanbul", "ayse", "kernel update", after(3600), 20, "api.*", ("last-region",)
    )


def answer(seconds: float) -> AnswerRecord:
    return AnswerRecord(after(seconds), SERVICE, 7, "nameserver-0")


def exposure(seconds: float) -> ExposureRecord:
    return ExposureRecord(after(seconds), SERVICE, ISTANBUL)


def recovery(seconds: float) -> RecoveryRecord:
    return RecoveryRecord(after(seconds), SERVICE, (ISTANBUL,), NOON, after(1), after(2), 34.5, 45.0)


def escalation(seconds: float) -> EscalationRecord:
    return EscalationRecord(
        after(seconds), "standby", "start", SERVICE, RegionName("ankara"), "timeout", "no answer within 30 s"
    )


def trouble(seconds: float) -> ProviderRecord:
    text = "api.example.com: refused: quota"
    return ProviderRecord(after(seconds), "aws-main", "example.com.", (SERVICE,), text, drift=False, over=False)


def doubt(seconds: float) -> DoubtRecord:
    return DoubtRecord(after(seconds), KEY.vantage, "9 of 10 endpoints in 2 regions fell silent together")


def one_of_each() -> list[HistoryRecord]:
    """Not in the order of time."""
    first: list[HistoryRecord] = [order(4), transition(1), publication(3), doubt(5), decision(2, 1)]
    return [*first, trouble(10), escalation(9), recovery(8), answer(6), exposure(7)]


def check(failures: int, key: CheckKey = KEY) -> CheckRecord:
    state = ProbeState(Condition.UP, failures=failures, since=10.0, cause=Cause.TIMEOUT)
    return CheckRecord(key, state, Latency(0.002, 0.003, 0.003, 90.0, 11.5), HealthReport(load=120.0), 0.75, NOON, 12.0)


def key(number: int) -> CheckKey:
    return CheckKey(KEY.vantage, KEY.probe, f"127.0.1.{number}:8080")


def ramp(withdrawn: datetime | None = None) -> RampRecord:
    plan = Ramp((0.05, 0.25), 600.0)
    return RampRecord(
        ServiceName("api.example.com."), RegionName("izmir"), plan, NOON, withdrawn, "edge down" if withdrawn else ""
    )


def override(kind: Kind = Kind.DRAIN, target: str = "istanbul") -> OverrideRecord:
    drain = Drain(Phase.EMPTYING, 11.5, 60.0) if kind is Kind.DRAIN else None
    return OverrideRecord(
        kind,
        target,
        "ayse",
        "kernel update",
        NOON,
        after(3600),
        None,
        None,
        drain,
        saved_utc=NOON,
        saved_at=12.0,
    )


def former_order() -> OverrideRecord:
    """What becomes of an order of a gslb that knew one kind only."""
    drain = Drain(Phase.DRAINED, 0.0, 0.0)
    return replace(override(), drain=drain, saved_utc=NOON, saved_at=0.0)


def ledger(number: int = 0, generation: int = 7) -> ExposureStateRecord:
    both = dict.fromkeys((ISTANBUL, EndpointName("ankara/127.0.2.1:8080")), Former(generation + 1, 10.5))
    answers = Answers(generation + 1, 5, frozenset({ISTANBUL}), generation, generation, former={30: both})
    return ExposureStateRecord(ServiceName(f"api-{number}.example.com."), answers, NOON, 12.0)


def over(record: ExposureStateRecord) -> ExposureStateRecord:
    return replace(record, answers=NOTHING)


def comeback() -> ComebackRecord:
    return ComebackRecord(SERVICE, RegionName("izmir"), Comeback(Stage.ABORTED, 11.0, reason="5xx"), NOON, 12.0)


texts = st.text(max_size=20)
names = st.text(min_size=1, max_size=12)
floats = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
times = st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001  the strategy adds the zone
endpoints = names.map(EndpointName)
regions = names.map(RegionName)
services = names.map(ServiceName)
healths = st.sampled_from(Health)


def tuples_of(elements: st.SearchStrategy[object], least: int = 0) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(elements, min_size=least, max_size=3).map(tuple)


reports = st.builds(HealthReport, st.sampled_from(ServingState), floats, floats, st.none() | floats, texts)
timings = st.builds(Timing, st.none() | floats, st.none() | floats, st.none() | floats)
observations = st.builds(
    Observation,
    st.booleans(),
    floats,
    st.none() | st.sampled_from(Cause),
    texts,
    st.none() | reports,
    st.none() | timings,
)
keys = st.builds(CheckKey, names.map(VantageName), names.map(ProbeName), names)
targets = st.builds(Target, tuples_of(endpoints), st.sampled_from(RecordType), names)
groups = st.builds(Group, regions, st.integers(1, 255), tuples_of(targets))
rules = st.builds(
    Rule,
    st.none() | st.sampled_from([UNKNOWN, parse_area("TR-34"), parse_area("192.0.2.0/24")]),
    tuples_of(groups),
    st.sampled_from(Pick),
    st.sampled_from(NoAnswer),
)
steerings = st.builds(
    Steering, services, counts, counts, counts, tuples_of(st.sampled_from(RecordType)), tuples_of(rules, 1)
)
reasons = st.builds(Reason, names, endpoints | regions, st.sampled_from(Verdict), texts)
evidences = st.builds(Evidence, times, keys, observations)

votes = st.builds(Vote, keys, st.sampled_from(Condition), st.booleans())

transitions = st.builds(
    TransitionRecord,
    times,
    endpoints,
    healths,
    healths,
    tuples_of(services),
    tuples_of(evidences),
    tuples_of(votes),
)
decisions = st.builds(
    DecisionRecord, times, services, texts, counts, st.none() | steerings, steerings, tuples_of(reasons), st.booleans()
)
publications = st.builds(PublicationRecord, times, names, counts, tuples_of(services), floats)
answers = st.builds(AnswerRecord, times, services, counts, names)
exposures = st.builds(ExposureRecord, times, services, endpoints)
recoveries = st.builds(
    RecoveryRecord, times, services, tuples_of(endpoints), times, times, times, floats, st.none() | floats
)
escalations = st.builds(EscalationRecord, times, names, names, services, regions, names, texts)
troubles = st.builds(
    ProviderRecord, times, names, names, tuples_of(services), texts, drift=st.booleans(), over=st.booleans()
)
values = st.none() | counts
globs = st.none() | names
orders = st.builds(OrderRecord, times, names, names, texts, texts, st.none() | times, values, globs, tuples_of(names))
doubts = st.builds(DoubtRecord, times, names.map(VantageName), st.none() | texts)
history: st.SearchStrategy[HistoryRecord] = (
    transitions | decisions | publications | answers | exposures | recoveries | orders | doubts | escalations | troubles
)

states = st.builds(
    ProbeState,
    condition=st.sampled_from(Condition),
    failures=counts,
    successes=counts,
    since=st.none() | floats,
    last_failure=st.none() | floats,
    cause=st.none() | st.sampled_from(Cause),
    initial=st.booleans(),
    draining_since=st.none() | floats,
)
latencies = st.builds(Latency, floats, floats, floats, floats, floats)
checks = st.builds(CheckRecord, keys, states, st.none() | latencies, st.none() | reports, floats, times, floats)
drains = st.builds(Drain, st.sampled_from(Phase), floats, floats)
overrides = st.builds(
    OverrideRecord,
    kind=st.sampled_from(Kind),
    target=names,
    author=texts,
    reason=texts,
    created_utc=times,
    expires_utc=st.none() | times,
    value=values,
    service=globs,
    drain=st.none() | drains,
    saved_utc=times,
    saved_at=floats,
)
formers = st.dictionaries(
    counts, st.dictionaries(endpoints, st.builds(Former, counts, st.none() | floats), max_size=3), max_size=3
)
given_answers = st.builds(Answers, counts, counts, st.frozensets(endpoints, max_size=3), counts, counts, formers)
ledgers = st.builds(ExposureStateRecord, services, given_answers, times, floats)
comebacks = st.builds(
    ComebackRecord,
    services,
    regions,
    st.builds(Comeback, st.sampled_from(Stage), floats, st.booleans(), texts),
    times,
    floats,
)
ramps = st.builds(
    RampRecord,
    services,
    regions,
    st.builds(Ramp, tuples_of(st.floats(0.01, 0.99), 1), floats),
    times,
    st.none() | times,
    texts,
)
serials = st.builds(SerialRecord, names, st.integers(0, 2**32 - 1), texts)
states_to_restart_from = checks | overrides | ledgers | comebacks | ramps | serials
results = st.builds(ProbeResult, keys, floats, observations, st.booleans())

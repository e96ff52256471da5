"""Records for timelines, and timelines with records in them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry

from gslb.model.combine import Health
from gslb.model.names import EndpointName, ProbeName, RegionName, ServiceName, VantageName
from gslb.model.observation import Cause, CheckKey, Observation
from gslb.model.record import (
    AnswerRecord,
    DecisionRecord,
    DoubtRecord,
    EscalationRecord,
    Evidence,
    ExposureRecord,
    HistoryRecord,
    OrderRecord,
    ProviderRecord,
    PublicationRecord,
    RecoveryRecord,
    TransitionRecord,
    Vote,
)
from gslb.model.steering import Group, RecordType, Rule, Steering, Target
from gslb.model.step import Condition
from gslb.store.timeline import Timeline, read
from gslb.store.timeline_chain import Limits
from gslb.store.timeline_files import contents, split
from gslb.store.timeline_line import Item, decode_line
from gslb.store.timeline_verify import Verified, verify

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
AGES_AGO = datetime(2000, 1, 1, tzinfo=UTC)
API = ServiceName("api.example.com.")
ISTANBUL = EndpointName("istanbul/127.0.1.1:8080")
KEY = CheckKey(VantageName("istanbul-1"), ProbeName("edge"), "127.0.1.1:8080")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def doubt(number: int) -> DoubtRecord:
    return DoubtRecord(after(number), KEY.vantage, f"reason {number}")


def numbered(first: int, end: int) -> list[HistoryRecord]:
    return [doubt(number) for number in range(first, end)]


def transition(seconds: float) -> TransitionRecord:
    evidence = Evidence(
        after(seconds - 1), KEY, Observation(ok=False, latency=0.5, cause=Cause.TIMEOUT, detail="\u00e4")
    )
    vote = Vote(KEY, Condition.DOWN, counts=True)
    return TransitionRecord(after(seconds), ISTANBUL, Health.UP, Health.DOWN, (API,), (evidence,), (vote,))


def one_of_each() -> list[HistoryRecord]:
    target = Target((ISTANBUL,), RecordType.A, "127.0.1.1")
    rule = Rule(None, (Group(RegionName("istanbul"), 1, (target,)),))
    steering = Steering(API, 30, 5, 1, (RecordType.A,), (rule,))
    region = RegionName("istanbul")
    return [
        transition(1),
        DecisionRecord(after(2), API, "down", 7, None, steering, (), good=True),
        PublicationRecord(after(3), "embedded", 7, (API,), 0.001),
        AnswerRecord(after(4), API, 7, "nameserver-0"),
        ExposureRecord(after(5), API, ISTANBUL),
        RecoveryRecord(after(6), API, (ISTANBUL,), NOON, after(2), after(3), 6.0, None),
        OrderRecord(after(7), "weight", region, "ayse", "less", after(99), 5, "api.*", ("capacity",)),
        doubt(8),
        EscalationRecord(after(9), "page", "call", API, region, "done", "HTTP 200"),
        ProviderRecord(after(10), "aws-main", "example.com.", (API,), "changed", drift=True, over=False),
    ]


def written(folder: Path, records: Sequence[HistoryRecord], limits: Limits | None = None) -> Path:
    """``folder`` after one more run of a timeline that was told ``records``."""
    timeline = Timeline(folder, CollectorRegistry(), limits)
    for record in records:
        timeline.append(record)
    assert timeline.close()
    return folder


def records(folder: Path, since_utc: datetime = AGES_AGO) -> list[object]:
    return [entry.record for entry in read(folder, since_utc)]


def items(folder: Path) -> list[Item | None]:
    """What the entries of the whole timeline say, while segments may be removed."""
    return [decode_line(line).item for _, data in contents(folder) for line in split(data)[0]]


def items_of(path: Path) -> list[Item | None]:
    return [decode_line(line).item for line in path.read_bytes().splitlines(keepends=True)]


def last_verified(folder: Path) -> int:
    found = verify(folder)
    assert isinstance(found, Verified), found
    return found.head.sequence

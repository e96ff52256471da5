"""gslb timeline: incidents for people, tickets and programs, and whether the record of them is as it was written."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from gslb.cli.timeline import app
from gslb.cli.timeline_report import clock, markdown_report, offset, text_report
from gslb.cli.words import printable
from gslb.errors import GslbError
from gslb.model.area import parse_area
from gslb.model.combine import Health
from gslb.model.incident import Entry, Incident, Lost, incidents
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
from gslb.model.steering import Group, NoAnswer, RecordType, Rule, Steering, Target
from gslb.model.step import Condition
from gslb.store.timeline import Timeline
from gslb.store.timeline_chain import Limits
from gslb.store.timeline_files import list_segments

API = ServiceName("api.example.com.")
ISTANBUL, ANKARA = EndpointName("istanbul/192.0.2.1:80"), EndpointName("ankara/192.0.2.2:80")
KEY = CheckKey(VantageName("here"), ProbeName("edge"), "192.0.2.1:80")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_istanbul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC-3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def group(endpoint: EndpointName) -> Group:
    region, _, address = endpoint.partition("/")
    return Group(RegionName(region), 1, (Target((endpoint,), RecordType.A, address.partition(":")[0]),))


def steering(*endpoints: EndpointName, ttl: int = 30) -> Steering:
    return Steering(API, ttl, 5, 1, (RecordType.A,), (Rule(None, tuple(map(group, endpoints))),))


def failover(began: datetime = NOON, detail: str = "no answer within 500 ms") -> list[HistoryRecord]:
    def at(seconds: float) -> datetime:
        return began + timedelta(seconds=seconds)

    failed = Observation(ok=False, latency=0.5, cause=Cause.TIMEOUT, detail=detail)
    votes = (
        Vote(KEY, Condition.DOWN, counts=True),
        Vote(replace(KEY, probe=ProbeName("tcp")), Condition.UP, counts=False),
    )
    evidence = (Evidence(began, KEY, failed), Evidence(at(0.1), KEY, failed))
    return [
        TransitionRecord(at(0.653), ISTANBUL, Health.UP, Health.DOWN, (API,), evidence, votes),
        DecisionRecord(
            at(0.654), API, "edge down", 7, steering(ISTANBUL, ANKARA), steering(ANKARA, ttl=5), (), good=True
        ),
        PublicationRecord(at(0.7), "embedded", 7, (API,), 0.046),
        AnswerRecord(at(0.9), API, 7, "nameserver-0"),
        ExposureRecord(at(31.7), API, ISTANBUL),
        RecoveryRecord(at(30.7), API, (ISTANBUL,), began, at(0.654), at(0.7), 30.7, 35.25),
    ]


def printed(shown: RenderableType) -> list[str]:
    console = Console(file=StringIO(), highlight=False, soft_wrap=True)
    console.print(shown)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def folded(records: Sequence[HistoryRecord | Lost]) -> Sequence[Incident]:
    return incidents(Entry(number, record) for number, record in enumerate(records, 1))


def test_text_tells_an_incident_line_by_line() -> None:
    who = f"answer of api.example.com with {ISTANBUL}"
    assert printed(text_report(folded(failover()))) == [
        "istanbul/192.0.2.1:80 down",
        "  2026-05-01 15:00:00.000, still open",
        "  services api.example.com",
        "  endpoints istanbul/192.0.2.1:80",
        "  recovery achieved 30.7s, predicted 35.2s",
        "  15:00:00.000     +0.000  probe       edge 192.0.2.1:80 from here: timeout no answer within 500 ms, 500.0 ms",
        "  15:00:00.100     +0.100  probe       edge 192.0.2.1:80 from here: timeout no answer within 500 ms, 500.0 ms",
        "  15:00:00.653     +0.653  vote        here: edge down, tcp up (does not count)",
        "  15:00:00.653     +0.653  transition  istanbul/192.0.2.1:80 up -> down",
        "  15:00:00.654     +0.654  decision    api.example.com generation 7: edge down",
        "  15:00:00.654     +0.654  before      192.0.2.1 50%, 192.0.2.2 50%, TTL 30s",
        "  15:00:00.654     +0.654  after       192.0.2.2 100%, TTL 5s",
        "  15:00:00.700     +0.700  publication api.example.com generation 7 by embedded after 0.046s",
        "  15:00:00.900     +0.900  answer      api.example.com generation 7 first answered by nameserver-0",
        "  15:00:30.700    +30.700  recovery    api.example.com: achieved 30.7s, predicted 35.2s",
        f"  15:00:31.700    +31.700  exposure    no resolver holds an {who} any more",
        "",
    ]


def test_markdown_is_a_post_mortem_with_a_table_of_milestones() -> None:
    up = TransitionRecord(NOON + timedelta(days=1), ISTANBUL, Health.DOWN, Health.UP, (API,), ())
    lines = markdown_report(folded([*failover(), up])).splitlines()
    assert lines[:18] == [
        "## istanbul/192.0.2.1:80 down",
        "",
        "2026-05-01, over after 1d. Times are UTC (UTC+0300).",
        "Services: api.example.com.",
        "Endpoints: istanbul/192.0.2.1:80.",
        "",
        "| | time | after |",
        "| --- | --- | --- |",
        "| began | 15:00:00.000 | +0.000 |",
        "| detected | 15:00:00.653 | +0.653 |",
        "| decided | 15:00:00.654 | +0.654 |",
        "| published | 15:00:00.700 | +0.700 |",
        "| first changed answer | 15:00:00.900 | +0.900 |",
        "| exposure ended | 15:00:31.700 | +31.700 |",
        "| over | 2026-05-02 15:00:00.000 | +86400.000 |",
        "| achieved vs predicted | | achieved 30.7s, predicted 35.2s |",
        "",
        "| time | after | what | |",
    ]
    assert "| 15:00:00.653 | +0.653 | transition | istanbul/192.0.2.1:80 up -\\> down |" in lines


def test_what_did_not_happen_is_a_dash_in_the_table() -> None:
    order = OrderRecord(NOON, "freeze", "api.example.com", "ayse", "work")
    lines = markdown_report(folded([order])).splitlines()
    assert "| detected | - | - |" in lines
    assert not any(line.startswith(("Services", "Endpoints", "| achieved")) for line in lines)
    assert printed(text_report(folded([order])))[:3] == [
        "api.example.com freeze by ayse",
        "  2026-05-01 15:00:00.000, still open",
        "  15:00:00.000     +0.000  order       freeze api.example.com by ayse: work",
    ]


def test_every_kind_of_entry_has_words() -> None:
    order = OrderRecord(NOON, "weight", "istanbul", "ayse", "less", NOON, 5, "api.example.com.", ("capacity", "x"))
    two = Rule(parse_area("TR"), ()), Rule(None, (group(ANKARA),), no_answer=NoAnswer.NODATA)
    after = Steering(API, 30, 5, 1, (RecordType.A,), two)
    records: list[HistoryRecord | Lost] = [
        failover()[0],
        order,
        DecisionRecord(NOON, API, "edge down", 7, None, after, (), good=False),
        EscalationRecord(NOON, "page", "call", API, RegionName("istanbul"), "failed", "HTTP 500"),
        PublicationRecord(NOON, "aws-main/example.com", 7, (API,), 61.5),
        ProviderRecord(NOON, "aws-main", "example.com.", (), "access denied", drift=False, over=False),
        DoubtRecord(NOON, KEY.vantage, "all silent"),
        DoubtRecord(NOON, KEY.vantage, None),
        Lost(NOON, 3),
    ]
    text = "\n".join(printed(text_report(folded(records))))
    for words in (
        "weight 5 istanbul for api.example.com by ayse: less, until 2026-05-01 15:00:00.000, forced past capacity, x",
        "edge down; no endpoint is fit",
        "before      nothing",
        "after       TR: SERVFAIL; others: 192.0.2.2 100%, TTL 30s",
        "page call for api.example.com istanbul failed: HTTP 500",
        "publication api.example.com generation 7 by aws-main/example.com after 61.500s",
        "provider    aws-main/example.com: access denied",
        "vantage point here doubts itself: all silent",
        "vantage point here trusts itself again",
        "3 records are missing here",
    ):
        assert words in text


def test_a_recovery_without_prediction_says_so() -> None:
    *_, recovery = failover()
    assert isinstance(recovery, RecoveryRecord)
    text = printed(text_report(folded([failover()[0], replace(recovery, predicted=None)])))
    assert "  recovery achieved 30.7s, no prediction" in text


def test_words_from_outside_reach_neither_terminal_nor_ticket_as_they_came() -> None:
    evil = "\x1b]0;x\x07\u202e[bold]a|b`c\n## d"
    found = folded(failover(detail=evil))
    shown = "\n".join(printed(text_report(found)))
    assert "timeout \\x1b]0;x\\x07\\u202e[bold]a|b`c\\n## d, 500.0 ms" in shown
    assert not any(char in shown for char in "\x1b\x07\u202e")
    assert "\\\\x1b\\]0;x\\\\x07\\\\u202e\\[bold\\]a\\|b\\`c\\\\n\\#\\# d" in markdown_report(found)


def test_times_are_local_and_offsets_signed() -> None:
    assert clock(NOON) == "15:00:00.000"
    assert clock(NOON, NOON - timedelta(days=1)) == "2026-05-01 15:00:00.000"
    assert offset(NOON, NOON + timedelta(milliseconds=153)) == "-0.153"
    assert printable("caf\u00e9 \x00") == "caf\u00e9 \\x00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The timeline of a daemon in which a failover is under way."""
    return filled(tmp_path / "gslb.run" / "timeline", failover(datetime.now(UTC) - timedelta(seconds=40)))


def filled(folder: Path, records: Sequence[HistoryRecord]) -> Path:
    timeline = Timeline(folder, CollectorRegistry())
    for record in records:
        timeline.append(record)
    assert timeline.close()
    return folder


def said(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str | Path) -> str:
    with pytest.raises(GslbError) as error:
        said(*arguments)
    return str(error.value)


def test_it_shows_incidents_that_were_not_over_by_then(folder: Path) -> None:
    assert said("--folder", folder).startswith("istanbul/192.0.2.1:80 down\n")
    assert "## istanbul/192.0.2.1:80 down" in said("--folder", folder, "--markdown", "--since", "1s")
    assert (
        json.loads(said("--folder", folder, "--json", "--since", "99999999d"))[0]["title"]
        == "istanbul/192.0.2.1:80 down"
    )


def test_what_was_over_by_then_is_not_shown(folder: Path) -> None:
    up = TransitionRecord(datetime.now(UTC) - timedelta(seconds=30), ISTANBUL, Health.DOWN, Health.UP, (API,), ())
    filled(folder, [up])
    assert said("--folder", folder, "--since", "1s") == "nothing in this time\n"
    assert said("--folder", folder, "--since", "1s", "--markdown") == "nothing in this time\n"
    assert json.loads(said("--folder", folder, "--since", "1s", "--json")) == []
    assert len(json.loads(said("--folder", folder, "--since", "10m", "--json"))) == 1


def test_json_has_everything(folder: Path) -> None:
    (incident,) = json.loads(said("--folder", folder, "--json"))
    assert list(incident) == [
        "title",
        "began_utc",
        "ended_utc",
        "endpoints",
        "services",
        "recovery",
        "milestones",
        "entries",
    ]
    assert [entry["sequence"] for entry in incident["entries"]] == [1, 2, 3, 4, 5, 6]
    assert [entry["kind"] for entry in incident["entries"]] == [
        "transition",
        "decision",
        "publication",
        "answer",
        "exposure",
        "recovery",
    ]
    assert incident["entries"][0]["record"]["evidence"][0]["observation"]["cause"] == "timeout"
    assert incident["recovery"]["predicted"] == 35.25
    assert incident["milestones"]["began_utc"] == incident["began_utc"]


def test_it_is_found_by_the_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = folder.parents[1] / "gslb.toml"
    config.write_text('[node]\nstate = "sqlite:///gslb.db"\n')
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder.parents[1]))
    assert "down" in said("--config", config)
    assert "6 entries" in said("verify", "--config", config)
    monkeypatch.chdir(config.parent)
    assert "down" in said()
    monkeypatch.chdir("/")
    assert "no timeline found at" in refused("verify")


def test_a_whole_timeline_verifies(folder: Path) -> None:
    last = said("head", "--folder", folder).strip()
    assert said("verify", "--folder", folder) == f"6 entries are as they were written, the last one is {last}\n"
    filled(folder, failover())
    assert said("verify", "--folder", folder, "--anchor", last).startswith("12 entries are ")


def test_a_changed_octet_is_named_with_its_place(folder: Path) -> None:
    (path,) = list_segments(folder)
    path.write_bytes(path.read_bytes().replace(b"no answer", b"an answer", 1))
    place = f"timeline is broken: {path.name}:1: entry 1 is changed"
    assert refused("verify", "--folder", folder).startswith(place)
    assert refused("head", "--folder", folder).startswith(place)
    result = CliRunner().invoke(app, ["--folder", str(folder)], catch_exceptions=False)
    assert result.stderr.startswith(place)
    assert "nothing in this time" in result.stdout


def test_a_missing_head_is_named_without_a_line(folder: Path) -> None:
    (folder / "head.json").unlink()
    assert refused("verify", "--folder", folder) == "timeline is broken: head.json: entry 6 is missing"


def test_an_anchor_that_does_not_fit_or_is_none_is_refused(folder: Path) -> None:
    assert "entry 3 is another one" in refused("verify", "--folder", folder, "--anchor", "3:" + "0" * 64)
    assert "is not SEQUENCE:HASH" in refused("verify", "--folder", folder, "--anchor", "3")


def test_what_is_removed_and_torn_is_said(folder: Path) -> None:
    first = said("head", "--folder", folder).strip()
    timeline = Timeline(folder, CollectorRegistry(), Limits(segment_bytes=1))
    timeline.append(failover()[0])
    timeline.retain(datetime.now(UTC) + timedelta(hours=1))
    assert timeline.close()
    with list_segments(folder)[-1].open("ab") as file:
        file.write(b"{")
    text = said("verify", "--folder", folder)
    assert "; entries before " in text
    assert text.endswith("; an unfinished line follows, as a crash leaves it\n")
    assert "entry 6 is removed, so nothing can be said of it" in refused(
        "verify", "--folder", folder, "--anchor", "6:" + first[2:]
    )


@pytest.mark.parametrize("since", ["soon", "-1h"])
def test_a_time_that_is_none_is_refused(folder: Path, since: str) -> None:
    assert refused("--folder", folder, f"--since={since}").startswith("--since: ")


def test_json_and_markdown_at_once_are_refused(folder: Path) -> None:
    assert "choose one" in refused("--folder", folder, "--json", "--markdown")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "head.json").mkdir()
    assert refused("verify", "--folder", tmp_path).startswith(f"{tmp_path / 'head.json'}: Is a directory")

"""[escalations.NAME]: what is accepted, and what is refused with which words."""

from pathlib import Path
from typing import Any

import pytest

from gslb.config.escalations import EscalationSection, check_escalations, read_escalations
from gslb.config.reader import Reader
from gslb.errors import Problem
from gslb.model.escalation import Plan
from gslb.model.names import RegionName, ServiceName
from gslb.model.topology import Member, Region, Service, Topology

STAGES: list[dict[str, Any]] = [
    {"name": "auto-scale", "exec": ["/bin/true", "{region}"], "timeout": "20s", "wait": "2m"},
    {"name": "traffic-shift", "weight": 10, "wait": "1m"},
    {"name": "dns-failover", "drain": True},
]
WHOLE: dict[str, Any] = {"services": ["*"], "when": {"score_below": 0.5}, "stages": STAGES}
API, ISTANBUL = ServiceName("api.example.com."), RegionName("istanbul")
TOPOLOGY = Topology({ISTANBUL: Region(ISTANBUL, ())}, {API: Service(API, (Member(ISTANBUL, 1),), (), ())})


def read(table: Any, *, kept: bool = False) -> tuple[dict[str, EscalationSection], list[Problem]]:
    reader = Reader("gslb.toml", {"escalations": {"overload": table}})
    found = read_escalations(reader, kept=kept)
    check_escalations(reader, found, TOPOLOGY)
    return found, reader.problems


def with_stage(**stage: Any) -> dict[str, Any]:
    return {**WHOLE, "stages": [{"name": "only", **stage}]}


def test_an_escalation_with_its_defaults() -> None:
    found, problems = read(WHOLE)
    assert not problems
    section = found["overload"]
    assert section.plan == Plan(30.0, 300.0, (120.0, 60.0, 120.0))
    assert [stage.limit for stage in section.stages] == [20.0, 30.0, 30.0]
    assert section.regions == []


@pytest.mark.parametrize(
    ("when", "score", "saturation", "expected"),
    [
        ({"score_below": 0.5}, 0.5, None, "calm"),
        ({"score_below": 0.5}, 0.49, None, "stressed"),
        ({"saturation_above": 0.9}, 0.0, None, "calm"),
        ({"saturation_above": 0.9}, 1.0, 0.9, "calm"),
        ({"saturation_above": 0.9}, 1.0, 0.91, "stressed"),
        ({"score_below": 0.5, "saturation_above": 0.9}, 0.4, 0.1, "stressed"),
        ({"score_below": 0.5, "saturation_above": 0.9}, 1.0, 1.5, "stressed"),
        ({"score_below": 0.5, "saturation_above": 0.9}, 1.0, 0.1, "calm"),
    ],
)
def test_any_sign_of_stress_is_enough(when: Any, score: float, saturation: float | None, expected: str) -> None:
    found, _ = read({**WHOLE, "when": when})
    assert found["overload"].when.holds(score, saturation) is (expected == "stressed")


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ({**WHOLE, "when": {}}, "when", "says nothing"),
        ({**WHOLE, "when": {"score_below": 50}}, "when.score_below", "less than or equal to 1"),
        ({**WHOLE, "services": ["www.example.com"]}, "services", "'www.example.com' stands for no service"),
        ({**WHOLE, "regions": ["ankara"]}, "regions", "no region 'ankara'"),
        ({**WHOLE, "stages": []}, "stages", "should have at least 1, not none"),
        ({**WHOLE, "stages": [STAGES[0], STAGES[0]]}, "", "has two stages of one name"),
        ({**WHOLE, "stages": [STAGES[2], STAGES[0]]}, "", "has a stage after a drain, which never begins"),
        (with_stage(), "stages[0]", "has nothing to do"),
        (with_stage(weight=1, drain=True), "stages[0]", "has weight and drain"),
        (with_stage(drain=False), "stages[0].drain", "input should be True"),
        (with_stage(weight=256), "stages[0].weight", "less than or equal to 255"),
        (with_stage(weight=1, timeout="1s"), "stages[0]", "has a timeout, but weight takes no time"),
        (with_stage(exec=[]), "stages[0].exec", "should have at least 1, not none"),
        (with_stage(exec=["true"]), "stages[0].exec", "'true' is no absolute path"),
        (with_stage(exec=["/bin/there-is-no-such"]), "stages[0].exec", "is no executable file"),
        (with_stage(exec=["/etc/passwd"]), "stages[0].exec", "is no executable file"),
        (with_stage(exec=["/bin/true", "{text}"]), "stages[0].exec", "'{text}' has no place 'text' to fill in"),
        (with_stage(webhook={}), "stages[0].webhook.url", "is missing"),
        (
            with_stage(webhook={"url": "https://x/", "template": {"a": "{text}"}}),
            "stages[0].webhook.template",
            "'{text}' has no place 'text'",
        ),
        (
            with_stage(webhook={"url": "https://x/", "secret_file": "/nowhere"}),
            "stages[0].webhook.secret_file",
            "/nowhere cannot be used",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(table: Any, key: str, message: str) -> None:
    _, (found,) = read(table)
    assert found.key == (f"escalations.overload.{key}" if key else "escalations.overload")
    assert message in found.message
    assert found.remedy


def test_what_was_accepted_stands_when_its_files_are_gone(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    table = {**WHOLE, "stages": [{"name": "a", "exec": [gone]}]}
    assert len(read(table)[1]) == 1
    found, problems = read(table, kept=True)
    assert found
    assert not problems
    table = with_stage(webhook={"url": "https://x/", "secret_file": gone})
    assert not read(table, kept=True)[1]

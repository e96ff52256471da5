"""The demo does what the README says, from the checkout and from an installed wheel."""

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demo import (
    ANKARA,
    GSLB,
    ISTANBUL,
    SERVICE,
    Demo,
    assert_answers_60_to_40,
    assert_reaches_its_region,
    dig,
    running_demo,
)
from tests.waiting import eventually


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(GSLB, tmp_path_factory.mktemp("demo")) as started:
        eventually(lambda: dig(SERVICE))
        yield started


def test_the_service_is_answered_60_to_40_and_each_address_reaches_its_region(demo: Demo, tmp_path: Path) -> None:
    assert_answers_60_to_40(tmp_path)
    assert_reaches_its_region(ISTANBUL)
    assert_reaches_its_region(ANKARA)


def test_it_says_what_to_try(demo: Demo) -> None:
    eventually(lambda: "Ctrl-C ends everything" in demo.output)
    for words in ("dig @127.0.0.1 -p 5300", "curl", "demo kill istanbul", "demo blackhole istanbul", "demo heal"):
        assert words in demo.output


def test_static_records_of_the_zone_are_answered(demo: Demo) -> None:
    assert dig("mail.example.com", "A") == ["192.0.2.25"]
    assert dig("www.example.com", "A")[0] == "api.example.com."


def test_a_killed_region_leaves_the_answers_and_comes_back_after_rise_and_hold(demo: Demo) -> None:
    assert demo.run("demo", "kill", "istanbul").returncode == 0
    eventually(lambda: set(dig(SERVICE) + dig(SERVICE) + dig(SERVICE)) == {ANKARA})
    out = demo.run("explain", SERVICE)
    assert "out istanbul/127.0.1.1:8080" in out.stdout
    assert "refused: Connection refused" in out.stdout
    assert "since" in out.stdout
    assert "in  ankara/127.0.2.1:8080" in out.stdout

    healed = time.monotonic()
    assert demo.run("demo", "heal", "istanbul").returncode == 0
    eventually(lambda: ISTANBUL in dig(SERVICE) + dig(SERVICE) + dig(SERVICE), within=20)
    assert time.monotonic() - healed > 4.5  # hold is 5 s from the last failure, which heal cannot precede by much

    records = json.loads(demo.run("history", "--json").stdout)
    assert_tells_the_story(records)
    told = demo.run("history").stdout
    for word in ("probe", "transition", "decision", "answer", "refused"):
        assert word in told


def assert_tells_the_story(records: list[dict[str, Any]]) -> None:
    """Probe evidence, then the transition, the decision and the changed answer, each with its time."""
    down = next(r for r in records if r["kind"] == "transition" and r["after"] == "down")
    evidence = [item for item in down["evidence"] if not item["ok"]]
    assert [item["cause"] for item in evidence] == ["refused"] * 3
    decision = next(r for r in records if r["kind"] == "decision" and r["at"] >= down["at"])
    answer = next(r for r in records if r["kind"] == "publication" and r["generation"] == decision["generation"])
    assert evidence[-1]["at"] <= down["at"] <= decision["at"] <= answer["at"]
    assert "istanbul/127.0.1.1:8080 is down" in decision["trigger"]
    seconds = datetime.fromisoformat(answer["at"]) - datetime.fromisoformat(evidence[0]["at"])
    assert seconds.total_seconds() + 0.2 < 1.0  # the kill falls at most one interval before the first evidence
    back = [r for r in records if r["kind"] == "decision" and "hold of istanbul" in r["trigger"]]
    assert back


@pytest.mark.skipif(os.geteuid() != 0, reason="dropping packets needs root")
def test_a_blackholed_region_leaves_the_answers_and_comes_back(demo: Demo) -> None:
    result = demo.run("demo", "blackhole", "istanbul")
    if "Operation not permitted" in result.stderr:
        pytest.skip("dropping packets needs CAP_NET_ADMIN")
    assert result.returncode == 0, result.stderr
    eventually(lambda: set(dig(SERVICE) + dig(SERVICE) + dig(SERVICE)) == {ANKARA})
    assert "timeout" in demo.run("explain", SERVICE).stdout
    assert demo.run("demo", "heal", "istanbul").returncode == 0
    eventually(lambda: ISTANBUL in dig(SERVICE) + dig(SERVICE) + dig(SERVICE), within=20)


def test_an_unknown_region_is_refused_with_those_that_exist(demo: Demo) -> None:
    result = demo.run("demo", "kill", "izmir")
    assert result.returncode == 1
    assert "istanbul, ankara" in result.stderr


def test_a_second_demo_is_refused(demo: Demo) -> None:
    result = demo.run("demo")
    assert result.returncode == 1
    assert "already running" in result.stderr

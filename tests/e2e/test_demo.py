"""The demo and the example do what the README says, from the checkout and from an installed wheel.

All in one file, so that tests that run beside each other leave the demo's fixed addresses to one of them.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gslb.supervisor.lockfile import read_holder
from tests.e2e.demo import (
    ANKARA,
    GSLB,
    ISTANBUL,
    SERVICE,
    Demo,
    assert_answers_60_to_40,
    assert_reaches_its_region,
    dig,
    processes_below,
    running_demo,
)
from tests.e2e.published import patiently
from tests.waiting import eventually

STAND_INS = 5311, 5312
"""Ports of the nameservers of Route 53 and Cloud DNS, as it were."""
EXAMPLE = Path(__file__).parents[2] / "examples" / "istanbul-ankara"


@pytest.fixture(scope="class")
def demo() -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="gslb-") as folder, running_demo(GSLB, Path(folder)) as started:
        eventually(lambda: dig(SERVICE))
        yield started


def assert_tells_the_story(records: list[dict[str, Any]]) -> None:
    """Probe evidence, then the transition, the decision and the changed answer, each with its time."""
    down = next(r for r in records if r["kind"] == "transition" and r["after"] == "down")
    evidence = [item for item in down["evidence"] if not item["ok"]]
    assert len(evidence) == 3
    assert {item["cause"] for item in evidence} <= {"refused", "reset"}
    decision = next(r for r in records if r["kind"] == "decision" and r["at"] >= down["at"])
    answer = next(r for r in records if r["kind"] == "publication" and r["generation"] == decision["generation"])
    assert evidence[-1]["at"] <= down["at"] <= decision["at"] <= answer["at"]
    assert "istanbul/127.0.1.1:8080 is down" in decision["trigger"]
    seconds = datetime.fromisoformat(answer["at"]) - datetime.fromisoformat(evidence[0]["at"])
    assert seconds.total_seconds() + 0.2 < 1.0  # the kill falls at most one interval before the first evidence
    back = [r for r in records if r["kind"] == "decision" and "hold of istanbul" in r["trigger"]]
    assert back


class TestARunningDemo:
    """One demo for all of these, ended after the last."""

    def test_the_service_is_answered_60_to_40_and_each_address_reaches_its_region(
        self, demo: Demo, tmp_path: Path
    ) -> None:
        assert_answers_60_to_40(tmp_path)
        assert_reaches_its_region(ISTANBUL)
        assert_reaches_its_region(ANKARA)

    def test_it_says_what_to_try(self, demo: Demo) -> None:
        eventually(lambda: "Ctrl-C ends everything" in demo.output)
        for words in ("dig @127.0.0.1 -p 5300", "curl", "demo kill istanbul", "demo blackhole istanbul", "demo heal"):
            assert words in demo.output

    def test_static_records_of_the_zone_are_answered(self, demo: Demo) -> None:
        assert dig("mail.example.com", "A") == ["192.0.2.25"]
        assert dig("www.example.com", "A")[0] == "api.example.com."

    def test_a_killed_region_leaves_the_answers_and_comes_back_after_rise_and_hold(self, demo: Demo) -> None:
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

    @pytest.mark.skipif(os.geteuid() != 0, reason="dropping packets needs root")
    def test_a_blackholed_region_leaves_the_answers_and_comes_back(self, demo: Demo) -> None:
        result = demo.run("demo", "blackhole", "istanbul")
        if "Operation not permitted" in result.stderr:
            pytest.skip("dropping packets needs CAP_NET_ADMIN")
        assert result.returncode == 0, result.stderr
        eventually(lambda: set(dig(SERVICE) + dig(SERVICE) + dig(SERVICE)) == {ANKARA})
        assert "timeout" in demo.run("explain", SERVICE).stdout
        assert demo.run("demo", "heal", "istanbul").returncode == 0
        eventually(lambda: ISTANBUL in dig(SERVICE) + dig(SERVICE) + dig(SERVICE), within=20)

    def test_an_unknown_region_is_refused_with_those_that_exist(self, demo: Demo) -> None:
        result = demo.run("demo", "kill", "izmir")
        assert result.returncode == 1
        assert "istanbul, ankara" in result.stderr

    def test_a_second_demo_is_refused(self, demo: Demo) -> None:
        result = demo.run("demo")
        assert result.returncode == 1
        assert "already running" in result.stderr


def test_with_clouds_both_stand_ins_answer_and_there_is_nothing_left_to_plan(short_path: Path) -> None:
    def answer(*addresses: str) -> bool:
        answered = [set(dig(*[SERVICE] * 10, port=port)) for port in STAND_INS]
        return answered == [set(addresses)] * len(STAND_INS)

    with running_demo(GSLB, short_path, "--with-clouds") as demo:
        patiently(lambda: answer(ISTANBUL, ANKARA), within=40)
        patiently(lambda: "as Cloud DNS answers" in demo.output)
        ((variables, plan),) = re.findall(r"^ +((?:\w+=\S+ )+)\S+ (plan \S+)$", demo.output, re.MULTILINE)
        demo.environment |= dict(each.split("=") for each in variables.split())
        planned = demo.run(*plan.split())
        assert planned.returncode == 0, planned.stdout + planned.stderr
        assert demo.run("demo", "kill", "istanbul").returncode == 0
        patiently(lambda: answer(ANKARA))
    eventually(lambda: processes_below(short_path) == [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_leaves_no_process_behind(number: signal.Signals, short_path: Path) -> None:
    with running_demo(GSLB, short_path) as demo:
        eventually(lambda: dig(SERVICE))
        assert len(processes_below(short_path)) >= 6
        demo.process.send_signal(number)
        assert demo.process.wait(30) == (-9 if number is signal.SIGKILL else 0)
        eventually(lambda: processes_below(short_path) == [])


@pytest.mark.timeout(300)
def test_the_wheel_runs_the_demo_from_an_empty_environment(short_path: Path) -> None:
    root = Path(__file__).parents[2]
    venv = short_path / "venv"
    uv = (str(Path(sys.executable).with_name("uv")), "--quiet")
    subprocess.run([*uv, "build", "--wheel", "--out-dir", str(short_path), str(root)], check=True, timeout=120)
    subprocess.run([*uv, "venv", "--python", sys.executable, str(venv)], check=True, timeout=60)
    (wheel,) = short_path.glob("*.whl")
    lock = str(root / "requirements.lock")
    install = [*uv, "pip", "install", "--python", str(venv), "--constraint", lock, str(wheel)]
    subprocess.run(install, check=True, timeout=200)
    runtime = short_path / "run"
    runtime.mkdir()
    with running_demo((str(short_path / "venv/bin/gslb"),), runtime) as demo:
        eventually(lambda: dig(SERVICE))
        assert demo.run("status").returncode == 0
        assert_answers_60_to_40(short_path)


def test_the_death_of_its_daemon_ends_it_without_a_trace_and_it_can_be_started_again(short_path: Path) -> None:
    with running_demo(GSLB, short_path) as demo:
        eventually(lambda: dig(SERVICE))
        (folder,) = short_path.glob("gslb-demo-*")
        holder = read_holder(folder / "gslb.run" / "supervisor.lock")
        assert holder is not None
        os.kill(holder.pid, signal.SIGKILL)
        assert demo.process.wait(30) == 1
        assert "ended unexpectedly" in demo.output
        eventually(lambda: processes_below(short_path) == [])
    with running_demo(GSLB, short_path):
        eventually(lambda: dig(SERVICE))


def is_answered(address: str) -> bool:
    return address in dig(SERVICE) + dig(SERVICE) + dig(SERVICE)


def test_istanbul_ankara_runs_as_it_stands_and_ends_without_a_trace(short_path: Path) -> None:
    folder = short_path / "example"
    shutil.copytree(EXAMPLE, folder)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TMPDIR": str(short_path),
    }
    with (short_path / "log").open("w") as log:
        script = subprocess.Popen([folder / "run.sh"], env=environment, stderr=log, start_new_session=True)
    try:
        for address, region in ((ISTANBUL, "istanbul"), (ANKARA, "ankara")):
            eventually(partial(is_answered, address))
            command = ["curl", "-sS", "--max-time", "5", f"http://{address}:8080/"]
            assert f"hello from {region}" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert dig("www.example.com")[0] == f"{SERVICE}."
    finally:
        script.send_signal(signal.SIGINT)
        script.wait(30)
    eventually(lambda: processes_below(short_path) == [])

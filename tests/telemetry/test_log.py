"""The log of a process, as another one reads it from its standard error."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import threading
import structlog
from gslb.telemetry.log import configure_log

def fail(password):
    raise ZeroDivisionError("no endpoints")

configure_log({form!r}, {level!r}, "control")
log = structlog.get_logger("here")
log.debug("detail")
log.info("snapshot loaded", generation=7, path="/a b")
writer = threading.Thread(target=log.info, args=("state is written again",))
writer.start()
writer.join()
try:
    fail("hunter2")
except ZeroDivisionError:
    log.exception("probe raised", address="192.0.2.1:80")
for index in range({more}):
    log.warning("filler " * 100, index=index)
print("still here")
"""


def run(form: str, level: str = "info") -> list[str]:
    """What a process logs."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(form=form, level=level, more=0)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == "still here\n"
    return done.stderr.splitlines()


def test_each_json_line_is_one_event_with_its_values() -> None:
    events = [json.loads(line) for line in run("json")]
    assert [event["event"] for event in events] == ["snapshot loaded", "state is written again", "probe raised"]
    loaded, written, raised = events
    assert (loaded["generation"], loaded["path"]) == (7, "/a b")
    assert (loaded["level"], loaded["process"]) == ("info", "control")
    assert written["process"] == "control"
    assert loaded["timestamp"].endswith("Z")
    assert raised["exception"].endswith("ZeroDivisionError: no endpoints")


def test_the_level_says_what_is_shown() -> None:
    assert next(json.loads(line)["event"] for line in run("json", "debug")) == "detail"
    assert [json.loads(line)["event"] for line in run("json", "error")] == ["probe raised"]


def test_lines_for_people_have_no_colours_in_a_file_and_no_values_of_variables() -> None:
    text = "\n".join(run("human"))
    assert "snapshot loaded" in text
    assert "generation=7" in text
    assert "ZeroDivisionError: no endpoints" in text
    assert "\x1b" not in text
    assert "hunter2" not in text


@pytest.mark.parametrize("form", ["human", "json"])
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2> >(exec true)"])
def test_a_log_that_nobody_takes_stops_nothing(form: str, redirection: str, tmp_path: Path) -> None:
    """Standard error is closed, on a full disk, or a pipe whose reader has left."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(form=form, level="info", more=2000))
    done = subprocess.run(
        ["bash", "-c", f'"$0" "$1" {redirection}', sys.executable, str(program)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout == "still here\n"


def test_what_libraries_log_comes_in_the_same_form() -> None:
    program = """
import logging
from gslb.telemetry.log import configure_log
configure_log("json", "info", "control")
logging.getLogger("apscheduler").warning("Run time of job %s was missed", "retain")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    entry = json.loads(done.stderr)
    assert (entry["event"], entry["library"]) == ("Run time of job retain was missed", "apscheduler")
    assert (entry["process"], entry["level"]) == ("control", "warning")

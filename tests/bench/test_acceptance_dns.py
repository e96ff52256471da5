"""The comparison of nameservers, in short: it runs, and every query is answered rightly."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.processes import ROOT
from benchmarks.tools import FOLDERS
from tests.bench.dns.mixes import MIXES

STALLED = 100_000
"""Microseconds for which something must have stood still before receive buffers overflow."""

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two CPUs are needed"),
]


def present(program: str) -> None:
    if shutil.which(program, path=FOLDERS) is None:
        pytest.skip(f"there is no {program}")


def test_gslb_and_gdnsd_answer_every_query_of_every_mix_rightly(tmp_path: Path) -> None:
    present("gcc")
    present("gdnsd")
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench.dns", "--rounds", "1", "--seconds", "0.5", "--only", "gslb,gdnsd"]
    told = subprocess.run([*command, "--json", str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "| gslb: lost queries, bad replies" in told.stdout
    (figures,) = json.loads(file.read_text())["rounds"]
    assert [(each["mix"], each["server"]) for each in figures] == [
        (mix, server) for mix in MIXES for server in ("gdnsd", "gslb")
    ]
    assert {each["bad"] for each in figures} == {0}
    assert not [each for each in figures if each["lost"] and each["load"]["max"] < STALLED]


def test_a_server_that_is_not_known_is_refused() -> None:
    command = [sys.executable, "-m", "tests.bench.dns", "--only", "djbdns"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "no server djbdns; there are: gdnsd, gslb" in told.stderr

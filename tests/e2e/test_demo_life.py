"""The demo from start to end: it leaves nothing behind, and an installed wheel runs it too."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gslb.supervisor.lockfile import read_holder
from tests.e2e.demo import GSLB, SERVICE, assert_answers_60_to_40, dig, processes_below, running_demo
from tests.waiting import eventually


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_leaves_no_process_behind(number: signal.Signals, tmp_path: Path) -> None:
    with running_demo(GSLB, tmp_path) as demo:
        eventually(lambda: dig(SERVICE))
        assert len(processes_below(tmp_path)) >= 6
        demo.process.send_signal(number)
        assert demo.process.wait(30) == (-9 if number is signal.SIGKILL else 0)
        eventually(lambda: processes_below(tmp_path) == [])


@pytest.mark.timeout(300)
def test_the_wheel_runs_the_demo_from_an_empty_environment(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    venv = tmp_path / "venv"
    uv = (str(Path(sys.executable).with_name("uv")), "--quiet")
    subprocess.run([*uv, "build", "--wheel", "--out-dir", str(tmp_path), str(root)], check=True, timeout=120)
    subprocess.run([*uv, "venv", "--python", sys.executable, str(venv)], check=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    lock = str(root / "requirements.lock")
    install = [*uv, "pip", "install", "--python", str(venv), "--constraint", lock, str(wheel)]
    subprocess.run(install, check=True, timeout=200)
    runtime = tmp_path / "run"
    runtime.mkdir()
    with running_demo((str(tmp_path / "venv/bin/gslb"),), runtime) as demo:
        eventually(lambda: dig(SERVICE))
        assert demo.run("status").returncode == 0
        assert_answers_60_to_40(tmp_path)


def test_the_death_of_its_daemon_ends_it_without_a_trace_and_it_can_be_started_again(tmp_path: Path) -> None:
    with running_demo(GSLB, tmp_path) as demo:
        eventually(lambda: dig(SERVICE))
        (folder,) = tmp_path.glob("gslb-demo-*")
        holder = read_holder(folder / "gslb.run" / "supervisor.lock")
        assert holder is not None
        os.kill(holder.pid, signal.SIGKILL)
        assert demo.process.wait(30) == 1
        assert "ended unexpectedly" in demo.output
        eventually(lambda: processes_below(tmp_path) == [])
    with running_demo(GSLB, tmp_path):
        eventually(lambda: dig(SERVICE))

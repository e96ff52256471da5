"""The example runs as it stands, from a copy of its folder."""

import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.e2e.demo import ANKARA, ISTANBUL, SERVICE, dig, processes_below
from tests.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "examples" / "istanbul-ankara"


def is_answered(address: str) -> bool:
    return address in dig(SERVICE) + dig(SERVICE) + dig(SERVICE)


def test_istanbul_ankara_runs_as_it_stands_and_ends_without_a_trace(tmp_path: Path) -> None:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    with (tmp_path / "log").open("w") as log:
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
    eventually(lambda: processes_below(tmp_path) == [])

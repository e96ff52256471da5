"""``[nameserver] user``: root starts it, a low port is bound, and nothing runs as root. Needs root."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gslb.config.configuration import run_folder
from tests.e2e.site import Site
from tests.waiting import eventually

USER = "nobody"
BIND = 1 << 10
ROOT = Path(__file__).parents[2]
PROCESSES = ("supervisor", "control", "nameserver-0", "nameserver-1")


def environment() -> dict[str, str]:
    """Our modules and what they stand on, for whichever interpreter runs; it has a standard library of its own."""
    installed = [path for path in sys.path if path.endswith("site-packages")]
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *installed])}


def interpreter() -> str | None:
    """A Python of this version that USER may run with our modules; the one that runs this may be in a home."""
    for python in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        script = f"import sys, gslb.cli.run, msgspec; assert sys.version_info[:2] == {sys.version_info[:2]}"
        command = [python or "", "-c", script]
        try:
            done = subprocess.run(command, user=USER, env=environment(), capture_output=True, check=False, cwd="/")
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return None


@pytest.fixture(scope="module")
def python() -> str:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    found = interpreter()
    if found is None:
        pytest.skip(f"no interpreter that {USER} may run")
    return found


@pytest.fixture
def site() -> Iterator[Site]:
    """Its state is to be in a folder that does not exist yet."""
    with tempfile.TemporaryDirectory(prefix="gslb-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Site(folder)
        text = made.config.read_text().replace("sqlite:///gslb.db", "sqlite:///state/gslb.db")
        made.config.write_text(text.replace("[nameserver]\n", f'[nameserver]\nuser = "{USER}"\n'))
        made.run_folder = run_folder(folder / "state" / "gslb.db")
        yield made
        made.close()


def start(site: Site, python: str, user: str | None = None) -> None:
    command = [python, "-m", "gslb", "run", str(site.config)]
    with site.log.open("ab") as log:
        site.daemon = subprocess.Popen(
            command, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, env=environment(), user=user
        )


def low_port() -> int:
    """A port below 1024 that is free for UDP and TCP."""
    for port in range(600, 1024):
        try:
            with socket.create_server(("127.0.0.1", port)), socket.socket(type=socket.SOCK_DGRAM) as udp:
                udp.bind(("127.0.0.1", port))
                return port
        except OSError:
            continue
    pytest.skip("no low port to be had")


def status(site: Site, process: str) -> dict[str, str]:
    lines = Path(f"/proc/{site.pid(process)}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def refusal(site: Site) -> str:
    assert site.daemon is not None
    assert site.daemon.wait(20) == 1
    return site.log.read_text()


def test_everything_runs_as_that_user_and_a_worker_that_crashed_binds_the_low_port_again(
    site: Site, python: str
) -> None:
    port = low_port()
    site.config.write_text(site.config.read_text().replace(f'"127.0.0.1:{site.dns}"', f'"127.0.0.1:{port}"'))
    site.dns = port
    start(site, python)
    site.answers_with(site.istanbul, site.ankara)
    former = site.pid("nameserver-0")
    site.kill("nameserver-0")
    eventually(lambda: site.pid("nameserver-0") not in {None, former})
    site.kill("nameserver-1")  # so that the other one answers
    eventually(lambda: len(site.addresses()) == 2)
    uid = str((site.folder / "state").stat().st_uid)
    assert uid != "0"
    for process in PROCESSES:
        eventually(partial(site.pid, process))
        found = status(site, process)
        assert found["Uid"].split() == [uid] * 4
        assert int(found["CapPrm"], 16) == (BIND if process == "supervisor" else 0)
        assert int(found["CapAmb"], 16) == (BIND if process == "supervisor" else 0)
        assert found["NoNewPrivs"] == ("1" if process.startswith("nameserver") else "0")
    assert all(entry.stat().st_uid == int(uid) for entry in (site.folder / "state").rglob("*"))


def test_a_state_folder_of_somebody_else_is_left_alone_and_named(site: Site, python: str) -> None:
    (site.folder / "state").mkdir(mode=0o755)
    start(site, python)
    said = refusal(site)
    assert f"chown {USER} {site.folder / 'state'}" in said
    assert (site.folder / "state").stat().st_uid == 0


def test_a_file_that_the_user_cannot_read_is_named(site: Site, python: str) -> None:
    site.config.chmod(0o600)
    start(site, python)
    assert f"{site.config}: cannot be read: Permission denied" in refusal(site)


def test_another_user_than_root_cannot_become_it(site: Site, python: str) -> None:
    site.folder.chmod(0o777)
    start(site, python, user="daemon")
    said = refusal(site)
    assert f"nameserver.user: is {USER!r}, but gslb was started as 'daemon'" in said
    assert "start it as root" in said


def test_the_user_itself_may_start_it(site: Site, python: str) -> None:
    site.folder.chmod(0o777)
    (site.folder / "state").mkdir()
    shutil.chown(site.folder / "state", USER)
    start(site, python, user=USER)
    site.answers_with(site.istanbul, site.ankara)
    assert int(status(site, "supervisor")["CapPrm"], 16) == 0

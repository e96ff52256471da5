"""What stops a start: one screen that names file, key and remedy, exit code 1, and nothing half-started."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.cli.client import Daemon, find_daemon
from gslb.errors import DaemonError
from tests.e2e.demo import processes_below
from tests.e2e.site import Site, running
from tests.waiting import eventually

SCREEN = 25


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def refused(site: Site) -> str:
    """What ``gslb run`` says when it refuses to start."""
    result = site.gslb("run", str(site.config))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert 1 <= len(result.stderr.splitlines()) <= SCREEN
    assert processes_below(site.folder) == []
    return result.stderr


def test_a_configuration_with_faults_names_all_of_them(site: Site) -> None:
    text = site.config.read_text()
    site.config.write_text(
        text.replace('policy = ["weighted"]', 'policy = ["weigted"]').replace("interval", "intervall")
    )
    message = refused(site)
    assert str(site.config) in message
    assert "probes.edge.intervall: unknown key" in message
    assert "did you mean 'interval'?" in message
    assert "did you mean 'weighted'?" in message


def test_a_port_in_use_names_the_key(site: Site) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", site.dns))
        message = refused(site)
    assert "nameserver.listen" in message
    assert f"127.0.0.1:{site.dns}" in message
    assert "in use" in message


def test_a_taken_api_port_names_the_key(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.api)):
        assert "api.listen" in refused(site)


def test_a_state_of_a_newer_version_is_left_alone(site: Site) -> None:
    site.start()
    eventually(lambda: site.gslb("status").returncode == 0)
    assert site.stop() == 0
    database = site.folder / "gslb.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    message = refused(site)
    assert str(database) in message
    assert "newer" in message


@pytest.mark.parametrize("state", ["sqlite:///missing/gslb.db", "sqlite:///gslb.toml/gslb.db"])
def test_a_folder_that_cannot_hold_the_state_is_named(site: Site, state: str) -> None:
    site.config.write_text(site.config.read_text().replace("sqlite:///gslb.db", state))
    message = refused(site)
    assert "node.state" in message


def test_a_read_only_folder_is_named(site: Site) -> None:
    if os.geteuid() == 0:
        folder = Path("/proc/gslb-test")  # nobody, not even root, makes folders there
    else:
        folder = site.folder / "read-only"
        folder.mkdir(mode=0o500)
    state = f"sqlite:///{folder.parent if os.geteuid() == 0 else folder}/gslb.db"
    site.config.write_text(site.config.read_text().replace("sqlite:///gslb.db", state))
    assert "node.state" in refused(site)


def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        result = site.gslb("run", str(site.config))
        assert result.returncode == 1
        assert f"already running as process {site.pid('supervisor')}" in result.stderr
        assert site.ask() is not None


def test_a_file_with_faults_does_not_replace_a_good_one(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        good = site.config.read_text()
        site.config.write_text(good.replace("weight = 60", "weight = 600"))
        result = site.gslb("reload")
        assert result.returncode == 1
        assert "regions.istanbul.weight" in result.stderr
        assert site.addresses() == {site.istanbul.host, site.ankara.host}
        site.config.write_text(good.replace('regions = ["istanbul", "ankara"]', 'regions = ["ankara"]'))
        assert site.gslb("reload").returncode == 0
        site.answers_with(site.ankara)


def test_sighup_to_the_supervisor_reloads(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        text = site.config.read_text()
        site.config.write_text(text.replace('regions = ["istanbul", "ankara"]', 'regions = ["istanbul"]'))
        assert site.daemon is not None
        site.daemon.send_signal(1)
        site.answers_with(site.istanbul)


def test_check_says_what_is_wrong_and_exits_with_1(site: Site) -> None:
    site.config.write_text(site.config.read_text() + 'rto = "1s"\n')
    result = site.gslb("check", str(site.config))
    assert result.returncode == 1
    assert 'services."api.example.com".rto' in result.stderr
    assert "ttl.steady 1s" in result.stderr


def test_check_shows_defaults_and_recovery_times(site: Site) -> None:
    result = site.gslb("check", str(site.config))
    assert result.returncode == 0, result.stderr
    assert "fall = 3  # default" in result.stdout
    assert "worst case" in result.stdout


def test_without_a_daemon_commands_say_how_to_start_one(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "gslb", "status"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert result.returncode == 1
    assert "gslb run CONFIG" in result.stderr


def test_drain_of_the_last_region_needs_force(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        assert site.gslb("drain", "istanbul", "--reason", "test").returncode == 0
        site.answers_with(site.ankara)
        refusal = site.gslb("drain", "ankara", "--reason", "test")
        assert refusal.returncode == 1
        assert "api.example.com" in refusal.stderr
        assert "--force" in refusal.stderr
        assert site.gslb("undrain", "istanbul").returncode == 0
        site.answers_with(site.istanbul, site.ankara)


def test_two_keys_that_want_the_same_address_are_found_before_anything_starts(site: Site) -> None:
    site.config.write_text(site.config.read_text().replace(f"127.0.0.1:{site.api}", f"127.0.0.1:{site.dns}"))
    assert "api.listen" in refused(site)


def test_explain_says_who_answers_whatever_the_policy(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        text = site.config.read_text().replace('policy = ["weighted"]', 'policy = ["failover"]')
        site.config.write_text(text)
        assert site.gslb("reload").returncode == 0
        site.answers_with(site.istanbul)
        told = site.gslb("explain", "api.example.com").stdout
        assert f"in  istanbul/{site.istanbul.host}" in told
        assert f"out ankara/{site.ankara.host}" in told
        assert "standby" in told
        site.istanbul.close()
        site.answers_with(site.ankara)
        assert f"in  ankara/{site.ankara.host}" in site.gslb("explain", "api.example.com").stdout


def test_a_folder_of_somebody_else_in_place_of_the_demos_is_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else he could have another file sent to him as the API token."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    run = tmp_path / f"gslb-demo-{os.getuid()}" / "gslb.run"
    run.mkdir(parents=True)
    (tmp_path / f"gslb-demo-{os.getuid()}").chmod(0o777)
    (run / "api.sock").touch()
    with pytest.raises(DaemonError, match="no running daemon found"):
        find_daemon(None, None, None)


def test_a_token_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "token").symlink_to(tmp_path / "secret")
    with pytest.raises(DaemonError, match="API token"):
        Daemon("http://127.0.0.1:1", tmp_path / "token").post("/v1/reload", {})


@pytest.mark.parametrize("url", ["127.0.0.1:abc", "http://[::1", "ftp://127.0.0.1:21"])
def test_an_address_that_is_none_is_refused_in_a_line(url: str) -> None:
    with pytest.raises(DaemonError, match="is not an address of the API"):
        Daemon(url, None).get("/v1/status")

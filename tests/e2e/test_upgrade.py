"""``gslb upgrade`` and reloads that replace processes, under 2,000 queries a second: every one is answered."""

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

from tests.e2e.load import queries
from tests.e2e.site import Site, running
from tests.waiting import eventually, free_port

NAMES = ("nameserver-0", "nameserver-1", "control")
KNOWN = "_Message = Whole | Change | Lower\n"
ROOT = Path(__file__).parents[2]


def install(folder: Path, version: str = "0.1.0") -> dict[str, str]:
    """A copy of the code, and the environment that has it run."""
    for package in ("gslb", "probes", "policies", "providers"):
        shutil.copytree(
            ROOT / package, folder / package, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    (folder / "gslb" / "__init__.py").write_text(f'"""gslb."""\n\n__version__ = "{version}"\n')
    return {"PYTHONPATH": str(folder)}


def edit(file: Path, text: str, other: str) -> None:
    content = file.read_text()
    assert text in content
    file.write_text(content.replace(text, other))


def pids(site: Site) -> dict[str, int | None]:
    return {name: site.pid(name) for name in NAMES}


@contextmanager
def installed(folder: Path, *, workers: int = 2) -> Iterator[Site]:
    (folder / "site").mkdir()
    with running(folder / "site", workers=workers, environment=install(folder / "code")) as site:
        yield site


def test_upgrade_replaces_every_process_and_no_query_is_lost(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        before, supervisor = pids(site), site.pid("supervisor")
        with queries(site.dns) as load:
            time.sleep(0.3)
            install(tmp_path / "code", "0.2.0")
            result = site.gslb("upgrade", str(site.config))
            time.sleep(0.5)
        assert result.returncode == 0, result.stderr + site.log.read_text()
        assert "upgraded to 0.2.0+" in result.stdout
        after = pids(site)
        assert all(after[name] not in (None, before[name]) for name in NAMES)
        assert site.pid("supervisor") == supervisor
        assert len(load.sent) > 2000
        assert load.lost() == []
        eventually(lambda: [it["connected"] for it in site.json("status")["nameservers"]] == [True, True])
        assert site.stop() == 0


@pytest.mark.acceptance
def test_upgrade_from_one_that_cannot_hand_over_ends_it_first(tmp_path: Path) -> None:
    """There is a gap then, but no more than with a restart of one worker after the other."""
    environment = install(tmp_path / "code")
    edit(
        tmp_path / "code/gslb/nameserver/protocol.py",
        "_Message = Whole | Change | Lower | TakeOver | Leave | Taken\n",
        KNOWN,
    )
    (tmp_path / "site").mkdir()
    with running(tmp_path / "site", environment=environment) as site:
        before = pids(site)
        install(tmp_path / "code", "0.2.0")
        result = site.gslb("upgrade", str(site.config))
        assert result.returncode == 0, result.stderr
        assert all(pid not in (None, before[name]) for name, pid in pids(site).items())
        assert "process is ended first" in site.log.read_text()
        site.answers_with(site.istanbul, site.ankara)


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("gslb/nameserver/responder.py", "import time", "import no_such_module"),
        ("gslb/cli/run.py", "code = code_version()", "code = undefined"),
        ("gslb/supervisor/supervisor.py", "class Supervisor:", "class Supervisor"),
    ],
)
def test_code_that_does_not_work_changes_nothing(tmp_path: Path, file: str, text: str, fault: str) -> None:
    with installed(tmp_path) as site:
        before = pids(site)
        with queries(site.dns) as load:
            edit(tmp_path / "code" / file, text, fault)
            result = site.gslb("upgrade", str(site.config))
        assert result.returncode == 1
        assert "the daemon goes on as it was" in result.stderr
        assert pids(site) == before
        assert load.lost() == []
        assert site.daemon is not None
        assert site.daemon.poll() is None


@pytest.mark.acceptance
def test_a_worker_that_does_not_get_as_far_as_to_take_over_leaves_the_former_one(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        before = pids(site)
        with queries(site.dns) as load:
            edit(
                tmp_path / "code/gslb/nameserver/process.py",
                "    locator, table = un",
                "    raise OSError\n    locator, table = un",
            )
            result = site.gslb("upgrade", str(site.config))
        assert result.returncode == 1
        assert "nameserver-0, nameserver-1: could not be replaced, and goes on as it was" in result.stderr
        after = pids(site)
        assert [after[name] for name in NAMES[:2]] == [before[name] for name in NAMES[:2]]
        assert load.lost() == []


@pytest.mark.acceptance
def test_code_whose_listeners_die_and_whose_control_crashes_costs_no_answer_and_is_told(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        before = pids(site)
        with queries(site.dns) as load:
            batch = "    batch = Batch("
            edit(tmp_path / "code/gslb/nameserver/udp.py", batch, f"    raise OSError\n{batch}")
            edit(
                tmp_path / "code/gslb/cli/control.py",
                "    share_interpreter()\n    calm",
                "    raise OSError\n    calm",
            )
            result = site.gslb("upgrade", str(site.config))
        assert result.returncode == 1
        assert "nameserver-0, nameserver-1: could not be replaced" in result.stderr
        assert "control: has crashed" in result.stderr
        assert [site.pid(name) for name in NAMES[:2]] == [before[name] for name in NAMES[:2]]
        assert load.lost() == []


@pytest.mark.acceptance
def test_a_file_that_breaks_once_it_was_accepted_does_not_keep_control_from_starting(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        control, port = site.pid("control"), free_port()
        write(site, f'listen = ["127.0.0.1:{site.dns}", "127.0.0.1:{port}"]')
        result = site.gslb("reload")
        assert result.returncode == 0, result.stderr
        site.config.write_text(site.config.read_text() + "\n[[[ half written")
        eventually(lambda: site.pid("control") not in (None, control))
        eventually(lambda: answers_at(port))
        address = f"http://127.0.0.1:{site.api}"
        eventually(lambda: site.gslb("status", "--api", address).returncode == 0)


def test_a_faulty_configuration_stops_an_upgrade(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        before = pids(site)
        site.config.write_text(site.config.read_text().replace("weight = 60", "weight = 600"))
        result = site.gslb("upgrade", str(site.config))
        assert result.returncode == 1
        assert "regions.istanbul.weight" in result.stderr
        assert pids(site) == before


def test_without_a_daemon_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    site = Site(tmp_path)
    try:
        result = site.gslb("upgrade", str(site.config))
        assert result.returncode == 1
        assert "no supervisor is running" in result.stderr
        assert "gslb run" in result.stderr
    finally:
        site.close()


@pytest.mark.acceptance
@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 1.5, 2.0])
def test_the_death_of_the_supervisor_while_it_upgrades_costs_no_answer(tmp_path: Path, seconds: float) -> None:
    with installed(tmp_path) as site:
        before = pids(site)
        with queries(site.dns) as load:
            install(tmp_path / "code", "0.2.0")
            supervisor = site.pid("supervisor")
            assert supervisor is not None
            os.kill(supervisor, signal.SIGUSR2)
            time.sleep(seconds)
            os.kill(supervisor, signal.SIGKILL)
            assert site.daemon is not None
            site.daemon.wait(5)
            site.start()
            eventually(lambda: all(pid not in (None, before[name]) for name, pid in pids(site).items()))
            time.sleep(0.5)
        assert load.lost() == []
        eventually(lambda: [it["connected"] for it in site.json("status")["nameservers"]] == [True, True])


def answers_at(port: int) -> bool:
    question = dns.message.make_query("api.example.com", "A")
    try:
        return all(ask(question, "127.0.0.1", 1, port).answer for ask in (dns.query.udp, dns.query.tcp))
    except (OSError, EOFError, dns.exception.Timeout):
        return False


@pytest.mark.acceptance
def test_a_reload_adds_and_removes_addresses_without_loss_at_those_that_stay(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        one, other = free_port(), free_port()
        before, supervisor = pids(site), site.pid("supervisor")
        with queries(site.dns) as load:
            for port, gone in ((one, None), (other, one)):
                write(site, f'listen = ["127.0.0.1:{site.dns}", "127.0.0.1:{port}"]')
                control = site.pid("control")
                result = site.gslb("reload")
                assert result.returncode == 0, result.stderr
                eventually(lambda: site.pid("control") not in (None, control))  # noqa: B023  called at once
                assert "processes are replaced for nameserver.listen" in result.stdout
                eventually(lambda: answers_at(port))  # noqa: B023  called at once
                eventually(lambda: gone is None or not answers_at(gone))  # noqa: B023
                eventually(lambda: site.gslb("status").returncode == 0)
            time.sleep(0.5)
        assert load.lost() == []
        assert all(pid not in (None, before[name]) for name, pid in pids(site).items())
        assert site.pid("supervisor") == supervisor


@pytest.mark.acceptance
def test_a_reload_changes_the_number_of_workers_without_loss(tmp_path: Path) -> None:
    with running(tmp_path, workers=1) as site:
        with queries(site.dns) as load:
            for workers in (3, 1, 2):
                text = re.sub("workers = .", f"workers = {workers}", site.config.read_text())
                site.config.write_text(text)
                control = site.pid("control")
                result = site.gslb("reload")
                assert result.returncode == 0, result.stderr
                eventually(lambda: site.pid("control") not in (None, control))  # noqa: B023  called at once
                eventually(lambda: nameservers(site) == workers)  # noqa: B023  called at once
            time.sleep(0.5)
        assert load.lost() == []


def nameservers(site: Site) -> int:
    """How many control is connected to, if it is all those there are."""
    told = site.gslb("status", "--json")
    found = [it["connected"] for it in json.loads(told.stdout)["nameservers"]] if told.returncode == 0 else []
    there = [n for n in range(4) if site.pid(f"nameserver-{n}")]
    return len(there) if found == [True] * len(there) else 0


def write(site: Site, listen: str) -> None:
    site.config.write_text(re.sub(r"listen = \[.*\]", listen, site.config.read_text()))


def test_a_reload_to_an_address_that_is_taken_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as site, socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        before, port = pids(site), taken.getsockname()[1]
        write(site, f'listen = ["127.0.0.1:{site.dns}", "127.0.0.1:{port}"]')
        result = site.gslb("reload")
        assert result.returncode == 1
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in result.stderr
        assert pids(site) == before


@pytest.mark.acceptance
def test_a_reload_moves_the_api_and_renames_the_node(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        workers, api = [site.pid(name) for name in NAMES[:2]], free_port()
        text = site.config.read_text().replace(f"127.0.0.1:{site.api}", f"127.0.0.1:{api}")
        site.config.write_text(text.replace('name = "test"', 'name = "renamed"'))
        with queries(site.dns) as load:
            result = site.gslb("reload")
            assert result.returncode == 0, result.stderr
            eventually(lambda: site.gslb("status", "--api", f"http://127.0.0.1:{api}").returncode == 0)
        assert site.json("status")["node"] == "renamed"
        assert load.lost() == []
        assert [site.pid(name) for name in NAMES[:2]] == workers

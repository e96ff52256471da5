"""What is killed, and what clients notice of it, under 2,000 queries a second."""

import time
from pathlib import Path

from tests.e2e.load import queries
from tests.e2e.site import running
from tests.waiting import eventually

SECONDS = 1.5


def test_the_death_of_control_costs_no_answer(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        former = site.pid("control")
        with queries(site.dns) as load:
            site.kill("control")
            eventually(lambda: site.pid("control") not in (None, former))
            time.sleep(SECONDS)  # the new one connects and publishes
        assert len(load.sent) > 2000
        assert load.lost() == []


def test_the_death_of_the_supervisor_costs_no_answer_and_a_new_one_adopts_what_lives(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        names = ("control", "nameserver-0", "nameserver-1")
        before = {name: site.pid(name) for name in names}
        with queries(site.dns) as load:
            site.kill("supervisor")
            time.sleep(SECONDS)  # alone
            site.start()
            eventually(lambda: site.pid("supervisor") is not None)
            time.sleep(SECONDS)  # with the new one
        assert load.lost() == []
        assert {name: site.pid(name) for name in names} == before
        site.kill("nameserver-1")
        eventually(lambda: site.pid("nameserver-1") not in (None, before["nameserver-1"]))
        assert site.stop() == 0
        assert {site.pid(name) for name in names} == {None}


def test_a_dead_nameserver_is_back_within_a_second(tmp_path: Path) -> None:
    with running(tmp_path) as site, queries(site.dns) as load:
        former = site.pid("nameserver-0")
        killed = time.monotonic()
        site.kill("nameserver-0")
        eventually(lambda: site.pid("nameserver-0") not in (None, former))
        eventually(lambda: site.json("status")["nameservers"][0]["connected"])
    lost = load.lost(since=killed - 0.1)
    assert not lost or lost[-1] - killed < 1.0
    assert load.lost(until=killed - 0.1) == []


def test_the_only_nameserver_is_back_within_a_second_from_its_own_file(tmp_path: Path) -> None:
    """Control is dead too, so nobody can tell the new one what to answer."""
    with running(tmp_path, workers=1) as site:
        eventually((site.run_folder / "nameserver-0.snapshot").exists)
        with queries(site.dns) as load:
            killed = time.monotonic()
            site.kill("nameserver-0")
            site.kill("control")
            time.sleep(2 * SECONDS)
        lost = load.lost()
        assert lost  # it was the only one
        assert lost[-1] - killed < 1.0
        assert load.count(killed + 1.0, killed + 2 * SECONDS) > 1000


def test_a_restart_finds_state_orders_and_history_as_before(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        site.istanbul.close()
        site.answers_with(site.ankara)
        site.istanbul.open()
        site.answers_with(site.istanbul, site.ankara)
        assert site.gslb("drain", "istanbul", "--now", "--reason", "new kernel").returncode == 0
        site.answers_with(site.ankara)
        eventually(lambda: [order["drain"]["phase"] for order in site.json("orders")] == ["drained"])
        before = {"status": site.json("status"), "history": site.json("history")}
        assert site.stop() == 0
        site.start()
        eventually(lambda: site.gslb("status").returncode == 0)
        site.answers_with(site.ankara)
        after = {"status": site.json("status"), "history": site.json("history")}
        assert after["status"]["orders"] == before["status"]["orders"]
        said_again = ("publication", "answer")
        assert [record for record in after["history"] if record["kind"] not in said_again] == [
            record for record in before["history"] if record["kind"] not in said_again
        ]
        endpoints = [
            [(e["name"], e["health"], e["since"][:21]) for e in view["status"]["services"][0]["endpoints"]]
            for view in (before, after)
        ]
        assert endpoints[0] == endpoints[1]


def test_control_comes_back_with_the_accepted_configuration_when_the_file_has_faults_by_then(tmp_path: Path) -> None:
    """And goes on to fail over."""
    with running(tmp_path) as site:
        eventually((site.run_folder / "accepted.json").exists)
        site.config.write_text(site.config.read_text().replace("weight = 60", "weight = 600"))
        assert site.gslb("reload").returncode == 1
        former = site.pid("control")
        site.kill("control")
        eventually(lambda: site.pid("control") not in (None, former))
        site.istanbul.close()
        site.answers_with(site.ankara)


def test_a_new_supervisor_with_other_settings_replaces_control_and_keeps_the_nameservers(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        control, nameserver = site.pid("control"), site.pid("nameserver-0")
        site.kill("supervisor")
        text = site.config.read_text().replace('name = "test"', 'name = "renamed"')
        site.config.write_text(text.replace('regions = ["istanbul", "ankara"]', 'regions = ["ankara"]'))
        site.start()
        site.answers_with(site.ankara)
        eventually(lambda: site.gslb("status").returncode == 0)
        assert site.json("status")["node"] == "renamed"
        assert site.pid("control") != control
        assert site.pid("nameserver-0") == nameserver


def test_a_control_that_cannot_start_leaves_the_adopted_nameservers_alone(tmp_path: Path) -> None:
    with running(tmp_path) as site:
        site.kill("supervisor")
        site.kill("control")
        (site.run_folder / "token").chmod(0o644)
        site.start()
        assert site.daemon is not None
        assert site.daemon.wait(15) == 1  # found before anything was started
        assert "chmod 600" in site.log.read_text()
        assert site.addresses() == {site.istanbul.host, site.ankara.host}

"""What a plan is made by: the word of the running daemon, that of one that ran, or the file itself."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from gslb.cli.client import Daemon
from gslb.config.load import load
from gslb.config.sources import keep_accepted
from tests.api.rig import api_of
from tests.cli.clouds import ANKARA, BOTH, ISTANBUL, Aws, Site, actions, answer, gslb
from tests.control.bench import API
from tests.control.rig import Endpoint, Lab
from tests.waiting import free_port, until


def told(decisions: dict[str, Any], status: int = 200) -> Callable[[str], tuple[int, Any]]:
    return lambda path: (status, decisions) if path == "/v1/decisions" else (404, {})


@contextmanager
def daemon(answers: Callable[[str], tuple[int, Any]]) -> Iterator[str]:
    """Something that stands where a daemon's API is; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(msgspec.json.encode(body))

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_running_daemon_is_asked_first(site: Site) -> None:
    site.decide(answer(site, (1, ISTANBUL)))
    now = answer(site, (1, ANKARA))
    with daemon(told({"generation": 7, "lease": None, "services": {now.name: now}})) as url:
        ended = site.plan("--api", url)
    assert ended.out.startswith("as decided by the running daemon\n")
    assert (ANKARA in ended.out, ISTANBUL in ended.out) == (True, False)


def test_it_is_planned_under_the_lease_of_the_running_daemon(site: Site) -> None:
    site.published()
    name = f"{site.api}."
    now = answer(site, (1, ANKARA))
    for lease, code in ((5, 1), (2**40, 2)):
        with daemon(told({"lease": lease, "services": {name: now}})) as url:
            ended = site.plan("--api", url)
        assert (ended.code, "written under a later lease" in ended.out) == (code, code == 1)


async def test_a_real_daemon_tells_what_it_has_decided_and_under_which_lease(aws: Aws, tmp_path: Path) -> None:
    lab = Lab(tmp_path, Endpoint("192.0.2.1", 80), Endpoint("192.0.2.2", 80))
    aws.create("example.com")
    table = {"type": "route53", "witness": False, **aws.options}
    keys = "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())
    zone = 'providers = ["embedded", "cloud"]'
    lab.write(
        lambda text: text.replace('["edge"]', "[]").replace("nameservers", f"{zone}\nnameservers"),
        f"\n[providers.cloud]\n{keys}",
    )
    async with api_of(lab) as api:
        lease = (await api.get("/v1/decisions")).body["lease"]
        assert lease == api.controller.publishing.fence
        assert lease > 10**9
        await until(lambda: api.controller.publishing.writers.over(API) == api.controller.publisher.generation)
        ended = await asyncio.to_thread(gslb, "plan", lab.file)
    assert (ended.code, ended.out.splitlines()[:3]) == (
        0,
        ["as decided by the running daemon", "", "example.com at cloud: nothing to write"],
    )


@pytest.mark.parametrize("answers", [told({}, 404), told({"services": {"api.": {"ttl": "long"}}}), told({}, 500)])
def test_a_daemon_that_does_not_tell_is_passed_over_with_a_word(
    site: Site, answers: Callable[[str], tuple[int, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of an older version, say; unless it was named."""
    site.decide(answer(site, (1, ISTANBUL)))
    with daemon(answers) as url:
        ended = site.plan("--api", url)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith("the running daemon does not say what it has decided: ")
        assert ended.err.endswith("    if it is of an older version: gslb upgrade CONFIG\n")
        monkeypatch.setattr("gslb.cli.decided.find_daemon", lambda *_: Daemon(url, None))
        found = site.plan()
    assert found.out.startswith("the running daemon does not say what it has decided: ")
    assert "as decided last, by a daemon that does not run now" in found.out
    assert ISTANBUL in found.out


def test_a_daemon_that_is_named_and_not_there_is_an_error(site: Site) -> None:
    ended = site.plan("--api", f"http://127.0.0.1:{free_port()}")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("no daemon at http://127.0.0.1:")


def test_a_socket_that_nobody_listens_on_any_more_is_as_good_as_none(site: Site) -> None:
    site.decide(answer(site, (1, ISTANBUL)))
    folder = site.file.with_suffix(".run")
    folder.mkdir()
    (folder / "api.sock").touch()
    assert site.plan().out.startswith("as decided last, by a daemon that does not run now\n")


def test_state_that_cannot_be_read_is_an_error(site: Site) -> None:
    site.file.with_suffix(".db").write_text("no database" * 100)
    ended = site.plan()
    assert (ended.code, ended.out) == (1, "")
    assert "gslb.db: cannot be read: file is not a database\n" in ended.err


def accept(site: Site) -> None:
    """The configuration as it is now is the one that a daemon runs, or ran, by."""
    run = site.file.with_suffix(".run")
    run.mkdir(exist_ok=True)
    keep_accepted(run, load(site.file.absolute()).sources)


def test_what_the_file_means_otherwise_since_it_was_decided_is_planned_by_the_file(site: Site) -> None:
    site.write(api={}, www={})
    accept(site)
    site.published()
    site.decide(*site.steerings().values())
    assert site.planned()[0] == 0
    site.write(api=BOTH, www={"hold": "5m"})
    code, plan = site.planned()
    assert (code, actions(plan)) == (2, {"api": "change"})
    assert (plan["decided_by"], plan["assumed"], plan["changed"]) == ("stored", [], [site.api])
    assert f"since the file has changed since the decision:\n    {site.api}\n" in site.plan().out


def test_so_it_is_where_the_file_is_named_by_a_relative_path(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(site)
    site.decide(*site.steerings().values())
    site.write(api=BOTH)
    monkeypatch.chdir(site.file.parent)
    assert json.loads(gslb("plan", site.file.name, "--json").out)["changed"] == [site.api]


def test_a_file_that_has_not_changed_is_not_read_as_it_was_before(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(site)
    site.decide(*site.steerings().values())
    monkeypatch.chdir(site.file.parent)
    monkeypatch.setattr("gslb.cli.decided.load", None)  # large ones take seconds
    assert json.loads(gslb("plan", site.file.name, "--json").out)["changed"] == []


def test_a_decision_stands_where_the_file_has_changed_in_something_else(site: Site) -> None:
    accept(site)
    site.decide(answer(site, (1, ANKARA)))
    site.write({"regions/istanbul/capacity": 5})
    assert site.planned()[1]["changed"] == []


def test_it_stands_too_where_nobody_knows_what_the_file_meant_before(site: Site) -> None:
    accept(site)
    (site.file.with_suffix(".run") / "accepted.json").write_text('{"gslb.toml": ""}')
    site.decide(answer(site, (1, ANKARA)))
    site.write(api=BOTH)
    assert site.planned()[1]["changed"] == []


def test_services_whose_addresses_only_a_daemon_knows_are_left_out(site: Site) -> None:
    site.write({"regions/ankara/endpoints": ["edge.example.net:443"]}, api={}, www={"regions": ["istanbul"]})
    code, plan = site.planned()
    assert (code, plan["unknown"], actions(plan)) == (2, [site.api], {"www": "add"})
    assert f"left out, since only a running daemon knows their addresses: {site.api}" in " ".join(
        site.plan().out.split()
    )
    site.decide(answer(site, (1, "198.51.100.1")))
    assert actions(site.planned()[1]) == {"api": "add", "www": "add"}

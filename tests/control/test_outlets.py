"""Each zone at each API provider is written by the keys of its table, and with what its services can do without."""

from pathlib import Path

import pytest

from gslb.config.configuration import Configuration
from gslb.config.providers import Drift
from gslb.control.outlets import writer_setups
from gslb.model.address import parse_address
from gslb.model.expressible import Feature
from gslb.model.names import ServiceName
from gslb.model.zone_guard import PlanLimits
from providers import BUILTIN
from tests.config.files import REMOVED, Files, Table, design

API = ServiceName("api.example.com.")
NET = ServiceName("www.example.net.")
TWICE: Table = {
    "providers/main": {"type": "acme"},
    "providers/spare": {"type": "acme", "account": "2"},
    "zones/example.com/providers": ["embedded", "main", "spare"],
    "zones/example.net": {"providers": ["main"]},
    "services/www.example.net": {"regions": ["istanbul"]},
    "services/api.example.com/rto": REMOVED,
}


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILTIN, "acme", "tests.config.acme:Acme")


@pytest.fixture
def files(tmp_path: Path, acme: None) -> Files:
    return Files(tmp_path)


def twice(files: Files, changes: Table | None = None) -> Configuration:
    return files.load(design(TWICE | (changes or {})))


def test_each_zone_is_written_at_each_of_its_providers_but_the_embedded_one(files: Files) -> None:
    setups = writer_setups(twice(files), 7)
    assert {setup.key: setup.services for setup in setups} == {
        ("main", "example.com."): {API},
        ("spare", "example.com."): {API},
        ("main", "example.net."): {NET},
    }
    assert {setup.fence for setup in setups} == {7}
    assert {setup.owner for setup in setups} == {"istanbul-1"}
    assert [getattr(setup.options, "account", None) for setup in setups] == ["", "2", ""]


def test_where_only_the_embedded_nameserver_answers_nothing_is_written(files: Files) -> None:
    assert writer_setups(files.load(design()), 7) == []


def test_a_zone_without_services_is_written_too_since_some_may_have_to_go(files: Files) -> None:
    setups = writer_setups(files.load(design({name: it for name, it in TWICE.items() if "www" not in name})), 7)
    assert {setup.key: setup.services for setup in setups}["main", "example.net."] == frozenset()


def test_the_keys_of_its_table_are_those_by_which_it_is_written(files: Files) -> None:
    table = {
        "type": "acme",
        "rate": 3.0,
        "burst": 4,
        "deadline": "7s",
        "drift": "repair",
        "drift_interval": "90s",
        "max_deletes": "50%",
        "witness": ["192.0.2.53:5353"],
    }
    changes = {"providers/main": table, "providers/spare/witness": False, "node/owner": "acme-gslb"}
    setup, spare, _ = writer_setups(twice(files, changes), 7)
    assert (setup.rate, setup.burst, setup.deadline) == (3.0, 4, 7.0)
    assert (setup.drift, setup.drift_interval) == (Drift.REPAIR, 90.0)
    assert setup.limits == PlanLimits(deletes=0.5)
    assert (setup.witness, setup.nameservers) == (True, (parse_address("192.0.2.53:5353"),))
    assert (spare.witness, spare.nameservers) == (False, ())
    assert setup.owner == "acme-gslb"


def test_services_do_without_what_they_have_agreed_to_and_all_without_servfail(files: Files) -> None:
    changes = {
        "services/www.example.net": {
            "regions": ["istanbul", "ankara"],
            "policy": ["weighted", "sticky"],
            "degrade": ["sticky"],
        },
        "providers/main": {"type": "acme", "lacks": ["sticky"]},
    }
    without = {setup.key: dict(setup.without) for setup in writer_setups(twice(files, changes), 7)}
    assert without == {
        ("main", "example.com."): {API: {Feature.SERVFAIL}},
        ("spare", "example.com."): {API: {Feature.SERVFAIL}},
        ("main", "example.net."): {NET: {Feature.STICKY, Feature.SERVFAIL}},
    }

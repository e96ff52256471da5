"""gslb geo: what is said of an address, for people and as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gslb.cli.main import app
from gslb.errors import ConfigError, GslbError
from tests.config.files import Files, design
from tests.geo.databases import CITY, asn_database, city_database, write

NAME = "services/api.example.com"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    city_database(tmp_path / "city.mmdb")
    asn_database(tmp_path / "asn.mmdb")
    return Files(tmp_path)


def configured(files: Files, **changes: Any) -> str:
    whole = {
        "geo/databases": ["city.mmdb", "asn.mmdb"],
        "vantages/uplink": {"areas": ["AS9121", "TR"]},
        f"{NAME}/policy": ["geo", "weighted"],
        "services/www.example.com": {"regions": ["ankara"], "probes": ["edge"]},
    }
    files.load(design(whole | changes))
    return str(files.path)


def said(*arguments: str) -> str:
    """What the command prints."""
    path, address, *rest = arguments
    result = CliRunner().invoke(app, ["geo", "--config", path, address, *rest], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.stdout.splitlines())


def view(*arguments: str) -> Any:
    return json.loads(said(*arguments, "--json"))


def test_it_says_what_each_database_knows_and_what_that_makes_of_the_client(files: Files) -> None:
    assert said(configured(files), "198.51.100.7").replace("  ", " ").split("\n\n")[0].splitlines() == [
        "198.51.100.7: TR-34, TR, continent:AS, AS9121, at 41.01, 28.98",
        "the same holds for all addresses with the same first 24 bits",
    ]
    databases, areas, services = said(str(files.path), "198.51.100.7").split("\n\n")[1:]
    rows = [line.split(maxsplit=3) for line in databases.splitlines()]
    assert [(row[0], row[2], row[3]) for row in rows] == [
        ("database", "prefix", "says"),
        ("city.mmdb", "/24", "TR-34, TR, continent:AS, at 41.01, 28.98"),
        ("asn.mmdb", "/24", "AS9121"),
    ]
    assert areas.splitlines() == [
        "areas of this configuration that it is in",
        "  AS9121: vantage point uplink",
        "  TR-34: region istanbul",
        "  TR: region ankara, vantage point uplink",
    ]
    assert services.splitlines() == [
        "services that part clients, and the rule that it is answered by",
        "  api.example.com: clients in TR-34",
    ]


def test_as_json_it_has_the_records_as_they_are(files: Files) -> None:
    found = view(configured(files), "203.0.113.7")
    assert found["location"] == {
        "continent": "AS",
        "country": "TR",
        "subdivisions": ["TR-06"],
        "asn": 34984,
        "coordinates": [39.93, 32.86],
    }
    assert (found["network"], found["address"], found["prefix"]) == ("203.0.113.7/32", "203.0.113.7", 25)
    assert [(entry["type"], entry["prefix"]) for entry in found["databases"]] == [
        ("GeoLite2-City", 25),
        ("GeoLite2-ASN", 24),
    ]
    assert found["databases"][0]["record"] == CITY["203.0.113.0/25"]
    assert found["databases"][1]["location"]["asn"] == 34984
    assert found["areas"] == [{"area": "TR", "regions": ["ankara"], "vantages": ["uplink"]}]
    assert found["services"] == [{"name": "api.example.com.", "area": "TR"}]


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("198.51.100.7", "TR-34"),
        ("::ffff:198.51.100.7", "TR-34"),
        ("2001:db8:1::7", "TR-34"),
        ("203.0.113.0/24", "TR"),
        ("192.0.2.1", "continent:EU"),
        ("100.64.0.1", None),
        ("10.1.2.3", "10.1.0.0/16"),
        ("10.1.2.0/24", "10.1.0.0/16"),
        ("10.0.0.0/8", None),
        ("fe80::1%eth0", None),
    ],
)
def test_the_rule_is_that_of_the_most_specific_area(files: Files, address: str, rule: str | None) -> None:
    areas = {"regions/ankara/areas": ["TR", "10.1.0.0/16"]}
    assert view(configured(files, **areas), address)["services"] == [{"name": "api.example.com.", "area": rule}]


def test_who_is_nowhere_is_in_no_area_and_answered_like_everybody_else(files: Files) -> None:
    lines = said(configured(files), "10.0.0.0/8").splitlines()
    assert lines[0] == "10.0.0.0/8, by its first address: location unknown"
    assert lines[-5:] == [
        "areas of this configuration that it is in",
        "  none",
        "",
        "services that part clients, and the rule that it is answered by",
        "  api.example.com: everybody else",
    ]


def test_without_databases_it_says_that_only_networks_can_be_told_apart(files: Files) -> None:
    changes = {"geo": {}, f"{NAME}/policy": ["weighted"], "regions/ankara/areas": ["10.1.0.0/16"]}
    lines = said(configured(files, **changes), "10.1.2.3").splitlines()
    assert lines == [
        "10.1.2.3: location unknown",
        "the same holds for all addresses",
        "",
        "no databases in [geo] databases, so only networks can be told apart",
        "",
        "areas of this configuration that it is in",
        "  10.1.0.0/16: region ankara",
    ]


def test_bytes_in_a_record_are_shown_as_digits(files: Files, tmp_path: Path) -> None:
    record = {"country": "TR", "raw": b"\x01\xff", "tags": ["a", b"\x02"]}
    write(tmp_path / "city.mmdb", "Mine", {"198.51.100.0/24": record})
    found = view(configured(files, **{f"{NAME}/policy": ["weighted"]}), "198.51.100.7")
    assert found["databases"][0]["record"] == {"country": "TR", "raw": "01ff", "tags": ["a", "02"]}


def test_text_of_a_database_is_no_markup(files: Files, tmp_path: Path) -> None:
    city_database(tmp_path / "[bold]x.mmdb")
    path = configured(files, **{"geo/databases": ["[bold]x.mmdb"]})
    assert "[bold]x.mmdb" in said(path, "198.51.100.7")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nowhere", "'nowhere' is no address and no network"),
        ("198.51.100.7/24", "'198.51.100.7/24' is no address and no network: 198.51.100.7/24 has host bits set"),
        ("198.51.100.0/33", "'198.51.100.0/33' is no address and no network"),
    ],
)
def test_what_is_no_address_is_refused_with_the_form_of_one(files: Files, address: str, message: str) -> None:
    with pytest.raises(GslbError, match=message.replace("(", r"\(")):
        said(configured(files), address)


def test_a_configuration_with_faults_is_refused(files: Files) -> None:
    files.path.write_text("[geo]\ndatabases = ['none.mmdb']\n")
    with pytest.raises(ConfigError, match=r"geo\.databases\[0\]: .*none\.mmdb does not exist"):
        said(str(files.path), "198.51.100.7")


def test_it_is_listed_in_the_help() -> None:
    output = CliRunner().invoke(app, ["--help"]).stdout
    assert "geo" in output

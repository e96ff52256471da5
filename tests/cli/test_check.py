"""What ``gslb check`` says beside the settings: what others have to publish, and who may do what."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gslb.cli.check import report
from gslb.config.load import load
from gslb.model.expressible import DEGRADABLE
from providers import BUILTIN
from tests.config.files import Table, design, to_toml


def checked(folder: Path, changes: Table) -> str:
    file = folder / "gslb.toml"
    file.write_text(to_toml(design(changes)))
    console = Console(file=StringIO(), width=200, highlight=False)
    console.print(report(load(file, {})))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Table:
    """Changes that publish the zone of the example at a provider as well."""
    monkeypatch.setitem(BUILTIN, "acme", "tests.config.acme:Acme")
    return {
        "providers/main": {"type": "acme", "floor": 20, "burst": 7},
        "zones/example.com/providers": ["embedded", "main"],
        "services/api.example.com/ttl": {"steady": "60s", "alert": "20s"},
        "services/api.example.com/rto": "3m",
    }


def table(said: str, title: str) -> list[list[str]]:
    """Cells of the table with this title, its head included."""
    lines = said.partition(f"\n{title}\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_it_prints_where_each_zone_is_published_and_how_fast_that_is(tmp_path: Path, acme: Table) -> None:
    assert table(checked(tmp_path, acme), "published at") == [
        ["zone", "provider", "type", "TTL floor", "everywhere in", "requests"],
        ["example.com", "embedded", "embedded", "0s", "100ms", "-"],
        ["example.com", "main", "acme", "20s", "1m", "5/s, 7 at once"],
    ]


def test_it_prints_how_providers_say_it_and_what_they_cannot(tmp_path: Path, acme: Table) -> None:
    gcp = {"type": "clouddns", "project": "shop", "anonymous": True}
    aws = {"type": "route53"}
    more = {"providers/gcp": gcp, "providers/aws": aws, "providers/idle": aws}
    everywhere = {"zones/example.com/providers": ["embedded", "main", "aws", "gcp"]}
    assert table(checked(tmp_path, acme | more | everywhere), "said by") == [
        ["provider", "weights", "one in another", "routing policies", "cannot say"],
        ["main", "up to 255", "yes", "-", "-"],
        ["gcp", "up to 1000", "no", "wrr, geo", ", ".join(sorted(DEGRADABLE))],
        [
            "aws",
            "up to 255",
            "yes",
            "simple, weighted, multivalue, geolocation, geoproximity, ip-based",
            "asns, servfail, sticky, withheld",
        ],
    ]
    assert "said by" not in checked(tmp_path, {})


def test_it_prints_the_table_of_a_provider_with_all_defaults(tmp_path: Path, acme: Table) -> None:
    said = checked(tmp_path, acme)
    for line in ("[providers.main]", '  type = "acme"', "  burst = 7", '  deadline = "10s"  # default', "  floor = 20"):
        assert f"{line}\n" in said


def test_recovery_and_drains_take_as_long_as_the_slowest_provider(tmp_path: Path, acme: Table) -> None:
    said = checked(tmp_path, acme)
    title = "recovery time: from a fault until no resolver answers with it"
    assert table(said, title)[1][:4] == ["api.example.com", "3m", "2m3.4s", "main"]
    assert table(said, "TTL")[1] == ["api.example.com", "60s", "20s", "20s (main)", "3m24s"]
    home = acme | {"zones/example.com/providers": ["embedded"]}
    assert table(checked(tmp_path, home), title)[1][:4] == ["api.example.com", "3m", "1m3.5s", "embedded"]
    assert table(checked(tmp_path, home), "TTL")[1] == ["api.example.com", "60s", "20s", "0s (embedded)", "1m24.2s"]


def test_it_prints_what_to_ask_the_parent_zone_for(tmp_path: Path) -> None:
    said = checked(tmp_path, {"zones/gslb.example.net": {"nameservers": {"ns1.gslb.example.net": ["2001:db8::53"]}}})
    assert (
        "zone gslb.example.net: ask the parent zone for\n"
        "  gslb.example.net. 3600 IN NS ns1.gslb.example.net.\n"
        "  ns1.gslb.example.net. 3600 IN AAAA 2001:db8::53\n"
    ) in said


def test_it_asks_nobody_for_what_a_configured_parent_should_have(tmp_path: Path) -> None:
    said = checked(tmp_path, {"zones/gslb.example.com": {"nameservers": {"ns.example.net": []}}})
    assert "zone example.com: ask" in said
    assert "zone gslb.example.com: ask" not in said
    assert "does not delegate to it" in said


def test_it_asks_nobody_for_zones_that_others_answer_for(tmp_path: Path, acme: Table) -> None:
    said = checked(tmp_path, acme | {"zones/example.net": {"providers": ["main"]}})
    assert "zone example.com: ask" in said
    assert "zone example.net: ask" not in said


def test_it_warns_of_a_user_that_this_machine_does_not_have(tmp_path: Path) -> None:
    said = checked(tmp_path, {"nameserver/user": "no-such"})
    assert "nameserver.user: this machine has no user 'no-such'" in said

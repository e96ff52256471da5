"""Istanbul and Ankara: who answers whom, asked with dig and a client subnet, healthy and with each region down."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site
from tests.geo.databases import CITY, asn_database, city, city_database
from tests.waiting import eventually

CLIENTS = {
    "TR-34": "198.51.100.0/24",
    "the rest of Turkey": "203.0.113.0/25",
    "the EU": "192.0.2.0/24",
    "elsewhere": "100.64.0.0/24",
    "unknown": "10.1.2.0/24",
    "TR-34 over IPv6": "2001:db8:1:2::/56",
}
POLICY = 'policy = [{ type = "geo", unknown = ["ankara"] }, "weighted"]'
BOTH = {"istanbul", "ankara"}
HEALTHY = {
    "TR-34": {"istanbul"},
    "the rest of Turkey": {"ankara"},
    "the EU": {"istanbul"},
    "elsewhere": BOTH,
    "unknown": {"ankara"},
    "TR-34 over IPv6": {"istanbul"},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("geo")
    city_database(folder / "city.mmdb")
    asn_database(folder / "asn.mmdb")
    made = Site(folder)
    text = made.config.read_text()
    text = text.replace("weight = 60", 'weight = 60\nareas = ["TR-34", "continent:EU"]')
    text = text.replace("weight = 40", 'weight = 40\nareas = ["TR"]')
    text = text.replace('policy = ["weighted"]', POLICY)
    made.config.write_text(text + '\n[geo]\ndatabases = ["city.mmdb", "asn.mmdb"]\n')
    try:
        made.start()
        eventually(lambda: answered(made) == HEALTHY)
        yield made
    finally:
        made.close()


def dig(site: Site, *options: str) -> list[str]:
    command = ["dig", "@127.0.0.1", "-p", str(site.dns), "+time=1", "+tries=1", *options, "api.example.com", "A"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout.splitlines()


def regions(site: Site, subnet: str) -> set[str]:
    """Who is in the answers to eight questions for clients of ``subnet``."""
    names = {site.istanbul.host: "istanbul", site.ankara.host: "ankara"}
    lines = [line for _ in range(8) for line in dig(site, f"+subnet={subnet}", "+short")]
    return {names[line] for line in lines if line in names}


def answered(site: Site) -> dict[str, set[str]]:
    return {who: regions(site, subnet) for who, subnet in CLIENTS.items()}


def test_each_client_is_answered_by_the_region_of_its_area(site: Site) -> None:
    assert answered(site) == HEALTHY


@pytest.mark.parametrize(("lost", "left"), [("istanbul", "ankara"), ("ankara", "istanbul")])
def test_with_a_region_down_the_other_answers_everybody_until_it_is_back(site: Site, lost: str, left: str) -> None:
    region = getattr(site, lost)
    region.close()
    eventually(lambda: answered(site) == {who: {left} for who in CLIENTS})
    region.open()
    eventually(lambda: answered(site) == HEALTHY)


@pytest.mark.parametrize(
    ("subnet", "scope"), [("198.51.100.0/24", 24), ("203.0.113.0/25", 25), ("2001:db8:1:2::/56", 48)]
)
def test_the_answer_says_for_which_subnet_it_holds(site: Site, subnet: str, scope: int) -> None:
    lines = [line for line in dig(site, f"+subnet={subnet}") if "CLIENT-SUBNET" in line]
    assert [line.rsplit("/", 1)[-1] for line in lines] == [str(scope)]


def test_without_a_subnet_the_address_of_the_resolver_decides(site: Site) -> None:
    names = {line for _ in range(8) for line in dig(site, "+short")}
    assert names == {site.ankara.host}  # loopback is nowhere


def test_explain_and_geo_say_what_dig_shows(site: Site) -> None:
    told = site.gslb("explain", "api.example.com", "--client", "198.51.100.7").stdout
    assert "client: 198.51.100.7/32, TR-34, TR, continent:AS, AS9121" in told
    assert "speaks for TR-34" in told
    (rule,) = site.json("explain", "api.example.com", "--client", "203.0.113.9")["rules"]
    assert rule["match"] == "TR"
    assert rule["answers"] == {"A": {site.ankara.host: 1.0}}
    every = site.json("explain", "api.example.com")["rules"]
    assert [each["match"] for each in every] == ["TR-34", "TR", "continent:EU", "unknown", "everybody else"]
    located = site.gslb("geo", "198.51.100.7")
    assert located.returncode == 0, located.stderr
    assert "TR-34" in located.stdout


def test_a_new_database_is_taken_and_a_broken_one_is_not(site: Site, tmp_path: Path) -> None:
    target = site.folder / "city.mmdb"
    moved = city_database(tmp_path / "new.mmdb", {**CITY, "198.51.100.0/24": city("AS", "TR", "06")})
    moved.replace(target)
    eventually(lambda: regions(site, "198.51.100.0/24") == {"ankara"})
    target.write_bytes(target.read_bytes()[:200])
    good = city_database(tmp_path / "good.mmdb")
    assert regions(site, "198.51.100.0/24") == {"ankara"}
    good.replace(target)
    eventually(lambda: regions(site, "198.51.100.0/24") == {"istanbul"})

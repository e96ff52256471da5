"""Zones are published where they say so; what each provider is like counts for the services of its zones only."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.config.configuration import Configuration
from gslb.config.delegation import asked_of_parents
from gslb.config.names import is_below
from gslb.config.publishing import Publishing
from gslb.model.names import ServiceName
from tests.config.files import REMOVED, Files, design

pytestmark = pytest.mark.usefixtures("acme")

API, SERVICE = ServiceName("api.example.com."), "services/api.example.com"
OURS = {"ns1.example.com.": ["127.0.0.1"]}
ACME = {"type": "acme"}
NESTED: dict[str, Any] = {
    "providers": {"main": ACME, "spare": {"type": "acme", "floor": 60}},
    "zones": {
        "example.com": {"nameservers": OURS},
        "eu.example.com": {"providers": ["main", "spare"]},
        "fra.eu.example.com": {"providers": ["embedded", "main"], "nameservers": {"ns.example.net": []}},
    },
    "services": {
        name: {"regions": ["istanbul"], "ttl": {"steady": "60s", "alert": "60s"}}
        for name in ("api.example.com", "eu.example.com", "api.eu.example.com", "*.fra.eu.example.com", "x.example.com")
    },
}


def published(*names: str, **options: Any) -> dict[str, Any]:
    """Changes that publish the zone of the example at ``names``, of which ``main`` has ``options``."""
    zone: dict[str, Any] = {"providers": list(names)}
    if "embedded" in names:
        zone["nameservers"] = OURS
    return {"providers/main": ACME | options, "zones/example.com": zone, f"{SERVICE}/rto": REMOVED}


def nested(files: Files) -> Configuration:
    return files.load(design(NESTED))


# Who publishes what


def test_a_zone_is_published_by_the_embedded_nameserver_unless_it_says_otherwise(files: Files) -> None:
    found = files.load(design({"zones/example.com/providers": REMOVED}))
    assert (found.published, found.elsewhere) == ({"example.com.": ("embedded",)}, frozenset())
    assert found.outlets == {("embedded", "example.com."): (API,)}


def test_of_nested_zones_a_service_is_in_the_innermost(files: Files) -> None:
    assert nested(files).outlets == {
        ("embedded", "example.com."): ("api.example.com.", "x.example.com."),
        ("main", "eu.example.com."): ("eu.example.com.", "api.eu.example.com."),
        ("spare", "eu.example.com."): ("eu.example.com.", "api.eu.example.com."),
        ("embedded", "fra.eu.example.com."): ("*.fra.eu.example.com.",),
        ("main", "fra.eu.example.com."): ("*.fra.eu.example.com.",),
    }


def test_the_embedded_nameserver_has_its_own_zones_only(files: Files) -> None:
    found = nested(files)
    assert [zone.origin for zone in found.zones] == ["example.com.", "fra.eu.example.com."]
    assert found.elsewhere == {"eu.example.com.", "api.eu.example.com."}


def test_a_zone_without_services_is_published_all_the_same(files: Files) -> None:
    changes = published("embedded") | {"zones/example.net": {"providers": ["main"]}}
    assert files.load(design(changes)).outlets["main", "example.net."] == ()


@given(st.lists(st.sampled_from(["a.", "b.a.", "c.b.a.", "b.", "d.c.b.a."]), unique=True), st.sampled_from("abcd"))
def test_the_zone_of_a_service_is_the_longest_that_it_is_below(origins: list[str], label: str) -> None:
    publishing = Publishing(dict.fromkeys(origins, ("embedded",)))
    for name in (f"{label}.c.b.a.", f"*.{label}.b.a.", f"{label}."):
        above = [origin for origin in origins if is_below(name, origin)]
        if above:
            assert publishing.zone_of(name) == max(above, key=len)
        else:
            with pytest.raises(KeyError):
                publishing.zone_of(name)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nameservers", {}),
        ("file", "example.com.zone"),
        ("transfer", {"allow": ["192.0.2.1"]}),
        ("ttl", "1h"),
        ("negative_ttl", "1m"),
    ],
)
def test_what_only_the_embedded_nameserver_reads_is_refused_where_it_is_not(
    files: Files, key: str, value: object
) -> None:
    problem = files.problem(design(published("main") | {f"zones/example.com/{key}": value}))
    assert problem.key == f'zones."example.com".{key}'
    assert problem.message == "is for the embedded nameserver, and this zone is published at main only"
    assert problem.remedy == 'remove it, or add "embedded" to providers'


@pytest.mark.parametrize(
    ("names", "message", "remedy"),
    [
        (["main", "mian"], "no provider 'mian'", "define [providers.mian], or: did you mean 'main'?"),
        (["main", "main"], "'main' is named twice", "name each provider once"),
        ([], "should have at least 1, not none", "expected: where the zone is published"),
        (["Main"], "should match pattern", "expected: where the zone is published"),
    ],
)
def test_a_zone_names_providers_that_there_are_each_once(
    files: Files, names: list[str], message: str, remedy: str
) -> None:
    (problem,) = files.problems(design({"providers/main": ACME, "zones/example.net": {"providers": names}}))
    assert problem.key.startswith('zones."example.net".providers')
    assert message in problem.message
    assert remedy in problem.remedy


def test_a_provider_with_faults_of_its_own_is_there_for_zones(files: Files) -> None:
    document = design({"providers/main": {"type": "acme", "rate": -1}, "zones/example.com": {"providers": ["main"]}})
    assert files.problem(document).key == "providers.main.rate"


@pytest.mark.parametrize(
    ("type_", "id_"), [("route53", "Z0123456789ABCDEFGHIJ"), ("clouddns", "my-zone")], ids=["route53", "clouddns"]
)
def test_what_a_provider_calls_zones_is_for_zones_that_are_published_there(files: Files, type_: str, id_: str) -> None:
    ours = {"providers": ["main"]}
    zones = {"zones/bücher.example": ours, "zones/example.net": ours}

    def told(*named: str) -> list[tuple[str, str]]:
        table = {"type": type_, "zones": dict.fromkeys(named, id_)}
        document = design({"providers/main": table, **zones})
        return [(problem.key, problem.remedy) for problem in files.problems(document)]

    document = design({"providers/main": {"type": type_, "zones": {"Bücher.example": id_}}, **zones})
    assert files.load(document).providers["main"].provider.zones == {"xn--bcher-kva.example.": id_}  # type: ignore[attr-defined]
    assert told("exmaple.net") == [('providers.main.zones."exmaple.net"', "did you mean 'example.net'?")]
    assert told("example.com") == [('providers.main.zones."example.com"', "did you mean 'example.net'?")]
    assert [key for key, _ in told("*.example.net")] == ["providers.main.zones"]


def test_a_provider_without_zones_is_warned_of(files: Files) -> None:
    found = [w for w in files.load(design({"providers/main": ACME})).warnings if w.key == "providers.main"]
    assert [(w.message, w.remedy) for w in found] == [
        ("no zone is published there", "name it in providers of a zone, or remove it")
    ]
    assert not [w for w in files.load(design(published("main"))).warnings if w.key == "providers.main"]


# Times


def test_a_ttl_is_no_shorter_than_the_strictest_provider_of_the_zone_takes(files: Files) -> None:
    alert = {f"{SERVICE}/ttl": {"steady": "60s", "alert": "59s"}}
    problem = files.problem(design(published("embedded", "main", floor=60) | alert))
    assert (problem.key, problem.message) == (
        'services."api.example.com".ttl.alert',
        "59s is below the floor of main (acme), 60s",
    )
    assert files.load(design(published("embedded", "main", floor=59) | alert)).topology.services
    other = {"providers/main": ACME | {"floor": 60}, "zones/example.net": {"providers": ["main"]}}
    assert files.load(design(other | alert | {f"{SERVICE}/rto": REMOVED})).topology.services


def test_a_ttl_that_follows_the_clock_is_for_the_embedded_nameserver_alone(files: Files) -> None:
    problem = files.problem(design(published("embedded", "main") | {f"{SERVICE}/ttl": "auto"}))
    assert problem.key == 'services."api.example.com".ttl'
    assert "a write at main (acme) whenever" in problem.message
    assert "at the embedded nameserver only" in problem.remedy
    assert files.load(design(published("embedded") | {f"{SERVICE}/ttl": "auto"})).topology.services


def test_recovery_takes_as_long_as_the_slowest_provider_of_the_zone(files: Files) -> None:
    at_home = files.load(design(published("embedded"))).rto[API].total
    both = files.load(design(published("embedded", "main", settling="2s", spreading="58s"))).rto[API]
    assert both.total == pytest.approx(at_home - 0.1 + 60.0)
    assert "publication 2s + propagation 58s" in str(both)
    elsewhere = {"providers/main": ACME, "zones/example.net": {"providers": ["main"]}}
    assert files.load(design(elsewhere)).rto[API].total == pytest.approx(at_home)


def test_a_recovery_time_that_the_slowest_provider_cannot_meet_is_refused_with_its_name(files: Files) -> None:
    problem = files.problem(design(published("embedded", "main") | {f"{SERVICE}/rto": "45s"}))
    assert problem.key == 'services."api.example.com".rto'
    assert problem.message.startswith("45s cannot be met at main (acme): interval 1s + ")
    assert problem.remedy.endswith(", or publish at faster providers only")


def test_a_gateway_outlasts_the_slowest_provider(files: Files) -> None:
    gateway = {"listen": ["127.0.1.1:8080"], "upstreams": ["127.0.1.1:9001"], "drain_delay": "40s"}

    def hasty(*names: str) -> list[str]:
        found = files.load(design(published(*names) | {"gateways/istanbul": gateway})).warnings
        return [warning.message for warning in found if warning.key == "gateways.istanbul.drain_delay"]

    assert hasty("embedded") == []
    assert hasty("embedded", "main") == ["40s is shorter than it takes until nobody is sent there any more, 1m33.5s"]


# Zones beside each other


def test_a_parent_is_asked_for_zones_of_the_embedded_nameserver_only(files: Files) -> None:
    found = asked_of_parents(nested(files).zones)
    assert [origin for origin, _ in found] == ["example.com."]


def test_a_service_of_a_zone_elsewhere_is_in_nobodys_way(files: Files) -> None:
    """Its name lies below a delegation of our zone, and that zone has records of its own there (glue)."""
    (files.folder / "db").write_text("$TTL 60\neu NS ns.eu\nns.eu A 192.0.2.1\n")
    changes = {
        "providers/main": ACME,
        "zones/example.com/file": "db",
        "services/api.eu.example.com": {"regions": ["istanbul"]},
    }
    assert "so it is not answered here" in files.problem(design(changes)).message
    assert files.load(design(changes | {"zones/eu.example.com": {"providers": ["main"]}})).elsewhere


@pytest.mark.parametrize(
    ("text", "warned"),
    [("", True), ("eu NS ns.example.net.\n", False), ("@ NS ns.example.net.\n", True), ("eu A 192.0.2.1\n", True)],
)
def test_a_zone_elsewhere_to_which_our_own_parent_does_not_lead_is_warned_of(
    files: Files, text: str, *, warned: bool
) -> None:
    (files.folder / "db").write_text(f"$TTL 60\n{text}")
    changes = {
        "providers/main": ACME,
        "zones/example.com/file": "db",
        "zones/eu.example.com": {"providers": ["main"]},
        "zones/x.eu.example.com": {"providers": ["main"]},
    }
    found = [w for w in files.load(design(changes)).warnings if w.key.startswith("zones")]
    assert [w.key for w in found] == ['zones."eu.example.com"'] * warned
    for warning in found:
        assert "example.com., which the embedded nameserver has, does not delegate to it" in warning.message
        assert warning.remedy == f"have in {files.folder / 'db'} the NS records that main has for it"

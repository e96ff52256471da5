"""Settings that the example does not show: what each form in the file means."""

from ipaddress import ip_address
from typing import Any

import pytest

from gslb.config.configuration import Configuration
from gslb.model.names import RegionName, ServiceName
from gslb.model.topology import AllDown, Region, Service
from tests.config.files import REMOVED, Files, design

NAME = "services/api.example.com"


def service(loaded: Configuration) -> Service:
    return loaded.topology.services[ServiceName("api.example.com.")]


def istanbul(loaded: Configuration) -> Region:
    return loaded.topology.regions[RegionName("istanbul")]


def test_weights_of_the_service_go_before_those_of_the_regions(files: Files) -> None:
    loaded = files.load(design({f"{NAME}/regions": {"ankara": 7, "istanbul": 0}}))
    assert [(member.region, member.weight) for member in service(loaded).members] == [("ankara", 7), ("istanbul", 0)]


@pytest.mark.parametrize(
    ("value", "mode", "fallback"),
    [
        ("all", AllDown.ALL, None),
        ("last-good", AllDown.LAST_GOOD, None),
        ("servfail", AllDown.SERVFAIL, None),
        ("nodata", AllDown.NODATA, None),
        ({"fallback": "ankara"}, AllDown.FALLBACK, "ankara"),
    ],
)
def test_when_all_down_is_a_word_or_names_a_region(
    files: Files, value: Any, mode: AllDown, fallback: str | None
) -> None:
    loaded = files.load(design({f"{NAME}/when_all_down": value}))
    assert (service(loaded).when_all_down, service(loaded).fallback) == (mode, fallback)
    shown = dict(loaded.sections)['services."api.example.com"'].model_dump(mode="json")
    assert shown["when_all_down"] == value


@pytest.mark.parametrize("value", ["all", "any", 1])
def test_require_is_all_any_or_a_number(files: Files, value: Any) -> None:
    assert service(files.load(design({f"{NAME}/require": value}))).require == value


def test_policy_steps_keep_their_order_and_may_be_tables(files: Files) -> None:
    loaded = files.load(design({f"{NAME}/policy": ["failover", {"type": "weighted"}]}))
    assert [step.name for step in service(loaded).policy] == ["failover", "weighted"]


def test_an_endpoint_may_publish_other_addresses_than_the_probed_one(files: Files) -> None:
    entries = [
        {"probe": "10.0.0.7:8080", "publish": ["203.0.113.7", "2001:db8::7"]},
        "[2001:db8::8]:443",
        "gw.example.net:443",
    ]
    endpoints = istanbul(files.load(design({"regions/istanbul/endpoints": entries}))).endpoints
    assert [endpoint.name for endpoint in endpoints] == [
        "istanbul/10.0.0.7:8080",
        "istanbul/[2001:db8::8]:443",
        "istanbul/gw.example.net:443",
    ]
    assert [endpoint.publish for endpoint in endpoints] == [
        (ip_address("203.0.113.7"), ip_address("2001:db8::7")),
        (ip_address("2001:db8::8"),),
        (),
    ]


def test_whole_numbers_are_good_enough_where_fractions_are_allowed(files: Files) -> None:
    region = istanbul(files.load(design({"regions/istanbul/location": [41, 29], "regions/istanbul/capacity": 0.5})))
    assert (region.location, region.capacity) == ((41.0, 29.0), 0.5)


def test_confirms_are_never_further_apart_than_regular_attempts(files: Files) -> None:
    loaded = files.load(design({"probes/edge/interval": "100ms", "probes/edge/timeout": "100ms"}))
    (edge,) = loaded.probes.values()
    assert (edge.pace.confirm, edge.pace.confirm_timeout) == (0.1, 0.1)


def test_names_are_absolute_and_in_lower_case(files: Files) -> None:
    moved = {"services/api.example.com": design()["services"]["api.example.com"]}
    loaded = files.load(design({"services": {"API.Example.COM.": moved["services/api.example.com"]}}))
    assert list(loaded.topology.services) == ["api.example.com."]


def test_a_gateway_takes_its_capacity_from_its_region(files: Files) -> None:
    tables = {"gateways/istanbul": {"listen": ["127.0.1.1:8080"], "upstreams": ["127.0.1.1:9001", "be.example.net:80"]}}
    (gateway,) = files.load(design(tables)).gateways.values()
    assert (gateway.region, gateway.capacity, gateway.health_path) == ("istanbul", 2000.0, "/healthz")
    assert [str(upstream) for upstream in gateway.upstreams] == ["127.0.1.1:9001", "be.example.net:80"]
    assert gateway.max_body == 64 * 1024 * 1024


WITHOUT_TCP: list[dict[str, Any]] = [
    {"type": "icmp"},
    {"type": "exec", "command": ["/bin/true"]},
    {"type": "dns", "name": "www.example.com"},
]


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"regions/izmir": {"endpoints": ["127.0.3.1:80"]}}, "regions.izmir", "no service uses this region"),
        ({"probes/port": {"type": "tcp"}}, "probes.port", "no service uses this probe"),
        ({f"{NAME}/hold": "5s"}, 'services."api.example.com".hold', "5s is shorter than ttl.steady, so 30s counts"),
        (
            {"probes/edge/hedge": "30ms", "probes/edge/fall": 1},
            "probes.edge.hedge",
            "has no effect: with fall = 1 there is nothing to confirm",
        ),
        (
            {"probes/edge/hedge": "500ms"},
            "probes.edge.hedge",
            "500ms has no effect: an attempt ends after 500ms",
        ),
        *(
            (
                {"probes/other": probe | {"tripwire": True}},
                "probes.other.tripwire",
                "watches a TCP connection to the endpoint, which this probe does not make",
            )
            for probe in WITHOUT_TCP
        ),
    ],
)
def test_what_is_hardly_meant_is_a_warning_with_a_remedy(
    files: Files, changes: dict[str, Any], key: str, message: str
) -> None:
    warnings = {warning.key: warning for warning in files.load(design(changes)).warnings}
    assert warnings[key].message == message
    assert warnings[key].remedy
    assert warnings[key].file == str(files.path)


@pytest.mark.parametrize(
    "changes",
    [
        {"hedge": "499ms"},
        {"tripwire": True},
        {"type": "dns", "path": REMOVED, "name": "www.example.com", "transport": "tcp", "tripwire": True},
        {"type": "dns", "path": REMOVED, "name": "www.example.com", "tripwire": False},
    ],
)
def test_a_hedge_or_tripwire_that_has_an_effect_is_no_warning(files: Files, changes: dict[str, Any]) -> None:
    warnings = files.load(design({f"probes/edge/{key}": value for key, value in changes.items()})).warnings
    assert [warning.key for warning in warnings if warning.key.startswith("probes")] == []


@pytest.mark.parametrize("probe", WITHOUT_TCP)
def test_two_signals_are_refused_where_there_is_no_connection_to_close(files: Files, probe: dict[str, Any]) -> None:
    wanted = {"tripwire": True, "evidence": "two-signals"}
    problem = files.problem(design({"probes/other": probe | wanted}))
    assert (problem.key, problem.remedy) == ("probes.other.evidence", "remove evidence, or probe over TCP")
    assert "other" in files.load(design({"probes/other": {"type": "tcp"} | wanted})).probes


def test_an_endpoint_at_a_link_local_address_is_refused_unless_its_probes_allow_it(files: Files) -> None:
    linked = {"regions/istanbul/endpoints": ["169.254.1.1:80", "gw.example.net:80"]}
    problem = files.problem(design(linked))
    assert problem.key == "regions.istanbul.endpoints"
    assert problem.message.startswith("169.254.1.1 is not probed: link-local")
    assert '"169.254.1.1/32"' in problem.remedy
    assert files.load(design(linked | {"probes/edge/allow": ["169.254.1.1/32"]})).topology.endpoints


def test_no_name_is_kept_from_probes(files: Files) -> None:
    assert "reference" in files.load(design({"probes/reference": {"type": "tcp"}})).probes


def test_a_region_that_only_serves_as_fallback_is_used(files: Files) -> None:
    changes = {
        "regions/izmir": {"endpoints": ["127.0.3.1:80"]},
        f"{NAME}/when_all_down": {"fallback": "izmir"},
    }
    assert [warning.key for warning in files.load(design(changes)).warnings] == ['services."api.example.com".policy']


def test_a_service_without_probes_is_a_warning_and_has_no_recovery_time(files: Files) -> None:
    document = design({f"{NAME}/probes": [], "probes": {}})
    del document["services"]["api.example.com"]["rto"]
    loaded = files.load(document)
    assert loaded.rto == {}
    assert 'services."api.example.com".probes' in [warning.key for warning in loaded.warnings]

"""What the file says of orders, TTLs that follow what may happen, and regions that come back."""

from typing import Any

import pytest

from gslb.config import publishing
from gslb.model.names import ServiceName
from gslb.model.safety import Limits
from gslb.model.topology import Service
from providers.base import Capabilities
from tests.config.files import REMOVED, Files, design

SERVICE, AT = "services/api.example.com", 'services."api.example.com"'
NEAREST = {f"{SERVICE}/policy": ["nearest"], f"{SERVICE}/rto": REMOVED}


def service(files: Files, changes: dict[str, Any]) -> Service:
    return files.load(design(changes)).topology.services[ServiceName("api.example.com.")]


# What people may order


def test_without_a_section_only_what_leaves_nobody_is_refused(files: Files) -> None:
    assert files.load(design()).limits == Limits()
    assert Limits() == Limits(0, 0, 0.0, 1.0, 72 * 3600.0)


def test_every_limit_is_as_stated(files: Files) -> None:
    stated = {
        "min_regions": 2,
        "min_endpoints": 5,
        "capacity_floor": "60%",
        "confirm_above": "25%",
        "max_override": "12h",
    }
    assert files.load(design({"safety": stated})).limits == Limits(2, 5, 0.6, 0.25, 12 * 3600.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_regions", -1),
        ("min_regions", 1001),
        ("min_endpoints", -1),
        ("min_endpoints", 1.5),
        ("capacity_floor", "101%"),
        ("confirm_above", "-1%"),
        ("max_override", "0s"),
        ("max_override", "soon"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(files: Files, key: str, value: object) -> None:
    assert files.problem(design({f"safety/{key}": value})).key == f"safety.{key}"


def test_a_limit_of_another_name_is_refused(files: Files) -> None:
    assert files.problem(design({"safety/min_region": 1})).remedy == "did you mean 'min_regions'?"


def test_a_floor_of_a_capacity_that_nobody_states_is_refused(files: Files) -> None:
    problem = files.problem(design({"safety/capacity_floor": "50%", "regions/ankara/capacity": REMOVED}))
    assert problem.key == "safety.capacity_floor"
    assert problem.message == "cannot be kept for api.example.com: ankara states no capacity"
    assert problem.remedy == "state capacity in [regions.ankara], or remove it"
    assert files.load(design({"safety/capacity_floor": "50%"})).limits.capacity_floor == 0.5


# How long answers are held


@pytest.mark.parametrize("value", ["auto", {"auto": True}])
def test_with_auto_the_horizon_is_when_an_answer_could_change(files: Files, value: object) -> None:
    found = service(files, {f"{SERVICE}/ttl": value})
    assert (found.ttl_steady, found.ttl_alert) == (30, 5)
    assert found.ttl_auto == pytest.approx(1.0 + 2 * 0.2)


def test_of_several_probes_the_fastest_sets_the_horizon(files: Files) -> None:
    slow = {"type": "tcp", "interval": "20s", "fall": 1}
    changes = {"probes/slow": slow, f"{SERVICE}/rto": REMOVED, f"{SERVICE}/ttl": "auto"}
    assert service(files, changes | {f"{SERVICE}/probes": ["slow"]}).ttl_auto == 20.0
    assert service(files, changes | {f"{SERVICE}/probes": ["slow", "edge"]}).ttl_auto == pytest.approx(1.4)


def test_where_nothing_is_probed_nothing_changes_by_itself(files: Files) -> None:
    changes = {f"{SERVICE}/probes": [], f"{SERVICE}/rto": REMOVED, f"{SERVICE}/ttl": "auto"}
    assert service(files, changes).ttl_auto == float("inf")


def test_stated_ttls_have_no_horizon(files: Files) -> None:
    assert service(files, {}).ttl_auto is None
    assert service(files, {f"{SERVICE}/ttl": {"steady": "20s", "auto": False}}).ttl_auto is None


def test_recovery_is_predicted_with_the_ttl_of_calm_times(files: Files) -> None:
    steady = files.load(design()).rto[ServiceName("api.example.com.")].total
    auto = files.load(design({f"{SERVICE}/ttl": "auto"})).rto[ServiceName("api.example.com.")].total
    assert auto == pytest.approx(steady - 30 + 5)


@pytest.mark.parametrize("value", ["30s", "Auto", ""])
def test_another_word_is_no_ttl(files: Files, value: str) -> None:
    problem = files.problem(design({f"{SERVICE}/ttl": value}))
    assert (problem.key, problem.message) == (f"{AT}.ttl", f"{value!r} is no TTL")


def test_a_ttl_below_what_a_provider_takes_is_refused(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "CAPABILITIES", Capabilities(0.1, 0.0, min_ttl=60))
    problem = files.problem(design({f"{SERVICE}/rto": REMOVED}))
    assert (problem.key, problem.message) == (f"{AT}.ttl.alert", "5s is below the floor of embedded, 60s")
    assert problem.remedy == "write at least 60s, or publish by another provider"
    fine = {f"{SERVICE}/rto": REMOVED, f"{SERVICE}/ttl": {"steady": "60s", "alert": "60s"}}
    assert service(files, fine).ttl_alert == 60


# How regions come back


def test_regions_come_back_at_once_by_themselves_unless_the_file_says_otherwise(files: Files) -> None:
    assert (service(files, {}).ramp, service(files, {}).manual) == (0.0, False)
    found = service(files, {f"{SERVICE}/ramp": "10m", f"{SERVICE}/failback": "manual"})
    assert (found.ramp, found.manual) == (600.0, True)
    assert not service(files, {f"{SERVICE}/failback": "auto"}).manual


@pytest.mark.parametrize(("key", "value"), [("ramp", "-1s"), ("ramp", 5), ("failback", "never"), ("failback", True)])
def test_what_is_no_way_to_come_back_is_refused(files: Files, key: str, value: object) -> None:
    assert files.problem(design({f"{SERVICE}/{key}": value})).key == f"{AT}.{key}"


def test_a_share_that_grows_means_nothing_where_the_place_of_the_client_decides(files: Files) -> None:
    """The policy has a fault of its own here, as there is no database of places."""
    found = {problem.key: problem for problem in files.problems(design(NEAREST | {f"{SERVICE}/ramp": "10m"}))}
    assert "has no effect beside nearest" in found[f"{AT}.ramp"].message
    assert found[f"{AT}.ramp"].remedy == "remove ramp, or nearest from the policy"
    keys = {problem.key for problem in files.problems(design(NEAREST | {f"{SERVICE}/failback": "manual"}))}
    assert keys == {f"{AT}.policy[0]"}


@pytest.mark.parametrize(("key", "value"), [("ramp", "10m"), ("failback", "manual")])
def test_a_single_region_answers_alone_however_it_comes_back(files: Files, key: str, value: str) -> None:
    problem = files.problem(design({f"{SERVICE}/regions": ["istanbul"], f"{SERVICE}/{key}": value}))
    assert problem.key == f"{AT}.{key}"
    assert "the service has one region, which answers alone" in problem.message

import pytest

from gslb.gateway.state import Condition, health_document
from gslb.model.observation import ServingState


def condition(*, draining: bool = False, healthy: int = 2, load: float = 0, capacity: float | None = None) -> Condition:
    return Condition(draining, load, capacity, errors=0.25, in_flight=3, healthy=healthy, total=2)


@pytest.mark.parametrize(
    ("healthy", "draining", "state"),
    [
        (0, False, ServingState.UNAVAILABLE),
        (0, True, ServingState.UNAVAILABLE),
        (1, False, ServingState.DEGRADED),
        (1, True, ServingState.DRAINING),
        (2, False, ServingState.OK),
        (2, True, ServingState.DRAINING),
    ],
)
def test_the_worst_of_what_is_true_is_said(healthy: int, draining: bool, state: ServingState) -> None:  # noqa: FBT001  a table row
    assert condition(healthy=healthy, draining=draining).state is state


def test_saturation_is_load_by_capacity_and_nothing_without_one() -> None:
    assert condition(load=300, capacity=200).saturation == 1.5
    assert condition(load=300).saturation == 0.0


def test_the_document_has_the_agreed_keys() -> None:
    document = health_document(condition(load=5, capacity=20), region="istanbul", version="1", config_version="c")
    assert document == {
        "schema": 1,
        "state": "ok",
        "region": "istanbul",
        "load": 5,
        "saturation": 0.25,
        "errors": 0.25,
        "in_flight": 3,
        "upstreams": {"healthy": 2, "total": 2},
        "version": "1",
        "config_version": "c",
    }

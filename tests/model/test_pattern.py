"""A wildcard service and the glob of the same spelling are kept apart."""

import pytest

from gslb.model.names import EndpointName, RegionName, ServiceName
from gslb.model.override import Kind, Override
from gslb.model.pattern import meant

WILDCARD, SHOP = ServiceName("*.apps.example.com."), ServiceName("shop.apps.example.com.")
IST, REGION = EndpointName("istanbul/192.0.2.1:80"), RegionName("istanbul")


def about(target: str, services: set[ServiceName]) -> set[ServiceName]:
    """Those that an order for ``target`` is about, of both services."""
    order = Override(Kind.OUT, meant(target, services), "ops", "test", 0.0)
    return {name for name in (WILDCARD, SHOP) if order.names(IST, REGION, name)}


@pytest.mark.parametrize("text", ["*.apps.example.com", "*.apps.example.com."])
def test_the_exact_name_of_a_wildcard_service_means_that_alone(text: str) -> None:
    assert about(text, {WILDCARD, SHOP}) == {WILDCARD}


def test_without_such_a_service_it_is_a_glob() -> None:
    assert about("*.apps.example.com", {SHOP}) == {WILDCARD, SHOP}


@pytest.mark.parametrize("glob", ["**.apps.example.com", "*apps*", "*"])
def test_other_globs_stand_for_wildcard_services_as_for_others(glob: str) -> None:
    assert about(glob, {WILDCARD, SHOP}) == {WILDCARD, SHOP}


@pytest.mark.parametrize("text", ["shop.apps.example.com", "istanbul", "*", "[*].apps.example.com", "*/192.0.2.1:80"])
def test_all_other_text_stays_as_it_is(text: str) -> None:
    assert meant(text, {WILDCARD, SHOP}) == text

"""Orders for a wildcard service, whose name looks like a glob, and for globs that look like one."""

import pytest

from gslb.errors import RefusedError
from gslb.model.names import ServiceName
from gslb.model.override import Kind
from tests.control.bench import service
from tests.control.office import Office

NAME = "*.apps.example.com"
WILDCARD, SHOP = ServiceName(f"{NAME}."), ServiceName("shop.apps.example.com.")


def both() -> Office:
    return Office(service(WILDCARD), service(SHOP)).open()


def ttls(office: Office) -> tuple[int, int]:
    return office.ttl(WILDCARD), office.ttl(SHOP)


def test_the_name_of_a_wildcard_service_is_that_service_alone_and_lifts_what_it_has_ordered() -> None:
    office = both()
    before = ttls(office)
    assert office.give(Kind.TTL, NAME, value=7).target == "[*].apps.example.com"
    assert ttls(office) == (7, before[1])
    assert [order.value for order in office.lift(NAME, Kind.TTL)] == [7]
    assert 7 not in ttls(office)


def test_an_order_is_limited_to_the_wildcard_service_by_its_name() -> None:
    office = both()
    office.give(Kind.OUT, "istanbul", service=NAME)
    assert office.answers(WILDCARD) == {"192.0.2.2": 1.0}
    assert len(office.answers(SHOP)) == 2
    office.lift("istanbul", Kind.OUT, service=NAME)
    assert len(office.answers(WILDCARD)) == 2


def test_other_globs_are_about_both() -> None:
    office = both()
    office.give(Kind.TTL, f"*{NAME}", value=7)
    assert ttls(office) == (7, 7)


def test_a_glob_that_was_given_before_there_was_such_a_service_can_be_lifted_by_what_was_said() -> None:
    first = Office(service(SHOP)).open()
    first.give(Kind.TTL, NAME, value=7)
    second = Office(service(WILDCARD), service(SHOP))
    second.orders.restore(first.book.overrides)
    second.open()
    assert [order.target for order in second.lift(NAME, Kind.TTL)] == [NAME]
    with pytest.raises(RefusedError):
        second.lift(NAME, Kind.TTL)

"""What was published has reached everybody when it has reached each who answers for that service."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.control.reach import Reach
from gslb.model.names import ServiceName

API, WWW = ServiceName("api.example.com."), ServiceName("www.example.net.")


def test_where_no_provider_has_it_our_nameservers_count() -> None:
    reach = Reach(lambda _: None)
    reach.confirmed, reach.ended = 7, 5
    assert (reach.confirmed_of(API), reach.ended_of(API)) == (7, 5)


@given(st.integers(0, 9), st.integers(0, 9))
def test_the_last_of_those_who_answer_counts(own: int, there: int) -> None:
    reach = Reach({API: there, WWW: there}.get)
    reach.configure({WWW})
    reach.confirmed = reach.ended = own
    assert reach.confirmed_of(API) == reach.ended_of(API) == min(own, there)
    assert reach.confirmed_of(WWW) == reach.ended_of(WWW) == there


@pytest.mark.parametrize("own", [0, 9])
def test_a_provider_that_has_confirmed_nothing_holds_up_its_own_services_only(own: int) -> None:
    reach = Reach({API: 0}.get)
    reach.confirmed = reach.ended = own
    assert reach.ended_of(API) == 0
    assert reach.ended_of(WWW) == own

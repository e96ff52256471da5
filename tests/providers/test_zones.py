"""Of all zones of an account the one is taken that the configuration means, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import HostedZone, RejectedError
from providers.zones import named, only

ORIGIN = "example.com."
REMEDY = "create one"
zones = st.lists(
    st.builds(HostedZone, st.just(ORIGIN), st.text("ABC", min_size=1), st.booleans()), unique_by=lambda zone: zone.id
)


@given(zones, st.booleans())
def test_a_zone_is_taken_only_if_no_other_of_its_kind_is_there(found: list[HostedZone], private: bool) -> None:  # noqa: FBT001
    fitting = [zone for zone in found if zone.private is private]
    if len(fitting) == 1:
        assert only(ORIGIN, found, REMEDY, private=private) == fitting[0]
        return
    with pytest.raises(RejectedError) as told:
        only(ORIGIN, found, REMEDY, private=private)
    if fitting:
        assert all(zone.id in told.value.message for zone in fitting)
        assert f'zones = {{ "example.com" = "{min(zone.id for zone in fitting)}" }}' in told.value.remedy
    elif found:
        assert f"private = {str(not private).lower()}" in told.value.remedy
    else:
        assert told.value.remedy == REMEDY


@given(st.builds(HostedZone, st.sampled_from([ORIGIN, "example.net."]), st.just("Z1"), st.booleans()), st.booleans())
def test_a_zone_that_is_named_is_taken_if_it_is_what_is_meant(zone: HostedZone, private: bool) -> None:  # noqa: FBT001
    if zone.origin == ORIGIN and zone.private is private:
        assert named(ORIGIN, zone, private=private) == zone
        return
    with pytest.raises(RejectedError, match="zone Z1 ") as told:
        named(ORIGIN, zone, private=private)
    assert ("the id for example.com" if zone.origin != ORIGIN else "write private = ") in told.value.remedy

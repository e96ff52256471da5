"""Names: wildcards where they may be, which zone a name is in, and which wildcard answers for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.config.names import absolute, closest, is_below, suffixes, wildcard_above

LABELS = st.lists(st.sampled_from("abc"), min_size=0, max_size=4)
BELOW = LABELS.map(lambda labels: ".".join([*labels, "z."]))


@pytest.mark.parametrize("text", ["*.example.com", "*.Example.COM."])
def test_a_wildcard_is_a_name_where_it_is_allowed_only(text: str) -> None:
    assert absolute(text, wildcard=True) == "*.example.com."
    with pytest.raises(ValueError, match="cannot be used here"):
        absolute(text)


@pytest.mark.parametrize("text", ["a.*.example.com", "a*.example.com", "*a.example.com", "*.*.example.com", "**.b"])
def test_an_asterisk_is_the_whole_leftmost_label_or_nowhere(text: str) -> None:
    with pytest.raises(ValueError, match=r"\* where it is no wildcard"):
        absolute(text, wildcard=True)


@given(BELOW, st.sets(BELOW))
def test_the_closest_zone_is_the_longest_that_encloses_a_name(name: str, origins: set[str]) -> None:
    enclosing = [origin for origin in origins if is_below(name, origin)]
    assert closest(name, origins) == max(enclosing, key=len, default=None)
    assert all(is_below(name, suffix) for suffix in list(suffixes(name))[:-1])


@given(BELOW.filter(lambda name: name != "z."), st.sets(BELOW))
def test_the_wildcard_of_a_name_is_directly_below_its_closest_encloser(name: str, others: set[str]) -> None:
    owners = {"z."} | {owner for owner in others if not is_below(owner, name)}
    encloser = wildcard_above(name, owners).removeprefix("*.")
    assert is_below(name, encloser)
    assert name != encloser
    assert any(is_below(owner, encloser) for owner in owners)
    nearer = [s for s in suffixes(name) if len(encloser) < len(s) < len(name)]
    assert not any(is_below(owner, suffix) for suffix in nearer for owner in owners)

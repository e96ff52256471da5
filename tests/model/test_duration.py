"""Durations are read as people write them and written as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.duration import format_duration, parse_duration


@given(st.integers(0, 400 * 86_400_000))
def test_a_formatted_duration_reads_back_to_the_millisecond(millis: int) -> None:
    assert parse_duration(format_duration(millis / 1000)) == pytest.approx(millis / 1000, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("1.5s", 1.5), ("2m", 120), ("24h", 86400), ("7d", 604800), ("1h30m", 5400), (" 1h 30m ", 5400)],
)
def test_each_unit_and_their_sequences_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.5, "500ms"), (1.5, "1.5s"), (60, "1m"), (60.25, "1m250ms"), (5400, "1h30m"), (90061, "1d1h1m1s")],
)
def test_a_duration_is_written_in_its_largest_whole_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_negative_duration_is_written_with_its_sign() -> None:
    assert format_duration(-90) == "-1m30s"


@pytest.mark.parametrize("text", ["", "  ", "5", "s", "5 parsecs", "-5s", "1e3s", "1.s", "1..5s", "5S", "1h30"])
def test_anything_else_is_refused_with_the_text_and_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write a number with a unit, as in 500ms") as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["1 2s", "5 m s", "1 . 5s", "٣s", "9" * 400 + "s"])
def test_a_blank_stands_between_parts_only(text: str) -> None:
    """ "1 2s" is read as 12 s, "5 m s" as 5 ms; 400 nines as infinity."""
    with pytest.raises(ValueError, match="write a number with a unit"):
        parse_duration(text)

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.gateway.meter import SPAN, Meter

times = st.lists(st.floats(0, 60), max_size=60).map(sorted)


@given(times, st.floats(0, 30))
def test_a_meter_counts_the_events_of_its_span_and_no_others(events: list[float], later: float) -> None:
    meter = Meter(0.0)
    for event in events:
        meter.add(event)
    now = (events[-1] if events else 0.0) + later
    oldest = math.floor(now) - SPAN + 1
    assert meter.count(now) == sum(event >= oldest for event in events)


@given(st.integers(1, 50), st.integers(1, 40))
def test_a_steady_stream_is_measured_at_its_rate(per_second: int, seconds: int) -> None:
    meter = Meter(100.0)
    for event in range(per_second * seconds):
        meter.add(100.0 + event / per_second)
    assert meter.rate(100.0 + seconds - 1e-6) == pytest.approx(per_second, rel=1e-4)


def test_a_single_early_event_is_no_burst() -> None:
    meter = Meter(100.0)
    meter.add(100.001)
    assert meter.rate(100.002) == 1.0


def test_silence_brings_the_rate_to_nothing() -> None:
    meter = Meter(0.0)
    meter.add(0.0)
    assert meter.rate(SPAN - 0.5) > 0
    assert meter.rate(float(SPAN)) == 0

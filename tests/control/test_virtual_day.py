"""A day on a virtual clock: noise moves no traffic, and a lasting shift of latency moves it once."""

import math
from random import Random

import pytest

from gslb.control.check import Check
from gslb.model.observation import CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace, spread
from gslb.model.step import Thresholds
from tests.control.bench import Bench
from tests.control.virtual import Driver, timed_out

ISTANBUL = ["192.0.2.1:80", "192.0.2.2:80"]
ANKARA = ["192.0.2.3:80", "192.0.2.4:80"]
REGIONS = {"istanbul": ISTANBUL, "ankara": ANKARA}
HOUR = 3600
PACE = Pace(thresholds=Thresholds(fall=5))
"""Of two percent of loss three in a row are not rare enough for a day (docs/probes.md); what scores make of it is."""


class Noise:
    """Latency with a jitter of 20 %, two percent of loss; from ``shift_at`` on twice the latency to Ankara."""

    def __init__(self, seed: int, shift_at: float = math.inf) -> None:
        self._random, self._shift_at = Random(seed), shift_at

    def see(self, key: CheckKey, start: float, limit: float) -> Observation:
        if self._random.random() < 0.02:
            return timed_out(limit)
        middle = 0.080 if key.target in ANKARA and start >= self._shift_at else 0.040
        return Observation(ok=True, latency=max(0.001, self._random.gauss(middle, middle / 5)))


def play(noise: Noise, seconds: int) -> Bench:
    """A result of each endpoint every second, without the machinery that makes them: or a day would take too long."""
    bench = Bench(pace=PACE, regions=REGIONS).start()
    phases = [(key, index / 4) for index, key in enumerate(bench.engine.checks)]
    for second in range(seconds):
        for key, phase in phases:
            bench.engine.observe(ProbeResult(key, second + phase, noise.see(key, second + phase, PACE.timeout)))
        bench.engine.review(second + 1)
        bench.engine.tick(second + 1)
    return bench


def test_a_day_of_noise_moves_no_traffic() -> None:
    bench = play(Noise(1), 24 * HOUR)
    assert [change.trigger for change in bench.told.changes[1:]] == []
    assert set(bench.answers().values()) == {0.5}


@pytest.mark.acceptance
def test_a_region_that_takes_twice_as_long_from_noon_on_gets_less_once_and_for_the_rest_of_the_day() -> None:
    bench = play(Noise(2, shift_at=12 * HOUR), 24 * HOUR)
    (change,) = bench.told.changes[1:]
    assert change.trigger == "score"
    assert 12 * HOUR < change.at < 12 * HOUR + 120
    assert bench.answers()["192.0.2.1"] == pytest.approx(4 / 7)
    assert bench.answers()["192.0.2.3"] == pytest.approx(3 / 7)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.acceptance) for seed in range(1, 5))])
def test_so_it_is_with_the_real_pace_of_probes(seed: int) -> None:
    """Twenty minutes each: attempts that time out are confirmed, and results come when they would."""
    bench = Bench(pace=PACE, regions=REGIONS).start()
    driver = Driver(Noise(seed, shift_at=900.0).see, bench.engine.observe, bench.engine.review)
    for index, key in enumerate(bench.engine.checks):
        driver.add(Check(key, PACE, spread(index, 4, PACE.interval)))
    driver.run(900.0)
    assert len(bench.told.changes) == 1
    driver.run(1200.0)
    assert [change.trigger for change in bench.told.changes[1:]] == ["score"]

"""What detection makes of lossy, flapping and dead endpoints, over virtual minutes and many seeds."""

from collections.abc import Callable
from random import Random

import pytest

from gslb.control.check import Check
from gslb.model.combine import Health
from gslb.model.distribution import distribution
from gslb.model.names import EndpointName
from gslb.model.observation import CheckKey, Observation, ProbeResult
from gslb.model.pacing import Pace, spread
from gslb.model.steering import RecordType
from gslb.model.step import Condition, ProbeState, step
from tests.control.bench import ANKARA, API, ISTANBUL, Bench, key, service
from tests.control.virtual import FAST, REFUSED, Driver, timed_out

LOSS = 1 / 50
MINUTES = 10
SEEDS = 1000
CALM = ProbeState(Condition.UP, successes=2, since=0.0)
PACE = Pace()
A = RecordType.A


class Lossy:
    """A healthy endpoint behind a path that loses one probe in fifty, from calm to the first transition."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._lose_next = False
        self._state = CALM
        self._check = Check(key(ISTANBUL), PACE, 0.0)
        self.went_down = False

    def play(self, until: float) -> "Lossy":
        while not self.went_down and self._calm(until):
            self._lose_next = True
            driver = Driver(self._see, self._count)
            driver.add(self._check)
            driver.step()
            while not self._over(driver):
                driver.step()
        return self

    def _over(self, driver: Driver) -> bool:
        return self.went_down or (driver.in_flight == 0 and self._state == CALM)

    def _calm(self, until: float) -> bool:
        """Go on to the next lost attempt. Each success finds and leaves the same state, so there is nothing to step."""
        while self._random.random() >= LOSS:
            attempt = self._check.start(self._check.due)
            assert attempt is not None
            self._check.finish(attempt, FAST)
            if self._check.due > until:
                return False
        return True

    def _see(self, _key: CheckKey, _start: float, limit: float) -> Observation:
        lost, self._lose_next = self._lose_next or self._random.random() < LOSS, False
        return timed_out(limit) if lost else FAST

    def _count(self, result: ProbeResult) -> ProbeState:
        self._state = step(self._state, result.observation, result.ended, PACE.thresholds)
        self.went_down |= self._state.condition is Condition.DOWN
        return self._state


def test_a_success_leaves_a_calm_check_as_it_was() -> None:
    assert step(CALM, FAST, 17.0, PACE.thresholds) == CALM


def test_one_lost_probe_in_fifty_hardly_ever_takes_a_healthy_endpoint_out() -> None:
    downs = sum(Lossy(seed).play(MINUTES * 60).went_down for seed in range(SEEDS))
    assert 0 < downs <= 0.03 * SEEDS, f"{downs} of {SEEDS} runs saw a transition"


def test_an_endpoint_that_loses_half_of_all_probes_goes_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.control.test_detection.LOSS", 0.5)
    assert all(Lossy(seed).play(60).went_down for seed in range(20))


HOLD = 60.0
SICK_FROM, SICK_UNTIL = 10.0, 70.0
FASTER = Pace(interval=0.2, timeout=0.15, confirm=0.05, confirm_timeout=0.1)


class TwoRegions:
    """Istanbul flaps (2 s down, 2 s up) for a minute, Ankara is well, and one service answers with both."""

    def __init__(self, pace: Pace, failure: Callable[[float], Observation]) -> None:
        self.bench = Bench(service(hold=HOLD), pace=pace).start()
        self._failure = failure
        self.driver = Driver(self._see, self.bench.engine.observe, self.bench.engine.tick)
        for index, target in enumerate((ISTANBUL, ANKARA)):
            self.driver.add(Check(key(target), pace, spread(index, 2, pace.interval)))

    def _see(self, key: CheckKey, start: float, limit: float) -> Observation:
        flapping = key.target == ISTANBUL and SICK_FROM <= start < SICK_UNTIL
        return self._failure(limit) if flapping and (start - SICK_FROM) % 4 < 2 else FAST

    def shares(self) -> list[tuple[float, float]]:
        """When the decision changed, and Istanbul's share of the answers from then on."""
        seen = [
            (c.at, float(distribution(c.decision.steering, A).get("192.0.2.1", 0))) for c in self.bench.told.changes
        ]
        return [now for now, before in zip(seen, [(0.0, -1.0), *seen], strict=False) if now[1] != before[1]]


@pytest.mark.parametrize("failure", [timed_out, lambda _: REFUSED], ids=["black hole", "refused"])
@pytest.mark.parametrize(("pace", "rises"), [(Pace(), False), (FASTER, True)], ids=["default", "200ms"])
def test_a_flapping_endpoint_stays_out_until_it_has_been_steady_for_hold(
    pace: Pace, failure: Callable[[float], Observation], *, rises: bool
) -> None:
    regions = TwoRegions(pace, failure)
    regions.driver.run(200)
    last_failure = regions.bench.engine.standings[API, EndpointName(f"istanbul/{ISTANBUL}")].last_failure
    assert last_failure is not None
    (first, half), (out, none), (back, again) = regions.shares()
    assert (half, none, again) == (0.5, 0.0, 0.5)
    assert first < 1 + pace.timeout
    assert SICK_FROM < out < SICK_FROM + 2
    assert SICK_UNTIL - 4 < last_failure < SICK_UNTIL
    assert back == pytest.approx(last_failure + HOLD)
    ups = [transition for transition in regions.bench.told.transitions[2:] if transition.after is Health.UP]
    assert (len(ups) > 5) is rises

"""What `gslb check` predicts for a gateway that falls silent is not exceeded by what the engine does."""

import pytest

from gslb.model.combine import Health
from gslb.model.pacing import Pace
from gslb.model.rto import predict_rto
from gslb.model.step import Thresholds
from tests.control.bench import HERE, REGIONS, TEN
from tests.control.electorate import site

REFERENCES = ("ref-1:443", "ref-2:443")
FALLEN = 20.0
PHASES = 20
ROUND_TRIPS = 0.06
"""seconds for what the prediction cannot know: the latency of the gateway, and that of those who are asked about it"""

HUNDRED = {region: [f"127.0.{number}.{last}:8080" for last in range(50)] for number, region in enumerate(TEN)}

ONE, TWO = Thresholds(fall=1), Thresholds(fall=2)
PACES = {
    "default": Pace(),
    "one failure": Pace(thresholds=ONE),
    "one failure, short confirming": Pace(2.0, 1.0, 0.1, 0.2, thresholds=ONE),
    "one failure, long confirming": Pace(2.0, 0.1, 0.5, 0.3, thresholds=ONE),
    "hedged": Pace(hedge=0.03),
    "hedged, long limit": Pace(2.0, 2.0, 0.1, 0.2, hedge=0.03, thresholds=TWO),
    "hedged, three failures, long limit": Pace(5.0, 2.0, 0.2, 0.5, hedge=0.03),
    "long interval": Pace(5.0, 0.5, 0.2, 0.5),
    "long interval, short confirming": Pace(1.0, 0.5, 0.05, 0.1, thresholds=TWO),
}


def detection(pace: Pace, phase: float, references: tuple[str, ...], regions: dict[str, list[str]]) -> float:
    """Seconds from the moment at which one gateway falls silent until it is known to be down."""
    played = site(pace, vantages={HERE: references}, regions=regions)
    fallen = FALLEN + phase * pace.interval
    played.run(fallen)
    played.dead.add(next(iter(regions.values()))[0])
    played.run(fallen + 30)
    (at,) = [t.at for t in played.bench.told.transitions if t.after is Health.DOWN]
    return at - fallen


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
@pytest.mark.parametrize(
    ("references", "regions"),
    [
        ((), REGIONS),
        (REFERENCES, REGIONS),
        ((), TEN),
        (REFERENCES, TEN),
        pytest.param((), HUNDRED, marks=pytest.mark.acceptance),  # a minute of processor time
    ],
    ids=["alone", "references", "ten", "references and ten", "hundred"],
)
def test_a_gateway_is_out_within_the_predicted_time(
    pace: Pace, references: tuple[str, ...], regions: dict[str, list[str]]
) -> None:
    targets = sum(len(found) for found in regions.values())
    witnesses = len(references) + (0 if regions is REGIONS else targets)
    slowest = max(detection(pace, phase / PHASES, references, regions) for phase in range(PHASES))
    predicted = predict_rto(pace, 0.0, 0.0, 0.0, witnesses=witnesses).total
    assert slowest <= predicted + ROUND_TRIPS
    assert slowest > 0.7 * predicted

"""Recovery time is predicted term by term, and a stated one that cannot be met is refused with the arithmetic."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.model.names import ServiceName
from gslb.model.pacing import Pace
from gslb.model.rto import Rto, predict_rto
from gslb.model.step import Thresholds
from tests.config.files import DESIGN, REMOVED, Files, design

SERVICE = "services/api.example.com"
NAME = ServiceName("api.example.com.")
ONE = Thresholds(fall=1)
ARITHMETIC = (
    "interval 1s + timeout 500ms + 2 x confirm 400ms + confirm_timeout 500ms + publication 100ms + ttl.steady 30s"
    " + whole seconds 1s"
)


def test_the_example_of_the_design_meets_its_own_figure(files: Files) -> None:
    rto = files.load(DESIGN).rto[NAME]
    assert str(rto) == f"{ARITHMETIC} = 33.5s"
    assert rto.total == pytest.approx(33.5)


def test_five_seconds_are_refused_with_every_term(files: Files) -> None:
    problem = files.problem(DESIGN.replace('rto     = "45s"', 'rto     = "5s"'))
    assert (problem.file, problem.key) == (str(files.path), 'services."api.example.com".rto')
    assert problem.message == f"5s cannot be met: {ARITHMETIC} = 33.5s"
    assert problem.remedy == "state at least 33.5s, or lower ttl.steady, interval or timeout"


def test_the_predicted_figure_itself_can_be_stated_and_a_millisecond_less_cannot(files: Files) -> None:
    assert files.load(design({f"{SERVICE}/rto": "33.5s"})).rto
    assert "33.499s cannot be met" in files.problem(design({f"{SERVICE}/rto": "33.499s"})).message


def test_the_slowest_probe_counts(files: Files) -> None:
    slow = {"type": "tcp", "interval": "10s", "fall": 1}
    loaded = files.load(design({"probes/slow": slow, f"{SERVICE}/probes": ["edge", "slow"]}))
    assert (
        str(loaded.rto[NAME])
        == "interval 10s + timeout 500ms + publication 100ms + ttl.steady 30s + whole seconds 1s = 41.6s"
    )


def test_without_probes_no_recovery_time_can_be_stated(files: Files) -> None:
    problem = files.problem(design({f"{SERVICE}/probes": []}))
    assert (problem.key, problem.message) == (
        'services."api.example.com".rto',
        "cannot be met: the service has no probes",
    )
    assert problem.remedy == "give it probes, or remove rto"


@pytest.mark.parametrize(
    ("pace", "publication", "propagation", "ttl", "expected"),
    [
        (Pace(), 0.1, 0.0, 30.0, 1 + 0.5 + 2 * 0.2 + 0.5 + 0.1 + 30 + 1),
        (Pace(thresholds=Thresholds(fall=1)), 0.0, 0.0, 0.0, 1 + 0.5),
        (
            Pace(2.0, 1.0, 0.5, 0.25, thresholds=Thresholds(fall=5)),
            3.0,
            60.0,
            300.0,
            2 + 1 + 4 * 0.5 + 0.25 + 3 + 60 + 300 + 1,
        ),
        (Pace(hedge=0.03), 0.0, 0.0, 0.0, 1 + 0.03 + 2 * 0.2 + 0.5),
        (Pace(hedge=0.03, thresholds=Thresholds(fall=1)), 0.0, 0.0, 0.0, 1 + 0.5),
        (Pace(hedge=0.7), 0.0, 0.0, 0.0, 1 + 0.5 + 2 * 0.2 + 0.5),
        (Pace(2.0, 2.0, 0.1, 0.2, hedge=0.03), 0.0, 0.0, 0.0, 2 + 2),
    ],
)
def test_every_term_is_in_the_sum(
    pace: Pace, publication: float, propagation: float, ttl: float, expected: float
) -> None:
    assert predict_rto(pace, publication, propagation, ttl).total == pytest.approx(expected)


@pytest.mark.parametrize(
    ("pace", "shown"),
    [
        (Pace(), "interval 1s + timeout 500ms + 2 x confirm 400ms + confirm_timeout 500ms = 2.4s"),
        (Pace(thresholds=ONE), "interval 1s + timeout 500ms + witness 700ms = 2.2s"),
        (Pace(2.0, 1.0, 0.1, 0.2, thresholds=ONE), "interval 2s + timeout 1s + witness 1s = 4s"),
        (
            Pace(hedge=0.03),
            "interval 1s + hedge 30ms + 2 x confirm 400ms + confirm_timeout 500ms + witness 700ms = 2.63s",
        ),
    ],
)
def test_silence_that_must_be_witnessed_costs_one_more_attempt_where_nothing_is_confirmed_after_it(
    pace: Pace, shown: str
) -> None:
    assert str(predict_rto(pace, 0.0, 0.0, 0.0, witnesses=10)) == shown


FAST = {"probes/edge/fall": 1, "services/api.example.com/rto": REMOVED}


@pytest.mark.parametrize(
    ("changes", "witnessed"),
    [
        ({}, False),
        ({"vantages/here/references": ["192.0.2.53:53"]}, True),
        ({"vantages/here/references": []}, False),
        ({"regions/istanbul/endpoints": [f"127.0.1.{n}:80" for n in range(1, 5)]}, True),
        ({"regions/istanbul/endpoints": [f"127.0.1.{n}:80" for n in range(1, 4)]}, False),
        (
            {
                "regions/istanbul/endpoints": [f"127.0.1.{n}:80" for n in range(1, 8)],
                "services/api.example.com/regions": ["istanbul"],
            },
            False,
        ),
        (
            {
                "regions/izmir/endpoints": [f"127.0.3.{n}:80" for n in range(1, 8)],
                "services/www.example.com": {"regions": ["izmir"]},
            },
            False,
        ),
    ],
    ids=["two", "references", "no reference", "five", "four", "one region", "five that are not probed"],
)
def test_silence_must_be_witnessed_where_vantage_points_may_doubt_themselves(
    files: Files, changes: dict[str, Any], *, witnessed: bool
) -> None:
    assert ("witness" in str(files.load(design(FAST | changes)).rto[NAME])) is witnessed


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**6).map(lambda ms: ms / 1000)), max_size=5))
def test_terms_of_nothing_are_not_shown(terms: list[tuple[str, float]]) -> None:
    left, _, total = str(Rto(tuple(terms))).rpartition(" = ")
    assert total
    assert left.count("+") == max(0, sum(1 for _, seconds in terms if seconds) - 1)

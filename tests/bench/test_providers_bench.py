"""The benchmark of providers: it measures what it says, and what becomes of its figures."""

import pytest

from tests.bench.providers.bare import bare
from tests.bench.providers.changes import Figures, changes, stand_in
from tests.bench.providers.report import Measured, changes_table, courses_table, document, verdict
from tests.bench.providers.throttled import Course, Load

CHANGE = Figures(written=0.003, settled=0.505, confirmed=0.508, waited=0.006, between=0.002, processor=0.006)
LATER = Figures(written=0.004, settled=0.510, confirmed=0.520, waited=0.010, between=0.010, processor=0.020)
MEASURED = {"Route 53": Measured([CHANGE, CHANGE, LATER], [(0.01, 0.003)] * 3)}


def rows(table: str) -> dict[str, str]:
    """First and second column."""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    return {cell[0]: cell[1] for cell in cells}


def test_a_column_has_medians_and_the_largest() -> None:
    told = rows(changes_table(MEASURED))
    assert told["to settled, ms"] == "505.0, 510.0"
    assert told["processor time, ms"] == "6.0, 20.0"
    assert told["times that of the SDK alone"] == "2.00"
    assert told["our own (at most 20), ms"] == "8.0, 30.0: met"


def test_a_median_beyond_the_limit_is_a_target_missed() -> None:
    assert verdict(Measured([LATER], [(0.01, 0.003)])) == "missed"


def test_what_an_account_with_few_requests_makes_of_a_failover_is_told() -> None:
    told = rows(courses_table(Load(), {"Route 53": Course(118, 120, 0, (20, 20), 1, 20.1, 117.4, 119.6)}))
    assert told["20 zones, 1 a second, as configured"] == "Route 53"
    assert [told[name] for name in ("requests taken", "by the arithmetic, at most")] == ["118", "120"]


def test_every_figure_is_in_the_document() -> None:
    made = document(MEASURED, {"processor": "X"})
    assert [each["waited"] for each in made["changes"]["Route 53"]] == [0.006, 0.006, 0.010]
    assert made["machine"] == {"processor": "X"}


async def test_a_change_is_measured_from_its_decision_until_it_was_read_back() -> None:
    with stand_in("clouddns") as table:
        (figures,) = await changes("clouddns", table, 1)
    assert 0 < figures.written < 0.5 <= figures.settled < figures.confirmed
    assert 0 < figures.between < figures.confirmed - 0.5
    assert figures.processor > 0


@pytest.mark.parametrize("kind", ["route53", "clouddns"])
def test_so_is_the_sdk_alone(kind: str) -> None:
    with stand_in(kind) as table:
        ((seconds, processor),) = bare(kind, table, 1)
    assert 0 < processor <= seconds

"""The comparison of nameservers: what becomes of its figures."""

from dataclasses import replace

import pytest

from benchmarks.tools import BenchmarkError
from tests.bench.dns.load import Load, read_account
from tests.bench.dns.report import document, figures_table, markdown, report, targets_table
from tests.bench.dns.rounds import Figures, Plan, Rounds
from tests.bench.dns.servers.all import SERVERS
from tests.bench.dns.targets import Measure, Target, failures, verdicts

LOAD = Load(seconds=2, sent=100, answered=100, wrong=0, lost=0, stray=0, p50=10, p99=20, p999=30, max=40, late_p99=0)
ACCOUNT = (
    '{"seconds": 0.5, "sent": 7, "answered": 4, "wrong": 2, "lost": 1, "stray": 3, '
    '"p50": 1, "p99": 2, "p999": 3, "max": 4, "late_p99": 5}'
)
BOTH = [server for server in SERVERS if server.name in {"gdnsd", "gslb"}]
PLAN = Plan(BOTH, ["hot"], 3, 2.0, 0.1, 1)


def rounds_of(gslb: tuple[float, ...], gdnsd: tuple[float, ...], load: Load = LOAD, *, lost: int = 0) -> Rounds:
    return [
        {
            ("hot", "gslb"): Figures(mine, load, lost, load.bad, 0.25),
            ("hot", "gdnsd"): Figures(theirs, LOAD, 0, 0, 0.75),
        }
        for mine, theirs in zip(gslb, gdnsd, strict=True)
    ]


def test_an_account_is_read() -> None:
    load = read_account(ACCOUNT)
    assert (load.sent, load.bad, load.rate) == (7, 5, 8.0)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", ACCOUNT.replace('"lost": 1', '"lost": 2'), ACCOUNT.replace('"sent"', '"asked"')]
)
def test_an_account_that_does_not_add_up_is_refused(text: str) -> None:
    with pytest.raises(BenchmarkError):
        read_account(text)


def test_nothing_answered_is_no_rate() -> None:
    assert replace(LOAD, seconds=0.0, answered=0).rate == 0


def test_a_table_stands_in_columns() -> None:
    assert markdown(("name", "n"), [("a", "1"), ("long name", "20,000")], left=1).splitlines() == [
        "| name      |      n |",
        "| --------- | -----: |",
        "| a         |      1 |",
        "| long name | 20,000 |",
    ]


def test_a_row_has_medians_and_extremes_and_the_ratio_of_medians() -> None:
    rows = figures_table(PLAN, rounds_of((4, 5, 9), (2, 5, 4)), "gdnsd").splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[2][:5] == ["hot", "gdnsd", "4.00 (2.00-5.00)", "1.00 (1.00-1.00)", "50"]
    assert cells[3][:5] == ["hot", "gslb", "5.00 (4.00-9.00)", "1.25 (1.00-2.25)", "50"]


def test_without_the_reference_there_is_no_ratio() -> None:
    alone: Rounds = [{("hot", "gslb"): Figures(1, LOAD, 0, 0, 0)}]
    rows = figures_table(replace(PLAN, servers=[BOTH[1]]), alone, "gdnsd").splitlines()
    assert rows[2].split("|")[4].strip() == ""


def test_a_target_is_met_up_to_its_limit() -> None:
    rounds = rounds_of((4, 5, 9), (2, 5, 4))
    judged = verdicts(rounds, [Target("hot", "gdnsd", limit) for limit in (1.25, 1.24, None)])
    assert [each.text for each in judged] == ["met", "missed", "no limit set"]


def test_a_target_may_be_about_latency() -> None:
    rounds = rounds_of((1,), (1,), replace(LOAD, p99=50))
    (verdict,) = verdicts(rounds, [Target("hot", "gdnsd", 2.0, Measure.P99)])
    assert (verdict.ratio, verdict.text) == (2.5, "missed")


def test_a_target_about_what_was_not_measured_says_nothing() -> None:
    assert not list(verdicts(rounds_of((1,), (1,)), [Target("nx", "gdnsd", 1), Target("hot", "powerdns", 1)]))


def test_whatever_was_lost_or_bad_counts() -> None:
    rounds = rounds_of((1, 1), (1, 1), replace(LOAD, wrong=1, stray=1), lost=3)
    assert failures(rounds) == (6, 4)
    assert "missed" in targets_table(rounds)
    assert "missed" not in targets_table(rounds_of((1,), (1,)))


def test_targets_are_of_gslb_only() -> None:
    assert targets_table([{("hot", "gdnsd"): Figures(1, LOAD, 0, 0, 0)}]) == ""


def test_the_report_names_the_machine_and_what_disturbed_it() -> None:
    rounds = rounds_of((1,), (1,), replace(LOAD, late_p99=7))
    assert "processor X" in report(PLAN, rounds, "gdnsd", {"processor": "X"})
    assert "CPU for 50 (25-75) % of the time; where" in report(PLAN, rounds, "gdnsd", {})
    assert "late by 7 (7-7) µs" in report(PLAN, rounds, "gdnsd", {})


def test_every_figure_is_in_the_document() -> None:
    made = document(PLAN, rounds_of((1, 2), (1, 1)), {"processor": "X"})
    assert [each["microseconds"] for each in made["rounds"][1]] == [2, 1]
    assert made["rounds"][0][0]["load"]["p99"] == LOAD.p99

"""What is printed: tables in Markdown that can be read as they are, and all figures as JSON has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.spread import Spread
from tests.bench.dns.mixes import MIXES
from tests.bench.dns.rounds import Plan, Rounds, Turn
from tests.bench.dns.targets import SUBJECT, failures, verdicts

_COLUMNS = ("mix", "server", "µs/query", "x gdnsd", "answers/s", "p50 µs", "p99 µs", "p99.9 µs", "lost", "bad")
_TARGET_COLUMNS = ("target", "at most", "measured", "")


def report(plan: Plan, rounds: Rounds, reference: str, facts: Mapping[str, str]) -> str:
    """Everything that a reader wants."""
    asked = "\n".join(f"- {name}: {MIXES[name].about}" for name in plan.mixes)
    machine = ", ".join(f"{name} {value}" for name, value in facts.items())
    how = f"{plan.rounds} rounds of {plan.seconds:g} s, medians (least-most); {machine}."
    parts = [asked, how, figures_table(plan, rounds, reference), _disturbances(rounds), targets_table(rounds)]
    return "\n\n".join(filter(None, parts))


def _disturbances(rounds: Rounds) -> str:
    """How far the figures are to be trusted."""
    figures = [each for one in rounds for each in one.values()]
    waited = _spread(Spread.of(100 * each.waited for each in figures), 0)
    told = f"Something else had the servers' CPU for {waited} % of the time"
    late = [each.load.late_p99 for each in figures if each.load.late_p99]
    paced = f"; where the generator kept a pace, it was late by {_spread(Spread.of(late), 0)} µs (p99)" if late else ""
    return f"{told}{paced}."


def figures_table(plan: Plan, rounds: Rounds, reference: str) -> str:
    """A row for each mix and server."""
    return markdown(_COLUMNS, (_row((mix, server.name), rounds, reference) for mix, server in plan.turns()), left=2)


def targets_table(rounds: Rounds) -> str:
    """A row for each target, and one for what was lost or wrong; empty where the subject was not measured."""
    if not any(server == SUBJECT for _, server in rounds[0]):
        return ""
    rows = [
        (
            f"{each.target.mix}, {each.target.measure} against {each.target.against}",
            "" if each.target.limit is None else f"{each.target.limit:.2f}",
            f"{each.ratio:.2f}",
            each.text,
        )
        for each in verdicts(rounds)
    ]
    lost, bad = failures(rounds)
    rows.append(
        (f"{SUBJECT}: lost queries, bad replies", "0, 0", f"{lost:,}, {bad:,}", "missed" if lost or bad else "met")
    )
    return markdown(_TARGET_COLUMNS, rows, left=1)


def document(plan: Plan, rounds: Rounds, facts: Mapping[str, str]) -> dict[str, Any]:
    """Every figure of every round."""
    return {
        "machine": dict(facts),
        "seconds": plan.seconds,
        "warm_up": plan.warm_up,
        "seed": plan.seed,
        "rounds": [
            [{"mix": mix, "server": server, **asdict(figures)} for (mix, server), figures in each.items()]
            for each in rounds
        ],
        "targets": [{**asdict(each.target), "ratio": each.ratio, "verdict": each.text} for each in verdicts(rounds)],
    }


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """A table whose columns stand below each other; all but the first ``left`` of them are aligned to the right."""
    cells = [tuple(headings), *map(tuple, rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(row, widths, left) for row in cells]
    rule = (f"{'-' * width}" if i < left else f"{'-' * (width - 1)}:" for i, width in enumerate(widths))
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = (
        cell.ljust(width) if i < left else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"


def _row(turn: Turn, rounds: Rounds, reference: str) -> tuple[str, ...]:
    figures = [each[turn] for each in rounds]
    loads = [each.load for each in figures]
    return (
        *turn,
        _spread(Spread.of(each.microseconds for each in figures)),
        _ratio(turn, rounds, reference),
        f"{Spread.of(load.rate for load in loads).median:,.0f}",
        f"{Spread.of(load.p50 for load in loads).median:,.0f}",
        _spread(Spread.of(load.p99 for load in loads), 0),
        f"{Spread.of(load.p999 for load in loads).median:,.0f}",
        f"{sum(each.lost for each in figures):,}",
        f"{sum(each.bad for each in figures):,}",
    )


def _ratio(turn: Turn, rounds: Rounds, reference: str) -> str:
    """That of the medians, with the extremes of the rounds."""
    other = turn[0], reference
    if other not in rounds[0]:
        return ""
    own, theirs = ([each[key].microseconds for each in rounds] for key in (turn, other))
    each = Spread.of(mine / other for mine, other in zip(own, theirs, strict=True))
    return _spread(Spread(Spread.of(own).median / Spread.of(theirs).median, each.low, each.high))


def _spread(spread: Spread, digits: int = 2) -> str:
    return f"{spread.median:,.{digits}f} ({spread.low:,.{digits}f}-{spread.high:,.{digits}f})"

"""What is printed: a table in Markdown for each question, and all figures as JSON has them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Any

from benchmarks.spread import Spread
from tests.bench.dns.report import markdown
from tests.bench.providers.changes import Figures
from tests.bench.providers.throttled import Course, Load

MOST = 20.0
"""Milliseconds that a change may take of our own."""
_ROWS = (
    ("from the decision to the provider's answer, ms", "written"),
    ("to settled, ms", "settled"),
    ("to read back, ms", "confirmed"),
    ("of that waited for answers, ms", "waited"),
    ("of that neither waited for an answer nor paused, ms", "between"),
    ("processor time, ms", "processor"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """At one provider: changes, and what the SDK alone takes for such, in seconds and seconds of processor time."""

    changes: Sequence[Figures]
    alone: Sequence[tuple[float, float]]

    @property
    def ratio(self) -> float:
        """Of processor time, to that of the SDK alone."""
        alone = Spread.of(processor for _, processor in self.alone)
        return Spread.of(each.processor for each in self.changes).median / alone.median

    @property
    def own(self) -> Spread:
        """Milliseconds of each change that are our own: between steps, and of the processor, the SDK's among them."""
        return Spread.of(1000 * (each.between + each.processor) for each in self.changes)


def changes_table(measured: Mapping[str, Measured]) -> str:
    """A column for each provider: median and maximum."""
    rows = [(text, *(_spread(_column(each, name)) for each in measured.values())) for text, name in _ROWS]
    rows.append(
        (
            "of the SDK alone, ms",
            *(_spread(Spread.of(1000 * cpu for _, cpu in each.alone)) for each in measured.values()),
        )
    )
    rows.append(("times that of the SDK alone", *(f"{each.ratio:.2f}" for each in measured.values())))
    rows.append(
        (f"our own (at most {MOST:g}), ms", *(f"{_spread(each.own)}: {verdict(each)}" for each in measured.values()))
    )
    return markdown(("of a change: median, maximum", *measured), rows, left=1)


def verdict(measured: Measured) -> str:
    """Whether what is our own is within its limit, in the median."""
    return "met" if measured.own.median < MOST else "missed"


def courses_table(load: Load, courses: Mapping[str, Course]) -> str:
    """A column for each provider."""

    def row(text: str, value: str) -> tuple[str, ...]:
        return text, *(f"{attrgetter(value)(course):.0f}" for course in courses.values())

    rows = [
        row("the last zone that failed over was written after, s", "urgent"),
        row("the last new TTL, s", "cosmetic"),
        row("all was read back after, s", "confirmed"),
        row("requests taken", "requests"),
        row("by the arithmetic, at most", "most"),
        row("refused beyond the rate", "refused"),
    ]
    told = "as configured" if load.told else "which the writers have to find out"
    head = f"{load.zones} zones, {load.rate:g} a second, {told}"
    return markdown((head, *courses), rows, left=1)


def _column(measured: Measured, name: str) -> Spread:
    return Spread.of(1000 * attrgetter(name)(each) for each in measured.changes)


def _spread(spread: Spread) -> str:
    return f"{spread.median:,.1f}, {spread.high:,.1f}"


def document(measured: Mapping[str, Measured], facts: Mapping[str, str]) -> dict[str, Any]:
    """Every figure of every change."""
    return {
        "machine": dict(facts),
        "changes": {name: [asdict(each) for each in it.changes] for name, it in measured.items()},
        "alone": {name: [list(each) for each in it.alone] for name, it in measured.items()},
    }

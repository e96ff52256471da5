"""Draws the formulas that docs/scores.md explains: ``python -m benchmarks.plots [FOLDER]``.

What is drawn is computed by the product's own functions. Each file carries a digest of its points, by which a test
finds out that a formula has changed and its plot has not.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from gslb.model.combine import Health
from gslb.model.demand import follow_demand
from gslb.model.latency import Latency, latency_factor, observe_latency
from gslb.model.score import errors_factor, headroom_factor, score, settle

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIZE = (7.0, 3.2)
STYLE: Any = {"svg.hashsalt": "gslb", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: a label, and x and y of its points."""

    label: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True, slots=True)
class Plot:
    """One file: its axes and curves."""

    x: str
    y: str
    curves: list[Curve]

    @property
    def digest(self) -> str:
        """Of the points, as far as an eye could tell them apart."""
        points = [(c.label, [(round(x, 4), round(y, 4)) for x, y in zip(c.x, c.y, strict=True)]) for c in self.curves]
        return sha256(repr((self.x, self.y, points)).encode()).hexdigest()[:16]


def _steps(start: float, end: float, count: int) -> list[float]:
    return [start + (end - start) * index / count for index in range(count + 1)]


def _curve(label: str, x: list[float], formula: Callable[[float], float]) -> Curve:
    return Curve(label, x, [formula(value) for value in x])


def _samples() -> Callable[[float], float]:
    """Latencies around a mean, with a jitter of 20 %; always the same ones."""
    random = Random(1)  # noqa: S311  nothing here is secret
    return lambda mean: random.gauss(mean, mean / 5)


def latency() -> Plot:
    """The latency factor, for endpoints near and far."""
    x = _steps(0.0, 500.0, 500)
    curves = [
        _curve(f"usual {usual} ms", x, lambda recent, usual=usual: latency_factor(recent / 1000, usual / 1000))  # type: ignore[misc]
        for usual in (5, 40, 100)
    ]
    return Plot("recent latency, ms", "factor", curves)


def headroom() -> Plot:
    """The headroom factor."""
    return Plot("saturation", "factor", [_curve("headroom", _steps(0.0, 1.4, 140), headroom_factor)])


def errors() -> Plot:
    """The errors factor."""
    x = _steps(0.0, 15.0, 150)
    return Plot("share of 5xx, %", "factor", [_curve("errors", x, lambda percent: errors_factor(percent / 100))])


def averages() -> Plot:
    """Two days, sampled every 10 s: from noon of the first on to that of the second everything takes twice as long."""
    samples, latency = _samples(), None
    hours: list[float] = []
    seen: list[Latency] = []
    for index in range(int(48 * HOUR / 10)):
        at = index * 10.0
        middle = 0.080 if 12 * HOUR <= at < 36 * HOUR else 0.040
        latency = observe_latency(latency, samples(middle), at)
        if index % 60 == 0:
            hours.append(at / HOUR)
            seen.append(latency)
    curves = {
        "recent": [s.recent for s in seen],
        "average": [s.average for s in seen],
        "usual": [s.usual for s in seen],
    }
    return Plot(
        "hours", "latency, ms", [Curve(name, hours, [y * 1000 for y in values]) for name, values in curves.items()]
    )


def levels() -> Plot:
    """Half an hour with a jitter of 20 %, in the midst of which latency doubles for ten minutes."""
    samples, latency, level = _samples(), Latency(0.040, 0.040, 0.040, HOUR, -1.0), 1.0
    minutes, scores, levels = [], [], []
    for second in range(1800):
        middle = 0.080 if 10 * MINUTE <= second < 20 * MINUTE else 0.040
        latency = observe_latency(latency, samples(middle), float(second))
        worth = score(Health.UP, latency)
        level = settle(level, worth)
        minutes.append(second / 60)
        scores.append(worth)
        levels.append(level)
    return Plot("minutes", "0..1", [Curve("score", minutes, scores), Curve("level", minutes, levels)])


def demand() -> Plot:
    """Two regions with 600 and 400 requests per second; the first fails, and its clients come back within minutes."""
    followed: float | None = None
    minutes, counted, demands = [], [], []
    for second in range(1800):
        since = second - 5 * MINUTE
        load = 400.0 + (600.0 if since < 0.0 else 540.0 * (1 - 0.5 ** (since / MINUTE)))
        followed = follow_demand(followed, load, 1.0)
        minutes.append(second / 60)
        counted.append(load)
        demands.append(followed or 0.0)
    return Plot("minutes", "requests/s", [Curve("counted", minutes, counted), Curve("demand", minutes, demands)])


PLOTS: dict[str, Callable[[], Plot]] = {
    "latency": latency,
    "headroom": headroom,
    "errors": errors,
    "averages": averages,
    "levels": levels,
    "demand": demand,
}


def draw(plot: Plot, path: Path) -> None:
    """Write ``plot`` as SVG; the same points lead to the same octets."""
    with mpl.rc_context(STYLE):
        figure = Figure(SIZE, layout="constrained")
        axes = figure.add_subplot()
        axes.set(xlabel=plot.x, ylabel=plot.y)
        for curve in plot.curves:
            axes.plot(curve.x, curve.y, label=curve.label, linewidth=1.2)
        axes.set_ylim(bottom=0.0)
        axes.legend()
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None, "Description": plot.digest})


def main(folder: Path) -> None:
    """Write all plots into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, plot in PLOTS.items():
        draw(plot(), folder / f"{name}.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)

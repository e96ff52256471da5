"""Vantage points that probe a site on a virtual clock, each through a network that can fail."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gslb.control.check import Check
from gslb.control.vantage import REFERENCE_PACE
from gslb.model.observation import REFERENCE, CheckKey, Observation
from gslb.model.pacing import Pace, spread
from tests.control.bench import Bench
from tests.control.virtual import FAST, Driver, timed_out

if TYPE_CHECKING:
    from gslb.model.names import VantageName


class Site:
    """Every check of a bench at work, and the references of its vantage points.

    Attributes:
        cut: vantage points whose network is down.
        dead: targets that answer nobody.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.cut: set[VantageName] = set()
        self.dead: set[str] = set()
        self.driver = Driver(self._see, bench.engine.observe, self._tick)
        bench.engine.votes._hurry = self._hurry
        keys = [(key, bench.paces[key.probe]) for key in bench.engine.checks]
        for vantage, references in bench.vantages.items():
            keys += [(CheckKey(vantage, REFERENCE, name), REFERENCE_PACE) for name in references]
        self.checks: dict[CheckKey, Check] = {}
        for index, (key, pace) in enumerate(keys):
            self.checks[key] = Check(key, pace, spread(index, len(keys), pace.interval))
            self.driver.add(self.checks[key])

    def run(self, until: float) -> "Site":
        self.driver.run(until)
        return self

    def _see(self, key: CheckKey, _start: float, limit: float) -> Observation:
        """An answer is lost if the network goes down before it is there; that takes no time here."""
        return timed_out(limit) if key.vantage in self.cut or key.target in self.dead else FAST

    def _tick(self, now: float) -> float:
        review, moment = self.bench.engine.review(now), self.bench.engine.tick(now)
        return review if moment is None else min(review, moment)

    def _hurry(self, keys: Iterable[CheckKey]) -> None:
        for key in keys:
            self.driver.hurry(self.checks[key], self.driver.now)


def site(pace: Pace | None = None, **settings: object) -> Site:
    """With nothing heard yet."""
    bench = Bench(pace=pace, **settings)  # type: ignore[arg-type]
    return Site(bench.start())

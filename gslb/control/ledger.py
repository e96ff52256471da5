"""The exposure ledger at work: what each service's answers were, and until when some resolver may hold them.

Not known for certain are the moments before a crash, since the ledger is written down a little later than answers go
out, and what a nameserver answers that has come up with an older file. Then any endpoint of the service may be in an
answer; but for those that a finished drain has kept out since before that.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet

from gslb.control.clock import Clock
from gslb.model.exposure import (
    NOTHING,
    Answers,
    assumed,
    exposed_until,
    published,
    refuted,
    remembered,
    settled,
    shifted,
)
from gslb.model.names import EndpointName, ServiceName
from gslb.model.record import ExposureStateRecord
from gslb.model.steering import Steering, answering

Ended = Callable[[ServiceName, EndpointName, float], object]


class Ledger:
    """The ledger of all services.

    Args:
        clock: both clocks.
        save: takes the ledgers of services that have changed, to restart from; one without answers is over.
        ended: called with a service, an endpoint and a moment: no resolver can hold an answer with it since then.
    """

    def __init__(self, clock: Clock, save: Callable[[Iterable[ExposureStateRecord]], object], ended: Ended) -> None:
        self._clock, self._save, self._ended = clock, save, ended
        self._answers: dict[ServiceName, Answers] = {}
        self._open: set[ServiceName] = set()
        self._ends: dict[ServiceName, float] = {}

    def restore(self, records: Iterable[ExposureStateRecord]) -> None:
        """Take over what was known before a restart."""
        now = self._clock.monotonic()
        for record in records:
            shift = self._clock.to_monotonic(record.saved_utc) - record.saved_at
            self._put(record.service, shifted(record.answers, shift, now))

    def assume(self, service: ServiceName, ttl: int, endpoints: Collection[EndpointName]) -> None:
        """Some place may give any of these ``endpoints``, until all are known to give something newer."""
        self._put(service, assumed(self._answers.get(service, NOTHING), ttl, endpoints))

    def begin(self, nobody: Callable[[ServiceName], bool]) -> None:
        """What was assumed is not so of services of which ``nobody`` gave any answer before this process."""
        for name, answers in tuple(self._answers.items()):
            if nobody(name):
                self._put(name, refuted(answers))

    def publish(self, generation: int, steerings: Iterable[Steering]) -> None:
        """These are what services answer from ``generation`` on."""
        touched = []
        for steering in steerings:
            name, before = steering.name, self._answers.get(steering.name, NOTHING)
            answers = published(before, generation, steering.ttl, answering(steering))
            if answers is not before:
                self._put(name, answers)
                touched.append(name)
        self._keep(touched)

    def remove(self, generation: int, names: Iterable[ServiceName]) -> None:
        """These services are answered no more from ``generation`` on."""
        for name in names:
            self._put(name, published(self._answers.get(name, NOTHING), generation, 0, ()))
        self._keep(names)

    @property
    def services(self) -> AbstractSet[ServiceName]:
        """Services with answers that some resolver may hold."""
        return self._answers.keys()

    @property
    def newest(self) -> int:
        """The newest generation that is known of."""
        return max((answers.generation for answers in self._answers.values()), default=0)

    def settle(self, over: Callable[[ServiceName], int], now: float) -> bool:
        """Every place gives the generation that ``over`` says of a service, or what is newer; whether that is news."""
        touched = []
        for name in tuple(self._open):
            answers = settled(self._answers[name], over(name), now)
            if answers != self._answers[name]:
                self._put(name, answers)
                touched.append(name)
        self._keep(touched)
        return bool(touched)

    def exposed_until(self, service: ServiceName, endpoint: EndpointName, *, above: int = -1) -> float:
        """See ``gslb.model.exposure.exposed_until``."""
        return exposed_until(self._answers.get(service, NOTHING), endpoint, above=above)

    def exposed(self, service: ServiceName) -> Mapping[EndpointName, float]:
        """The endpoints that some resolver may hold an answer with, and until when."""
        answers = self._answers.get(service, NOTHING)
        return {name: exposed_until(answers, name) for name in sorted(answers.exposed_endpoints)}

    def tick(self, now: float) -> float:
        """Forget what no resolver holds any more; returns when there is more to forget."""
        due = [name for name, end in self._ends.items() if end <= now]
        for name in due:
            before = self._answers[name]
            answers = remembered(before, now)
            for endpoint in sorted(before.exposed_endpoints - answers.exposed_endpoints):
                self._ended(name, endpoint, exposed_until(before, endpoint))
            self._put(name, answers)
        self._keep(due)
        return min(self._ends.values(), default=math.inf)

    def save(self) -> None:
        """Keep the whole ledger to restart from."""
        self._keep(tuple(self._answers))

    def _put(self, name: ServiceName, answers: Answers) -> None:
        if answers.is_over:
            self._answers.pop(name, None)
            self._ends.pop(name, None)
            self._open.discard(name)
            return
        self._answers[name], self._ends[name] = answers, answers.next_end
        (self._open.discard if answers.is_settled else self._open.add)(name)

    def _keep(self, names: Iterable[ServiceName]) -> None:
        now, utc = self._clock.monotonic(), self._clock.utc()
        found = tuple(ExposureStateRecord(name, self._answers.get(name, NOTHING), utc, now) for name in names)
        if found:
            self._save(found)

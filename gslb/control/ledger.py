"""The exposure ledger at work: what each service's answers were, and until when some resolver may hold them.

Not known for certain are the moments before a crash, since the ledger is written down a little later than answers go
out, and what a nameserver answers that has come up with an older file. Then any endpoint of the service may be in an
answer; but for those that a finished drain has kept out since before that.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from gslb.control.clock import Clock
from gslb.model.exposure import Answers, assumed, exposed_until, published, remembered, settled
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
        self._ending: set[ServiceName] = set()

    def restore(self, records: Iterable[ExposureStateRecord]) -> None:
        """Take over what was known before a restart."""
        now = self._clock.monotonic()
        for record in records:
            shift = self._clock.to_monotonic(record.saved_utc) - record.saved_at
            answers = tuple(
                given if given.ended is None else replace(given, ended=min(now, given.ended + shift))
                for given in record.answers
            )
            self._put(record.service, answers)

    def assume(self, service: ServiceName, ttl: int, endpoints: Collection[EndpointName]) -> None:
        """Some place may give any of these ``endpoints``, until all are known to give something newer."""
        self._put(service, assumed(self._answers.get(service, ()), ttl, endpoints))

    def begin(self) -> None:
        """Nothing was given before this process: what was assumed is not so."""
        for name, answers in tuple(self._answers.items()):
            self._put(name, tuple(given for given in answers if given.generation))

    def publish(self, generation: int, steerings: Iterable[Steering]) -> None:
        """These are what services answer from ``generation`` on."""
        touched = []
        for steering in steerings:
            name, before = steering.name, self._answers.get(steering.name, ())
            answers = published(before, generation, steering.ttl, answering(steering))
            if answers is not before:
                self._put(name, answers)
                touched.append(name)
        self._keep(touched)

    def remove(self, generation: int, names: Iterable[ServiceName]) -> None:
        """These services are answered no more from ``generation`` on."""
        for name in names:
            self._put(name, published(self._answers.get(name, ()), generation, 0, ()))
        self._keep(names)

    @property
    def services(self) -> AbstractSet[ServiceName]:
        """Services with answers that some resolver may hold."""
        return self._answers.keys()

    @property
    def newest(self) -> int:
        """The newest generation that is known of."""
        return max((given.generation for answers in self._answers.values() for given in answers), default=0)

    @property
    def confirmed(self) -> int | None:
        """The newest generation of which it is known that no place could give older answers; None where none is."""
        found = (given.generation for answers in self._answers.values() for given in answers if given.confirmed)
        return max(found, default=None)

    def settle(self, generation: int, now: float) -> bool:
        """Every place gives ``generation`` or what is newer; whether that is news."""
        touched = []
        for name in tuple(self._open):
            answers = settled(self._answers[name], generation, now)
            if answers != self._answers[name]:
                self._put(name, answers)
                touched.append(name)
        self._keep(touched)
        return bool(touched)

    def exposed_until(self, service: ServiceName, endpoint: EndpointName, *, above: int = -1) -> float:
        """See ``gslb.model.exposure.exposed_until``."""
        return exposed_until(self._answers.get(service, ()), endpoint, above=above)

    def exposed(self, service: ServiceName) -> Mapping[EndpointName, float]:
        """The endpoints that some resolver may hold an answer with, and until when."""
        answers = self._answers.get(service, ())
        names = {name for given in answers for name in given.endpoints}
        return {name: exposed_until(answers, name) for name in sorted(names)}

    def tick(self, now: float) -> float:
        """Forget what no resolver holds any more; returns when there is more to forget."""
        touched, moment = [], math.inf
        for name in tuple(self._ending):
            before = self._answers[name]
            ends = [given.held_until for given in before if given.held_until > now]
            moment = min([moment, *(end for end in ends if end < math.inf)])
            if len(ends) == len(before):
                continue
            answers = remembered(before, now)
            over = {e for given in before for e in given.endpoints} - {e for given in answers for e in given.endpoints}
            for endpoint in sorted(over):
                self._ended(name, endpoint, exposed_until(before, endpoint))
            self._put(name, answers)
            touched.append(name)
        self._keep(touched)
        return moment

    def save(self) -> None:
        """Keep the whole ledger to restart from."""
        self._keep(tuple(self._answers))

    def _put(self, name: ServiceName, answers: Answers) -> None:
        if any(given.endpoints for given in answers):
            self._answers[name] = answers
        else:  # nobody is in any answer, and nobody need be told of again
            self._answers.pop(name, None)
            answers = ()
        for names, member in (
            (self._open, any(given.ended is None and not given.confirmed for given in answers)),
            (self._ending, any(given.ended is not None for given in answers)),
        ):
            (names.add if member else names.discard)(name)

    def _keep(self, names: Iterable[ServiceName]) -> None:
        now, utc = self._clock.monotonic(), self._clock.utc()
        found = tuple(ExposureStateRecord(name, self._answers.get(name, ()), utc, now) for name in names)
        if found:
            self._save(found)

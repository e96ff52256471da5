"""Which version of a service's answers a report of a first answer is about, and whether it is the first such report."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.nameserver.snapshot import differing

KEPT = 8
"""versions of each service that are told apart; reports of older ones are passed over"""


@dataclass(slots=True)
class _Version:
    generation: int
    answered: bool = False


class Versions:
    """Versions of the steering of each service, by the generation that brought them.

    Workers name the generation in which they saw a change, which is a later one where they were not sent each, and
    one that was restarted sees changes for the second time.
    """

    def __init__(self) -> None:
        self._steerings: tuple[Steering, ...] = ()
        self._kept: dict[ServiceName, deque[_Version]] = {}

    def published(self, generation: int, steerings: Mapping[ServiceName, Steering]) -> None:
        """From ``generation`` on ``steerings`` are what is wanted."""
        wanted = tuple(steerings.values())
        changed, removed = differing(self._steerings, wanted)
        for steering in changed:
            self._kept.setdefault(steering.name, deque(maxlen=KEPT)).append(_Version(generation))
        for name in removed:
            self._kept.pop(name, None)
        self._steerings = wanted

    def first(self, service: ServiceName, generation: int) -> int | None:
        """The generation that brought what ``service`` answered in ``generation``; None where that is no news."""
        for version in reversed(self._kept.get(service, ())):
            if version.generation <= generation:
                news, version.answered = not version.answered, True
                return version.generation if news else None
        return None

"""What is around a controller: resolvers that remember, places that answer, a provider, and a store that may forget."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from gslb.model.names import EndpointName, ServiceName
from gslb.model.record import DecisionRecord
from gslb.model.steering import Steering, answering
from gslb.model.watermark import Watermark
from gslb.nameserver.serials import Serials
from gslb.store.values import LastSteering, StoredState, follow, is_over, key_of, newest, steering_of

Version = tuple[int, Mapping[ServiceName, Steering], str]
"""What a place answers: the generation, the steerings, and who has published them."""


_numbers = count()


class Resolvers:
    """Until when some resolver holds an answer."""

    def __init__(self) -> None:
        self.until: dict[tuple[ServiceName, EndpointName], float] = {}

    def last_asked(self, version: Version | None, now: float) -> None:
        """Somebody has asked for everything, just before ``version`` is answered no more."""
        for service, steering in version[1].items() if version else ():
            for name in answering(steering):
                held = now + steering.ttl + 1.0
                self.until[service, name] = max(held, self.until.get((service, name), -math.inf))


@dataclass(slots=True)
class Place:
    """A nameserver.

    Attributes:
        gives: what it answers; None while it is dead, or was never told.
        disk: what it would start from, the newest last.
        linked: the controller can reach it.
        acked: the generation that it has taken over this connection.
        left_behind: before what it gives nothing any more, as far as the controller knows.
    """

    gives: Version | None = None
    disk: list[Version] = field(default_factory=list)
    alive: bool = True
    linked: bool = True
    acked: int | None = None
    left_behind: tuple[Watermark, ...] = ()


class Provider:
    """Takes what is published; what places say of it, it knows as ``gslb.nameserver.client.Link`` does."""

    name = "embedded"

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = tuple(places)
        self.wanted: Version | None = None
        self.links: dict[str, Any] = {}
        self.publisher = f"control-{next(_numbers)}"
        self.serials = Serials(float)
        self.regressed: Any = None
        self.on_answered: Any = None

    def set_zones(self, *_: Any) -> None:
        """Zones do not matter here."""

    def lower(self, services: Any) -> bool:
        """Lower TTLs than those in the ledger are on the safe side."""
        return True

    def publish(self, generation: int, steerings: Mapping[ServiceName, Steering]) -> None:
        self.wanted = generation, dict(steerings), self.publisher

    def recall(self, watermarks: Collection[Watermark]) -> None:
        for place in self._places:
            place.left_behind = tuple(watermarks)

    @property
    def watermark(self) -> Watermark | None:
        marks = [self._mark(place) for place in self._places]
        known = [mark for mark in marks if mark is not None]
        return min(known, key=lambda mark: mark.generation) if len(known) == len(marks) else None

    def _mark(self, place: Place) -> Watermark | None:
        return next((mark for mark in place.left_behind if mark.publisher == self.publisher), None)

    def greeted(self, place: Place) -> None:
        """There is a connection again."""
        place.acked = None
        if place.gives is not None:
            self._check(place, place.gives)

    def learn(self, place: Place) -> None:
        """A place has taken something, or written it down."""
        saved = place.disk[-1] if place.disk else None
        if saved is None:
            return
        self._check(place, saved)
        if place.acked is not None and saved[2] == self.publisher and saved[0] <= place.acked:
            place.left_behind = (Watermark(self.publisher, saved[0]),)

    def ended(self, generation: int) -> bool:
        marks = [self._mark(place) for place in self._places]
        return all(mark is not None and mark.generation >= generation for mark in marks)

    def _check(self, place: Place, version: Version) -> None:
        generation, _, publisher = version
        if not all(mark.covers(publisher, generation) for mark in place.left_behind):
            place.left_behind = ()
            self.regressed("nameserver", generation)


class Store:
    """Keeps orders at once, all else a little later."""

    renewals = 0

    def __init__(self) -> None:
        self._overrides: tuple[Any, ...] = ()
        self._log: list[tuple[float, str, tuple[Any, ...]]] = []
        self.now = 0.0

    def save_overrides(self, items: Iterable[Any]) -> None:
        self._overrides = newest(items)

    def record(self, item: Any) -> None:
        if isinstance(item, DecisionRecord):
            self._put("steerings", [steering_of(item)])

    def save_checks(self, items: Iterable[Any]) -> None:
        self._put("checks", items)

    def save_exposures(self, items: Iterable[Any]) -> None:
        self._put("exposures", items)

    def save_serials(self, _: Any) -> None:
        """Nobody transfers a zone here."""

    def save_ramps(self, items: Iterable[Any]) -> None:
        self._put("ramps", items)

    def save_comebacks(self, items: Iterable[Any]) -> None:
        self._put("comebacks", items)

    def append(self, entry: Any) -> None:
        """The journal is not read here."""

    def _put(self, what: str, items: Iterable[Any]) -> None:
        self._log.append((self.now, what, tuple(items)))

    def lose(self, since: float) -> bool:
        """What was to be written since then is lost; whether there was any."""
        kept = [entry for entry in self._log if entry[0] < since]
        lost, self._log = len(self._log) > len(kept), kept
        return lost

    def load_state(self) -> StoredState:
        kinds = ("checks", "exposures", "steerings", "ramps", "comebacks")
        keyed: dict[str, dict[Any, Any]] = {kind: {} for kind in kinds}
        for _, what, items in self._log:
            for item in items:
                known = keyed[what].pop(key_of(item), None)
                if not is_over(item):
                    keyed[what][key_of(item)] = follow(known, item) if isinstance(item, LastSteering) else item
        found = {what: tuple(states.values()) for what, states in keyed.items()}
        return StoredState(overrides=self._overrides, **found)

"""Unconfirmed failures: whoever is answered until they are confirmed should come back soon.

So the embedded nameserver lowers the TTL of the services concerned, which costs nothing and writes nothing anywhere.
"""

import math
from collections.abc import Collection, Iterable

from gslb.model.names import ServiceName
from gslb.model.observation import CheckKey

LINGER = 5.0
"""Seconds for which a TTL stays low after the last alarm, so that a lossy path does not move it up and down."""


class Alarms:
    """Services of which some check has a failure that is not confirmed, or had one a moment ago."""

    def __init__(self) -> None:
        self._suspects: dict[CheckKey, tuple[ServiceName, ...]] = {}
        self._until: dict[ServiceName, float] = {}
        self._told: frozenset[ServiceName] = frozenset()

    def note(self, key: CheckKey, services: Iterable[ServiceName], now: float, *, suspect: bool) -> bool:
        """A check has become suspect, or is so no more; whether ``lowered`` is to be asked for that."""
        if suspect:
            self._suspects[key] = tuple(dict.fromkeys(services))
            return not self._told.issuperset(self._suspects[key])
        idle = not self._until
        self._until |= dict.fromkeys(self._suspects.pop(key, ()), now + LINGER)
        return idle and bool(self._until)

    def lowered(self, now: float) -> Collection[ServiceName] | None:
        """The services whose TTL is to be low; None if they are those that were told last."""
        self._until = {name: until for name, until in self._until.items() if until > now}
        names = frozenset(name for services in self._suspects.values() for name in services) | self._until.keys()
        if names == self._told:
            return None
        self._told = names
        return names

    def forget(self, known: Collection[CheckKey]) -> None:
        """Checks other than these are no more."""
        self._suspects = {key: services for key, services in self._suspects.items() if key in known}

    @property
    def next_moment(self) -> float:
        """When some TTL may rise again, in monotonic seconds."""
        return min(self._until.values(), default=math.inf)

"""What was asked, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from tests.fakes.route53.records import Change


class Phase(Enum):
    """Where a request is when a hook is called."""

    BEFORE = auto()
    """read, and nothing done yet"""
    DURING = auto()
    """processed, with nothing of the answer sent"""
    AFTER = auto()
    """answered"""


@dataclass(slots=True)
class Entry:
    """One request.

    Attributes:
        number: from 1 on, over all actions.
        at: seconds of the fake's clock.
        key: access key that signed it.
        zone: id of the hosted zone it is about; empty if it is about none.
        query: parameters of its URL.
        batch: what it wants changed.
        status: of HTTP; 0 until there is an answer.
        error: code of the error that it was refused with.
    """

    number: int
    action: str
    at: float
    key: str = ""
    zone: str = ""
    query: dict[str, str] = field(default_factory=dict)
    batch: tuple[Change, ...] = ()
    status: int = 0
    error: str = ""
    committed: bool = False


Hook = Callable[[Phase, Entry], bool | None]
"""Called in a thread at each phase of each request. False before a request is processed cuts its connection."""


@dataclass(slots=True)
class Journal:
    """All requests, oldest first."""

    entries: list[Entry] = field(default_factory=list)

    def opened(self, action: str, at: float, key: str, query: dict[str, str]) -> Entry:
        entry = Entry(len(self.entries) + 1, action, at, key, query=query)
        self.entries.append(entry)
        return entry

    def of(self, action: str | None = None, zone: str | None = None) -> list[Entry]:
        """Those of one action and one zone; None: of any."""
        return [entry for entry in self.entries if action in {None, entry.action} and zone in {None, entry.zone}]

    def count(self, action: str | None = None, zone: str | None = None) -> int:
        return len(self.of(action, zone))

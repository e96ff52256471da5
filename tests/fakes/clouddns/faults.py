"""What goes wrong on purpose: rules that say for which request, and what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from fnmatch import fnmatchcase

from tests.fakes.clouddns import errors
from tests.fakes.clouddns.errors import ApiError


class Effect(Enum):
    """What is done to a request that is not refused."""

    DROP = auto()
    """The connection is closed before anything is done."""
    COMMIT_AND_DROP = auto()
    """All is done, and the connection is closed without an answer: the outcome is unknown to the client."""


@dataclass(frozen=True, slots=True)
class Delay:
    """The request is done this many seconds late, or done at once and answered late."""

    seconds: float
    after: bool = False


@dataclass(frozen=True, slots=True)
class Meddle:
    """Somebody else is faster: this is called just before the request is done."""

    write: Callable[[], object]


Fault = ApiError | Effect | Delay | Meddle


@dataclass(slots=True, eq=False)
class Rule:
    """Which requests a fault strikes.

    Attributes:
        action: pattern for the action: ``changes.create``, ``changes.*``, ``*``.
        what: happens.
        nth: the first of the matching requests that it strikes, from 1, counted from when the rule was made.
        times: how many of them in a row; None: all that follow.
        seen: matching requests so far.
        struck: those that it struck.
    """

    action: str
    what: Fault
    nth: int = 1
    times: int | None = None
    seen: int = 0
    struck: int = 0

    def strikes(self, action: str) -> bool:
        if not fnmatchcase(action, self.action):
            return False
        self.seen += 1
        last = None if self.times is None else self.nth + self.times - 1
        struck = self.seen >= self.nth and (last is None or self.seen <= last)
        self.struck += struck
        return struck


@dataclass(slots=True)
class Faults:
    """The rules in force; several may strike one request, and are taken in the order in which they were added."""

    rules: list[Rule] = field(default_factory=list)

    def add(self, action: str, what: Fault, nth: int = 1, times: int | None = 1) -> Rule:
        """A rule that by default strikes the next matching request only."""
        rule = Rule(action, what, nth, times)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()

    def of(self, action: str) -> list[Fault]:
        """What strikes a request, which is counted by this."""
        return [rule.what for rule in list(self.rules) if rule.strikes(action)]

    def throttle(self, action: str = "*", code: int = 429, nth: int = 1, times: int | None = 1) -> Rule:
        return self.add(action, errors.rate_limited(code), nth, times)

    def fail(self, action: str = "*", code: int = 503, nth: int = 1, times: int | None = 1) -> Rule:
        return self.add(action, errors.unavailable(code), nth, times)

    def read_only(self) -> list[Rule]:
        """The role of the client is roles/dns.reader: whatever writes is forbidden, until ``clear``."""
        return [self.add(f"*.{verb}", errors.forbidden(), times=None) for verb in ("create", "patch", "delete")]

    def expire(self, action: str = "*", nth: int = 1, times: int | None = None) -> Rule:
        """The credentials have expired."""
        return self.add(action, errors.unauthenticated(), nth, times)

    def lose_project(self, project: str, nth: int = 1, times: int | None = None) -> Rule:
        """The project is not there."""
        return self.add("*", errors.not_found("parameters.project", project), nth, times)

"""What can go wrong with a request, by rule: which action, which zone, which of them, and what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from tests.fakes.route53 import errors
from tests.fakes.route53.errors import ApiError
from tests.fakes.route53.journal import Entry

CHANGES = "ChangeResourceRecordSets"


class Drop(Enum):
    """When a connection is cut."""

    UNPROCESSED = auto()
    PROCESSED = auto()
    """after the change was made, before the answer: for the client the outcome is unknown"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request.

    Attributes:
        error: it is refused, and nothing else happens.
        drop: the connection is cut.
        before, after: seconds it waits for being processed, and for its answer once it is.
        interfere: called just before it is processed, in a thread: a concurrent writer.
    """

    error: ApiError | None = None
    drop: Drop | None = None
    before: float = 0.0
    after: float = 0.0
    interfere: Callable[[], object] | None = None


def refused(error: ApiError) -> Fault:
    """Any error of ``tests.fakes.route53.errors``."""
    return Fault(error)


def throttled() -> Fault:
    return Fault(errors.throttling())


def failing(status: int = 503) -> Fault:
    return Fault(errors.unavailable(status))


def denied(action: str = CHANGES) -> Fault:
    return Fault(errors.access_denied(action))


def expired() -> Fault:
    return Fault(errors.expired_token())


def dropped() -> Fault:
    return Fault(drop=Drop.UNPROCESSED)


def lost() -> Fault:
    """Processed, but the client never hears of it."""
    return Fault(drop=Drop.PROCESSED)


def slow(before: float = 0.0, after: float = 0.0) -> Fault:
    return Fault(before=before, after=after)


def interfered(call: Callable[[], object]) -> Fault:
    return Fault(interfere=call)


@dataclass(slots=True)
class Rule:
    """A fault, and the requests that it is for.

    Attributes:
        action: of the API; None: any.
        zone: id of a hosted zone; None: any.
        first, last: which of those requests, counted from one since the rule was added; last None: all from there on.
        seen: how many there were.
    """

    fault: Fault
    action: str | None = None
    zone: str | None = None
    first: int = 1
    last: int | None = None
    seen: int = 0

    def takes(self, entry: Entry) -> bool:
        """Count a request if it is of this rule; whether the fault is for it."""
        if self.action not in {None, entry.action} or self.zone not in {None, entry.zone}:
            return False
        self.seen += 1
        return self.first <= self.seen and (self.last is None or self.seen <= self.last)


@dataclass(slots=True)
class Faults:
    """All rules. Of several that take a request the one added first has its way."""

    rules: list[Rule] = field(default_factory=list)

    def add(self, fault: Fault, action: str | None = CHANGES, *, zone: str | None = None, nth: int = 1) -> Rule:
        """The fault for one request: the ``nth`` from now on."""
        return self._added(Rule(fault, action, zone, nth, nth))

    def always(self, fault: Fault, action: str | None = CHANGES, *, zone: str | None = None, after: int = 0) -> Rule:
        """The fault for all requests from now on but for the first ``after`` of them."""
        return self._added(Rule(fault, action, zone, after + 1))

    def clear(self) -> None:
        """As if there had never been any rule."""
        self.rules.clear()

    def of(self, entry: Entry) -> Fault:
        """What happens to a request, which all rules count."""
        taken = [rule for rule in list(self.rules) if rule.takes(entry)]
        return taken[0].fault if taken else Fault()

    def _added(self, rule: Rule) -> Rule:
        self.rules.append(rule)
        return rule

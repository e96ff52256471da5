"""Whom a record is about, and whether two are about the same."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from gslb.model.area import Area
from gslb.model.names import EndpointName
from gslb.model.record import (
    AnswerRecord,
    DecisionRecord,
    EscalationRecord,
    ExposureRecord,
    OrderRecord,
    ProviderRecord,
    PublicationRecord,
    RecoveryRecord,
    TransitionRecord,
)
from gslb.model.steering import Group, Steering, answering


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom something is about; ``targets`` are names and globs in orders, of endpoints, regions and services."""

    services: frozenset[str] = frozenset()
    endpoints: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()

    def __or__(self, other: "Scope") -> "Scope":
        return Scope(self.services | other.services, self.endpoints | other.endpoints, self.targets | other.targets)

    def shares(self, other: "Scope") -> bool:
        """Whether both are about the same in some way."""
        common = self.services & other.services or self.endpoints & other.endpoints or self.targets & other.targets
        return bool(common) or self._orders(other) or other._orders(self)  # noqa: SLF001  of its own kind

    def _orders(self, other: "Scope") -> bool:
        return any(_covers(target, name) for target in self.targets for name in other._names())  # noqa: SLF001  likewise

    def _names(self) -> set[str]:
        regions = {endpoint.partition("/")[0] for endpoint in self.endpoints}
        return regions | self.endpoints | {_plain(service) for service in self.services}


def _plain(service: str) -> str:
    return service.removesuffix(".")


def _covers(pattern: str, name: str) -> bool:
    return _plain(pattern) == name or fnmatchcase(name, pattern)  # brackets stand in names too


def scope_of(record: object) -> Scope:
    """Whom ``record`` is about, as far as that can be told from itself."""
    scope = Scope()
    match record:
        case TransitionRecord():
            scope = Scope(frozenset(record.services), frozenset({record.endpoint}))
        case OrderRecord():
            scope = Scope(targets=frozenset({record.target, *filter(None, (record.service,))}))
        case DecisionRecord():
            scope = Scope(frozenset({record.service}), _concerned(record))
        case ExposureRecord():
            scope = Scope(frozenset({record.service}), frozenset({record.endpoint}))
        case RecoveryRecord():
            scope = Scope(frozenset({record.service}), frozenset(record.endpoints))
        case PublicationRecord():
            scope = Scope(frozenset(record.services))
        case AnswerRecord() | EscalationRecord():
            scope = Scope(frozenset({record.service}))
        case ProviderRecord():
            scope = _published(record)
    return scope


def _published(record: ProviderRecord) -> Scope:
    """A trouble of none in particular is about all services of the zone, of which none may be published there yet."""
    if record.services or record.drift:
        return Scope(frozenset(record.services))
    zone = _plain(record.zone)
    return Scope(targets=frozenset({zone, f"*.{zone}"}))


def moved(record: DecisionRecord) -> tuple[frozenset[EndpointName], frozenset[EndpointName]]:
    """Who left the answers by a decision, and who came in."""
    before = answering(record.before) if record.before is not None else set()
    after = answering(record.after)
    return frozenset(before - after), frozenset(after - before)


def _concerned(record: DecisionRecord) -> frozenset[EndpointName]:
    """Who has moved; where nobody has, whose share changed; where that stays, all who answer."""
    gone, come = moved(record)
    if gone or come:
        return gone | come
    before = _groups(record.before) if record.before is not None else set()
    changed = before ^ _groups(record.after)
    return frozenset(
        name for _, group in changed for target in group.targets for name in target.endpoints
    ) or frozenset(answering(record.after))


def _groups(steering: Steering) -> set[tuple[Area | None, Group]]:
    return {(rule.match, group) for rule in steering.rules for group in rule.groups}

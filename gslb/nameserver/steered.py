"""What a service answers for one record type: whose turn it is, and with which addresses. Compiled, never changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import TypeVar

from gslb.errors import SnapshotError
from gslb.model.steering import NoAnswer, RecordType, Steering, groups_for
from gslb.nameserver.order import smooth_order, windows
from gslb.nameserver.rrset import AAAA, A, RRset, make_rrset, wire_rdata

_T = TypeVar("_T")
_NUMBERS = {RecordType.A: A, RecordType.AAAA: AAAA}


@dataclass(frozen=True, slots=True)
class Steered:
    """Answers of one type.

    Attributes:
        order: indices into ``choices`` for one cycle of turns.
        choices: per group, the RRsets it gives in turn.
        turns: whom it is the turn of, shared by all queries that have no ready answer. Endless; ``next`` is atomic.
    """

    order: tuple[int, ...]
    choices: tuple[tuple[RRset, ...], ...]
    turns: Iterator[RRset]

    @property
    def size(self) -> int:
        """Different answers there are."""
        return sum(map(len, self.choices))


def spin(
    order: tuple[int, ...],
    choices: tuple[tuple[RRset, ...], ...],
    build: Callable[[RRset], _T],
    random: Random,
) -> Iterator[_T]:
    """Endless turns of ``build``'s results, each built once, from a random phase on.

    Without it each new reader would begin with the heaviest group. Runs in C alone: safe to share between threads.
    """
    groups = [cycle(_rotate([build(choice) for choice in group], random)) for group in choices]
    return map(next, cycle(_rotate([groups[index] for index in order], random)))


def compile_steering(steering: Steering, random: Random) -> dict[int, Steered | None]:
    """Answers by type number. None stands for SERVFAIL; a type that is left out is NODATA.

    Raises:
        SnapshotError: a weight, TTL or address that cannot be.
    """
    if not steering.rules or steering.answers < 1:
        raise SnapshotError(f"{steering.name}: needs a rule, and answers of 1 or more")
    rule = steering.rules[-1]
    compiled: dict[int, Steered | None] = {}
    for kind in steering.types:
        if kind is RecordType.CNAME:
            raise SnapshotError(f"{steering.name}: CNAME cannot be steered here")
        groups = groups_for(rule, kind)
        if any(group.weight < 1 for group in groups):
            raise SnapshotError(f"{steering.name}: weights are 1 or more")
        if groups:
            order = smooth_order([group.weight for group in groups])
            choices = tuple(_choices(steering, kind, [t.value for t in group.targets]) for group in groups)
            compiled[_NUMBERS[kind]] = Steered(order, choices, spin(order, choices, lambda choice: choice, random))
        elif rule.no_answer is NoAnswer.SERVFAIL:
            compiled[_NUMBERS[kind]] = None
    return compiled


def _choices(steering: Steering, kind: RecordType, values: list[str]) -> tuple[RRset, ...]:
    number = _NUMBERS[kind]
    rdatas = [wire_rdata(kind, value)[1] for value in values]
    runs = windows(len(rdatas), steering.answers)
    return tuple(make_rrset(number, steering.ttl, [rdatas[index] for index in run]) for run in runs)


def _rotate(items: list[_T], random: Random) -> list[_T]:
    start = random.randrange(len(items))
    return items[start:] + items[:start]

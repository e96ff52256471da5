"""What a rule answers for one record type: to whom what, and whose turn it is. Compiled; only turns move on."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import cycle, repeat
from random import Random
from typing import TypeVar

import msgspec

from gslb.errors import SnapshotError
from gslb.model.location import Client
from gslb.model.names import ServiceName
from gslb.model.pick import nearest, sticky_group, sticky_length, sticky_order, sticky_prefix
from gslb.model.steering import WITHHELD, Group, NoAnswer, Pick, RecordType, Rule, Steering, groups_for
from gslb.nameserver.edns import ExtendedError, InfoCode
from gslb.nameserver.order import smooth_order, windows
from gslb.nameserver.rrset import AAAA, A, RRset, make_rrset, wire_rdata
from gslb.nameserver.served import NO_REGION, Counter, Served, counted

MAX_KEPT = 256
"""Sets of nearest groups whose turns a rule remembers."""

NUMBERS = {RecordType.A: A, RecordType.AAAA: AAAA}
"""Type numbers of the record types that can be steered here."""

NOBODY = ExtendedError(InfoCode.OTHER, "no endpoint is in service")
NOT_FOR_THEM = ExtendedError(InfoCode.FILTERED, "no endpoint that may answer this client is in service")

Choice = tuple[tuple[int, ...], tuple[int, ...]]
"""What a client may be given: indices of groups, and of the only one's addresses where their order is the client's."""

_T = TypeVar("_T")

_GATES = {False: repeat(False), True: repeat(True)}
"""of rules that withhold no answer, and all"""

_order = lru_cache(maxsize=256)(smooth_order)  # services have weights and numbers of addresses in common
_windows = lru_cache(maxsize=256)(windows)


class Turns(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Answers that are given in turn.

    Attributes:
        order: indices into ``choices`` for one cycle of turns.
        choices: per group, the RRsets it gives in turn.
        counters: per group, how many of its answers were given.
        turns: whom it is the turn of, shared by all queries that have no ready answer. Endless; ``next`` is atomic.
    """

    order: tuple[int, ...]
    choices: tuple[tuple[RRset, ...], ...]
    counters: tuple[Counter, ...]
    turns: Iterator[RRset]

    @property
    def size(self) -> int:
        """Different answers there are."""
        return sum(map(len, self.choices))


class Steered(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Answers of one rule and type.

    Turns are made when they are first asked for, since most of a large table is asked little; those of a service that
    was asked before are made when it is compiled.

    Attributes:
        name: the service.
        groups: those of the rule that have targets of the type.
        pick: how one of them is picked.
        choices: per group, the RRsets it gives in turn.
        rdatas: per group, the rdata of each target.
        record: type number, TTL, and most addresses in one answer.
        no_answer: what is said where there is no group, and to those that are not answered.
        pattern: one cycle of whether an answer is withheld.
        gate: that pattern without end, shared by all queries that have no ready answer.
        random: where turns begin.
        tells_apart: whether clients of this rule may be given different answers.
        may_fail: whether it says SERVFAIL at times.
        served: counts the answers of the service.
        error: why there is no answer, where there is none.
    """

    name: ServiceName
    groups: tuple[Group, ...]
    pick: Pick
    choices: tuple[tuple[RRset, ...], ...]
    rdatas: tuple[tuple[bytes, ...], ...]
    record: tuple[int, int, int]
    no_answer: NoAnswer
    pattern: tuple[bool, ...]
    gate: Iterator[bool]
    random: Random
    tells_apart: bool
    may_fail: bool
    served: Served
    error: ExtendedError = NOBODY
    _kept: dict[tuple[int, ...], Turns] = msgspec.field(default_factory=dict)

    @property
    def needs_location(self) -> bool:
        """Whether what it says depends on where the client is."""
        return self.pick is Pick.NEAREST and self.tells_apart

    @property
    def everyone(self) -> Choice:
        """What a client of whom nothing is known may be given."""
        return _everyone(len(self.groups))

    def choose(self, client: Client) -> Choice:
        """What ``client`` may be given (``gslb.model.pick``)."""
        if not self.tells_apart:
            return self.everyone
        if self.pick is Pick.NEAREST:
            near = {id(group) for group in nearest(self.groups, client.location.coordinates)}
            return tuple(index for index, group in enumerate(self.groups) if id(group) in near), ()
        prefix = sticky_prefix(client.network)
        index = self.groups.index(sticky_group(self.name, self.groups, prefix))
        targets = self.groups[index].targets
        order = sticky_order(self.name, targets, prefix)[: self.record[2]]
        return (index,), tuple(targets.index(target) for target in order)

    def scope(self, version: int) -> int:
        """Bits of a client's address that ``choose`` looks at itself."""
        if self.pick is not Pick.STICKY or not self.tells_apart:
            return 0
        return sticky_length(version)

    def turns(self, choice: Choice) -> Turns:
        """What is given in turn to those who chose ``choice``."""
        groups, order = choice
        if order:
            return self._only(groups[0], order)
        found = self._kept.get(groups)
        if found is None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            weights = [self.groups[index].weight for index in groups]
            choices = tuple(self.choices[index] for index in groups)
            counters = tuple(self.counter(index) for index in groups)
            made = make_turns(weights, choices, counters, self.random)
            found = self._kept.setdefault(groups, made)
        return found

    @property
    def nobody(self) -> Counter:
        """How often there was no answer."""
        return self.served.counter(NO_REGION)

    def counter(self, group: int) -> Counter:
        """How many answers of a group were given, in any rule and type."""
        return self.served.counter(self.groups[group].region)

    def turn(self, turns: Turns) -> RRset | None:
        """The next one of ``turns``; None if this answer is withheld, or there is none."""
        if next(self.gate):
            next(self.nobody)
            return None
        return next(turns.turns)

    def spin(self, turns: Turns, build: Callable[[RRset | None], _T], failed: Counter | None = None) -> Iterator[_T]:
        """Endless turns of ``build``'s results, withheld ones among them, each built once; safe to share.

        ``failed`` counts those that are withheld, beside the service's own counter.
        """
        given = spin(turns.order, turns.choices, turns.counters, build, self.random)
        if not any(self.pattern):
            return given
        withheld = counted(repeat(build(None)), self.nobody)
        if failed is not None:
            withheld = counted(withheld, failed)
        return map(next, cycle(_rotate([withheld if no else given for no in self.pattern], self.random)))

    def _only(self, group: int, order: tuple[int, ...]) -> Turns:
        type_, ttl, _ = self.record
        rrset = make_rrset(type_, ttl, [self.rdatas[group][index] for index in order])
        counter = self.counter(group)
        return Turns((0,), ((rrset,),), (counter,), counted(repeat(rrset), counter))


@lru_cache(maxsize=256)
def _everyone(groups: int) -> Choice:
    return tuple(range(groups)), ()


def spin(
    order: tuple[int, ...],
    choices: tuple[tuple[RRset, ...], ...],
    counters: tuple[Counter, ...],
    build: Callable[[RRset], _T],
    random: Random,
) -> Iterator[_T]:
    """Endless turns of ``build``'s results, each built once, from a random phase on.

    Without it each new reader would begin with the heaviest group. Runs in C alone: safe to share between threads.
    Of as few objects as can be, for there are many such turns, and few of them are in the processor's cache.
    """
    groups = [
        counted(_turning([build(choice) for choice in group], random), counter)
        for group, counter in zip(choices, counters, strict=True)
    ]
    if len(order) == 1:
        return groups[order[0]]
    return map(next, cycle(_rotate([groups[index] for index in order], random)))


def _turning(items: list[_T], random: Random) -> Iterator[_T]:
    return repeat(items[0]) if len(items) == 1 else cycle(_rotate(items, random))


def make_turns(
    weights: Sequence[int], choices: tuple[tuple[RRset, ...], ...], counters: tuple[Counter, ...], random: Random
) -> Turns:
    """Turns of groups with ``weights`` of 1 or more."""
    order = _order(tuple(weights)) if weights else ()
    return Turns(order, choices, counters, spin(order, choices, counters, lambda choice: choice, random))


def compile_rule(steering: Steering, rule: Rule, kind: RecordType, random: Random, served: Served) -> Steered:
    """What ``rule`` answers for ``kind``, which is A or AAAA; ``served`` counts that.

    Raises:
        SnapshotError: a weight, share, TTL or address that cannot be.
    """
    groups = groups_for(rule, kind)
    if any(group.weight < 1 for group in groups) or not 0 <= rule.withheld <= WITHHELD:
        raise SnapshotError(f"{steering.name}: weights are 1 or more, and withheld is within 0..{WITHHELD}")
    if rule.withheld == WITHHELD:
        groups = ()
    record = NUMBERS[kind], steering.ttl, steering.answers
    rdatas = tuple([_rdatas(kind, tuple([target.value for target in group.targets])) for group in groups])
    pattern = _pattern(rule.withheld if groups else WITHHELD)
    made = Steered(
        name=steering.name,
        groups=groups,
        pick=rule.pick,
        choices=tuple([_choices(record, values) for values in rdatas]),
        rdatas=rdatas,
        record=record,
        no_answer=rule.no_answer,
        pattern=pattern,
        gate=cycle(_rotate(list(pattern), random)) if len(pattern) > 1 else _GATES[pattern[0]],
        random=random,
        tells_apart=_tells_apart(rule.pick, groups),
        may_fail=rule.no_answer is NoAnswer.SERVFAIL and any(pattern),
        served=served,
    )
    if served.asked:  # and so is likely to be asked again, by somebody who would have to wait for it
        made.turns(made.everyone)
    return made


def _tells_apart(pick: Pick, groups: tuple[Group, ...]) -> bool:
    several = len(groups) > 1
    if pick is Pick.STICKY:
        return several or any(len(group.targets) > 1 for group in groups)
    return several and pick is Pick.NEAREST


def _pattern(withheld: int) -> tuple[bool, ...]:
    """Whether each answer of a cycle is withheld, ``withheld`` of 256, spread evenly."""
    if withheld in (0, WITHHELD):
        return (withheld > 0,)
    return tuple(index == 1 for index in _order((WITHHELD - withheld, withheld)))


@lru_cache(maxsize=4096)
def _rdatas(kind: RecordType, values: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple([wire_rdata(kind, value)[1] for value in values])


@lru_cache(maxsize=4096)
def _choices(record: tuple[int, int, int], rdatas: tuple[bytes, ...]) -> tuple[RRset, ...]:
    """What a group with these addresses gives in turn: the same value for all services that have them."""
    number, ttl, answers = record
    runs = _windows(len(rdatas), answers)
    return tuple([make_rrset(number, ttl, [rdatas[index] for index in run]) for run in runs])


def _rotate(items: list[_T], random: Random) -> list[_T]:
    if not items:
        return items
    start = random.randrange(len(items))
    return items[start:] + items[:start]

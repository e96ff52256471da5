"""What a service answers for one record type: rules, and which of their answers a client gets (RFC 7871)."""

from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import NamedTuple

import msgspec
from msgspec import structs

from gslb.errors import SnapshotError
from gslb.model.location import Client
from gslb.model.steering import RecordType, Steering
from gslb.nameserver.first import GIVEN, First
from gslb.nameserver.selector import Selector, make_selector
from gslb.nameserver.served import Served
from gslb.nameserver.steered import NOT_FOR_THEM, NUMBERS, Choice, Steered, compile_rule

_selector = lru_cache(maxsize=256)(make_selector)  # there are fewer sets of areas than services


class Place(NamedTuple):
    """What a client gets. Clients of one rule and choice are given the same answers in turn.

    Attributes:
        rule: index of the rule.
        choice: which of its answers.
        scope: bits of the client's address for which this holds; 0 where it holds for every client.
    """

    rule: int
    choice: Choice
    scope: int


class Tailored(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Answers of one type.

    Attributes:
        selector: which rule a client is in.
        rules: what each says.
        same: what every client gets; None where clients are told apart.
        needs_location: whether it matters where a client is.
        first: whether any answer of the service was given, in any type.
    """

    selector: Selector
    rules: tuple[Steered, ...]
    same: Place | None
    needs_location: bool
    first: First

    @property
    def may_be_negative(self) -> bool:
        """Whether some answers are without any address."""
        return any(any(rule.pattern) for rule in self.rules)

    def has(self, place: Place) -> bool:
        """Whether there is such a place, of all that clients with no order of their own may get."""
        if place.rule >= len(self.rules):
            return False
        (chosen, order), groups = place.choice, self.rules[place.rule].groups
        return not order and bool(chosen) == bool(groups) and max(chosen, default=-1) < len(groups)

    def place(self, client: Client, prefix: int) -> Place:
        """What ``client`` gets.

        One who does not want to be told apart, and so comes without any bit of an address, is answered like all of
        whom nothing is known: the answer is then right for every such client of its resolver, whoever that is. A
        resolver that would rather have an answer for its own place tells its own address (RFC 7871, section 7.1.2).

        Args:
            client: who asks.
            prefix: bits of its address for which its location is so.
        """
        if self.same:
            return self.same
        rule = self.selector.select(client)
        steered = self.rules[rule]
        if not client.network.prefixlen:
            return Place(rule, steered.everyone, 0)
        located = prefix if self.selector.codes or steered.needs_location else 0
        version = client.network.version
        # 1 at least: 0 would make the answer that of the other family's clients as well.
        scope = max(1, located, steered.scope(version), self.selector.scope(client.network))
        return Place(rule, steered.choose(client), scope)


def compile_steering(
    steering: Steering, random: Random, first: First = GIVEN, served: Served | None = None
) -> Mapping[int, Tailored]:
    """Answers by type number; a type that is left out is NODATA. ``served`` counts them.

    Raises:
        SnapshotError: a weight, TTL, address or network that cannot be, or no rule for everybody.
    """
    if not steering.rules or steering.answers < 1:
        raise SnapshotError(f"{steering.name}: needs a rule, and answers of 1 or more")
    if RecordType.CNAME in steering.types:
        raise SnapshotError(f"{steering.name}: CNAME cannot be steered here")
    selector, counts = _selector(tuple([rule.match for rule in steering.rules])), served or Served()
    return {NUMBERS[kind]: _tailor(steering, selector, kind, random, first, counts) for kind in steering.types}


@lru_cache(maxsize=256)
def _everywhere(choice: Choice) -> Place:
    """What every client gets."""
    return Place(0, choice, 0)


def _tailor(
    steering: Steering, selector: Selector, kind: RecordType, random: Random, first: First, served: Served
) -> Tailored:
    reached = steering.rules[: selector.last + 1]
    rules = tuple([compile_rule(steering, rule, kind, random, served) for rule in reached])
    empty = [rule for rule in rules if not rule.groups]
    if empty and len(empty) < len(rules):
        rules = tuple([rule if rule.groups else structs.replace(rule, error=NOT_FOR_THEM) for rule in rules])
    alike = not selector.parts and not rules[0].tells_apart
    same = _everywhere(rules[0].everyone) if alike else None
    needs_location = bool(selector.codes) or any(rule.needs_location for rule in rules)
    return Tailored(selector, rules, same, needs_location, first)

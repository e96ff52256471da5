"""What is over never says more than what is known of the record sets of a service."""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gslb.control.writing.standing import Standing, Wanted
from gslb.model.recordset import Marker, RecordSet
from gslb.model.steering import Steering
from providers.base import Lane
from tests.control.writing.held import Cloud, Held
from tests.control.writing.rig import ONE, TWO, S, answer

STEERINGS = [answer(S[0], ONE), answer(S[0], TWO), answer(S[0], ONE, TWO)]
OPTIONS = Held(Cloud())


def records(steering: Steering) -> tuple[RecordSet, ...]:
    return tuple(OPTIONS.render(steering).records)


@dataclass
class Given:
    """What some place may give: a steering, and the newest generation that wanted it so far."""

    steering: Steering
    generation: int


class StandingMachine(RuleBasedStateMachine):
    """Decisions, and writes that succeed, fail or are lost, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.standing, self.generation, self.now = Standing(), 0, 0.0
        self.decided: list[Steering] = []
        self.places: list[int] = [-1]
        """which decisions places may give: numbers of the list above; -1 for whatever was there before"""
        self.sent: tuple[int, Wanted | None] | None = None

    @property
    def newest(self) -> int:
        return len(self.decided) - 1

    @initialize(steering=st.sampled_from(STEERINGS))
    def begin(self, steering: Steering) -> None:
        self.decide(steering)

    @rule(steering=st.sampled_from(STEERINGS))
    def decide(self, steering: Steering) -> None:
        self.now += 1
        self.decided.append(steering)
        self.standing.want(steering, self.newest + 1, self.now, self.now)
        self.standing.advance(self.newest + 1)

    @precondition(lambda self: self.sent is None and self.standing.pending)
    @rule()
    def send(self) -> None:
        self.sent = self.newest, self.standing.begin(Lane.ROUTINE)

    @precondition(lambda self: self.sent is not None)
    @rule(outcome=st.sampled_from(["taken", "refused", "lost", "lost, but taken"]))
    def end(self, outcome: str) -> None:
        assert self.sent is not None
        number, wanted = self.sent
        self.sent = None
        if "taken" in outcome:
            self.places.append(number)
        if outcome == "taken":
            self.standing.wrote(records(self.decided[number]), Marker(S[0], "us", 1, number), wanted)
            self.standing.followed = True
        elif outcome != "refused":
            self.standing.lost()
        self.standing.writing = False
        self.standing.advance(self.newest + 1)

    @precondition(lambda self: self.sent is None)
    @rule()
    def read(self) -> None:
        """What is there is what was taken last."""
        there = records(self.decided[self.places[-1]]) if self.places[-1] >= 0 else ()
        if set(there) == set(records(self.decided[self.newest])):
            marker = Marker(S[0], "us", 1, self.places[-1])
            if self.standing.pending and self.standing.found(there, marker):
                self.standing.followed = True

    @precondition(lambda self: self.standing.followed and self.sent is None)
    @rule()
    def confirm(self) -> None:
        """All places give what was taken last."""
        del self.places[:-1]
        self.standing.confirm(self.newest + 1)

    @invariant()
    def no_place_gives_what_is_older(self) -> None:
        """A place gives a generation if its answers are those that the generation wanted."""
        over = self.standing.over
        assert over <= self.newest + 1
        if over:
            wanted = range(over - 1, len(self.decided))
            for number in self.places:
                assert number >= 0
                assert any(self.decided[number] == self.decided[later] for later in wanted)


TestStanding = StandingMachine.TestCase


def test_what_is_written_while_it_comes_to_be_removed_is_not_removed() -> None:
    standing = Standing()
    standing.want(STEERINGS[0], 1, 0.0, 0.0)
    wanted = standing.begin(Lane.ROUTINE)
    standing.remove(1.0)
    standing.wrote(records(STEERINGS[0]), Marker(S[0], "us", 1, 1), wanted)
    assert standing.pending
    assert not standing.removed

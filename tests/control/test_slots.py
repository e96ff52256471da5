"""So many at a time, the others in turn."""

import sys
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gslb.control.slots import Slots


class Users:
    """Takes slots in the name of numbered users, and notes who had one."""

    def __init__(self, most: int, *, brief: bool = False) -> None:
        self.slots = Slots(most)
        self.served: list[int] = []
        self.using = self.most = 0
        self._brief = brief

    def ask(self, number: int) -> None:
        self._turn(number)()

    def give(self) -> None:
        self.using -= 1
        self.slots.give()

    def _turn(self, number: int) -> Callable[[], None]:
        def turn() -> None:
            if not self.slots.free:
                self.slots.wait(turn)
                return
            self.slots.take()
            self.served.append(number)
            self.using += 1
            self.most = max(self.most, self.using)
            if self._brief:
                self.give()

        return turn


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=60))
def test_never_more_than_so_many_at_a_time_and_each_in_the_order_in_which_it_came(
    most: int, actions: list[bool]
) -> None:
    users, asked = Users(most), 0
    for ask in actions:
        if ask:
            users.ask(asked)
            asked += 1
        elif users.using:
            users.give()
        assert users.using == min(most, asked - (len(users.served) - users.using))
        assert users.slots.free is (users.using < most)
    assert users.most <= most
    assert users.served == list(range(len(users.served)))


def test_ten_thousand_that_give_back_at_once_do_not_nest() -> None:
    users, deepest = Users(1, brief=True), 0
    users.slots.take()

    def measured(turn: Callable[[], None]) -> Callable[[], None]:
        def measure() -> None:
            nonlocal deepest
            depth, frame = 0, sys._getframe()
            while frame.f_back is not None:
                depth, frame = depth + 1, frame.f_back
            deepest = max(deepest, depth)
            turn()

        return measure

    for number in range(10_000):
        users.slots.wait(measured(users._turn(number)))
    before, frame = 0, sys._getframe()
    while frame.f_back is not None:
        before, frame = before + 1, frame.f_back
    users.slots.give()
    assert users.served == list(range(10_000))
    assert users.slots.free
    assert deepest <= before + 3


def test_a_turn_that_is_not_taken_goes_to_the_next() -> None:
    users = Users(1)
    users.ask(0)
    users.slots.wait(lambda: None)
    users.ask(1)
    users.give()
    assert users.served == [0, 1]


def test_several_are_served_at_once_when_several_are_free() -> None:
    users = Users(3)
    for number in range(5):
        users.ask(number)
    assert users.served == [0, 1, 2]
    users.give()
    users.give()
    assert users.served == [0, 1, 2, 3, 4]
    assert users.using == 3


def test_after_a_turn_that_raises_the_others_are_still_served() -> None:
    users = Users(1)
    users.ask(0)

    def faulty() -> None:
        raise ZeroDivisionError

    users.slots.wait(faulty)
    users.ask(1)
    try:
        users.give()
    except ZeroDivisionError:
        users.slots.take()
        users.slots.give()
    assert users.served == [0, 1]

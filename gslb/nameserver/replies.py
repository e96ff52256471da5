"""The first level of what is kept ready: whole packets, which lead to what is said to them without being looked at."""

import time
from collections.abc import Callable, Iterator
from itertools import repeat
from threading import Lock
from typing import NamedTuple

from gslb.nameserver.parts import Sendable
from gslb.nameserver.polite import politely
from gslb.nameserver.template import Template

MOST = 2**16
"""packets that are kept, and responses that they lead to, together"""

_PAUSE = 5.0
"""seconds at least between two times that packets are thrown away because there are too many"""


class Personal(NamedTuple):
    """What a single client is said that sends a cookie, in place of what a template says to all.

    Attributes:
        address: octets of the only address that it is for.
        cookie: what responses end with; None: what the packet has there.
        turns: of the template.
    """

    address: bytes
    cookie: bytes | None
    turns: Iterator[Sendable]


class Replies:
    """Packets that have come again, and their responses. When there are too many all are thrown away, but not often.

    Args:
        retire: see ``Memory``.

    Attributes:
        turns: by packet, with zeros for the id. Where all are thrown away there is another dictionary.
    """

    __slots__ = ("_exchange", "_held", "_personal", "_retire", "_since", "_spent", "_spent_theirs", "_theirs", "turns")

    def __init__(self, retire: Callable[[object], None]) -> None:
        self._retire = retire
        self._exchange = Lock()
        self._begin()
        self._since = 0.0

    def _begin(self) -> None:
        self._held: dict[Template, None] = {}
        self._theirs: dict[Template, None] = {}
        self._personal: list[bytes] = []
        self._spent = self._spent_theirs = 0
        self._since = time.monotonic()
        self.turns: dict[bytes, Iterator[Sendable | Personal]] = {}

    def add(self, key: bytes, template: Template) -> None:
        """Have what ``template`` says at ``key``, if there is room."""
        with self._exchange:
            if self._has_room(1 + template.cost):
                self._spent += 1 if template in self._held else 1 + template.cost
                self._held[template] = None
                self.turns[key] = template.turns

    def add_personal(self, key: bytes, template: Template, address: bytes, cookie: bytes | None) -> None:
        """Have that at ``key`` for an address, if there is room, and it is not taken by another one."""
        if key in self.turns:
            return
        with self._exchange:
            if self._has_room(1 + template.cost):
                self._spent_theirs += 1 if template in self._theirs else 1 + template.cost
                self._theirs[template] = None
                self._personal.append(key)
                self.turns[key] = repeat(Personal(address, cookie, template.turns))

    def _has_room(self, cost: int) -> bool:
        if self._spent + self._spent_theirs + cost > MOST:
            if time.monotonic() - self._since < _PAUSE:
                return False
            self._forget()
        return True

    def forget_personal(self) -> None:
        """Throw those with cookies away."""
        with self._exchange:
            former, held = self._personal, self._theirs
            self._personal, self._theirs, self._spent_theirs = [], {}, 0
        for _ in politely(range(len(former))):
            self.turns.pop(former.pop(), None)
        self._retire(held)

    def forget(self) -> None:
        """Throw all away."""
        with self._exchange:
            self._forget()

    def _forget(self) -> None:
        former = self.turns, self._held, self._theirs
        self._begin()
        self._retire(former)

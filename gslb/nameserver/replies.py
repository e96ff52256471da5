"""The first level of what is kept ready: whole packets, which lead to what is said to them without being looked at."""

import time
from collections.abc import Callable, Iterator
from itertools import repeat
from threading import Lock
from typing import NamedTuple

from gslb.nameserver.polite import politely
from gslb.nameserver.template import Record, Template

MOST = 2**16
"""packets that are kept"""

_PAUSE = 5.0
"""seconds at least between two times that packets are thrown away because there are too many"""


class Personal(NamedTuple):
    """What a single client is said that sends a cookie, in place of a record.

    Attributes:
        address: octets of the only address that it is for.
        cookie: what responses end with; None: what the packet has there.
        turns: records.
    """

    address: bytes
    cookie: bytes | None
    turns: Iterator[Record]


class Replies:
    """Packets that have come again, and their responses. When there are too many all are thrown away, but not often.

    Args:
        retire: see ``Memory``.

    Attributes:
        turns: by packet, with zeros for the id. Where all are thrown away there is another dictionary.
    """

    __slots__ = ("_exchange", "_held", "_personal", "_retire", "_since", "turns")

    def __init__(self, retire: Callable[[object], None]) -> None:
        self.turns: dict[bytes, Iterator[Record | Personal]] = {}
        self._held: dict[Template, None] = {}
        self._personal: list[bytes] = []
        self._retire = retire
        self._since = 0.0
        self._exchange = Lock()

    def add(self, key: bytes, template: Template) -> None:
        """Have what ``template`` says at ``key``, if there is room."""
        if self._has_room():
            turns = self.turns  # first: else another thread may forget what is held between the two
            self._held[template] = None
            turns[key] = template.turns

    def add_personal(self, key: bytes, template: Template, address: bytes, cookie: bytes | None) -> None:
        """Have that at ``key`` for an address, if there is room, and it is not taken by another one."""
        if key not in self.turns and self._has_room():
            with self._exchange:
                self._held[template] = None
                self._personal.append(key)
                self.turns.setdefault(key, repeat(Personal(address, cookie, template.turns)))

    def _has_room(self) -> bool:
        if len(self.turns) >= MOST:
            if time.monotonic() - self._since < _PAUSE:
                return False
            self.forget()
        return True

    def forget_personal(self) -> None:
        """Throw those with cookies away."""
        with self._exchange:
            former, self._personal = self._personal, []
        for key in politely(former):
            self.turns.pop(key, None)

    def forget(self) -> None:
        """Throw all away."""
        with self._exchange:  # else what another thread throws away meanwhile would be retired by neither
            former, held = self.turns, self._held
            self._held, self._personal = {}, []
            self.turns = {}
            self._since = time.monotonic()
        self._retire((former, held))

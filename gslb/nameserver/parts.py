"""A response in parts: what is ours, and what it shares with the packet that asks for it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from gslb.nameserver.wire import HEADER_SIZE, ID_SIZE

MAX_TAIL_AT = 223
"""how far into a packet the tail may begin: listeners keep packets so that up to there all addresses in one differ in a
single byte"""


class Parts(NamedTuple):
    """A response: id, ``head``, what the packet has from there to ``question_end``, ``body``, and the tail.

    Attributes:
        head: the header without the id.
        body: what follows the question.
        question_end: where the question of the packet ends; the end of the header, if it is not repeated.
        tail_at: where the packet has the tail.
        tail_size: its bytes. Where they are not to be those of the packet they are said apart.
    """

    head: bytes
    body: bytes
    question_end: int
    tail_at: int = 0
    tail_size: int = 0

    def joined(self, packet: bytes, tail: bytes | None = None) -> bytes:
        """The response to ``packet``, without the id; with ``tail`` where that is said."""
        if tail is None:
            tail = packet[self.tail_at : self.tail_at + self.tail_size]
        return b"".join((self.head, packet[HEADER_SIZE : self.question_end], self.body, tail))


Sendable = Any
"""What listeners are given of a response: ``Parts``, or what ``pin`` made of them."""

Pin = Callable[[Parts], Sendable]
"""Makes what is of use to a listener for as long as the parts are in memory."""


def whole(response: bytes) -> Parts:
    """``response``, of which nothing is taken from the packet but the id."""
    return Parts(response[ID_SIZE:HEADER_SIZE], response[HEADER_SIZE:], HEADER_SIZE)


def as_they_are(parts: Parts) -> Parts:
    """What is wanted of parts by whoever joins them."""
    return parts

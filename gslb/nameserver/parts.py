"""A response in parts: what is ours, and what it shares with the packet that asks for it."""

from typing import NamedTuple

from gslb.nameserver.wire import HEADER_SIZE

_ID = 2

MAX_TAIL_AT = 223
"""how far into a packet the tail may begin: listeners keep packets so that up to there all addresses in one differ in a
single byte"""


class Parts(NamedTuple):
    """A response: id, ``head``, what the packet has from there to ``question``, ``body``, and the tail.

    Attributes:
        head: the header without the id.
        body: what follows the question.
        question: where the question of the packet ends; the end of the header, if it is not repeated.
        tail_at: where the packet has the tail.
        tail: its bytes. Where they are not to be those of the packet they are said apart.
    """

    head: bytes
    body: bytes
    question: int
    tail_at: int = 0
    tail: int = 0

    def joined(self, packet: bytes, tail: bytes | None = None) -> bytes:
        """The response to ``packet``, without the id; with ``tail`` where that is said."""
        if tail is None:
            tail = packet[self.tail_at : self.tail_at + self.tail]
        return b"".join((self.head, packet[HEADER_SIZE : self.question], self.body, tail))


def whole(response: bytes) -> Parts:
    """``response``, of which nothing is taken from the packet but the id."""
    return Parts(response[_ID:HEADER_SIZE], response[HEADER_SIZE:], HEADER_SIZE)


def as_they_are(parts: Parts) -> Parts:
    """What is wanted of parts by whoever joins them."""
    return parts

"""The records of a response, one after another, their owner names compressed (RFC 1035, section 4.1.4).

Names within rdata are sent in full: records are made once, for messages of any layout.
"""

from collections.abc import Iterable

from gslb.nameserver.rrset import Owned, RRset

_POINTER = 0xC000
"""first two bits of a pointer; the others are where it points to"""

_REACH = 2**14
"""bytes of a message that can be pointed to"""


class Sections:
    """Records of a message, as far as they are written.

    Args:
        question: the name in the question, in the form of owner names; may be empty.
        at: where that is in the message.
        size: bytes of the message before the first record.

    Attributes:
        size: bytes of the message so far.
    """

    __slots__ = ("_names", "_pieces", "size")

    def __init__(self, question: bytes, at: int, size: int) -> None:
        self.size = size
        self._pieces: list[bytes] = []
        self._names: dict[bytes, bytes] = {}
        self._remember(question, at, len(question) - 1)

    @property
    def body(self) -> bytes:
        """All records."""
        return b"".join(self._pieces)

    def add(self, part: Iterable[Owned], limit: int = 2**32) -> int:
        """Append RRsets and tell how many records they have. One that would pass ``limit`` bytes is the end of it.

        Nothing can be added after such an end.
        """
        count = 0
        for name, rrset in part:
            pieces = self._packed(name, rrset)
            size = self.size + sum(map(len, pieces))
            if size > limit:
                break
            self.size = size
            self._pieces += pieces
            count += len(rrset.bodies)
        return count

    def _packed(self, name: bytes, rrset: RRset) -> list[bytes]:
        first = self._names.get(name) or self._written(name)
        owner = self._names.get(name, first)
        pieces = [piece for body in rrset.bodies for piece in (owner, body)]
        pieces[0] = first
        return pieces

    def _written(self, name: bytes) -> bytes:
        """``name`` as it goes to the end of the message: its labels up to those that are there already."""
        at, names = 0, self._names
        while name[at] and name[at:] not in names:
            at += name[at] + 1
        shortened = name[:at] + names.get(name[at:], b"\x00")
        self._remember(name, self.size, at)
        return shortened

    def _remember(self, name: bytes, place: int, new: int) -> None:
        """The ``new`` bytes that ``name``, which is written at ``place``, begins with can be pointed to from now on."""
        at = 0
        while at < new and place + at < _REACH:
            self._names[name[at:]] = (_POINTER | place + at).to_bytes(2)
            at += name[at] + 1

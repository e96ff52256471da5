"""What is said of names that do not exist, or that a wildcard stands for: the same below one name that exists."""

import struct
import time
from collections.abc import Callable, Mapping

from gslb.nameserver.parts import MAX_TAIL_AT, Parts
from gslb.nameserver.rrset import CNAME, DNAME
from gslb.nameserver.template import Case, Choices, Echo, Mould, Template, choices_of
from gslb.nameserver.wire import HEADER_SIZE, MAX_NAME, MAX_UDP, PLAIN_UDP, TC

MAX_LENGTHS = 64
"""lengths of names that do not exist for which there are templates"""

MAX_MOVED = 1024
"""responses in all of these, but for the first"""

_PAUSE = 1.0
"""seconds at least between two times that templates for lengths are thrown away"""

_POINTER, _POINTER_SIZE = 0xC000, 2
_SHORT = struct.Struct(">H")


class Below:
    """What is said of the names below one that exists, if they do not: that, or what a wildcard says.

    Args:
        case: such a name was asked for.
        choices: what is said to that.
        existing: names that do exist.
        echo: what responses end with.
        tail: bytes in which packets differ, at their end.
        mould: makes templates.
        retire: lets go of some that may be in use.

    Attributes:
        existing, echo, tail: likewise.
        cost: what keeping it takes, where the least is 1.
    """

    def __init__(
        self,
        case: Case,
        choices: Choices,
        existing: Mapping[bytes, object],
        echo: Echo,
        tail: int,
        mould: Mould,
        retire: Callable[[object], None],
    ) -> None:
        self.existing, self.echo, self.tail = existing, echo, tail
        self._case, self._choices, self._mould, self._retire = case, choices, mould, retire
        self._length = length = len(case.query.name)
        template = mould.of(case, choices)
        self._longest = min(MAX_NAME, PLAIN_UDP - template.size - echo.size)
        if echo.size:
            self._longest = min(self._longest, MAX_TAIL_AT - echo.at + length)
        authority = case.answer.reply.authority
        self._owner = len(authority[0][0]) if authority else 0
        self._templates: dict[int, Template] = {length: template}
        self._most = min(MAX_LENGTHS, 1 + MAX_MOVED // template.cost)
        self._since = 0.0
        self.cost = 1 + template.cost // 2

    def template(self, length: int) -> Template | None:
        """That for a name of so many bytes; None if there is none."""
        if length > self._longest:
            return None
        found = self._templates.get(length)
        if found is None and self._has_room():
            made = self._mould.of(self._case, {it: self._moved(parts, length) for it, parts in self._choices.items()})
            found = self._templates.setdefault(length, made)  # that of another thread is in use
        return found

    def _moved(self, parts: Parts, length: int) -> Parts:
        """The owner of the SOA record is a pointer to the end of the name in the question, wherever that is."""
        by, body = length - self._length, parts.body
        if self._owner:
            body = _pointer(length, self._owner) + body[_POINTER_SIZE:]
        return Parts(parts.head, body, parts.question_end + by, parts.tail_at + by, parts.tail_size)

    def _has_room(self) -> bool:
        """Whether there is room for another length; after a while there is."""
        if len(self._templates) < self._most:
            return True
        now = time.monotonic()
        if now - self._since < _PAUSE:
            return False
        self._since = now
        former, self._templates = self._templates, {}
        self._retire(former)
        return True


def make_below(
    case: Case, existing: Mapping[bytes, object], echo: Echo, tail: int, mould: Mould, retire: Callable[[object], None]
) -> Below | None:
    """What is said of the names beside that of ``case``, which does not exist; None if it cannot be told from that."""
    reply, name, tailored = case.answer.reply, case.query.name, case.answer.tailored
    told_apart = tailored is not None and tailored.same is None
    withheld = case.steered is not None and any(case.steered.pattern)
    led_on = any(owner != name or rrset.type in {CNAME, DNAME} for owner, rrset in reply.answer)  # where to, and back?
    if told_apart or led_on or withheld or reply.additional or reply.optional or (reply.authority and reply.answer):
        return None
    choices = choices_of(case, echo, MAX_UDP if case.query.edns else PLAIN_UDP)
    if choices is None or any(parts.head[0] & TC >> 8 for parts in choices.values()):
        return None
    if reply.authority:
        (owner, rrset), *more = reply.authority
        pointer = choices[id(None)].body[:_POINTER_SIZE]
        if more or len(rrset.bodies) > 1 or pointer != _pointer(len(name), len(owner)):
            return None
    return Below(case, choices, existing, echo, tail, mould, retire)


def _pointer(length: int, owner: int) -> bytes:
    """To the last ``owner`` bytes of a name in the question that has ``length``."""
    return _SHORT.pack(_POINTER | HEADER_SIZE + length - owner)

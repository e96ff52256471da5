"""What waits to be delivered, and how a delivery fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from gslb.errors import GslbError
from gslb.model.event import Event


@dataclass(frozen=True, slots=True)
class Waiting:
    """One event for one channel. ``id`` stays the same however often it is sent, and over all channels."""

    id: str
    event: Event

    @property
    def fault(self) -> str | None:
        """Why it can neither be kept nor sent, as text that is not Unicode; None where it can."""
        try:
            msgspec.json.encode(self)
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            return str(error)
        return None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a channel has to deliver yet: the oldest first, and how many were lost that nobody was told of."""

    waiting: tuple[Waiting, ...] = ()
    lost: int = 0


class UndeliveredError(GslbError):
    """A delivery has failed.

    Attributes:
        again: whether it is to be tried again; else the receiver does not want it.
        after: seconds that the receiver asked to be left alone; None where it did not.
    """

    def __init__(self, reason: str, *, again: bool = True, after: float | None = None) -> None:
        self.again, self.after = again, after
        super().__init__(reason)


class Sender(Protocol):
    """How one channel delivers. ``most`` is how many events one delivery takes."""

    most: int

    async def deliver(self, waiting: Sequence[Waiting], lost: int) -> None:
        """Deliver events, and tell that so many before them were lost.

        Raises:
            UndeliveredError: they are not delivered.
        """

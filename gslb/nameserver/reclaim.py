"""Letting go of what another thread may be using at this moment: quiescent-state-based reclamation.

Listeners look up what they use anew for each batch of packets. So what nobody finds any more is out of use once every
listener has ended the batch that it was in the midst of.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import count

from gslb.nameserver.polite import let_go, politely


class Reader:
    """Where a listener is. Only its own thread writes here.

    Attributes:
        begun: batches so far. Counted before anything is looked up for one.
        ended: those of them that are done with.
    """

    __slots__ = ("begun", "ended")

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0


class Reclaimer:
    """Keeps what was taken out of use until no reader can be in the midst of using it."""

    def __init__(self) -> None:
        self._readers: tuple[Reader, ...] = ()
        self._retired: deque[tuple[tuple[int, ...], object]] = deque()

    def reader(self) -> Reader:
        """A further reader."""
        made = Reader()
        self._readers += (made,)
        return made

    def retire(self, thing: object) -> None:
        """Keep ``thing``, which nobody finds any more from now on, as long as is needed. Any thread may call it."""
        self._retired.append((self._begun(), thing))

    def reclaim(self) -> None:
        """Free what is out of use, a little at a time. For a thread that nobody waits for."""
        for _ in politely(count()):
            if not self._retired or not self._have_ended(self._retired[0][0]):
                return
            _, thing = self._retired.popleft()
            let_go(thing)

    def under_way(self) -> Callable[[], bool]:
        """Says, when called, whether some batch has not ended yet that is under way now."""
        begun = self._begun()
        return lambda: not self._have_ended(begun)

    def _begun(self) -> tuple[int, ...]:
        return tuple(reader.begun for reader in self._readers)

    def _have_ended(self, begun: Iterable[int]) -> bool:
        return all(reader.ended >= number for reader, number in zip(self._readers, begun, strict=False))

"""What a nameserver has left behind, told apart by who published it.

Every control process counts its generations for itself. To compare those of different processes would be to trust that
no state is ever lost and no wall clock set back.
"""

import msgspec

MAX_LATER = 64
"""Publishers that are remembered as later; more are taken for earlier ones, which is on the safe side."""


class Watermark(msgspec.Struct, frozen=True):
    """What was published before this is answered nowhere any more.

    Attributes:
        publisher: the control process that published the oldest answers that may still be given.
        generation: theirs.
        later: publishers that are known to have come after it.
    """

    publisher: str
    generation: int
    later: tuple[str, ...] = ()

    def covers(self, publisher: str, generation: int) -> bool:
        """Whether what was published as this is as new, or newer."""
        if publisher == self.publisher:
            return generation >= self.generation
        return publisher in self.later

    def followed_by(self, publisher: str) -> "Watermark":
        """The same, when ``publisher`` has begun to publish."""
        return Watermark(self.publisher, self.generation, (*self.later, publisher)[:MAX_LATER])

"""How many connections may be kept open for their own sake: idle ones, and tripwires."""


class Allowance:
    """So many, for whoever comes first; the others do without.

    Args:
        most: connections at a time.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self) -> bool:
        """Whether one more may be kept."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def give(self) -> None:
        """One is kept no longer."""
        self._left += 1

"""How long to wait before a restart. Pure; the clock is the supervisor's."""

FIRST_DELAY = 0.1  # seconds
LONGEST_DELAY = 10.0
STEADY = 10.0  # seconds of life after which an exit is not held against a process

_MOST_DOUBLINGS = 7  # reaches the longest delay, and keeps the power small


def next_restart(quick_exits: int, lived: float) -> tuple[float, int]:
    """The seconds to wait after a process ended that had ``lived`` so long, and the new number of quick exits.

    The first restart is immediate, the second waits 0.1 s, each further one twice as long as the one before, up to
    10 s. A process that lived for 10 s starts over.

    Args:
        quick_exits: exits in a row, before this one, since the process last lived for 10 s.
        lived: seconds from the start of the process to its end.
    """
    if lived >= STEADY or quick_exits == 0:
        return 0.0, 1
    return min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(quick_exits - 1, _MOST_DOUBLINGS)), quick_exits + 1

"""What a supervisor keeps alive, and how it and its processes understand each other."""

import os
from dataclasses import dataclass

TAKE_OVER = "GSLB_TAKE_OVER"
"""variable in the environment of a process that is to take the place of the one that has its name now"""

CANNOT_TAKE_OVER = os.EX_TEMPFAIL
"""exit code of a process that could start, but only if the one before it has ended"""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep alive.

    Attributes:
        name: it holds ``NAME.lock`` while it lives. The one named ``control`` is sent each SIGHUP.
        command: its command line; it must record the same words in its lock, or it is replaced instead of adopted.
        descriptors: open files of the supervisor that it is given, under the same numbers.
        takes_over: it can take the place of a live one; else that is ended first.
    """

    name: str
    command: tuple[str, ...]
    descriptors: tuple[int, ...] = ()
    takes_over: bool = False

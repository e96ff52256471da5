"""``aiohttp_prober`` as a contender."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.origin import Origin
from benchmarks.prober import Accountable, Check, accountable
from benchmarks.processes import python


@dataclass(frozen=True, slots=True)
class Aiohttp:
    """aiohttp's ClientSession on uvloop.

    Attributes:
        keep: keep connections alive; otherwise each probe has one of its own.
    """

    rate: float
    keep: bool
    check: Check = Check.HTTP
    programs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As printed."""
        return f"aiohttp, {'kept alive' if self.keep else 'new connection'}"

    def probing(self, origin: Origin, cpu: int, folder: Path) -> AbstractContextManager[Accountable]:
        """See ``prober.Contender``."""
        endpoints = ("--endpoints", str(len(origin.endpoints)), "--port", str(origin.port))
        keep = ("--keep",) if self.keep else ()
        command = python("aiohttp_prober", *endpoints, "--rate", str(self.rate), *keep)
        return accountable(command, folder / "aiohttp.log", cpu)

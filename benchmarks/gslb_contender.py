"""``gslb_prober`` as a contender."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.origin import Origin
from benchmarks.prober import Accountable, Check, accountable
from benchmarks.processes import python

_NAMES = {"http": "new connection", "keep": "kept alive", "tcp": "tcp"}


@dataclass(frozen=True, slots=True)
class Gslb:
    """gslb.

    Attributes:
        kind: ``http``, ``keep`` for HTTP over kept connections, or ``tcp``.
        whole: the control process with all that it does to a result; otherwise the monitor and its probes alone.
    """

    kind: str
    rate: float
    whole: bool = False
    programs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As printed."""
        return f"gslb, {_NAMES[self.kind]}{', whole control process' if self.whole else ''}"

    @property
    def check(self) -> Check:
        """See ``prober.Contender``."""
        return Check.TCP if self.kind == "tcp" else Check.HTTP

    def probing(self, origin: Origin, cpu: int, folder: Path) -> AbstractContextManager[Accountable]:
        """See ``prober.Contender``."""
        endpoints = ("--endpoints", str(len(origin.endpoints)), "--port", str(origin.port))
        whole = ("--whole",) if self.whole else ()
        command = python("gslb_prober", *endpoints, "--rate", str(self.rate), "--kind", self.kind, *whole)
        return accountable(command, folder / "gslb.log", cpu)

"""The port of whatever probes for the controller: the monitor of this process, and vantage points on other machines.

A prober gets the checks of its vantage points and delivers a ``ProbeResult`` for each attempt, whose ``key.vantage``
says where it was seen from and whose ``at`` is on the controller's monotonic clock. Nothing else is asked of it: votes
that are no longer renewed expire, and a vantage point whose own network fails is found out by what it says of its
targets.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from gslb.control.runner import CheckSetup
from gslb.model.names import VantageName
from gslb.model.observation import CheckKey
from probes.net.source import Source

Sources = Mapping[VantageName, Source]


class Prober(Protocol):
    """Probes what it is told to, and hands every result to the one who made it."""

    def configure(self, setups: Mapping[CheckKey, CheckSetup], sources: Sources | None = None) -> None:
        """Probe these from now on; a check that stays as it was keeps its phase.

        Args:
            setups: all checks.
            sources: where the sockets of vantage points come from; those not named take the machine as it is.
        """

    def hurry(self, keys: Iterable[CheckKey]) -> None:
        """Attempt these checks at once, apart from those that have an attempt under way."""

    async def run(self) -> None:
        """Work until cancelled."""

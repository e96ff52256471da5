"""The port that every contender of the reaction benchmark implements."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ZONE = "example.com"
SERVICE = f"api.{ZONE}"


@dataclass(frozen=True, slots=True)
class Site:
    """Two regions, of one address each, which answer ``GET /healthz`` with 200.

    Attributes:
        addresses: what the service is to be answered with while both are up.
        port: at both.
    """

    addresses: tuple[str, str]
    port: int


class Contender(Protocol):
    """A nameserver that checks and steers, in one configuration. A value."""

    @property
    def name(self) -> str:
        """As printed."""

    @property
    def interval(self) -> float:
        """Seconds between its checks of one address; a fault falls at a random moment of it."""

    @property
    def programs(self) -> tuple[str, ...]:
        """Names in ``tools.PACKAGES`` that it needs."""

    def answering(self, site: Site, folder: Path) -> AbstractContextManager[int]:
        """Check the site and answer ``SERVICE`` A with the addresses that are up, from here to the end of the block.

        Args:
            site: what to check, by way of addresses that this machine reaches as it would any other.
            folder: an empty folder for its files.

        Returns:
            The UDP port of 127.0.0.1 at which it answers. It may still hold one or both for down.

        Raises:
            BenchmarkError: it does not start.
        """

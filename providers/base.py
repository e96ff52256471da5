"""The port that every provider implements."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gslb.model.names import ServiceName
from gslb.model.steering import Steering


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do and how fast. Durations are seconds.

    Attributes:
        publication: longest from a decision to the provider's confirmation, when nothing is wrong.
        propagation: longest from there until all its servers answer so.
        min_ttl: lowest TTL that it takes.
    """

    publication: float
    propagation: float
    min_ttl: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """One place that answers for a provider, as status shows it.

    Attributes:
        name: for people.
        connected: it can be reached now.
        generation: the newest one it confirmed; None before the first.
    """

    name: str
    connected: bool
    generation: int | None


class Provider(Protocol):
    """Publishes the steering of all services of its zones."""

    @property
    def name(self) -> str:
        """As written in TOML."""

    def publish(self, generation: int, steerings: Mapping[ServiceName, Steering]) -> None:
        """Make ``steerings`` what is answered. Returns at once; of several calls the newest counts."""

    async def settled(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  the answer is a value, not an error
        """Whether ``generation`` or a newer one was confirmed everywhere within ``timeout`` seconds."""

    async def ended(self, generation: int, timeout: float) -> bool:  # noqa: ASYNC109  likewise
        """Whether no place can give answers of before ``generation`` any more within ``timeout`` seconds.

        Not even after a restart, as far as it knows: then what resolvers hold is all that is left of them.
        """

    def places(self) -> tuple[Place, ...]:
        """Where it answers, for status."""

    async def run(self) -> None:
        """Work until cancelled."""

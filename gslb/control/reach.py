"""How far what was published has come, by service: the oldest generation that whoever answers for it may give."""

from collections.abc import Callable, Collection

from gslb.model.names import ServiceName

Over = Callable[[ServiceName], int | None]


class Reach:
    """Joins what our own nameservers and the writers at API providers have confirmed.

    Args:
        over: what the writers say of a service; None where it is published at no API provider.

    Attributes:
        confirmed: the generation that all our nameservers answer by.
        ended: the generation before which none of them can give answers any more, not even after a restart.
    """

    def __init__(self, over: Over) -> None:
        self._over = over
        self._elsewhere: Collection[ServiceName] = frozenset()
        self.confirmed = self.ended = 0

    def configure(self, elsewhere: Collection[ServiceName]) -> None:
        """``elsewhere`` are services that our nameservers do not answer for."""
        self._elsewhere = elsewhere

    def confirmed_of(self, service: ServiceName) -> int:
        """The generation that all answer ``service`` by, or a newer one."""
        return self._least(service, self.confirmed)

    def ended_of(self, service: ServiceName) -> int:
        """The generation before which nobody can give answers of ``service`` any more."""
        return self._least(service, self.ended)

    def _least(self, service: ServiceName, own: int) -> int:
        there = self._over(service)
        if there is None:
            return own
        return there if service in self._elsewhere else min(own, there)

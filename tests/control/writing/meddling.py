"""What may go wrong with a request, to be given to a cloud."""

import asyncio
from collections.abc import Callable, Iterable

from providers.base import ProviderError
from tests.control.writing.held import Meddler, Moment, Seen

Which = Callable[[Seen], bool]


def of(*operations: str, first: int | None = None, number: Iterable[int] | None = None) -> Which:
    """Requests of some operations: the first few of them, or those with certain numbers among them."""
    seen = 0
    numbers = None if number is None else set(number)

    def is_meant(request: Seen) -> bool:
        nonlocal seen
        if operations and request.operation not in operations:
            return False
        seen += 1
        return seen <= first if first is not None else numbers is None or seen in numbers

    return is_meant


def failing(error: ProviderError | Exception, which: Which, moment: Moment = Moment.ARRIVING) -> Meddler:
    """Such requests fail, before or after they have done what they should."""

    async def meddle(seen: Seen, present: Moment) -> None:
        if present is moment and which(seen):
            raise error

    return meddle


def hanging(which: Which, moment: Moment = Moment.ARRIVING) -> Meddler:
    """Such requests are never answered."""

    async def meddle(seen: Seen, present: Moment) -> None:
        if present is moment and which(seen):
            await asyncio.get_running_loop().create_future()

    return meddle


def doing(action: Callable[[], object], which: Which, moment: Moment = Moment.ARRIVING) -> Meddler:
    """Something is done at such requests."""

    async def meddle(seen: Seen, present: Moment) -> None:
        if present is moment and which(seen):
            action()

    return meddle

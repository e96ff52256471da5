"""A visit to an account, as a command pays it: opened when it is asked first, never trusted, and closed at the end.

A provider is a plug-in: it may hang, or raise whatever it likes, and that concerns those alone who have asked it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from gslb.control.writing.access import PATIENCE, bucket_of
from gslb.control.writing.call import Call, OverdueError, Turnstile
from gslb.control.writing.opening import opened
from gslb.control.writing.setup import WriterSetup
from gslb.control.writing.site import MARGIN, READ_LIMIT
from gslb.model.recordset import RecordSet
from gslb.model.zone_plan import Change
from providers.base import (
    Account,
    AuthFailedError,
    HostedZone,
    Lane,
    OutcomeUnknownError,
    ProviderError,
    ThrottledError,
    UnavailableError,
)

T = TypeVar("T")
Work = Callable[[Account], Coroutine[Any, Any, T]]

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before what was one request too many is asked for again; besides, the pace is halved each time."""


class Visit:
    """A visit to one account.

    Args:
        setup: of one of its zones.
    """

    def __init__(self, setup: WriterSetup) -> None:
        self._options = setup.options
        self._throttle = Turnstile(bucket_of(setup.options, (setup.rate, setup.burst)))
        self._opening: asyncio.Future[Account] | None = None
        self._absent: ProviderError | None = None
        self._is_there = False

    async def read(self, setup: WriterSetup) -> tuple[HostedZone, tuple[RecordSet, ...]]:
        """The zone of ``setup``, and all record sets that it holds.

        Raises:
            ProviderError: it cannot be read.
        """
        zone = await self._ask("zone", lambda account: account.zone(setup.zone, Lane.ROUTINE))
        return zone, await self._ask("read", lambda account: account.read(zone, Lane.ROUTINE))

    async def apply(self, setup: WriterSetup, zone: HostedZone, changes: tuple[Change, ...]) -> None:
        """Write ``changes`` in one request.

        Raises:
            ProviderError: they are not written, or, if it is an OutcomeUnknownError, may be.
        """
        limit = setup.deadline
        await self._ask("apply", lambda account: account.apply(zone, changes, limit, Lane.ROUTINE), limit + MARGIN)

    async def close(self) -> None:
        """End the visit, within a moment."""
        if self._opening is not None and self._opening.done() and self._opening.exception() is None:
            with contextlib.suppress(Exception):  # it is not needed any more, whatever becomes of it
                async with asyncio.timeout(PATIENCE):
                    await self._opening.result().close()

    async def _ask(self, operation: str, work: Work[T], limit: float = READ_LIMIT) -> T:
        """What ``work`` returns; whoever has never answered is not asked again."""
        for pause in PAUSES:
            if self._absent is not None and not self._is_there:
                raise self._absent
            try:
                return await self._asked(operation, work, limit)
            except ThrottledError:
                await asyncio.sleep(pause)
        return await self._asked(operation, work, limit)

    async def _asked(self, operation: str, work: Work[T], limit: float) -> T:
        try:
            answer = await self._called(operation, work, limit)
        except (UnavailableError, AuthFailedError) as error:
            self._absent = error
            raise
        self._is_there = True
        return answer

    async def _called(self, operation: str, work: Work[T], limit: float) -> T:
        call = Call(limit, Lane.ROUTINE, lambda: None)
        try:
            return await call.run(lambda: self._with_account(work), set())
        except ProviderError:
            raise
        except OverdueError as error:
            text = f"{operation}: {error}"
        except Exception as error:  # noqa: BLE001  of a plug-in
            text = f"{operation}: unexpected {type(error).__name__}: {error}"
        raise OutcomeUnknownError(text) if operation == "apply" else UnavailableError(text)

    async def _with_account(self, work: Work[T]) -> T:
        if self._opening is None:
            self._opening = opened(self._options, self._throttle)
        return await work(await asyncio.shield(self._opening))


@asynccontextmanager
async def visiting(setup: WriterSetup) -> AsyncIterator[Visit]:
    """A visit to the account of ``setup``."""
    visit = Visit(setup)
    try:
        yield visit
    finally:
        await visit.close()

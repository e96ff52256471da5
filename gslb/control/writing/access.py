"""An account that several zones share: opened when it is needed, never trusted, and left alone while it fails."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Any, TypeVar

import structlog

from gslb.control.clock import Clock
from gslb.control.writing.backoff import LONG, QUICK
from gslb.control.writing.breaker import Breaker
from gslb.control.writing.bugs import Bugs
from gslb.control.writing.call import Call, DroppedError, OverdueError, Turnstile
from gslb.control.writing.metrics import WriterMetrics
from gslb.control.writing.opening import opened
from gslb.errors import GslbError
from providers.base import (
    Account,
    AuthFailedError,
    Lane,
    OutcomeUnknownError,
    Provider,
    ProviderError,
    ThrottledError,
    UnavailableError,
)
from providers.throttle import TokenBucket

log = structlog.get_logger(__name__)

T = TypeVar("T")
Work = Callable[[Account], Coroutine[Any, Any, T]]

MOST_LEFT = 8
"""Calls that were cancelled and go on all the same; with so many, no further one is made."""
RATE, BURST = 1.0, 1
"""Requests per second and at once, where neither the configuration nor the provider says."""
OPENS = 180.0
"""Seconds after which an account that is still being opened is opened once more."""
MOST_OPENING = 3
"""accounts that are being opened at once"""
PATIENCE = 0.4
"""Seconds that an account has to close."""


class BarredError(GslbError):
    """The account is left alone for now; ``seconds`` from now it may be tried."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"left alone for {seconds:.1f} s")


@dataclass(frozen=True, slots=True)
class Asking:
    """A call to be made.

    Attributes:
        operation: method of Account.
        zone: origin, for metrics.
        lane: how urgent it is.
        limit: seconds that it may take.
        hurry: it is worth to try an account before its time.
    """

    operation: str
    zone: str
    lane: Lane
    limit: float
    hurry: bool = False


def bucket_of(options: Provider, pace: tuple[float | None, int | None]) -> TokenBucket:
    """Turns for an account: requests per second, and how many at once; None: as its capabilities say."""
    told = options.capabilities
    return TokenBucket(pace[0] or told.rate or RATE, pace[1] or told.burst or BURST)


class Access:
    """One account.

    Args:
        name: key below ``[providers]``.
        options: the provider's table.
        pace: requests per second, and how many at once; None: as its capabilities say.
        clock: for the breaker.
        metrics: of all writers.
        random: spreads waits.
    """

    def __init__(
        self,
        name: str,
        options: Provider,
        pace: tuple[float | None, int | None],
        clock: Clock,
        metrics: WriterMetrics,
        random: Random,
    ) -> None:
        self.name, self.options, self.pace = name, options, pace
        self._clock, self._metrics, self._random = clock, metrics, random
        self.bucket = bucket_of(options, pace)
        self.breaker, self.bugs = Breaker(), Bugs(name)
        self.on_recovered: Callable[[], object] = lambda: None
        self._account: Account | None = None
        self._openings: list[asyncio.Future[Account]] = []
        self._opened_at = -inf
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = self._known = False
        self._denied: set[tuple[str, str]] = set()
        self._calls: set[Call] = set()
        self._left: set[asyncio.Task[Any]] = set()
        metrics.breaker.labels(name).set(0)
        metrics.rate.labels(name).set_function(lambda: self.bucket.rate)
        metrics.waiting.labels(name).set_function(lambda: self.bucket.waiting)

    def begin(self, asking: Asking) -> Call:
        """A call that is to be made now.

        Raises:
            BarredError: the account is left alone.
        """
        new = bool(self._denied) and (asking.operation, asking.zone) not in self._denied  # it may be allowed
        seconds = self.breaker.admit(self._clock.monotonic(), hurry=asking.hurry or new)
        if seconds:
            raise BarredError(seconds)
        sent = self._metrics.requests.labels(self.name, asking.zone, asking.operation).inc
        return Call(asking.limit, asking.lane, sent, reads=asking.operation != "apply")

    async def make(self, call: Call, asking: Asking, work: Work[T]) -> T:
        """Make it. Whatever the account raises, it is one of these.

        Raises:
            ProviderError: as the account says. Where it is silent for too long, or has a bug, it is unavailable; if
                something was to be written, the outcome is not known.
            DroppedError: something more urgent has come.
        """
        self._calls.add(call)
        try:
            result = await self._made(call, asking, work)
        except ProviderError as error:
            self._metrics.errors.labels(self.name, asking.zone, type(error).__name__.removesuffix("Error")).inc()
            if isinstance(error, AuthFailedError):
                self._denied.add((asking.operation, asking.zone))
            self._judge(error)
            raise
        except BaseException:
            self.breaker.undecided()
            raise
        finally:
            self._calls.discard(call)
        self._is_known()
        return result

    async def _made(self, call: Call, asking: Asking, work: Work[T]) -> T:
        if len(self._left) >= MOST_LEFT:
            raise UnavailableError(f"{MOST_LEFT} calls hang that were given up")
        try:
            return await call.run(lambda: self._with_account(work), self._left)
        except OverdueError as error:
            raise _lost(asking, f"{asking.operation}: {error}") from None
        except (ProviderError, DroppedError):
            raise
        except Exception as error:
            text = self.bugs.note(error, asking.zone, asking.operation)
            raise _lost(asking, f"{asking.operation}: {text}") from error

    async def _with_account(self, work: Work[T]) -> T:
        if self._account is not None:
            return await work(self._account)
        return await work(self._kept(await asyncio.shield(self._opening())))

    def _kept(self, account: Account) -> Account:
        """``account``, or the one that another attempt has opened before it came."""
        return account if self._account is None else self._account

    def _opening(self) -> asyncio.Future[Account]:
        """The newest attempt to open the account: one that hangs is not waited for for ever."""
        now, most = self._clock.monotonic(), len(self._openings) >= MOST_OPENING
        if not self._openings or (now - self._opened_at >= OPENS and not most):
            opening = opened(self.options, Turnstile(self.bucket))
            self._openings.append(opening)
            self._opened_at = now
            opening.add_done_callback(self._came)
            return opening
        return self._openings[-1]

    def _came(self, opening: asyncio.Future[Account]) -> None:
        """Nobody may wait for it any more."""
        self._openings.remove(opening)
        if opening.cancelled() or opening.exception() is not None:
            return
        if self._account is None and not self._closed:
            self._account = opening.result()
        elif self._account is not opening.result():
            task = asyncio.create_task(_closed(opening.result()))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _judge(self, error: ProviderError) -> None:
        """What a failure says of the account as a whole: whoever refuses is there.

        Where a call is denied, though others were allowed, some permission is missing, and not that of all zones.
        """
        if isinstance(error, ThrottledError):
            self.breaker.undecided()
        elif isinstance(error, AuthFailedError) and self._known:
            self._works()
        elif isinstance(error, UnavailableError | OutcomeUnknownError | AuthFailedError):
            backoff = LONG if isinstance(error, AuthFailedError) else QUICK
            if self.breaker.failed(self._clock.monotonic(), backoff, self._random.random()):
                log.warning("account is left alone", provider=self.name, reason=str(error))
                self._metrics.breaker.labels(self.name).set(1)
                for call in tuple(self._calls):
                    call.drop()
        else:
            self._is_known()

    def _is_known(self) -> None:
        """It is known who asks."""
        self._known = True
        self._denied.clear()
        self._works()

    def _works(self) -> None:
        if self.breaker.succeeded():
            log.warning("account works again", provider=self.name)
            self._metrics.breaker.labels(self.name).set(0)
            self.on_recovered()

    async def close(self) -> None:
        """Give the account up, within a moment."""
        self._closed = True
        account, self._account = self._account, None
        if account is not None:
            await _closed(account)


async def _closed(account: Account) -> None:
    with contextlib.suppress(Exception):  # it is not needed any more, whatever becomes of it
        async with asyncio.timeout(PATIENCE):
            await account.close()


def _lost(asking: Asking, text: str) -> ProviderError:
    """The error of a call of which nothing is known."""
    return OutcomeUnknownError(text) if asking.operation == "apply" else UnavailableError(text)

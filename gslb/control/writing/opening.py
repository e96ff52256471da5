"""Opens accounts in threads: an SDK takes long to import, and its search for credentials may ask the network."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread

from providers.base import Account, Provider, Throttle, UnavailableError


def opened(provider: Provider, throttle: Throttle) -> asyncio.Future[Account]:
    """The account that ``provider`` opens, or what it raises.

    A daemon thread and not an executor's, for which the interpreter waits at its end: what hangs holds up no restart.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Account] = loop.create_future()

    def work() -> None:
        try:
            settle = partial(outcome.set_result, provider.open(throttle))
        except Exception as error:  # noqa: BLE001  whoever waits is told
            settle = partial(outcome.set_exception, error)
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(end, settle)

    def end(settle: Callable[[], None]) -> None:
        if not outcome.done():
            settle()

    try:
        Thread(target=work, name="open", daemon=True).start()
    except RuntimeError as error:
        outcome.set_exception(UnavailableError(f"no thread left: {error}"))
    return outcome

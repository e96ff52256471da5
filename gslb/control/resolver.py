"""Host names of endpoints: resolved at start and again every so often, never on the path of a probe.

A name stands for one gateway. It keeps its address as long as that is among those it resolves to, and its last known
one when resolution fails.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from threading import Thread
from typing import TypeVar

import structlog

from gslb.model.address import IP

log = structlog.get_logger(__name__)
T = TypeVar("T")

REFRESH = 30.0
RETRY = 5.0
THREADS = 4
"""names that are followed and asked for at once"""
LOOK_UPS = 16
"""names that redirects lead to and that are asked for at once: they cannot keep those that are followed waiting"""


class Resolver:
    """Current addresses of host names.

    Args:
        changed: called with a name whenever its address is new.
    """

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._addresses: dict[str, IP | None] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._answered: set[str] = set()
        self._slots, self._look_ups = asyncio.Semaphore(THREADS), asyncio.Semaphore(LOOK_UPS)

    def configure(self, names: Iterable[str]) -> None:
        """Follow these names from now on."""
        wanted = set(names)
        for name in self._tasks.keys() - wanted:
            self._tasks.pop(name).cancel()
            self._addresses.pop(name, None)
            self._answered.discard(name)
        for name in wanted - self._tasks.keys():
            self._tasks[name] = asyncio.create_task(self._follow(name))

    def known(self, host: IP | str) -> IP | None:
        """The address as last resolved; None before that."""
        return self._addresses.get(host) if isinstance(host, str) else host

    def restore(self, name: str, address: IP) -> None:
        """Start from an address known from before."""
        self._addresses.setdefault(name, address)

    def pending(self, name: str) -> bool:
        """Whether the first answer for a name that is followed is still to come."""
        return name in self._tasks and name not in self._answered

    async def look_up(self, name: str) -> IP | None:
        """The address of a name that is not followed, asked for now or when its turn comes; None where it has none."""
        found = await self._resolve(name, self._look_ups)
        return found[0] if found else None

    def close(self) -> None:
        """Stop following; threads that still wait for an answer are left behind."""
        for task in self._tasks.values():
            task.cancel()

    async def _follow(self, name: str) -> None:
        while True:
            found = await self._resolve(name, self._slots)
            self._take(name, found)
            self._answered.add(name)
            await asyncio.sleep(REFRESH if found else RETRY)

    async def _resolve(self, name: str, slots: asyncio.Semaphore) -> list[IP]:
        await slots.acquire()
        try:
            infos = await _in_thread(lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM), slots)
        except OSError as error:
            log.warning("name not resolved", name=name, reason=error.strerror, known=str(self.known(name)))
            return []
        return sorted(
            {ip_address(str(info[4][0]).partition("%")[0]) for info in infos}, key=lambda ip: (ip.version, ip)
        )

    def _take(self, name: str, found: list[IP]) -> None:
        known = self.known(name)
        if not found or known in found:
            return
        self._addresses[name] = found[0]
        log.info("name resolved", name=name, address=str(found[0]), before=str(known))
        self._changed(name)


def _in_thread(work: Callable[[], T], slots: asyncio.Semaphore) -> asyncio.Future[T]:
    """The outcome of ``work``, which may raise OSError.

    Done in a daemon thread and not by an executor, for whose threads the interpreter waits at its end: a resolver that
    hangs holds up neither other work nor a restart. The slot that was taken for it is given back when the thread ends,
    though nobody may wait for the outcome any more: as many threads as there are slots, and no more.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle = partial(outcome.set_result, work())
        except OSError as error:
            settle = partial(outcome.set_exception, error)
        except UnicodeError as error:  # no name that could be asked for
            settle = partial(outcome.set_exception, OSError(errno.EINVAL, str(error)))
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(end, settle)

    def end(settle: Callable[[], None]) -> None:
        slots.release()
        if not outcome.done():
            settle()

    try:
        Thread(target=run, name="resolve", daemon=True).start()
    except RuntimeError as error:  # no thread left
        end(partial(outcome.set_exception, OSError(errno.EAGAIN, str(error))))
    return outcome

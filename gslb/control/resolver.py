"""Host names of endpoints: resolved at start and again every so often, never on the path of a probe.

A name stands for one gateway. It keeps its address as long as that is among those it resolves to, and its last known
one when resolution fails.
"""

import asyncio
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
        self._slots = asyncio.Semaphore(THREADS)

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
        """The address of a name that is not followed, asked for now; None where it has none."""
        found = await self._resolve(name)
        return found[0] if found else None

    def close(self) -> None:
        """Stop following; threads that still wait for an answer are left behind."""
        for task in self._tasks.values():
            task.cancel()

    async def _follow(self, name: str) -> None:
        while True:
            found = await self._resolve(name)
            self._take(name, found)
            self._answered.add(name)
            await asyncio.sleep(REFRESH if found else RETRY)

    async def _resolve(self, name: str) -> list[IP]:
        try:
            async with self._slots:
                infos = await _in_thread(lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
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


def _in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """The outcome of ``work``, which may raise OSError.

    Done in a daemon thread and not by an executor, for whose threads the interpreter waits at its end: a resolver that
    hangs holds up neither other work nor a restart.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle = partial(outcome.set_result, work())
        except OSError as error:
            settle = partial(outcome.set_exception, error)
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(lambda: None if outcome.done() else settle())

    Thread(target=run, name="resolve", daemon=True).start()
    return outcome

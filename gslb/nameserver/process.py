"""The nameserver's process: what it is made of, its signals, and how it ends."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from random import Random

import structlog

from gslb.errors import SnapshotError, StateError
from gslb.geo.locator import Locator
from gslb.model.address import Address
from gslb.nameserver import disk, polite
from gslb.nameserver.answering import Answering
from gslb.nameserver.authority import Authority
from gslb.nameserver.batch import obstacle, pin
from gslb.nameserver.control import ControlListener
from gslb.nameserver.disk import Saver
from gslb.nameserver.handover import Estate
from gslb.nameserver.limits import DEFAULT, TcpLimits
from gslb.nameserver.listen import Sockets, listening, share
from gslb.nameserver.news import News
from gslb.nameserver.parts import as_they_are
from gslb.nameserver.responder import Responder
from gslb.nameserver.snapshot import Version
from gslb.nameserver.succession import Succession, SuccessionError, succeed
from gslb.nameserver.table import Table, compile_table, lower
from gslb.nameserver.textfile import INTERVAL, write_metrics
from gslb.nameserver.tidy import tidy
from gslb.supervisor.descriptors import raise_limit
from gslb.supervisor.lockfile import AlreadyRunningError, LockFile, hold_lock
from gslb.supervisor.privileges import forbid_new_privileges, give_up_all
from gslb.supervisor.unhurried import unhurried

log = structlog.get_logger(__name__)

SWITCH_INTERVAL = 0.0001
"""seconds that another thread of this process, compiling say, can keep the answering one waiting"""

_RANDOM = Random()  # noqa: S311  where turns begin is no secret
REFRESH = 5.0
"""seconds between two looks at whether a geo database is another one"""

RESERVED = 64
"""descriptors that are not for connections, nor for the addresses to listen on"""

ENDING = 1.0
"""seconds for a process that has been killed to be gone"""

SAVING = 1.0
"""seconds for a snapshot to get to disk before the place is handed over"""

PROVING = 0.05
"""seconds in which listeners that die at their start do so, while there is somebody else to answer"""

LINGER = 20.0
"""seconds for transfers to end when the place has been handed over"""


_LOOK = 0.01


@dataclass(frozen=True, slots=True)
class Options:
    """What a nameserver process needs to know.

    Attributes:
        listen: addresses to answer at, over UDP and TCP.
        socket: the Unix socket to take orders at.
        snapshot: the file the snapshot is kept in.
        lock: the file whose lock is the right to the name.
        command: this process's command line, for the lock.
        reuse_port: share the addresses with other workers that do so too.
        geo: files that say where clients are; without any, nobody's place is known.
        passed: descriptors of sockets that are bound to some of ``listen`` already.
        tcp: bounds of connections.
        plain: read packets one by one, as is done where there is no other way.
    """

    listen: tuple[Address, ...]
    socket: Path
    snapshot: Path
    lock: Path
    command: tuple[str, ...]
    reuse_port: bool = False
    geo: tuple[Path, ...] = ()
    passed: tuple[int, ...] = ()
    tcp: TcpLimits = DEFAULT
    plain: bool = False


def serve(options: Options) -> int:
    """Answer until SIGTERM or SIGINT; SIGHUP reads the snapshot again. To be called in the main thread.

    Returns:
        The exit code: 0, or 1 if a thread that answers died.

    Raises:
        AlreadyRunningError: another process has the name.
        ListenError: an address cannot be bound; nothing was started.
    """
    with hold_lock(options.lock, options.command) as lock:
        return _answer(options, lock, _locator(options))


def take_over(options: Options) -> int:
    """The same, in place of the process that has the name now. That one answers until this one does.

    Raises:
        SuccessionError: it does not hand over its place, and has to be ended first.
        ListenError, SnapshotError: this process cannot do what that one does; that one goes on.
    """
    locator, table = unhurried(lambda: (_locator(options), _newest(options.snapshot)))
    try:
        succession = succeed(options.socket, options.lock, table.snapshot.version if table else None)
    except SuccessionError as error:
        lock = _lock_of_the_dead(options)
        if lock is None:
            raise error from None
        with lock:
            return _answer(options, lock, locator)
    with succession.lock as lock:
        return _answer(options, lock, locator, table, succession)


def _lock_of_the_dead(options: Options) -> LockFile | None:
    """The lock, if its holder has ended meanwhile, or is about to."""
    deadline = time.monotonic() + ENDING
    while True:
        try:
            return hold_lock(options.lock, options.command)
        except AlreadyRunningError:
            if time.monotonic() > deadline:
                return None
            time.sleep(_LOOK)


def _locator(options: Options) -> Locator | None:
    """It takes a while, and so comes before queries do."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    return Locator(options.geo) if options.geo else None


def _answer(
    options: Options,
    lock: LockFile,
    locator: Locator | None,
    table: Table | None = None,
    succession: Succession | None = None,
) -> int:
    with listening(
        options.listen,
        options.socket,
        reuse_port=options.reuse_port,
        passed=options.passed,
        inherited=succession.sockets if succession else None,
        shared=succession.shared if succession else frozenset(),
    ) as sockets:
        if succession:
            table = _brought_up_to_date(table, succession)
            succession.keep(sockets.all)
        _confine()  # before there is any other thread
        return asyncio.run(_Worker(options, lock, sockets).run(locator, table, succession))


def _confine() -> None:
    """Once everything is bound there is nothing that a nameserver needs rights for.

    Root is left as it is: it needs them for files that are not its own, of a geo database say.
    """
    forbid_new_privileges()
    if os.geteuid() != 0:
        give_up_all()


class _Worker:
    """One nameserver process, and what it is made of."""

    def __init__(self, options: Options, lock: LockFile, sockets: Sockets) -> None:
        self._options, self._lock, self._sockets = options, lock, sockets
        self._handing_over = self._displaced = False

    async def run(self, locator: Locator | None, table: Table | None, succession: Succession | None) -> int:
        """Answer, from ``table`` or what is on disk, until told to end; returns the exit code.

        What is known of a predecessor is answered at once; its orders come to this process once that has left.
        """
        options, loop, news = self._options, asyncio.get_running_loop(), News()
        self._ended: asyncio.Future[int] = loop.create_future()
        trouble = "as configured" if options.plain else obstacle()
        if trouble and not options.plain:
            log.warning("packets are read one by one, which is slower", reason=trouble)
        self._responder = Responder(locator, news.note, options.snapshot.stem, as_they_are if trouble else pin)
        self._saver = Saver(options.snapshot, news.ring)

        def died() -> None:
            loop.call_soon_threadsafe(self._end, 1)

        self._answering = Answering(self._sockets, self._responder, _affordable(options), died, batched=not trouble)
        self._responder.idle = lambda: self._answering.tcp.idle
        self._authority = Authority(self._responder, self._saver, _RANDOM)
        self._control = ControlListener(
            self._authority,
            self._saver,
            self._answering.tallies,
            news,
            lambda: self._answering.tcp.stats,
            self._responder.transfers.outcomes,
            lambda: self._answering.overflowed,
            self,
        )
        _handle_signals(loop, self._end, lambda: _reload(self._authority, self._control, options.snapshot))
        if table is None:
            await _load_newest(self._authority, options.snapshot)
        else:
            await self._authority.begin(table, saved=succession is None or succession.saved)
        polite.begin()
        self._answering.start()
        if succession and not await self._takes_the_place(succession):
            await self._answering.finish(())
            await self._answering.stop()
            self._responder.close()
            log.warning("place was not taken over", predecessor=succession.predecessor)
            return self._ended.result()
        self._saver.start()
        server = await asyncio.start_unix_server(self._control.handle, sock=self._sockets.control.sock)
        self._control.expect_control()
        beside = self._start_beside(locator)
        gc.freeze()
        generation = self._authority.version.generation if self._authority.version else None
        log.info("nameserver ready", listen=[str(address) for address in options.listen], generation=generation)
        try:
            return await self._ended
        finally:
            for task in beside:
                task.cancel()
            server.close()
            if not self._displaced:
                await self._answering.finish(self._own)
                self._saver.stop()
            await self._answering.stop(LINGER if self._displaced else 0.0)
            self._responder.close()
            log.info("nameserver stopped")

    @property
    def _own(self) -> frozenset[socket.socket]:
        """Sockets that nobody else has, as far as is known."""
        return frozenset() if self._handing_over else frozenset(self._sockets.all) - self._sockets.shared

    async def _takes_the_place(self, succession: Succession) -> bool:
        """Have the predecessor leave. It goes on if this process is ending: told to, or since a listener has died."""
        await asyncio.wait((self._ended,), timeout=PROVING)
        return not self._ended.done() and await asyncio.to_thread(self._displace, succession)

    def _displace(self, succession: Succession) -> bool:
        succession.displace()
        if self._ended.done():
            return False
        succession.take(self._options.command)
        self._sockets.control.show()
        log.info("place was taken over", predecessor=succession.predecessor)
        return True

    def _start_beside(self, locator: Locator | None) -> list[asyncio.Task[None]]:
        responder, control = self._responder, self._control
        work = [control.run(), _age(responder, control), tidy(responder.reclaimer)]
        work.append(_tell(responder, control, self._options.snapshot.stem))
        if locator:
            work.append(_relocate(responder, locator.refresh))
        return [asyncio.create_task(each) for each in work]

    def _end(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)

    @contextlib.asynccontextmanager
    async def freeze(self) -> AsyncIterator[Estate]:
        """Of ``handover.Predecessor``."""
        with self._control.closed():
            async with self._authority.frozen():
                snapshot = self._authority.snapshot
                saved = snapshot is not None and await self._is_saved(snapshot.version)
                self._handing_over = True
                lowered, sockets = tuple(sorted(self._authority.lowered)), self._sockets
                yield Estate(self._lock.descriptor, sockets.all, snapshot, saved, lowered, sockets.shared)

    async def rest(self, kept: frozenset[int]) -> None:
        """Of ``handover.Predecessor``."""
        sockets = self._sockets.all
        await self._answering.rest(sock for number, sock in enumerate(sockets) if number in kept)

    def go_on(self) -> None:
        """Of ``handover.Predecessor``."""
        self._handing_over = False
        if not self._ended.done():
            self._answering.go_on()
        own = frozenset(self._sockets.all) - self._sockets.shared
        share(own, reuse_port=self._options.reuse_port)  # the other one may have changed that
        try:
            self._lock.name(self._options.command)
        except StateError as error:
            log.error("process cannot be named", reason=str(error))  # noqa: TRY400  no trace needed

    async def leave(self, kept: frozenset[int]) -> None:
        """Of ``handover.Predecessor``."""
        self._lock.leave()
        self._sockets.control.leave()
        left = (sock for number, sock in enumerate(self._sockets.all) if number not in kept)
        await self._answering.finish(sock for sock in left if sock not in self._sockets.shared)
        for sock in self._sockets.all:
            sock.close()
        with contextlib.suppress(TimeoutError):  # two must not write one file
            async with asyncio.timeout(SAVING):
                await asyncio.to_thread(self._saver.stop)
        self._displaced = True
        self._end(0)

    async def _is_saved(self, version: Version) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SAVING):
                while self._saver.saved != version and not self._saver.failed:  # noqa: ASYNC110  a thread writes it
                    await asyncio.sleep(_LOOK)
        return self._saver.saved == version


async def _age(responder: Responder, control: ControlListener) -> None:
    """Have answers say so once nobody has been there to change them for long."""
    while True:
        await asyncio.sleep(1.0)
        responder.age(control.away)


async def _tell(responder: Responder, control: ControlListener, worker: str) -> None:
    """Keep the file with metrics, if one is wanted. Where it cannot be written that is said once."""
    failed = ""
    while True:
        await asyncio.sleep(INTERVAL)
        ready = responder.ready
        file = ready.features.settings.metrics_file
        generation = None if ready.table is None else ready.table.snapshot.generation
        try:
            if file:
                await asyncio.to_thread(write_metrics, file, worker, control.stats, generation, control.away)
        except OSError as error:
            if failed != file:
                log.error("metrics cannot be written", file=file, reason=str(error))  # noqa: TRY400  no trace needed
            failed = file


def _affordable(options: Options) -> TcpLimits:
    """No more connections than leave descriptors for what else is open: sockets, databases, snapshots, control."""
    descriptors = raise_limit()
    limits = options.tcp.within(descriptors - RESERVED - 2 * len(options.listen))
    if limits != options.tcp:
        log.warning("fewer connections for want of descriptors", descriptors=descriptors, most=limits.connections)
    return limits


async def _relocate(responder: Responder, refresh: Callable[[], bool]) -> None:
    """Take new geo databases into use as they come, without holding up answers. ``refresh`` says whether any came."""
    while True:
        await asyncio.sleep(REFRESH)
        try:
            if await asyncio.to_thread(refresh):
                responder.relocate()
        except Exception:  # too little memory for a new one, say: answers go on by the former, and this is tried again
            log.exception("geo databases not refreshed")


def _handle_signals(
    loop: asyncio.AbstractEventLoop, end: Callable[[int], None], reload: Callable[[], Coroutine[None, None, None]]
) -> None:
    reloads: set[asyncio.Task[None]] = set()

    def on_hangup() -> None:
        task = loop.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, 0)


def _newest(path: Path) -> Table | None:
    """The newest usable snapshot on disk, compiled."""
    for _, snapshot in disk.newest(path):
        with contextlib.suppress(SnapshotError):
            return compile_table(snapshot, None, _RANDOM)
    return None


def _brought_up_to_date(table: Table | None, succession: Succession) -> Table | None:
    """What the predecessor answers with.

    Raises:
        SnapshotError: that cannot be compiled here.
    """
    lowered = frozenset(succession.lowered)
    if succession.snapshot:
        return compile_table(succession.snapshot, table, _RANDOM, lowered)
    return lower(table, lowered, _RANDOM) if table and lowered else table


async def _load_newest(authority: Authority, path: Path) -> None:
    """Start from the newest usable snapshot on disk; without one, every answer is SERVFAIL until one comes."""
    for file, snapshot in disk.newest(path):
        try:
            await authority.load(snapshot, saved=file in {path, disk.previous(path)})
        except SnapshotError as error:
            log.error("snapshot unusable", path=str(file), reason=str(error))  # noqa: TRY400  no trace needed
        else:
            return
    log.info("no snapshot to start from", path=str(path))


async def _reload(authority: Authority, control: ControlListener, path: Path) -> None:
    try:
        await authority.load(await asyncio.to_thread(disk.read, path))
    except (SnapshotError, OSError) as error:
        log.error("snapshot not reloaded", path=str(path), reason=str(error))  # noqa: TRY400  no trace needed
    else:
        control.greet()

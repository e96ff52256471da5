"""The nameserver's process: what it is made of, its signals, and how it ends."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

import structlog

from gslb.errors import SnapshotError
from gslb.geo.locator import Locator
from gslb.model.address import Address
from gslb.nameserver import disk, polite
from gslb.nameserver.authority import Authority
from gslb.nameserver.batch import obstacle, pin
from gslb.nameserver.control import ControlListener
from gslb.nameserver.disk import Saver
from gslb.nameserver.limits import DEFAULT, TcpLimits
from gslb.nameserver.listen import Sockets, listening
from gslb.nameserver.news import News
from gslb.nameserver.responder import Responder
from gslb.nameserver.tcp import TcpListener
from gslb.nameserver.textfile import INTERVAL, write_metrics
from gslb.nameserver.udp import UdpListener
from gslb.supervisor.descriptors import raise_limit
from gslb.supervisor.privileges import forbid_new_privileges, give_up_all

log = structlog.get_logger(__name__)

SWITCH_INTERVAL = 0.0001
"""seconds that another thread of this process, compiling say, can keep the answering one waiting"""

REFRESH = 5.0
"""seconds between two looks at whether a geo database is another one"""

RESERVED = 64
"""descriptors that are not for connections, nor for the addresses to listen on"""


@dataclass(frozen=True, slots=True)
class Options:
    """What a nameserver process needs to know.

    Attributes:
        listen: addresses to answer at, over UDP and TCP.
        socket: the Unix socket to take orders at.
        snapshot: the file the snapshot is kept in.
        reuse_port: share the addresses with other workers that do so too.
        geo: files that say where clients are; without any, nobody's place is known.
        passed: descriptors of sockets that are bound to some of ``listen`` already.
        tcp: bounds of connections.
        plain: read packets one by one, as is done where there is no other way.
    """

    listen: tuple[Address, ...]
    socket: Path
    snapshot: Path
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
        ListenError: an address cannot be bound; nothing was started.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    locator = Locator(options.geo) if options.geo else None  # it takes a while, and so comes before queries do
    bound = listening(options.listen, options.socket, reuse_port=options.reuse_port, passed=options.passed)
    with bound as sockets:
        _confine()  # before there is any other thread
        return asyncio.run(_serve(options, sockets, locator))


def _confine() -> None:
    """Once everything is bound there is nothing that a nameserver needs rights for.

    Root is left as it is: it needs them for files that are not its own, of a geo database say.
    """
    forbid_new_privileges()
    if os.geteuid() != 0:
        give_up_all()


async def _serve(options: Options, sockets: Sockets, locator: Locator | None) -> int:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    random, news = SystemRandom(), News()
    trouble = "as configured" if options.plain else obstacle()
    if trouble and not options.plain:
        log.warning("packets are read one by one, which is slower", reason=trouble)
    responder = Responder(locator, news.note, options.snapshot.stem, bytes if trouble else pin)
    saver = Saver(options.snapshot, news.ring)
    tcp = TcpListener(responder, _affordable(options))
    responder.idle = lambda: tcp.idle
    authority = Authority(responder, saver, random)

    def died() -> None:
        loop.call_soon_threadsafe(_end, ended, 1)

    udp = [UdpListener(sock, responder, died, batched=not trouble) for sock in sockets.udp]
    tallies, transfers = [tcp.tally, *(it.tally for it in udp)], responder.transfers.outcomes
    control = ControlListener(
        authority, saver, tallies, news, lambda: tcp.stats, transfers, lambda: sum(it.overflowed for it in udp)
    )
    _handle_signals(loop, ended, lambda: _reload(authority, control, options.snapshot))
    await _load_newest(authority, options.snapshot)
    polite.begin()
    saver.start()
    for listener in udp:
        listener.start()
    tcp.start(sockets.tcp)
    server = await asyncio.start_unix_server(control.handle, sock=sockets.control)
    beside = [asyncio.create_task(control.run()), asyncio.create_task(_age(responder, control))]
    beside.append(asyncio.create_task(_tell(responder, control, options.snapshot.stem)))
    if locator:
        beside.append(asyncio.create_task(_relocate(responder, locator.refresh)))
    gc.freeze()
    generation = authority.version.generation if authority.version else None
    log.info("nameserver ready", listen=[str(address) for address in options.listen], generation=generation)
    try:
        return await ended
    finally:
        for task in beside:
            task.cancel()
        server.close()
        await tcp.stop()
        for listener in udp:
            listener.halt()
        for listener in udp:
            listener.stop()
        saver.stop()
        responder.close()
        log.info("nameserver stopped")


async def _age(responder: Responder, control: ControlListener) -> None:
    """Have answers say so once nobody has been there to change them for long."""
    while True:
        await asyncio.sleep(1.0)
        responder.age(control.away)
        await asyncio.to_thread(responder.reclaimer.reclaim)


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
    loop: asyncio.AbstractEventLoop, ended: asyncio.Future[int], reload: Callable[[], Coroutine[None, None, None]]
) -> None:
    reloads: set[asyncio.Task[None]] = set()

    def on_hangup() -> None:
        task = loop.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, ended, 0)


def _end(ended: asyncio.Future[int], code: int) -> None:
    if not ended.done():
        ended.set_result(code)


async def _load_newest(authority: Authority, path: Path) -> None:
    """Start from the newest usable snapshot on disk; without one, every answer is SERVFAIL until one comes."""
    for candidate in (path, disk.previous(path)):
        try:
            await authority.load(disk.read(candidate))
        except FileNotFoundError:
            continue
        except (SnapshotError, OSError) as error:
            log.error("snapshot unusable", path=str(candidate), reason=str(error))  # noqa: TRY400  no trace needed
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

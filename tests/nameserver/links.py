"""Either end of the control socket, kept for as long as a test needs it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

from gslb.nameserver.authority import Authority
from gslb.nameserver.client import Link
from gslb.nameserver.control import ControlListener
from gslb.nameserver.disk import Saver
from gslb.nameserver.news import News
from gslb.nameserver.responder import Responder
from tests.nameserver.support import SNAPSHOT


class Heard(Link):
    """A link that keeps what it calls back with.

    Attributes:
        regressed: generations.
        first: service and generation of first answers, and when they were given.
    """

    def __init__(self, path: Path, publisher: str = "") -> None:
        self.regressed: list[int] = []
        self.first: list[tuple[str, int, float]] = []
        super().__init__(path, publisher, self.regressed.append, lambda *answer: self.first.append(answer))


@contextlib.asynccontextmanager
async def linked(path: Path, publisher: str = "") -> AsyncIterator[Heard]:
    link = Heard(path, publisher)
    running = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[tuple[Responder, ControlListener]]:
    """A nameserver's control socket in this process, and what answers by it."""
    news = News()
    responder = Responder(note=news.note)
    saver = Saver(folder / "snapshot", news.ring)
    authority = Authority(responder, saver, Random(1))
    saver.start()
    await authority.load(SNAPSHOT)
    told = ControlListener(authority, saver, [], news)
    telling = asyncio.create_task(told.run())
    async with await asyncio.start_unix_server(told.handle, folder / "sock"):
        yield responder, told
    telling.cancel()
    saver.stop()

"""Host names of endpoints: resolved beside the probes, kept while they can be, never waited for long."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from threading import Event
from typing import Any

import pytest

from gslb.control.resolver import LOOK_UPS, THREADS, Resolver
from gslb.model.observation import Cause
from probes.http import Http
from tests.probes.attempts import attempt, networking
from tests.probes.servers import BRIEF, response, saying, serving
from tests.waiting import until

NAME = "gw.example.net"
ONE, OTHER = ip_address("192.0.2.1"), ip_address("192.0.2.2")


class Directory:
    """What the system's resolver finds; a name that is not in it is unknown, one that is held never gets an answer."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.asked = 0
        self.asking: list[str] = []
        self.held = Event()
        self.held.set()

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        self.asked += 1
        self.asking.append(host)
        self.held.wait()
        self.asking.remove(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.names[host]]


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Directory]:
    made = Directory()
    monkeypatch.setattr("gslb.control.resolver.socket.getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr("gslb.control.resolver.REFRESH", 0.005)
    monkeypatch.setattr("gslb.control.resolver.RETRY", 0.005)
    yield made
    made.held.set()


@asynccontextmanager
async def following(*names: str, changed: Callable[[str], None] = lambda _: None) -> AsyncIterator[Resolver]:
    resolver = Resolver(changed)
    resolver.configure(names)
    try:
        yield resolver
    finally:
        resolver.close()


async def test_localhost_resolves() -> None:
    async with following("localhost") as resolver:
        await until(lambda: not resolver.pending("localhost"))
        address = resolver.known("localhost")
        assert address is not None
        assert address.is_loopback


async def test_an_address_is_its_own() -> None:
    async with following() as resolver:
        assert resolver.known(ONE) is ONE


async def test_a_new_address_is_told_once(directory: Directory) -> None:
    directory.names[NAME] = ["192.0.2.1"]
    told: list[str] = []
    async with following(NAME, changed=told.append) as resolver:
        await until(lambda: directory.asked >= 4)
        assert (resolver.known(NAME), told) == (ONE, [NAME])
        directory.names[NAME] = ["192.0.2.2"]
        await until(lambda: resolver.known(NAME) == OTHER)
        assert told == [NAME, NAME]


async def test_of_several_addresses_the_one_in_use_is_kept(directory: Directory) -> None:
    directory.names[NAME] = ["192.0.2.2"]
    async with following(NAME) as resolver:
        await until(lambda: resolver.known(NAME) == OTHER)
        directory.names[NAME] = ["192.0.2.1", "192.0.2.2"]
        seen = directory.asked
        await until(lambda: directory.asked >= seen + 3)
        assert resolver.known(NAME) == OTHER


async def test_a_name_that_is_unknown_from_now_on_keeps_its_last_address(directory: Directory) -> None:
    directory.names[NAME] = ["192.0.2.1"]
    async with following(NAME) as resolver:
        await until(lambda: resolver.known(NAME))
        directory.names.clear()
        seen = directory.asked
        await until(lambda: directory.asked >= seen + 3)
        assert resolver.known(NAME) == ONE


async def test_a_name_is_pending_until_its_first_answer_though_that_be_none(directory: Directory) -> None:
    directory.held.clear()
    async with following(NAME) as resolver:
        await until(lambda: directory.asked)
        assert (resolver.known(NAME), resolver.pending(NAME)) == (None, True)
        directory.held.set()
        await until(lambda: not resolver.pending(NAME))
        assert resolver.known(NAME) is None
        assert not resolver.pending("www.example.net")


async def test_a_name_that_is_not_followed_can_be_looked_up_once(directory: Directory) -> None:
    directory.names[NAME] = ["192.0.2.2", "192.0.2.1"]
    async with following() as resolver:
        assert await resolver.look_up(NAME) == ONE
        assert await resolver.look_up("www.example.net") is None
        assert (resolver.known(NAME), resolver.pending(NAME)) == (None, False)


@asynccontextmanager
async def looking_up(resolver: Resolver, count: int) -> AsyncIterator[None]:
    """So many look-ups, given up at the end."""
    tasks = [asyncio.create_task(resolver.look_up(f"{number}.hung.test")) for number in range(count)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_look_up_that_is_given_up_keeps_its_place_until_its_thread_ends(directory: Directory) -> None:
    directory.names[NAME] = ["192.0.2.1"]
    directory.held.clear()
    async with following() as resolver:
        for _ in range(3):
            async with looking_up(resolver, LOOK_UPS + 5):
                await until(lambda: len(directory.asking) >= LOOK_UPS)
                with pytest.raises(TimeoutError):
                    await until(lambda: len(directory.asking) > LOOK_UPS, BRIEF)
        waiting = asyncio.create_task(resolver.look_up(NAME))
        directory.held.set()
        assert await waiting == ONE
        assert directory.asked == LOOK_UPS + 1


async def test_look_ups_that_hang_leave_the_names_that_are_followed_alone(directory: Directory) -> None:
    directory.held.clear()
    async with following() as resolver, looking_up(resolver, LOOK_UPS + 5):
        await until(lambda: len(directory.asking) == LOOK_UPS)
        resolver.configure([NAME])
        await until(lambda: NAME in directory.asking)


async def test_names_that_are_followed_no_more_keep_their_places_until_their_threads_end(directory: Directory) -> None:
    directory.names[NAME] = ["192.0.2.1"]
    directory.held.clear()
    async with following() as resolver:
        for turn in range(3):
            resolver.configure([f"{turn}-{number}.hung.test" for number in range(THREADS)])
            await until(lambda: len(directory.asking) >= THREADS)
            with pytest.raises(TimeoutError):
                await until(lambda: len(directory.asking) > THREADS, BRIEF)
        resolver.configure([NAME])
        directory.held.set()
        await until(lambda: resolver.known(NAME) == ONE)


async def test_a_redirect_to_a_name_for_which_there_is_no_place_ends_with_the_attempt(directory: Directory) -> None:
    directory.held.clear()
    moved = response("302 Found", b"", "Location: http://other.test/")
    async with following() as resolver, serving(saying(moved)) as target:
        async with looking_up(resolver, LOOK_UPS):
            await until(lambda: len(directory.asking) == LOOK_UPS)
        with networking() as network:
            seen = await attempt(Http(redirects=1), target, BRIEF, replace(network, lookup=resolver.look_up))
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no address of other.test in time")
    assert "other.test" not in directory.asking


async def test_what_cannot_be_asked_for_has_no_address_and_takes_no_place() -> None:
    async with following() as resolver:
        for _ in range(2 * LOOK_UPS):
            assert await resolver.look_up("a..example.net") is None


async def test_without_a_thread_left_there_is_no_address_and_no_place_is_lost(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused:
        def __init__(self, **_: Any) -> None:
            pass

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    directory.names[NAME] = ["192.0.2.1"]
    async with following() as resolver:
        with monkeypatch.context() as patch:
            patch.setattr("gslb.control.resolver.Thread", Refused)
            for _ in range(2 * LOOK_UPS):
                assert await resolver.look_up(NAME) is None
        assert await resolver.look_up(NAME) == ONE


async def test_an_address_from_before_a_restart_is_used_while_the_name_hangs(directory: Directory) -> None:
    directory.held.clear()
    resolver = Resolver(lambda _: None)
    resolver.restore(NAME, ONE)
    resolver.configure([NAME])
    await until(lambda: directory.asked)
    assert resolver.known(NAME) == ONE
    resolver.close()


async def test_a_name_that_is_no_longer_followed_is_forgotten_and_can_come_back(directory: Directory) -> None:
    directory.names[NAME] = ["192.0.2.1"]
    async with following(NAME) as resolver:
        await until(lambda: resolver.known(NAME))
        resolver.configure([])
        assert resolver.known(NAME) is None
        resolver.configure([NAME])
        await until(lambda: resolver.known(NAME) == ONE)


async def test_closing_leaves_no_task_behind(directory: Directory) -> None:
    before = asyncio.all_tasks()
    directory.held.clear()
    async with following(NAME, "other.example.net"):
        await until(lambda: directory.asked == 2)
    await until(lambda: asyncio.all_tasks() == before)


HUNG = """
import asyncio, socket, time
from gslb.control.resolver import Resolver

async def main():
    resolver = Resolver(lambda _: None)
    resolver.configure(["gw.example.net"])
    await asyncio.sleep(0.05)
    resolver.close()

socket.getaddrinfo = lambda *_, **__: time.sleep(3600)
asyncio.run(main())
print("ended")
"""


def test_a_process_ends_though_a_resolution_hangs() -> None:
    done = subprocess.run([sys.executable, "-c", HUNG], capture_output=True, text=True, check=True, timeout=20)
    assert (done.stdout, done.stderr) == ("ended\n", "")

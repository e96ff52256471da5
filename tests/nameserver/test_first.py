"""The first answer by a new steering: told once, by whom, and when."""

import asyncio
import signal
import time
from pathlib import Path
from random import Random

import dns.message
import pytest

from gslb.model.names import ServiceName
from gslb.nameserver import disk, news
from gslb.nameserver.first import First
from gslb.nameserver.news import News
from gslb.nameserver.protocol import MAX_FIRST, MAX_REPORT, Answered, FirstAnswer, frame
from gslb.nameserver.responder import Responder
from gslb.nameserver.snapshot import Snapshot, Zone
from gslb.nameserver.table import Table, compile_table, lower
from gslb.nameserver.tally import Tally
from gslb.nameserver.versions import KEPT, Versions
from tests.nameserver.links import Heard, linked, listening
from tests.nameserver.support import API, CLIENT, SERVICES, SNAPSHOT, ZONES, Server, running, service, values
from tests.waiting import until

NAME = ServiceName("api.example.com.")
MOVED = service(NAME, (1, ["203.0.113.9"]))
BACK = service(NAME, (1, ["203.0.113.8"]))


async def ask(server: Server, name: str = NAME, *, tcp: bool = False) -> list[str]:
    query = dns.message.make_query(name, "A")
    return values(await asyncio.to_thread(server.send, query, tcp=tcp))


async def published(link: Heard, snapshot: Snapshot) -> None:
    link.publish(snapshot)
    assert await link.acknowledged(snapshot.generation, 10)


async def nothing_more(link: Heard, server: Server) -> None:
    """Have a mark answered, and be told of it: of what came before all has been told then."""
    assert link.acked
    mark = service("mark.example.com.", (1, [f"192.0.2.{link.acked % 250 + 1}"]))
    assert link._wanted
    wanted = [steering for steering in link._wanted.services if steering.name != mark.name]
    await published(link, Snapshot(link.acked + 1, ZONES, (*wanted, mark)))
    assert await ask(server, mark.name)
    await until(lambda: any(name == mark.name for name, _, _ in link.first))
    link.first[:] = [answer for answer in link.first if answer[0] != mark.name]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_it_is_told_once_with_a_time_between_publication_and_response(tmp_path: Path, *, tcp: bool) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            await published(link, SNAPSHOT)
            for _ in range(3):
                await ask(server)
            before = time.monotonic()
            await published(link, Snapshot(8, ZONES, (MOVED, *SERVICES[1:])))
            assert await ask(server, tcp=tcp) == ["203.0.113.9"]
            after = time.monotonic()
            await until(lambda: link.first)
            for _ in range(3):
                await ask(server, tcp=tcp)
            await nothing_more(link, server)
            ((name, generation, at),) = link.first
            assert (name, generation) == (NAME, 8)
            assert before < at < after


async def test_what_it_starts_from_and_what_does_not_change_is_no_news(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            await ask(server)
            await published(link, Snapshot(9, ZONES, SERVICES))
            await ask(server)
            await published(link, Snapshot(10, (Zone("example.com.", ZONES[0].records[:-1]),), SERVICES))
            await ask(server)
            await nothing_more(link, server)
            assert link.first == []


async def test_a_new_service_and_one_that_answers_nobody_are_news(tmp_path: Path) -> None:
    with running(tmp_path, snapshot=Snapshot(7, ZONES, (API,))) as server:
        async with linked(server.socket) as link:
            await published(link, Snapshot(8, ZONES, (service(NAME), SERVICES[1])))
            assert await ask(server) == []
            assert await ask(server, "example.com.") == ["203.0.113.3"]
            await until(lambda: {(NAME, 8), ("example.com.", 8)} == {answer[:2] for answer in link.first})


async def test_what_nobody_asks_for_is_told_when_somebody_does(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            await published(link, Snapshot(8, ZONES, (MOVED, *SERVICES[1:])))
            await published(link, Snapshot(9, ZONES, (MOVED, *SERVICES[2:])))
            await nothing_more(link, server)
            assert link.first == []
            await ask(server)
            await until(lambda: link.first)
            assert link.first[0][:2] == (NAME, 8)


async def test_an_answer_given_while_nobody_listens_is_told_to_the_next(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            await published(link, Snapshot(8, ZONES, (MOVED,)))
        await until(lambda: "control process left" in server.log)
        before = time.monotonic()
        await ask(server)
        after = time.monotonic()
        async with linked(server.socket) as link:
            await until(lambda: link.first)
            ((name, generation, at),) = link.first
            assert (name, generation) == (NAME, 8)
            assert before < at < after


async def test_what_was_heard_while_nobody_listened_waits(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_, told):
        told._news.note(First(NAME, 8, due=True))
        await until(lambda: not told._news._rung)
        async with linked(tmp_path / "sock") as link:
            await until(lambda: link.first)
            assert link.first[0][:2] == (NAME, 8)


async def test_lowering_the_ttl_is_no_news(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            await published(link, SNAPSHOT)
            link.lower((NAME,))

            async def lowered() -> bool:
                response = await asyncio.to_thread(server.ask, NAME)
                return response.answer[0].ttl == 5

            await until(lowered)
            await nothing_more(link, server)
            assert link.first == []


async def test_reports_are_bounded_and_so_is_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "MOST", 3)
    told = News()
    for generation in range(5):
        told.note(First(NAME, generation, due=True))
    await told.heard()
    assert [first.generation for first in told.take()] == [2, 3, 4]
    assert told.take() == ()
    longest = ServiceName(r"\255" * 62 + "." + r"\255" * 63 + "." + r"\255" * 63 + "." + r"\255" * 61 + ".")
    assert len(frame(Answered((FirstAnswer(longest, 2**53, 1e9 / 3),) * MAX_FIRST))) < MAX_REPORT


async def test_several_threads_are_heard() -> None:
    told = News()
    await asyncio.gather(*(asyncio.to_thread(told.note, First(NAME, number, due=True)) for number in range(50)))
    found: set[int] = set()
    while len(found) < 50:
        async with asyncio.timeout(10):
            await told.heard()
        found |= {first.generation for first in told.take()}
        if len(found) == 50:
            break
        told.ring()


def _tables() -> tuple[Table, Table]:
    before = compile_table(Snapshot(1, ZONES, (API,)), None, Random(1))
    return before, compile_table(Snapshot(2, ZONES, (MOVED,)), before, Random(1))


def _noting() -> tuple[Responder, list[int]]:
    noted: list[int] = []

    def note(first: First) -> None:
        first.close()
        noted.append(first.generation)

    return Responder(note=note), noted


def _ask(responder: Responder) -> None:
    packet = dns.message.make_query(NAME, "A", id=1).to_wire()
    assert responder.answer(packet, CLIENT, Tally("udp"))


@pytest.mark.parametrize("prepared", [False, True])
def test_the_first_answer_after_a_change_is_noted_although_the_service_was_ready(*, prepared: bool) -> None:
    before, after = _tables()
    responder, noted = _noting()
    responder.adopt(before)
    for _ in range(4):
        _ask(responder)
    assert responder.ready.replies.turns
    assert noted == []
    responder.adopt(after, responder.prepare(after, 10.0) if prepared else None)
    assert noted == []
    for _ in range(3):
        _ask(responder)
    assert noted == [2]


def test_relocating_and_lowering_before_and_after_the_first_answer_change_nothing() -> None:
    responder, noted = _noting()
    after = _tables()[1]
    for table in (after, lower(after, frozenset({NAME}), Random(1)), after):
        responder.adopt(table)
        responder.relocate()
        if table is not after:
            _ask(responder)
    _ask(responder)
    assert noted == [2]


def test_a_generation_that_changes_something_else_keeps_the_one_that_changed_the_service() -> None:
    responder, noted = _noting()
    after = _tables()[1]
    zones = (Zone(ZONES[0].origin, ZONES[0].records[:-1]),)
    later = compile_table(Snapshot(3, zones, (MOVED,)), after, Random(1))
    assert [*later.services.values()] != [*after.services.values()]
    responder.adopt(later)
    _ask(responder)
    assert noted == [2]


def test_the_first_report_of_a_version_is_news_under_the_generation_that_brought_it() -> None:
    versions = Versions()
    assert versions.first(NAME, 1) is None
    versions.published(10, {NAME: API})
    versions.published(11, {NAME: MOVED})
    versions.published(12, {NAME: service(NAME, (1, ["203.0.113.9"]))})
    versions.published(13, {NAME: BACK})
    assert versions.first(NAME, 9) is None
    assert versions.first(NAME, 12) == 11
    assert versions.first(NAME, 11) is None
    assert versions.first(NAME, 10) == 10
    assert versions.first(NAME, 99) == 13
    assert versions.first(NAME, 99) is None


def test_versions_of_what_is_gone_and_of_long_ago_are_forgotten() -> None:
    versions = Versions()
    for generation in range(2 * KEPT):
        versions.published(generation, {NAME: (API, MOVED)[generation % 2]})
    assert versions.first(NAME, KEPT - 1) is None
    assert versions.first(NAME, KEPT) == KEPT
    versions.published(100, {})
    assert versions.first(NAME, 100) is None


async def test_hup_tells_of_what_it_has_changed(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            await until(lambda: link.connected)
            disk.write(server.snapshot, Snapshot(8, ZONES, (MOVED,)))
            server.process.send_signal(signal.SIGHUP)
            await until(lambda: _is_moved(server))
            await until(lambda: link.first)
            assert link.first[0][:2] == (NAME, 8)


async def _is_moved(server: Server) -> bool:
    return await ask(server) == ["203.0.113.9"]

"""When no old answer can be given any more, not even after a restart: a real process, its files, and its end."""

import asyncio
import resource
import signal
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from gslb import __version__
from gslb.errors import SnapshotError
from gslb.model.watermark import Watermark
from gslb.nameserver import disk
from gslb.nameserver.authority import Authority
from gslb.nameserver.disk import Saver
from gslb.nameserver.protocol import Ack, Hello, Saved, frame, read_report
from gslb.nameserver.responder import Responder
from gslb.nameserver.settings import Settings
from gslb.nameserver.snapshot import Full, Record, Snapshot, Zone
from tests.nameserver.links import linked
from tests.nameserver.support import API, SNAPSHOT, ZONES, Server, running, service, values
from tests.waiting import until

MOVED = service("api.example.com.", (1, ["203.0.113.9"]))
NEXT = Snapshot(8, ZONES, (MOVED,))
LARGE = 200_000
"""Bytes that a process with a full disk cannot write; its log is shorter."""
FILLER = tuple(Record(f"t{i}.example.com.", 300, "TXT", f'"{"x" * 200}"') for i in range(2 * LARGE // 200))
TOO_LARGE = Snapshot(8, (Zone("example.com.", (*ZONES[0].records, *FILLER)), *ZONES[1:]), (MOVED,))


def fill_disk(server: Server) -> None:
    """No file of the process can grow any more, as if its disk were full."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (LARGE, hard))


def free_disk(server: Server) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def address(server: Server) -> list[str]:
    return values(await asyncio.to_thread(server.ask, "api.example.com."))


async def test_what_is_said_to_be_durable_is_answered_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(NEXT)
            assert await link.durable(8, 10)
            assert disk.read(server.snapshot) == NEXT
            assert (link.acked, link.saved) == (8, 8)
            assert not await link.durable(9, 0.01)
            server.kill()
        server.start()
        assert await address(server) == ["203.0.113.9"]


async def test_what_it_starts_from_is_durable_once_it_is_in_force(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            await until(lambda: link.saved == 7)
            assert not await link.durable(7, 0.01)  # this process has not asked for it, so it may be another 7
            link.publish(SNAPSHOT)
            assert await link.durable(7, 10)


async def test_a_burst_is_durable_in_its_newest_generation(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            for generation in range(100, 150):
                link.publish(Snapshot(generation, ZONES, (MOVED if generation == 149 else API,)))
                await asyncio.wait({asyncio.create_task(link.acknowledged(generation, 10))})
            assert await link.durable(149, 10)
            assert disk.read(server.snapshot).generation == 149


async def test_what_is_durable_stays_so_while_nobody_can_reach_the_nameserver(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(NEXT)
            assert await link.durable(8, 10)
            server.kill()
            await until(lambda: not link.connected)
            assert (link.acked, link.saved) == (None, None)
            assert await link.durable(8, 0.01)


async def test_a_full_disk_is_never_durable_and_a_restart_shows_why(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(SNAPSHOT)
            assert await link.durable(7, 10)
            fill_disk(server)
            link.publish(TOO_LARGE)
            assert await link.acknowledged(8, 10)
            assert await address(server) == ["203.0.113.9"]
            await until(lambda: link.stats and link.stats.save_failed)
            assert link.saved == 7
            assert not await link.durable(8, 0.01)
            server.kill()
            await until(lambda: not link.connected)
            link.publish(SNAPSHOT)  # so that the next process answers what it finds
            await asyncio.to_thread(server.start)
            assert await link.acknowledged(7, 10)
            assert await address(server) != ["203.0.113.9"]
            assert link.regressed == [], "it did not fall back behind what it had said to be durable"


async def test_it_is_durable_once_the_disk_has_room_again(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            fill_disk(server)
            link.publish(TOO_LARGE)
            await until(lambda: link.stats and link.stats.save_failed)
            free_disk(server)
            assert await link.durable(8, 20)


async def test_a_damaged_file_sends_it_back_and_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(NEXT)
            assert await link.durable(8, 10)
            assert link.regressed == []
            server.kill()
            await until(lambda: not link.connected)
            with server.snapshot.open("r+b") as file:
                file.truncate(1000)
            await asyncio.to_thread(server.start)
            await until(lambda: link.regressed == [7])
            assert await link.durable(8, 10)
            assert await address(server) == ["203.0.113.9"]
            assert disk.read(server.snapshot) == NEXT


@pytest.mark.parametrize(
    ("recalled", "regressed"),
    [
        ([Watermark("", 7)], []),
        ([Watermark("", 8)], [7]),
        ([Watermark("another", 1)], [7]),
        ([Watermark("another", 1, ("", "one more"))], []),
        ([Watermark("", 7), Watermark("another", 1)], [7]),
    ],
    ids=["the same", "a later one", "by somebody else", "by somebody before", "two"],
)
async def test_what_an_earlier_control_process_was_told_counts(
    tmp_path: Path, recalled: list[Watermark], regressed: list[int]
) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket, "this one") as link:
            link.recall(recalled)
            await until(lambda: link.connected)
            assert link.regressed == regressed
            assert link.watermark is None
            link.publish(Snapshot(1, ZONES, (MOVED,), "this one"))
            assert await link.durable(1, 10)
            assert link.watermark == Watermark("this one", 1)


async def test_a_file_of_another_publisher_is_not_taken_for_what_was_saved_whatever_its_number(tmp_path: Path) -> None:
    with running(tmp_path, snapshot=Snapshot(7, ZONES, (API,), "another")) as server:
        fill_disk(server)
        async with linked(server.socket, "this one") as link:
            link.publish(replace(TOO_LARGE, generation=7, publisher="this one"))
            assert await link.acknowledged(7, 10)
            await until(lambda: link.stats and link.stats.save_failed)
            assert not await link.durable(7, 0.01)
            free_disk(server)
            assert await link.durable(7, 20)
            assert link.regressed == []
            server.kill()
            await until(lambda: not link.connected)
            server.snapshot.write_text("damaged")
            await asyncio.to_thread(server.start)
            await until(lambda: link.regressed == [7])


async def test_a_nameserver_that_starts_with_nothing_gives_no_old_answers(tmp_path: Path) -> None:
    with running(tmp_path, snapshot=None) as server:
        async with linked(server.socket) as link:
            await until(lambda: link.connected)
            assert link.saved is None
            link.publish(NEXT)
            assert await link.durable(8, 10)
            assert link.regressed == []


async def test_what_another_process_orders_is_told_and_undone(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(NEXT)
            assert await link.durable(8, 10)
            reader, writer = await asyncio.open_unix_connection(server.socket)
            writer.write(frame(Full(Snapshot(30, ZONES, (API,), "another"))))
            await until(lambda: link.regressed == [30])
            assert not await link.durable(8, 0.01)
            awaited = [Ack(30), Saved(30, "another")]
            while awaited:
                report = await read_report(reader)
                awaited = [one for one in awaited if one != report]
            writer.close()
            await writer.wait_closed()
            link.publish(Snapshot(9, ZONES, (MOVED,)))
            assert await link.durable(9, 10)
            assert await address(server) == ["203.0.113.9"]


async def test_an_older_file_that_is_read_on_hup_is_told_and_undone(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(NEXT)
            assert await link.durable(8, 10)
            disk.write(server.snapshot, Snapshot(5, ZONES, (API,)))
            server.process.send_signal(signal.SIGHUP)
            await until(lambda: link.regressed == [5])
            assert await link.durable(8, 10)
            assert await address(server) == ["203.0.113.9"]


async def test_hup_has_it_say_everything_anew(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        reader, writer = await asyncio.open_unix_connection(server.socket)
        serials = {zone.origin: 1 for zone in ZONES}
        said = Hello(server.process.pid, __version__, 7, serials=serials), Saved(7)
        assert (await read_report(reader), await read_report(reader)) == said
        server.process.send_signal(signal.SIGHUP)
        while await read_report(reader) != said[0]:
            pass
        assert await read_report(reader) == said[1]
        writer.close()
        await writer.wait_closed()


async def test_a_generation_that_came_from_elsewhere_does_not_count_for_its_number(tmp_path: Path) -> None:
    """A control process whose clock was set back numbers what it publishes lower than what is on disk."""
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(Snapshot(4, ZONES, (MOVED,)))
            assert await link.durable(4, 10)
            assert disk.read(server.snapshot).generation == 4


async def test_a_snapshot_that_cannot_be_served_is_not_said_to_be_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when it comes again."""
    responder = Responder()
    authority = Authority(responder, Saver(tmp_path / "snapshot"), Random(1))
    assert await authority.take(Full(SNAPSHOT))

    def refuse(_: Settings) -> None:
        raise SnapshotError("it cannot be")

    monkeypatch.setattr("gslb.nameserver.responder.Features", refuse)
    for _ in range(2):
        with pytest.raises(SnapshotError):
            await authority.take(Full(replace(NEXT, settings=Settings(version="9"))))
        assert authority.version == SNAPSHOT.version

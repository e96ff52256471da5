"""What waits survives a restart, and a disk that does not work."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from gslb.control.notify.channel import MOST_WAITING
from gslb.control.notify.spool import Spool
from gslb.control.notify.waiting import Kept, Waiting
from gslb.model.event import Event, EventName, Severity
from gslb.model.names import VantageName
from gslb.model.record import DoubtRecord
from tests.control.receivers import AT, Receiver, doubt, make, telling, webhook
from tests.waiting import free_port, until


async def test_what_waited_is_delivered_after_a_restart_with_the_same_ids(tmp_path: Path) -> None:
    receiver = Receiver(free_port())
    async with telling(tmp_path, hook=webhook(receiver)) as told:
        for number in range(MOST_WAITING + 3):
            told.notifier.offer(doubt(number))
    kept = Spool(tmp_path / "notify").read("hook")
    assert (len(kept.waiting), kept.lost) == (MOST_WAITING, 3)
    async with receiver.listening(), telling(tmp_path, hook=webhook(receiver)) as again:
        assert again.waiting("hook") == MOST_WAITING
        again.notifier.offer(doubt(MOST_WAITING + 3))
        await until(lambda: again.count("hook", "delivered") == MOST_WAITING, 40)
    assert [got.number for got in receiver.got] == list(range(4, MOST_WAITING + 4))
    assert [got.headers["Gslb-Id"] for got in receiver.got[:-1]] == [each.id for each in kept.waiting[1:]]
    assert [got.document["lost"] for got in receiver.got[:2]] == [4, 0]


async def test_a_crash_costs_no_more_than_what_came_last(tmp_path: Path) -> None:
    receiver, spool = Receiver(free_port()), Spool(tmp_path / "notify")
    async with telling(tmp_path, hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: spool.read("hook").waiting)
        told.notifier.offer(doubt(2))
        await until(lambda: len(spool.read("hook").waiting) == 2)
        async with receiver.listening():
            await until(lambda: told.count("hook", "delivered") == 2)
            await until(lambda: not (tmp_path / "notify" / "hook.json").exists())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"waiting": 7}', b'{"waiting": [{"id": "x"}]}'])
async def test_a_damaged_file_is_told_and_ignored(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notify").mkdir()
    (tmp_path / "notify" / "hook.json").write_bytes(content)
    async with Receiver().listening() as receiver, telling(tmp_path, hook=webhook(receiver)) as told:
        assert "waiting notifications cannot be read" in capsys.readouterr().out
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("hook", "delivered") == 1)


async def test_files_of_channels_that_are_gone_are_removed(tmp_path: Path) -> None:
    async with telling(tmp_path, old=webhook(Receiver(free_port()))) as told:
        told.notifier.offer(doubt(1))
    assert (tmp_path / "notify" / "old.json").exists()
    async with telling(tmp_path):
        await until(lambda: not (tmp_path / "notify" / "old.json").exists())


async def test_a_disk_that_fails_is_told_once_and_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notify").write_text("no folder")
    receiver = Receiver(free_port())
    async with telling(tmp_path, hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        text = ""

        def said() -> bool:
            nonlocal text
            text += capsys.readouterr().out
            return "cannot be saved" in text

        await until(said)
        (tmp_path / "notify").unlink()
        await until(lambda: Spool(tmp_path / "notify").read("hook").waiting)
        await until(lambda: said() and "saved again" in text)
        assert text.count("cannot be saved") == 1


async def test_what_waits_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    async with telling(tmp_path, hook=webhook(Receiver(free_port()))) as told:
        told.notifier.offer(doubt(1))
    assert (tmp_path / "notify").stat().st_mode & 0o777 == 0o700


async def test_nothing_is_written_where_nothing_waits(tmp_path: Path) -> None:
    async with telling(tmp_path, hook=webhook(Receiver(free_port()))):
        pass
    assert not (tmp_path / "notify").exists()
    assert Spool(tmp_path / "notify").read("hook") == Kept()
    assert make(tmp_path).waiting("hook") is None


async def test_what_is_no_text_is_told_counted_and_dropped_and_all_else_kept_and_delivered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver, spool = Receiver(free_port()), Spool(tmp_path / "notify")
    async with telling(tmp_path, hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        told.notifier.offer(DoubtRecord(AT, VantageName("v2"), "bad \ud800 text"))
        assert told.count("hook", "rejected") == 1
        assert "notification cannot be made" in capsys.readouterr().out
        await until(lambda: len(spool.read("hook").waiting) == 1)
        told.notifier.offer(doubt(3))
        await until(lambda: len(spool.read("hook").waiting) == 2)
        async with receiver.listening():
            await until(lambda: told.count("hook", "delivered") == 2)
    assert [got.number for got in receiver.got] == [1, 3]


async def test_a_channel_that_cannot_be_kept_stops_nobody(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "notify")
    broken = Kept((Waiting("1", Event(EventName.DOUBT, AT, Severity.INFO, "\ud800")),))
    whole = Kept((Waiting("2", Event(EventName.DOUBT, AT, Severity.INFO, "fine")),))
    assert not spool.write({"a": broken, "b": whole})
    assert (spool.read("a"), spool.read("b")) == (Kept(), whole)
    assert spool.write({"b": Kept()})


async def test_a_channel_that_fails_is_told_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with Receiver().listening() as receiver, telling(tmp_path, hook=webhook(receiver)) as told:
        channel = told.notifier._channels["hook"]
        pace, channel._pace = channel._pace, None  # type: ignore[assignment]
        receiver.reply = lambda _: web.Response(status=503)
        told.notifier.offer(doubt(1))
        await until(lambda: "notifications are interrupted" in capsys.readouterr().out)
        channel._pace, receiver.reply = pace, lambda _: web.Response()
        await until(lambda: told.count("hook", "delivered") == 1)


async def test_without_a_thread_to_be_had_saving_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, receiver, refusals = Spool(tmp_path / "notify"), Receiver(free_port()), list[None]()
    to_thread = asyncio.to_thread

    async def scarce(function: Callable[..., bool], *arguments: object) -> bool:
        if function.__name__ == "write" and len(refusals) < 3:
            refusals.append(None)
            raise RuntimeError("can't start new thread")
        return await to_thread(function, *arguments)

    async with telling(tmp_path, hook=webhook(receiver)) as told:
        monkeypatch.setattr("gslb.control.notify.notifier.asyncio.to_thread", scarce)
        told.notifier.offer(doubt(1))
        await until(lambda: spool.read("hook").waiting)
    assert len(refusals) == 3

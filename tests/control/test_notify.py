"""Webhooks: what they say, in which order, how they are tried again, and that nothing waits for them."""

import asyncio
import hashlib
import hmac
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gslb.control.notify.channel import MOST_WAITING, Pace
from gslb.control.notify.post import _after
from gslb.model.names import ServiceName, VantageName
from gslb.model.record import DoubtRecord, ExposureRecord, OrderRecord
from tests.control.receivers import AT, BRISK, Receiver, doubt, make, telling, webhook
from tests.probes.certificates import new_authority
from tests.waiting import free_port, until

NEVER = Pace(first=3600.0, most=3600.0)


def statuses(*codes: int, **headers: str) -> Any:
    """Replies with these, then with 200."""
    return lambda number: web.Response(status=codes[number] if number < len(codes) else 200, headers=headers)


def is_genuine(headers: Any, body: bytes, secret: str, now: float) -> bool:
    """As docs/notifications.md says it."""
    stamp = headers["Gslb-Timestamp"]
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    signed = hmac.compare_digest(headers["Gslb-Signature"], f"v1={expected}")
    return signed and abs(now - int(stamp)) < 300


async def test_without_a_template_all_that_is_known_is_posted(tmp_path: Path) -> None:
    async with Receiver().listening() as receiver, telling(tmp_path, hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: receiver.got)
        (got,) = receiver.got
        assert got.document == {
            "id": got.headers["Gslb-Id"],
            "event": "doubt",
            "at": AT.isoformat(),
            "severity": "warning",
            "text": "vantage point v1 doubts itself: no reference answers",
            "services": [],
            "region": None,
            "endpoint": None,
            "node": "istanbul-1",
            "lost": 0,
            "details": {"vantage": "v1", "reason": "no reference answers"},
        }
        assert got.headers["Content-Type"] == "application/json"
        assert not {"Gslb-Signature", "Gslb-Lost"} & got.headers.keys()
        await until(lambda: told.count("hook", "delivered") == 1)
        assert told.waiting("hook") == 0


async def test_a_template_and_headers_are_filled_in_and_sent(tmp_path: Path) -> None:
    async with Receiver().listening() as receiver:
        options = {"template": {"text": "{severity}: {text}", "n": 1}, "headers": {"Authorization": "Bearer x"}}
        async with telling(tmp_path, hook=webhook(receiver, **options)) as told:
            told.notifier.offer(doubt(1))
            await until(lambda: receiver.got)
    (got,) = receiver.got
    assert got.document == {"text": "warning: vantage point v1 doubts itself: no reference answers", "n": 1}
    assert got.headers["Authorization"] == "Bearer x"


async def test_a_signature_can_be_verified_and_no_other_body_passes(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    async with Receiver().listening() as receiver:
        channels = {
            "given": webhook(receiver, secret="hunter2"),
            "file": webhook(receiver, secret_file=str(tmp_path / "secret")),
        }
        async with telling(tmp_path, **channels) as told:
            told.notifier.offer(doubt(1))
            await until(lambda: len(receiver.got) == 2)
    one, other = receiver.got
    now = time.time()
    secrets = {"hunter2", "from a file"}
    for got in (one, other):
        (secret,) = (each for each in secrets if is_genuine(got.headers, got.body, each, now))
        secrets.remove(secret)
        assert not is_genuine(got.headers, got.body + b" ", secret, now)
        assert not is_genuine(got.headers, got.body, secret, now + 3600)
    assert one.headers["Gslb-Id"] == other.headers["Gslb-Id"]


async def test_a_secret_file_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    async with Receiver().listening() as receiver:
        hook = webhook(receiver, secret_file=str(tmp_path / "secret"))
        async with telling(tmp_path, hook=hook) as told:
            told.notifier.offer(doubt(1))
            await until(lambda: told.count("hook", "retried") > 1)
            assert not receiver.got
            (tmp_path / "secret").write_text("here again")
            await until(lambda: receiver.got)


async def test_after_an_outage_all_are_delivered_in_order_and_once(tmp_path: Path) -> None:
    receiver = Receiver(free_port())
    async with telling(tmp_path, hook=webhook(receiver)) as told:
        for number in range(50):
            told.notifier.offer(doubt(number))
        await until(lambda: told.count("hook", "retried") >= 5)
        assert told.waiting("hook") == 50
        async with receiver.listening():
            for number in range(50, 60):
                told.notifier.offer(doubt(number))
            await until(lambda: told.count("hook", "delivered") == 60)
        assert [got.number for got in receiver.got] == list(range(60))
        assert len({got.headers["Gslb-Id"] for got in receiver.got}) == 60


async def test_an_hour_of_outage_takes_bounded_memory_and_holds_up_nobody(tmp_path: Path) -> None:
    receiver = Receiver(free_port())
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with telling(tmp_path, hook=webhook(receiver)) as told:
        turning = asyncio.create_task(turn())
        before, begun = 0, time.process_time()
        for number in range(100_000):
            if number == 90_000:
                tracemalloc.start()  # only now, since it makes all many times slower
                before = tracemalloc.get_traced_memory()[0]
            told.notifier.offer(doubt(number))
            if number % 100 == 0:
                await asyncio.sleep(0)
        grown, spent = tracemalloc.get_traced_memory()[0] - before, time.process_time() - begun
        tracemalloc.stop()
        assert grown < 8 * 1024 * 1024
        assert spent < 40
        assert turns > 500
        turning.cancel()
        assert told.waiting("hook") == MOST_WAITING
        lost = 100_000 - MOST_WAITING
        assert told.count("hook", "lost") == lost
        async with receiver.listening():
            await until(lambda: told.count("hook", "delivered") == MOST_WAITING, 40)
    first, *others = receiver.got  # the first may have been on its way for long
    assert [got.number for got in others] == list(range(lost + 1, 100_000))
    assert first.number <= lost
    assert sum(got.document["lost"] for got in receiver.got) == lost
    assert first.headers["Gslb-Lost"] == str(first.document["lost"])


async def test_a_receiver_that_never_answers_costs_its_time_limit_each_time(tmp_path: Path) -> None:
    receiver = Receiver(reply=lambda number: None if number == 0 else web.Response())
    async with receiver.listening(), telling(tmp_path, hook=webhook(receiver, timeout="50ms")) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("hook", "delivered") == 1)
    assert len({got.headers["Gslb-Id"] for got in receiver.got}) == 1
    assert len(receiver.got) > 1


async def test_what_is_on_its_way_is_not_lost_to_a_full_queue(tmp_path: Path) -> None:
    receiver = Receiver(reply=lambda number: None if number == 0 else web.Response())
    async with receiver.listening(), telling(tmp_path, hook=webhook(receiver, timeout="500ms")) as told:
        told.notifier.offer(doubt(0))
        await until(lambda: receiver.got)
        for number in range(1, MOST_WAITING + 6):
            told.notifier.offer(doubt(number))
        await until(lambda: len(receiver.got) > 3)
    assert [got.number for got in receiver.got[:3]] == [0, 0, 7]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_refusal_that_passes_is_tried_again(tmp_path: Path, status: int) -> None:
    receiver = Receiver(reply=statuses(status, status))
    async with receiver.listening(), telling(tmp_path, hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        told.notifier.offer(doubt(2))
        await until(lambda: told.count("hook", "delivered") == 2)
        assert told.count("hook", "retried") == 2
    assert [got.number for got in receiver.got] == [1, 1, 1, 2]


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410])
async def test_any_other_refusal_is_told_and_the_next_one_goes_on(
    tmp_path: Path, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = Receiver(reply=statuses(status, Location="/elsewhere"))
    async with receiver.listening(), telling(tmp_path, hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        told.notifier.offer(doubt(2))
        await until(lambda: told.count("hook", "delivered") == 1)
        assert (told.count("hook", "rejected"), told.count("hook", "retried")) == (1, 0)
    assert [got.number for got in receiver.got] == [1, 2]
    assert f"HTTP {status}" in capsys.readouterr().out


async def test_a_receiver_is_left_alone_as_long_as_it_asks(tmp_path: Path) -> None:
    receiver = Receiver(reply=statuses(429, **{"Retry-After": "1"}))
    async with receiver.listening(), telling(tmp_path, Pace(0.01, 0.01, 10.0), hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("hook", "delivered") == 1)
    one, other = receiver.got
    assert other.at - one.at >= 0.99


async def test_but_no_longer_than_is_reasonable(tmp_path: Path) -> None:
    receiver = Receiver(reply=statuses(503, **{"Retry-After": "86400"}))
    async with receiver.listening(), telling(tmp_path, hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("hook", "delivered") == 1)


def test_retry_after_is_a_number_of_seconds_or_a_date() -> None:
    now = datetime.now(UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert _after("120", now.timestamp()) == 120
    assert 88 <= (_after(later, now.timestamp()) or 0) <= 91
    assert _after("Fri, 20 Nov 2026 18:00:00 -0000", datetime(2026, 11, 20, 17, 59, tzinfo=UTC).timestamp()) == 60
    assert _after("Fri, 01 Jan 1999 00:00:00 GMT", now.timestamp()) == 0
    assert (_after("soon", 0.0), _after(None, 0.0), _after("-1", 0.0)) == (None, None, None)


def test_waits_double_up_to_a_minute_whatever_is_asked() -> None:
    pace = Pace()
    assert [pace.wait(n, None) for n in (1, 2, 3, 6, 7, 10_000)] == [1, 2, 4, 32, 60, 60]
    assert (pace.wait(1, 10.0), pace.wait(7, 10.0), pace.wait(1, 1e9)) == (10, 60, 300)


async def test_certificates_are_verified(tmp_path: Path) -> None:
    authority = new_authority(tmp_path)
    context = authority.server("127.0.0.1")
    async with Receiver().listening(context) as receiver:
        channels = {"trusting": webhook(receiver, ca_file=str(authority.file)), "doubting": webhook(receiver)}
        async with telling(tmp_path, **channels) as told:
            told.notifier.offer(doubt(1))
            await until(lambda: told.count("trusting", "delivered") == 1 and told.count("doubting", "retried") >= 2)
            assert told.count("doubting", "delivered") == 0
    assert len(receiver.got) == 1


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    authority = new_authority(tmp_path)
    receiver = Receiver(free_port(), scheme="https")
    hook = webhook(receiver, ca_file=str(authority.file))
    async with receiver.listening(authority.server("elsewhere.example")), telling(tmp_path, hook=hook) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("hook", "retried") >= 1)
    assert not receiver.got


async def test_a_channel_tells_only_of_what_it_is_for(tmp_path: Path) -> None:
    def order(action: str, service: str | None = None) -> OrderRecord:
        return OrderRecord(AT, action, "istanbul", "ada", "kernel update", service=service)

    async with Receiver().listening() as receiver:
        channels = {
            "names": webhook(receiver, events=["drained"]),
            "severe": webhook(receiver, severity="warning"),
            "services": webhook(receiver, services=["api.example.com"]),
        }
        async with telling(tmp_path, **channels) as told:
            told.notifier.offer(order("drained", "api.example.com"))
            told.notifier.offer(order("refused", "www.example.com"))
            told.notifier.offer(order("drain", "api.example.com"))
            told.notifier.offer(ExposureRecord(AT, ServiceName("api.example.com."), None))  # type: ignore[arg-type]
            assert [told.waiting(name) for name in channels] == [1, 1, 1]
            await until(lambda: len(receiver.got) == 3)
    assert sorted(got.document["event"] for got in receiver.got) == ["drained", "drained", "refused"]


async def test_what_cannot_be_told_does_not_stop_who_offers_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Receiver().listening() as receiver, telling(tmp_path, hook=webhook(receiver)) as told:
        told.notifier.offer(OrderRecord(AT, "drained", None, "ada", ""))  # type: ignore[arg-type]
        assert "record cannot be told of" in capsys.readouterr().out
        told.notifier.offer(DoubtRecord(AT, VantageName("unspeakable"), {1, 2}))  # type: ignore[arg-type]
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("hook", "delivered") == 1)
        assert told.count("hook", "rejected") == 1
    assert [got.number for got in receiver.got] == [1]


async def test_without_channels_nothing_is_done(tmp_path: Path) -> None:
    told = make(tmp_path)
    told.notifier.offer(doubt(1))
    assert not (tmp_path / "notify").exists()


async def test_a_wait_ends_when_the_options_are_others(tmp_path: Path) -> None:
    gone = Receiver(free_port())
    async with Receiver().listening() as receiver, telling(tmp_path, NEVER, hook=webhook(gone)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("hook", "retried") == 1)
        told.notifier.offer(doubt(2))
        told.notifier.configure({"hook": webhook(receiver)})
        await until(lambda: told.count("hook", "delivered") == 2)
    assert [got.number for got in receiver.got] == [1, 2]


async def test_what_waits_longer_is_not_hurried_by_what_comes_later(tmp_path: Path) -> None:
    receiver = Receiver(reply=statuses(500))
    async with receiver.listening(), telling(tmp_path, NEVER, hook=webhook(receiver)) as told:
        told.notifier.offer(doubt(1))
        await until(lambda: told.count("hook", "retried") == 1)
        for number in range(2, 50):
            told.notifier.offer(doubt(number))
            await asyncio.sleep(0)
        assert len(receiver.got) == 1


async def test_channels_come_and_go(tmp_path: Path) -> None:
    gone = Receiver(free_port())
    async with Receiver().listening() as receiver, telling(tmp_path, BRISK, old=webhook(gone)) as told:
        told.notifier.offer(doubt(1))
        await until((tmp_path / "notify" / "old.json").exists)
        told.notifier.configure({"new": webhook(receiver)})
        told.notifier.offer(doubt(2))
        await until(lambda: told.count("new", "delivered") == 1)
        assert told.waiting("old") is None
        await until(lambda: not (tmp_path / "notify" / "old.json").exists())
        told.notifier.configure({})
        told.notifier.configure({"old": webhook(receiver)})
        told.notifier.offer(doubt(3))
        await until(lambda: told.count("old", "delivered") == 1)
    assert [got.number for got in receiver.got] == [2, 3]


async def test_channels_may_change_before_anything_runs(tmp_path: Path) -> None:
    told = make(tmp_path, hook=webhook(Receiver(1)))
    told.notifier.offer(doubt(1))
    told.notifier.configure({})
    assert told.waiting("hook") is None

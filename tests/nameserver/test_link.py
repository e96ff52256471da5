"""The two ends of the control socket, against a real nameserver process."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from gslb.nameserver import client, disk
from gslb.nameserver.control import MAX_CONNECTIONS
from gslb.nameserver.protocol import MAX_FRAME, Ack, Gap, Hello, Report, Saved, frame, read_report
from gslb.nameserver.snapshot import Change, Full, Record, Snapshot, Zone
from tests.nameserver.links import linked
from tests.nameserver.support import API, SNAPSHOT, ZONES, Server, rcode, running, service, values
from tests.waiting import eventually, until

MOVED = service("api.example.com.", (1, ["203.0.113.9"]))


async def address(server: Server) -> list[str]:
    return values(await asyncio.to_thread(server.ask, "api.example.com."))


async def test_a_new_nameserver_gets_everything_and_then_changes(tmp_path: Path) -> None:
    with running(tmp_path, snapshot=None) as server:
        assert rcode(server.ask("www.example.com.")) == "SERVFAIL"
        async with linked(server.socket) as link:
            link.publish(SNAPSHOT)
            assert await link.acknowledged(7, 5)
            assert (link.connected, link.acked) == (True, 7)
            assert rcode(server.ask("www.example.com.")) == "NOERROR"
            link.publish(Snapshot(8, ZONES, (MOVED,)))
            assert await link.acknowledged(8, 5)
            assert await address(server) == ["203.0.113.9"]
            assert rcode(server.ask("pool.example.com.")) == "NXDOMAIN"
            link.publish(Snapshot(9, ZONES[1:], ()))
            assert await link.acknowledged(9, 5)
            assert rcode(server.ask("api.example.com.")) == "REFUSED"
            assert not await link.acknowledged(10, 0.01)
        assert not link.connected


async def test_only_the_newest_of_many_matters(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            for generation in range(100, 200):
                link.publish(Snapshot(generation, ZONES, (MOVED if generation == 199 else API,)))
            assert await link.acknowledged(199, 5)
            assert await address(server) == ["203.0.113.9"]


async def test_everything_is_sent_again_once_in_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FULL_INTERVAL", 0.05)
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(SNAPSHOT)
            assert await link.acknowledged(7, 5)
            _, writer = await asyncio.open_unix_connection(server.socket)
            writer.write(frame(Full(Snapshot(3, ZONES, (MOVED,)))))  # someone else, in between
            await until(lambda: "generation=3" in server.log)
            await until(lambda: server.log.rindex("generation=7") > server.log.rindex("generation=3"))
            writer.close()
            await writer.wait_closed()


async def test_a_nameserver_that_starts_later_is_found(tmp_path: Path) -> None:
    server = Server(tmp_path)
    async with linked(server.socket) as link:
        link.publish(SNAPSHOT)
        assert not await link.acknowledged(7, 0.1)
        await asyncio.to_thread(server.start)
        try:
            assert await link.acknowledged(7, 5)
        finally:
            server.stop()


async def test_a_killed_nameserver_starts_from_disk_and_is_brought_up_to_date(tmp_path: Path) -> None:
    with running(tmp_path, snapshot=None) as server:
        async with linked(server.socket) as link:
            link.publish(SNAPSHOT)
            assert await link.acknowledged(7, 5)
            await until(server.snapshot.exists)
            server.kill()
            await until(lambda: not link.connected)
            assert link.acked is None
        server.start()
        assert values(server.ask("www.example.com."))  # from disk alone
        async with linked(server.socket) as link:
            link.publish(Snapshot(8, ZONES, (MOVED,)))
            assert await link.acknowledged(8, 5)
            assert await address(server) == ["203.0.113.9"]
            await until(lambda: disk.read(server.snapshot).generation == 8)


async def test_answers_go_on_while_a_large_zone_is_compiled(tmp_path: Path) -> None:
    hosts = tuple(Record(f"h{i}.example.com.", 300, "MX", f"10 mail{i}.example.com.") for i in range(5000))
    large = Snapshot(8, (Zone("example.com.", (*ZONES[0].records, *hosts)), *ZONES[1:]), (MOVED,))
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(large)
            answered = 0
            while link.acked is None:
                assert rcode(await asyncio.to_thread(server.ask, "www.example.com.")) == "NOERROR"
                answered += 1
            assert answered > 10


async def test_stats_tell_what_was_answered(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            for _ in range(5):
                server.ask("www.example.com.")
            server.ask("nowhere.example.com.")
            await until(lambda: link.stats and link.stats.responses.get("NXDOMAIN") == 1)
            assert link.stats
            assert link.stats.queries["udp"] >= 6
            assert link.stats.responses["NOERROR"] == sum(link.stats.queries.values()) - 1
            assert not link.stats.save_failed


async def test_orders_are_answered_as_the_protocol_says(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        reader, writer = await asyncio.open_unix_connection(server.socket)
        hello = await read_report(reader)
        assert isinstance(hello, Hello)
        assert (hello.pid, hello.generation) == (server.process.pid, 7)
        assert await read_report(reader) == Saved(7)
        writer.write(frame(Change(9, 8, (MOVED,), ())))
        assert await confirmation(reader) == Gap()
        writer.write(frame(Change(9, 7, (MOVED,), ())))
        assert await confirmation(reader) == Ack(9)
        writer.write(frame(Full(Snapshot(2, ZONES, (API,)))))  # an older one counts, if it is full
        assert await confirmation(reader) == Ack(2)
        writer.close()
        await writer.wait_closed()


async def confirmation(reader: asyncio.StreamReader) -> Report:
    """The next report that an order is answered with."""
    while not isinstance(report := await read_report(reader), Ack | Gap):
        pass
    return report


async def test_a_gap_is_closed_by_a_full_snapshot(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(SNAPSHOT)
            assert await link.acknowledged(7, 5)
            _, writer = await asyncio.open_unix_connection(server.socket)
            writer.write(frame(Full(Snapshot(3, ZONES, (API,)))))
            await until(lambda: "generation=3" in server.log)
            link.publish(Snapshot(8, ZONES, (MOVED,)))
            assert await link.acknowledged(8, 5)
            assert await address(server) == ["203.0.113.9"]
            writer.close()
            await writer.wait_closed()


@pytest.mark.parametrize(
    "sent",
    [
        (MAX_FRAME + 1).to_bytes(4),
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x04\xff\xff\xff\xff",
        frame(Full(Snapshot(8, ZONES, (service("api.example.com.", (1, ["not an address"])),)))),
    ],
    ids=["too long", "no type", "not JSON", "not compilable"],
)
def test_a_frame_that_cannot_be_used_closes_the_connection_and_nothing_else(server: Server, sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(str(server.socket))
        sock.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(4096):
                pass
    eventually(lambda: "control connection closed" in server.log)
    assert values(server.ask("www.example.com."))


async def test_one_connection_too_many_is_closed_and_the_others_stay(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        opened = [await asyncio.open_unix_connection(server.socket) for _ in range(MAX_CONNECTIONS)]
        for reader, _ in opened:
            assert isinstance(await read_report(reader), Hello)
        reader, writer = await asyncio.open_unix_connection(server.socket)
        with pytest.raises(EOFError):
            await read_report(reader)
        opened[0][1].write(frame(Full(Snapshot(8, ZONES, (MOVED,)))))
        assert await confirmation(opened[0][0]) == Ack(8)
        for each in (writer, *(writer for _, writer in opened)):
            each.close()
            await each.wait_closed()


async def test_who_does_not_say_hello_is_no_nameserver(tmp_path: Path) -> None:
    connections = 0

    async def strange(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(frame(Ack(7)))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(strange, tmp_path / "sock"), linked(tmp_path / "sock") as link:
        await until(lambda: connections > 1)
        assert (link.connected, link.acked) == (False, None)

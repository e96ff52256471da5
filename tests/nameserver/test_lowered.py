"""TTLs that are lowered for a while: what clients see, what stays as it is, and when it ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import dns.message
import pytest
from msgspec import structs

from gslb.model.names import ServiceName
from gslb.nameserver import control, disk
from gslb.nameserver.protocol import MAX_LOWERED, Gap, Lower, Report, frame, read_report
from gslb.nameserver.responder import Responder
from gslb.nameserver.snapshot import Change, Record, Snapshot, Zone
from gslb.nameserver.table import compile_table, lower
from gslb.nameserver.tally import Tally
from tests.nameserver.links import linked, listening
from tests.nameserver.support import API, CLIENT, SERVICES, SNAPSHOT, ZONES, Server, rcode, running, service, values
from tests.waiting import until

NAME = ServiceName("api.example.com.")
POOL = ServiceName("pool.example.com.")
MOVED = service(NAME, (1, ["203.0.113.9"]))


async def ttl(server: Server, name: str = NAME) -> int:
    response = await asyncio.to_thread(server.ask, name)
    return response.answer[0].ttl


async def is_lowered(server: Server, name: str = NAME) -> bool:
    return await ttl(server, name) == 5


async def test_only_what_is_named_is_lowered_until_something_else_is(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(SNAPSHOT)
            link.lower((NAME,))
            await until(lambda: is_lowered(server))
            assert await ttl(server, POOL) == 30
            link.lower((POOL, ServiceName("nowhere.example.com.")))
            await until(lambda: is_lowered(server, POOL))
            assert await ttl(server) == 30
            link.lower(())
            await until(lambda: ttl_is_normal(server, POOL))
            assert (link.acked, disk.read(server.snapshot)) == (7, SNAPSHOT)


async def ttl_is_normal(server: Server, name: str = NAME) -> bool:
    return await ttl(server, name) == 30


async def test_a_change_and_a_full_snapshot_leave_it_lowered_and_the_file_as_decided(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(SNAPSHOT)
            link.lower((NAME,))
            await until(lambda: is_lowered(server))
            link.publish(Snapshot(8, ZONES, (MOVED, *SERVICES[1:])))
            assert await link.acknowledged(8, 10)
            response = await asyncio.to_thread(server.ask, NAME)
            assert (values(response), response.answer[0].ttl) == (["203.0.113.9"], 5)
            link.publish(Snapshot(9, ZONES[:1], (API,)))
            assert await link.durable(9, 10)
            assert await ttl(server) == 5
            assert disk.read(server.snapshot).services == (API,)


async def test_a_nameserver_that_starts_anew_is_told_again(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server.socket) as link:
            link.publish(SNAPSHOT)
            link.lower((NAME,))
            await until(lambda: is_lowered(server))
            server.kill()
            await until(lambda: not link.connected)
            await asyncio.to_thread(server.start)
            await until(lambda: is_lowered(server))


async def test_what_comes_before_the_first_snapshot_holds_for_it(tmp_path: Path) -> None:
    with running(tmp_path, snapshot=None) as server:
        async with linked(server.socket) as link:
            link.lower((NAME,))
            await until(lambda: link._sent_lowered == (NAME,))
            assert rcode(await asyncio.to_thread(server.ask, NAME)) == "SERVFAIL"
            link.publish(SNAPSHOT)
            assert await link.acknowledged(7, 10)
            assert await ttl(server) == 5


@pytest.mark.parametrize("names", [("x" * 64 + ".example.com.",), ("api.example.com.",) * (MAX_LOWERED + 1)])
async def test_too_many_names_and_what_is_none_are_refused(server: Server, names: tuple[str, ...]) -> None:
    reader, writer = await asyncio.open_unix_connection(server.socket)
    writer.write(frame(Lower(tuple(map(ServiceName, names)))))
    with contextlib.suppress(EOFError):
        while True:
            await read_report(reader)
    writer.close()
    await writer.wait_closed()
    assert await ttl(server) == 30


def given(responder: Responder) -> int:
    reply = responder.tcp(dns.message.make_query(NAME, "A").to_wire(), CLIENT, Tally("tcp"))
    assert reply
    return dns.message.from_wire(reply).answer[0].ttl


@contextlib.asynccontextmanager
async def saying(path: Path, *services: ServiceName) -> AsyncIterator[None]:
    """A connection that lowers TTLs, and has been obeyed."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(frame(Lower(services)) + frame(Change(99, 98, (), ())))
    reports: list[Report] = []
    while Gap() not in reports:
        reports.append(await read_report(reader))
    yield
    writer.close()
    await writer.wait_closed()


async def test_it_is_forgotten_some_time_after_the_connection_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "FORGET", 0.05)
    async with listening(tmp_path) as (responder, _):
        async with saying(tmp_path / "sock", NAME):
            assert given(responder) == 5
            async with saying(tmp_path / "sock"):
                assert given(responder) == 30
            async with saying(tmp_path / "sock", NAME):
                assert given(responder) == 5
        await until(lambda: given(responder) == 30)


async def test_it_is_kept_for_who_says_so_again_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "FORGET", 0.3)
    async with listening(tmp_path) as (responder, told):
        async with saying(tmp_path / "sock", NAME):
            pass
        async with saying(tmp_path / "sock", NAME):
            await until(lambda: told._connections == 1 and not told._forgetting)
            assert given(responder) == 5


async def test_who_was_overruled_leaves_nothing_to_forget(tmp_path: Path) -> None:
    async with listening(tmp_path) as (responder, told):
        async with saying(tmp_path / "sock"):
            async with saying(tmp_path / "sock", NAME):
                first = told._lowering
            await until(lambda: told._connections == 1)
            assert len(told._forgetting) == 1
            async with saying(tmp_path / "sock", NAME):
                assert told._lowering is not first
        await until(lambda: told._connections == 0)
        assert len(told._forgetting) == 2
        assert given(responder) == 5


def test_lowering_compiles_what_differs_only_and_leaves_the_rest_as_it_is() -> None:
    table = compile_table(SNAPSHOT, None, Random(1))
    lowered = lower(table, frozenset({NAME}), Random(1))
    fresh = {name for name in table.services if lowered.services[name] is not table.services[name]}
    assert fresh == {b"\x03api\x07example\x03com\x00"}
    assert lowered.snapshot is table.snapshot
    back = lower(lowered, frozenset(), Random(1))
    assert {name: made.lowered for name, made in back.services.items()} == dict.fromkeys(table.services, False)
    records = (*ZONES[0].records, Record("new.example.com.", 300, "A", "192.0.2.77"))
    other = compile_table(
        Snapshot(8, (Zone("example.com.", records),), SERVICES), lowered, Random(1), frozenset({NAME})
    )
    assert [made.steering.name for made in other.services.values() if made.lowered] == [NAME]


def test_a_ttl_that_is_lower_than_that_of_negative_answers_stays() -> None:
    short = structs.replace(API, ttl=2)
    table = compile_table(Snapshot(1, ZONES, (short,)), None, Random(1), frozenset({NAME}))
    responder = Responder()
    responder.adopt(table)
    assert given(responder) == 2

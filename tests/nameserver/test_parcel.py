"""A Full on its way: in many frames, none of which takes long to read."""

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from msgspec import structs

from gslb.errors import SnapshotError
from gslb.nameserver import protocol
from gslb.nameserver.authority import Authority
from gslb.nameserver.disk import Saver
from gslb.nameserver.protocol import Opener, Parcel, ProtocolError, frame, frames, read_order
from gslb.nameserver.responder import Responder
from gslb.nameserver.snapshot import PORTION, Full, Snapshot
from tests.nameserver.support import SNAPSHOT, ZONES, service
from tests.waiting import until

MANY = Snapshot(9, ZONES, tuple(service(f"s{n}.example.com.", (1, ["203.0.113.1"])) for n in range(3 * PORTION + 1)))


async def received(sent: bytes) -> Parcel:
    reader = asyncio.StreamReader()
    reader.feed_data(sent)
    reader.feed_eof()
    order = await read_order(reader)
    assert isinstance(order, Parcel)
    return order


@pytest.mark.parametrize("snapshot", [SNAPSHOT, MANY, replace(MANY, services=())])
async def test_a_full_arrives_as_it_was_sent(snapshot: Snapshot) -> None:
    assert Opener().open(await received(frame(Full(snapshot)))) == snapshot


async def test_it_goes_in_portions_and_what_came_before_is_not_read_again() -> None:
    opener = Opener()
    first = opener.open(await received(frame(Full(MANY))))
    moved = structs.replace(MANY.services[-1], ttl=7)
    again = replace(MANY, generation=10, services=(*MANY.services[:-1], moved))
    assert len(list(frames(Full(again)))) == 1 + 4 + 1
    second = opener.open(await received(frame(Full(again))))
    assert second == again
    differing = [index for index, each in enumerate(first.services) if second.services[index] is not each]
    assert differing == [len(MANY.services) - 1]


async def test_a_full_without_its_end_is_none() -> None:
    with pytest.raises(EOFError):
        await received(frame(Full(MANY))[:-6])


async def test_a_full_is_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = frame(Full(MANY))
    monkeypatch.setattr(protocol, "MAX_FRAME", len(sent) // 2)
    with pytest.raises(ProtocolError):
        await received(sent)


def test_services_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(SnapshotError):
        Opener().open(Parcel(replace(MANY, services=()), (b'[{"name":1}]',)))


async def test_what_is_in_force_stays_when_it_comes_again_and_what_is_replaced_is_freed(tmp_path: Path) -> None:
    responder, saver = Responder(), Saver(tmp_path / "snapshot")
    authority = Authority(responder, saver, Random(1))
    assert await authority.take(await received(frame(Full(MANY))))
    ready = responder.ready
    assert await authority.take(await received(frame(Full(MANY))))
    assert responder.ready is ready
    others = tuple(structs.replace(each, ttl=7) for each in MANY.services)
    assert await authority.take(Full(replace(MANY, generation=10, services=others)))
    assert authority._retiring
    del ready
    await until(lambda: not authority._retiring)

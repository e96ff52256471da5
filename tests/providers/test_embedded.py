"""The embedded provider, with a real nameserver process behind it."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gslb.model.names import ServiceName
from gslb.model.watermark import Watermark
from gslb.nameserver import disk
from gslb.nameserver.protocol import MAX_LOWERED
from gslb.nameserver.snapshot import Record, Zone
from providers import BUILTIN, EMBEDDED
from providers.base import Capabilities
from providers.embedded import Embedded, Place
from tests.control.loops import running
from tests.nameserver.support import SNAPSHOT, ZONES, Server, service, started, values
from tests.waiting import until

if TYPE_CHECKING:
    from gslb.control.publisher import Outlet

NAME = ServiceName("api.example.com.")


def publish(embedded: Embedded, generation: int, address: str) -> None:
    steering = service(NAME, (1, [address]))
    embedded.publish(generation, {steering.name: steering})


async def dig(server: Server, name: str = NAME, type_: str = "A") -> list[str]:
    return values(await asyncio.to_thread(server.ask, name, type_), type_)


def test_it_is_what_the_registry_names() -> None:
    assert Embedded.name == EMBEDDED
    assert EMBEDDED not in BUILTIN


def test_it_is_a_provider() -> None:
    provider: Outlet = Embedded([], ())
    assert provider.name == "embedded"


async def test_what_is_published_is_answered_once_it_is_settled(nameserver: Server) -> None:
    embedded = Embedded([nameserver.socket], ZONES)
    async with running(embedded.run()):
        publish(embedded, 10, "203.0.113.1")
        assert await embedded.settled(10, 10)
        assert await dig(nameserver) == ["203.0.113.1"]
        publish(embedded, 11, "203.0.113.2")
        assert await embedded.settled(11, 10)
        assert await dig(nameserver) == ["203.0.113.2"]
        assert embedded.places() == (Place(nameserver.socket.stem, connected=True, generation=11),)


async def test_of_several_generations_at_once_the_newest_counts_and_settles_the_others(nameserver: Server) -> None:
    embedded = Embedded([nameserver.socket], ZONES)
    async with running(embedded.run()):
        for generation in range(20, 30):
            publish(embedded, generation, f"203.0.113.{generation}")
        assert await embedded.settled(20, 10)
        assert await embedded.settled(29, 10)
        assert await dig(nameserver) == ["203.0.113.29"]
        assert not await embedded.settled(30, 0.01)


async def test_static_records_change_with_the_next_generation(nameserver: Server) -> None:
    embedded = Embedded([nameserver.socket], ZONES)
    async with running(embedded.run()):
        publish(embedded, 40, "203.0.113.1")
        assert await embedded.settled(40, 10)
        origin, more = ZONES[0].origin, Record("new.example.com.", 300, "A", "192.0.2.77")
        embedded.set_zones((Zone(origin, (*ZONES[0].records, more)), *ZONES[1:]))
        publish(embedded, 41, "203.0.113.1")
        assert await embedded.settled(41, 10)
        assert await dig(nameserver, "new.example.com.") == ["192.0.2.77"]


async def test_services_of_zones_elsewhere_are_not_answered(nameserver: Server) -> None:
    embedded, other = Embedded([nameserver.socket], ZONES), ServiceName("elsewhere.example.com.")
    steerings = {name: service(name, (1, ["203.0.113.45"])) for name in (NAME, other)}
    async with running(embedded.run()):
        embedded.publish(45, steerings)
        assert await embedded.settled(45, 10)
        assert await dig(nameserver, other) == ["203.0.113.45"]
        embedded.set_zones(ZONES, elsewhere=frozenset({other}))
        embedded.publish(46, steerings)
        assert await embedded.settled(46, 10)
        assert await dig(nameserver, other) == []
        assert await dig(nameserver) == ["203.0.113.45"]


def test_services_of_zones_elsewhere_do_not_count_among_those_whose_ttl_is_lowered() -> None:
    embedded, other = Embedded([], ZONES), ServiceName("elsewhere.example.com.")
    many = [ServiceName(f"s{number}.example.com.") for number in range(MAX_LOWERED)]
    assert not embedded.lower([*many, other])
    embedded.set_zones(ZONES, elsewhere=frozenset({other}))
    assert embedded.lower([*many, other])
    assert not embedded.lower([*many, NAME])


async def test_it_is_not_settled_while_one_worker_cannot_be_reached(nameserver: Server, tmp_path: Path) -> None:
    embedded = Embedded([nameserver.socket, tmp_path / "nobody.sock"], ZONES)
    async with running(embedded.run()):
        publish(embedded, 50, "203.0.113.50")
        await until(lambda: embedded.links[nameserver.socket.stem].acked == 50)
        assert not await embedded.settled(50, 0.01)
        assert await dig(nameserver) == ["203.0.113.50"]
        assert [(place.connected, place.generation) for place in embedded.places()] == [(True, 50), (False, None)]


async def test_what_was_answered_goes_on_being_answered_when_the_provider_ends(nameserver: Server) -> None:
    embedded = Embedded([nameserver.socket], ZONES)
    async with running(embedded.run()):
        publish(embedded, 60, "203.0.113.60")
        assert await embedded.settled(60, 10)
    assert await dig(nameserver) == ["203.0.113.60"]
    assert embedded.places() == (Place(nameserver.socket.stem, connected=False, generation=None),)


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Server]:
    """Another worker, which starts from a file of its own."""
    server = Server(tmp_path, name="nameserver-1")
    disk.write(server.snapshot, SNAPSHOT)
    with started(server):
        yield server


def test_a_provider_takes_any_ttl_unless_it_says_so() -> None:
    assert Capabilities(publication=0.1, propagation=0.0).min_ttl == 0


async def test_old_answers_have_ended_when_every_worker_has_the_new_ones_on_disk(
    nameserver: Server, second: Server
) -> None:
    embedded = Embedded([nameserver.socket, second.socket], ZONES)
    async with running(embedded.run()):
        publish(embedded, 70, "203.0.113.70")
        assert await embedded.ended(70, 10)
        assert {disk.read(server.snapshot).generation for server in (nameserver, second)} == {70}
        assert not await embedded.ended(71, 0.01)


async def test_old_answers_have_not_ended_while_one_worker_cannot_be_reached(
    nameserver: Server, tmp_path: Path
) -> None:
    embedded = Embedded([nameserver.socket, tmp_path / "nobody.sock"], ZONES)
    async with running(embedded.run()):
        publish(embedded, 80, "203.0.113.80")
        assert await embedded.links[nameserver.socket.stem].durable(80, 10)
        assert not await embedded.ended(80, 0.01)


async def test_the_watermark_is_what_all_workers_have_left_behind(nameserver: Server, second: Server) -> None:
    embedded = Embedded([nameserver.socket, second.socket], ZONES)
    async with running(embedded.run()):
        publish(embedded, 85, "203.0.113.85")
        assert await embedded.links[nameserver.socket.stem].durable(85, 10)
        assert await embedded.ended(85, 10)
        assert embedded.watermark == Watermark(embedded.publisher, 85)
        second.kill()
        publish(embedded, 86, "203.0.113.86")
        assert await embedded.links[nameserver.socket.stem].durable(86, 10)
        assert embedded.watermark == Watermark(embedded.publisher, 85)
    other = Embedded([nameserver.socket], ZONES)
    assert (other.watermark, other.publisher == embedded.publisher) == (None, False)


async def test_a_worker_that_falls_back_to_an_older_file_is_named(second: Server) -> None:
    embedded = Embedded([second.socket], ZONES)
    fallen: list[tuple[str, int]] = []
    embedded.regressed = lambda *which: fallen.append(which)
    async with running(embedded.run()):
        for generation in (90, 91):
            publish(embedded, generation, "203.0.113.90")
            assert await embedded.ended(generation, 10)
        assert fallen == []
        second.kill()
        second.snapshot.write_text("damaged")
        await asyncio.to_thread(second.start)
        await until(lambda: fallen == [("nameserver-1", 90)])
        assert await embedded.ended(91, 10)


async def test_a_worker_that_falls_back_while_nobody_is_there_is_named_to_who_recalls_it(second: Server) -> None:
    embedded = Embedded([second.socket], ZONES)
    fallen: list[tuple[str, int]] = []
    embedded.regressed = lambda *which: fallen.append(which)
    embedded.recall([Watermark("", 8)])
    async with running(embedded.run()):
        await until(lambda: fallen == [("nameserver-1", 7)])


async def test_only_the_first_worker_to_tell_of_a_changed_answer_is_heard(nameserver: Server, second: Server) -> None:
    embedded = Embedded([nameserver.socket, second.socket], ZONES)
    told: list[tuple[ServiceName, int, float, str]] = []
    embedded.on_answered = lambda *answer: told.append(answer)
    async with running(embedded.run()):
        for generation, address in ((100, "203.0.113.100"), (110, "203.0.113.110")):
            before = time.monotonic()
            publish(embedded, generation, address)
            publish(embedded, generation + 1, address)  # in which nothing changes
            assert await embedded.settled(generation + 1, 10)
            assert await dig(second) == [address]
            after = time.monotonic()
            await until(lambda: told)
            assert await dig(nameserver) == [address]
            assert [(name, number, worker) for name, number, _, worker in told] == [(NAME, generation, "nameserver-1")]
            assert before < told.pop()[2] < after
        assert told == []


async def test_ttls_are_lowered_at_every_worker_and_too_many_at_none(nameserver: Server, second: Server) -> None:
    embedded = Embedded([nameserver.socket, second.socket], ZONES)

    async def ttls() -> set[int]:
        responses = [await asyncio.to_thread(server.ask, NAME) for server in (nameserver, second)]
        return {response.answer[0].ttl for response in responses}

    async def are(ttl: int) -> bool:
        return await ttls() == {ttl}

    async with running(embedded.run()):
        publish(embedded, 120, "203.0.113.120")
        assert await embedded.settled(120, 10)
        assert embedded.lower({NAME})
        await until(lambda: are(5))
        assert not embedded.lower([NAME, *(ServiceName(f"s{i}.example.com.") for i in range(MAX_LOWERED))])
        await until(lambda: are(30))
        assert embedded.lower([NAME, *(ServiceName(f"s{i}.example.com.") for i in range(MAX_LOWERED - 1))])
        await until(lambda: are(5))
        assert embedded.lower(())
        await until(lambda: are(30))
        assert await embedded.ended(120, 10)

"""The embedded provider, with a real nameserver process behind it."""

import asyncio
from pathlib import Path

from gslb.nameserver.snapshot import Record, Zone
from providers import BUILTIN
from providers.base import Place, Provider
from providers.embedded import Embedded
from tests.control.loops import running
from tests.nameserver.support import ZONES, Server, service, values
from tests.waiting import until

NAME = "api.example.com."


def publish(embedded: Embedded, generation: int, address: str) -> None:
    steering = service(NAME, (1, [address]))
    embedded.publish(generation, {steering.name: steering})


async def dig(server: Server, name: str = NAME, type_: str = "A") -> list[str]:
    return values(await asyncio.to_thread(server.ask, name, type_), type_)


def test_it_is_what_the_registry_names() -> None:
    assert Embedded.name in BUILTIN


def test_it_is_a_provider() -> None:
    provider: Provider = Embedded([], ())
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

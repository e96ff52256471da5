"""BIND, Knot and NSD follow a zone: they pull it, are told of changes, and have what a transfer contains."""

import asyncio
import base64
import contextlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import dns.query
import dns.zone
import pytest

from gslb.model.address import Address, parse_ip
from gslb.model.names import ServiceName
from gslb.model.steering import Steering
from gslb.nameserver.content import content
from gslb.nameserver.snapshot import Snapshot
from gslb.nameserver.transfer.access import Transfer, TsigKey
from providers.embedded import Embedded
from tests.control.loops import running as beside
from tests.nameserver.secondaries import KINDS, LOCAL, Secondary, expected, plain, program, secondary
from tests.nameserver.support import SERVICES, ZONES, Server, running, service
from tests.waiting import free_port, until

COM = "example.com."
KEY = TsigKey("xfr.", "hmac-sha384", base64.b64encode(b"0123456789abcdef" * 3).decode())
OTHER = replace(KEY, secret=base64.b64encode(b"fedcba9876543210" * 3).decode())


class Primary:
    """A nameserver process, and the provider that publishes to it."""

    def __init__(self, server: Server, transfer: Transfer) -> None:
        self.server = server
        self.zones = (replace(ZONES[0], transfer=transfer), *ZONES[1:])
        listen = [Address(parse_ip(server.host), server.port)]
        self.embedded = Embedded([server.socket], self.zones, listen=listen)
        self.services = {each.name: each for each in SERVICES}
        self.generation = 100

    def publish(self, *changed: Steering, without: str = "") -> None:
        self.generation += 1
        self.services |= {each.name: each for each in changed}
        self.services.pop(ServiceName(without), None)
        self.embedded.publish(self.generation, self.services)

    @property
    def serial(self) -> int:
        return self.embedded.serials.assign(self.zones, self.services)[COM]

    @property
    def records(self) -> set[tuple[str, str, int, str]]:
        snapshot = Snapshot(1, self.zones, tuple(self.services.values()), serials={COM: self.serial})
        return expected(content(snapshot, COM))


@contextlib.asynccontextmanager
async def primary(folder: Path, transfer: Transfer) -> AsyncIterator[Primary]:
    folder.mkdir()
    with running(folder, snapshot=None) as server:
        made = Primary(server, transfer)
        async with beside(made.embedded.run()):
            made.publish()
            assert await made.embedded.settled(made.generation, 10)
            yield made


async def in_step(at: Secondary, made: Primary, within: float = 10.0) -> None:
    """Wait until it has the serial, and all record sets: NSD's processes do not change over in the same moment."""
    await until(lambda: asyncio.to_thread(lambda: at.serial(COM) == made.serial), within)
    await until(lambda: asyncio.to_thread(lambda: at.records(COM) == made.records), 2)


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "signed"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_secondary_follows_every_change_within_seconds(tmp_path: Path, kind: str, key: TsigKey | None) -> None:
    port = free_port()
    told = Transfer((LOCAL,), (key,) if key else (), (f"{LOCAL}:{port}",), key)
    async with primary(tmp_path / "primary", told) as made:
        with secondary(kind, tmp_path, made.server.port, "example.com", key, port) as at:
            await in_step(at, made)
            moves = [
                service("api.example.com.", (1, ["203.0.113.2"])),
                service("api.example.com.", (1, ["203.0.113.2", "203.0.113.77"])),
                service("new.example.com.", (1, ["203.0.113.8"])),
            ]
            for move in moves:
                before = made.serial
                made.publish(move)
                assert made.serial != before
                await in_step(at, made, within=5)
            made.publish(without="new.example.com.")
            await in_step(at, made, within=5)
            assert "new.example.com." not in {name for name, *_ in at.records(COM)}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_secondary_with_a_wrong_secret_gets_nothing(tmp_path: Path, kind: str) -> None:
    async with primary(tmp_path / "primary", Transfer(keys=(KEY,))) as made:
        with secondary(kind, tmp_path, made.server.port, "example.com", OTHER) as at:
            link = made.embedded.links[made.server.socket.stem]
            await until(lambda: link.stats is not None and link.stats.responses.get("NOTAUTH"))
            assert await asyncio.to_thread(at.serial, COM) is None


async def test_a_change_of_weights_is_no_news_to_a_secondary(tmp_path: Path) -> None:
    told = Transfer((LOCAL,), (), (f"{LOCAL}:{free_port()}",))
    async with primary(tmp_path / "primary", told) as made:
        before = made.serial
        made.publish(service("api.example.com.", (1, ["203.0.113.1"]), (99, ["203.0.113.2"])))
        assert made.serial == before


async def test_a_worker_that_is_ahead_is_overtaken(tmp_path: Path) -> None:
    async with primary(tmp_path / "primary", Transfer((LOCAL,))) as made:
        made.publish(service("api.example.com.", (1, ["203.0.113.2"])))
        assert await made.embedded.settled(made.generation, 10)
        ahead = made.serial
        restarted = Primary(made.server, Transfer((LOCAL,)))  # which knows of nothing
        restarted.embedded.serials = type(restarted.embedded.serials)(lambda: 1.0)
        restarted.embedded.on_overtaken = restarted.publish
        restarted.publish()
        assert restarted.serial < ahead
        async with beside(restarted.embedded.run()):
            await until(lambda: restarted.serial > ahead)
            await until(lambda: asyncio.to_thread(lambda: _serial(made.server) == restarted.serial))


def _serial(server: Server) -> int:
    return int(server.ask(COM, "SOA").answer[0][0].serial)


def test_named_checkzone_accepts_what_is_transferred(tmp_path: Path) -> None:
    checkzone = program("named-checkzone", "bind9-utils")
    zones = tuple(replace(zone, transfer=Transfer((LOCAL,))) for zone in ZONES)
    with running(tmp_path, snapshot=Snapshot(7, zones, SERVICES, serials={COM: 2026113001})) as server:
        zone = dns.zone.Zone(COM)
        dns.query.inbound_xfr(server.host, zone, port=server.port, lifetime=10)
    assert plain(zone) == expected(content(Snapshot(7, zones, SERVICES, serials={COM: 2026113001}), COM))
    file = tmp_path / "zone"
    zone.to_file(str(file), relativize=False)
    # Names below DNAME records and CNAMEs that lead nowhere are what the zone of these tests has on purpose.
    command = [checkzone, "-i", "local", "-k", "warn", COM, str(file)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 0, result.stdout
    assert "loaded serial 2026113001" in result.stdout

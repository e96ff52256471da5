"""Serials of zones with a real controller, state database and nameserver."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gslb.control.controller import Controller
from gslb.control.reload import reload_file
from tests.control.rig import ANKARA, Lab, answers, decided, two_regions
from tests.nameserver.support import Server
from tests.waiting import until

ZONE = "example.com."


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with two_regions(tmp_path) as made:
        yield made


async def answered(server: Server) -> int:
    response = await asyncio.to_thread(server.ask, ZONE, "SOA")
    return response.answer[0][0].serial if response.answer else 0


def given(controller: Controller) -> int:
    """The newest; 0 before the first."""
    return next((record.serial for record in controller.embedded.serials.records if record.zone == ZONE), 0)


async def in_force(controller: Controller, server: Server) -> int:
    """The serial, once the nameserver answers with it."""
    await decided(controller)

    async def same() -> bool:
        return 0 < given(controller) == await answered(server)

    await until(same)
    return given(controller)


async def test_a_failover_raises_it_and_neither_a_reload_nor_a_restart_does(lab: Lab, nameserver: Server) -> None:
    async with lab.controller(nameserver.socket) as controller:
        before = await in_force(controller, nameserver)
        await lab.istanbul.kill()
        await until(lambda: answers(controller) == {ANKARA})
        after = await in_force(controller, nameserver)
        assert after > before
        generation = controller.publisher.generation
        await reload_file(controller)
        await until(lambda: controller.publisher.generation > generation)
        assert await in_force(controller, nameserver) == after
    async with lab.controller(nameserver.socket) as again:
        assert await in_force(again, nameserver) == after


async def test_what_a_lost_database_would_have_told_is_learned_from_the_nameserver(
    lab: Lab, nameserver: Server
) -> None:
    async with lab.controller(nameserver.socket) as controller:
        await in_force(controller, nameserver)
        serials = controller.embedded.serials
        serials.saw({ZONE: given(controller) + 1_000_000})  # many changes, say
        controller.embedded.on_overtaken()
        ahead = await in_force(controller, nameserver)
        kept = next(record for record in controller.store.load_state().serials if record.zone == ZONE)
        assert kept.serial == ahead
        controller.store.save_serials([replace(kept, serial=ahead - 500_000)])
    async with lab.controller(nameserver.socket) as again:
        await until(lambda: given(again) > ahead)
        assert await in_force(again, nameserver) == ahead + 1

"""Zones that the embedded nameserver does not publish: it knows nothing of them, and everything else goes on."""

import asyncio

import pytest

from gslb.control.reload import reload_file
from providers import BUILTIN
from tests.control.rig import Lab, decided
from tests.nameserver.support import Server, values
from tests.waiting import until

SHOP = """
[services."api.shop.example.com"]
regions = ["istanbul"]
probes  = ["edge"]
"""
ELSEWHERE = """
[zones."shop.example.com"]
providers = ["main"]

[providers.main]
type = "acme"
"""


@pytest.fixture(autouse=True)
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILTIN, "acme", "tests.config.acme:Acme")


async def ask(server: Server, name: str) -> list[str]:
    return values(await asyncio.to_thread(server.ask, name))


async def test_a_zone_moves_away_from_the_embedded_nameserver_and_back_by_reloads(lab: Lab, nameserver: Server) -> None:
    async def is_answered(name: str) -> bool:
        return bool(await ask(nameserver, name))

    async def is_not(name: str) -> bool:
        return not await is_answered(name)

    lab.write(more=SHOP)
    async with lab.controller(nameserver.socket) as controller:
        await decided(controller)
        await until(lambda: is_answered("api.shop.example.com"))
        lab.write(more=SHOP + ELSEWHERE)
        assert (await reload_file(controller)).replacing == ()
        await until(lambda: is_not("api.shop.example.com"))
        assert await is_answered("api.example.com")
        assert "api.shop.example.com." in controller.engine.decisions
        lab.write(more=SHOP)
        await reload_file(controller)
        await until(lambda: is_answered("api.shop.example.com"))

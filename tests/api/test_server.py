"""Where the API listens: an address and a Unix socket, both or nothing."""

import asyncio
import stat
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web

from gslb.api.server import serving
from gslb.errors import ListenError
from gslb.model.address import Address
from tests.api.rig import Api
from tests.waiting import free_port

LOCAL = ip_address("127.0.0.1")


async def test_the_unix_socket_answers_too_and_is_for_the_owner_only(api: Api) -> None:
    assert (await api.get("/v1/status", unix=True)).body["node"] == "istanbul-1"
    assert stat.S_IMODE(api.socket.stat().st_mode) == 0o600


async def test_a_drain_over_the_unix_socket_needs_the_token_as_well(api: Api) -> None:
    assert (await api.ask("POST", "/v1/reload", token="", unix=True)).status == 401
    assert (await api.ask("POST", "/v1/reload", unix=True)).status == 200


async def test_a_port_in_use_is_an_error_that_names_the_key(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    listen, socket = Address(LOCAL, taken.sockets[0].getsockname()[1]), tmp_path / "api.sock"
    async with taken:
        with pytest.raises(ListenError, match="cannot listen on") as error:
            async with serving(web.Application(), listen, socket):
                pass
    assert error.value.key == "api.listen"
    assert "stop what listens there" in str(error.value)
    assert not socket.exists()


async def test_a_socket_left_behind_by_a_crash_is_replaced_and_the_own_one_is_removed(tmp_path: Path) -> None:
    socket = tmp_path / "api.sock"
    crashed = await asyncio.start_unix_server(lambda *_: None, socket)
    crashed.close()
    await crashed.wait_closed()
    socket.touch()
    async with serving(web.Application(), Address(LOCAL, free_port()), socket):
        assert stat.S_ISSOCK(socket.stat().st_mode)
    assert not socket.exists()


async def test_the_port_is_free_again_afterwards(tmp_path: Path) -> None:
    listen = Address(LOCAL, free_port())
    for _ in range(2):
        async with serving(web.Application(), listen, tmp_path / "api.sock"):
            pass

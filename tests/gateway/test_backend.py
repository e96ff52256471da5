import asyncio
import json

import pytest

from gslb.gateway.backend import run_backend
from tests.gateway.rig import ANY_PORT, get, talk


async def test_a_backend_says_who_it_is_on_every_path() -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run_backend(ANY_PORT, "b1", "istanbul", stop, ready=ready.set_result))
    reply = await talk(await ready, get("/any/path?x", method="PUT"))
    assert reply.values("X-Region") == ["istanbul"]
    assert json.loads(reply.body) == {"region": "istanbul", "backend": "b1", "path": "/any/path"}
    stop.set()
    await task


@pytest.mark.parametrize(("seconds", "lines"), [("0.2", 2), ("-1", 0), ("nan", 0), ("soon", 10)])
async def test_a_slow_answer_streams_for_as_long_as_asked(seconds: str, lines: int) -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run_backend(ANY_PORT, "b1", "istanbul", stop, ready=ready.set_result))
    reply = await talk(await ready, get(f"/slow?seconds={seconds}"))
    assert reply.body.count(b"tick") == lines
    stop.set()
    await task

"""The API of a running controller on real sockets, and ways to ask it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp

from gslb.api.auth import read_token
from gslb.api.routes import make_app
from gslb.api.server import serving
from gslb.control.controller import Controller
from gslb.model.address import Address
from tests.control.bench import API
from tests.control.rig import Lab
from tests.waiting import free_port, until


@dataclass(frozen=True, slots=True)
class Answer:
    """A response with its JSON."""

    status: int
    type: str
    headers: dict[str, str]
    body: Any


class Api:
    """A served API: over TCP, or over its Unix socket."""

    def __init__(self, lab: Lab, controller: Controller, listen: Address, socket: Path, token: str) -> None:
        self.lab = lab
        self.controller, self.listen, self.socket, self.token = controller, listen, socket, token

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, unix: bool = False, **headers: str
    ) -> Answer:
        """What the API says; ``body`` is sent as JSON, unless it is bytes. Carries the right token by default."""
        given = self.token if token is None else token
        headers |= {"Authorization": f"Bearer {given}"} if given else {}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connector = aiohttp.UnixConnector(str(self.socket)) if unix else None
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://{self.listen}{path}", data=data, headers=headers) as response,
        ):
            text = await response.text()
            parsed = json.loads(text) if response.content_type.endswith("json") else text
            return Answer(response.status, response.content_type, dict(response.headers), parsed)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, token="", **more)

    async def drain(self, target: str = "istanbul", **more: Any) -> Answer:
        order = {"target": target, "reason": "kernel update", "author": "ayse"} | more
        return await self.ask("POST", "/v1/drains", order)

    async def raw(self, request: bytes) -> bytes:
        """The answer to bytes, up to the end of the connection."""
        reader, writer = await asyncio.open_connection(str(self.listen.host), self.listen.port)
        writer.write(request)
        try:
            return await reader.read()
        finally:
            writer.transport.abort()


@asynccontextmanager
async def api_of(lab: Lab, *, decided: bool = True) -> AsyncIterator[Api]:
    """The API of a controller of ``lab``; by default one that has decided."""
    listen = Address(ip_address("127.0.0.1"), free_port())
    async with lab.controller() as controller:
        folder = controller.configuration.run_folder
        token, socket = read_token(folder / "token"), folder / "api.sock"
        async with serving(make_app(controller, token), listen, socket):
            if decided:
                await until(lambda: API in controller.engine.decisions)
            yield Api(lab, controller, listen, socket, token)

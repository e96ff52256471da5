"""HTTP in front of the API: each request is logged, struck by faults, let in or not, served and answered."""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from aiohttp import web

from tests.fakes.clouddns.api import Api, Call
from tests.fakes.clouddns.errors import ApiError, Json, bad_json, not_found
from tests.fakes.clouddns.faults import Delay, Effect, Fault, Faults, Meddle
from tests.fakes.clouddns.quota import Rate
from tests.fakes.clouddns.routes import ROUTES, check_query, selected, writes
from tests.fakes.clouddns.tokens import GrantError, Tokens


class Moment(Enum):
    """Of a request, at which a hook is called."""

    BEFORE = auto()
    """Nothing is done yet."""
    DURING = auto()
    """All is done, nothing is answered."""
    AFTER = auto()
    """The answer is written; the client may have gone on already."""


@dataclass(slots=True, eq=False)
class Logged:
    """A request as it came: ``at`` in seconds of the fake's clock; the status that was answered, None without one."""

    action: str
    at: float
    call: Call
    status: int | None = None


Hook = Callable[[Moment, Logged], object]
"""False before anything is done closes the connection."""


@dataclass(slots=True)
class Front:
    """Takes the requests. ``hook`` is called in a thread of its own; its request waits for it, and no other does."""

    api: Api
    lock: threading.RLock
    tokens: Tokens = field(default_factory=Tokens)
    faults: Faults = field(default_factory=Faults)
    rates: list[Rate] = field(default_factory=list)
    log: list[Logged] = field(default_factory=list)
    hook: Hook | None = None

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**24)
        for action, (method, path, _) in ROUTES.items():
            app.router.add_route(method, path, self._handler(action))
        app.router.add_post("/token", self._token)
        app.router.add_route("*", "/{path:.*}", self._lost)
        return app

    def _handler(self, action: str) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(action, request)

        return handle

    async def _handle(self, action: str, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        call = Call(action, dict(request.match_info), dict(request.query), _parsed(raw))
        logged = Logged(action, self.api.store.clock(), call)
        self.log.append(logged)
        untouched = await self._tell(Moment.BEFORE, logged)
        faults = self.faults.of(action)
        refusal = await self._struck(faults)
        if Effect.DROP in faults or not untouched:
            return _dropped(request)
        status, document = self._served(call, request.headers.get("Authorization"), refusal)
        await self._tell(Moment.DURING, logged)
        if Effect.COMMIT_AND_DROP in faults:
            return _dropped(request)
        for fault in faults:
            if isinstance(fault, Delay) and fault.after:
                await asyncio.sleep(fault.seconds)
        logged.status = status
        return await self._answer(request, logged, _response(status, document))

    async def _answer(self, request: web.Request, logged: Logged, response: web.Response) -> web.Response:
        with suppress(ConnectionResetError):  # whoever has asked may be gone
            await response.prepare(request)
            await response.write_eof()
        await self._tell(Moment.AFTER, logged)
        return response

    async def _struck(self, faults: Sequence[Fault]) -> ApiError | None:
        """Wait and meddle as the faults say; the first refusal among them."""
        refusal = None
        for fault in faults:
            match fault:
                case Delay(seconds, after=False):
                    await asyncio.sleep(seconds)
                case Meddle(write):
                    write()
                case ApiError():
                    refusal = refusal or fault
        return refusal

    def _served(self, call: Call, authorization: str | None, refusal: ApiError | None) -> tuple[int, Json]:
        try:
            with self.lock:
                self._admit(call, authorization, refusal)
                document = self.api.serve(call)
        except ApiError as error:
            return error.code, error.to_json()
        return 200, selected(document, call.query.get("fields", ""))

    def _admit(self, call: Call, authorization: str | None, refusal: ApiError | None) -> None:
        """Raises ApiError for a request that is not to be served."""
        refusal = refusal or self.tokens.check(authorization, writes=writes(call.action))
        if refusal is not None:
            raise refusal
        now = self.api.store.clock()
        for rate in self.rates:
            if (refused := rate.take(call.action, now)) is not None:
                raise refused
        check_query(call.action, call.query)
        if call.body is _MALFORMED:
            raise bad_json("Unexpected end of string.")

    async def _tell(self, moment: Moment, logged: Logged) -> bool:
        """Call the hook; whether it has not said False."""
        hook = self.hook  # which another thread may take away
        return hook is None or await asyncio.to_thread(hook, moment, logged) is not False

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        call = Call("token", {}, {}, form)
        logged = Logged("token", self.api.store.clock(), call)
        self.log.append(logged)
        untouched = await self._tell(Moment.BEFORE, logged)
        faults = self.faults.of("token")
        refusal = await self._struck(faults)
        if Effect.DROP in faults or not untouched:
            return _dropped(request)
        try:
            if refusal is not None:
                raise refusal
            status, document = 200, self.tokens.grant(form, str(request.url))
        except GrantError as error:
            status, document = 400, error.to_json()
        except ApiError as error:
            status, document = error.code, error.to_json()
        await self._tell(Moment.DURING, logged)
        logged.status = status
        return await self._answer(request, logged, _response(status, document))

    async def _lost(self, request: web.Request) -> web.StreamResponse:
        error = not_found("path", request.path)
        return _response(error.code, error.to_json())


_MALFORMED = object()


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return _MALFORMED


def _response(status: int, document: Json) -> web.Response:
    headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
    return web.Response(
        status=status,
        body=json.dumps(document).encode(),
        headers=headers if status == 401 else {},
        content_type="application/json",
        charset="UTF-8",
    )


def _dropped(request: web.Request) -> web.Response:
    """Close the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()

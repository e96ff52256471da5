"""One HTTP request from its first byte to its last: who asks, what goes wrong, what is done, and what is told."""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.route53 import errors
from tests.fakes.route53.call import Call, Reply
from tests.fakes.route53.errors import ApiError
from tests.fakes.route53.faults import Drop, Fault, Faults
from tests.fakes.route53.journal import Entry, Hook, Journal, Phase
from tests.fakes.route53.quota import Buckets
from tests.fakes.route53.record_actions import batch_of, change_resource_record_sets
from tests.fakes.route53.routes import Route, routed
from tests.fakes.route53.signature import Access, Signed
from tests.fakes.route53.store import Store
from tests.fakes.route53.sts import answered


@dataclass(slots=True)
class Service:
    """All that requests have to do with."""

    store: Store
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
    buckets: Buckets = field(default_factory=Buckets)
    access: Access = field(default_factory=Access)
    hooks: list[Hook] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, or cut its connection."""
        signed = Signed(
            request.method,
            request.rel_url.raw_path,
            request.rel_url.raw_query_string,
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        if request.method == "POST" and request.path == "/":
            return _response(self._identity(signed))
        try:
            route, path = routed(request.method, request.path)
        except ApiError as error:
            return _response(_refusal(error))
        entry = self.journal.opened(route.action, self.store.clock(), signed.key, dict(request.query))
        entry.zone = path.get("zone", "")
        if route.handler is change_resource_record_sets:
            entry.batch = batch_of(signed.body)
        fault = self.faults.of(entry)
        if not await self._hooked(Phase.BEFORE, entry) or fault.drop is Drop.UNPROCESSED:
            return _cut(request)
        await _prelude(fault)
        reply = self._processed(route, Call(self.store, path, entry.query, signed.body, entry), signed, fault)
        entry.status = reply.status
        await self._hooked(Phase.DURING, entry)
        await asyncio.sleep(fault.after)
        if fault.drop is Drop.PROCESSED:
            return _cut(request)
        response = _response(reply)
        with suppress(ConnectionResetError):  # whoever has asked may be gone
            await response.prepare(request)
            await response.write_eof()
        await self._hooked(Phase.AFTER, entry)
        return response

    def _processed(self, route: Route, call: Call, signed: Signed, fault: Fault) -> Reply:
        """With nobody else at the account meanwhile."""
        with self.store.lock:
            try:
                if fault.error:
                    raise fault.error
                self.access.check(signed, route.action, changes=route.changes)
                if not self.buckets.take(route.action, self.store.clock()):
                    raise errors.throttling()
                return route.handler(call)
            except ApiError as error:
                call.entry.error = error.code
                return _refusal(error)

    def _identity(self, signed: Signed) -> Reply:
        try:
            self.access.check(signed, "", changes=False)
            return answered(self.access, signed.key, signed.body)
        except ApiError as error:
            return _refusal(error)

    async def _hooked(self, phase: Phase, entry: Entry) -> bool:
        """Call all hooks, in a thread, as they may wait or ask the fake themselves; whether none has said False."""
        return all([await asyncio.to_thread(hook, phase, entry) is not False for hook in list(self.hooks)])


async def _prelude(fault: Fault) -> None:
    await asyncio.sleep(fault.before)
    if fault.interfere:
        await asyncio.to_thread(fault.interfere)


def _refusal(error: ApiError) -> Reply:
    request_id = str(uuid.uuid4())
    return Reply(error.xml(request_id), error.status, {"x-amzn-RequestId": request_id})


def _response(reply: Reply) -> web.Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4()), **reply.headers}
    return web.Response(
        text=f'<?xml version="1.0"?>\n{reply.body}', status=reply.status, headers=headers, content_type="text/xml"
    )


def _cut(request: web.Request) -> web.Response:
    """Nothing is said any more."""
    if request.transport:
        request.transport.abort()
    return web.Response()

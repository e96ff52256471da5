"""The body of a request on its way to an upstream: one chunk at a time, bounded in size and in waiting."""

import asyncio

from aiohttp import web

from gslb.gateway.refusal import RefusalError

CLIENT_PATIENCE = 60.0
"""Seconds that a client may take to send the next part of a request, or to take the next part of a response."""


class Upload:
    """An asynchronous iterator over the body.

    ``deadline`` runs only while the upstream is the one to move: take a chunk, or answer after the last.

    Attributes:
        refusal: why the request cannot be completed, where the fault is the client's.
    """

    def __init__(self, request: web.BaseRequest, limit: int, idle_timeout: float) -> None:
        """Refuse with 413 a body that says it is larger than ``limit`` bytes."""
        if (request.content_length or 0) > limit:
            raise RefusalError(413, f"the body is larger than {limit} bytes")
        self._request, self._limit, self._idle_timeout = request, limit, idle_timeout
        self._received = 0
        self._invited = "Expect" not in request.headers
        self._deadline: asyncio.Timeout | None = None
        self.refusal: RefusalError | None = None

    def watched_by(self, deadline: asyncio.Timeout | None) -> None:
        """From now on move ``deadline`` with the upload's progress; None once a response has begun."""
        self._deadline = deadline

    def __aiter__(self) -> "Upload":
        return self

    async def __anext__(self) -> bytes:
        """Next chunk.

        Raises:
            RefusalError: also kept as ``refusal``, since aiohttp wraps what a body raises.
        """
        try:
            chunk = await self._next()
        except RefusalError as refusal:
            self.refusal = refusal
            raise
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def _next(self) -> bytes:
        await self._invite()
        self._expire_in(None)
        try:
            async with asyncio.timeout(CLIENT_PATIENCE):
                chunk = await self._request.content.readany()
        except TimeoutError:
            raise RefusalError(408, "the body did not arrive in time") from None
        self._expire_in(self._idle_timeout)
        self._received += len(chunk)
        if self._received > self._limit:
            raise RefusalError(413, f"the body is larger than {self._limit} bytes")
        return chunk

    async def _invite(self) -> None:
        """Answer Expect when an upstream is ready for the body, not before (RFC 9110, section 10.1.1)."""
        if not self._invited:
            self._invited = True
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _expire_in(self, seconds: float | None) -> None:
        if self._deadline:
            now = asyncio.get_running_loop().time()
            self._deadline.reschedule(None if seconds is None else now + seconds)

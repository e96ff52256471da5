"""redis: a Redis server answers PING, and is no replica where it must not be.

Options:
    role    ``primary`` or ``replica``; default: either will do
"""

import asyncio
from time import monotonic
from typing import Annotated, Literal

from pydantic import Field

from gslb.model.observation import Cause, Observation
from gslb.model.options import Options
from probes.base import Target, failure

_ROLES = {"primary": b"role:master", "replica": b"role:slave"}


class Redis(Options):
    """PING, and PONG comes back."""

    role: Annotated[Literal["primary", "replica"] | None, Field(description="role that the server must have")] = None

    async def attempt(self, target: Target, timeout: float) -> Observation:  # noqa: ARG002, ASYNC109  the port's
        """One attempt; it is cancelled when its time is up, and an OSError is told by its cause."""
        started = monotonic()
        reader, writer = await asyncio.open_connection(str(target.ip), target.port)
        try:
            writer.write(b"PING\r\nINFO replication\r\n")
            pong = await reader.readline()
            if pong != b"+PONG\r\n":
                return failure(Cause.PROTOCOL, monotonic() - started, f"answered PING with {pong[:60]!r}")
            info = await self._bulk(reader)
        except (asyncio.IncompleteReadError, ValueError) as error:
            return failure(Cause.PROTOCOL, monotonic() - started, f"no answer of Redis: {error}")
        finally:
            writer.transport.abort()
        if self.role is not None and _ROLES[self.role] not in info.splitlines():
            return failure(Cause.STATUS, monotonic() - started, f"is no {self.role}")
        return Observation(ok=True, latency=monotonic() - started, detail="PONG")

    @staticmethod
    async def _bulk(reader: asyncio.StreamReader) -> bytes:
        """A bulk string: ``$length``, then so many octets."""
        head = await reader.readline()
        return await reader.readexactly(min(65536, int(head.removeprefix(b"$"))))

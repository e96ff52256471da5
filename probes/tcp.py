"""tcp: the endpoint accepts a connection.

Options: none.
"""

import asyncio
from time import perf_counter

from gslb.model.observation import Cause, Observation
from gslb.model.options import Options
from probes.base import Target, failure, socket_failure


class Tcp(Options):
    """Connect, then close."""

    async def attempt(self, target: Target, timeout: float) -> Observation:  # noqa: ASYNC109  see Probe
        """Up when the three-way handshake completes in time."""
        loop, started = asyncio.get_running_loop(), perf_counter()
        try:
            async with asyncio.timeout(timeout):
                transport, _ = await loop.create_connection(asyncio.Protocol, str(target.ip), target.port)
        except TimeoutError:
            return failure(Cause.TIMEOUT, perf_counter() - started, "no connection in time")
        except OSError as error:
            return socket_failure(error, perf_counter() - started)
        transport.abort()
        return Observation(ok=True, latency=perf_counter() - started)

"""One attempt of a probe, as the monitor would make it: a reactor, a session, and a timer for when time is up."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from gslb.model.observation import Observation
from probes.base import AsyncProbe, Attempt, Probe, Session, Target, error_failure
from probes.coroutine import open_session
from probes.net.network import Network
from probes.net.reactor import Reactor


@contextmanager
def networking() -> Iterator[Network]:
    """A way to the world, closed at the end."""
    reactor = Reactor()
    try:
        yield Network(reactor)
    finally:
        reactor.close()


async def attempt(
    probe: Probe | AsyncProbe,
    target: Target,
    timeout: float = 10.0,  # noqa: ASYNC109  the probe's
    network: Network | None = None,
) -> Observation:
    """The outcome of one attempt of a session that is then closed."""
    if network is None:
        with networking() as made:
            return await attempt(probe, target, timeout, made)
    session = open_session(probe, target, network)
    try:
        return await attempt_of(session, network, timeout)
    finally:
        session.close()


async def attempt_of(session: Session, network: Network, timeout: float = 10.0) -> Observation:  # noqa: ASYNC109
    """The outcome of the next attempt of ``session``."""
    outcome: asyncio.Future[Observation] = asyncio.get_running_loop().create_future()
    started = monotonic()

    def settle(observation: Observation) -> None:
        assert not outcome.done(), "an attempt ends once"
        outcome.set_result(observation)

    try:
        under_way: Attempt = session.start(timeout, settle)
    except OSError as error:
        return error_failure(error, monotonic() - started)

    def expire() -> None:
        if not outcome.done():
            settle(under_way.expire())

    timer = network.reactor.at(started + timeout, expire)
    seen = await outcome
    timer.cancel()
    return seen

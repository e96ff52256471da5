"""Probes that are coroutines: one outcome per attempt, whatever they do with their cancellation."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from gslb.model.observation import Cause, Observation
from probes.base import Target
from probes.coroutine import CoroutineSession
from tests.probes.attempts import attempt
from tests.probes.servers import BRIEF, target
from tests.waiting import until

UP = Observation(ok=True, latency=0.5)


class Scripted:
    """An AsyncProbe that does what it is told."""

    def __init__(self, script: Callable[[], Awaitable[Observation]]) -> None:
        self.script = script
        self.told: list[tuple[Target, float]] = []

    async def attempt(self, target: Target, timeout: float) -> Observation:  # noqa: ASYNC109  the port's
        self.told.append((target, timeout))
        return await self.script()


def raising(error: Exception) -> Scripted:
    async def script() -> Observation:
        await asyncio.sleep(0)
        raise error

    return Scripted(script)


async def forever() -> Observation:
    await asyncio.Event().wait()
    return UP


async def test_what_the_coroutine_returns_is_the_outcome() -> None:
    async def script() -> Observation:
        return UP

    probe = Scripted(script)
    assert await attempt(probe, target(9), 7.0) == UP
    assert probe.told == [(target(9), 7.0)]


@pytest.mark.parametrize(
    ("error", "cause", "detail"),
    [
        (OSError(errno.ECONNREFUSED, "no"), Cause.REFUSED, "no"),
        (TimeoutError(), Cause.TIMEOUT, "no result in time"),
        (TimeoutError(errno.ETIMEDOUT, "gone"), Cause.TIMEOUT, "gone"),
    ],
)
async def test_an_error_of_the_network_is_told_by_its_cause(error: OSError, cause: Cause, detail: str) -> None:
    seen = await attempt(raising(error), target(9))
    assert (seen.ok, seen.cause, seen.detail) == (False, cause, detail)


async def test_a_faulty_plug_in_is_the_probers_own_trouble() -> None:
    with capture_logs() as logs:
        seen = await attempt(raising(RuntimeError("boom")), target(9))
    assert (seen.cause, seen.detail) == (Cause.LOCAL, "probe raised RuntimeError('boom')")
    assert [entry["event"] for entry in logs] == ["probe raised"]


@pytest.mark.parametrize(("returned", "kind"), [(None, "NoneType"), (True, "bool"), ({"ok": True}, "dict")])
async def test_a_plug_in_that_returns_no_observation_is_the_probers_own_trouble(returned: Any, kind: str) -> None:
    async def script() -> Observation:
        return cast("Observation", returned)

    with capture_logs() as logs:
        seen = await attempt(Scripted(script), target(9))
    what = f"probe returned {kind}, which is no Observation"
    assert (seen.ok, seen.cause, seen.detail) == (False, Cause.LOCAL, what)
    assert [(entry["event"], entry["target"]) for entry in logs] == [(what, "127.0.0.1:9")]


async def test_a_coroutine_that_takes_too_long_is_cancelled() -> None:
    before = asyncio.all_tasks()
    seen = await attempt(Scripted(forever), target(9), BRIEF)
    assert (seen.cause, seen.detail) == (Cause.TIMEOUT, "no result in time")
    await until(lambda: asyncio.all_tasks() == before)


async def test_an_outcome_after_the_time_is_up_is_not_told() -> None:
    caught: list[int] = []

    async def stubborn() -> Observation:
        try:
            return await forever()
        except asyncio.CancelledError:
            caught.append(1)
            return UP

    outcome: list[Observation] = []
    under_way = CoroutineSession(Scripted(stubborn), target(9)).start(1.0, outcome.append)
    await asyncio.sleep(0)
    assert under_way.expire().cause is Cause.TIMEOUT
    await until(lambda: caught)
    await asyncio.sleep(0)
    assert outcome == []


async def test_sessions_have_nothing_to_close() -> None:
    CoroutineSession(Scripted(forever), target(9)).close()

"""Probes that are coroutines, as sessions: one task per attempt."""

import asyncio
from time import monotonic
from typing import cast

import structlog

from gslb.model.observation import Cause, Observation
from probes.base import AsyncProbe, Done, Probe, Session, Target, error_failure, failure
from probes.net.network import Network

log = structlog.get_logger(__name__)


def open_session(probe: Probe | AsyncProbe, target: Target, network: Network) -> Session:
    """A session of either kind of probe."""
    if hasattr(probe, "attempt"):
        return CoroutineSession(cast("AsyncProbe", probe), target)
    return probe.session(target, network)


class CoroutineSession:
    """Runs the attempts of an AsyncProbe."""

    def __init__(self, probe: AsyncProbe, target: Target) -> None:
        self._probe, self._target = probe, target

    def start(self, timeout: float, done: Done) -> "_CoroutineAttempt":
        """See Session."""
        return _CoroutineAttempt(self._probe, self._target, timeout, done)

    def close(self) -> None:
        """See Session."""


class _CoroutineAttempt:
    def __init__(self, probe: AsyncProbe, target: Target, timeout: float, done: Done) -> None:
        self._target, self._done, self._started = target, done, monotonic()
        self._expired = False
        self._task = asyncio.create_task(self._run(probe, timeout))

    def expire(self) -> Observation:
        """See Attempt."""
        self._expired = True
        self._task.cancel()
        return failure(Cause.TIMEOUT, monotonic() - self._started, "no result in time")

    async def _run(self, probe: AsyncProbe, timeout: float) -> None:  # noqa: ASYNC109  handed to the probe
        try:
            observation = self._checked(await probe.attempt(self._target, timeout))
        except TimeoutError as error:  # of asyncio, so without a number; or of the kernel
            detail = error.strerror or "no result in time"
            observation = failure(Cause.TIMEOUT, monotonic() - self._started, detail)
        except OSError as error:
            observation = error_failure(error, monotonic() - self._started)
        except Exception as error:  # a faulty plug-in must not stop the other checks
            log.exception("probe raised", target=self._target.name)
            observation = failure(Cause.LOCAL, monotonic() - self._started, f"probe raised {error!r}")
        if not self._expired:  # a probe may have caught its cancellation
            self._done(observation)

    def _checked(self, returned: object) -> Observation:
        """What the probe returned, or what to say of a faulty plug-in."""
        if isinstance(returned, Observation):
            return returned
        what = f"probe returned {type(returned).__name__}, which is no Observation"
        log.error(what, target=self._target.name)
        return failure(Cause.LOCAL, monotonic() - self._started, what)

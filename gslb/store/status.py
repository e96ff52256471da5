"""Whether something works: logs one line when that changes, not one for every failure."""

import structlog
from prometheus_client import Gauge

log = structlog.get_logger(__name__)


class Status:
    """Works until told otherwise.

    Args:
        bad: what to log when it begins to fail.
        good: what to log when it works again.
        gauge: set to 1 while it fails.
    """

    def __init__(self, bad: str, good: str, gauge: Gauge | None = None) -> None:
        self._bad, self._good, self._gauge = bad, good, gauge
        self.failing = False

    def failed(self, error: Exception) -> None:
        """It does not work, because of ``error``; of a database error the driver's words are told."""
        if not self.failing:
            log.error(self._bad, reason=str(getattr(error, "orig", None) or error))
        self._set(failing=True)

    def worked(self) -> None:
        """It works."""
        if self.failing:
            log.warning(self._good)
        self._set(failing=False)

    def _set(self, *, failing: bool) -> None:
        self.failing = failing
        if self._gauge is not None:
            self._gauge.set(failing)

"""Unexpected errors of plug-ins: each is logged with its traceback once, however often it comes."""

import structlog

log = structlog.get_logger(__name__)

MOST = 100
"""that are told apart; further ones are not logged"""


class Bugs:
    """Those of one provider.

    Args:
        provider: key below ``[providers]``.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._known: set[str] = set()

    def note(self, error: Exception, zone: str, during: str) -> str:
        """Log ``error`` if it is a new one; returns one line about it."""
        text, place, trace = f"unexpected {type(error).__name__}: {error}", "", error.__traceback__
        while trace is not None:
            place, trace = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}", trace.tb_next
        bug = f"{type(error).__name__} {place}"
        if bug not in self._known and len(self._known) < MOST:
            self._known.add(bug)
            event = "a provider has failed in a way that it must not"
            log.error(event, provider=self._provider, zone=zone, during=during, exc_info=error)
        return text

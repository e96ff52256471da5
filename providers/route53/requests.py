"""Requests: each waits for its turn, is sent once, and is waited for in a thread."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from providers.attempt import LateError
from providers.base import Lane, Throttle
from providers.route53.asked import SILENT, Asked
from providers.route53.client import Client
from providers.threads import THREADS, Threads, asked

if TYPE_CHECKING:
    from providers.route53 import Route53

_FURTHER = 10.0
"""Seconds that fetching credentials may take, besides what a request itself may."""


class Requests:
    """Sends requests.

    Args:
        options: whose account, and how to reach it.
        throttle: lets them through.
    """

    def __init__(self, options: "Route53", throttle: Throttle) -> None:
        self._throttle, self._threads = throttle, Threads("route53")
        self._patience = options.connect_timeout + options.read_timeout + _FURTHER
        self._client = Client(options, THREADS * len(Lane))

    async def send(
        self,
        action: str,
        about: str,
        lane: Lane,
        members: Mapping[str, object],
        *,
        writes: bool = False,
        limit: float | None = None,
    ) -> Mapping[str, Any]:
        """Send one request when it is its turn.

        Args:
            action: of the API.
            about: what it is about, for messages: a zone.
            lane: how urgent it is.
            members: its parameters.
            writes: it changes something.
            limit: longest to wait for the answer, in seconds; None: as long as the options say.

        Raises:
            ProviderError: it was not taken.
        """
        request = Asked(action, about, writes)
        work = partial(self._client.send, request, members)
        try:
            return await asked(self._throttle, self._threads, lane, self._patience if limit is None else limit, work)
        except LateError as error:
            raise error.told(str(request), SILENT, writes=writes) from None

    def close(self) -> None:
        """Give up what is under way."""
        self._threads.close()
        self._client.close()

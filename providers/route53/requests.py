"""Requests: each waits for its turn, is sent once, and is waited for in a thread."""

from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from providers.base import Lane, OutcomeUnknownError, Throttle, ThrottledError, UnavailableError
from providers.route53.asked import Asked, BusyError
from providers.route53.threads import Threads, UnansweredError

if TYPE_CHECKING:
    from providers.route53 import Route53
    from providers.route53.client import Client

MAX_REQUESTS = 16
"""under way at once"""
_FURTHER = 10.0
"""Seconds that fetching credentials may take, besides what a request itself may."""


class Requests:
    """Sends requests.

    Args:
        options: whose account, and how to reach it.
        throttle: lets them through.
    """

    def __init__(self, options: "Route53", throttle: Throttle) -> None:
        self._options, self._throttle = options, throttle
        self._threads = Threads(MAX_REQUESTS, "route53")
        self._making = Lock()
        self._made: Client | None = None

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
        asked = Asked(action, about, writes)
        await self._throttle.take(lane)
        options = self._options
        patience = options.connect_timeout + options.read_timeout + _FURTHER if limit is None else limit
        try:
            answer = await self._threads.run(partial(self._sent, asked, members), patience)
        except UnansweredError as error:
            if writes and error.begun:
                raise OutcomeUnknownError(f"{asked}: {error}; it may have been written") from None
            raise UnavailableError(f"{asked}: {error}") from None
        except BusyError:
            raise
        except ThrottledError:
            self._throttle.throttled()
            raise
        self._throttle.succeeded()
        return answer

    def close(self) -> None:
        """Give up what is under way."""
        self._threads.close()
        if self._made is not None:
            self._made.close()

    def _sent(self, asked: Asked, members: Mapping[str, object]) -> Mapping[str, Any]:
        """In a thread."""
        return self._client().send(asked, members)

    def _client(self) -> "Client":
        from providers.route53.client import Client  # noqa: PLC0415  imports the SDK: not in the event loop, nor unused

        with self._making:
            if self._made is None:
                self._made = Client(self._options, MAX_REQUESTS)
            return self._made

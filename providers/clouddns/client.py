"""Requests by Google's client, each made once, by a thread that may be kept waiting. Nothing here knows asyncio.

The client of google-cloud-dns has no routing policies, no time-outs of its own choosing and no filters by name, so its
connection is used; and its session, which repeats requests by itself, is not.
"""

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.cloud.dns import Client as GoogleClient
from google.cloud.dns._http import Connection
from requests import Response, Session
from requests.adapters import HTTPAdapter

from providers.attempt import Attempt
from providers.clouddns.calls import Call
from providers.clouddns.credentials import find
from providers.clouddns.errors import translated

if TYPE_CHECKING:
    from providers.clouddns import CloudDns

_UNAUTHORIZED = 401


class _OnceConnection(Connection):  # type: ignore[misc]  # which has no annotations
    """Sends each request once, as long as there is time, and with a token that is good."""

    def __init__(self, client: GoogleClient, endpoint: str) -> None:
        super().__init__(client, api_endpoint=endpoint)
        self._lock = threading.Lock()
        make: Any = Request
        self._ask = make(self.http)

    def _do_request(
        self, method: str, url: str, headers: dict[str, str], data: object, attempt: Attempt, **_: object
    ) -> Response:
        self._authorize(headers, attempt)
        response: Response = self.http.request(
            method, url, headers=headers, data=data, timeout=attempt.begin(), allow_redirects=False
        )
        if response.status_code == _UNAUTHORIZED:
            self.credentials.token = None  # so that another one is got
        return response

    def _authorize(self, headers: dict[str, str], attempt: Attempt) -> None:
        """Add a token; a new one, where that which there is has expired or soon will have."""
        credentials = self.credentials
        if not credentials.valid:
            if credentials.token_state is TokenState.STALE:
                self._renew(attempt)
            else:
                with attempt.holding(self._lock):
                    if not credentials.valid:  # another thread may have seen to it
                        credentials.refresh(partial(self._ask, timeout=attempt.left()))
        credentials.apply(headers)

    def _renew(self, attempt: Attempt) -> None:
        """Try for a new token, one thread at a time: nobody waits, since the one that there is will do for minutes."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            with suppress(GoogleAuthError):
                self.credentials.refresh(partial(self._ask, timeout=attempt.left() / 2))
        finally:
            self._lock.release()


class Client:
    """The API of one project, for threads.

    Args:
        options: of the provider.
        connections: kept open at most.
    """

    def __init__(self, options: "CloudDns", connections: int) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._connected: tuple[_OnceConnection, str] | None = None
        self._session = Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections, max_retries=0))

    def connect(self) -> tuple[_OnceConnection, str]:
        """The connection and the project, once there are credentials; see ``providers.clouddns.credentials``."""
        connected = self._connected  # which another thread may forget
        if connected is None:
            credentials, project = find(self._options)
            client = GoogleClient(project, credentials, _http=self._session)
            connected = self._connected = _OnceConnection(client, self._options.endpoint), project
        return connected

    def request(self, call: Call, attempt: Attempt) -> dict[str, Any]:
        """The answer to ``call``.

        Raises:
            ProviderError: there is none, or a refusal.
            LateError: there was no time left to send it.
        """
        try:
            with attempt.holding(self._lock):
                connection, project = self.connect()
            answer = connection.api_request(
                method="POST" if call.writes else "GET",
                path=f"/projects/{quote(project, safe=':')}{call.path}",
                query_params=call.query,
                data=call.body,
                _target_object=attempt,
            )
            return _document(answer)
        except (GoogleAPICallError, GoogleAuthError, OSError, ValueError) as error:
            if isinstance(error, GoogleAuthError):
                self._connected = None  # a file that was read once may have been replaced
            raise translated(error, call, self._options.endpoint, attempt) from error

    def close(self) -> None:
        """Keep no connection open."""
        self._session.close()


def _document(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise ValueError("the answer is no JSON object")  # noqa: TRY004  as one that is no JSON at all
    return answer

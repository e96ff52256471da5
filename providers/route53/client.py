"""The SDK's client: made with the first request, and made anew once its credentials have turned out to be of no use.

Everything here blocks, and belongs into a thread. Importing this module imports the SDK, which takes a while.
"""

from collections.abc import Mapping
from functools import cache, partial
from threading import Lock, local
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, CredentialProvider, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from providers.attempt import Attempt
from providers.route53.asked import Asked, CredentialsError
from providers.route53.errors import translated

if TYPE_CHECKING:
    from providers.route53 import Route53

_SESSION = "gslb"
"""name of the session of an assumed role, as the account's logs show it"""


class Client:
    """Sends requests, each once.

    Args:
        options: whose credentials, and where to.
        connections: kept open at most.
    """

    def __init__(self, options: "Route53", connections: int) -> None:
        self._options, self._connections = options, connections
        self._making = Lock()
        self._made: Any = None
        self._trying = local()
        """the attempt that a thread makes: the SDK tells when it is about to send a request, and not for whom"""

    def send(self, asked: Asked, members: Mapping[str, object], attempt: Attempt) -> Mapping[str, Any]:
        """Send a request, and wait for the answer.

        Raises:
            ProviderError: it was not taken.
            LateError: there was no time left to send it.
        """
        client = None
        self._trying.attempt = attempt
        try:
            client = self._client(attempt)
            answer: Mapping[str, Any] = getattr(client, xform_name(asked.action))(**members)
        except (BotoCoreError, ClientError, ResponseParserError, OSError, ValueError, LookupError) as error:
            told = translated(error, asked, sent=attempt.sent)
            if isinstance(told, CredentialsError):
                # The SDK keeps what it has read from files, or that there was nothing to read.
                with self._making:
                    self._discard(client)
            raise told from error
        return answer

    def close(self) -> None:
        """Close connections that are idle. Returns at once, wherever it is called."""
        if self._making.acquire(blocking=False):
            try:
                self._discard(self._made)
            finally:
                self._making.release()

    def _discard(self, client: Any) -> None:
        """Have another one made, if ``client`` is the one in use."""
        if client is not None and client is self._made:
            self._made = None
            client.close()

    def _client(self, attempt: Attempt) -> Any:
        with attempt.holding(self._making):
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> Any:
        options = self._options
        core = _session(options)
        if options.role:
            core = _assuming(core, options)
        config = Config(
            connect_timeout=options.connect_timeout,
            read_timeout=options.read_timeout,
            max_pool_connections=self._connections,
            retries={"mode": "standard", "total_max_attempts": 1},
            user_agent_extra="gslb",
        )
        session = boto3.Session(botocore_session=core, region_name=options.region)
        client = session.client("route53", endpoint_url=options.endpoint or None, config=config)
        client.meta.events.register("before-send.route-53", self._begin)
        return client

    def _begin(self, **_: object) -> None:
        """A request is signed, and is about to be sent."""
        self._trying.attempt.begin()


def _session(options: "Route53") -> Any:
    session = botocore.session.Session(profile=options.profile or None)
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return session


@cache
def _loader(path: str | None) -> Loader:
    """Reads what describes the API. That takes most of the time that a client is made in; so it is done once."""
    return create_loader(path)


class _AssumedRole(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """Gives a session the credentials of a role, renewed before they expire."""

    METHOD = CANONICAL_NAME = "gslb-assumed-role"

    def __init__(self, fetcher: AssumeRoleCredentialFetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    def load(self) -> DeferredRefreshableCredentials:
        """Credentials that are fetched when they are needed."""
        return DeferredRefreshableCredentials(self._fetcher.fetch_credentials, self.METHOD)


def _assuming(core: Any, options: "Route53") -> Any:
    """A session that acts in the role that ``options`` name; ``core`` is for assuming it.

    Raises:
        NoCredentialsError: nobody is there to assume it.
    """
    source = core.get_credentials()
    if source is None:
        raise NoCredentialsError
    config = Config(
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    creator = partial(
        core.create_client, region_name=options.region, endpoint_url=options.endpoint or None, config=config
    )
    extra = {"RoleSessionName": _SESSION, **({"ExternalId": options.external_id} if options.external_id else {})}
    session = _session(options)
    providers = session.get_component("credential_provider").providers
    providers.insert(0, _AssumedRole(AssumeRoleCredentialFetcher(creator, source, options.role, extra)))
    return session

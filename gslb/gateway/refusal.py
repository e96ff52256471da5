"""The two ways in which a request does not end as its upstream meant it to."""

from aiohttp import web

from gslb.errors import GslbError


class RefusalError(GslbError):
    """The gateway answers by itself, before any byte of a response was sent.

    Attributes:
        status: HTTP status.
        retry_after: seconds for the Retry-After header; None: no such header.
    """

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        self.status, self.reason, self.retry_after = status, reason, retry_after
        super().__init__(f"{status} {reason}")


class CutShortError(GslbError):
    """A response cannot be completed although its header was sent; the client must see that it is broken.

    Attributes:
        response: what was begun.
        by_client: the client stopped taking it; otherwise the upstream broke off.
    """

    def __init__(self, response: web.StreamResponse, *, by_client: bool) -> None:
        self.response, self.by_client = response, by_client
        super().__init__("the client stopped reading" if by_client else "the upstream broke off")

"""Who has signed a request, and whether that is so: Signature Version 4, of which what matters here is checked."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from tests.fakes.route53 import errors
from tests.fakes.route53.errors import ApiError

_LEEWAY = timedelta(minutes=5)
_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it came in: method, path and query as on the wire, headers by lower-case name."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """Of the Authorization header."""
        parts = self.headers.get("authorization", "").partition(" ")[2].split(",")
        return {name.strip(): value for name, _, value in (part.partition("=") for part in parts)}

    @property
    def key(self) -> str:
        """Access key id; empty if it is not signed."""
        return self.fields.get("Credential", "").partition("/")[0]


@dataclass(slots=True)
class Access:
    """Who may do what.

    Attributes:
        secrets: secret access keys by access key id; None: anybody is welcome and no signature is checked.
        read_only: access key ids that may not change anything.
        expired: session tokens, or access key ids, whose time is over.
        offset: how much later than here it is at the server.
        roles: ARNs of roles that everybody may assume who knows their external id; empty: without one.
    """

    secrets: dict[str, str] | None = None
    read_only: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)
    offset: timedelta = timedelta()
    roles: dict[str, str] = field(default_factory=dict)

    def check(self, request: Signed, action: str, *, changes: bool) -> None:
        """Let a request pass.

        Raises:
            ApiError: it may not.
        """
        if not request.key:
            raise ApiError("MissingAuthenticationToken", "Missing Authentication Token", 403)
        if {request.key, request.headers.get("x-amz-security-token", "")} & self.expired:
            raise errors.expired_token()
        if self.secrets is not None and request.key not in self.secrets:
            raise errors.unknown_key()
        self._check_time(request)
        if self.secrets is not None and signature(request, self.secrets[request.key]) != request.fields.get(
            "Signature"
        ):
            raise errors.wrong_signature()
        if changes and request.key in self.read_only:
            raise errors.access_denied(action)

    def _check_time(self, request: Signed) -> None:
        signed = request.headers.get("x-amz-date", "")
        try:
            at = datetime.strptime(signed, _FORMAT).replace(tzinfo=UTC)
        except ValueError:
            raise ApiError(
                "IncompleteSignature", f"Date must be in ISO-8601 'basic format'. Got '{signed}'", 403
            ) from None
        now = datetime.now(UTC) + self.offset
        if at < now - _LEEWAY:
            raise errors.skewed(signed, (now - _LEEWAY).strftime(_FORMAT), now.strftime(_FORMAT))
        if at > now + _LEEWAY:
            text = f"Signature not yet current: {signed} is still later than {(now + _LEEWAY).strftime(_FORMAT)}"
            raise ApiError("SignatureDoesNotMatch", text, 403)


def signature(request: Signed, secret: str) -> str:
    """What the request's signature ought to be."""
    fields = request.fields
    names = fields.get("SignedHeaders", "").split(";")
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parse_qsl(request.query, True)
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    payload = hashlib.sha256(request.body).hexdigest()
    path = quote(request.path, safe="/~%")
    canonical = "\n".join((request.method, path, query, headers, ";".join(names), payload))
    scope = fields.get("Credential", "").partition("/")[2]
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", request.headers.get("x-amz-date", ""), scope, digest))
    return _hmac(key, text).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()

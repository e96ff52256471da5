"""What Google's libraries raise, as the port of providers tells errors apart, with what to do about it.

A refusal says by its status and its reasons what it is (Cloud DNS documentation, Troubleshooting; Google API errors).
``OutcomeUnknownError`` is what leaves it open whether a change was made: a request that writes may have been seen, and
there is no answer, or one with a status of 500 or more.
"""

import ssl
from collections.abc import Iterator

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError, RefreshError, ResponseError, TransportError
from google.auth.exceptions import TimeoutError as GoogleTimeoutError
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError, ReadTimeoutError

from providers.attempt import Attempt
from providers.base import (
    AuthFailedError,
    CasConflictError,
    NotOwnedError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from providers.clouddns.calls import SILENT, Call

_THROTTLED = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
_DISABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_UNPAID = frozenset({"accountDisabled", "billingNotEnabled", "BILLING_DISABLED"})
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TIMEOUT = 401, 403, 404, 408
_CONFLICT, _PRECONDITION, _TOO_MANY, _BROKEN = 409, 412, 429, 500

_AGAIN = "gcloud auth application-default login"
_GRANTS = (
    ("reasonable timeframe", "the clock of this machine is wrong: have it set, by NTP say"),
    ("Invalid JWT Signature", "the key is none of this service account, or is no more: make a new one"),
    ("account not found", "there is no such service account any more, or it is disabled: name another one"),
    ("expired or revoked", f"sign in again: {_AGAIN}"),
    ("impersonated", "who impersonates needs the role roles/iam.serviceAccountTokenCreator on that service account"),
)
"""What refusals of the token endpoint say, and what to do."""


def translated(error: Exception, call: Call, endpoint: str, attempt: Attempt) -> ProviderError:
    """``error`` as the port has it.

    Args:
        error: what came of ``call``.
        call: the request.
        endpoint: where it went.
        attempt: to send it.
    """
    match error:
        case GoogleAPICallError():
            return _refused(error, call)
        case GoogleAuthError():
            return _not_let_in(error)
        case _:
            return _cut_off(error, call, endpoint, attempt)


def _refused(error: GoogleAPICallError, call: Call) -> ProviderError:
    entries = [entry for entry in error.errors if isinstance(entry, dict)]
    reasons = {entry.get("reason") for entry in entries} | {error.reason}
    messages = [str(entry["message"]) for entry in entries if entry.get("message")]
    text = f"{call.action}: {' '.join(messages) or error.message} ({error.code})"
    code = int(error.code or 0)
    if code == _TOO_MANY or reasons & _THROTTLED:
        return ThrottledError(text, "lower rate, or ask Google for more of the quota for requests to Cloud DNS")
    if code == _UNAUTHORIZED:
        return AuthFailedError(text, f"a new token is got for the next request; if that fails as well: {_AGAIN}")
    if code == _FORBIDDEN:
        return _forbidden(text, reasons, call)
    if code >= _BROKEN or code == _TIMEOUT:
        return OutcomeUnknownError(text, SILENT) if call.writes else UnavailableError(text, SILENT)
    if code < 400:  # noqa: PLR2004  redirected
        return UnavailableError(
            text, "something in between answers in place of Cloud DNS: look at endpoint, and proxies"
        )
    if call.writes and _is_conflict(code, text):
        return CasConflictError(text)
    if "cnameResourceRecordSetConflict" in reasons:
        return NotOwnedError(
            text, "an alias (CNAME) has its name for itself: remove the other record sets of that name"
        )
    remedy = "look at project and zones, and at what gcloud dns managed-zones list says" if code == _NOT_FOUND else ""
    return RejectedError(text, remedy)


def _is_conflict(code: int, text: str) -> bool:
    """Whether a change is refused for what the zone holds, and not for there being no such zone or project."""
    return code in {_CONFLICT, _PRECONDITION} or (code == _NOT_FOUND and "'parameters." not in text)


def _forbidden(text: str, reasons: set[str | None], call: Call) -> ProviderError:
    if "quotaExceeded" in reasons:
        return RejectedError(text, "ask Google for more of this quota, or have less in the zone")
    if reasons & _DISABLED:
        return RejectedError(text, "let the project use it: gcloud services enable dns.googleapis.com")
    if reasons & _UNPAID:
        return RejectedError(text, "the project has no billing account that is in order")
    if "insufficientPermissions" in reasons:
        scope = "https://www.googleapis.com/auth/ndev.clouddns.readwrite"
        return AuthFailedError(text, f"the token is not for all of that: give the machine the scope {scope}")
    needed = " and ".join(call.permissions)
    return AuthFailedError(text, f"give whom it asks as a role with {needed}; roles/dns.admin has all of them")


def _not_let_in(error: GoogleAuthError) -> ProviderError:
    text = " ".join(str(part) for part in error.args[:1])
    if isinstance(error, TransportError | ResponseError | GoogleTimeoutError) or error.retryable:
        return UnavailableError(
            f"no token can be got: {text}", "look at the way to Google's token endpoint, and proxies"
        )
    remedies = (remedy for needle, remedy in _GRANTS if needle in text)
    if isinstance(error, RefreshError):
        return AuthFailedError(f"no token is given: {text}", next(remedies, f"make new credentials, or: {_AGAIN}"))
    return AuthFailedError(f"there are no credentials: {text}", f"write credentials, or: {_AGAIN}")


def _cut_off(error: Exception, call: Call, endpoint: str, attempt: Attempt) -> ProviderError:
    """The connection failed, or what came over it was no answer."""
    causes = list(_causes(error))
    if any(isinstance(cause, ReadTimeoutError) for cause in causes):
        return attempt.late().told(call.action, SILENT, writes=call.writes)
    text = f"{call.action} at {endpoint}: {causes[-1]}"
    never = any(isinstance(cause, NewConnectionError | ConnectTimeoutError | ProxyError) for cause in causes)
    distrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)
    if call.writes and attempt.sent and not never and not distrusted:
        return OutcomeUnknownError(text, SILENT)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        remedy = (
            "where a proxy opens TLS, let REQUESTS_CA_BUNDLE name a PEM file of its authority; look at the clock too"
        )
        return UnavailableError(text, remedy)
    return UnavailableError(
        text, "look at endpoint, at the way there, and at HTTPS_PROXY and REQUESTS_CA_BUNDLE if set"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what it says that it came of, however that is said, the innermost last."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
    yield from seen

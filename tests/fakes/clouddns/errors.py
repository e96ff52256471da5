"""What Cloud DNS says when it refuses, in the words and the JSON that it uses; no rule is decided here.

The texts are those that users of the API have reported (external-dns, Terraform, certbot, octoDNS), so that what reads
them meets the real ones. Where none is known, the nearest of these forms is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """One entry of ``errors``; ``location`` is the header that is at fault, if one is."""

    message: str
    reason: str
    domain: str = "global"
    location: str = ""

    def to_json(self) -> Json:
        where = {"location": self.location, "locationType": "header"} if self.location else {}
        return {"message": self.message, "domain": self.domain, "reason": self.reason, **where}


class ApiError(Exception):
    """A refusal: HTTP status ``code``, one or more reasons, and the canonical name of the status where there is one."""

    def __init__(self, code: int, reasons: Sequence[Reason], status: str = "", message: str = "") -> None:
        super().__init__(message or reasons[0].message)
        self.code = code
        self.reasons = tuple(reasons)
        self.status = status

    def to_json(self) -> Json:
        errors = [reason.to_json() for reason in self.reasons]
        status = {"status": self.status} if self.status else {}
        return {"error": {"code": self.code, "message": str(self), "errors": errors, **status}}


def _refusal(code: int, message: str, reason: str, status: str = "") -> ApiError:
    return ApiError(code, [Reason(message, reason)], status)


def invalid(field: str, value: object) -> ApiError:
    return _refusal(400, f"Invalid value for '{field}': '{'<empty>' if value in ('', None) else value}'", "invalid")


def required(field: str) -> ApiError:
    return _refusal(400, f"The '{field}' parameter is required but was missing.", "required")


def bad_json(detail: str) -> ApiError:
    """What the layer in front of the API says: the body is not of the form that the API takes."""
    message = f"Invalid JSON payload received. {detail}"
    return _refusal(400, message, "badRequest", "INVALID_ARGUMENT")


def duplicate(field: str, value: str) -> ApiError:
    message = f"The resource record set '{field}' contains the resource record data '{value}' more than once."
    return _refusal(400, message, "duplicateResourceRecordData")


def cname_conflict(field: str) -> ApiError:
    either = "either one CNAME resource record set or resource record sets of other types, but not both."
    message = f"The resource record set '{field}' is invalid because the DNS name may have {either}"
    return _refusal(400, message, "cnameResourceRecordSetConflict")


def bad_apex(field: str, kind: str) -> ApiError:
    exactly = f"a zone must contain exactly one resource record set of type '{kind}' at the apex."
    return _refusal(400, f"The resource record set '{field}' is invalid because {exactly}", "invalidZoneApex")


def not_empty(zone: str) -> ApiError:
    message = f"The resource named '{zone}' cannot be deleted because it contains one or more 'resource records'."
    return _refusal(400, message, "containerNotEmpty")


def not_found(field: str, name: str) -> ApiError:
    return _refusal(404, f"The '{field}' resource named '{name}' does not exist.", "notFound")


def already_exists(field: str, name: str) -> ApiError:
    return _refusal(409, f"The resource '{field}' named '{name}' already exists", "alreadyExists")


def condition_not_met(field: str) -> ApiError:
    return _refusal(412, f"Precondition not met for '{field}'", "conditionNotMet")


def quota_exceeded(dimensions: Sequence[str]) -> ApiError:
    """All that is exceeded is told at once."""
    texts = [f"The change would exceed quota for {dimension}." for dimension in dimensions]
    return ApiError(403, [Reason(text, "quotaExceeded") for text in texts])


def unavailable(code: int = 503) -> ApiError:
    return _refusal(code, "Backend Error" if code != 503 else "The service is currently unavailable.", "backendError")


def rate_limited(code: int = 429) -> ApiError:
    """429 as it is now, or 403 as it was and for some quotas still is."""
    if code == 429:
        message = "Resource has been exhausted (e.g. check quota)."
        return _refusal(429, message, "rateLimitExceeded", "RESOURCE_EXHAUSTED")
    return ApiError(403, [Reason("Rate Limit Exceeded", "rateLimitExceeded", "usageLimits")])


def forbidden() -> ApiError:
    """What a role that may only read is told when it writes."""
    return _refusal(403, "Forbidden", "forbidden", "PERMISSION_DENIED")


def unauthenticated() -> ApiError:
    """What a token that has expired, or was never given out, is told."""
    credential = "OAuth 2 access token, login cookie or other valid authentication credential."
    message = f"Request had invalid authentication credentials. Expected {credential}"
    return ApiError(
        401, [Reason("Invalid Credentials", "authError", location="Authorization")], "UNAUTHENTICATED", message
    )


def login_required() -> ApiError:
    return ApiError(401, [Reason("Login Required.", "required", location="Authorization")], "UNAUTHENTICATED")

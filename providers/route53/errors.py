"""What botocore raises, told by the errors of the port. Imported only where botocore is.

What becomes of a request that writes depends on how far it has come: nothing has happened where it was refused, or
could not be sent; where the answer is missing, or tells of a failure of the server, nobody knows.
"""

import re
from os import environ

from botocore import exceptions as sdk
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from providers.base import (
    AuthFailedError,
    BusyError,
    CasConflictError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    ThrottledError,
    UnavailableError,
)
from providers.route53.asked import SILENT, Asked, CredentialsError

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
}
_CONFLICTS = {
    "CidrBlockInUseException",
    "CidrCollectionAlreadyExistsException",
    "CidrCollectionVersionMismatchException",
    "ConcurrentModification",
    "NoSuchCidrCollectionException",
    "NoSuchCidrLocationException",
}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "NotAuthorizedException", "UnauthorizedOperation"}
_OTHERS = re.compile(
    r"was not found|already exists|do not match the current values|with the same (DNS )?name|contain the same TTL"
)
"""Faults of a batch that tell of somebody else's change: what it removes or adds is not as it was read."""
_SKEW = re.compile(r"Signature expired|not yet current|TooSkewed")
_PERFORM = re.compile(r"not authorized to perform: (\S+)")

_HEADER, _STRAY = "Invalid header value", "check the access key and its secret for stray characters"
_RENEW = "renew the credentials: a session lasts some hours; a role or an instance profile renews itself"
_IDENTITY = {
    "ExpiredToken": _RENEW,
    "ExpiredTokenException": _RENEW,
    "RequestExpired": _RENEW,
    "TokenRefreshRequired": _RENEW,
    "InvalidClientTokenId": "check the access key: it is unknown, deleted or inactive, or lacks its session token",
    "UnrecognizedClientException": "check the access key: it is unknown, deleted or inactive",
    "InvalidAccessKeyId": "check the access key: it is unknown, deleted or inactive",
    "MissingAuthenticationToken": "give credentials: see docs/providers/route53.md",
    "MissingAuthenticationTokenException": "give credentials: see docs/providers/route53.md",
    "IncompleteSignature": _STRAY,
    "SignatureDoesNotMatch": "check the secret access key: it is not that of the access key",
    "InvalidSignatureException": "check the secret access key: it is not that of the access key",
    "RequestTimeTooSkewed": "",
    "OptInRequired": "sign up for Route 53 with this account",
}
_CLOCK = "set the clock of this machine: it differs from that of AWS by more than five minutes"
_PAGE = "docs/providers/route53.md"
_NO_CREDENTIALS = (
    f"give credentials where the AWS SDK looks for them: environment, profile, or the role of this machine; see {_PAGE}"
)
_VARIABLES = (
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)
"""say where the SDK looks for credentials"""
_REMEDIES = {
    "NoSuchHostedZone": "check zones in [providers.NAME], and whose account the credentials are for",
    "LimitsExceeded": "remove what is not needed, or ask AWS for a higher quota",
    "TooManyHostedZones": "ask AWS for a higher quota",
}
_COLLECTIONS = (
    "each zone has a collection for each set of networks: let its services have rules for the same networks, remove "
    "collections that nobody needs, or ask AWS for a higher quota (CIDR collections per account)"
)
_TLS = (
    "check the clock and, in [providers.NAME], endpoint; where a proxy or an emulator has certificates of its own, "
    "set AWS_CA_BUNDLE to the file with its authority's"
)
_NETWORK = "check the network, DNS, HTTPS_PROXY and, in [providers.NAME], endpoint"

_NOT_SENT = (sdk.EndpointConnectionError, sdk.ConnectTimeoutError, sdk.ProxyConnectionError)
_UNANSWERED = (sdk.HTTPClientError, sdk.IncompleteReadError, ResponseParserError)
_NOBODY = (
    sdk.NoCredentialsError,
    sdk.PartialCredentialsError,
    sdk.CredentialRetrievalError,
    sdk.MetadataRetrievalError,
    sdk.ProfileNotFound,
    sdk.ConfigNotFound,
    sdk.ConfigParseError,
    sdk.InvalidConfigError,
    sdk.UnknownCredentialError,
    sdk.TokenRetrievalError,
    sdk.NoAuthTokenError,
    sdk.SSOError,
    sdk.LoginError,
    sdk.RefreshWithMFAUnsupportedError,
    sdk.MissingDependencyException,
)


def translated(error: Exception, asked: Asked, *, sent: bool) -> ProviderError:
    """The error of the port that says the same.

    Args:
        error: of the SDK, or of a file, a program or an address that it looks for credentials at.
        asked: the request.
        sent: the server may have seen it.
    """
    match error:
        case ClientError():
            return _elsewhere(error, asked) or _refused(error, asked)
        case BotoCoreError() | ResponseParserError():
            return _failed(error, asked)
    text = f"{asked}: {type(error).__name__}: {error}"
    if not sent:  # the SDK passes on as it is what it meets when it looks for credentials
        return CredentialsError(text, _sources())
    return _lost(text) if asked.writes else UnavailableError(text, _NETWORK)


def _failed(error: BotoCoreError | ResponseParserError, asked: Asked) -> ProviderError:
    """There is no answer."""
    text = f"{asked}: {error}"
    match error:
        case sdk.SSLError():
            sent = "certificate verify failed" not in str(error)
            return _lost(text, _TLS) if asked.writes and sent else UnavailableError(text, _TLS)
        case _ if isinstance(error, _NOT_SENT):
            return UnavailableError(text, _NETWORK)
        case sdk.HTTPClientError() if _HEADER in str(error):
            return CredentialsError(f"{asked}: credentials with characters that cannot be sent", _STRAY)
        case _ if isinstance(error, _UNANSWERED):
            return _lost(text) if asked.writes else UnavailableError(text, _NETWORK)
        case _ if isinstance(error, _NOBODY):
            return CredentialsError(text, _NO_CREDENTIALS)
        case sdk.ParamValidationError():
            return RejectedError(text)
        case _:
            return UnavailableError(text)


def _sources() -> str:
    """What to look at: the variables that are set now, with the files that they name."""
    told = [f"{name} ({environ[name]})" if name.endswith("_FILE") else name for name in _VARIABLES if environ.get(name)]
    where = " or ".join(told) or "~/.aws/config"
    return f"correct {where}, or what it leads to: a token, a program (credential_process) or an address; see {_PAGE}"


def _lost(text: str, remedy: str = SILENT) -> OutcomeUnknownError:
    return OutcomeUnknownError(f"{text}; it may have been written", remedy)


def _answer(error: ClientError) -> tuple[str, str, int]:
    """Code, message and status of an answer; empty ones where it is in no form of AWS."""
    told = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return str(told.get("Code", "")), str(told.get("Message", "")), status


def _elsewhere(error: ClientError, asked: Asked) -> ProviderError | None:
    """Something in between refuses, a proxy say, so that nothing has come to AWS; None if AWS does."""
    code, _, status = _answer(error)
    if (code and not code.isdecimal()) or status >= 500 or status == 429:  # noqa: PLR2004  failed, or busy, whoever it is
        return None
    text = f"{asked}: {error.operation_name} is answered with status {status}, and not by AWS"
    return UnavailableError(text, _NETWORK)


def _refused(error: ClientError, asked: Asked) -> ProviderError:
    """The server, or STS before it, has answered with an error."""
    code, message, status = _answer(error)
    own = error.operation_name == asked.action
    text = f"{asked}: {'' if own else error.operation_name + ': '}{code}: {message}"
    if code == "PriorRequestNotComplete":
        return BusyError(text)
    if code in _THROTTLED or message == "Rate exceeded" or status == 429:  # noqa: PLR2004  Too Many Requests
        return ThrottledError(text)
    if code in _IDENTITY:
        return CredentialsError(text, _CLOCK if _SKEW.search(f"{code} {message}") else _IDENTITY[code])
    if code in _FORBIDDEN:
        return AuthFailedError(text, _permission(error, message))
    if status >= 500:  # noqa: PLR2004  the server has failed
        return _lost(text) if asked.writes and own else UnavailableError(text, SILENT)
    if code in _CONFLICTS or (code == "InvalidChangeBatch" and _OTHERS.search(message)):
        return CasConflictError(text)
    if code == "LimitsExceeded" and error.operation_name == "CreateCidrCollection":
        return RejectedError(text, _COLLECTIONS)
    return RejectedError(text, _REMEDIES.get(code, ""))


def _permission(error: ClientError, message: str) -> str:
    """What to do about an action that is not allowed."""
    if error.operation_name == "AssumeRole":
        return "allow sts:AssumeRole on the role, name who assumes it in its trust policy, and check external_id"
    found = _PERFORM.search(message)
    action = found[1] if found else f"route53:{error.operation_name}"
    return f"allow {action} in the IAM policy of these credentials; see docs/providers/route53.md"

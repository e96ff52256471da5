"""Refusals: a code, a message and an HTTP status, in the XML that botocore makes its modelled exceptions of."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"


@dataclass(slots=True)
class ApiError(Exception):
    """A request is refused.

    Attributes:
        code: of AWS: ``InvalidChangeBatch``.
        message: for people; made of ``messages`` where there are several.
        status: of HTTP.
        messages: one for each fault of a batch.
    """

    code: str
    message: str
    status: int = 400
    messages: tuple[str, ...] = ()

    def xml(self, request_id: str) -> str:
        """As Route 53 sends it; a batch's messages are listed besides."""
        root = Element("ErrorResponse", xmlns=NAMESPACE)
        error = SubElement(root, "Error")
        SubElement(error, "Type").text = "Sender" if self.status < 500 else "Receiver"
        SubElement(error, "Code").text = self.code
        SubElement(error, "Message").text = self.message
        if self.messages:
            _list(root, self.messages)
        SubElement(root, "RequestId").text = request_id
        return tostring(root, encoding="unicode")


def _list(parent: Element, messages: tuple[str, ...]) -> None:
    listed = SubElement(parent, "Messages")
    for message in messages:
        SubElement(listed, "Message").text = message


def invalid_batch(*messages: str) -> ApiError:
    """The batch as a whole is refused, for these reasons."""
    return ApiError("InvalidChangeBatch", f"[{', '.join(messages)}]", messages=messages)


def invalid_input(message: str) -> ApiError:
    """The request does not have the form that the API wants."""
    return ApiError("InvalidInput", message)


def out_of_bounds(value: object, member: str, constraint: str) -> ApiError:
    """A value outside of what the API's model allows; ``member`` is its path there."""
    what = f"1 validation error detected: Value '{value}' at '{member}'"
    return invalid_input(f"{what} failed to satisfy constraint: Member must {constraint}")


def no_zone(zone: str) -> ApiError:
    return ApiError("NoSuchHostedZone", f"No hosted zone found with ID: {zone}", 404)


def no_change(change: str) -> ApiError:
    return ApiError("NoSuchChange", f"Could not find resource with ID: {change}", 404)


def prior_request() -> ApiError:
    text = "The request was rejected because Route 53 was still processing a prior request."
    return ApiError("PriorRequestNotComplete", text)


def throttling() -> ApiError:
    return ApiError("Throttling", "Rate exceeded")


def unavailable(status: int = 503) -> ApiError:
    code = "ServiceUnavailable" if status == 503 else "InternalFailure"
    return ApiError(code, "The request has failed due to a temporary failure of the server.", status)


def access_denied(action: str = "ChangeResourceRecordSets", resource: str = "*") -> ApiError:
    user = "arn:aws:iam::123456789012:user/reader"
    return ApiError(
        "AccessDenied",
        f"User: {user} is not authorized to perform: route53:{action} on resource: {resource} because no "
        f"identity-based policy allows the route53:{action} action",
        403,
    )


def expired_token() -> ApiError:
    return ApiError("ExpiredToken", "The security token included in the request is expired", 403)


def unknown_key() -> ApiError:
    return ApiError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)


def wrong_signature() -> ApiError:
    return ApiError(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.",
        403,
    )


def skewed(signed: str, earliest: str, now: str) -> ApiError:
    """The request was signed too long ago, by the server's clock; times as in ``X-Amz-Date``."""
    return ApiError(
        "SignatureDoesNotMatch", f"Signature expired: {signed} is now earlier than {earliest} ({now} - 5 min.)", 403
    )

"""STS, as far as a client asks it who it is."""

from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.fakes.route53.call import Reply
from tests.fakes.route53.errors import ApiError

ACCOUNT = "123456789012"
CALLER = "GetCallerIdentity"
_ANSWER = """\
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/{user}</Arn><UserId>{user}</UserId><Account>{account}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>sts</RequestId></ResponseMetadata></GetCallerIdentityResponse>
"""


def caller_identity(key: str, body: bytes) -> Reply:
    """Who has signed; the user is named like the key.

    Raises:
        ApiError: something else is asked for.
    """
    action = parse_qs(body.decode()).get("Action", [""])[0]
    if action != CALLER:
        raise ApiError("InvalidAction", f"Could not find operation {action}")
    return Reply(_ANSWER.format(account=ACCOUNT, user=escape(key)))

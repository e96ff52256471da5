"""STS, as far as a client asks it who it is, and for the credentials of a role."""

import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.fakes.route53.call import Reply
from tests.fakes.route53.errors import ApiError
from tests.fakes.route53.signature import Access

ACCOUNT = "123456789012"
_SESSION = timedelta(hours=1)
_ANSWER = """\
<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>sts</RequestId></ResponseMetadata></{action}Response>
"""


def answered(access: Access, key: str, body: bytes) -> Reply:
    """The answer to a request that ``key`` has signed.

    Raises:
        ApiError: something else is asked for, or a role that ``key`` may not assume.
    """
    asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    match asked.get("Action", ""):
        case "GetCallerIdentity" as action:
            result = _identity(key)
        case "AssumeRole" as action:
            result = _session(access, key, asked)
        case other:
            raise ApiError("InvalidAction", f"Could not find operation {other}")
    return Reply(_ANSWER.format(action=action, result=result))


def _identity(key: str) -> str:
    """Users are named like their keys."""
    user = escape(key)
    return f"<Arn>arn:aws:iam::{ACCOUNT}:user/{user}</Arn><UserId>{user}</UserId><Account>{ACCOUNT}</Account>"


def _session(access: Access, key: str, asked: dict[str, str]) -> str:
    role = asked.get("RoleArn", "")
    if access.roles.get(role) != asked.get("ExternalId", ""):
        user = f"arn:aws:iam::{ACCOUNT}:user/{key}"
        why = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}"
        raise ApiError("AccessDenied", why, 403)
    own = f"ASIA{secrets.token_hex(8).upper()}"
    secret, token = secrets.token_hex(20), secrets.token_hex(20)
    if access.secrets is not None:
        access.secrets[own] = secret
    name = escape(asked.get("RoleSessionName", ""))
    until = (datetime.now(UTC) + _SESSION).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"<AssumedRoleUser><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/{escape(role.rpartition('/')[2])}/{name}</Arn>"
        f"<AssumedRoleId>AROA:{name}</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{own}</AccessKeyId>"
        f"<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>"
        f"<Expiration>{until}</Expiration></Credentials>"
    )

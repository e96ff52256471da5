"""Who may change things: whoever can read the token file. And who may ask at all: not a web page in disguise."""

import hmac
import secrets
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gslb.errors import StateError
from gslb.files import replace_file

READING = ("GET", "HEAD")


def read_token(file: Path) -> str:
    """The token in ``file``, which is made (mode 0600) where it does not exist or is empty.

    Raises:
        StateError: it cannot be read or made, or others may read it.
    """
    try:
        if not file.exists() or not file.stat().st_size:
            replace_file(file, secrets.token_urlsafe(32).encode())
        if file.stat().st_mode & 0o077:
            raise StateError(str(file), "others may read the API token", f"run: chmod 600 {file}")
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise StateError(str(file), f"API token: {reason}", "delete it; a new one is made at the next start") from None
    if not token:
        raise StateError(str(file), "the API token is blank", "delete it; a new one is made at the next start")
    return token


def guard(token: str) -> Middleware:
    """Middleware: the Host header names this machine, and what is not reading carries the token."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _local(request.host):
            # A page whose name was re-bound to 127.0.0.1 still sends its own name.
            raise web.HTTPForbidden(text=f"host {request.host!r} is not this machine")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if request.method not in READING and not hmac.compare_digest(
            given.encode("utf-8", "surrogateescape"), token.encode()
        ):
            raise web.HTTPUnauthorized(
                text="this needs the API token", headers={"WWW-Authenticate": 'Bearer realm="gslb"'}
            )
        return await handler(request)

    return check


def _local(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host.partition("]")[0].lstrip("[")
    if name in ("localhost", "gslb"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False

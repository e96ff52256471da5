"""The secret that a node makes DNS cookies with where its configuration names none."""

import secrets
from pathlib import Path

import structlog

from gslb.files import replace_file
from gslb.nameserver.cookies import SECRET_SIZE

log = structlog.get_logger(__name__)

FILE = "cookie.secret"


def own_cookie_secret(run_folder: Path) -> str:
    """In hexadecimal digits; made anew where there is none. All that is lost with it is that clients ask again."""
    file = run_folder / FILE
    try:
        found = file.read_text("ascii").strip()
        if len(bytes.fromhex(found)) == SECRET_SIZE:
            return found
    except (OSError, ValueError):
        log.debug("no cookie secret yet", file=str(file))
    made = secrets.token_hex(SECRET_SIZE)
    try:
        replace_file(file, made.encode())
    except OSError as error:
        log.warning("cookie secret not kept", file=str(file), reason=str(error))
    return made

"""Posts JSON to a receiver, signed.

Gslb-Id          stays the same over retries
Gslb-Timestamp   seconds since 1970, of this attempt
Gslb-Signature   v1=HEX, the HMAC-SHA256 (RFC 2104) of timestamp, a dot and the body
"""

import asyncio
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from gslb.config.receivers import ReceiverOptions, read_secret
from gslb.control.notify.text import first_line
from gslb.errors import GslbError

MOST_READ = 4096
"""Octets of a response that are read."""


class PostError(GslbError):
    """There was no response; ``late``: not in time."""

    def __init__(self, reason: str, *, late: bool = False) -> None:
        self.late = late
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver said.

    Attributes:
        status: HTTP status.
        text: the first line of the body, as can be shown on a terminal.
        after: seconds that it asks to be left alone (RFC 9110, section 10.2.3); None where it does not.
    """

    status: int
    text: str
    after: float | None

    @property
    def ok(self) -> bool:
        """It has taken it."""
        return 200 <= self.status < 300  # noqa: PLR2004  RFC 9110, section 15.3

    def __str__(self) -> str:
        """For people."""
        return f"HTTP {self.status}{f': {self.text}' if self.text else ''}"


class Poster:
    """Posts to one receiver, on a connection of its own each time.

    Args:
        options: who that is.
        clock: seconds since 1970.
    """

    def __init__(self, options: ReceiverOptions, clock: Callable[[], float] = time.time) -> None:
        self._options, self._clock = options, clock
        self._context: ssl.SSLContext | None = None

    async def post(self, identity: str, document: Any, limit: float, headers: Mapping[str, str] | None = None) -> Reply:
        """Post ``document``.

        Args:
            identity: for ``Gslb-Id``.
            document: plain data.
            limit: seconds for all of it.
            headers: further ones.

        Raises:
            PostError: it could not be sent, or nothing came back.
        """
        body = json.dumps(document, ensure_ascii=False).encode()
        try:
            async with asyncio.timeout(limit):
                key, context = await asyncio.to_thread(self._prepared)
                signed = self._headers(identity, body, key) | dict(headers or {})
                return await self._exchange(body, signed, context)
        except TimeoutError:
            raise PostError(f"no answer within {limit:g} s", late=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PostError(str(error) or type(error).__name__) from error

    async def _exchange(self, body: bytes, headers: Mapping[str, str], context: ssl.SSLContext | None) -> Reply:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, ssl=context or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
            session.post(self._options.url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            text = (await response.content.read(MOST_READ)).decode("utf-8", "replace")
            after = _after(response.headers.get("Retry-After"), self._clock())
            return Reply(response.status, first_line(text), after)

    def _prepared(self) -> tuple[str | None, ssl.SSLContext | None]:
        """The key to sign with and the context of TLS; both are read from files, so in a thread."""
        options = self._options
        if self._context is None and options.url.startswith("https:"):
            self._context = ssl.create_default_context(cafile=options.ca_file)
        return (read_secret(options.secret_file) if options.secret_file else options.secret), self._context

    def _headers(self, identity: str, body: bytes, key: str | None) -> dict[str, str]:
        stamp = str(int(self._clock()))
        made = {"Content-Type": "application/json", "User-Agent": "gslb"}
        given = {name.lower() for name in self._options.headers}
        made = {name: value for name, value in made.items() if name.lower() not in given}
        signed = {} if key is None else {"Gslb-Signature": f"v1={sign(key, stamp, body)}"}
        return made | self._options.headers | {"Gslb-Id": identity, "Gslb-Timestamp": stamp} | signed


def sign(key: str, stamp: str, body: bytes) -> str:
    """The HMAC-SHA256 of ``stamp``, a dot and ``body``, in hexadecimal digits."""
    return hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _after(text: str | None, now: float) -> float | None:
    """Seconds in a Retry-After header: a number of them, or a date."""
    if text is None:
        return None
    if text.strip().isdecimal() and text.isascii():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.fromtimestamp(now, UTC)).total_seconds())

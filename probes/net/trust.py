"""TLS as probes are told to speak it: whom to trust, what to present, and for how long to resume a session."""

import ssl
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Self

import structlog
from pydantic import Field, model_validator

from gslb.model.options import Duration, Options, PathText

if TYPE_CHECKING:
    from probes.net.secure import SecureConnection

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at whether files have changed."""
MAX_CONTEXTS = 256

ServerName = Annotated[
    str,
    Field(
        max_length=253, pattern=r"^((([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?)|([0-9A-Fa-f]*:[0-9A-Fa-f:.]*))$"
    ),
]
"""A host name, or an address without brackets."""


class TlsOptions(Options):
    """How a probe speaks TLS."""

    verify: Annotated[bool, Field(description="whether the certificate must be valid and of this name")] = True
    name: Annotated[
        ServerName | None,
        Field(description="name for SNI and in the certificate; default: the Host header, or the endpoint's host"),
    ] = None
    ca: Annotated[PathText | None, Field(description="PEM file of trusted authorities; default: the system's")] = None
    certificate: Annotated[
        PathText | None,
        Field(description="PEM file with the client certificate to present; read again when it changes"),
    ] = None
    key: Annotated[PathText | None, Field(description="its key; default: in the same file")] = None
    resume: Annotated[
        Duration,
        Field(description="how long a session is resumed before the certificate is asked for again; 0s: never"),
    ] = 0.0

    @model_validator(mode="after")
    def _files_can_be_used(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise ValueError("key is given without certificate; add the certificate that it belongs to")
        if self.ca or self.certificate:
            make_context(self)
        return self


def make_context(options: TlsOptions, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """A client's context.

    Raises:
        ValueError: a file cannot be used; says which, and why.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(
            f"{options.ca} cannot be used: {_reason(error)}; ca needs a PEM file of certificates"
        ) from None
    if not options.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if options.certificate is not None:
        try:
            context.load_cert_chain(options.certificate, options.key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            files = " and ".join(str(file) for file in (options.certificate, options.key) if file)
            remedy = "certificate and key need PEM files that belong together, the key without a password"
            raise ValueError(f"{files} cannot be used: {_reason(error)}; {remedy}") from None
    return context


def _no_password() -> str:
    """Never asks on a terminal."""
    return ""


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or str(error)


class Trust:
    """The context of some options, made anew when a file has changed. A changed file that cannot be used is not."""

    def __init__(self, options: TlsOptions, alpn: tuple[str, ...] = ()) -> None:
        self.options = options
        self._alpn = alpn
        self._files = [file for file in (options.ca, options.certificate, options.key) if file]
        self._looked, self._seen = monotonic(), self._stamps()
        self._context = make_context(options, alpn)

    def context(self) -> ssl.SSLContext:
        """The newest that works."""
        now = monotonic()
        if self._files and now - self._looked >= LOOK_EVERY:
            self._looked = now
            seen = self._stamps()
            if seen != self._seen:
                self._seen = seen
                self._reload()
        return self._context

    def _reload(self) -> None:
        try:
            self._context = make_context(self.options, self._alpn)
        except ValueError as error:
            log.warning("changed TLS files cannot be used, going on with the former ones", reason=str(error))
        else:
            log.info("TLS files read again", files=[str(file) for file in self._files])

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(file) for file in self._files]


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(maxsize=MAX_CONTEXTS)
def trust_of(options: TlsOptions, alpn: tuple[str, ...] = ()) -> Trust:
    """The one Trust of these options: a context holds all of the system's authorities, so targets share it."""
    return Trust(options, alpn)


class Ticket:
    """The TLS session with one target, to be resumed.

    A resumed handshake is cheap, and shows no certificate (RFC 8446, section 2.2). So after ``lifetime`` seconds there
    is a full one again, or a certificate that has expired would never be seen.
    """

    def __init__(self, lifetime: float) -> None:
        self.lifetime = lifetime
        self._context: ssl.SSLContext | None = None
        self._session: ssl.SSLSession | None = None
        self._full_at = 0.0

    def session(self, context: ssl.SSLContext) -> ssl.SSLSession | None:
        """What to resume; None for a full handshake."""
        fresh = context is self._context and monotonic() - self._full_at < self.lifetime
        return self._session if fresh else None

    def keep(self, connection: "SecureConnection") -> None:
        """Remember the session of a connection that has served well."""
        session = connection.session
        if not self.lifetime or session is None or not session.has_ticket:
            return
        if not connection.resumed:
            self._full_at = monotonic()
        self._context, self._session = connection.context, session

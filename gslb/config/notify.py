"""[notify.NAME]: who is told of what happens, and how."""

from collections.abc import Iterable
from email.headerregistry import Address as MailAddress
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gslb.config.faults import shown, suggest
from gslb.config.reader import Reader
from gslb.config.receivers import (
    Glob,
    ReceiverOptions,
    Secret,
    check_authorities,
    check_receiver,
    check_secret_file,
)
from gslb.model.event import EventName, Severity, concerned
from gslb.model.names import ServiceName
from gslb.model.options import CONFIDENTIAL, Options, PathText, PositiveDuration

PLACES = (
    *("id", "event", "at", "severity", "text", "service", "services", "region", "endpoint", "details"),
    *("node", "lost"),
)
"""Names that the template of a webhook may have places for."""

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_DEFAULT: list[EventName] = [name for name in EventName if name is not EventName.ORDER]


def _one_mailbox(text: str) -> str:
    try:
        right = MailAddress(addr_spec=text).domain and text.isascii() and text.isprintable()
    except Exception:  # noqa: BLE001  it raises what its parser happens to, IndexError too
        right = False
    if not right:
        raise ValueError(f"{text!r} is no mail address; write one such as oncall@example.com")
    return text


def _one_of(kind: type[StrEnum], value: object) -> StrEnum:
    found = next((member for member in kind if member == value), None)
    if found is None:
        raise ValueError(f"{shown(value)} is none of them; {suggest(str(value), map(str, kind))}")
    return found


Mailbox = Annotated[str, Field(max_length=254), AfterValidator(_one_mailbox)]
EventText = Annotated[EventName, BeforeValidator(lambda value: _one_of(EventName, value))]
SeverityText = Annotated[Severity, BeforeValidator(lambda value: _one_of(Severity, value))]


class ChannelSection(Options):
    """Who is told of what."""

    events: Annotated[
        list[EventText], Field(min_length=1, description="what is told; default: everything but orders")
    ] = _DEFAULT
    severity: Annotated[SeverityText, Field(description="least severity that is told")] = Severity.INFO
    services: Annotated[
        list[Glob], Field(min_length=1, max_length=1000, description="services that are told of, names or globs")
    ] = ["*"]  # noqa: RUF012  pydantic copies it


class WebhookSection(ChannelSection, ReceiverOptions):
    """A receiver over HTTP, one request for each event."""

    type: Annotated[Literal["webhook"], Field(description="webhook")]
    timeout: Annotated[PositiveDuration, Field(le=60.0, description="longest that one request takes")] = 5.0


class EmailSection(ChannelSection):
    """A mail server, with one message for all events that wait."""

    type: Annotated[Literal["email"], Field(description="email")]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$", description="the mail server")]
    port: Annotated[
        int | None, Field(ge=1, le=65535, description="its port; default: 587 for starttls, 465 for tls, 25 for none")
    ] = None
    tls: Annotated[
        Literal["starttls", "tls", "none"], Field(description="how the connection is protected; starttls is required")
    ] = "starttls"
    sender: Annotated[Mailbox, Field(description="whom messages are from")]
    to: Annotated[list[Mailbox], Field(min_length=1, max_length=100, description="whom they go to")]
    user: Annotated[str | None, Field(min_length=1, max_length=254, description="name to log in with")] = None
    password: Annotated[
        Secret | None, CONFIDENTIAL, Field(repr=False, description='password, as in "${SMTP_PASSWORD}"')
    ] = None
    password_file: Annotated[
        PathText | None, Field(description="file with the password instead, read anew for each message")
    ] = None
    ca_file: Annotated[
        PathText | None, Field(description="PEM file of the authorities to trust; default: the system's")
    ] = None
    timeout: Annotated[PositiveDuration, Field(le=300.0, description="longest that one message takes")] = 20.0

    @property
    def number(self) -> int:
        """The port."""
        return self.port or _PORTS[self.tls]

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.password and self.password_file:
            raise ValueError("has both password and password_file; keep one of them")
        if bool(self.user) != bool(self.password or self.password_file):
            raise ValueError("has one of user and password without the other; give both, or none")
        if self.tls == "none" and (self.user or self.ca_file):
            raise ValueError('has a user or a ca_file with tls = "none"; use "starttls" or "tls"')
        return self


Section = WebhookSection | EmailSection
TYPES: dict[str, type[Section]] = {"webhook": WebhookSection, "email": EmailSection}


def read_notify(reader: Reader, *, kept: bool) -> dict[str, Section]:
    """The channels by name, those without faults.

    Args:
        reader: collects the faults.
        kept: they were accepted before, so that a missing file is no reason not to start.
    """
    found: dict[str, Section] = {}
    for name, table in reader.tables("notify").items():
        kind = table.get("type")
        if not isinstance(kind, str) or kind not in TYPES:
            message = "is missing" if kind is None else f"no notification of type {kind!r}"
            reader.fault(("notify", name, "type"), message, suggest(str(kind or ""), TYPES))
            continue
        section = reader.parse(TYPES[kind], table, ("notify", name))
        if section is not None:
            found[name] = section
            _check_files(reader, name, section, kept=kept)
    return found


def _check_files(reader: Reader, name: str, section: Section, *, kept: bool) -> None:
    at = ("notify", name)
    if isinstance(section, WebhookSection):
        check_receiver(reader, at, section, PLACES, kept=kept)
    elif not kept:
        check_secret_file(reader, (*at, "password_file"), section.password_file)
        check_authorities(reader, (*at, "ca_file"), section.ca_file)


def check_services(
    reader: Reader, at: tuple[str | int, ...], patterns: Iterable[str], services: Iterable[ServiceName]
) -> None:
    """Every pattern stands for a service."""
    names = list(services)
    for pattern in patterns:
        if pattern != "*" and not concerned([pattern], names):
            known = [name.removesuffix(".") for name in names]
            reader.fault((*at, "services"), f"{pattern!r} stands for no service", suggest(pattern, known))

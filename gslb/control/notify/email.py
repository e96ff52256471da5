"""E-mail: one message for all events that wait, handed to a mail server by a thread that nobody waits for."""

import asyncio
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime

import structlog

from gslb.config.notify import EmailSection
from gslb.config.receivers import read_secret
from gslb.control.notify.text import printable
from gslb.control.notify.waiting import UndeliveredError, Waiting
from gslb.model.event import Event

log = structlog.get_logger(__name__)

SUBJECT = 150
"""characters"""

_PERMANENT = 500
"""Replies from here on say that the same message will not be taken later either (RFC 5321, section 4.2.1)."""


class EmailSender:
    """Hands messages of one channel to its mail server, one at a time.

    Args:
        options: of the channel.
        node: name of this controller.
    """

    most = 100

    def __init__(self, options: EmailSection, node: str) -> None:
        self._options, self._node = options, node
        self._attempt: _Attempt | None = None

    async def deliver(self, waiting: Sequence[Waiting], lost: int) -> None:
        """See Sender."""
        if self._attempt is not None and self._attempt.is_alive():
            raise UndeliveredError("the attempt before has not come to its end yet")
        message = compose(self._options, self._node, waiting, lost)
        ended: asyncio.Future[UndeliveredError | None] = asyncio.get_running_loop().create_future()
        self._attempt = attempt = _Attempt(self._options, message, _teller(ended))
        attempt.start()
        try:
            async with asyncio.timeout(self._options.timeout):  # unlike wait_for, it never swallows a cancellation
                failure = await ended
        except TimeoutError:
            raise UndeliveredError(f"not taken within {self._options.timeout:g} s") from None
        finally:
            attempt.hang_up()
        if failure is not None:
            raise failure


def _teller(ended: "asyncio.Future[UndeliveredError | None]") -> Callable[[UndeliveredError | None], None]:
    """What a thread may call to set ``ended``."""
    loop = asyncio.get_running_loop()

    def settle(failure: UndeliveredError | None) -> None:
        if not ended.done():
            ended.set_result(failure)

    def tell(failure: UndeliveredError | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            loop.call_soon_threadsafe(settle, failure)

    return tell


class _Attempt(threading.Thread):
    """One conversation with the mail server. A daemon, so that one that hangs does not keep the process alive."""

    def __init__(
        self, options: EmailSection, message: EmailMessage, tell: Callable[[UndeliveredError | None], None]
    ) -> None:
        super().__init__(name="mail", daemon=True)
        self._options, self._message, self._tell = options, message, tell
        self._smtp: smtplib.SMTP | None = None

    def run(self) -> None:
        """Hand the message over, and tell what came of it."""
        failure: UndeliveredError | None = None
        try:
            self._send()
        except Exception as error:  # noqa: BLE001  whatever it is, who waits must be told
            failure = _failure(error)
        self._tell(failure)

    def hang_up(self) -> None:
        """End the conversation, wherever it is."""
        line = self._smtp.sock if self._smtp is not None else None
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _send(self) -> None:
        options = self._options
        password = read_secret(options.password_file) if options.password_file else options.password
        with self._connected() as smtp:
            self._smtp = smtp
            if options.tls == "starttls":
                smtp.starttls(context=self._context())
            if options.user is not None and password is not None:
                smtp.login(options.user, password)
            refused = smtp.send_message(self._message, options.sender, options.to)
        if refused:
            log.error("mail is not taken for some", refused=_refusals(refused))

    def _connected(self) -> smtplib.SMTP:
        host, port, timeout = self._options.host, self._options.number, self._options.timeout
        if self._options.tls == "tls":
            return smtplib.SMTP_SSL(host, port, _own_name(), timeout=timeout, context=self._context())
        return smtplib.SMTP(host, port, _own_name(), timeout=timeout)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._options.ca_file)


def _own_name() -> str:
    """The name to greet with, without asking a resolver; an address where it is not full (RFC 5321, section 4.1.3)."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


def _failure(error: Exception) -> UndeliveredError:
    """What ``error`` means for the message."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return UndeliveredError(_refusals(error.recipients), again=any(code < _PERMANENT for code in codes))
    if isinstance(error, smtplib.SMTPResponseException):
        said = _said(error.smtp_code, error.smtp_error)
        return UndeliveredError(said, again=error.smtp_code < _PERMANENT)
    return UndeliveredError(printable(str(error)) or type(error).__name__)


def _refusals(recipients: Mapping[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{who}: {_said(code, text)}" for who, (code, text) in recipients.items())


def _said(code: int, text: str | bytes) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return printable(f"{code} {words}")


def compose(options: EmailSection, node: str, waiting: Sequence[Waiting], lost: int) -> EmailMessage:
    """One message that tells of all events in ``waiting``, and that ``lost`` before them will never be told of."""
    message = EmailMessage()
    newest, worst = waiting[-1].event, max((each.event for each in waiting), key=lambda event: event.severity.rank)
    more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
    domain = options.sender.rpartition("@")[2]
    message["From"], message["To"] = options.sender, ", ".join(options.to)
    message["Subject"] = f"[gslb {node}] {worst.severity}: {printable(worst.text)[:SUBJECT]}{more}"
    message["Date"] = format_datetime(newest.at_utc)
    message["Message-ID"] = f"<{waiting[0].id}.{len(waiting)}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes in return
    told = [f"{lost} earlier events are lost: too many were waiting.\n"] if lost else []
    message.set_content("\n".join([*told, *(_paragraph(each.event) for each in waiting)]))
    return message


def _paragraph(event: Event) -> str:
    lines = [f"{event.at_utc:%Y-%m-%d %H:%M:%S} UTC  {event.severity}  {event.name}", f"  {printable(event.text)}"]
    if event.services:
        lines.append(f"  services: {', '.join(event.services)}")
    return "\n".join(lines) + "\n"

"""Whom notifications and hooks are sent to: an HTTP receiver and a mail server, on loopback."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry

from gslb.config.notify import TYPES, Section
from gslb.control.notify.channel import Pace
from gslb.control.notify.notifier import Notifier
from gslb.model.names import VantageName
from gslb.model.record import DoubtRecord
from tests.control.loops import running

HOST = "127.0.0.1"
AT = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
BRISK = Pace(first=0.01, most=0.05, most_asked=0.05)


def doubt(number: int) -> DoubtRecord:
    """A record that is told of; ``number`` tells it apart."""
    return DoubtRecord(AT, VantageName(f"v{number}"), "no reference answers")


@dataclass(frozen=True, slots=True)
class Got:
    """One request."""

    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def number(self) -> int:
        """Of the doubt that it tells of."""
        return int(self.document["details"]["vantage"].removeprefix("v"))


@dataclass(slots=True)
class Receiver:
    """Takes requests. ``reply`` makes each answer from the number of the request; None: no answer at all."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    reply: Callable[[int], web.Response | None] = lambda _: web.Response()
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}/hook"

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append(Got(dict(request.headers), body, asyncio.get_running_loop().time()))
        reply = self.reply(len(self.got) - 1)
        if reply is None:
            await asyncio.sleep(3600)
        return reply or web.Response()

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None = None) -> AsyncIterator["Receiver"]:
        app = web.Application()
        app.router.add_post("/{path:.*}", self.take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, HOST, self.port, ssl_context=context, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        self.scheme = "http" if context is None else "https"
        try:
            yield self
        finally:
            await runner.cleanup()


def webhook(receiver: Receiver, **options: Any) -> Section:
    return section({"type": "webhook", "url": receiver.url, "timeout": "5s", **options})


def section(table: dict[str, Any]) -> Section:
    return TYPES[table["type"]].model_validate(table)


@dataclass(slots=True)
class Told:
    """A notifier with a registry of its own."""

    notifier: Notifier
    registry: CollectorRegistry

    def count(self, channel: str, outcome: str) -> float:
        labels = {"channel": channel, "outcome": outcome}
        return self.registry.get_sample_value("gslb_notifications_total", labels) or 0.0

    def waiting(self, channel: str) -> float | None:
        return self.registry.get_sample_value("gslb_notifications_waiting", {"channel": channel})


def make(folder: Path, pace: Pace = BRISK, /, **channels: Section) -> Told:
    registry = CollectorRegistry()
    return Told(Notifier(channels, "istanbul-1", folder / "notify", registry, pace, save_every=0.01), registry)


@asynccontextmanager
async def telling(folder: Path, pace: Pace = BRISK, /, **channels: Section) -> AsyncIterator[Told]:
    told = make(folder, pace, **channels)
    async with running(told.notifier.run()):
        await asyncio.sleep(0)  # a task that never began has no way out either
        yield told


@dataclass(slots=True)
class MailServer:
    """Speaks enough SMTP (RFC 5321) to take messages.

    Attributes:
        answers: instead of the usual answer to a verb; ``RCPT who`` for one recipient, ``GREETING`` for the first line.
        context: for STARTTLS, or for the whole connection.
        silent: takes connections and never says a word.
    """

    answers: dict[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    silent: bool = False
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self, *, whole: bool = False) -> AsyncIterator["MailServer"]:
        server = await asyncio.start_server(self._accept, HOST, self.port, ssl=self.context if whole else None)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError, EOFError):
                await self._talk(reader, writer)
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            await asyncio.sleep(3600)
        await self._say(writer, self.answers.get("GREETING", "220 here"))
        while line := (await reader.readline()).decode().strip():
            verb = line.split(" ")[0].upper()
            self.verbs.append(verb)
            who = line.partition("<")[2].partition(">")[0]
            special = self.answers.get(f"{verb} {who}") or self.answers.get(verb)
            if special:
                await self._say(writer, special)
            elif verb == "EHLO":
                secure = writer.get_extra_info("ssl_object") is not None
                offered = "250-AUTH PLAIN" if secure or not self.context else "250-STARTTLS"
                await self._say(writer, "250-here", offered, "250 8BITMIME")
            elif verb == "STARTTLS":
                await self._say(writer, "220 go on")
                assert self.context is not None
                await writer.start_tls(self.context)
            elif verb == "AUTH":
                _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                self.logins.append((user, password))
                await self._say(writer, "235 welcome")
            elif verb == "DATA":
                await self._say(writer, "354 go on")
                body = await reader.readuntil(b"\r\n.\r\n")
                message = message_from_bytes(body[:-3], policy=policy.default)
                assert isinstance(message, EmailMessage)
                self.mails.append(message)
                await self._say(writer, "250 taken")
            elif verb == "QUIT":
                await self._say(writer, "221 bye")
                return
            else:
                self.recipients += [who] if verb == "RCPT" else []
                await self._say(writer, "250 ok")

    @staticmethod
    async def _say(writer: asyncio.StreamWriter, *lines: str) -> None:
        writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await writer.drain()


def email(server: MailServer, **options: Any) -> Section:
    table = {"type": "email", "host": HOST, "port": server.port, "tls": "none", "timeout": "10s"}
    return section({**table, "sender": "gslb@example.com", "to": ["oncall@example.com"], **options})
